"""Hubs whose repositories are real ones of git on disk, and can be fetched from and pushed to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from .gitlab_hub import GitLabHub
from .gitserver import PUSH, GitServer, git
from .hub import Hub, Repo, Request, Tree

T = TypeVar("T")


class Kept(Mapping[str, T], Generic[T]):
    """The objects of one type in a repository, by their names."""

    def __init__(self, bare: Path, type_: str, read: Callable[[Path, str], T]) -> None:
        self.bare = bare
        self.type = type_
        self.read = read

    def __getitem__(self, sha: str) -> T:
        if sha not in self:
            raise KeyError(sha)
        return self.read(self.bare, sha)

    def __contains__(self, sha: object) -> bool:
        checked = git("cat-file", "--batch-check", place=self.bare, stdin=f"{sha}\n".encode())
        return checked.decode().split()[1] == self.type

    def __iter__(self) -> Iterator[str]:
        listed = git("cat-file", "--batch-all-objects", "--batch-check", place=self.bare).decode()
        return (line.split()[0] for line in listed.splitlines() if line.split()[1] == self.type)

    def __len__(self) -> int:
        return len([*iter(self)])


class Refs(MutableMapping[str, str]):
    """The branches of a repository."""

    def __init__(self, bare: Path) -> None:
        self.bare = bare

    def _all(self) -> dict[str, str]:
        listed = git("for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads", place=self.bare)
        return dict(line.rsplit(" ", 1) for line in listed.decode().splitlines())

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __setitem__(self, name: str, sha: str) -> None:
        git("update-ref", f"refs/heads/{name}", sha, place=self.bare)

    def __delitem__(self, name: str) -> None:
        git("update-ref", "-d", f"refs/heads/{name}", place=self.bare)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


@dataclass
class GitRepo(Repo):
    bare: Path = Path()

    def __post_init__(self) -> None:
        self.blobs = Kept(self.bare, "blob", _blob)  # type: ignore[assignment]
        self.trees = Kept(self.bare, "tree", _tree)  # type: ignore[assignment]
        self.commits = Kept(self.bare, "commit", _commit)  # type: ignore[assignment]
        self.refs = Refs(self.bare)  # type: ignore[assignment]

    def blob(self, content: bytes) -> str:
        return git("hash-object", "-w", "--stdin", place=self.bare, stdin=content).decode().strip()

    def tree(self, entries: Tree) -> str:
        index = self.bare / "index-of-tests"
        index.unlink(missing_ok=True)
        lines = "".join(f"{mode} {sha}\t{path}\0" for path, (mode, sha) in entries.items())
        git("update-index", "-z", "--index-info", place=self.bare, stdin=lines.encode(), GIT_INDEX_FILE=str(index))
        return git("write-tree", "--missing-ok", place=self.bare, GIT_INDEX_FILE=str(index)).decode().strip()

    def commit_tree(self, tree: str, message: str, parents: list[str]) -> str:
        options = [option for parent in parents for option in ("-p", parent)]
        made = git("commit-tree", tree, *options, "-F", "-", place=self.bare, stdin=message.encode())
        return made.decode().strip()


def _blob(bare: Path, sha: str) -> bytes:
    return git("cat-file", "blob", sha, place=bare)


def _tree(bare: Path, sha: str) -> Tree:
    listed = git("ls-tree", "-r", "-z", sha, place=bare).decode("utf-8", "surrogateescape")
    heads = (line.partition("\t") for line in listed.split("\0") if line)
    return {path: (about.split()[0], about.split()[2]) for about, _, path in heads}


def _commit(bare: Path, sha: str) -> dict[str, Any]:
    head, _, message = git("cat-file", "commit", sha, place=bare).decode().partition("\n\n")
    fields = [line.split(" ", 1) for line in head.splitlines()]
    parents = [value for key, value in fields if key == "parent"]
    return {"message": message, "tree": dict(fields)["tree"], "parents": parents}


class OnDisk(Hub):
    """What makes a hub one on disk. Pushes are among its requests, with the method ``PUSH``."""

    through_git = True

    def __init__(self, account: str = "dockfix-bot") -> None:
        super().__init__(account)
        self.folder = Path(tempfile.mkdtemp(prefix="dockfix-hub-"))
        self.server = GitServer(self.folder, self._denies)
        self.base = self.server.address + self.prefix

    def _denies(self, target: str, headers: Mapping[str, str]) -> bool:
        if PUSH not in target:
            return False
        name = target.lstrip("/").partition(".git/")[0]
        if target.endswith(PUSH) and "?" not in target:
            lower = {key.lower(): value for key, value in headers.items()}
            self.requests.append(Request("PUSH", f"/{name}", {}, lower, b""))
        return not self.repos[name].push or bool(self.repos[name].flags.get("archived"))

    def made(self, name: str, **extra: Any) -> Repo:
        return GitRepo(name, bare=self.server.create(name), **extra)

    def forked(self, repo: Repo, name: str) -> Repo:
        assert isinstance(repo, GitRepo)
        bare = self.server.create(name, "clone", "-q", "--bare", "--single-branch", str(repo.bare))
        return GitRepo(name, repo.default, parent=repo.name, bare=bare)

    def synchronised(self, repo: Repo, upstream: Repo, branch: str) -> None:
        assert isinstance(repo, GitRepo) and isinstance(upstream, GitRepo)
        git("fetch", "-q", str(upstream.bare), f"+refs/heads/{branch}:refs/heads/{branch}", place=repo.bare)

    def link(self, repo: Repo) -> str:
        return f"{self.server.address}/{repo.name}"

    def close(self) -> None:
        self.server.close()
        shutil.rmtree(self.folder)


class HubOnDisk(OnDisk):
    """GitHub."""

    before_push = ("GET", "/pulls")


class GitLabHubOnDisk(OnDisk, GitLabHub):
    """GitLab."""

    before_push = ("GET", "/merge_requests")
