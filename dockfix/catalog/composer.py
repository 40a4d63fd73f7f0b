"""Plugins of Composer, and its packages for development."""

from __future__ import annotations

from dataclasses import dataclass

from dockfix.catalog.table import table


@dataclass(frozen=True, slots=True)
class Brought:
    """What a package for development brings that an app may use outside its tests.

    Attributes:
        namespace: that of its classes; empty where it has none of use to an app.
        functions: its functions.
    """

    namespace: str
    functions: tuple[str, ...]


def reads_no_sources(plugin: str) -> bool:
    """Whether a plugin of Composer is known to read nothing of an app's sources while packages are installed."""
    return table("plugins").row(plugin) is not None


def brought_for_development(package: str) -> Brought | None:
    """What a package of Composer for development brings where its lock does not say; ``None`` where nobody recorded."""
    row = table("composerdev").row(package)
    if row is None:
        return None
    functions = row["functions"].split()
    return Brought(row["namespace"].strip("-"), () if functions == ["-"] else tuple(functions))
