"""The COPYs at the end of a stage that have nothing to do with some folders, which may as well be made above them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.model.config import covers, join

if TYPE_CHECKING:
    from dockfix.model import Model, Step

SETTLING = frozenset({"RUN", "COPY", "ADD", "WORKDIR", "USER"})
"""Instructions that make or bring files, or say where and as whom."""


def bystanders(model: Model, paths: Sequence[str], owned: Collection[Step] = ()) -> list[Step]:
    """The last COPYs of the final stage, unless one of them brings some of *paths* or makes a folder around them.

    What stands above them is not made again after an edit of what they bring.

    Args:
        model: the Dockerfile with its app.
        paths: absolute paths of the image.
        owned: the COPYs that give what they bring to the owner of *paths*: a folder that only a developer's machine has
            would come as root's by any other.
    """
    copies: list[Step] = []
    for step in reversed(model.final.steps):
        if step.instruction.keyword == "COPY":
            if not _passes_by(model, step, paths, owned):
                return []
            copies.insert(0, step)
        elif step.instruction.keyword in SETTLING:
            break
    return copies


def _passes_by(model: Model, step: Step, paths: Sequence[str], owned: Collection[Step]) -> bool:
    copy = step.instruction.copy
    if copy is None or copy.link:
        return False
    target = join(step.before.workdir, copy.destination)
    if any(covers(path, target) for path in paths):
        return False
    below = [path for path in paths if covers(target, path)]
    if not below:
        return True
    # the owner of the folder itself is the same in either order where WORKDIR has made it
    made = covers(target, step.before.workdir)
    return made and step in owned and copy.from_ is None and not any(_brought(model, path) for path in below)


def _brought(model: Model, path: str) -> bool:
    """Whether the context has something at *path*, be it a link that leads elsewhere."""
    source = model.final.context_path(path)
    return source is not None and basename(source) in model.app.root.list(dirname(source))
