"""A GitLab in memory: the hub's repositories and pull requests, spoken of as GitLab does."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from dockfix.bot.gitlab import API, GitLab
from dockfix.bot.http import Http

from .contract import demand_valid
from .hub import Answer, Hub, Pull, Repo, Request

DESCRIPTION = Path(__file__).with_name("gitlab-openapi.json")
_STATES = {"open": "opened", "closed": "closed"}
MISSING = {"message": "404 Not Found"}


class GitLabHub(Hub):
    """The server."""

    kind = "gitlab"
    prefix = "/api/v4"
    git_user = "oauth2"
    draft = "Draft: "
    headers: Mapping[str, str] = {}
    before_push = ("GET", "/repository/branches/dockfix%2Fdockerfile")
    people = ("ada", "bob")

    def __init__(self, account: str = "dockfix-bot") -> None:
        super().__init__(account)
        self.base = API

    def connect(self, http: Http, *, as_app: bool) -> GitLab:
        assert not as_app
        return GitLab(http)

    def demand_valid(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> None:
        demand_valid(method, path, query, body, DESCRIPTION)

    def _route(self, request: Request) -> Answer:
        data = json.loads(request.body) if request.body else {}
        if request.path == "/user":
            return Answer(200, {"username": self.account, "commit_email": f"{self.account}@example.com"})
        if request.path == "/users":
            name = request.query["username"]
            return Answer(200, [{"id": self.people.index(name) + 1, "username": name}] if name in self.people else [])
        found = re.fullmatch(r"/(groups|users)/([^/]+)/projects", request.path)
        if found:
            names = [name for name in sorted(self.repos) if name.startswith(f"{unquote(found[2])}/")]
            if found[1] == "groups" and not names:
                return Answer(404, {"message": "404 Group Not Found"})
            return self._page(request, [self._project(self.repos[name]) for name in names])
        found = re.fullmatch(r"/projects/([^/]+)(?:/(.*))?", request.path)
        repo = self.repos.get(unquote(found[1])) if found else None
        if repo is None or found is None:
            return Answer(404, MISSING)
        own = re.fullmatch(r"fork|merge_requests.*", found[2] or "")
        if request.is_write and (repo.flags.get("archived") or not (repo.push or own)):
            return Answer(403, {"message": "403 Forbidden"})
        for pattern, method, handler in _ROUTES:
            match = re.fullmatch(pattern, found[2] or "")
            if match and method == request.method:
                result: Answer = handler(self, repo, request, data, *map(unquote, match.groups()))
                return result
        return Answer(404, MISSING)

    def _id(self, repo: Repo) -> int:
        return list(self.repos).index(repo.name) + 1

    def _project(self, repo: Repo) -> dict[str, Any]:
        parent = {"forked_from_project": {"path_with_namespace": repo.parent}} if repo.parent else {}
        level = {"access_level": 40 if repo.push else 20}
        return {
            "id": self._id(repo),
            "path_with_namespace": repo.name,
            "web_url": self.link(repo),
            "default_branch": repo.default if repo.refs else None,
            # a member of a group that the project lies in
            "permissions": {"project_access": None, "group_access": level},
            **parent,
            **repo.flags,
        }

    def project(self, repo: Repo, request: Request, data: Any) -> Answer:
        return Answer(200, self._project(repo))

    def branch(self, repo: Repo, request: Request, data: Any, name: str) -> Answer:
        if name not in repo.refs:
            return Answer(404, {"message": "404 Branch Not Found"})
        return Answer(200, {"name": name, "commit": {"id": repo.refs[name]}})

    def list_branches(self, repo: Repo, request: Request, data: Any) -> Answer:
        wanted = request.query["search"]
        assert wanted.startswith("^")
        names = sorted(name for name in repo.refs if name.startswith(wanted[1:]))
        return self._page(request, [{"name": name, "commit": {"id": repo.refs[name]}} for name in names])

    def delete_branch(self, repo: Repo, request: Request, data: Any, name: str) -> Answer:
        found = self.delete_ref(repo, request, data, name)
        return found if found.status == 204 else Answer(404, {"message": "404 Branch Not Found"})

    def list_tree(self, repo: Repo, request: Request, data: Any) -> Answer:
        if request.query["ref"] not in repo.commits:
            return Answer(404, {"message": "404 Tree Not Found"})
        shown = self.get_tree(repo, request, data, repo.commits[request.query["ref"]]["tree"]).data["tree"]
        items = [{"id": each["sha"], **{key: each[key] for key in ("path", "mode", "type")}} for each in shown]
        return self._page(request, items)

    def blob(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        content = repo.blobs[sha]
        text = base64.b64encode(content).decode()
        return Answer(200, {"size": len(content), "encoding": "base64", "content": text, "sha": sha})

    def file(self, repo: Repo, request: Request, data: Any, path: str) -> Answer:
        tree = repo.trees[repo.commits[request.query["ref"]]["tree"]]
        if path not in tree or tree[path][0] == "160000":
            return Answer(404, {"message": "404 File Not Found"})
        return Answer(200, {"file_path": path, "blob_id": tree[path][1]})

    def get_commit_(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        if sha not in repo.commits:
            return Answer(404, {"message": "404 Commit Not Found"})
        commit = repo.commits[sha]
        return Answer(200, {"id": sha, "message": commit["message"], "parent_ids": commit["parents"]})

    def diff(self, repo: Repo, request: Request, data: Any, sha: str) -> Answer:
        commit = repo.commits[sha]
        new = repo.trees[commit["tree"]]
        old = repo.trees[repo.commits[commit["parents"][0]]["tree"]]
        paths = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
        shown = [
            {
                "old_path": path,
                "new_path": path,
                "b_mode": new[path][0] if path in new else "0",
                "deleted_file": path not in new,
                "renamed_file": False,
            }
            for path in paths
        ]
        return self._page(request, shown)

    def make_commit(self, repo: Repo, request: Request, data: Any) -> Answer:
        branch, start = data["branch"], data["start_sha"]
        if branch in repo.refs and not data["force"]:
            return Answer(400, {"message": f"A branch called '{branch}' already exists."})
        if any(each.startswith(f"{branch}/") or branch.startswith(f"{each}/") for each in repo.refs):
            return Answer(400, {"message": "Could not update refs"})
        upstream = self.repos.get(data.get("start_project", ""), repo)
        if start not in upstream.commits:
            return Answer(400, {"message": "Cannot find start_sha"})
        if upstream is not repo:
            self.taken_along(repo, upstream)
        entries = dict(repo.trees[repo.commits[start]["tree"]])
        for action in data["actions"]:
            path = action["file_path"]
            if (path in entries) == (action["action"] == "create"):
                return Answer(400, {"message": "A file with this name already exists, or there is none"})
            if action["action"] == "chmod":
                entries[path] = ("100755" if action["execute_filemode"] else "100644", entries[path][1])
                continue
            mode = entries[path][0] if path in entries else "100644"
            entries[path] = (mode, repo.blob(base64.b64decode(action["content"])))
        repo.refs[branch] = sha = repo.commit_tree(repo.tree(entries), data["commit_message"], [start])
        return Answer(201, {"id": sha, "parent_ids": [start], "message": data["commit_message"]})

    def _merge_request(self, repo: Repo, pull: Pull) -> dict[str, Any]:
        shown = self._shown(repo, pull)
        forks = (each for each in self.repos.values() if each.parent == repo.name)
        source = next((each for each in (repo, *forks) if each.owner == pull.head_owner), None)
        return {
            "iid": pull.number,
            "state": "merged" if pull.merged else _STATES[pull.state],
            "title": pull.title,
            "description": pull.body,
            "sha": shown["head"]["sha"],
            "source_branch": pull.head_ref,
            "target_branch": pull.base,
            "source_project_id": None if source is None else self._id(source),
            "target_project_id": self._id(repo),
            "web_url": f"{self.link(repo)}/-/merge_requests/{pull.number}",
        }

    def list_merge_requests(self, repo: Repo, request: Request, data: Any) -> Answer:
        assert request.query["state"] == "all"
        found = [pull for pull in reversed(repo.pulls) if pull.head_ref == request.query["source_branch"]]
        return self._page(request, [self._merge_request(repo, pull) for pull in found])

    def make_merge_request(self, repo: Repo, request: Request, data: Any) -> Answer:
        target = repo
        if "target_project_id" in data:
            target = list(self.repos.values())[data["target_project_id"] - 1]
        ref = data["source_branch"]
        if any((each.head_owner, each.head_ref, each.state) == (repo.owner, ref, "open") for each in target.pulls):
            return Answer(409, {"message": ["Another open merge request already exists for this source branch: !1"]})
        if ref not in repo.refs:
            return Answer(400, {"message": {"source_branch": ["does not exist"]}})
        title, draft = data["title"], data["title"].startswith(self.draft)
        pull = Pull(
            len(target.pulls) + 1, title, data["description"], repo.owner, ref, data["target_branch"], draft=draft
        )
        target.pulls.append(pull)
        return Answer(201, self._merge_request(target, pull))

    def edit_merge_request(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        pull = repo.pulls[int(number) - 1]
        if data.get("state_event") == "close":
            pull.last_head, pull.state = self._shown(repo, pull)["head"]["sha"], "closed"
        pull.title = data.get("title", pull.title)
        pull.body = data.get("description", pull.body)
        pull.labels += data.get("add_labels", [])
        if "reviewer_ids" in data:
            pull.reviewers = [self.people[id - 1] for id in data["reviewer_ids"]]
        return Answer(200, self._merge_request(repo, pull))

    def list_notes(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        return self.list_comments(repo, request, data, number)

    def make_note(self, repo: Repo, request: Request, data: Any, number: str) -> Answer:
        return self.post_comment(repo, request, data, number)

    def make_fork(self, repo: Repo, request: Request, data: Any) -> Answer:
        if f"{self.account}/{data['path']}" in self.repos:
            return Answer(409, {"message": {"path": ["has already been taken"]}})
        self.post_fork(repo, request, {"name": data["path"]})
        return Answer(201, self._project(self.repos[f"{self.account}/{data['path']}"]) | {"import_status": "started"})


_ROUTES: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("", "GET", GitLabHub.project),
    ("fork", "POST", GitLabHub.make_fork),
    ("repository/branches", "GET", GitLabHub.list_branches),
    ("repository/branches/([^/]+)", "GET", GitLabHub.branch),
    ("repository/branches/([^/]+)", "DELETE", GitLabHub.delete_branch),
    ("repository/tree", "GET", GitLabHub.list_tree),
    ("repository/blobs/([^/]+)", "GET", GitLabHub.blob),
    ("repository/files/([^/]+)", "GET", GitLabHub.file),
    ("repository/commits", "POST", GitLabHub.make_commit),
    ("repository/commits/([^/]+)", "GET", GitLabHub.get_commit_),
    ("repository/commits/([^/]+)/diff", "GET", GitLabHub.diff),
    ("merge_requests", "GET", GitLabHub.list_merge_requests),
    ("merge_requests", "POST", GitLabHub.make_merge_request),
    (r"merge_requests/(\d+)", "PUT", GitLabHub.edit_merge_request),
    (r"merge_requests/(\d+)/notes", "GET", GitLabHub.list_notes),
    (r"merge_requests/(\d+)/notes", "POST", GitLabHub.make_note),
)
