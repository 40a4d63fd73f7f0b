"""GitLab, on gitlab.com or a server of one's own: https://docs.gitlab.com/api/rest/"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from dockfix.bot import lookups, seal
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
    Remote,
)
from dockfix.bot.http import Http, quoted

API = "https://gitlab.com/api/v4"
DEVELOPER = 30
"""The least access level that may push: https://docs.gitlab.com/api/access_requests/#valid-access-levels"""

_SEGMENT = r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*"
_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})+")
_PAGE = {"per_page": "100"}
_MOST_ENTRIES = 30_000
"""Entries of a tree that are listed: GitLab gives 100 in an answer, whatever is asked for."""
_DRAFT = "Draft: "
_QUICK_ACTION = re.compile(r"(?=/[A-Za-z])")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def address(url: str | None) -> str:
    """The address of the API for what a person gives: nothing, the host of a server, or the API itself."""
    if url is None:
        return API
    parts = urlsplit(url if "://" in url else f"https://{url}")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith('/api/v4') else f'{path}/api/v4'}"


def demand_name(name: str) -> str:
    """*name*, if it can be that of a project: a group, any number of groups in it, and the project."""
    parts = name.split("/")
    if not _NAME.fullmatch(name) or any(part in {".", ".."} or part.endswith((".git", ".atom")) for part in parts):
        raise ForgeError(f"{name!r} is not GROUP/NAME")
    return name


@dataclass(frozen=True, slots=True)
class GitLab:
    """GitLab through its REST API.

    It tells no tree of a commit: what stands for one is the commit itself.

    Attributes:
        http: the client.
    """

    http: Http

    noun: ClassVar[str] = "merge request"

    async def account(self) -> str:
        return str((await self.http.get("/user")).data["username"])

    async def remotes(self, organisation: str) -> AsyncIterator[str]:
        owner = quote(organisation, safe="")
        of_group = (f"/groups/{owner}/projects", {"include_subgroups": "true", "with_shared": "false", **_PAGE})
        async for item in lookups.first_list(self.http, of_group, (f"/users/{owner}/projects", _PAGE)):
            yield item["path_with_namespace"]

    async def remote(self, name: str) -> Remote:
        return _remote((await self.http.get(_path(demand_name(name)))).data)

    async def access(self, remote: Remote) -> Access:
        """The user's name stands for a token of any kind:
        https://docs.gitlab.com/api/oauth2/#access-git-over-https-with-access-token
        """
        secret = await self.http.entrusted(remote.link, remote.owner)
        if secret is None:
            return Access(None, ("dockfix", "dockfix@localhost"), "oauth2")
        user = (await self.http.get("/user")).data
        return Access(secret, (user["username"], user.get("commit_email") or user["email"]), "oauth2")

    async def head(self, remote: Remote, branch: str) -> Head | None:
        sha = await self._sha(remote, branch)
        return None if sha is None else Head(sha, sha)

    async def tree(self, remote: Remote, sha: str, *, recursive: bool) -> Listing:
        """Entries by keyset, which is the only pagination that reaches the end of a large tree:
        https://docs.gitlab.com/api/repositories/#list-all-repository-trees-in-a-project
        """
        query = {"ref": sha, "pagination": "keyset", **_PAGE, **({"recursive": "true"} if recursive else {})}
        entries: list[Entry] = []
        async for item in self.http.pages(_path(remote.name, "repository/tree"), query):
            entries.append(Entry(item["path"], item["mode"], item["id"]))
            if len(entries) > _MOST_ENTRIES:
                raise ForgeError(f"{remote.name}: has more than {_MOST_ENTRIES:,} files and folders")
        return Listing(tuple(entries))

    async def blob(self, remote: Remote, sha: str, limit: int) -> bytes:
        data = (await self.http.get(_path(remote.name, "repository/blobs", sha))).data
        if data["size"] > limit:
            raise ForgeError(f"blob {sha} has {data['size']:,} bytes; more than {limit:,} are not read")
        return base64.b64decode(data["content"])

    async def branches(self, remote: Remote, prefix: str) -> Mapping[str, str]:
        query = {"search": f"^{prefix}", **_PAGE}
        items = [item async for item in self.http.pages(_path(remote.name, "repository/branches"), query)]
        return {item["name"]: item["commit"]["id"] for item in items if item["name"].startswith(prefix)}

    async def commit(self, remote: Remote, sha: str) -> Commit:
        data = (await self.http.get(_path(remote.name, "repository/commits", sha))).data
        parents, message = tuple(data["parent_ids"]), data["message"]
        untouched = (
            len(parents) == 1
            and seal.content(message) is not None
            and seal.is_sealed(message, _digest(await self._changed(remote, sha)))
        )
        return Commit(sha, message, parents, untouched)

    async def push(self, remote: Remote, push: Push) -> str:
        """Make the commit and its branch in one request, whose author is the account: GitLab can then sign it.

        The API knows no condition, so the branch is looked at just before. What would be overwritten in between stays
        among the versions of the merge request.
        """
        if await self._sha(remote, push.branch) != push.expected:
            raise MovedError(f"{remote.name}: {push.branch} has moved")
        message = self.sealed(push, push.base.tree)
        body = {
            "branch": push.branch,
            "start_sha": push.base.commit,
            "commit_message": message,
            "actions": [action for edit in push.edits for action in _actions(edit)],
            "force": push.expected is not None,
        }
        base = _path(remote.name, "repository/commits", push.base.commit)
        if push.target.name != remote.name and await self.http.find(base) is None:
            body["start_project"] = push.target.name  # so that a fork need not be brought up to date

        async def made() -> str | None:
            sha = await self._sha(remote, push.branch)
            if sha is None or sha == push.expected:
                return None
            data = (await self.http.get(_path(remote.name, "repository/commits", sha))).data
            if data["parent_ids"] == [push.base.commit] and data["message"].strip() == message.strip():
                return sha
            raise MovedError(f"{remote.name}: {push.branch} has moved")

        path = _path(remote.name, "repository/commits")
        send = self.http.write("POST", path, body, lambda reply: str(reply.data["id"]), made)
        return await lookups.sent_or_found(send, made, 400)

    async def delete_branch(self, remote: Remote, branch: str, expected: str) -> None:
        path = _path(remote.name, "repository/branches", last=branch)
        standing = partial(self._sha, remote, branch)
        await lookups.delete_branch(self.http, path, standing, expected, f"{remote.name}: {branch}")

    def sealed(self, push: Push, tree: str) -> str:
        """GitLab tells no tree of a commit, so the seal is that of the files that it changes."""
        return seal.sealed(push.message, _digest(_line(edit) for edit in push.edits))

    async def pulls(self, remote: Remote, branch: str, source: Remote) -> Sequence[Pull]:
        query = {"source_branch": branch, "state": "all", "order_by": "created_at", "sort": "desc", **_PAGE}
        found = [item async for item in self.http.pages(_path(remote.name, "merge_requests"), query)]
        if not found:
            return ()
        id = found[0]["target_project_id"] if source.name == remote.name else await self._id(source)
        # A fork that was deleted since has no id any more.
        return [_pull(item) for item in found if item["source_project_id"] in (id, None)]

    async def open(self, remote: Remote, new: NewPull) -> Pull:
        async def opened() -> Pull | None:
            return lookups.opened(await self.pulls(remote, new.branch, new.source), new)

        body: dict[str, object] = {
            "source_branch": new.branch,
            "target_branch": new.base,
            "title": f"{_DRAFT}{new.title}" if new.draft else new.title,
            "description": inert(new.body),
            "remove_source_branch": True,
        }
        if new.source.name != remote.name:
            body["target_project_id"] = await self._id(remote)
        path = _path(new.source.name, "merge_requests")
        send = self.http.write("POST", path, body, lambda reply: _pull(reply.data), opened)
        return await lookups.sent_or_found(send, opened, 409)

    async def edit(self, remote: Remote, pull: Pull, *, title: str, body: str) -> None:
        await self._edit(remote, pull, {"title": lookups.titled(pull, title, _DRAFT), "description": inert(body)})

    async def close(self, remote: Remote, pull: Pull, *, body: str) -> None:
        await self._edit(remote, pull, {"state_event": "close", "description": inert(body)})

    async def label(self, remote: Remote, pull: Pull, labels: Sequence[str]) -> None:
        await self._edit(remote, pull, {"add_labels": list(labels)})

    async def ask(self, remote: Remote, pull: Pull, reviewers: Sequence[str]) -> None:
        """Ask people, whom GitLab knows by their ids; those who exist are asked although others do not."""
        ids: list[int] = []
        unknown: list[str] = []
        for name in reviewers:
            users = () if "/" in name else (await self.http.get("/users", {"username": name})).data
            ids += (user["id"] for user in users)
            unknown += () if users else (name,)
        if ids:
            await self._edit(remote, pull, {"reviewer_ids": ids})
        if unknown:
            raise ForgeError(f"no people whom GitLab could ask for a review: {', '.join(unknown)}")

    async def comments(self, remote: Remote, pull: Pull) -> AsyncIterator[str]:
        async for item in self.http.pages(_path(remote.name, f"merge_requests/{pull.number}/notes"), _PAGE):
            yield item.get("body") or ""

    async def comment(self, remote: Remote, pull: Pull, text: str) -> None:
        async def said() -> bool | None:
            return await lookups.said(self.comments(remote, pull), text)

        path = _path(remote.name, f"merge_requests/{pull.number}/notes")
        await self.http.write("POST", path, {"body": inert(text)}, lambda reply: True, said)

    async def fork(self, remote: Remote, *, create: bool) -> Remote | None:
        """The account's fork. It is not brought up to date: a push names where its base commit comes from."""
        me = await self.account()
        found, name = await lookups.own_fork(remote, me, self._find_remote)
        if found is not None or not create:
            return found
        place = _path(f"{me}/{name}")

        async def forked() -> bool | None:
            return None if await self.http.find(place) is None else True

        body = {"path": name, "name": name}
        await self.http.write("POST", _path(remote.name, "fork"), body, lambda reply: True, forked)
        return await lookups.when_ready(f"{me}/{name}", partial(self._made, place), self.http.pace.clock)

    async def close_connections(self) -> None:
        await self.http.close()

    async def _find_remote(self, name: str) -> Remote | None:
        data = await self.http.find(_path(name))
        return None if data is None else _remote(data)

    async def _made(self, place: str) -> Remote | None:
        """A fork once it is made: https://docs.gitlab.com/api/project_forks/#fork-a-project says that it is queued."""
        data = await self.http.find(place)
        status = (data or {}).get("import_status", "finished")
        if status == "failed":
            raise ForgeError(f"{data['path_with_namespace']}: the fork cannot be made")
        return _remote(data) if data is not None and status in {"finished", "none"} else None

    async def _changed(self, remote: Remote, sha: str) -> list[str]:
        """A line for each file that a commit changes, like :func:`_line`."""
        lines: list[str] = []
        async for item in self.http.pages(_path(remote.name, "repository/commits", sha, "diff"), _PAGE):
            path = item["new_path"]
            # There is no file where one was deleted, nor in the place of a submodule.
            file = await self.http.find(_path(remote.name, "repository/files", last=path), {"ref": sha})
            blob = "" if file is None or item["renamed_file"] else file["blob_id"]
            lines.append(f"{item['b_mode']} {blob} {path}")
        return lines

    async def _id(self, remote: Remote) -> int:
        return int((await self.http.get(_path(remote.name))).data["id"])

    async def _sha(self, remote: Remote, branch: str) -> str | None:
        data = await self.http.find(_path(remote.name, "repository/branches", last=branch))
        return None if data is None else data["commit"]["id"]

    async def _edit(self, remote: Remote, pull: Pull, body: Mapping[str, object]) -> None:
        """Give a merge request other values, which may be repeated."""
        path = _path(remote.name, f"merge_requests/{pull.number}")
        await self.http.write("PUT", path, body, lambda reply: True)


def inert(text: str) -> str:
    """*text* without quick actions, which a line that begins with a slash is, unless it is code:
    https://docs.gitlab.com/user/project/quick_actions/
    """
    fence = ""
    lines: list[str] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line.strip(f" {fence[0]}"):
            fence = ""
        lines.append(line if fence else _QUICK_ACTION.sub(r"\\", line, count=1) if line.startswith("/") else line)
    return "\n".join(lines)


def _path(name: str, *parts: str, last: str = "") -> str:
    """The path of a project, whose name is quoted with all of its slashes, and of something in it."""
    project = f"/projects/{quote(name, safe='')}"
    return project + quoted(*parts, last=last) if parts else project


def _actions(edit: FileEdit) -> list[dict[str, object]]:
    """What makes an edit: https://docs.gitlab.com/api/commits/#create-a-commit. An update keeps the file's mode."""
    content = base64.b64encode(edit.content).decode()
    kind = "create" if edit.before is None else "update"
    actions: list[dict[str, object]] = [
        {"action": kind, "file_path": edit.path, "content": content, "encoding": "base64"}
    ]
    if edit.before is None and edit.mode == "100755":
        actions.append({"action": "chmod", "file_path": edit.path, "execute_filemode": True})
    return actions


def _line(edit: FileEdit) -> str:
    blob = hashlib.sha1(b"blob %d\0%b" % (len(edit.content), edit.content), usedforsecurity=False).hexdigest()
    return f"{edit.mode} {blob} {edit.path}"


def _digest(lines: Iterable[str]) -> str:
    """What stands for a commit's tree in its seal: the files that it changes, each with its mode and blob."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _remote(data: Mapping[str, Any]) -> Remote:
    rights = data.get("permissions")  # told to accounts alone
    levels = [(rights or {}).get(kind) or {} for kind in ("project_access", "group_access")]
    parent = data.get("forked_from_project") or {}
    off = [data.get(f"{feature}_access_level") == "disabled" for feature in ("repository", "merge_requests")]
    return Remote(
        name=data["path_with_namespace"],
        default_branch=data.get("default_branch") or "main",
        can_push=rights is None or max(level.get("access_level", 0) for level in levels) >= DEVELOPER,
        can_fork=data.get("forking_access_level") != "disabled",
        archived=bool(data.get("archived")),
        disabled=any(off) or bool(data.get("marked_for_deletion_on")),
        is_fork=bool(parent),
        parent=parent.get("path_with_namespace"),
        link=data.get("web_url") or "",
    )


def _pull(data: Mapping[str, Any]) -> Pull:
    state = data["state"]
    return Pull(
        number=data["iid"],
        # "locked" is what a merge request is while it is being merged
        state="open" if state in {"opened", "locked"} else "merged" if state == "merged" else "closed",
        title=data["title"],
        body=data.get("description") or "",
        head=data.get("sha") or "",
        base=data["target_branch"],
        link=data.get("web_url") or "",
    )
