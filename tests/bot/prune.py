"""Make ``github-openapi.json`` and its likes: of the forges' own descriptions of their APIs, what the bot sends.

npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
python tests/bot/prune.py github package/generated/api.github.com.json

GitLab's lies in its sources as doc/api/openapi/openapi_v3.yaml, Forgejo's as templates/swagger/v1_json.tmpl, and each
server of Forgejo gives it at /swagger.v1.json:
python tests/bot/prune.py gitlab openapi_v3.yaml
python tests/bot/prune.py forgejo swagger.v1.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = "/repos/{owner}/{repo}"
GITHUB = {
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
PROJECT = "/projects/{id}"
GITLAB = {
    "/groups/{id}/projects": ("get",),
    "/user": ("get",),
    "/users": ("get",),
    "/users/{user_id}/projects": ("get",),
    PROJECT: ("get",),
    f"{PROJECT}/fork": ("post",),
    f"{PROJECT}/merge_requests": ("get", "post"),
    f"{PROJECT}/merge_requests/{{merge_request_iid}}": ("put",),
    f"{PROJECT}/merge_requests/{{noteable_id}}/notes": ("get", "post"),
    f"{PROJECT}/repository/blobs/{{sha}}": ("get",),
    f"{PROJECT}/repository/branches": ("get",),
    f"{PROJECT}/repository/branches/{{branch}}": ("get", "delete"),
    f"{PROJECT}/repository/commits": ("post",),
    f"{PROJECT}/repository/commits/{{sha}}": ("get",),
    f"{PROJECT}/repository/commits/{{sha}}/diff": ("get",),
    f"{PROJECT}/repository/files/{{file_path}}": ("get",),
    f"{PROJECT}/repository/tree": ("get",),
}
FORGEJO = {
    "/orgs/{org}/labels": ("get",),
    "/orgs/{org}/repos": ("get",),
    "/user": ("get",),
    "/users/{username}/repos": ("get",),
    REPOSITORY: ("get",),
    f"{REPOSITORY}/branches/{{branch}}": ("get",),
    f"{REPOSITORY}/forks": ("post",),
    f"{REPOSITORY}/git/blobs/{{sha}}": ("get",),
    f"{REPOSITORY}/git/commits/{{sha}}": ("get",),
    f"{REPOSITORY}/git/refs/{{ref}}": ("get",),
    f"{REPOSITORY}/git/trees/{{sha}}": ("get",),
    f"{REPOSITORY}/issues/{{index}}/comments": ("get", "post"),
    f"{REPOSITORY}/issues/{{index}}/labels": ("post",),
    f"{REPOSITORY}/labels": ("get",),
    f"{REPOSITORY}/pulls": ("get", "post"),
    f"{REPOSITORY}/pulls/{{index}}": ("patch",),
    f"{REPOSITORY}/pulls/{{index}}/requested_reviewers": ("post",),
}
JSON, FORM = "application/json", "multipart/form-data"
TEXT = {"type": "string"}
COMMIT = {
    "type": "object",
    "required": ["branch", "commit_message", "actions"],
    "properties": {
        **dict.fromkeys(("branch", "commit_message", "author_email", "author_name", "start_branch", "start_sha"), TEXT),
        "start_project": {"oneOf": [{"type": "integer"}, TEXT]},
        "force": {"type": "boolean"},
        "stats": {"type": "boolean"},
        "actions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["action", "file_path"],
                "additionalProperties": False,
                "properties": {
                    "action": {"type": "string", "enum": ["create", "delete", "move", "update", "chmod"]},
                    **dict.fromkeys(("file_path", "previous_path", "content", "last_commit_id"), TEXT),
                    "encoding": {"type": "string", "enum": ["text", "base64"]},
                    "execute_filemode": {"type": "boolean"},
                },
            },
        },
    },
}
"""By hand, since GitLab's description tells of a commit only that it may be uploaded as a file:
https://docs.gitlab.com/api/commits/#create-a-commit
"""
TEXTS = frozenset(
    {"description", "summary", "examples", "example", "externalDocs", "tags", "operationId"}
    | {"x-github", "x-go-name", "x-go-package", "consumes", "produces"}
)


@dataclass(frozen=True)
class Description:
    """What is made of a forge's own.

    Attributes:
        used: the paths, and the methods of each.
        origin: what is told of where it comes from.
        prefix: what each of its paths begins with, if that is the server's.
        server: the address of the API, where the description tells none.
    """

    used: Mapping[str, tuple[str, ...]]
    origin: Mapping[str, str]
    prefix: str = ""
    server: str = ""


DESCRIPTIONS = {
    "github": Description(
        GITHUB,
        {
            "x-origin": "https://www.npmjs.com/package/@octokit/openapi, version 23.0.2, generated/api.github.com.json",
            "x-retrieved": "2026-11-25",
            "x-licence": "MIT, Copyright (c) Octokit contributors; the description itself: MIT, "
            "github/rest-api-description",
            "x-changes": "pruned by tests/bot/prune.py to the requests that dockfix sends, without answers, texts and "
            "examples",
        },
    ),
    "gitlab": Description(
        GITLAB,
        {
            "x-origin": "https://gitlab.com/gitlab-org/gitlab/-/blob/master/doc/api/openapi/openapi_v3.yaml of June "
            "2026, as kept in https://github.com/laconicman/swift-gitlab at f2dcdc7e75d9a1e0c7b247e3400dcc8feadfa4b7, "
            "which has corrected its answers and dropped second spellings of values",
            "x-retrieved": "2026-11-26",
            "x-licence": "CC BY-SA 4.0, Copyright GitLab Inc.; so is this file",
            "x-changes": "pruned by tests/bot/prune.py to the requests that dockfix sends, without answers, texts and "
            "examples; the paths begin behind the server's /api/v4; the body of a commit, of which the original tells "
            "only that it may be uploaded as a file, is by hand after https://docs.gitlab.com/api/commits/#create-a-commit",
        },
        "/api/v4",
        "https://gitlab.com/api/v4",
    ),
    "forgejo": Description(
        FORGEJO,
        {
            "x-origin": "what Forgejo 16.0.1 serves at /swagger.v1.json, as kept in "
            "https://github.com/denis-ev/forgejo-mcp at bc5a53765e63cc9071b3c6ac5e998ddb4bbd281d; its source is "
            "https://codeberg.org/forgejo/forgejo/src/tag/v16.0.1/templates/swagger/v1_json.tmpl",
            "x-retrieved": "2026-11-26",
            "x-licence": "MIT; its own words: This file is distributed under the MIT license for the purpose of "
            "interoperability",
            "x-changes": "brought from Swagger 2.0 to OpenAPI 3.0, and pruned to the requests that dockfix sends, "
            "without answers, texts and examples, by tests/bot/prune.py",
        },
    ),
}


def main() -> None:
    name, file = sys.argv[1:]
    description = DESCRIPTIONS[name]
    text = Path(file).read_text(encoding="utf-8")
    source = yaml.safe_load(text) if file.endswith(".yaml") else json.loads(text)
    if "swagger" in source:
        source = _modern(source)
    paths = {
        path: {method: source["paths"][description.prefix + path][method] for method in methods}
        for path, methods in description.used.items()
    }
    for operations in paths.values():
        for operation in operations.values():
            operation["responses"] = {"default": {"description": ""}}
            if FORM in operation.get("requestBody", {}).get("content", {}):
                operation["requestBody"]["content"] = {JSON: {"schema": COMMIT}}
    components: dict[str, dict[str, Any]] = {}
    pending: list[Any] = [paths]
    while pending:
        for reference in _references(pending.pop()):
            kind, key = reference.split("/")[-2:]
            if key not in components.setdefault(kind, {}):
                components[kind][key] = source["components"][kind][key]
                pending.append(components[kind][key])
    pruned = {
        "openapi": source["openapi"],
        "info": {"title": source["info"]["title"], "version": source["info"]["version"], **description.origin},
        "servers": [{"url": description.server}] if description.server else source["servers"],
        "paths": _bare(paths),
        "components": _bare(components),
    }
    place = Path(__file__).with_name(f"{name}-openapi.json")
    place.write_text(json.dumps(pruned, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _modern(source: dict[str, Any]) -> dict[str, Any]:
    """A description in Swagger 2.0 as one in OpenAPI 3.0, as far as requests go."""
    text = json.dumps(source).replace('"#/definitions/', '"#/components/schemas/')
    moved: dict[str, Any] = json.loads(text)
    for operations in moved["paths"].values():
        for operation in operations.values():
            given = operation.pop("parameters", [])
            operation["parameters"] = [_parameter(each) for each in given if each["in"] != "body"]
            for body in (each for each in given if each["in"] == "body"):
                content = {JSON: {"schema": body["schema"]}}
                operation["requestBody"] = {"content": content, "required": body.get("required", False)}
    return {
        "openapi": "3.0.3",
        "info": moved["info"],
        "servers": [{"url": f"https://codeberg.org{moved['basePath']}"}],
        "paths": moved["paths"],
        "components": {"schemas": moved["definitions"]},
    }


def _parameter(old: dict[str, Any]) -> dict[str, Any]:
    around: dict[str, Any] = {key: old[key] for key in ("name", "in", "required") if key in old}
    schema = {key: value for key, value in old.items() if key not in {*around, "description", "collectionFormat"}}
    return {**around, "schema": schema}


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
