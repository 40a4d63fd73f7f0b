"""Go modules: which of them call C."""

from __future__ import annotations

from dataclasses import dataclass

from dockfix.catalog.table import table


@dataclass(frozen=True, slots=True)
class GoModule:
    """A module, or the family that it belongs to.

    Attributes:
        path: the module or family.
        cgo: whether a build for Linux takes C code or C libraries in.
        why: what it takes in, for a person.
    """

    path: str
    cgo: bool
    why: str


def go_module(path: str) -> GoModule | None:
    """What is known of a module by its path, or by the nearest path above it; ``None`` where nothing is."""
    while path:
        row = table("gomodules").row(path)
        if row is not None:
            return GoModule(row["module"], row["cgo"] == "yes", row["why"])
        path = path.rpartition("/")[0]
    return None
