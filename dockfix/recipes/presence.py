"""Which manifests stand where an install reads them before the sources are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockfix.model.config import join

if TYPE_CHECKING:
    from dockfix.model import Placement, StageModel, Step


def absent(stage: StageModel, paths: Sequence[str], steps: Sequence[Step], sources: Sequence[Step]) -> list[str]:
    """Those of *paths* that nothing above the sources brings to where the sources bring them.

    A copy to another place, or under another name, is of no use to the install, unless that names the place itself as
    ``pip install -r /tmp/requirements.txt`` does.

    Args:
        stage: the stage.
        paths: what the install reads, as paths of the build context.
        steps: the steps that stay above the sources, the install among them.
        sources: the copies of the sources.
    """
    text = " ".join(step.instruction.value for step in steps if step.script is not None)
    brought = [p for p in stage.placements if p.step in sources]

    def stands(path: str) -> bool:
        wanted = next((place for p in reversed(brought) if (place := place_in(p, path)) is not None), None)
        places = [p.target for p in stage.placements if p.step in steps and p.source == path]
        return any(wanted in {None, place} or place in text for place in places)

    return [path for path in paths if not stands(path)]


def place_in(placement: Placement, path: str) -> str | None:
    """Where a copy puts a file or folder of the build context; ``None`` where it does not bring it."""
    if placement.source == path:
        return placement.target
    if not placement.folder or (placement.source and not path.startswith(f"{placement.source}/")):
        return None
    return join(placement.target, path[len(placement.source) :].lstrip("/"))
