"""Which routes are there to ask whether an app lives."""

from __future__ import annotations

import re

_ROUTE = re.compile(
    r"(?:/[\w.-]+){0,3}/_?(?:livez|liveness|alive|live|healthz|health|healthcheck|health[-_]check|healthy|ping)(?:/live)?",
    re.IGNORECASE,
)
_ORDER = ("livez", "liveness", "live", "alive", "healthz", "health", "healthcheck", "health-check", "ping")
GUARD = re.compile(r"auth|jwt|token|session|api_?key|login|protect|guard|permission", re.IGNORECASE)
"""Names of middleware that may turn a plain request away."""


def is_health(path: str) -> bool:
    """Whether nobody makes a route of this path but to be asked whether the app lives."""
    return _ROUTE.fullmatch(path) is not None


def rank(path: str) -> tuple[int, int]:
    """How good a route is to ask: the likeliest name first, the shortest path first."""
    name = path.rpartition("/")[2].lower().lstrip("_")
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), len(path))
