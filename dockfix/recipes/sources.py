"""Copies of the sources: which copies are some, and which of them stand above an install."""

from __future__ import annotations

from collections.abc import Sequence
from posixpath import basename

from dockfix.dockerfile import expand
from dockfix.dockerfile.layout import Keep
from dockfix.model import Model, Placement, Purpose, Role, StageModel, Step, is_manifest
from dockfix.model.commands import purpose
from dockfix.model.config import join
from dockfix.recipes.ecosystems import readers
from dockfix.recipes.installs import NODE_MANAGERS, PRODUCTION
from dockfix.recipes.manifests import WITHOUT_PROJECT, installs_sources, readings
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

FOREIGN = {"gradle": "a Gradle project may have modules and build logic"}
"""Package managers whose projects may read anything of the sources, with the reason."""

UNREAD = frozenset({"cargo", "gradle"})
"""Package managers of which nobody tells what an install reads."""

MANIFEST_FOLDERS = frozenset({".yarn", ".mvn", "patches", "requirements", "prisma"})
"""Folders that hold what an install reads."""


def early_sources(model: Model, stage: StageModel) -> Step | None:
    """The copy of a whole folder of sources that stands before an install of dependencies."""
    for position, step in enumerate(stage.steps):
        if step.role is not Role.SOURCES:
            continue
        installs = [other for other in stage.steps[position + 1 :] if Purpose.INSTALL in other.purposes]
        above = stage.steps[:position]
        installs = [o for o in installs if not (_done_above(above, o) or _takes_away(above, o) or _is_foreign(o))]
        if not installs:
            continue
        workdir = installs[0].before.workdir
        for placement in stage.placements:
            early = placement.step is step and placement.folder and is_sources(model, placement, workdir)
            if early and not _is_read(model, stage, placement, installs):
                return step
    return None


def _is_read(model: Model, stage: StageModel, placement: Placement, installs: Sequence[Step]) -> bool:
    """Whether a copy brings the one folder of the sources that the installs below it read."""
    try:
        return bool(placement.source) and any(
            placement.source in readings(model, stage, step, readers()).paths for step in installs
        )
    except UnfitError:
        return False


def _is_foreign(step: Step) -> bool:
    """Whether a RUN installs by a package manager of which nobody has told what it reads."""
    return any(called.manager in UNREAD for called in step.invocations)


def _takes_away(above: Sequence[Step], install: Step) -> bool:
    """Whether all is installed above the sources, and this leaves of it what production needs, behind the build."""
    calls = [called for called in install.invocations if purpose(called.command) is Purpose.INSTALL]
    return bool(calls) and all(
        called.manager in NODE_MANAGERS
        and (called.verb in {"prune", "focus"} or called.has(*PRODUCTION, "-P"))
        and any(Purpose.INSTALL in step.purposes and step.calls(called.manager) for step in above)
        for called in calls
    )


def _done_above(above: Sequence[Step], install: Step) -> bool:
    """Whether the dependencies are installed above the sources already, and this installs the project itself."""
    calls = [called for called in install.invocations if purpose(called.command) is Purpose.INSTALL]
    managers = {called.manager for called in calls}
    if calls and all(installs_sources(called) for called in calls):
        return any(called.has("-r", "--requirement") for step in above for called in step.calls("pip"))
    return bool(managers) and all(
        manager in WITHOUT_PROJECT
        and any(
            called.has(WITHOUT_PROJECT[manager].split()[-1], "--no-root")
            for step in above
            for called in step.calls(manager)
        )
        for manager in managers
    )


def is_sources(model: Model, placement: Placement, workdir: str) -> bool:
    """Whether a copied folder holds sources of what is installed in *workdir*, not manifests or system files."""
    if basename(placement.source) in MANIFEST_FOLDERS or placement.source.startswith(".yarn/"):
        return False
    if model.app.root.exists(f"{placement.source}/wrapper/gradle-wrapper.properties"):
        return False
    if placement.target == "/" and placement.source and workdir != "/":
        return False
    names = list(model.app.root.walk(placement.source, 50))
    if placement.source and names and all(is_manifest(name) for name in names):
        return False
    return inside(placement.target, workdir) or inside(workdir, placement.target)


def inside(path: str, folder: str) -> bool:
    """Whether *path* is *folder* or lies below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def is_relative(step: Step) -> bool:
    """Whether a COPY writes to a folder below the working directory."""
    copy = step.instruction.copy
    destination = copy.destination if copy is not None else ""
    return not (expand(destination, {**step.arguments, **step.before.env}) or destination).startswith("/")


def is_movable(step: Step) -> bool:
    """Whether a step does the same in another working directory, with the absolute one written out where need be."""
    copy = step.instruction.copy
    if copy is None or (is_relative(step) and copy.destination not in {".", "./"}):
        return False
    return step.instruction.json is None


def lowered(step: Step, folder: str) -> Keep:
    """A copy of sources that stands below from now on, where the working directory is *folder*."""
    instruction, place = step.instruction, step.before.workdir
    if instruction.copy is None or not is_relative(step) or place == folder:
        return Keep(instruction)
    return Keep(instruction, (Edit(instruction.words[-1].span, place),))


def settled(step: Step, stage: StageModel, moved: Sequence[Step]) -> Keep:
    """A step that stands above the sources from now on, with a slash where these alone made the folder it copies to.

    ``COPY pom.xml /app`` makes a file where no folder ``/app`` is: https://docs.docker.com/reference/dockerfile/#copy

    Args:
        step: the step.
        stage: its stage.
        moved: the copies of the sources, which stand below.

    Raises:
        UnfitError: the destination is written as JSON.
    """
    copy, instruction = step.instruction.copy, step.instruction
    if copy is None or len(copy.sources) != 1 or copy.destination.endswith("/"):
        return Keep(instruction)
    place = join(step.before.workdir, expand(copy.destination, {**step.arguments, **step.before.env}) or "")
    earlier = [other for other in stage.steps[: stage.steps.index(step)] if other in moved]
    made = any(p.step in earlier and inside(p.target, place) for p in stage.placements)
    if not made or inside(step.before.workdir, place):
        return Keep(instruction)
    if instruction.json is not None:
        raise UnfitError(instruction, f"without the sources {copy.destination} would become a file")
    end = instruction.words[-1].span.end
    return Keep(instruction, (Edit(Span(end, end), "/"),))


def check_flags(step: Step) -> None:
    """Refuse a copy of sources whose flags say more than whose they become.

    Raises:
        UnfitError: it has one.
    """
    if any(flag.name not in {"chown", "chmod", "link"} for flag in step.instruction.flags):
        raise UnfitError(step.instruction, "the copy of the sources has flags of its own")
