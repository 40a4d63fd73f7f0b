"""Sizes over which a build by Angular fails, and which its development server never looks at.

https://angular.dev/tools/cli/build#configure-size-budgets
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.facts.angular import Angular

STYLES = ("anyComponentStyle",)
WHOLE = ("initial", "bundle", "all", "any", "allScript", "anyScript")

_NAMED = re.compile(rb"\bstyleUrls?\s*:\s*(\[[^\]]*\]|['\"`][^'\"`]*['\"`])")
_QUOTED = re.compile(rb"['\"`]([^'\"`]+)['\"`]")
_SIZE = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([kmg]?b|)", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
"""Of 1,000 since Angular 18, of 1,024 before."""


def budget(angular: Angular, building: Sequence[str], types: Sequence[str]) -> Fact[str] | None:
    """The size over which a build fails, such as ``1mb``; ``None`` where it has none.

    Args:
        angular: the workspace.
        building: the words of the command that builds.
        types: the types of budgets that are asked for.
    """
    config, keys = angular.config, angular.targets
    if config is None or keys is None:
        return None
    groups = [("configurations", name) for name in reversed(angular.configurations(building))]
    for group in (*groups, ("options",)):
        place = (*keys, "build", *group, "budgets")
        listed = config.get(*place)
        if isinstance(listed, list):  # it takes the place of one in a group of lower rank
            sizes = [
                each.get("maximumError") for each in listed if isinstance(each, dict) and each.get("type") in types
            ]
            given = [str(size) for size in sizes if size]
            return Fact(min(given, key=_bytes), config.origin(*place)) if given else None
    return None


def oversized(angular: Angular, allowed: str) -> Fact[int] | None:
    """The first stylesheet of a component with more bytes, in the sources, than *allowed*, such as ``4kb``."""
    files = angular.node.files
    for path in _stylesheets(angular):
        size = len(files.read(path) or b"")
        if size > _bytes(allowed):
            return Fact(size, join(angular.node.prefix, path))
    return None


def _stylesheets(angular: Angular) -> Iterator[str]:
    files = angular.node.files
    for name in files.walk(angular.node.folder):
        if name.endswith(".ts"):
            for listed in _NAMED.findall(files.read(name) or b""):
                for url in _QUOTED.findall(listed):
                    yield join(name.rpartition("/")[0], url.decode("utf-8", "replace"))


def _bytes(size: str) -> float:
    found = _SIZE.fullmatch(size.strip())
    return float(found[1]) * _UNITS[found[2].lower()] if found is not None else 0
