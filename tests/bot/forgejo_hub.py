"""A Forgejo in memory and on disk: its API over repositories of git, which are pushed to with git alone."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from dockfix.bot.forgejo import Forgejo
from dockfix.bot.http import Http

from .contract import demand_valid
from .gitserver import git
from .hub import Answer, Hub, Pull, Repo, Request
from .ondisk import GitRepo, OnDisk

DESCRIPTION = Path(__file__).with_name("forgejo-openapi.json")
MISSING = {"message": "The target couldn't be found.", "url": "https://codeberg.org/api/swagger"}


def described(path: str) -> str:
    """A path as the description means it: the names of branches and refs may hold slashes in Forgejo's routes."""
    found = re.fullmatch(r"(.*/(?:branches|git/refs)/)(.+)", path)
    return f"{found[1]}{quote(found[2], safe='%')}" if found else path


class ForgejoHub(OnDisk):
    """The server.

    Attributes:
        knows_head: whether it filters pull requests by their branches, as it does since version 16.
        trees: how many entries of a tree it gives at most in one answer.
    """

    kind = "forgejo"
    prefix = "/api/v1"
    git_user = "dockfix-bot"
    draft = "WIP: "
    through_git = False
    headers: Mapping[str, str] = {}
    before_push = ("GET", "/user")
    people = ("ada", "bob")
    labels: Mapping[str, Mapping[str, int]] = {"repos": {"docker": 3}, "orgs": {"infra": 5}}

    def __init__(self, account: str = "dockfix-bot") -> None:
        super().__init__(account)
        self.knows_head = True
        self.trees = 1000

    def connect(self, http: Http, *, as_app: bool) -> Forgejo:
        assert not as_app
        return Forgejo(http)

    def demand_valid(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> None:
        demand_valid(method, described(path), query, body, DESCRIPTION)

    def _route(self, request: Request) -> Answer:
        data = json.loads(request.body) if request.body else {}
        path = unquote(request.path)
        if path == "/user":
            return Answer(200, {"login": self.account, "email": f"{self.account}@noreply.example.com"})
        found = re.fullmatch(r"/(orgs|users)/([^/]+)/(repos|labels)", path)
        if found and found[3] == "labels":
            return Answer(404, MISSING) if found[2] == "ada" else self._page(request, self._labels("orgs"))
        if found:
            names = [{"full_name": name} for name in sorted(self.repos) if name.startswith(f"{found[2]}/")]
            return self._page(request, names) if names else Answer(404, MISSING)
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(?:/(.*))?", path)
        repo = self.repos.get(found[1]) if found else None
        if repo is None or found is None:
            return Answer(404, MISSING)
        own = re.fullmatch(r"forks|pulls(/\d+)?|issues/\d+/comments", found[2] or "")
        if request.is_write and (repo.flags.get("archived") or not (repo.push or own)):
            return Answer(403, {"message": "user should have a permission to write to a repo"})
        for pull in repo.pulls:
            self._seen(repo, pull)
        for pattern, method, handler in _ROUTES:
            match = re.fullmatch(pattern, found[2] or "")
            if match and method == request.method:
                result: Answer = handler(self, repo, request, data, *match.groups())
                return result
        return Answer(404, MISSING)

    def _labels(self, of: str) -> list[dict[str, Any]]:
        return [{"name": name, "id": id} for name, id in self.labels[of].items()]

    def _seen(self, repo: Repo, pull: Pull) -> None:
        """Close a pull request whose branch is gone."""
        source = self.source_of(repo, pull)
        if source is not None:
            pull.last_head = source.refs[pull.head_ref]
        elif pull.state == "open":
            pull.state = "closed"

    def branch(self, repo: Repo, request: Request, data: Any, name: str) -> Answer:
        if name not in repo.refs:
            return Answer(404, MISSING)
        return Answer(200, {"name": name, "commit": {"id": repo.refs[name], "message": "", "url": ""}})

    def get_refs(self, repo: Repo, request: Request, data: Any, prefix: str) -> Answer:
        found = [
            {"ref": f"refs/heads/{name}", "object": {"sha": sha, "type": "commit"}}
            for name, sha in sorted(repo.refs.items())
            if name.startswith(prefix)
        ]
        if not found:
            return Answer(404, MISSING)
        alone = len(found) == 1 and found[0]["ref"] == f"refs/heads/{prefix}"
        return Answer(200, found[0] if alone else found)

    def get_tree(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        assert isinstance(repo, GitRepo)
        deep = ("-r", "-t") if request.query.get("recursive") == "true" else ()
        lines = git("ls-tree", *deep, "-z", "--long", sha, place=repo.bare).decode().split("\0")
        items = []
        for about, _, path in (line.partition("\t") for line in lines if line):
            mode, kind, object_, size = about.split()
            items.append(
                {"path": path, "mode": mode, "type": kind, "sha": object_, "size": 0 if size == "-" else int(size)}
            )
        size_, page = min(self.trees, int(request.query["per_page"])), int(request.query["page"])
        end = page * size_
        shown = items[end - size_ : end] or None
        return Answer(200, {"sha": sha, "tree": shown, "truncated": end < len(items), "total_count": len(items)})

    def get_blob(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        content = repo.blobs[sha]
        text = base64.b64encode(content).decode()
        return Answer(200, {"size": len(content), "encoding": "base64", "content": text, "sha": sha})

    def get_commit(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        if sha not in repo.commits:
            return Answer(404, MISSING)
        commit = repo.commits[sha]
        inner = {"message": commit["message"], "tree": {"sha": commit["tree"]}}
        return Answer(200, {"sha": sha, "commit": inner, "parents": [{"sha": each} for each in commit["parents"]]})

    def _shown(self, repo: Repo, pull: Pull) -> dict[str, Any]:
        source = self.source_of(repo, pull)
        fork = next((each for each in self.repos.values() if each.owner == pull.head_owner), None)
        return {
            **super()._shown(repo, pull),
            "merged": pull.merged,
            "head": {
                "label": pull.head_ref,
                "ref": pull.head_ref if source else f"refs/pull/{pull.number}/head",
                "sha": pull.last_head,
                "repo": fork and {"full_name": fork.name},
            },
            "html_url": f"{self.link(repo)}/pulls/{pull.number}",
        }

    def list_pulls(self, repo: Repo, request: Request, data: Any) -> Answer:
        assert request.query["state"] == "all"
        wanted = request.query["head"] if self.knows_head else None
        found = [pull for pull in reversed(repo.pulls) if wanted in (None, pull.head_ref)]
        return self._page(request, [self._shown(repo, pull) for pull in found])

    def post_pull(self, repo: Repo, request: Request, data: Any) -> Answer:
        owner, _, ref = data["head"].rpartition(":")
        owner = owner or repo.owner
        taken = ((each.head_owner, each.head_ref, each.base, each.state) for each in repo.pulls)
        if (owner, ref, data["base"], "open") in taken:
            return Answer(409, {"message": "pull request already exists for these targets"})
        if not any(each.owner == owner and ref in each.refs for each in self.repos.values()):
            return Answer(404, MISSING)
        draft = data["title"].startswith(self.draft)
        pull = Pull(len(repo.pulls) + 1, data["title"], data["body"], owner, ref, data["base"], draft)
        repo.pulls.append(pull)
        self._seen(repo, pull)
        return Answer(201, self._shown(repo, pull))

    def post_labels(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        names = {id: name for each in self.labels.values() for name, id in each.items()}
        repo.pulls[int(number) - 1].labels += [names[id] for id in data["labels"]]
        return Answer(200, [])

    def list_labels(self, repo: Repo, request: Request, data: Any) -> Answer:
        return self._page(request, self._labels("repos"))

    def post_reviewers(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        if set(data.get("reviewers", ())) - set(self.people):
            return Answer(404, {"message": "UserNotExist"})
        return super().post_reviewers(repo, request, data, number)

    def list_comments(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        return Answer(200, [{"body": text} for text in repo.pulls[int(number) - 1].comments])


_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("", "GET", Hub.repository),
    ("branches/(.+)", "GET", ForgejoHub.branch),
    ("git/refs/heads/(.+)", "GET", ForgejoHub.get_refs),
    ("git/trees/(.+)", "GET", ForgejoHub.get_tree),
    ("git/blobs/(.+)", "GET", ForgejoHub.get_blob),
    ("git/commits/(.+)", "GET", ForgejoHub.get_commit),
    ("pulls", "GET", ForgejoHub.list_pulls),
    ("pulls", "POST", ForgejoHub.post_pull),
    (r"pulls/(\d+)", "PATCH", ForgejoHub.patch_pull),
    (r"pulls/(\d+)/requested_reviewers", "POST", ForgejoHub.post_reviewers),
    (r"issues/(\d+)/labels", "POST", ForgejoHub.post_labels),
    (r"issues/(\d+)/comments", "GET", ForgejoHub.list_comments),
    (r"issues/(\d+)/comments", "POST", ForgejoHub.post_comment),
    ("labels", "GET", ForgejoHub.list_labels),
    ("forks", "POST", ForgejoHub.post_fork),
)
