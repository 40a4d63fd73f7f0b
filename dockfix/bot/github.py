"""GitHub and GitHub Enterprise: https://docs.github.com/en/rest"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from dockfix.bot.forge import (
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
from dockfix.bot.http import Http, Reply, quoted
from dockfix.bot.seal import is_sealed, sealed

API = "https://api.github.com"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:_[A-Za-z0-9]+)?/[A-Za-z0-9._-]{1,100}")
_PAGE = {"per_page": "100"}
_FORK_TRIES = 10


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
class GitHub:
    """GitHub through its REST API.

    Attributes:
        http: the client.
        as_app: whether the account is an app, whose repositories are those that it is installed in.
    """

    http: Http
    as_app: bool = False

    async def remotes(self, organisation: str) -> AsyncIterator[str]:
        if self.as_app:
            async for item in self.http.pages("/installation/repositories", _PAGE, "repositories", organisation):
                if item["owner"]["login"].lower() == organisation.lower():
                    yield item["full_name"]
            return
        try:
            async for item in self.http.pages(quoted("orgs", organisation, "repos"), _PAGE):
                yield item["full_name"]
        except RefusedError as error:
            if error.status != 404:
                raise
            async for item in self.http.pages(quoted("users", organisation, "repos"), _PAGE):
                yield item["full_name"]

    async def remote(self, name: str) -> Remote:
        found = _remote((await self.http.get(quoted("repos", demand_name(name)))).data)
        # What an app may is said by its installation, not by the rights of a person.
        return replace(found, can_push=True) if self.as_app else found

    async def head(self, remote: Remote, branch: str) -> Head | None:
        data = await self._find(quoted("repos", remote.name, "branches", last=branch))
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

    async def blob(self, remote: Remote, sha: str, limit: int) -> bytes:
        data = (await self.http.get(quoted("repos", remote.name, "git/blobs", sha))).data
        content = base64.b64decode(data["content"]) if data["encoding"] == "base64" else data["content"].encode()
        if len(content) > limit:
            raise ForgeError(f"blob {sha} has {len(content):,} bytes; more than {limit:,} are not read")
        return content

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
                {"message": sealed(push.message, tree["sha"]), "tree": tree["sha"], "parents": [push.base.commit]},
            )
        )["sha"]
        if push.expected is None:
            await self._create_branch(remote, push.branch, commit)
        else:
            await self._move_branch(remote, push.branch, commit, push.expected)
        return commit

    async def delete_branch(self, remote: Remote, branch: str, expected: str) -> None:
        if await self._sha(remote, branch) != expected:
            raise MovedError(f"{remote.name}: {branch} has moved")

        async def gone() -> bool | None:
            return True if await self._sha(remote, branch) is None else None

        await self.http.write(
            "DELETE", quoted("repos", remote.name, "git/refs", last=f"heads/{branch}"), None, lambda reply: True, gone
        )

    async def pulls(self, remote: Remote, branch: str, source: Remote) -> Sequence[Pull]:
        query = {"head": f"{source.owner}:{branch}", "state": "all", "sort": "created", "direction": "desc", **_PAGE}
        found = [item async for item in self.http.pages(quoted("repos", remote.name, "pulls"), query)]
        # Where GitHub does not understand the head it filters nothing.
        return [_pull(item) for item in found if item["head"]["ref"] == branch and _owner(item["head"]) == source.owner]

    async def open(self, remote: Remote, new: NewPull) -> Pull:
        async def opened() -> Pull | None:
            found = await self.pulls(remote, new.branch, new.source)
            return next((pull for pull in found if pull.state == "open" and pull.base == new.base), None)

        body = {
            "title": new.title,
            "body": new.body,
            "head": new.branch if new.source.name == remote.name else f"{new.source.owner}:{new.branch}",
            "base": new.base,
            "draft": new.draft,
        }
        path = quoted("repos", remote.name, "pulls")
        try:
            return await self.http.write("POST", path, body, _read_pull, opened)
        except RefusedError as error:
            # 422: there is one already, from a request whose answer got lost before this run.
            found = await opened() if error.status == 422 else None
            if found is not None:
                return found
            if error.status == 422 and new.draft and "draft" in str(error).lower():
                return await self.http.write("POST", path, body | {"draft": False}, _read_pull, opened)
            raise

    async def edit(self, remote: Remote, pull: Pull, *, title: str, body: str) -> None:
        await self._edit(remote, pull, {"title": title, "body": body})

    async def close(self, remote: Remote, pull: Pull, *, body: str) -> None:
        await self._edit(remote, pull, {"state": "closed", "body": body})

    async def label(self, remote: Remote, pull: Pull, labels: Sequence[str]) -> None:
        await self._write(remote, f"issues/{pull.number}/labels", {"labels": list(labels)})

    async def ask(self, remote: Remote, pull: Pull, reviewers: Sequence[str]) -> None:
        teams = [name.rpartition("/")[2] for name in reviewers if "/" in name]
        people = [name for name in reviewers if "/" not in name]
        wanted = {"reviewers": people, "team_reviewers": teams}
        await self._write(
            remote, f"pulls/{pull.number}/requested_reviewers", {key: names for key, names in wanted.items() if names}
        )

    async def comments(self, remote: Remote, pull: Pull) -> AsyncIterator[str]:
        async for item in self.http.pages(quoted("repos", remote.name, f"issues/{pull.number}/comments"), _PAGE):
            yield item.get("body") or ""

    async def comment(self, remote: Remote, pull: Pull, text: str) -> None:
        async def said() -> bool | None:
            return True if text in [each async for each in self.comments(remote, pull)] else None

        path = quoted("repos", remote.name, f"issues/{pull.number}/comments")
        await self.http.write("POST", path, {"body": text}, lambda reply: True, said)

    async def account(self) -> str:
        if self.as_app:
            return f"{(await self.http.get('/app')).data['slug']}[bot]"
        return str((await self.http.get("/user")).data["login"])

    async def fork(self, remote: Remote, *, create: bool) -> Remote | None:
        me = await self.account()
        short = remote.name.rpartition("/")[2]
        free: str | None = None
        for name in (short, f"{remote.owner}-{short}"):
            data = await self._find(quoted("repos", me, name))
            if data is None:
                free = free or name
                continue
            found = _remote(data)
            if (found.parent or "").lower() == remote.name.lower():
                if create:
                    await self._write(found, "merge-upstream", {"branch": remote.default_branch})
                return found
        if not create:
            return None
        if free is None:
            raise ForgeError(f"{remote.name}: {me} has other repositories under the names that its fork would have")
        made = _remote(await self._write(remote, "forks", {"name": free, "default_branch_only": True}))
        await self._until_ready(made)
        return made

    async def close_connections(self) -> None:
        await self.http.close()

    async def _until_ready(self, fork: Remote) -> None:
        """Wait for a fork: https://docs.github.com/en/rest/repos/forks#create-a-fork says that it takes a while."""
        for attempt in range(_FORK_TRIES):
            if await self._find(quoted("repos", fork.name, "branches", last=fork.default_branch)) is not None:
                return
            await self.http.pace.clock.sleep(min(30.0, 2.0**attempt))
        raise ForgeError(f"{fork.name}: the fork is not ready")

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
        data = await self._find(quoted("repos", remote.name, "git/ref", last=f"heads/{branch}"))
        return None if data is None else data["object"]["sha"]

    async def _edit(self, remote: Remote, pull: Pull, body: Mapping[str, str]) -> None:
        path = quoted("repos", remote.name, f"pulls/{pull.number}")
        await self.http.write("PATCH", path, body, lambda reply: True)

    async def _find(self, path: str) -> Any:
        try:
            return (await self.http.get(path)).data
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    async def _write(self, remote: Remote, path: str, body: object) -> Any:
        """A write that may be repeated: it makes an object that its content names, or sets what is set already."""
        return await self.http.write("POST", quoted("repos", remote.name, path), body, lambda reply: reply.data)


def _remote(data: Mapping[str, Any]) -> Remote:
    rights = data.get("permissions")  # told to accounts alone
    parent = data.get("parent") or {}
    return Remote(
        name=data["full_name"],
        default_branch=data["default_branch"],
        can_push=rights is None or bool(rights.get("push")),
        can_fork=bool(data.get("allow_forking", True)),
        archived=bool(data.get("archived")),
        disabled=bool(data.get("disabled")),
        is_fork=bool(data.get("fork")),
        parent=parent.get("full_name"),
        link=data.get("html_url") or "",
    )


def _pull(data: Mapping[str, Any]) -> Pull:
    return Pull(
        number=data["number"],
        state="open" if data["state"] == "open" else "merged" if data.get("merged_at") else "closed",
        title=data["title"],
        body=data.get("body") or "",
        head=data["head"]["sha"],
        base=data["base"]["ref"],
        link=data.get("html_url") or "",
    )


def _read_pull(reply: Reply) -> Pull:
    return _pull(reply.data)


def _owner(head: Mapping[str, Any]) -> str:
    repository = head.get("repo") or {}
    owner = repository.get("owner") or head.get("user") or {}
    return str(owner.get("login", ""))
