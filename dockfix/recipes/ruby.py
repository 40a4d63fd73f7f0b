"""Apps in Ruby: gems are installed, and assets built, in a builder; the end has no compilers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts.ruby import gemfile
from dockfix.model import Purpose, Role
from dockfix.model.config import join
from dockfix.recipes import packages
from dockfix.recipes.manifests import Reading, folder_of
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    brought_again,
    check_common,
    check_started,
    first_line,
    is_root,
    listed,
    plain_copies,
    spaced,
    spare,
    stage_name,
    used,
)
from dockfix.transform import Safety

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.model import Invocation, Model, StageModel, Step

GEMS = "/usr/local/bundle"
"""Where the images of Ruby keep gems and Bundler's settings:
https://github.com/docker-library/docs/blob/master/ruby/README.md"""
BUILDING = {Purpose.PACKAGES, Purpose.INSTALL, Purpose.TOOLS, Purpose.SETTINGS, Purpose.BUILD, Purpose.CLEANUP}
IDLE = {Purpose.FOLDERS, Purpose.ACCOUNT}
LASTING = frozenset({"ARG", "ENV", "LABEL", "MAINTAINER", "SHELL", "WORKDIR", "USER", "EXPOSE", "VOLUME", "STOPSIGNAL"})
ENDING = frozenset(
    {"EXPOSE", "VOLUME", "LABEL", "MAINTAINER", "HEALTHCHECK", "CMD", "ENTRYPOINT", "STOPSIGNAL", "USER"}
)


def split(model: Model) -> Split | None:
    """The stage as a builder with compilers and an end without; ``None`` where no gems are installed on Ruby's image.

    Raises:
        UnfitError: something stands in the way.
        NoGainError: no build tools are installed.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "ruby":
        return None
    installs = [step for step in stage.steps if step.calls("bundle", "", "install")]
    if not installs:
        return None
    check_common(model)
    check_started(model)
    builds = [step for step in stage.steps if Purpose.BUILD in step.purposes]
    cut = max(stage.steps.index(step) for step in (*installs, *builds)) + 1
    head, tail = stage.steps[:cut], stage.steps[cut:]
    tools = packages.build_tools(stage, head)
    if not tools and model.options.split != "always":
        raise NoGainError("no build tools are installed")
    for step in stage.steps:
        _check(step, step in tail)
    place = _place(model, installs)
    whole = bool(builds)
    if whole:
        _check_sources(model, stage, head)
    builder, end = _builder(model, head), _end(model, head, tail, place, whole=whole)
    kept = {item.instruction.index for item in (*builder, *end) if isinstance(item, Keep)}
    why = f"{listed(tools)} {'is' if len(tools) == 1 else 'are'} needed only while gems are built"
    return Split(
        (spaced(model.document, builder), spaced(model.document, end)),
        f"{why}; the image that runs does without" if tools else "the gems are installed in a stage of their own",
        {},
        {step.instruction.index: "the builder's work is done" for step in head if step.instruction.index not in kept},
        safety=Safety.REVIEW,
        idle_on=packages.carrier(stage, tools),
    )


def _check(step: Step, behind: bool) -> None:
    """Refuse a RUN of which it is not known what it leaves behind, and for which stage."""
    if step.script is None:
        return
    found = step.purposes
    if not step.script.ok or not found <= (IDLE | {Purpose.CLEANUP} if behind else BUILDING | IDLE):
        raise UnfitError(step.instruction, "what this RUN leaves behind for the app cannot be told")
    if found & IDLE and found & (BUILDING - {Purpose.CLEANUP}):
        raise UnfitError(step.instruction, "this RUN installs or builds, and makes folders or accounts, at once")
    for called in step.invocations:
        if called.manager == "gem" and called.has("--system"):
            raise UnfitError(step.instruction, "RubyGems itself is updated, outside of the folder of the gems")
        if called.manager == "bundle" and called.verb == "config" and not called.has("--local"):
            raise UnfitError(step.instruction, "bundle config without --local may keep its settings in root's home")


def _place(model: Model, installs: Sequence[Step]) -> tuple[str, ...]:
    """The folders that hold the gems and Bundler's settings.

    Raises:
        UnfitError: they are not those of the image, or depend on settings of the file's own.
    """
    for step in installs:
        environment = step.before.env
        if environment.get("GEM_HOME", GEMS) != GEMS or environment.get("BUNDLE_APP_CONFIG", GEMS) != GEMS:
            raise UnfitError(step.instruction, "the gems are not where the image of Ruby keeps them")
        if not is_root(step.before.user):
            raise UnfitError(step.instruction, "gems are installed by another user than root")
        text = " ".join(each.instruction.value for each in model.final.steps if each.script is not None)
        if "deployment" in text or "vendor/bundle" in text or " path " in text or "--path" in text:
            raise UnfitError(step.instruction, "Bundler is told to keep the gems elsewhere")
        if environment.get("BUNDLE_DEPLOYMENT") and not environment.get("BUNDLE_PATH"):
            raise UnfitError(step.instruction, "BUNDLE_DEPLOYMENT keeps the gems in the app's folder")
    own = {step.before.env["BUNDLE_PATH"] for step in installs if step.before.env.get("BUNDLE_PATH")} - {GEMS}
    if any(not path.startswith("/") for path in own):
        raise UnfitError(installs[0].instruction, "BUNDLE_PATH is not an absolute folder")
    return (GEMS, *sorted(path for path in own if not f"{path}/".startswith(f"{GEMS}/")))


def _check_sources(model: Model, stage: StageModel, head: Sequence[Step]) -> None:
    """Refuse builds whose sources do not all lie in the app's folder, which the end takes as it is built.

    Raises:
        UnfitError: with the COPY.
    """
    if model.folder == "/":
        raise UnfitError(None, "the app has no folder of its own")
    for placement in stage.placements:
        inside = f"{placement.target}/".startswith(f"{model.folder}/")
        if placement.step in head and not inside and placement.folder:
            raise UnfitError(placement.step.instruction, f"{placement.target} lies outside of the app's folder")


def _builder(model: Model, head: Sequence[Step]) -> list[Item]:
    items: list[Item] = [first_line(model.document, head[0].instruction, spare(model.document, "builder"))]
    steps = [step for step in head[1:] if step.instruction.keyword not in ENDING and step.role is not Role.ACCOUNT]
    return [*items, *plain_copies(model.document, steps)]


def _end(model: Model, head: Sequence[Step], tail: Sequence[Step], place: Sequence[str], *, whole: bool) -> list[Item]:
    """The stage that runs.

    Args:
        model: the model.
        head: the steps down to the last that installs or builds.
        tail: those below.
        place: the folders that hold the gems.
        whole: take the app's folder from the builder, with what is built in it.
    """
    system = packages.run_time(model, model.final, head, afresh=True)
    builder = spare(model.document, "builder")
    items: list[Item] = [stage_name(model.document, head[0].instruction, "runtime")]
    for step in head[1:]:
        if step.instruction.index in system:
            items += system[step.instruction.index]
        elif _stays(model, step, head, tail, whole=whole):
            items.append(Keep(step.instruction))
    items += [New(f"COPY --from={builder} {path} {path}") for path in place]
    if whole:
        items.append(New(f"COPY --from={builder} {model.folder} {model.folder}"))
    return [*items, *(Keep(step.instruction) for step in tail)]


def _stays(model: Model, step: Step, head: Sequence[Step], tail: Sequence[Step], *, whole: bool) -> bool:
    """Whether a step of the head belongs to the end as well."""
    keyword = step.instruction.keyword
    if keyword == "ARG":
        later = [*tail, *(other for other in head if other.instruction.keyword in {"ENV", "LABEL", "USER", "WORKDIR"})]
        return any(used(assignment.key, later) for assignment in step.instruction.assignments)
    if keyword in LASTING or keyword in ENDING:
        return True
    placed = [p for p in model.final.placements if p.step is step]
    if placed:
        inside = all(f"{p.target}/".startswith(f"{model.folder.rstrip('/')}/") for p in placed)
        return not (whole and inside) and not brought_again(model, step, tail)
    if step.instruction.copy is not None:
        return True
    if step.role is Role.FOLDERS:
        return not whole or not all(path for path in _made(step, model.folder))
    return step.role is Role.ACCOUNT


def _made(step: Step, folder: str) -> Iterator[bool]:
    """Of each operand of a RUN that makes folders, whether it lies in *folder*."""
    for command in step.script.commands if step.script else ():
        for arg in command.args:
            if not arg.startswith("-"):
                yield f"{join(step.before.workdir, arg)}/".startswith(f"{folder}/")


# -- the order --------------------------------------------------------------------------------------------------------


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What Bundler reads of the app.

    Raises:
        UnfitError: it cannot be told, or it reads the sources too.
    """
    if called.has("--gemfile") or "BUNDLE_GEMFILE" in step.before.env:
        raise UnfitError(step.instruction, "the Gemfile is named by a setting")
    folder = folder_of(stage, step, called)
    found = gemfile(model.app, folder)
    if found is None:
        raise UnfitError(step.instruction, f"there is no Gemfile in {model.app.origin(folder) or 'the context'}")
    if found.unknown is not None:
        why = f"the Gemfile may read other files of the app ({found.unknown.origin})"
        raise UnfitError(step.instruction, why)
    if found.local is not None:
        raise UnfitError(step.instruction, f"a gem lies among the sources ({found.local.origin})")
    paths = [found.path, found.lock, *found.reads, f"{folder}/vendor/cache".lstrip("/")]
    text = " ".join(each.instruction.value for each in stage.steps)
    inside = "vendor/bundle" in text or "deployment" in text.lower() or "BUNDLE_PATH" in step.before.env
    made = (f"{folder}/vendor/bundle".lstrip("/"),) if inside else ()
    there = [path for path in paths if model.app.root.exists(path) or model.app.root.is_dir(path)]
    return Reading(tuple(there), made)
