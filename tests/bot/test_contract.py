"""Requirement 1: what is sent is what GitHub describes. Every other test validates its requests, too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from openapi_core.exceptions import OpenAPIError

from dockfix.bot.forge import RefusedError
from dockfix.bot.review import review
from dockfix.bot.settings import Settings

from .conftest import Bot, in_thread
from .contract import DESCRIPTION, demand_valid, path_of
from .hub import Hub, Pull
from .rules import NAIVE


def operations() -> set[tuple[str, str]]:
    paths = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


APPS = {operation for operation in operations() if "installation" in operation[1] or operation[1] == "/app"}


def test_requirement_01_every_described_request_is_sent_and_valid(bot: Bot, hub: Hub) -> None:
    """A life with everything in it; what the description holds beyond it would be dead weight."""
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE, "latin": b"\xff"})
    theirs = hub.add("other/shop", {"Dockerfile": b"FROM busybox:1.36\n# caf\xe9\nRUN echo old\n"}, push=False)
    sent: set[tuple[str, str]] = set()

    def run(*names: str, **settings: Any) -> None:
        bot.run(*names, **settings)
        sent.update((request.method, path_of(request.path)) for request in hub.requests)

    run("acme/shop", labels=("docker",), reviewers=("ada", "acme/platform"))
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    run("acme/shop")
    repo.commit({"README.md": "theirs\n"}, "dockfix/dockerfile")
    repo.commit({"Dockerfile": NAIVE})
    run("acme/shop")
    hub.add("acme/till", {"Dockerfile": NAIVE})
    run("acme/till")
    hub.repos["acme/till"].commit({"Dockerfile": "FROM busybox:1.36\n"})
    run("acme/till")
    run("other/shop", fork=True)
    theirs.commit({"Dockerfile": "FROM busybox:1.37\nRUN echo old\n"})
    run("other/shop", fork=True)

    till = hub.repos["acme/till"]
    till.refs["mine"] = till.commit({"Dockerfile": NAIVE})
    till.commit({"api/Dockerfile": "FROM busybox:1.36\nRUN echo old\nENV A=1\nRUN echo old\n"}, "mine")
    till.pulls.append(Pull(2, "Mine", "", "acme", "mine", "main", draft=False))
    hub.requests.clear()
    asyncio.run(review(bot.github(), "acme/till", 2, in_thread, Settings()))
    sent.update((request.method, path_of(request.path)) for request in hub.requests)

    async def names() -> list[str]:
        forge = bot.forge()
        return [name async for name in forge.remotes("acme")] + [name async for name in forge.remotes("nobody")]

    hub.requests.clear()
    with pytest.raises(RefusedError, match="404"):
        asyncio.run(names())
    sent.update((request.method, path_of(request.path)) for request in hub.requests)
    assert sent == operations() - APPS


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        pytest.param("GET", "/repos/o/n/pulls", {"state": "alll"}, b"", id="value"),
        pytest.param("GET", "/repos/o/n/pulls", {"sate": "all"}, b"", id="parameter"),
        pytest.param("POST", "/repos/o/n/pulls", {}, b'{"title": "x", "base": "main"}', id="missing"),
        pytest.param("POST", "/repos/o/n/git/refs", {}, b'{"ref": "refs/heads/x", "sha": 1}', id="type"),
        pytest.param("POST", "/repos/o/n/git/refs", {}, b'{"ref": "x", "sha": "1", "force": true}', id="property"),
        pytest.param("PUT", "/repos/o/n/pulls", {}, b"", id="method"),
        pytest.param("GET", "/repos/o/n/pulled", {}, b"", id="path"),
    ],
)
def test_requirement_01_a_wrong_request_is_noticed(method: str, path: str, query: dict[str, str], body: bytes) -> None:
    with pytest.raises((AssertionError, OpenAPIError)):
        demand_valid(method, path, query, body)
