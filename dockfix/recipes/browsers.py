"""Browsers that npm packages download when they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.facts import Fact

if TYPE_CHECKING:
    from dockfix.facts.node import Node
    from dockfix.model import Model

SKIPPING = {
    "puppeteer": frozenset({"PUPPETEER_SKIP_DOWNLOAD", "PUPPETEER_SKIP_CHROMIUM_DOWNLOAD"}),
    "playwright": frozenset({"PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"}),
}
"""The packages, and the variables that stop the download: https://pptr.dev/guides/configuration,
https://playwright.dev/docs/browsers
"""
FOLDERS = frozenset({"PUPPETEER_CACHE_DIR", "PLAYWRIGHT_BROWSERS_PATH"})
"""Variables that name another place for the browser than the home of whoever installs it."""


def downloaded(model: Model, node: Node) -> Iterator[Fact[str]]:
    """The packages that bring a browser where *node* is installed for production, by themselves or behind another."""
    for name, variables in SKIPPING.items():
        if not variables & model.final.config.env.keys():
            yield from _brought(node, name)


def _brought(node: Node, name: str) -> Iterator[Fact[str]]:
    """*name* as a dependency of *node*; where no lock tells, as what is recorded of another one."""
    locked = node.locked_by_name.get(name)
    if locked is not None or name in node.dependencies:
        found = node.is_dev(name)
        if found is None or not found.value:
            yield Fact(name, found.origin if found is not None else node.path("package.json"))
    elif not node.locked:
        behind = (fact for other, fact in node.dependencies.items() if name in (catalog.npm_closure(other) or ()))
        yield from (Fact(name, fact.origin) for fact in behind)
