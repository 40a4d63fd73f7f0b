"""GitHub where its API cannot list a tree: files go through git, pull requests through the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx

from dockfix.bot.forge import Forge, ForgeError, Head, Listing, Push, Remote
from dockfix.bot.git import Git, connected
from dockfix.bot.github import GitHub
from dockfix.bot.seal import sealed


@dataclass(frozen=True)
class ThroughGit(GitHub):
    """GitHub, for one repository, whose objects a bare repository here holds.

    Attributes:
        git: that repository.
    """

    git: Git | None = None

    async def head(self, remote: Remote, branch: str) -> Head | None:
        try:
            return await self._of(remote).fetch(branch)
        except ForgeError as error:
            if "couldn't find remote ref" in str(error):
                return None
            raise

    async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
        return Listing(await self._of(remote).entries(sha))

    async def blob(self, remote: Remote, sha: str, limit: int) -> bytes:
        return await self._of(remote).blob(sha, limit)

    async def push(self, remote: Remote, push: Push) -> str:
        git = self._of(remote)
        commit = await git.commit(push.base.commit, push.edits, lambda tree: sealed(push.message, tree))
        await git.push(commit, push.branch, push.expected)
        return commit

    async def delete_branch(self, remote: Remote, branch: str, expected: str) -> None:
        await self._of(remote).delete(branch, expected)

    def _of(self, remote: Remote) -> Git:
        assert self.git is not None
        return replace(self.git, url=f"{remote.link}.git")


@asynccontextmanager
async def through_git(forge: GitHub, remote: Remote) -> AsyncIterator[Forge]:
    """*forge* for one repository, with a connection that is closed afterwards."""
    api, web = httpx.URL(forge.http.base).host, httpx.URL(remote.link).host
    if web not in {api, api.removeprefix("api.")}:
        raise ForgeError(f"{remote.name}: lies on another host than the API, {web!r}, which gets no token")
    secret = await forge.http.credential.secret(remote.owner)
    author = await forge.account() if secret is not None else "dockfix"
    async with connected(f"{remote.link}.git", secret, author) as git:
        yield ThroughGit(forge.http, forge.as_app, git)
