"""Crates of Rust: to which libraries of the system a program is linked by them."""

from __future__ import annotations

from dockfix.catalog.table import table


def crate_headers(name: str) -> str | None:
    """Debian's package of the headers of the library to which a ``-sys`` crate links.

    Args:
        name: the crate.

    Returns:
        Empty where it links to none of the system; ``None`` where that is not known.
    """
    row = table("crates").row(name)
    return row["headers"] if row is not None else None
