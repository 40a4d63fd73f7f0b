"""The files of a commit, read from git's objects: nothing is checked out, and nothing of the repository runs."""

from __future__ import annotations

import os
import posixpath
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from dockfix.facts.files import Listed, normal

if TYPE_CHECKING:
    import subprocess

_SECONDS = 60.0
_FOLDER, _LINK, _SUBMODULE = "040000", "120000", "160000"
_PLAIN = {"100644": 0o644, "100664": 0o644, "100755": 0o755}
_MOST_LINKS = 40
"""As many in a row as Linux follows: https://man7.org/linux/man-pages/man7/path_resolution.7.html"""

# what a partial clone lacks would be fetched otherwise, by programs that the repository's settings name:
# https://git-scm.com/docs/partial-clone
_ALONE = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# set where git runs dockfix as a hook, and would lead to another repository than the one asked for
_ELSEWHERE = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"})


class CommitError(Exception):
    """A commit that cannot be read; ``str()`` says which and why."""


class _Entry(NamedTuple):
    mode: str
    sha: str


class Commit(Listed):
    """The files of a commit. A link to a file reads as that file, one to a folder as nothing; submodules are empty.

    Args:
        root: the folder that holds ``.git``.
        revision: what git understands as a commit: a branch, a tag, ``HEAD~1``.

    Raises:
        CommitError: there is no git, no repository, or no such commit.
    """

    def __init__(self, root: Path, revision: str) -> None:
        self.root = root
        self.revision = revision
        if revision.startswith("-"):
            raise CommitError(f"{revision!r} names no commit")
        self.sha = self._git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
        self._entries: dict[str, _Entry] = {}
        self._folders: dict[str, list[str]] = {"": []}
        self._pipes: tuple[IO[bytes], IO[bytes]] | None = None
        for line in self._git("ls-tree", "-r", "-t", "-z", "--full-tree", self.sha).split(b"\0"):
            words, _, path = line.decode("utf-8", "surrogateescape").partition("\t")
            # git makes no others, but whoever writes the objects can
            if path and normal(path) == path and ".git" not in path.lower().split("/"):
                self._add(path, words.split()[0], words.split()[2])

    def __str__(self) -> str:
        return f"commit {self.revision}"

    def read(self, path: str) -> bytes | None:
        entry = self._plain(path)
        return self._blob(entry.sha) if entry is not None else None

    def blob(self, path: str) -> str | None:
        """As :meth:`~dockfix.facts.files.Hashed.blob`."""
        clean = normal(path)
        entry = self._entries.get(clean) if clean is not None else None
        return entry.sha if entry is not None and entry.mode in _PLAIN else None

    def exists(self, path: str) -> bool:
        return self.is_dir(path) or self._plain(path) is not None

    def export(self, place: Path) -> None:
        """Write every file into the new folder *place*, with its mode, and as the object has it: no filter is run.

        Raises:
            OSError: one cannot be written.
        """
        for folder in sorted(self._folders):
            (place / folder).mkdir()
        for path, entry in self._entries.items():
            if entry.mode in _PLAIN:
                (place / path).write_bytes(self._blob(entry.sha))
                (place / path).chmod(_PLAIN[entry.mode])
        # last, so that nothing is written through one
        for path, entry in self._entries.items():
            if entry.mode == _LINK:
                (place / path).symlink_to(os.fsdecode(self._blob(entry.sha)))

    def _add(self, path: str, mode: str, sha: str) -> None:
        parent, _, name = path.rpartition("/")
        self._folders.setdefault(parent, []).append(name)
        if mode in {_FOLDER, _SUBMODULE}:
            self._folders.setdefault(path, [])
        else:
            self._entries[path] = _Entry(mode, sha)

    def _plain(self, path: str) -> _Entry | None:
        """The file at *path*, or the one that a link there leads to."""
        clean = normal(path)
        for _ in range(_MOST_LINKS):
            entry = self._entries.get(clean) if clean is not None else None
            if clean is None or entry is None or entry.mode != _LINK:
                return entry if entry is not None and entry.mode in _PLAIN else None
            target = self._blob(entry.sha).decode("utf-8", "surrogateescape")
            clean = None if target.startswith("/") else normal(posixpath.join(posixpath.dirname(clean), target))
        return None

    def _blob(self, sha: str) -> bytes:
        if self._pipes is None:
            self._pipes = self._opened()
        questions, answers = self._pipes
        questions.write(f"{sha}\n".encode())
        questions.flush()
        _, _, size = answers.readline().partition(b" blob ")
        if not size:
            raise CommitError(f"{self.root} lacks the object {sha}, as a partial clone may")
        data = answers.read(int(size))
        answers.read(1)
        return data

    def _opened(self) -> tuple[IO[bytes], IO[bytes]]:
        """One command for all objects: one for each would take longer than reading them."""
        import subprocess

        process = subprocess.Popen(
            _command(self.root, "cat-file", "--batch"),
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        weakref.finalize(self, _end, process)
        return process.stdin, process.stdout

    def _git(self, *arguments: str) -> bytes:
        import subprocess

        try:
            done = subprocess.run(
                _command(self.root, *arguments),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CommitError(f"git: {error}") from error
        if done.returncode:
            complaint = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            raise CommitError(complaint or f"no such commit in {self.root}")
        return done.stdout


def _command(root: Path, *arguments: str) -> list[str]:
    return ["git", "-C", str(root), "--no-pager", *arguments]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _ELSEWHERE} | _ALONE


def _end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()  # which closes its input, and so ends it
