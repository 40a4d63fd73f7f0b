"""Whether a request is one that GitHub's own description of its API allows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest

DESCRIPTION = Path(__file__).with_name("github-openapi.json")


@cache
def _description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    return loaded


@cache
def _openapi() -> OpenAPI:
    return OpenAPI.from_dict(_description(), config=Config(spec_validator_cls=None))


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """A pattern for each path; in a parameter every slash is quoted."""
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))), path) for path in _description()["paths"]]


def path_of(path: str) -> str:
    """The path of the description that a request's path belongs to."""
    found = [template for pattern, template in _patterns() if pattern.fullmatch(path)]
    assert found, f"not in the description: {path}"
    return found[0]


def demand_valid(method: str, path: str, query: Mapping[str, str], body: bytes) -> None:
    """Fail unless the description allows the request, with every parameter named there."""
    template = path_of(path)
    operation = _description()["paths"][template].get(method.lower())
    assert operation is not None, f"not in the description: {method} {template}"
    named = {_resolved(each)["name"] for each in operation.get("parameters", ())}
    assert set(query) <= named, f"{method} {template}: unknown parameters {set(query) - named}"
    if body:
        schema = _resolved(operation["requestBody"]["content"]["application/json"]["schema"])
        for key in json.loads(body):
            known = set(schema.get("properties", ())) or None
            assert known is None or key in known, f"{method} {template}: unknown property {key!r}"
    request = MockRequest(
        "https://api.github.com",
        method.lower(),
        path,
        args=dict(query),
        data=body,
        content_type="application/json" if body else "",
    )
    _openapi().validate_request(request)


def _resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        _, kind, name = value["$ref"].rsplit("/", 2)
        value = _description()["components"][kind][name]
    return value
