"""Apps in PHP: what Composer reads, and what of the host's has no place in the image."""

from __future__ import annotations

import re
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.catalog.composer import reads_no_sources
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts.composer import composer
from dockfix.facts.files import join
from dockfix.model import Purpose
from dockfix.model.commands import purpose
from dockfix.model.config import covers
from dockfix.recipes import packages, vendored
from dockfix.recipes.manifests import WITHOUT_PROJECT, Reading, folder_of
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    build_variables,
    check_common,
    first_line,
    is_root,
    listed,
    spaced,
    spare,
    stage_name,
    used,
)
from dockfix.transform import Safety

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockfix.model import Invocation, Model, StageModel, Step

SETTINGS = ("composer.lock", "symfony.lock", "auth.json")

SWITCHES = "/usr/local/etc/php/conf.d"
EXTENSIONS = ("/usr/local/lib/php/extensions", SWITCHES)
"""Where PHP's images keep extensions, and the files that switch them on:
https://github.com/docker-library/php/blob/master/docker-php-ext-enable"""
COMPILERS = frozenset(
    {"docker-php-ext-install", "docker-php-ext-configure", "docker-php-ext-enable", "docker-php-source", "pecl"}
)
"""What writes to these folders, and to the sources of PHP, alone."""


def split(model: Model) -> Split | None:
    """Extensions compiled in a builder, and an end with their libraries; ``None`` where there are no build tools.

    Raises:
        NoGainError: on Debian, where the image itself keeps compilers and headers of PHP.
        UnfitError: something stands in the way.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "php":
        return None
    tools = packages.build_tools(stage.steps)
    if not tools:
        return vendored.split(model)
    if stage.manager == "apt" and model.options.split != "always":
        return _vendored(model, tools)
    check_common(model, kept=EXTENSIONS[0])
    compiling = [step for step in stage.steps if _compiles(step)]
    if not compiling:
        step = next(step for step in stage.steps if packages.build_tools([step]))
        raise UnfitError(step.instruction, f"what {listed(tools)} serves is not known")
    cut = stage.steps.index(compiling[-1]) + 1
    for step in stage.steps[:cut]:
        _check(stage, step)
    system = {
        step.instruction.index: _system(model, stage, step)
        for step in stage.steps
        if step in compiling or Purpose.PACKAGES in step.purposes
    }
    needed = {name for _, name in packages.needed(model, stage, stage.steps)}
    spared = [name for name in tools if name not in needed]
    if not spared:
        raise UnfitError(compiling[0].instruction, f"which libraries {listed(tools)} stands for is not recorded")
    builder, end = _builder(model, compiling, cut), _end(model, compiling[-1], system)
    kept = {item.instruction.index for item in (*builder, *end) if isinstance(item, Keep)}
    verb = "is" if len(spared) == 1 else "are"
    return Split(
        (spaced(model.document, builder), spaced(model.document, end)),
        f"{listed(spared)} {verb} needed only while extensions are compiled; the image that runs has their libraries",
        {},
        {
            each.instruction.index: "the builder's work is done"
            for each in compiling
            if each.instruction.index not in kept
        },
        safety=Safety.REVIEW,
    )


def _vendored(model: Model, tools: Sequence[str]) -> Split:
    """Only Composer taken out, where the image keeps compilers.

    Raises:
        NoGainError: nothing else would go.
        UnfitError: something stands in the way.
    """
    keeps = f"{listed(tools)} would go, but the image of PHP keeps compilers of its own"
    try:
        found = vendored.split(model)
    except NoGainError as reason:
        raise NoGainError(f"{keeps}, and {reason}") from None
    if found is None:
        raise NoGainError(keeps)
    return found


def _compiles(step: Step) -> bool:
    return any(basename(command.name) in COMPILERS for command in (step.script.commands if step.script else ()))


def _check(stage: StageModel, step: Step) -> None:
    """Refuse what writes to the folders of extensions in another way, or does more in a RUN that compiles them."""
    instruction = step.instruction
    if instruction.copy is not None and any(_meets(stage, step, place) for place in (*EXTENSIONS, "/usr/src/php")):
        raise UnfitError(instruction, "what is copied here, and what compiles extensions, write to the same folder")
    if step.script is None:
        return
    if not _compiles(step):
        if any(place in instruction.value for place in (*EXTENSIONS, "$PHP_INI_DIR/conf.d", "install-php-extensions")):
            raise UnfitError(instruction, "extensions are installed or set up here in a way that is not taken apart")
        return
    taken = {"remove", "purge", "autoremove", "del", "upgrade", "dist-upgrade"}
    if any(called.manager in {"apt", "apk"} and called.verb in taken for called in step.invocations):
        raise UnfitError(instruction, "packages are taken out again where extensions are compiled")
    for command in step.script.commands:
        settled = purpose(command) in {Purpose.PACKAGES, Purpose.CLEANUP, Purpose.NEUTRAL}
        written = [word.text for word in command.redirects if SWITCHES not in word.text]
        if command.depth and basename(command.name) != "nproc":
            raise UnfitError(instruction, "extensions are compiled under a condition")
        if basename(command.name) not in {*COMPILERS, "nproc"} and (not (settled or command.redirects) or written):
            why = f"{command.name} runs where extensions are compiled, and which stage needs what it does is not known"
            raise UnfitError(instruction, why)
    if not is_root(step.before.user):
        raise UnfitError(instruction, "extensions are compiled by another user than root")


def _meets(stage: StageModel, step: Step, place: str) -> bool:
    """Whether a COPY writes below *place*, or may."""
    copy = step.instruction.copy
    if copy is not None and (copy.from_ or copy.heredocs):
        return place in step.instruction.value
    targets = [(each.target.rstrip("/"), each.folder) for each in stage.placements if each.step is step]
    return any(f"{target}/".startswith(f"{place}/") or (folder and covers(target, place)) for target, folder in targets)


def _system(model: Model, stage: StageModel, step: Step) -> list[Item]:
    """What the end installs in place of what *step* does."""
    if _compiles(step):
        return packages.again(model, stage, step)
    return packages.run_time(model, stage, [step], afresh=False)[step.instruction.index]


def _builder(model: Model, compiling: Sequence[Step], cut: int) -> list[Item]:
    """The stage that compiles: what is installed, fetched or set for that."""
    head = model.final.steps[1:cut]
    runs = [step for step in head if step in compiling or _installs_alone(step)]
    variables = [step for step in head if step.instruction.keyword == "ENV" and build_variables(step, runs)]
    users = (*runs, *variables)
    needed = [
        step
        for step in head
        if step in users
        or step.instruction.keyword == "SHELL"
        or (step.instruction.keyword == "ARG" and any(used(each.key, users) for each in step.instruction.assignments))
    ]
    first = first_line(model.document, model.final.steps[0].instruction, spare(model.document, "builder"))
    return [first, *(Keep(step.instruction) for step in needed)]


def _installs_alone(step: Step) -> bool:
    return Purpose.PACKAGES in step.purposes and step.purposes <= {Purpose.PACKAGES, Purpose.CLEANUP}


def _end(model: Model, last: Step, system: Mapping[int, Sequence[Item]]) -> list[Item]:
    """The stage that runs, with the extensions where the last of them was compiled."""
    builder = spare(model.document, "builder")
    items: list[Item] = [stage_name(model.document, model.final.steps[0].instruction, "runtime")]
    for step in model.final.steps[1:]:
        items += system.get(step.instruction.index, [Keep(step.instruction)])
        if step is last:
            items += [New(f"COPY --from={builder} {path} {path}") for path in EXTENSIONS]
    return items


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What ``composer install`` reads before the app's own scripts and classes.

    Raises:
        UnfitError: it cannot be told, or it reads the sources all the same.
    """
    if called.has("-d", "--working-dir") or "COMPOSER" in step.before.env:
        raise UnfitError(step.instruction, "Composer's manifest is named by a setting")
    folder = folder_of(stage, step, called)
    found = composer(model.app, folder)
    if found is None:
        raise UnfitError(
            step.instruction, f"there is no composer.json to be read in {model.app.origin(folder) or 'the context'}"
        )
    if found.local is not None:
        raise UnfitError(step.instruction, f"Composer takes packages from the sources ({found.local.origin})")
    plugins = [name for name in found.plugins if not reads_no_sources(name)]
    if plugins:
        why = f"what {plugins[0]} reads of the app while Composer installs cannot be told"
        raise UnfitError(step.instruction, f"{why} ({model.app.origin(found.path)})")
    if called.command.depth or (step.script is not None and not step.script.flat):
        raise UnfitError(step.instruction, "Composer is called in a condition")
    paths = [found.path, *(path for name in SETTINGS if model.app.root.exists(path := join(folder, name)))]
    without = (
        () if called.has("--no-autoloader") and called.has("--no-scripts") else ((called, WITHOUT_PROJECT["composer"]),)
    )
    return Reading(tuple(paths), (join(folder, found.vendor),), without)


def ignored(model: Model, whole: str) -> Iterator[str]:
    """The host's ``vendor``, where the build installs its own and the repository holds none.

    Args:
        model: the Dockerfile.
        whole: the folder of the context that is copied.
    """
    root = model.app.root
    for stage in model.stages:
        for step in stage.steps:
            for _ in step.calls("composer", "install"):
                manifest = stage.context_path(f"{step.before.workdir.rstrip('/')}/composer.json")
                folder = dirname(manifest) if manifest is not None else None
                if folder != whole or folder is None:
                    continue
                listed = root.read(join(folder, ".gitignore")) or b""
                own = re.search(rb"^\s*/?vendor/?\s*$", listed, re.MULTILINE) is not None
                if own or not root.is_dir(join(folder, "vendor")):
                    yield "vendor" if not folder else f"{folder}/vendor"
                return
