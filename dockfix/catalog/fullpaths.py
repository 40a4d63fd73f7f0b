"""Data and settings that the full images have at a known place, and the Debian package that brings them."""

from __future__ import annotations

from dockfix.catalog.images import Image
from dockfix.catalog.packages import full_variant_carries
from dockfix.catalog.table import table


def behind(path: str, image: Image) -> str | None:
    """The package of a full *image*, and not of its slim sibling, that has something at or below a path.

    Args:
        path: absolute; a folder above is one that is searched.
        image: the image.
    """
    folder = path.rstrip("/")
    for row in table("fullpaths").rows():
        known = row["path"]
        inside = f"{folder}/".startswith(f"{known}/")
        above = folder.count("/") > 2 and known.startswith(f"{folder}/")
        if (inside or above) and row["package"] in full_variant_carries(image):
            return row["package"]
    return None
