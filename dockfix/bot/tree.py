"""A git tree on a forge, as files for the planner: nothing is checked out, no link is followed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix.bot.forge import Entry, ForgeError
from dockfix.facts.files import Listed, normal

if TYPE_CHECKING:
    from dockfix.bot.forge import Objects, Remote

PLAIN = frozenset({"100644", "100755"})
FOLDER = "040000"
LARGEST_BLOB = 5_000_000
MOST_BYTES = 60_000_000
MOST_BLOBS = 600
"""Files read for one repository: more is no application, and would use up the forge's limit of requests."""
MOST_ENTRIES = 400_000
MOST_LISTINGS = 60

_LFS = b"version https://git-lfs.github.com/spec/"
# .git, and what Windows and macOS take for it: is_ntfs_dotgit in https://github.com/git/git/blob/master/path.c
_GIT = re.compile(r"\.git[\s.]*(?::.*)?|git~[0-9]+", re.IGNORECASE)
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


class TreeError(ForgeError):
    """A tree that is too large, or a file in it that cannot be read safely; ``str()`` says which and why."""


def is_safe(path: str) -> bool:
    """Whether *path* names something inside of a work tree, on every system, and nothing of git's own."""
    parts = path.split("/")
    return (
        bool(path)
        and not any(character in path for character in "\0\\")
        and all(part not in ("", ".", "..") for part in parts)
        and not any(_GIT.fullmatch(_IGNORED_BY_HFS.sub("", part)) for part in parts)
    )


async def listed(objects: Objects, remote: Remote, sha: str) -> Mapping[str, Entry]:
    """Every entry of a tree by its path; a listing that the forge cuts off is made up of those of its folders.

    Raises:
        TreeError: the tree is larger than a repository that is worth the requests.
    """
    found: dict[str, Entry] = {}
    pending = [("", sha)]
    for count, (folder, tree) in enumerate(pending):
        if count >= MOST_LISTINGS:
            raise TreeError(f"{remote.name}: its tree takes more than {MOST_LISTINGS} requests to list")
        listing = await objects.tree(remote, tree, recursive=True)
        if listing.truncated:
            listing = await objects.tree(remote, tree, recursive=False)
            if listing.truncated:
                raise TreeError(f"{remote.name}: the folder {folder or '.'} has more entries than the forge lists")
            pending += ((f"{folder}{entry.path}/", entry.sha) for entry in listing.entries if entry.mode == FOLDER)
        for entry in listing.entries:
            path = folder + entry.path
            if is_safe(path):
                found[path] = entry
        if len(found) > MOST_ENTRIES:
            raise TreeError(f"{remote.name}: has more than {MOST_ENTRIES:,} files")
    return found


@dataclass
class TreeFiles(Listed):
    """The files of a tree. Links, submodules and what is kept in Git LFS do not exist as files.

    Attributes:
        entries: the tree.
        fetch: gives the bytes of a blob.
    """

    entries: Mapping[str, Entry]
    fetch: Callable[[str], bytes]
    _folders: dict[str, dict[str, bool]] = field(default_factory=dict)
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _bytes: int = 0

    def __post_init__(self) -> None:
        """Index the folders: names in each, with whether it is a folder; links and submodules are names alone."""
        self._folders[""] = {}
        for path, entry in self.entries.items():
            if entry.mode == FOLDER:
                self._folders.setdefault(path, {})
            parent, _, name = path.rpartition("/")
            self._folders.setdefault(parent, {})[name] = entry.mode == FOLDER

    def read(self, path: str) -> bytes | None:
        """The bytes of a plain file.

        Raises:
            TreeError: it is larger, or more has been read already, than is worth the requests.
        """
        entry = self._entry(path)
        if entry is None or entry.mode not in PLAIN:
            return None
        data = self._blobs.get(entry.sha)
        if data is None:
            if (entry.size or 0) > LARGEST_BLOB:
                raise TreeError(f"{path}: has {entry.size:,} bytes; more than {LARGEST_BLOB:,} are not read")
            if len(self._blobs) >= MOST_BLOBS or self._bytes > MOST_BYTES:
                raise TreeError(f"{path}: more than {len(self._blobs)} files would have to be read")
            data = self.fetch(entry.sha)
            self._blobs[entry.sha] = data
            self._bytes += len(data)
        return None if data.startswith(_LFS) else data

    def blob(self, path: str) -> str | None:
        """As :meth:`~dockfix.facts.files.Hashed.blob`; nothing is fetched."""
        entry = self._entry(path)
        return entry.sha if entry is not None and entry.mode in PLAIN else None

    def exists(self, path: str) -> bool:
        entry = self._entry(path)
        return self.is_dir(path) or (entry is not None and entry.mode in PLAIN)

    def editable(self, path: str) -> str | None:
        """Why no edit of *path* may be committed; ``None`` where one may."""
        if not is_safe(path):
            return "is no path for a file of a work tree"
        entry = self.entries.get(path)
        if entry is not None and entry.mode not in PLAIN:
            return "is a symbolic link, a submodule or a folder"
        folders = path.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            above = self.entries.get("/".join(folders[:depth]))
            if above is not None and above.mode != FOLDER:
                return "lies behind a symbolic link, a submodule or a file"
        if entry is not None and self._blobs.get(entry.sha, b"").startswith(_LFS):
            return "is kept in Git LFS"
        return None

    def _entry(self, path: str) -> Entry | None:
        clean = normal(path)
        return None if clean is None else self.entries.get(clean)
