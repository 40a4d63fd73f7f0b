"""Variables that compose reads from a file when a container starts, and a finished build would not know."""

from __future__ import annotations

import re
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.facts.dotenv import variables
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts import Fact
    from dockfix.facts.node import Node
    from dockfix.model import Model

BUILT = frozenset({".env", ".env.local", ".env.production", ".env.production.local"})
"""Files that a build reads itself: https://vite.dev/guide/env-and-mode, and alike in Create React App and Vue's CLI."""


def check(model: Model, node: Node, baked: re.Pattern[str]) -> None:
    """Refuse what a container of today is told by a file that the build does not read.

    Raises:
        UnfitError: with the file.
    """
    for service in model.services:
        for fact in service.env_files:
            if _is_built(model, node, fact):
                continue
            data = model.app.files.read(fact.value)
            if data is None:
                why = f"compose reads {fact.value} when the container starts, and nobody knows what it sets"
                raise UnfitError(model.start.command, f"{why} ({fact.origin})")
            for name, _ in variables(data):
                if baked.fullmatch(name):
                    why = f"compose reads {name} when the container starts, which a finished build ignores"
                    raise UnfitError(model.start.command, f"{why} ({fact.origin})")


def _is_built(model: Model, node: Node, fact: Fact[str]) -> bool:
    """Whether a file of variables is one that the build of *node* reads, and gets."""
    own = basename(fact.value) in BUILT and dirname(fact.value) == dirname(model.app.origin(node.path("package.json")))
    return own and not model.app.ignore.ignores(node.path(basename(fact.value)))
