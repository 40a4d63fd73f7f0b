"""What has to follow the install when the sources do: other copies into their folders, and what works on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from posixpath import basename

from dockfix.model import SOURCES, Model, Placement, Purpose, Role, StageModel, Step, is_manifest
from dockfix.model.commands import purpose
from dockfix.model.config import join
from dockfix.recipes.manifests import installs_sources
from dockfix.recipes.seams import WITHOUT_SOURCES, unparted
from dockfix.recipes.sources import MANIFEST_FOLDERS, check_flags, inside, is_movable, is_relative, is_sources
from dockfix.recipes.split import UnfitError

FILES = (*SOURCES, ".ini")
"""Endings of single files that belong to the sources: what an install reads of them it is asked for by name."""


@dataclass(frozen=True)
class Place:
    """A stage cut where its sources are copied too early.

    Attributes:
        above: what stands above the first copy of the sources.
        sources: that copy.
        between: what stands between it and the last install that can move, that one included.
        last: the install.
        below: what follows.
    """

    above: tuple[Step, ...]
    sources: Step
    between: tuple[Step, ...]
    last: Step
    below: tuple[Step, ...]


def place_of(stage: StageModel, sources: Step) -> Place:
    """*stage* cut at its first copy of sources, and behind the last install that can stand above them."""
    steps = stage.steps
    at = steps.index(sources)
    installs = [step for step in steps[at + 1 :] if Purpose.INSTALL in step.purposes]
    last = installs[0]
    for step in installs[1:]:
        # an install behind a build step may need what that made
        between = steps[steps.index(last) + 1 : steps.index(step)]
        built = Purpose.BUILD in last.purposes or any(
            o.script is not None and o.purposes - WITHOUT_SOURCES for o in between
        )
        if built or any(map(installs_sources, step.invocations)) or unparted(step):
            break
        last = step
    end = steps.index(last) + 1
    return Place(steps[:at], sources, steps[at + 1 : end], last, steps[end:])


def followers(model: Model, stage: StageModel, place: Place) -> list[Step]:
    """The steps that go behind the install: the copies of sources, and what works on them.

    Raises:
        UnfitError: one of those that stay may need the sources.
    """
    moved = [place.sources]
    check_flags(place.sources)
    relative = is_relative(place.sources)
    for step in place.between:
        keyword = step.instruction.keyword
        if keyword == "WORKDIR" and relative and not all(map(is_movable, moved)):
            raise UnfitError(step.instruction, "the working directory changes between the copy and the install")
        if keyword == "VOLUME" or (keyword == "COPY" and step.instruction.heredocs):
            raise UnfitError(step.instruction, "this stands between the copy of the sources and the install")
        if keyword in {"COPY", "ADD"}:
            if _goes_along(model, stage, step, moved):
                check_flags(step)
                relative = relative or is_relative(step)
                moved.append(step)
        elif keyword == "RUN" and step is not place.last and _works_on_sources(step):
            moved.append(step)
        elif _may_need_sources(step, place):
            raise UnfitError(step.instruction, "this may need the sources, or change what the install does")
        elif keyword == "RUN":
            _check_packages(step)
    user = place.last.before.user not in {"", "root", "0"}
    folders = next((step for step in moved if step.role is Role.FOLDERS), None)
    if user and folders is not None:
        raise UnfitError(folders.instruction, "the install runs as another user, who may need these folders")
    return moved


def _may_need_sources(step: Step, place: Place) -> bool:
    if step.role is Role.UNKNOWN and Purpose.INSTALL not in step.purposes:
        return True
    return Purpose.BUILD in step.purposes and step is not place.last


def _goes_along(model: Model, stage: StageModel, step: Step, moved: Sequence[Step]) -> bool:
    """Whether a COPY has to stay behind the copies of sources, because it writes to the same folders.

    Raises:
        UnfitError: the install may need it all the same.
    """
    copy = step.instruction.copy
    earlier = [p for p in stage.placements if p.step in moved]
    if copy is None or step.role is Role.UNKNOWN:
        raise UnfitError(step.instruction, "what this copies cannot be told")
    if copy.from_ is not None:
        target = join(step.before.workdir, copy.destination)
        if "$" in target or any(inside(target, p.target) for p in earlier):
            raise UnfitError(step.instruction, "this copies over the sources, before the install")
        return False
    own = [p for p in stage.placements if p.step is step]
    if step.role is Role.MANIFESTS or all(basename(p.source) in MANIFEST_FOLDERS for p in own):
        for p in own:
            over = next((o for o in reversed(earlier) if o.folder and inside(p.target, o.target)), None)
            if (
                over is not None
                and _source(over, p.target) != p.source
                and model.app.root.exists(_source(over, p.target))
            ):
                raise UnfitError(step.instruction, f"{p.target} is not the one that the sources bring")
        return False
    if any(is_manifest(p.target) for p in own if not p.folder) and len(own) == 1:
        raise UnfitError(step.instruction, "this brings a manifest under another name")
    if any(p.folder and is_sources(model, p, step.before.workdir) for p in own):
        return True
    if own and all(p.source.endswith(FILES) and inside(p.target, step.before.workdir) for p in own):
        return True
    return any(inside(p.target, o.target) for p in own for o in earlier if o.folder)


def _source(placement: Placement, target: str) -> str:
    return f"{placement.source}/{target[len(placement.target.rstrip('/')) + 1 :]}".strip("/")


def _works_on_sources(step: Step) -> bool:
    """Whether a RUN only looks at the sources or changes their modes, so that it can follow them.

    Raises:
        UnfitError: it does so to whole folders, which would take in what is installed.
    """
    if step.script is None or not step.script.ok:
        return False
    names = {command.name for command in step.script.commands}
    recursive = any(
        command.name in {"chown", "chmod"} and any(re.fullmatch(r"-\w*R\w*|--recursive", arg) for arg in command.args)
        for command in step.script.commands
    )
    if recursive:
        raise UnfitError(step.instruction, "this changes whole folders, which the install may depend on")
    if not step.purposes:
        return True
    return step.role is Role.FOLDERS and names != {"mkdir"}


def _check_packages(step: Step) -> None:
    """Refuse installs of packages and tools whose names or files come from the sources."""
    if step.script is None:
        return
    for command in step.script.commands:
        if any(redirect.text.startswith("<") for redirect in command.redirects) or command.name == "xargs":
            raise UnfitError(step.instruction, "this reads a file that may be among the sources")
    for called in step.invocations:
        if called.manager in {"apt", "apk", "dnf"} or purpose(called.command) is Purpose.TOOLS:
            for word in called.operands:
                if word.text.startswith((".", "/")) or re.search(r"\$\(|`|\.(?:deb|rpm|apk|tgz)$", word.text):
                    raise UnfitError(step.instruction, "this installs what may be among the sources")
