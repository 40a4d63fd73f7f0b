"""The ecosystems whose sources tell what a program serves, beside Node and Python."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dockfix.facts.app import App
    from dockfix.facts.server import Running, Server


def server_of(app: App, running: Running) -> Server | None:
    """What a program serves, by the first facts module that knows it for one of its own; ``None`` where none does.

    Args:
        app: the facts of the build context.
        running: the program.
    """
    return next((found for known in _known() if (found := known(app, running)) is not None), None)


def _known() -> Iterator[Callable[[App, Running], Server | None]]:
    """The function ``server_of`` of every facts module, each module imported when its turn comes."""
    for name in ("dotnet", "go", "java", "php", "ruby", "rust"):
        yield import_module(f"dockfix.facts.{name}").server_of
