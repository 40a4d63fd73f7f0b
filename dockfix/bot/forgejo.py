"""Forgejo and Gitea, on codeberg.org or a server of one's own: https://forgejo.org/docs/latest/user/api-usage/

Repositories are read, and pull requests handled, through the REST API; what moves a branch goes through git. The API
can make a commit of several files (``POST /repos/{owner}/{repo}/contents``), but on the end of a branch that is given
by name, not on the commit that was read; on a branch of the bot that exists only since Forgejo 16 (not yet in 15), and
in Gitea under another name; and never on the condition that the branch stands where it was left. git does all of it
with any version: the commit stands on what was read, and ``--force-with-lease`` has the server see to it, in one step,
that nothing of others is overwritten. A push fetches the last commit of the default branch; where there is nothing to
push, git is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from dockfix.bot import lookups
from dockfix.bot.forge import (
    Access,
    Commit,
    Entry,
    ForgeError,
    Head,
    Listing,
    NewPull,
    Pull,
    Push,
    RefusedError,
    Remote,
)
from dockfix.bot.http import quoted
from dockfix.bot.hublike import HubLike, pull_of, remote_of
from dockfix.bot.seal import is_sealed
from dockfix.bot.throughgit import through_git

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]{1,100}")
_ENDINGS = ("/.", "/..", ".git", ".wiki", ".rss", ".atom")
_MOST_ENTRIES = 100_000
"""Entries of a tree that are listed: the server gives 1,000 in an answer, and reads the whole tree for each."""
_DRAFT = "WIP: "
"""What a title begins with that must not be merged yet:
https://forgejo.org/docs/latest/user/repository/pull-requests-and-git-flow/
"""


def address(url: str | None) -> str:
    """The address of the API for what a person gives: the host of a server, or the API itself.

    Raises:
        ForgeError: nothing is given, and no server is that of everybody.
    """
    if url is None:
        raise ForgeError("--url names the server of Forgejo or Gitea, for instance codeberg.org")
    parts = urlsplit(url if "://" in url else f"https://{url}")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/api/v1') else f'{path}/api/v1'}"


def demand_name(name: str) -> str:
    """*name*, if it can be that of a repository."""
    if not _NAME.fullmatch(name) or name.endswith(_ENDINGS):
        raise ForgeError(f"{name!r} is not OWNER/NAME")
    return name


@dataclass(frozen=True, slots=True)
class Forgejo(HubLike):
    """Forgejo or Gitea. What stands for the tree of a commit is the commit itself: the API takes either.

    Attributes:
        http: the client.
    """

    page: ClassVar[Mapping[str, str]] = {"limit": "50"}
    page_of_comments: ClassVar[Mapping[str, str]] = {}  # that list comes whole

    async def remote(self, name: str) -> Remote:
        return remote_of((await self.http.get(quoted("repos", demand_name(name)))).data)

    async def access(self, remote: Remote) -> Access:
        """The token stands for the password, whatever the user's name."""
        secret = await self.http.entrusted(remote.link, remote.owner)
        author = ("dockfix", "dockfix@localhost")
        if secret is not None:
            try:
                user = (await self.http.get("/user")).data
                author = (user["login"], user["email"])
            except RefusedError as error:
                if error.status == 401:
                    raise
                # The token that a workflow is given is nobody's.
        return Access(secret, author, author[0])

    async def head(self, remote: Remote, branch: str) -> Head | None:
        data = await self.http.find(quoted("repos", remote.name, "branches", branch))
        return None if data is None else Head(data["commit"]["id"], data["commit"]["id"])

    async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
        """All entries, page by page; *truncated* tells of each whether more follow."""
        path = quoted("repos", remote.name, "git/trees", sha)
        query = {"per_page": "1000", **({"recursive": "true"} if recursive else {})}
        entries: list[Entry] = []
        page, more = 0, True
        while more:
            page += 1
            data = (await self.http.get(path, {**query, "page": str(page)})).data
            items = data.get("tree") or ()
            entries += (Entry(item["path"], item["mode"], item["sha"], item.get("size")) for item in items)
            more = bool(items) and bool(data.get("truncated"))
            if len(entries) > _MOST_ENTRIES:
                raise ForgeError(f"{remote.name}: has more than {_MOST_ENTRIES:,} files and folders")
        return Listing(tuple(entries))

    async def branches(self, remote: Remote, prefix: str) -> Mapping[str, str]:
        found = await self.http.find(quoted("repos", remote.name, "git/refs/heads", prefix)) or ()
        # One that is called just so comes by itself, not in a list.
        items = (found,) if isinstance(found, dict) else found
        return {item["ref"].removeprefix("refs/heads/"): item["object"]["sha"] for item in items}

    async def commit(self, remote: Remote, sha: str) -> Commit:
        query = {"stat": "false", "verification": "false", "files": "false"}
        data = (await self.http.get(quoted("repos", remote.name, "git/commits", sha), query)).data
        message, tree = data["commit"]["message"], data["commit"]["tree"]["sha"]
        parents = tuple(parent["sha"] for parent in data["parents"])
        return Commit(sha, message, parents, len(parents) == 1 and is_sealed(message, tree))

    async def push(self, remote: Remote, push: Push) -> str:
        async with through_git(self, push.target) as objects:
            return await objects.push(remote, push)

    async def delete_branch(self, remote: Remote, branch: str, expected: str) -> None:
        async with through_git(self, remote) as objects:
            await objects.delete_branch(remote, branch, expected)

    async def pulls(self, remote: Remote, branch: str, source: Remote) -> Sequence[Pull]:
        """Forgejo knows the filter *head* since version 16; before, and in Gitea, all pull requests are read."""
        query = {"state": "all", "head": branch, **self.page}
        found = [
            pull_of(item)
            async for item in self.http.pages(quoted("repos", remote.name, "pulls"), query)
            if _is_from(item["head"], branch, source)
        ]
        return sorted(found, key=lambda pull: pull.number, reverse=True)

    async def open(self, remote: Remote, new: NewPull) -> Pull:
        titled = replace(new, title=f"{_DRAFT}{new.title}") if new.draft else new
        return await self._propose(remote, titled, taken=409)

    async def edit(self, remote: Remote, pull: Pull, *, title: str, body: str) -> None:
        await HubLike.edit(self, remote, pull, title=lookups.titled(pull, title, _DRAFT), body=body)

    async def label(self, remote: Remote, pull: Pull, labels: Sequence[str]) -> None:
        """Add labels, which not every version knows by their names; those that exist are added although others do not.

        Raises:
            ForgeError: neither the repository nor its organisation has some of them.
        """
        ids: dict[str, int] = {}
        for place in (quoted("repos", remote.name, "labels"), quoted("orgs", remote.owner, "labels")):
            if set(labels) - set(ids):
                ids |= await self._labels(place)
        known = [ids[name] for name in labels if name in ids]
        if known:
            await self._write(remote, f"issues/{pull.number}/labels", {"labels": known})
        unknown = [name for name in labels if name not in ids]
        if unknown:
            raise ForgeError(f"there are no such labels: {', '.join(unknown)}")

    async def fork(self, remote: Remote, *, create: bool) -> Remote | None:
        """The account's fork. It is not brought up to date: a push takes along what it lacks."""
        found, name = await lookups.own_fork(remote, await self.account(), self._find_remote)
        return await self._fork(remote, {"name": name}) if found is None and create else found

    async def _labels(self, place: str) -> dict[str, int]:
        """The ids of labels by their names; none where *place* is no organisation."""
        try:
            return {item["name"]: item["id"] async for item in self.http.pages(place, self.page)}
        except RefusedError as error:
            if error.status == 404:
                return {}
            raise


def _is_from(head: Mapping[str, Any], branch: str, source: Remote) -> bool:
    """Whether a pull request comes from a branch: *label* keeps the name of one that is gone, *ref* does not."""
    repository = head.get("repo")  # gone, too, with a fork that was deleted
    return head["label"] == branch and (repository is None or repository["full_name"].lower() == source.name.lower())
