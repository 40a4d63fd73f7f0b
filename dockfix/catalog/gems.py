"""Gems: which of Debian's packages each needs at run time beyond what the slim images have."""

from __future__ import annotations

from dockfix.catalog.table import table

SUITES = frozenset({"bullseye", "bookworm", "trixie"})


def gem_libraries(name: str, suite: str | None) -> tuple[str, ...] | None:
    """Debian's packages that a gem needs at run time.

    Args:
        name: the gem, as a lock file names it.
        suite: Debian's release.

    Returns:
        None where the gem or the suite is not in the catalogue, so that nothing may be assumed.
    """
    row = table("gems").row(name) if suite in SUITES else None
    if row is None or suite is None:
        return None
    return () if row[suite] == "-" else tuple(row[suite].split())
