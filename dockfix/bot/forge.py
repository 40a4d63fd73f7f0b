"""What the bot needs of a forge: a few values, and the protocols that each forge's module implements."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from dockfix.bot.secret import Secret


class ForgeError(Exception):
    """The forge did not do what was asked; ``str()`` says what and why, without any secret."""


class RefusedError(ForgeError):
    """The forge says no: the account may not, the thing does not exist, or it is not in a state for that.

    Attributes:
        status: the HTTP status.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class MovedError(ForgeError):
    """A branch is no longer where it was: somebody pushed meanwhile, and nothing was overwritten."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository on a forge.

    Attributes:
        name: ``owner/name``; on GitLab with all groups.
        default_branch: its default branch.
        can_push: whether the account may push branches.
        can_fork: whether the account may fork it.
        archived: nothing can be changed in it any more.
        disabled: the forge has switched it, or its pull requests, off.
        is_fork: it is a fork.
        parent: what it is a fork of, where that is known.
        link: its page for a person.
    """

    name: str
    default_branch: str
    can_push: bool = True
    can_fork: bool = True
    archived: bool = False
    disabled: bool = False
    is_fork: bool = False
    parent: str | None = None
    link: str = ""

    @property
    def owner(self) -> str:
        """The account or group that it belongs to."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Head:
    """The commit at the end of a branch, and its tree."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a git tree.

    Attributes:
        path: from the root of the listing that it came in.
        mode: git's mode, ``100644`` for a plain file.
        sha: the object.
        size: bytes of a blob, where the forge tells.
    """

    path: str
    mode: str
    sha: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A tree as the forge lists it; *truncated* where it left entries out."""

    entries: tuple[Entry, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, as far as the bot looks at it.

    Attributes:
        sha: its id.
        message: its message.
        parents: the ids of its parents.
        untouched: whether it is a commit of the bot that nobody has amended; each forge has its own way to tell.
    """

    sha: str
    message: str
    parents: tuple[str, ...]
    untouched: bool


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file of a commit.

    Attributes:
        path: from the root of the repository.
        content: the new bytes.
        mode: ``100644`` or ``100755``.
        before: the blob that it replaces, ``None`` for a new file.
    """

    path: str
    content: bytes
    mode: str
    before: str | None


@dataclass(frozen=True, slots=True)
class Push:
    """A commit to make on a branch.

    Attributes:
        branch: its name.
        target: the repository that is proposed to; the branch lies in it, or in a fork of it.
        base: what the commit stands on: the end of the target's default branch.
        message: the commit's message.
        edits: its files.
        expected: the commit at which the branch must still stand; ``None`` where there must be no such branch.
    """

    branch: str
    target: Remote
    base: Head
    message: str
    edits: tuple[FileEdit, ...]
    expected: str | None


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request.

    Attributes:
        number: its number in the repository.
        state: ``open``, ``merged``, or ``closed`` without a merge.
        title: its title.
        body: its description.
        head: the commit that it proposes.
        base: the branch that it proposes to.
        link: its page for a person.
    """

    number: int
    state: Literal["open", "merged", "closed"]
    title: str
    body: str
    head: str
    base: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class NewPull:
    """A pull request to open.

    Attributes:
        title: its title.
        body: its description.
        branch: the branch that it proposes.
        source: the repository that holds the branch: the same one, or a fork.
        base: the branch that it proposes to.
        draft: whether it is opened as a draft.
    """

    title: str
    body: str
    branch: str
    source: Remote
    base: str
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What plain git needs of a forge.

    Attributes:
        secret: the token, ``None`` for nobody's.
        author: the name and mail address that commits bear.
        user: the name that goes with the token: forges differ in it.
    """

    secret: Secret | None
    author: tuple[str, str]
    user: str


class Objects(Protocol):
    """The git objects and branches of repositories, by a forge's API or by plain git.

    Every method may raise :class:`ForgeError`. A method that writes leaves exactly one result, whatever answer got
    lost: where that is unclear it reads before it repeats.
    """

    async def head(self, remote: Remote, branch: str) -> Head | None:
        """The end of a branch; ``None`` where there is no such branch."""
        ...

    async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
        """The entries of a tree."""
        ...

    async def blob(self, remote: Remote, sha: str, limit: int) -> bytes:
        """The bytes of a blob, of which there are at most *limit*."""
        ...

    async def push(self, remote: Remote, push: Push) -> str:
        """Make one commit and point its branch at it; the commit's id.

        Raises:
            MovedError: the branch does not stand where it was expected.
        """
        ...

    async def delete_branch(self, remote: Remote, branch: str, expected: str) -> None:
        """Delete a branch that still stands at the commit *expected*; otherwise :class:`MovedError`."""
        ...


class Forge(Objects, Protocol):
    """A forge, reached as one account.

    Attributes:
        noun: what it calls a pull request.
    """

    noun: ClassVar[str]

    async def account(self) -> str:
        """The name of the account."""
        ...

    def remotes(self, organisation: str) -> AsyncIterator[str]:
        """The names of the repositories of an organisation, group or account."""
        ...

    async def remote(self, name: str) -> Remote:
        """The repository *name*."""
        ...

    async def access(self, remote: Remote) -> Access:
        """What git needs to fetch *remote* and to push to it and its forks.

        Raises:
            ForgeError: it lies on another host than the API, which gets no token.
        """
        ...

    async def branches(self, remote: Remote, prefix: str) -> Mapping[str, str]:
        """The branches whose names begin with *prefix*, each with its commit."""
        ...

    async def commit(self, remote: Remote, sha: str) -> Commit:
        """A commit."""
        ...

    def sealed(self, push: Push, tree: str) -> str:
        """The message of a commit that git makes, by which :meth:`commit` knows it again; *tree* is what it holds."""
        ...

    async def pulls(self, remote: Remote, branch: str, source: Remote) -> Sequence[Pull]:
        """The pull requests from *branch* of *source*, in every state, the newest first."""
        ...

    async def open(self, remote: Remote, new: NewPull) -> Pull:
        """Open a pull request, or find the one that is open for the same branch already."""
        ...

    async def edit(self, remote: Remote, pull: Pull, *, title: str, body: str) -> None:
        """Give a pull request another title and description."""
        ...

    async def close(self, remote: Remote, pull: Pull, *, body: str) -> None:
        """Close a pull request, and give it a last description."""
        ...

    async def label(self, remote: Remote, pull: Pull, labels: Sequence[str]) -> None:
        """Add labels to a pull request."""
        ...

    async def ask(self, remote: Remote, pull: Pull, reviewers: Sequence[str]) -> None:
        """Ask people, or ``organisation/team``, for a review."""
        ...

    def comments(self, remote: Remote, pull: Pull) -> AsyncIterator[str]:
        """The comments on a pull request."""
        ...

    async def comment(self, remote: Remote, pull: Pull, text: str) -> None:
        """Comment on a pull request."""
        ...

    async def fork(self, remote: Remote, *, create: bool) -> Remote | None:
        """The account's fork of a repository, if *create* as far up to date as :meth:`push` needs it.

        Args:
            remote: the repository to fork.
            create: make the fork where there is none; otherwise the answer is ``None`` then.
        """
        ...

    async def close_connections(self) -> None:
        """Let go of every connection."""
        ...
