"""Apps of PHP whose packages Composer installs in a stage of its own, beside the one that runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog.composer import brought_for_development
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts.composer import Composer, composer, for_development, locked_names
from dockfix.facts.files import join
from dockfix.model import Purpose, Role
from dockfix.model.commands import purpose
from dockfix.recipes import packages
from dockfix.recipes.callees import called
from dockfix.recipes.manifests import folder_of
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    brought_again,
    check_common,
    is_root,
    listed,
    spaced,
    stage_name,
)
from dockfix.text import Edit, Span
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.dockerfile import Instruction
    from dockfix.model import Invocation, Model, Step

BASE, VENDOR, END = "base", "dependencies", "runtime"
INSTALLER = re.compile(r"getcomposer\.org|composer-setup\.php|composer\.phar")
INSTALLING = frozenset({"curl", "wget", "php", "mv", "rm", "chmod"})
"""What installs Composer: https://getcomposer.org/download/."""
OPTIMIZED = ("-o", "--optimize", "--optimize-autoloader", "-a", "--classmap-authoritative", "--no-autoloader")
"""https://getcomposer.org/doc/articles/autoloader-optimization.md"""
CALLING = re.compile(rb"\b(?:shell_exec|exec|system|passthru|proc_open|popen|Process)\b|`")
LARGEST, MOST = 400_000, 5000


@dataclass(frozen=True)
class _Parts:
    """A stage cut where the app comes in, and behind the last call of Composer.

    Attributes:
        shared: what stands above, Composer itself left out.
        tools: what brings Composer.
        middle: the app, its packages, and what stands between them.
        tail: the rest.
        folder: the app's folder in the image.
        source: the same in the build context.
        manifest: its ``composer.json``.
    """

    shared: tuple[Step, ...]
    tools: tuple[Step, ...]
    middle: tuple[Step, ...]
    tail: tuple[Step, ...]
    folder: str
    source: str
    manifest: Composer


def split(model: Model) -> Split | None:
    """Packages installed in one stage, and run in another, upon a base of both; ``None`` where Composer installs none.

    Raises:
        NoGainError: the image would be rid of Composer alone.
        UnfitError: something stands in the way.
    """
    stage = model.final
    installs = [step for step in stage.steps if step.calls("composer", "install")]
    if not installs or stage.stage.name is not None:
        return None
    parts = _cut(model, installs)
    idle = tuple(_idle(model, parts))
    stays = "" if _is_lean(parts) else _development(model, parts)
    lean = stays is None
    if not idle and not lean and model.options.split != "always":
        raise NoGainError("nothing but Composer itself would go")
    check_common(model, kept=parts.folder)
    _check(model, parts)
    stages = (_base(model, parts, idle), _vendor(model, parts, idle, lean=lean), _end(model, parts))
    used = {each.index for items in stages for item in items for each in _originals(item)}
    things = ["Composer", *idle, *(["its packages for development"] if lean else [])]
    dropped = {step.instruction.index: "this brings what only Composer needs" for step in stage.steps}
    return Split(
        tuple(spaced(model.document, items) for items in stages),
        f"{listed(things)} {'is' if len(things) == 1 else 'are'} needed only to install packages; "
        f"the image that runs does not carry {'it' if len(things) == 1 else 'them'}",
        {},
        {index: why for index, why in dropped.items() if index not in used},
        safety=Safety.REVIEW,
        notes=(Note(installs[0].instruction, f"the packages for development stay: {stays}"),) if stays else (),
    )


def _originals(item: Item) -> tuple[Instruction, ...]:
    """The instructions of the file that an item has in it or stands for."""
    if isinstance(item, Keep):
        return (item.instruction,)
    return item.replaces if isinstance(item, New) else ()


def _cut(model: Model, installs: Sequence[Step]) -> _Parts:
    stage = model.final
    steps = stage.steps
    install = installs[0]
    first = next((at for at, step in enumerate(steps) if step.role in {Role.SOURCES, Role.MANIFESTS}), len(steps))
    last = max(at for at, step in enumerate(steps) if step.calls("composer"))
    if first > steps.index(install):
        raise UnfitError(install.instruction, "Composer runs before anything of the app is copied")
    source = folder_of(stage, install, install.calls("composer", "install")[0])
    manifest = composer(model.app, source)
    if manifest is None or not model.app.root.exists(join(source, "composer.lock")):
        raise UnfitError(
            install.instruction, "there is no composer.lock, so that each install may bring other versions"
        )
    tools = tuple(step for step in steps[:last] if _brings_composer(step))
    if not tools:
        raise UnfitError(install.instruction, "where Composer comes from cannot be told")
    return _Parts(
        tuple(step for step in steps[:first] if step not in tools),
        tools,
        tuple(step for step in steps[first : last + 1] if step not in tools),
        steps[last + 1 :],
        install.before.workdir.rstrip("/") or "/",
        source,
        manifest,
    )


def _brings_composer(step: Step) -> bool:
    copy = step.instruction.copy
    if copy is not None:
        return copy.from_ is not None and [basename(path) for path in copy.sources] in (["composer"], ["composer.phar"])
    if step.script is None or step.calls("composer") or not INSTALLER.search(step.instruction.value):
        return False
    return step.script.ok and all(basename(command.name) in INSTALLING for command in step.script.commands)


def _idle(model: Model, parts: _Parts) -> Iterator[str]:
    """The packages of the system by which Composer alone fetches and unpacks."""
    others = [step for step in (*parts.shared, *parts.tail) if step.script is not None]
    used = {basename(command.name) for step in others for command in (step.script.commands if step.script else ())}
    used |= {basename(name) for name in called(model)} | model.start.names
    fetching = any(step.calls(manager) for step in others for manager in ("npm", "yarn", "pnpm", "pip", "pecl"))
    for step in parts.shared:
        for invocation in packages.installs(step):
            for name in (word.text.partition("=")[0] for word in invocation.operands):
                if catalog.fetches(name) and name not in used and not fetching and not _is_called(model, parts, name):
                    yield name


def _is_called(model: Model, parts: _Parts, name: str) -> bool:
    """Whether the app may call a program, or one of its packages by its name."""
    if any(name.removeprefix("un") in package for package in locked_names(model.app, parts.source)):
        return True
    return any(CALLING.search(data) and name.encode() in data for _, data in _sources(model, parts))


def _sources(model: Model, parts: _Parts) -> Iterator[tuple[str, bytes]]:
    """The app's own files of PHP, those for its tests left out."""
    left = ("vendor/", "tests/", *(f"{path.strip('./')}/" for path in parts.manifest.tests))
    for path in model.app.root.walk(parts.source, MOST):
        inner = path[len(parts.source) :].lstrip("/")
        if path.endswith((".php", ".inc", "/console", "artisan")) and not inner.startswith(left):
            data = model.app.root.read(path)
            if data is not None and len(data) <= LARGEST:
                yield inner, data


def _is_lean(parts: _Parts) -> bool:
    """Whether the file leaves the packages for development out already."""
    calls = [each for step in parts.middle for each in step.calls("composer", "install")]
    return all(each.has("--no-dev") for each in calls) or "COMPOSER_NO_DEV" in parts.middle[-1].before.env


def _development(model: Model, parts: _Parts) -> str | None:
    """Why the packages for development have to stay; ``None`` where nothing of the app names what they bring."""
    found = for_development(model.app, parts.source)
    if not found:
        return "there are none"
    names: list[bytes] = []
    functions: list[bytes] = []
    for package in found:
        brought = brought_for_development(package.name)
        if (package.functions or not package.namespaces) and brought is None:
            return f"what {package.name} brings is not recorded"
        names += [name.encode() for name in package.namespaces]
        names += [brought.namespace.encode()] if brought is not None and brought.namespace else []
        functions += [name.encode() for name in brought.functions] if brought is not None else []
    programs = {program for package in found for program in package.programs}
    if programs & ({basename(name) for name in called(model)} | model.start.names):
        return "one of them is called in the container"
    lines = (*parts.manifest.scripts, *(step.instruction.value for step in (*parts.middle, *parts.tail)))
    if any(re.search(rf"\b{re.escape(program)}\b", line) for program in programs for line in lines):
        return "one of them is called while the image is built"
    words = b"|".join(re.escape(name) for name in functions)
    calls = re.compile(rb"(?<![\w>:$])(?:" + words + rb")\s*\(") if functions else None
    for path, data in _sources(model, parts):
        if any(name + b"\\" in data for name in names) or (calls is not None and calls.search(data)):
            return f"{path} names what one of them brings"
    return None


def _check(model: Model, parts: _Parts) -> None:
    """Refuse what cannot be told apart.

    Raises:
        UnfitError: with the reason.
    """
    if "composer" in {basename(name) for name in called(model)} | model.start.names:
        raise UnfitError(None, "Composer is called in the container")
    arguments = [each.key for step in parts.shared for each in step.instruction.assignments if _is(step, "ARG")]
    for text in parts.manifest.scripts:
        if re.search(r"(?:^|[\s=\"'])(?:/|~|\$HOME)(?!dev/null)", text):
            raise UnfitError(None, f"`{text}`, a script of Composer's, may write outside the app's folder")
    for step in parts.shared[1:]:
        if _is(step, "CMD", "ENTRYPOINT", "HEALTHCHECK", "VOLUME", "USER", "STOPSIGNAL"):
            raise UnfitError(step.instruction, "this stands above the app, and would belong to a stage below another")
    for step in parts.middle:
        instruction = step.instruction
        if step.script is not None and not step.calls("composer"):
            raise UnfitError(instruction, "this RUN stands among the app's packages, and what needs it cannot be told")
        if step.script is not None and any(
            basename(command.name) not in {"composer", "composer.phar", "php"} for command in step.script.commands
        ):
            raise UnfitError(instruction, "more is done in this RUN than Composer does")
        if instruction.copy is not None and (instruction.copy.from_ is not None or instruction.heredocs):
            raise UnfitError(instruction, "this brings files of another stage among the app's")
        if not is_root(step.before.user) or _is(step, "VOLUME"):
            raise UnfitError(instruction, "the app's packages are not installed by root, into a folder of the image")
    for step in (*parts.middle, *parts.tail):
        name = next((name for name in arguments if re.search(rf"\b{name}\b", step.instruction.text)), None)
        if name is not None:
            raise UnfitError(step.instruction, f"{name} is an argument of the stage that would come before")
    for placement in model.final.placements:
        if placement.step in parts.middle and not f"{placement.target}/".startswith(f"{parts.folder.rstrip('/')}/"):
            raise UnfitError(placement.step.instruction, "this is copied to another folder than the app's")


def _is(step: Step, *keywords: str) -> bool:
    return step.instruction.keyword in keywords


def _base(model: Model, parts: _Parts, idle: Sequence[str]) -> list[Item]:
    """The stage that both others stand on."""
    first, *steps = parts.shared
    items: list[Item] = [stage_name(model.document, first.instruction, BASE)]
    for step in steps:
        items += _staying(model, step, idle)
    return items


def _staying(model: Model, step: Step, idle: Sequence[str]) -> list[Item]:
    """A step of the base, without the packages that only Composer needs."""
    rest = _rest(step, idle)
    return [rest] if rest is not None else packages.without(model.document, step, idle)


def _rest(step: Step, idle: Sequence[str]) -> Keep | None:
    """A RUN without its install of packages; ``None`` where some of those stay, or nothing else is done there."""
    names = {word.text.partition("=")[0] for each in packages.installs(step) for word in each.operands}
    commands = step.script.commands if step.script is not None else ()
    staying = [each for each in commands if purpose(each) not in {Purpose.PACKAGES, Purpose.CLEANUP}]
    if not names or not names <= {*idle} or not staying:
        return None
    first, last = commands.index(staying[0]), commands.index(staying[-1])
    joined = {each.joiner for each in commands} <= {"", "&&"}
    if last - first + 1 != len(staying) or not joined or step.instruction.inner_comments:
        raise UnfitError(step.instruction, "the packages cannot be taken out of this RUN")
    whole = step.instruction.value_span
    before, after = Span(whole.start, staying[0].span.start), Span(staying[-1].span.end, whole.end)
    return Keep(step.instruction, tuple(Edit(span, "") for span in (before, after) if span.start < span.end))


def _vendor(model: Model, parts: _Parts, idle: Sequence[str], *, lean: bool) -> list[Item]:
    """The stage in which Composer works."""
    items: list[Item] = [New(f"FROM {BASE} AS {VENDOR}")]
    if idle:
        calls = [each for step in parts.shared for each in packages.installs(step)]
        recommends = not any(each.has("--no-install-recommends") for each in calls)
        line = packages.install_line(model.final.manager or "", idle, recommends=recommends)
        emptied = (step.instruction for step in parts.shared[1:] if not _staying(model, step, idle))
        items.append(New(line, replaces=tuple(emptied)))
    items += [Keep(step.instruction) for step in parts.tools]
    for step in parts.middle:
        if step.script is not None:
            items.append(Keep(step.instruction, tuple(_options(step, parts, lean=lean))))
        elif _is(step, "COPY", "ADD", "WORKDIR", "ENV", "ARG", "SHELL"):
            items.append(Keep(step.instruction))
    return items


def _options(step: Step, parts: _Parts, *, lean: bool) -> Iterator[Edit]:
    for each in step.calls("composer", "install", "dump-autoload", "dumpautoload"):
        words = ["--no-dev"] if lean and not each.has("--no-dev") else []
        if not each.has(*OPTIMIZED):
            words.append("--optimize-autoloader" if each.verb == "install" else "--optimize")
        if words:
            yield _behind(each, words)


def _behind(each: Invocation, words: Sequence[str]) -> Edit:
    end = each.command.words[-1].span.end
    return Edit(Span(end, end), f" {' '.join(words)}")


def _end(model: Model, parts: _Parts) -> list[Item]:
    """The stage that runs."""
    items: list[Item] = [New(f"FROM {BASE} AS {END}")]
    copies = [step for step in parts.middle if step.instruction.copy is not None]
    whole = _writes_beside(parts)
    for at, step in enumerate(parts.middle):
        again = step in copies and (whole or brought_again(model, step, (*parts.middle[at + 1 :], *parts.tail)))
        if step.script is None and not again:
            items.append(Keep(step.instruction))
        if step is copies[-1]:
            items.append(New(_carried(parts, step, whole=whole)))
    return [*items, *(Keep(step.instruction) for step in parts.tail)]


def _writes_beside(parts: _Parts) -> bool:
    """Whether a script or a plugin of Composer's may write beside the folder of packages."""
    calls = [each for step in parts.middle for each in step.calls("composer")]
    scripts = bool(parts.manifest.scripts) and not all(each.has("--no-scripts") for each in calls)
    return scripts or (bool(parts.manifest.plugins) and not all(each.has("--no-plugins") for each in calls))


def _carried(parts: _Parts, step: Step, *, whole: bool) -> str:
    """The line that brings what Composer made: the app's folder where its scripts and plugins may write beside it."""
    owner = step.instruction.flag("chown")
    flag = f"--chown={owner} " if owner is not None else ""
    path = parts.folder if whole else f"{parts.folder.rstrip('/')}/{parts.manifest.vendor}"
    return f"COPY --from={VENDOR} {flag}{path} {path}"
