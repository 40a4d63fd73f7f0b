"""Where companion files are read from: a folder, a dict, another of these with changes laid over it."""

from __future__ import annotations

import itertools
import os
import posixpath
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WALK_LIMIT = 20_000
_SKIPPED = frozenset(
    {".git", ".hg", ".svn", "node_modules", "bower_components", "venv", ".venv", "__pycache__", ".tox"}
)
_VENV_MARK = "pyvenv.cfg"
# Most paths, at a third of the price of posixpath.normpath.
_CLEAN = re.compile(r"[^/.\\][^/\\]*(?:/[^/.\\][^/\\]*)*")


# Bytes of the files that are kept to be read again for another Dockerfile, and of the longest of them.
_ROOM = 32_000_000
_KEPT = 200_000

_Kind = Literal["file", "folder", "linked folder", "other"]
_FOLDERS = ("folder", "linked folder")


@runtime_checkable
class Files(Protocol):
    """Files under relative posix paths; ``""`` is the root. A path that leaves the root does not exist."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file; None where there is no readable file."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at *path*."""
        ...

    def is_dir(self, path: str) -> bool:
        """Whether *path* is a folder."""
        ...

    def list(self, folder: str = "") -> tuple[str, ...]:
        """The names in *folder*, sorted; empty where it is no folder."""
        ...

    def walk(self, folder: str = "", limit: int = WALK_LIMIT) -> Iterator[str]:
        """Paths of at most *limit* files under *folder*, without version control, node_modules and virtual envs."""
        ...


@runtime_checkable
class Hashed(Protocol):
    """Files of which what they hold is known by git's name for it, without that all of them are read."""

    def blob(self, path: str) -> str | None:
        """The name that git gives to what a plain file holds; ``None`` for a link, and where there is no file."""
        ...


def blob(files: Files, path: str) -> str | None:
    """As :meth:`Hashed.blob`, of any files."""
    if isinstance(files, Hashed):
        return files.blob(path)
    data = files.read(path)
    return None if data is None else blob_name(data)


def blob_name(data: bytes) -> str:
    """The name of an object with these bytes: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    import hashlib

    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def normal(path: str) -> str | None:
    """*path* without ``.``, ``..`` and outer slashes; None when it leaves the root."""
    if _CLEAN.fullmatch(path):
        return path
    clean = posixpath.normpath(path.replace("\\", "/").lstrip("/") or ".")
    if clean == ".":
        return ""
    return None if clean == ".." or clean.startswith("../") else clean


def join(folder: str, path: str) -> str:
    """*path* taken from *folder*; a result that leaves the root keeps its ``..`` and so names nothing."""
    joined = posixpath.normpath(posixpath.join(folder, path) or ".")
    return "" if joined == "." else joined


def text(files: Files, path: str) -> str | None:
    """The text of a file as UTF-8, with undecodable bytes escaped and without a byte order mark."""
    data = files.read(path)
    return None if data is None else decoded(data)


def decoded(data: bytes) -> str:
    """The text of *data* as UTF-8, with undecodable bytes escaped and without a byte order mark."""
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def walked(files: Files, folder: str, limit: int) -> Iterator[str]:
    """As :meth:`Files.walk`. Breadth first, so that a limit cuts off the deepest files and not the last folders."""
    folders = [folder]
    for current in folders:
        names = files.list(current)
        if current != folder and _VENV_MARK in names:
            continue
        for name in names:
            path = f"{current}/{name}" if current else name
            if files.is_dir(path):
                if name not in _SKIPPED:
                    folders.append(path)
                continue
            if limit <= 0:
                return
            limit -= 1
            yield path


class Listed(ABC):
    """Files of which the names in every folder are known beforehand, as in a tree of git or in memory."""

    _folders: Mapping[str, Iterable[str]]
    """The names in each folder, by its path."""

    @abstractmethod
    def read(self, path: str) -> bytes | None: ...

    @abstractmethod
    def exists(self, path: str) -> bool: ...

    def is_dir(self, path: str) -> bool:
        return normal(path) in self._folders

    def list(self, folder: str = "") -> tuple[str, ...]:
        clean = normal(folder)
        return () if clean is None else tuple(sorted(self._folders.get(clean, ())))

    def walk(self, folder: str = "", limit: int = WALK_LIMIT) -> Iterator[str]:
        """Like :meth:`Files.walk`; links that lead to no file, and submodules, are left out."""
        clean = normal(folder)
        if clean is not None:
            yield from (path for path in walked(self, clean, limit) if self.exists(path))


class Folder:
    """A folder on disk, taken as it is when it is first looked at: each of its folders is listed, each file read, once.

    Symbolic links are followed only to what lies inside it.

    Args:
        root: the folder; every path is relative to it.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).resolve()
        self._top = str(self.root)
        self._listed: dict[str, dict[str, _Kind]] = {}
        self._kinds: dict[str, _Kind | None] = {"": "folder"}
        self._contents: dict[str, bytes] = {}
        self._room = _ROOM

    def __repr__(self) -> str:
        return f"Folder({self._top!r})"

    def _entries(self, folder: str) -> dict[str, _Kind]:
        """Names in a folder that exists, each with what it is."""
        if folder not in self._listed:
            found: dict[str, _Kind] = {}
            try:
                with os.scandir(f"{self._top}/{folder}") as entries:
                    for entry in entries:
                        if entry.is_symlink():
                            found[entry.name] = self._linked(entry.path)
                        else:
                            found[entry.name] = "folder" if entry.is_dir() else "file" if entry.is_file() else "other"
            except OSError:
                pass
            self._listed[folder] = dict(sorted(found.items()))
        return self._listed[folder]

    def _linked(self, path: str) -> _Kind:
        try:
            place = Path(path).resolve()
        except (OSError, RuntimeError):  # a loop of links
            return "other"
        if not place.is_relative_to(self.root):
            return "other"
        return "linked folder" if place.is_dir() else "file" if place.is_file() else "other"

    def _kind(self, path: str) -> _Kind | None:
        """What *path*, clean already, is; None where there is nothing."""
        if path not in self._kinds:
            parent, _, name = path.rpartition("/")
            self._kinds[path] = self._entries(parent).get(name) if self._kind(parent) in _FOLDERS else None
        return self._kinds[path]

    def read(self, path: str) -> bytes | None:
        clean = normal(path)
        if clean is None or self._kind(clean) != "file":
            return None
        known = self._contents.get(clean)
        if known is not None:
            return known
        try:
            data = Path(f"{self._top}/{clean}").read_bytes()
        except OSError:
            return None
        if len(data) <= min(_KEPT, self._room):
            self._contents[clean] = data
            self._room -= len(data)
        return data

    def blob(self, path: str) -> str | None:
        """As :meth:`Hashed.blob`."""
        clean = normal(path)
        data = None if clean is None or Path(f"{self._top}/{clean}").is_symlink() else self.read(clean)
        return None if data is None else blob_name(data)

    def exists(self, path: str) -> bool:
        clean = normal(path)
        return clean is not None and self._kind(clean) not in (None, "other")

    def is_dir(self, path: str) -> bool:
        clean = normal(path)
        return clean is not None and self._kind(clean) in _FOLDERS

    def list(self, folder: str = "") -> tuple[str, ...]:
        clean = normal(folder)
        return tuple(self._entries(clean)) if clean is not None and self._kind(clean) in _FOLDERS else ()

    def walk(self, folder: str = "", limit: int = WALK_LIMIT) -> Iterator[str]:
        """Like :meth:`Files.walk`; linked folders are not entered, linked files count when they lie inside."""
        start = normal(folder)
        if start is None or self._kind(start) not in _FOLDERS:
            return
        pending = [start]
        for place in pending:
            entries = self._entries(place)
            if place != start and _VENV_MARK in entries:
                continue
            for name, kind in entries.items():
                path = f"{place}/{name}" if place else name
                if kind == "folder" and name not in _SKIPPED:
                    pending.append(path)
                elif kind == "file":
                    if limit <= 0:
                        return
                    limit -= 1
                    yield path


class Tree(Listed):
    """Files held in memory.

    Args:
        contents: path → text or bytes.
    """

    def __init__(self, contents: Mapping[str, str | bytes]) -> None:
        self._contents: dict[str, bytes] = {}
        self._folders: dict[str, set[str]] = {"": set()}
        for path, content in contents.items():
            clean = normal(path)
            if not clean:
                raise ValueError(f"not a path inside the tree: {path!r}")
            self._contents[clean] = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
            while clean:
                clean, name = posixpath.split(clean)
                self._folders.setdefault(clean, set()).add(name)

    def read(self, path: str) -> bytes | None:
        clean = normal(path)
        return None if clean is None else self._contents.get(clean)

    def exists(self, path: str) -> bool:
        clean = normal(path)
        return clean is not None and (clean in self._contents or clean in self._folders)


class Overlay:
    """Other files with some of them changed or added.

    Args:
        base: what lies below.
        changes: path → new text or bytes.
    """

    def __init__(self, base: Files, changes: Mapping[str, str | bytes]) -> None:
        self.base = base
        self.changes = dict(changes)
        self._top = Tree(changes)

    def read(self, path: str) -> bytes | None:
        top = self._top.read(path)
        return self.base.read(path) if top is None else top

    def blob(self, path: str) -> str | None:
        """As :meth:`Hashed.blob`."""
        top = self._top.read(path)
        return blob(self.base, path) if top is None else blob_name(top)

    def exists(self, path: str) -> bool:
        return self._top.exists(path) or self.base.exists(path)

    def is_dir(self, path: str) -> bool:
        return self._top.is_dir(path) or (self.base.is_dir(path) and self._top.read(path) is None)

    def list(self, folder: str = "") -> tuple[str, ...]:
        return tuple(sorted({*self._top.list(folder), *self.base.list(folder)}))

    def walk(self, folder: str = "", limit: int = WALK_LIMIT) -> Iterator[str]:
        """Like :meth:`Files.walk`; files that are added come last."""
        added = (path for path in self._top.walk(folder, limit) if not self.base.exists(path))
        yield from itertools.islice(itertools.chain(self.base.walk(folder, limit), added), limit)


class Below:
    """The files under one folder of others, as the Docker daemon sees a build context: nothing outside exists.

    Args:
        base: the files that hold the folder.
        folder: its path in them.
    """

    def __init__(self, base: Files, folder: str) -> None:
        clean = normal(folder)
        if clean is None:
            raise ValueError(f"not a folder inside the files: {folder!r}")
        self.base = base
        self.folder = clean

    def _up(self, path: str) -> str | None:
        clean = normal(path)
        return None if clean is None else f"{self.folder}/{clean}".rstrip("/")

    def read(self, path: str) -> bytes | None:
        up = self._up(path)
        return None if up is None else self.base.read(up)

    def blob(self, path: str) -> str | None:
        """As :meth:`Hashed.blob`."""
        up = self._up(path)
        return None if up is None else blob(self.base, up)

    def exists(self, path: str) -> bool:
        up = self._up(path)
        return up is not None and self.base.exists(up)

    def is_dir(self, path: str) -> bool:
        up = self._up(path)
        return up is not None and self.base.is_dir(up)

    def list(self, folder: str = "") -> tuple[str, ...]:
        up = self._up(folder)
        return () if up is None else self.base.list(up)

    def walk(self, folder: str = "", limit: int = WALK_LIMIT) -> Iterator[str]:
        up = self._up(folder)
        for path in self.base.walk(up, limit) if up is not None else ():
            yield path[len(self.folder) + 1 :]


def below(files: Files, folder: str) -> Files:
    """*files* seen from *folder*; themselves where it is the root."""
    return Below(files, folder) if normal(folder) else files
