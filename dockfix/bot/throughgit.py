"""The objects and branches of a repository by plain git, while all else goes through the forge's API.

For trees that are too large for an API, and for a forge whose API cannot move a branch as it must be moved.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from dockfix.bot.forge import Forge, ForgeError, Head, Listing, MovedError, Objects, Push, Remote
from dockfix.bot.git import Git, connected


@dataclass(frozen=True)
class ThroughGit:
    """One repository and the forks of it, whose objects a bare repository here holds.

    Attributes:
        forge: the forge.
        git: that repository, connected with the one that is proposed to.
    """

    forge: Forge
    git: Git

    async def head(self, remote: Remote, branch: str) -> Head | None:
        try:
            return await self._of(remote).fetch(branch)
        except ForgeError as error:
            if "couldn't find remote ref" in str(error):
                return None
            raise

    async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
        return Listing(await self.git.entries(sha))

    async def blob(self, remote: Remote, sha: str, limit: int) -> bytes:
        return await self.git.blob(sha, limit)

    async def push(self, remote: Remote, push: Push) -> str:
        target = push.target
        if not await self.git.holds(push.base.commit):
            head = await self.head(target, target.default_branch)
            if head is None or head.commit != push.base.commit:
                raise MovedError(f"{target.name}: {target.default_branch} has moved")
        commit = await self.git.commit(push.base.commit, push.edits, lambda tree: self.forge.sealed(push, tree))
        there = self._of(remote)
        try:
            await there.push(commit, push.branch, push.expected)
        except ForgeError as error:
            # A fork that lags behind lacks what the commit stands on, and all before it that is new.
            if "shallow update not allowed" not in str(error):
                raise
            await self._of(target).deepen(target.default_branch)
            await there.push(commit, push.branch, push.expected)
        return commit

    async def delete_branch(self, remote: Remote, branch: str, expected: str) -> None:
        await self._of(remote).delete(branch, expected)

    def _of(self, remote: Remote) -> Git:
        url = _address(remote)
        if urlsplit(url)[:2] != urlsplit(self.git.url)[:2]:
            raise ForgeError(f"{remote.name}: lies on another host than what it is a fork of, and gets no token")
        return replace(self.git, url=url)


@asynccontextmanager
async def through_git(forge: Forge, remote: Remote, *, signer: str = "") -> AsyncIterator[Objects]:
    """The objects of one repository, in a place that is gone afterwards.

    Args:
        forge: the forge.
        remote: the repository.
        signer: ``NAME <ADDRESS>`` of who signs commits off, and so is their author; by default the account is.
    """
    access = await forge.access(remote)
    if signer:
        name, _, mail = signer.removesuffix(">").partition(" <")
        access = replace(access, author=(name, mail))
    async with connected(_address(remote), access) as git:
        yield ThroughGit(forge, git)


def _address(remote: Remote) -> str:
    return f"{remote.link}.git"
