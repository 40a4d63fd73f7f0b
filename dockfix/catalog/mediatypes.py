"""What ``/etc/mime.types`` tells Python's ``mimetypes`` beyond its own table."""

from __future__ import annotations

from dockfix.catalog.table import table

PACKAGE = "media-types"
"""The package of Debian that brings the file; mailcap brings it on Alpine."""


def only_listed(extension: str, python: str | None) -> bool:
    """Whether an extension has a media type in Debian's list and none in Python's own table.

    The module reads the file where there is one: https://docs.python.org/3/library/mimetypes.html#mimetypes.knownfiles

    Args:
        extension: without its dot.
        python: CPython minor version; ``None`` stands for an old one.
    """
    row = table("mediatypes").row(extension.lower())
    if row is None:
        return False
    return not row["python"] or python is None or _minor(python) < _minor(row["python"])


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
