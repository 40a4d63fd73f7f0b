"""What a package brings along: the compiled parts of the trees behind names that a manifest lists without a lock."""

from __future__ import annotations

from collections.abc import Iterable

from dockfix.catalog.table import table
from dockfix.catalog.wheels import normalise

_NOTHING = "-"

OLDEST_PYTHON = (3, 9)
"""The first CPython whose dependencies are recorded; older ones took backports that are left out."""


def python_closure(name: str, extras: Iterable[str] = ()) -> tuple[str, ...] | None:
    """The packages behind a Python package that are not plain Python, itself left out.

    Args:
        name: distribution name in any spelling.
        extras: those asked for.

    Returns:
        None where its dependencies, or those of one of the extras, are not recorded.
    """
    key = normalise(name)
    found: dict[str, None] = {}
    for wanted in (key, *(f"{key}[{normalise(extra)}]" for extra in extras)):
        row = table("closures").row(wanted)
        if row is None:
            return None
        found |= dict.fromkeys(row["compiled"].split())
    found.pop(_NOTHING, None)
    return tuple(found)


def npm_closure(name: str) -> tuple[str, ...] | None:
    """The packages behind an npm package that run a script when they are installed, itself left out.

    Returns:
        None where its dependencies are not recorded.
    """
    row = table("trees").row(name)
    if row is None:
        return None
    return () if row["native"] == _NOTHING else tuple(row["native"].split())
