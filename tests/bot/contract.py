"""Whether a request is one that a forge's own description of its API allows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest

DESCRIPTION = Path(__file__).with_name("github-openapi.json")


@cache
def _loaded(description: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(description.read_text(encoding="utf-8"))
    return loaded


@cache
def _openapi(description: Path) -> OpenAPI:
    return OpenAPI.from_dict(_loaded(description), config=Config(spec_validator_cls=None))


@cache
def _patterns(description: Path) -> list[tuple[re.Pattern[str], str]]:
    """A pattern for each path; in a parameter every slash is quoted."""
    paths = _loaded(description)["paths"]
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in paths]


def path_of(path: str, description: Path = DESCRIPTION) -> str:
    """The path of the description that a request's path belongs to."""
    found = [template for pattern, template in _patterns(description) if pattern.fullmatch(path)]
    assert found, f"not in the description: {path}"
    return found[0]


def demand_valid(
    method: str, path: str, query: Mapping[str, str], body: bytes, description: Path = DESCRIPTION
) -> None:
    """Fail unless the description allows the request, with every parameter named there."""
    template = path_of(path, description)
    operation = _loaded(description)["paths"][template].get(method.lower())
    assert operation is not None, f"not in the description: {method} {template}"
    named = {_resolved(each, description)["name"] for each in operation.get("parameters", ())}
    assert set(query) <= named, f"{method} {template}: unknown parameters {set(query) - named}"
    if body:
        schema = _resolved(operation["requestBody"]["content"]["application/json"]["schema"], description)
        for key in json.loads(body):
            known = set(schema.get("properties", ())) or None
            assert known is None or key in known, f"{method} {template}: unknown property {key!r}"
    server = urlsplit(_loaded(description)["servers"][0]["url"])
    request = MockRequest(
        f"{server.scheme}://{server.netloc}",
        method.lower(),
        server.path + path,
        args=dict(query),
        data=body,
        content_type="application/json" if body else "",
    )
    _openapi(description).validate_request(request)


def _resolved(value: Mapping[str, Any], description: Path) -> Mapping[str, Any]:
    while "$ref" in value:
        _, kind, name = value["$ref"].rsplit("/", 2)
        value = _loaded(description)["components"][kind][name]
    return value
