"""Where a Dockerfile is built, and how far around it its facts are looked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dockfix.facts.files import WALK_LIMIT, Files, blob

if TYPE_CHECKING:
    from dockfix.dockerfile import Document
    from dockfix.facts import App

_OPERATIONS = re.compile(
    r"\.?(?:github|gitlab|circleci|ci|deploy(?:s|ments?)?|manifests?|charts?|kustomize|ops|devops"
    r"|(?:k8s|kubernetes|kube|helm)(?:[_-][\w-]+)?"
    r"|infra(?:structure)?|docker|compose|stacks?|environments?|env|dev|local|scripts?)",
    re.IGNORECASE,
)


class Nearby:
    """A repository in which a walk from the root sees only what concerns one Dockerfile.

    That is everything below the folders given, the files beside each folder on the way up to the root, and the folders
    there whose names say that they deploy or build something. So the answer does not hang on how the repository was
    reached, other apps of a large one do not count, and a walk does not cost a second.

    Args:
        base: the repository.
        folders: the Dockerfile's own folder, its context; paths from the root.
    """

    def __init__(self, base: Files, folders: Iterable[str]) -> None:
        self._base = base
        self._folders = tuple(sorted({folder.strip("/") for folder in folders}))
        self._walked: tuple[str, ...] | None = None
        self.read = base.read
        self.exists = base.exists
        self.is_dir = base.is_dir
        self.list = base.list

    def blob(self, path: str) -> str | None:
        """As :meth:`~dockfix.facts.files.Hashed.blob`."""
        return blob(self._base, path)

    def walk(self, folder: str = "", limit: int = WALK_LIMIT) -> Iterator[str]:
        """The files below *folder*; from the root, those that concern the Dockerfile."""
        if folder or "" in self._folders:
            yield from self._base.walk(folder, limit)
            return
        if limit != WALK_LIMIT:
            yield from dict.fromkeys(self._near(limit))
            return
        if self._walked is None:
            self._walked = tuple(dict.fromkeys(self._near(limit)))
        yield from self._walked

    def _near(self, limit: int) -> Iterator[str]:
        above = {str(parent) for folder in self._folders for parent in PurePosixPath(folder).parents}
        for folder in sorted({"" if path == "." else path for path in above}):
            for name in self._base.list(folder):
                path = f"{folder}/{name}" if folder else name
                if not self._base.is_dir(path):
                    yield path
                elif _OPERATIONS.fullmatch(name):
                    yield from self._base.walk(path, limit)
        for folder in self._folders:
            yield from self._base.walk(folder, limit)


def named(app: App) -> str | None:
    """The build context that compose names for the app's Dockerfile, else the one that CI names; ``None`` without."""
    for service in app.compose:
        if service.context is not None:
            return service.context.strip("/")
    for build in app.builds:
        if build.context is not None and app.files.is_dir(build.context):
            return build.context.strip("/")
    return None


def guess(document: Document, files: Files, dockerfile: str) -> str:
    """The context of a Dockerfile that nothing names.

    It is the nearest folder upward that holds everything that the file copies, since
    ``docker build -f docker/Dockerfile .`` is as common as a file beside its sources; else the file's own folder.
    """
    own = PurePosixPath(dockerfile).parent
    sources = [source for source in _copied(document) if source.strip("./")]
    for folder in (own, *own.parents):
        if all(_present(files, folder, source) for source in sources):
            return _text(folder)
    return _text(own)


def _copied(document: Document) -> Iterator[str]:
    for instruction in document.instructions:
        spec = instruction.copy
        if spec is not None and spec.from_ is None:
            yield from (source for source in spec.sources if "$" not in source and "://" not in source)


def _present(files: Files, folder: PurePosixPath, source: str) -> bool:
    path = _text(folder / source.lstrip("/"))
    fixed = re.split(r"[*?\[]", path, maxsplit=1)[0]
    if fixed == path:
        return files.exists(path)
    parent, _, start = fixed.rpartition("/")
    return any(name.startswith(start) for name in files.list(parent))


def _text(folder: PurePosixPath) -> str:
    return "" if folder == PurePosixPath() else folder.as_posix()
