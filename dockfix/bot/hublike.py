"""GitHub's API as far as Gitea and Forgejo follow it: the same paths, and the same words in requests and answers."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from dockfix.bot import lookups, seal
from dockfix.bot.forge import ForgeError, Head, NewPull, Pull, Push, Remote
from dockfix.bot.http import Http, Reply, quoted


@dataclass(frozen=True, slots=True)
class HubLike(ABC):
    """What such forges do alike.

    Attributes:
        http: the client.
    """

    http: Http

    noun: ClassVar[str] = "pull request"
    page: ClassVar[Mapping[str, str]]
    """The query for pages of a list, as long ones as the forge gives."""
    page_of_comments: ClassVar[Mapping[str, str]]

    async def account(self) -> str:
        return str((await self.http.get("/user")).data["login"])

    async def remotes(self, organisation: str) -> AsyncIterator[str]:
        lists = ((quoted(kind, organisation, "repos"), self.page) for kind in ("orgs", "users"))
        async for item in lookups.first_list(self.http, *lists):
            yield item["full_name"]

    async def blob(self, remote: Remote, sha: str, limit: int) -> bytes:
        data = (await self.http.get(quoted("repos", remote.name, "git/blobs", sha))).data
        # Gitea leaves the content of a large one out.
        content = data["content"] or ""
        decoded = base64.b64decode(content) if data["encoding"] == "base64" else content.encode()
        size = max(len(decoded), data.get("size") or 0)
        if size > limit:
            raise ForgeError(f"blob {sha} has {size:,} bytes; more than {limit:,} are not read")
        return decoded

    def sealed(self, push: Push, tree: str) -> str:
        return seal.sealed(push.message, tree)

    @abstractmethod
    async def head(self, remote: Remote, branch: str) -> Head | None: ...

    @abstractmethod
    async def pulls(self, remote: Remote, branch: str, source: Remote) -> Sequence[Pull]: ...

    async def edit(self, remote: Remote, pull: Pull, *, title: str, body: str) -> None:
        await self._edit(remote, pull, {"title": title, "body": body})

    async def close(self, remote: Remote, pull: Pull, *, body: str) -> None:
        await self._edit(remote, pull, {"state": "closed", "body": body})

    async def ask(self, remote: Remote, pull: Pull, reviewers: Sequence[str]) -> None:
        teams = [name.rpartition("/")[2] for name in reviewers if "/" in name]
        people = [name for name in reviewers if "/" not in name]
        wanted = {"reviewers": people, "team_reviewers": teams}
        await self._write(
            remote, f"pulls/{pull.number}/requested_reviewers", {key: names for key, names in wanted.items() if names}
        )

    async def comments(self, remote: Remote, pull: Pull) -> AsyncIterator[str]:
        async for item in self.http.pages(self._comments(remote, pull), self.page_of_comments):
            yield item.get("body") or ""

    async def comment(self, remote: Remote, pull: Pull, text: str) -> None:
        async def said() -> bool | None:
            return await lookups.said(self.comments(remote, pull), text)

        await self.http.write("POST", self._comments(remote, pull), {"body": text}, lambda reply: True, said)

    async def close_connections(self) -> None:
        await self.http.close()

    async def _propose(self, remote: Remote, new: NewPull, *, taken: int, **more: object) -> Pull:
        """Open a pull request with *more* in its body, or find it where the forge answers that there is one."""

        async def opened() -> Pull | None:
            return lookups.opened(await self.pulls(remote, new.branch, new.source), new)

        body = {
            "title": new.title,
            "body": new.body,
            "head": new.branch if new.source.name == remote.name else f"{new.source.owner}:{new.branch}",
            "base": new.base,
            **more,
        }
        path = quoted("repos", remote.name, "pulls")
        return await lookups.sent_or_found(self.http.write("POST", path, body, _read_pull, opened), opened, taken)

    async def _find_remote(self, name: str) -> Remote | None:
        data = await self.http.find(quoted("repos", name))
        return None if data is None else remote_of(data)

    async def _fork(self, remote: Remote, body: Mapping[str, object]) -> Remote:
        """Make a fork and wait for it: https://docs.github.com/en/rest/repos/forks#create-a-fork says that it takes a
        while.
        """
        fork = remote_of(await self._write(remote, "forks", body))
        await lookups.when_ready(fork.name, partial(self.head, fork, fork.default_branch), self.http.pace.clock)
        return fork

    async def _edit(self, remote: Remote, pull: Pull, body: Mapping[str, str]) -> None:
        path = quoted("repos", remote.name, f"pulls/{pull.number}")
        await self.http.write("PATCH", path, body, lambda reply: True)

    async def _write(self, remote: Remote, path: str, body: object) -> Any:
        """A write that may be repeated: it makes an object that its content names, or sets what is set already."""
        return await self.http.write("POST", quoted("repos", remote.name, path), body, lambda reply: reply.data)

    @staticmethod
    def _comments(remote: Remote, pull: Pull) -> str:
        return quoted("repos", remote.name, f"issues/{pull.number}/comments")


def remote_of(data: Mapping[str, Any]) -> Remote:
    """The repository that an answer is about."""
    rights = data.get("permissions")  # told to accounts alone
    parent = data.get("parent") or {}
    return Remote(
        name=data["full_name"],
        default_branch=data["default_branch"],
        can_push=rights is None or bool(rights.get("push")),
        can_fork=bool(data.get("allow_forking", True)),
        archived=bool(data.get("archived")),
        disabled=bool(data.get("disabled")) or not data.get("has_pull_requests", True) or bool(data.get("mirror")),
        is_fork=bool(data.get("fork")),
        parent=parent.get("full_name"),
        link=data.get("html_url") or "",
    )


def pull_of(data: Mapping[str, Any]) -> Pull:
    """The pull request that an answer is about."""
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
    return pull_of(reply.data)
