"""Where the files of the build context lie in an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import basename, normpath
from typing import TYPE_CHECKING

from dockfix.dockerfile import expand
from dockfix.model import config as configs
from dockfix.model.roles import is_manifest

if TYPE_CHECKING:
    from dockfix.facts import App
    from dockfix.model.stages import Step


@dataclass(frozen=True, slots=True)
class Placement:
    """Files of the build context and where a COPY puts them.

    Attributes:
        source: path in the context, without globs; empty for the whole of it.
        target: absolute path in the image that *source* itself becomes.
        folder: whether the source is a folder, whose contents are what is copied.
        step: the COPY or ADD.
    """

    source: str
    target: str
    folder: bool
    step: Step


def placements_of(app: App, step: Step, folders: Set[str]) -> list[Placement]:
    """Where the files of a COPY or ADD go; of *folders* it is known that they exist by then."""
    copy = step.instruction.copy
    if copy is None or copy.from_ is not None:
        return []
    found = []
    environment = {**step.arguments, **step.before.env}
    target = configs.join(step.before.workdir, expand(copy.destination, environment) or copy.destination)
    into_folder = copy.destination.endswith("/") or target in folders or len(copy.sources) > 1
    for source in copy.sources:
        # BuildKit takes every source from the context's root, which `..` does not leave:
        # https://docs.docker.com/reference/dockerfile/#source
        path = normpath(f"/{expand(source, environment) or source}").lstrip("/")
        if any(character in path for character in "*?["):
            matches = _matching(app, path)
            for match in matches:
                folder = app.root.is_dir(match)
                # of a folder Docker copies the contents, not the folder itself; a single file takes a new name
                whole = folder or (len(matches) == 1 and not into_folder)
                found.append(Placement(match, target if whole else configs.join(target, basename(match)), folder, step))
        elif path == "" or app.root.is_dir(path):
            found.append(Placement(path, target, True, step))
        else:
            name = configs.join(target, basename(path)) if into_folder else target
            found.append(Placement(path, name, False, step))
    return found


def sources_of(placements: Iterable[Placement], path: str) -> Iterator[str]:
    """What *placements* may have brought to a path of the image, as paths of the context, the likeliest first.

    Args:
        placements: in order; one that names the file itself has brought it.
        path: the path in the image.
    """
    for placement in reversed([*placements]):
        target = placement.target.rstrip("/")
        if path == placement.target:
            yield placement.source
            if not placement.folder:
                return
        elif placement.folder and path.startswith(f"{target}/"):
            inner = path[len(target) + 1 :]
            yield f"{placement.source}/{inner}" if placement.source else inner


def renames_manifest(placement: Placement) -> bool:
    """Whether a COPY gives a manifest a name under which no package manager finds it.

    So does ``COPY package.json ./app`` where no folder ``app`` exists: the destination becomes a file. The requirements
    of pip may have any name.
    """
    if placement.folder or is_manifest(placement.target):
        return False
    return not placement.source.endswith((".txt", ".in"))


def _matching(app: App, pattern: str) -> list[str]:
    folder, _, last = pattern.rpartition("/")
    if any(character in folder for character in "*?["):
        return []
    names = sorted(name for name in app.root.list(folder) if fnmatchcase(name, last))
    return [f"{folder}/{name}" if folder else name for name in names]
