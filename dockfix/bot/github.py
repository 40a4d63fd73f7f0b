"""GitHub and GitHub Enterprise: https://docs.github.com/en/rest"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from dockfix.bot import lookups
from dockfix.bot.forge import (
    Access,
    Commit,
    Entry,
    FileEdit,
    ForgeError,
    Head,
    Listing,
    MovedError,
    NewPull,
    Pull,
    Push,
    RefusedError,
    Remote,
)
from dockfix.bot.http import quoted
from dockfix.bot.hublike import HubLike, pull_of, remote_of
from dockfix.bot.seal import is_sealed

API = "https://api.github.com"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:_[A-Za-z0-9]+)?/[A-Za-z0-9._-]{1,100}")


def address(url: str | None) -> str:
    """The address of the API for what a person gives: nothing, a host of GitHub Enterprise, or the API itself."""
    if url is None:
        return API
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.hostname in {"github.com", "api.github.com", "www.github.com"}:
        return API
    path = parts.path.rstrip("/")
    # https://docs.github.com/en/enterprise-server/rest: HOSTNAME/api/v3; ghe.com has a host of its own for it
    if not path and not (parts.hostname or "").startswith("api.") and parts.scheme == "https":
        path = "/api/v3"
    return f"{parts.scheme}://{parts.netloc}{path}"


def demand_name(name: str) -> str:
    """*name*, if it can be that of a repository."""
    if not _NAME.fullmatch(name) or name.endswith(("/.", "/..", ".git")):
        raise ForgeError(f"{name!r} is not OWNER/NAME")
    return name


@dataclass(frozen=True, slots=True)
class GitHub(HubLike):
    """GitHub through its REST API.

    Attributes:
        http: the client.
        as_app: whether the account is an app, whose repositories are those that it is installed in.
    """

    as_app: bool = False

    page: ClassVar[Mapping[str, str]] = {"per_page": "100"}
    page_of_comments: ClassVar[Mapping[str, str]] = page

    async def account(self) -> str:
        if self.as_app:
            return f"{(await self.http.get('/app')).data['slug']}[bot]"
        return await HubLike.account(self)

    async def remotes(self, organisation: str) -> AsyncIterator[str]:
        if not self.as_app:
            async for name in HubLike.remotes(self, organisation):
                yield name
            return
        async for item in self.http.pages("/installation/repositories", self.page, "repositories", organisation):
            if item["owner"]["login"].lower() == organisation.lower():
                yield item["full_name"]

    async def remote(self, name: str) -> Remote:
        found = remote_of((await self.http.get(quoted("repos", demand_name(name)))).data)
        # What an app may is said by its installation, not by the rights of a person.
        return replace(found, can_push=True) if self.as_app else found

    async def access(self, remote: Remote) -> Access:
        secret = await self.http.entrusted(remote.link, remote.owner)
        author = "dockfix" if secret is None else await self.account()
        return Access(secret, (author, f"{author}@users.noreply.github.com"), "x-access-token")

    async def head(self, remote: Remote, branch: str) -> Head | None:
        data = await self.http.find(quoted("repos", remote.name, "branches", last=branch))
        if data is None:
            return None
        sha = data["commit"]["sha"]
        # GitHub has the commit in it; stand-ins for it, and older servers, its name alone.
        commit = (
            data["commit"].get("commit") or (await self.http.get(quoted("repos", remote.name, "git/commits", sha))).data
        )
        return Head(sha, commit["tree"]["sha"])

    async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
        reply = await self.http.get(
            quoted("repos", remote.name, "git/trees", sha), {"recursive": "1"} if recursive else None
        )
        entries = (
            Entry(item["path"], item["mode"], item["sha"], item.get("size")) for item in reply.data.get("tree", ())
        )
        return Listing(tuple(entries), bool(reply.data.get("truncated")))

    async def branches(self, remote: Remote, prefix: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        async for item in self.http.pages(quoted("repos", remote.name, "git/matching-refs", last=f"heads/{prefix}")):
            found[item["ref"].removeprefix("refs/heads/")] = item["object"]["sha"]
        return found

    async def commit(self, remote: Remote, sha: str) -> Commit:
        data = (await self.http.get(quoted("repos", remote.name, "git/commits", sha))).data
        parents = tuple(parent["sha"] for parent in data["parents"])
        untouched = len(parents) == 1 and is_sealed(data["message"], data["tree"]["sha"])
        return Commit(sha, data["message"], parents, untouched)

    async def push(self, remote: Remote, push: Push) -> str:
        """Make the commit without author and committer, so that the forge signs an app's:
        https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
        """
        tree = await self._write(
            remote,
            "git/trees",
            {"base_tree": push.base.tree, "tree": [await self._item(remote, edit) for edit in push.edits]},
        )
        commit: str = (
            await self._write(
                remote,
                "git/commits",
                {"message": self.sealed(push, tree["sha"]), "tree": tree["sha"], "parents": [push.base.commit]},
            )
        )["sha"]
        if push.expected is None:
            await self._create_branch(remote, push.branch, commit)
        else:
            await self._move_branch(remote, push.branch, commit, push.expected)
        return commit

    async def delete_branch(self, remote: Remote, branch: str, expected: str) -> None:
        path = quoted("repos", remote.name, "git/refs", last=f"heads/{branch}")
        standing = partial(self._sha, remote, branch)
        await lookups.delete_branch(self.http, path, standing, expected, f"{remote.name}: {branch}")

    async def pulls(self, remote: Remote, branch: str, source: Remote) -> Sequence[Pull]:
        query = {
            "head": f"{source.owner}:{branch}",
            "state": "all",
            "sort": "created",
            "direction": "desc",
            **self.page,
        }
        found = [item async for item in self.http.pages(quoted("repos", remote.name, "pulls"), query)]
        # Where GitHub does not understand the head it filters nothing.
        return [
            pull_of(item) for item in found if item["head"]["ref"] == branch and _owner(item["head"]) == source.owner
        ]

    async def open(self, remote: Remote, new: NewPull) -> Pull:
        try:
            return await self._propose(remote, new, taken=422, draft=new.draft)
        except RefusedError as error:
            # Not every plan has drafts.
            if error.status == 422 and new.draft and "draft" in str(error).lower():
                return await self._propose(remote, new, taken=422, draft=False)
            raise

    async def label(self, remote: Remote, pull: Pull, labels: Sequence[str]) -> None:
        await self._write(remote, f"issues/{pull.number}/labels", {"labels": list(labels)})

    async def fork(self, remote: Remote, *, create: bool) -> Remote | None:
        """The account's fork, brought up to date: a commit that is made in it stands on what it holds."""
        found, name = await lookups.own_fork(remote, await self.account(), self._find_remote)
        if found is None and create:
            return await self._fork(remote, {"name": name, "default_branch_only": True})
        if found is not None and create:
            await self._write(found, "merge-upstream", {"branch": remote.default_branch})
        return found

    async def _item(self, remote: Remote, edit: FileEdit) -> dict[str, str]:
        """An item of a new tree: with its text, which saves a request, or a blob of its own where it is no text."""
        item = {"path": edit.path, "mode": edit.mode, "type": "blob"}
        try:
            return item | {"content": edit.content.decode()}
        except UnicodeDecodeError:
            body = {"content": base64.b64encode(edit.content).decode(), "encoding": "base64"}
            return item | {"sha": (await self._write(remote, "git/blobs", body))["sha"]}

    async def _create_branch(self, remote: Remote, branch: str, commit: str) -> None:
        async def created() -> bool | None:
            return await self._stands(remote, branch, commit)

        body = {"ref": f"refs/heads/{branch}", "sha": commit}
        path = quoted("repos", remote.name, "git/refs")
        try:
            await self.http.write("POST", path, body, lambda reply: True, created)
        except RefusedError as error:
            if error.status == 422 and not await created():
                raise MovedError(f"{remote.name}: {branch} cannot be created: {error}") from None
            if error.status != 422:
                raise

    async def _move_branch(self, remote: Remote, branch: str, commit: str, expected: str) -> None:
        """Move a branch that stands at *expected*. The API knows no condition, so it is looked at just before; what
        would be overwritten in between stays reachable from the pull request's page.
        """
        if await self._sha(remote, branch) != expected:
            raise MovedError(f"{remote.name}: {branch} has moved")

        async def moved() -> bool | None:
            return await self._stands(remote, branch, commit)

        path = quoted("repos", remote.name, "git/refs", last=f"heads/{branch}")
        await self.http.write("PATCH", path, {"sha": commit, "force": True}, lambda reply: True, moved)

    async def _stands(self, remote: Remote, branch: str, commit: str) -> bool | None:
        return True if await self._sha(remote, branch) == commit else None

    async def _sha(self, remote: Remote, branch: str) -> str | None:
        data = await self.http.find(quoted("repos", remote.name, "git/ref", last=f"heads/{branch}"))
        return None if data is None else data["object"]["sha"]


def _owner(head: Mapping[str, Any]) -> str:
    repository = head.get("repo") or {}
    owner = repository.get("owner") or head.get("user") or {}
    return str(owner.get("login", ""))
