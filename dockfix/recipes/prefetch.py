"""A stage whose dependencies are fetched by the manifests alone, above the sources that its build copies."""

from __future__ import annotations

from dataclasses import dataclass

from dockfix.dockerfile.layout import Gap, Item, Keep, New
from dockfix.model import Model, Purpose, Role, StageModel, Step
from dockfix.recipes.ecosystems import fetching
from dockfix.recipes.manifests import Fetch, copies
from dockfix.recipes.presence import absent
from dockfix.recipes.sources import check_flags, is_relative, is_sources
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span


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
        if Purpose.BUILD not in step.purposes:
            continue
        above = stage.steps[:position]
        placed = [p for p in stage.placements if p.step in above and p.folder and p.step.role is Role.SOURCES]
        copied = [p.step for p in placed if is_sources(model, p, step.before.workdir)]
        if not copied or any(Purpose.INSTALL in other.purposes for other in above):
            continue
        if any(Purpose.BUILD in other.purposes for other in above[: above.index(copied[0])]):
            continue  # a build without the sources, which fetches what the next one needs
        fetch = fetching(model, stage, step)
        if fetch is None:
            continue
        first = stage.steps.index(copied[0])
        last = _settled_at(stage, first, position)
        check_flags(copied[0])
        staying = [other for other in above if other not in copied]
        paths = absent(stage, fetch.paths, staying, copied)
        lines = copies(model, stage, step, [other for other in above if other in copied], paths)
        gap = (Gap(),) if model.document.spacious or model.document.gap_above(copied[0].instruction) else ()
        moved = [other for other in stage.steps[first:last] if other in copied]
        steps = [*stage.steps[:first], *(other for other in stage.steps[first:last] if other not in copied)]
        head = (*(Keep(other.instruction) for other in steps), *gap, *(New(line) for line in (*lines, *fetch.lines)))
        rest = [Keep(o.instruction, _edits(fetch) if o is step else ()) for o in (*moved, *stage.steps[last:])]
        return Prefetch((*head, *gap, *rest), copied[0], len(steps), len(head), fetch.why)
    return None


def _edits(fetch: Fetch) -> tuple[Edit, ...]:
    """What changes in the RUN that builds."""
    if fetch.first is None:
        return ()
    at, text = fetch.first
    return (Edit(Span(at, at), text),)


def _settled_at(stage: StageModel, first: int, position: int) -> int:
    """The number of the step from which on the folder of the build does not change.

    Args:
        stage: the stage.
        first: the number of the first copy of the sources.
        position: the number of the RUN that builds.

    Raises:
        UnfitError: the folder, the shell or the user changes behind something that cannot stand below.
    """
    between = stage.steps[first:position]
    changing = {n for n, other in enumerate(between) if other.instruction.keyword in {"WORKDIR", "SHELL", "USER"}}
    settling = changing | {n for n, other in enumerate(between) if other.role is Role.MANIFESTS}
    last = max(settling, default=-1)
    for other in between[: last + 1]:
        keyword = other.instruction.keyword
        movable = keyword in {"COPY", "ADD"} and not (changing and is_relative(other))
        if not movable and keyword not in {"WORKDIR", "ENV", "ARG"}:
            why = "the folder, the shell or the user changes between the sources and the build"
            raise UnfitError(stage.steps[position].instruction, why)
    return first + last + 1
