"""Make ``github-openapi.json``: of GitHub's own description of its API, the requests that the bot sends.

npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
python tests/bot/prune.py package/generated/api.github.com.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PLACE = Path(__file__).with_name("github-openapi.json")
ORIGIN = {
    "x-origin": "https://www.npmjs.com/package/@octokit/openapi, version 23.0.2, generated/api.github.com.json",
    "x-retrieved": "2026-11-25",
    "x-licence": "MIT, Copyright (c) Octokit contributors; the description itself: MIT, github/rest-api-description",
    "x-changes": "pruned by tests/bot/prune.py to the requests that dockfix sends, without answers, texts and examples",
}
REPOSITORY = "/repos/{owner}/{repo}"
USED = {
    "/app": ("get",),
    "/app/installations/{installation_id}/access_tokens": ("post",),
    "/installation/repositories": ("get",),
    "/orgs/{org}/installation": ("get",),
    "/orgs/{org}/repos": ("get",),
    "/user": ("get",),
    "/users/{username}/installation": ("get",),
    "/users/{username}/repos": ("get",),
    REPOSITORY: ("get",),
    f"{REPOSITORY}/branches/{{branch}}": ("get",),
    f"{REPOSITORY}/forks": ("post",),
    f"{REPOSITORY}/git/blobs": ("post",),
    f"{REPOSITORY}/git/blobs/{{file_sha}}": ("get",),
    f"{REPOSITORY}/git/commits": ("post",),
    f"{REPOSITORY}/git/commits/{{commit_sha}}": ("get",),
    f"{REPOSITORY}/git/matching-refs/{{ref}}": ("get",),
    f"{REPOSITORY}/git/ref/{{ref}}": ("get",),
    f"{REPOSITORY}/git/refs": ("post",),
    f"{REPOSITORY}/git/refs/{{ref}}": ("patch", "delete"),
    f"{REPOSITORY}/git/trees": ("post",),
    f"{REPOSITORY}/git/trees/{{tree_sha}}": ("get",),
    f"{REPOSITORY}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{REPOSITORY}/issues/{{issue_number}}/labels": ("post",),
    f"{REPOSITORY}/merge-upstream": ("post",),
    f"{REPOSITORY}/pulls": ("get", "post"),
    f"{REPOSITORY}/pulls/{{pull_number}}": ("get", "patch"),
    f"{REPOSITORY}/pulls/{{pull_number}}/comments": ("get",),
    f"{REPOSITORY}/pulls/{{pull_number}}/files": ("get",),
    f"{REPOSITORY}/pulls/{{pull_number}}/requested_reviewers": ("post",),
    f"{REPOSITORY}/pulls/{{pull_number}}/reviews": ("post",),
}
TEXTS = frozenset({"description", "summary", "examples", "example", "externalDocs", "x-github", "tags", "operationId"})


def main() -> None:
    source = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    paths = {path: {method: source["paths"][path][method] for method in methods} for path, methods in USED.items()}
    for operations in paths.values():
        for operation in operations.values():
            operation["responses"] = {"default": {"description": ""}}
    components: dict[str, dict[str, Any]] = {}
    pending: list[Any] = [paths]
    while pending:
        for reference in _references(pending.pop()):
            kind, name = reference.split("/")[-2:]
            if name not in components.setdefault(kind, {}):
                components[kind][name] = source["components"][kind][name]
                pending.append(components[kind][name])
    description = {
        "openapi": source["openapi"],
        "info": {"title": source["info"]["title"], "version": source["info"]["version"], **ORIGIN},
        "servers": source["servers"],
        "paths": _bare(paths),
        "components": _bare(components),
    }
    PLACE.write_text(json.dumps(description, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for item in value.values() for each in _references(item)]
    return [each for item in value for each in _references(item)] if isinstance(value, list) else []


def _bare(value: Any, *, named: bool = False) -> Any:
    """*value* without what is only for people; *named* tells that the keys are names of somebody's properties."""
    if isinstance(value, dict):
        return {
            key: _bare(item, named=key == "properties")
            for key, item in value.items()
            if named or key not in TEXTS or (key == "description" and item == "")
        }
    return [_bare(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
