"""A stage whose dependencies are fetched by the manifests alone, above the sources that its build copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dockfix.dockerfile.layout import Gap, Item, Keep, New
from dockfix.model import Model, Purpose, Role, StageModel, Step
from dockfix.model.config import join
from dockfix.recipes.ecosystems import fetching
from dockfix.recipes.manifests import Fetch, copies
from dockfix.recipes.presence import absent
from dockfix.recipes.sources import check_flags, is_relative, is_sources, settled
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

ON_FILES = frozenset(
    {"chmod", "sed", "dos2unix", "ls", "cat", "echo", "find", "mkdir", "rm", "cp", "mv", "touch", "set"}
)
"""Commands that work on files which they are given; what they do to manifests, an ecosystem sees to itself."""

TELLING = frozenset({"EXPOSE", "LABEL", "MAINTAINER", "STOPSIGNAL", "HEALTHCHECK", "CMD", "ENTRYPOINT"})
"""Instructions that only tell how a container runs."""


@dataclass(frozen=True)
class Prefetch:
    """A stage with a RUN of its own that fetches the dependencies above the sources.

    Attributes:
        items: what the stage is to consist of.
        sources: the first copy of the sources.
        boundary: how many of the stage's steps stand above the fetch.
        end: the number of the first item behind it.
        why: what is gained.
    """

    items: tuple[Item, ...]
    sources: Step
    boundary: int
    end: int
    why: str


def prefetch(model: Model, stage: StageModel) -> Prefetch | None:
    """The stage with the dependencies fetched first; ``None`` where no build does that below its sources.

    Raises:
        UnfitError: the manifests cannot be copied by themselves, or do not stand alone.
    """
    for position, step in enumerate(stage.steps):
        if Purpose.BUILD not in step.purposes or any(flag.name == "mount" for flag in step.instruction.flags):
            continue  # a cache that is mounted keeps what was fetched, and would cover what another RUN fetches
        above = stage.steps[:position]
        placed = [p for p in stage.placements if p.step in above and p.folder and p.step.role is Role.SOURCES]
        copied = [p.step for p in placed if is_sources(model, p, step.before.workdir)]
        if not copied or any(Purpose.INSTALL in other.purposes for other in above):
            continue
        if any(_fetches(other, step) for other in above[: above.index(copied[0])]):
            continue  # a build without the sources, or a task of its own, which fetches what the next one needs
        fetch = fetching(model, stage, step)
        if fetch is None:
            continue
        first = stage.steps.index(copied[0])
        _check_alone(step, fetch)
        last = _settled_at(model, stage, first, position, fetch.paths)
        check_flags(copied[0])
        staying = [other for other in above if other not in copied]
        paths = absent(stage, fetch.paths, staying, copied)
        lines = copies(model, stage, step, [other for other in above if other in copied], paths)
        gap = (Gap(),) if model.document.spacious or model.document.gap_above(copied[0].instruction) else ()
        moved = [other for other in stage.steps[first:last] if other in copied]
        steps = [*stage.steps[:first], *(other for other in stage.steps[first:last] if other not in copied)]
        head = (
            *(settled(other, stage, copied) for other in steps),
            *gap,
            *(New(line) for line in (*lines, *fetch.lines)),
        )
        rest = [Keep(o.instruction, _edits(fetch) if o is step else ()) for o in (*moved, *stage.steps[last:])]
        return Prefetch((*head, *gap, *rest), copied[0], len(steps), len(head), fetch.why)
    return None


def _fetches(step: Step, build: Step) -> bool:
    """Whether a RUN above the sources builds, or calls the tool of a later build for something that is not known."""
    tools = {called.manager for called in build.invocations}
    own = any(called.manager in tools for called in step.invocations)
    return Purpose.BUILD in step.purposes or (own and Purpose.UNKNOWN in step.purposes)


def _edits(fetch: Fetch) -> tuple[Edit, ...]:
    """What changes in the RUN that builds."""
    return (Edit(Span(fetch.at, fetch.at), fetch.first),) if fetch.first else ()


def _settled_at(model: Model, stage: StageModel, first: int, position: int, paths: Sequence[str]) -> int:
    """The number of the step from which on nothing changes that a fetch needs: the folder, variables, programs.

    Args:
        model: the Dockerfile.
        stage: the stage.
        first: the number of the first copy of the sources.
        position: the number of the RUN that builds.
        paths: what the fetch reads, as paths of the build context.

    Raises:
        UnfitError: such a change stands behind something that cannot stand below, or cannot be told.
    """
    between = stage.steps[first:position]
    changing = {n for n, other in enumerate(between) if other.instruction.keyword in {"WORKDIR", "SHELL", "USER"}}
    installing = {n for n, other in enumerate(between) if _installs(other) and not _reads(model, stage, other)}
    setting = {n for n, other in enumerate(between) if other.instruction.keyword == "ENV"}
    read = [p.step for p in stage.placements if p.source in paths]
    placing = {n for n, other in enumerate(between) if other.role is Role.MANIFESTS or other in read}
    last = max(changing | installing | setting | placing, default=-1)
    for number, other in enumerate(between):
        keyword = other.instruction.keyword
        if number > last:
            if keyword == "RUN" and not _is_harmless(other):
                raise UnfitError(
                    other.instruction, "what this RUN leaves behind may be needed to fetch the dependencies"
                )
            continue
        movable = keyword in {"COPY", "ADD"} and not (changing and is_relative(other))
        if not movable and keyword not in {"WORKDIR", "ENV", "ARG", *TELLING} and number not in installing:
            why = "the folder, the shell or the user changes between the sources and the build"
            if keyword == "RUN":
                why = "this RUN stands between the sources and what fetching the dependencies needs"
            raise UnfitError(other.instruction if keyword == "RUN" else stage.steps[position].instruction, why)
    return first + last + 1


def _installs(step: Step) -> bool:
    """Whether a RUN does nothing but install packages and tools of the system."""
    lasting = {Purpose.PACKAGES, Purpose.TOOLS, Purpose.SETTINGS}
    return bool(step.purposes & lasting) and step.purposes <= {*lasting, Purpose.CLEANUP, Purpose.NEUTRAL}


def _reads(model: Model, stage: StageModel, step: Step) -> bool:
    """Whether a RUN names a file of the sources."""
    for command in step.script.commands if step.script is not None else ():
        for word in (*command.words[1:], *command.redirects):
            path = stage.context_path(join(step.before.workdir, word.text.lstrip("<> ")))
            if path is not None and model.app.root.exists(path):
                return True
    return False


def _is_harmless(step: Step) -> bool:
    """Whether a RUN only works on the sources."""
    names = {command.name for command in step.script.commands} if step.script is not None else {""}
    return step.purposes <= {Purpose.FOLDERS, Purpose.ACCOUNT, Purpose.CLEANUP, Purpose.NEUTRAL, Purpose.BUILD} or (
        names <= ON_FILES
    )


def _check_alone(step: Step, fetch: Fetch) -> None:
    """Refuse a RUN that prepares the build before it builds.

    Raises:
        UnfitError: with the command.
    """
    for command in step.script.commands if step.script is not None else ():
        if command.span.start < fetch.at and command.name not in ON_FILES:
            raise UnfitError(
                step.instruction, f"what {command.name} does before the build may be needed to fetch the dependencies"
            )
