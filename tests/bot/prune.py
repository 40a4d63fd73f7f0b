"""Make ``github-openapi.json`` and ``forgejo-openapi.json``: of the forges' own descriptions, what the bot sends.

npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
python tests/bot/prune.py github package/generated/api.github.com.json

Forgejo serves its own at /swagger.v1.json, and keeps it in its sources as templates/swagger/v1_json.tmpl:
python tests/bot/prune.py forgejo swagger.v1.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """

    used: Mapping[str, tuple[str, ...]]
    origin: Mapping[str, str]


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
    source = json.loads(Path(file).read_text(encoding="utf-8"))
    if "swagger" in source:
        source = _modern(source)
    paths = {
        path: {method: source["paths"][path][method] for method in methods}
        for path, methods in description.used.items()
    }
    for operations in paths.values():
        for operation in operations.values():
            operation["responses"] = {"default": {"description": ""}}
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
        "servers": source["servers"],
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
                content = {"application/json": {"schema": body["schema"]}}
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
