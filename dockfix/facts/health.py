"""Which routes are there to ask whether an app lives, in whatever language it is written."""

from __future__ import annotations

import re

#: What such routes are called, likeliest first, without the ``-`` and ``_`` that part the words.
_NAMES = (
    "livez", "liveness", "live", "alive", "isalive", "healthz", "health", "healthcheck", "checkhealth", "healthy",
    "ping", "heartbeat", "lbheartbeat", "up", "status", "readyz", "ready", "readiness",
)  # fmt: skip
#: Names that other things have as well, such as orders: they count right below the root or one folder.
_VAGUE = frozenset(_NAMES[_NAMES.index("up") :])
_ROUTE = re.compile(r"(?P<folders>(?:/[\w.-]+){0,3}?)/_*(?P<name>[a-z]+(?:[-_][a-z]+)?)_*(?:\.json)?/?", re.IGNORECASE)
_VERSION = re.compile(r"/(?:api|v\d+)(?=/|$)")
GUARD = re.compile(
    r"auth|jwt|token|session|passport|api_?key|login|protect|guard|permission|admin|verify|secure|csrf|current_user"
    r"|(?<!cont)role",
    re.IGNORECASE,
)
"""Names of middleware that may turn a plain request away."""


def is_health(path: str) -> bool:
    """Whether nobody makes a route of this path but to be asked whether the app lives."""
    return rank(path)[0] < len(_NAMES)


def rank(path: str) -> tuple[int, int]:
    """How good a route is to ask: the likeliest name first, the shortest path first; no health route comes last."""
    found = _ROUTE.fullmatch(path)
    name = re.sub(r"[-_]", "", found["name"]).lower() if found is not None else ""
    far = found is not None and _VERSION.sub("", found["folders"]).count("/") > 1
    known = name in _NAMES and not (far and name in _VAGUE)
    return (_NAMES.index(name) if known else len(_NAMES), len(path))
