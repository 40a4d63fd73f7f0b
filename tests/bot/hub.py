"""A GitHub in memory: repositories, git objects, pull requests, and faults on demand.

It keeps what it is told, refuses what GitHub refuses, and validates every request against GitHub's own description.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from dockfix.bot.forge import Forge
from dockfix.bot.github import HEADERS, GitHub
from dockfix.bot.http import Http

from .contract import demand_valid

Hunks = list[list[tuple[str, int, int, int, int]]]
Tree = dict[str, tuple[str, str]]
"""Path to mode and object."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_write(self) -> bool:
        return self.method not in {"GET", "HEAD"}


@dataclass
class Answer:
    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class CutError(Exception):
    """The connection breaks before an answer."""


Fault = Callable[[Request, Callable[[], Answer]], Answer | None]
"""Looks at a request; may let it take place by calling, and answers, or ``None`` to have nothing to do with it."""


@dataclass
class Pull:
    number: int
    title: str
    body: str
    head_owner: str
    head_ref: str
    base: str
    draft: bool
    state: str = "open"
    merged: bool = False
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    last_head: str = ""


@dataclass
class Repo:
    name: str
    default: str = "main"
    flags: dict[str, Any] = field(default_factory=dict)
    push: bool = True
    parent: str | None = None
    blobs: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    commits: dict[str, dict[str, Any]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)

    @property
    def owner(self) -> str:
        return self.name.rpartition("/")[0]

    def blob(self, content: bytes) -> str:
        sha = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.blobs[sha] = content
        return sha

    def tree(self, entries: Tree) -> str:
        sha = hashlib.sha1(repr(sorted(entries.items())).encode()).hexdigest()
        self.trees[sha] = entries
        return sha

    def commit_tree(self, tree: str, message: str, parents: list[str]) -> str:
        sha = hashlib.sha1(repr((tree, message, parents, len(self.commits))).encode()).hexdigest()
        self.commits[sha] = {"message": message, "tree": tree, "parents": parents}
        return sha

    def commit(self, files: Mapping[str, str | bytes | None], branch: str | None = None, message: str = "work") -> str:
        """A person's commit on a branch; ``None`` deletes a file."""
        branch = branch or self.default
        parent = self.refs.get(branch)
        entries = dict(self.trees[self.commits[parent]["tree"]]) if parent else {}
        for path, content in files.items():
            if content is None:
                del entries[path]
            else:
                data = content.encode() if isinstance(content, str) else content
                entries[path] = (entries[path][0] if path in entries else "100644", self.blob(data))
        self.refs[branch] = self.commit_tree(self.tree(entries), message, [parent] if parent else [])
        return self.refs[branch]

    def special(self, path: str, mode: str, sha: str) -> None:
        """An entry that is no plain file, on the default branch."""
        parent = self.refs[self.default]
        entries = {**self.trees[self.commits[parent]["tree"]], path: (mode, sha)}
        self.refs[self.default] = self.commit_tree(self.tree(entries), "special", [parent])

    def files(self, branch: str) -> dict[str, bytes]:
        """The plain files at the end of a branch."""
        entries = self.trees[self.commits[self.refs[branch]]["tree"]]
        return {path: self.blobs[sha] for path, (mode, sha) in entries.items() if mode.startswith("100")}

    def merge(self, pull: Pull) -> None:
        """Merge a pull request as one commit."""
        files = self.files(pull.head_ref)
        self.commit({path: data for path, data in files.items() if self.files(self.default).get(path) != data})
        pull.state, pull.merged = "closed", True
        pull.last_head = self.refs[pull.head_ref]


class Hub:
    """The server. ``requests`` has all that it was asked, ``faults`` what goes wrong."""

    kind = "github"
    prefix = ""
    """What begins every path."""
    draft = ""
    """What the title of a draft begins with."""
    through_git = False
    """Whether the bot is to use git for what it can be used for."""
    git_user = "x-access-token"
    """The name that goes with the token where git shows it."""
    before_push = ("POST", "/git/commits")
    """A request between the bot's looking at a branch for the first time and moving it."""
    headers: Mapping[str, str] = HEADERS

    def __init__(self, account: str = "dockfix-bot") -> None:
        self.account = account
        self.repos: dict[str, Repo] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.validate = True
        self.violations: list[str] = []
        self.page = 100
        self.base = "https://api.github.com"

    def connect(self, http: Http, *, as_app: bool) -> Forge:
        """The bot's side."""
        return GitHub(http, as_app=as_app)

    def demand_valid(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> None:
        """Fail unless the forge's description allows the request."""
        demand_valid(method, path, query, body)

    def add(self, name: str, files: Mapping[str, str | bytes], **extra: Any) -> Repo:
        repo = self.repos[name] = self.made(name, **extra)
        if files:
            repo.commit(files)
        return repo

    def made(self, name: str, **extra: Any) -> Repo:
        """A new repository."""
        return Repo(name, **extra)

    def forked(self, repo: Repo, name: str) -> Repo:
        """A copy of a repository with its default branch."""
        fork = Repo(name, repo.default, parent=repo.name)
        self.synchronised(fork, repo, repo.default)
        return fork

    def synchronised(self, repo: Repo, upstream: Repo, branch: str) -> None:
        """Bring a branch of a fork up to date."""
        self.taken_along(repo, upstream)
        repo.refs[branch] = upstream.refs[branch]

    def taken_along(self, repo: Repo, upstream: Repo) -> None:
        """Give a fork all objects of what it is a fork of."""
        for own, theirs in (
            (repo.blobs, upstream.blobs),
            (repo.trees, upstream.trees),
            (repo.commits, upstream.commits),
        ):
            own.update(theirs)  # type: ignore[arg-type]

    def link(self, repo: Repo) -> str:
        """The page of a repository."""
        return f"https://{self.kind}.com/{repo.name}"

    def close(self) -> None:
        """The test is over."""

    @property
    def writes(self) -> list[Request]:
        return [request for request in self.requests if request.is_write]

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request whose *target* is a path with a query."""
        path, _, query = target.partition("?")
        path = path.removeprefix(self.prefix)
        request = Request(method, path, dict(parse_qsl(query)), headers, body)
        self.requests.append(request)
        if self.validate:
            try:
                self.demand_valid(method, path, request.query, body)
            except Exception as error:
                self.violations.append(f"{method} {path}: {error!r}")
        for fault in self.faults:
            answer = fault(request, lambda: self._route(request))
            if answer is not None:
                return answer
        return self._route(request)

    def _route(self, request: Request) -> Answer:
        data = json.loads(request.body) if request.body else {}
        path = unquote(request.path)
        if path == "/user":
            return Answer(200, {"login": self.account})
        found = re.fullmatch(r"/(?:orgs|users)/([^/]+)/repos", path)
        if found:
            names = [{"full_name": name} for name in sorted(self.repos) if name.startswith(f"{found[1]}/")]
            return self._page(request, names) if names else Answer(404, {"message": "Not Found"})
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(?:/(.*))?", path)
        repo = self.repos.get(found[1]) if found else None
        if repo is None or found is None:
            return Answer(404, {"message": "Not Found"})
        # whoever opened a pull request may edit, close and comment on it
        own = re.fullmatch(r"forks|pulls(/\d+)?|issues/\d+/comments", found[2] or "")
        if request.is_write and (repo.flags.get("archived") or not (repo.push or own)):
            return Answer(403, {"message": "Resource not accessible by personal access token"})
        for pattern, method, handler in _ROUTES:
            match = re.fullmatch(pattern, found[2] or "")
            if match and method == request.method:
                result: Answer = handler(self, repo, request, data, *match.groups())
                return result
        return Answer(404, {"message": f"Not Found: {request.method} {path}"})

    def _page(self, request: Request, items: list[Any]) -> Answer:
        size = min(self.page, int(request.query.get("per_page") or request.query.get("limit") or "30"))
        page = int(request.query.get("page", "1"))
        headers = {}
        if len(items) > page * size:
            query = urlencode({**request.query, "page": page + 1})
            headers["link"] = f'<{self.base}{request.path}?{query}>; rel="next"'
        return Answer(200, items[(page - 1) * size : page * size], headers)

    def repository(self, repo: Repo, request: Request, data: Any) -> Answer:
        parent = {"parent": {"full_name": repo.parent}, "fork": True} if repo.parent else {"fork": False}
        rights = {"push": repo.push, "pull": True, "admin": False}
        page = self.link(repo)
        shown = {
            "full_name": repo.name,
            "html_url": page,
            "default_branch": repo.default,
            "permissions": rights,
            **parent,
            **repo.flags,
        }
        return Answer(200, shown)

    def branch(self, repo: Repo, request: Request, data: Any, name: str) -> Answer:
        sha = repo.refs.get(name)
        if sha is None:
            return Answer(404, {"message": "Branch not found"})
        return Answer(200, {"commit": {"sha": sha, "commit": {"tree": {"sha": repo.commits[sha]["tree"]}}}})

    def get_tree(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        entries = repo.trees[sha]
        shown = [
            {"path": path, "mode": mode, "sha": object_, "type": "blob", "size": len(repo.blobs.get(object_, b""))}
            for path, (mode, object_) in entries.items()
        ]
        folders = {path.rpartition("/")[0] for path in entries if "/" in path}
        for folder in list(folders):
            while folder := folder.rpartition("/")[0]:
                folders.add(folder)
        shown += [{"path": folder, "mode": "040000", "sha": "0" * 40, "type": "tree"} for folder in sorted(folders)]
        return Answer(200, {"sha": sha, "tree": shown, "truncated": False})

    def get_blob(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        content = base64.encodebytes(repo.blobs[sha]).decode()
        return Answer(200, {"content": content, "encoding": "base64"})

    def post_blob(self, repo: Repo, request: Request, data: Any) -> Answer:
        return Answer(201, {"sha": repo.blob(base64.b64decode(data["content"]))})

    def post_tree(self, repo: Repo, request: Request, data: Any) -> Answer:
        entries = dict(repo.trees[data["base_tree"]])
        for item in data["tree"]:
            sha = item["sha"] if "sha" in item else repo.blob(item["content"].encode())
            if sha not in repo.blobs:
                return Answer(422, {"message": "tree.sha is not a valid blob"})
            entries[item["path"]] = (item["mode"], sha)
        return Answer(201, {"sha": repo.tree(entries)})

    def post_commit(self, repo: Repo, request: Request, data: Any) -> Answer:
        if data["tree"] not in repo.trees or not all(each in repo.commits for each in data["parents"]):
            return Answer(422, {"message": "Tree or parent does not exist"})
        return Answer(201, {"sha": repo.commit_tree(data["tree"], data["message"], data["parents"])})

    def get_commit(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        commit = repo.commits[sha]
        parents = [{"sha": each} for each in commit["parents"]]
        return Answer(
            200, {"sha": sha, "message": commit["message"], "tree": {"sha": commit["tree"]}, "parents": parents}
        )

    def matching(self, repo: Repo, request: Request, data: Any, prefix: str) -> Answer:
        names = sorted(name for name in repo.refs if name.startswith(prefix))
        return self._page(
            request, [{"ref": f"refs/heads/{name}", "object": {"sha": repo.refs[name]}} for name in names]
        )

    def get_ref(self, repo: Repo, request: Request, data: Any, name: str) -> Answer:
        if name not in repo.refs:
            return Answer(404, {"message": "Not Found"})
        return Answer(200, {"ref": f"refs/heads/{name}", "object": {"sha": repo.refs[name]}})

    def post_ref(self, repo: Repo, request: Request, data: Any) -> Answer:
        name = data["ref"].removeprefix("refs/heads/")
        blocked = any(each.startswith(f"{name}/") or name.startswith(f"{each}/") for each in repo.refs)
        if name in repo.refs or blocked or data["sha"] not in repo.commits:
            return Answer(
                422, {"message": "Reference already exists" if name in repo.refs else "Reference update failed"}
            )
        repo.refs[name] = data["sha"]
        return Answer(201, {"ref": data["ref"], "object": {"sha": data["sha"]}})

    def patch_ref(self, repo: Repo, request: Request, data: Any, name: str) -> Answer:
        if name not in repo.refs or data["sha"] not in repo.commits:
            return Answer(422, {"message": "Reference does not exist"})
        if not data.get("force"):
            return Answer(422, {"message": "Update is not a fast forward"})
        repo.refs[name] = data["sha"]
        return Answer(200, {"ref": f"refs/heads/{name}", "object": {"sha": data["sha"]}})

    def delete_ref(self, repo: Repo, request: Request, data: Any, name: str) -> Answer:
        if name not in repo.refs:
            return Answer(422, {"message": "Reference does not exist"})
        for pull in self._pulls_from(repo, name):
            if pull.state == "open":
                pull.state, pull.last_head = "closed", repo.refs[name]
        del repo.refs[name]
        return Answer(204)

    def _pulls_from(self, repo: Repo, branch: str) -> Iterator[Pull]:
        for each in self.repos.values():
            yield from (pull for pull in each.pulls if (pull.head_owner, pull.head_ref) == (repo.owner, branch))

    def source_of(self, repo: Repo, pull: Pull) -> Repo | None:
        """The repository that holds the branch of a pull request, if there is one."""
        return next(
            (
                each
                for each in self.repos.values()
                if each.owner == pull.head_owner
                and pull.head_ref in each.refs
                and (each is repo or each.parent == repo.name)
            ),
            None,
        )

    def _shown(self, repo: Repo, pull: Pull) -> dict[str, Any]:
        source = self.source_of(repo, pull)
        sha = source.refs[pull.head_ref] if source and pull.state == "open" else pull.last_head
        return {
            "number": pull.number,
            "state": pull.state,
            "merged_at": "2026-01-01T00:00:00Z" if pull.merged else None,
            "title": pull.title,
            "body": pull.body,
            "draft": pull.draft,
            "head": {"ref": pull.head_ref, "sha": sha, "repo": {"owner": {"login": pull.head_owner}}},
            "base": {"ref": pull.base},
            "html_url": f"{self.link(repo)}/pull/{pull.number}",
        }

    def list_pulls(self, repo: Repo, request: Request, data: Any) -> Answer:
        owner, _, ref = request.query.get("head", ":").partition(":")
        state = request.query.get("state", "open")
        found = [
            self._shown(repo, pull)
            for pull in reversed(repo.pulls)
            if (not owner or (pull.head_owner, pull.head_ref) == (owner, ref)) and state in ("all", pull.state)
        ]
        return self._page(request, found)

    def post_pull(self, repo: Repo, request: Request, data: Any) -> Answer:
        owner, _, ref = data["head"].rpartition(":")
        owner = owner or repo.owner
        if any(
            (each.head_owner, each.head_ref, each.base, each.state) == (owner, ref, data["base"], "open")
            for each in repo.pulls
        ):
            message = f"A pull request already exists for {owner}:{ref}."
            return Answer(422, {"message": "Validation Failed", "errors": [{"message": message}]})
        source = next((each for each in self.repos.values() if each.owner == owner and ref in each.refs), None)
        if source is None or len(data["body"]) > 65536:
            return Answer(422, {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]})
        pull = Pull(len(repo.pulls) + 1, data["title"], data["body"], owner, ref, data["base"], data["draft"])
        repo.pulls.append(pull)
        return Answer(201, self._shown(repo, pull))

    def patch_pull(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        pull = repo.pulls[int(number) - 1]
        if data.get("state") == "closed":
            pull.last_head = self._shown(repo, pull)["head"]["sha"]
        for key, value in data.items():
            setattr(pull, key, value)
        return Answer(200, self._shown(repo, pull))

    def get_pull(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        return Answer(200, self._shown(repo, repo.pulls[int(number) - 1]))

    def _changed(self, repo: Repo, pull: Pull) -> Iterator[tuple[str, str, list[str], list[str], Hunks]]:
        """Each file that a pull request changes: its path, status, lines before and after, and what is shown of it."""
        source = self.source_of(repo, pull)
        assert source is not None
        before, after = repo.files(pull.base), source.files(pull.head_ref)
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path):
                status = "added" if path not in before else "removed" if path not in after else "modified"
                old, new = (files.get(path, b"").decode().splitlines() for files in (before, after))
                grouped = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(3)
                yield path, status, old, new, [list(group) for group in grouped]

    def list_files(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        found = []
        for path, status, old, new, groups in self._changed(repo, repo.pulls[int(number) - 1]):
            patch: list[str] = []
            for group in groups:
                (_, a, _, b, _), (_, _, a_end, _, b_end) = group[0], group[-1]
                patch.append(f"@@ -{a + 1},{a_end - a} +{b + 1},{b_end - b} @@ FROM")
                for tag, i, i_end, j, j_end in group:
                    if tag == "equal":
                        patch += (f" {line}" for line in old[i:i_end])
                    else:
                        patch += (f"-{line}" for line in old[i:i_end])
                        patch += (f"+{line}" for line in new[j:j_end])
            found.append({"filename": path, "status": status, "patch": "\n".join(patch)})
        return self._page(request, found)

    def list_reviews(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        pull = repo.pulls[int(number) - 1]
        return self._page(request, [comment for review in pull.reviews for comment in review["comments"]])

    def post_review(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        """All comments or none: each must lie on lines of one hunk."""
        pull = repo.pulls[int(number) - 1]
        shown = {path: groups for path, _, _, _, groups in self._changed(repo, pull)}
        for comment in data["comments"]:
            first, last = comment.get("start_line", comment["line"]), comment["line"]
            lines = [range(group[0][3] + 1, group[-1][4] + 1) for group in shown.get(comment["path"], [])]
            fits = any(first in each and last in each for each in lines)
            if not fits or first > last or (first == last) == ("start_line" in comment):
                message = "pull_request_review_thread.line must be part of the diff"
                return Answer(422, {"message": "Unprocessable Entity", "errors": [message]})
        pull.reviews.append(data)
        return Answer(200, {"id": len(pull.reviews)})

    def post_labels(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        repo.pulls[int(number) - 1].labels += data["labels"]
        return Answer(200, [])

    def post_reviewers(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        repo.pulls[int(number) - 1].reviewers += data.get("reviewers", []) + data.get("team_reviewers", [])
        return Answer(201, {})

    def list_comments(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        return self._page(request, [{"body": text} for text in repo.pulls[int(number) - 1].comments])

    def post_comment(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        repo.pulls[int(number) - 1].comments.append(data["body"])
        return Answer(201, {"body": data["body"]})

    def post_fork(self, repo: Repo, request: Request, data: Any) -> Answer:
        name = f"{self.account}/{data['name']}"
        fork = self.repos[name] = self.forked(repo, name)
        return Answer(202, self.repository(fork, request, data).data)

    def merge_upstream(self, repo: Repo, request: Request, data: Any) -> Answer:
        self.synchronised(repo, self.repos[repo.parent or ""], data["branch"])
        return Answer(200, {"merge_type": "fast-forward"})


_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("", "GET", Hub.repository),
    ("branches/(.+)", "GET", Hub.branch),
    ("git/trees/(.+)", "GET", Hub.get_tree),
    ("git/blobs/(.+)", "GET", Hub.get_blob),
    ("git/blobs", "POST", Hub.post_blob),
    ("git/trees", "POST", Hub.post_tree),
    ("git/commits", "POST", Hub.post_commit),
    ("git/commits/(.+)", "GET", Hub.get_commit),
    ("git/matching-refs/heads/(.+)", "GET", Hub.matching),
    ("git/ref/heads/(.+)", "GET", Hub.get_ref),
    ("git/refs", "POST", Hub.post_ref),
    ("git/refs/heads/(.+)", "PATCH", Hub.patch_ref),
    ("git/refs/heads/(.+)", "DELETE", Hub.delete_ref),
    ("pulls", "GET", Hub.list_pulls),
    ("pulls", "POST", Hub.post_pull),
    (r"pulls/(\d+)", "GET", Hub.get_pull),
    (r"pulls/(\d+)", "PATCH", Hub.patch_pull),
    (r"pulls/(\d+)/files", "GET", Hub.list_files),
    (r"pulls/(\d+)/comments", "GET", Hub.list_reviews),
    (r"pulls/(\d+)/reviews", "POST", Hub.post_review),
    (r"issues/(\d+)/labels", "POST", Hub.post_labels),
    (r"pulls/(\d+)/requested_reviewers", "POST", Hub.post_reviewers),
    (r"issues/(\d+)/comments", "GET", Hub.list_comments),
    (r"issues/(\d+)/comments", "POST", Hub.post_comment),
    ("forks", "POST", Hub.post_fork),
    ("merge-upstream", "POST", Hub.merge_upstream),
)
