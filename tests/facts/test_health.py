"""Tests of which routes are there to ask whether an app lives."""

from __future__ import annotations

import pytest

from dockfix.facts.health import GUARD, is_health, rank


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/healthz/",
        "/api/v1/health",
        "/health/live",
        "/health-check",
        "/is_alive",
        "/_health",
        "/-/healthy",
        "/__lbheartbeat__",
        "/health.json",
        "/heartbeat",
        "/up",
        "/readyz",
        "/status",
        "/api/v2/status",
        "/api/status",
    ],
)
def test_routes_that_tell_health(path: str) -> None:
    assert is_health(path)


@pytest.mark.parametrize(
    "path", ["", "/", "health", "/healthy-food", "/a/b/c/d/health", "/shop/orders/status", "/health/:id", "/pickup"]
)
def test_routes_that_are_there_for_something_else(path: str) -> None:
    assert not is_health(path)


def test_the_likeliest_name_is_asked_first() -> None:
    paths = ["/status", "/api/health", "/health", "/readyz", "/heartbeat", "/livez", "/orders"]
    assert sorted(paths, key=rank) == [
        "/livez",
        "/health",
        "/api/health",
        "/heartbeat",
        "/status",
        "/readyz",
        "/orders",
    ]


@pytest.mark.parametrize(("name", "guards"), [("requireRole", True), ("passport", True), ("controller", False)])
def test_names_of_middleware(name: str, guards: bool) -> None:
    assert (GUARD.search(name) is not None) == guards
