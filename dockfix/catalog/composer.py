"""Plugins of Composer."""

from __future__ import annotations

from dockfix.catalog.table import table


def reads_no_sources(plugin: str) -> bool:
    """Whether a plugin of Composer is known to read nothing of an app's sources while packages are installed."""
    return table("plugins").row(plugin) is not None
