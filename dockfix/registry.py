"""Which transforms there are: those of the package, by listing its folder, and those that other packages register."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

from dockfix.transform import Transform

GROUP = "dockfix.transforms"
"""The entry-point group through which another package adds transforms; each entry point names a ``Transform``."""


class RegistryError(Exception):
    """A transform cannot be loaded, or two have the same id."""


@cache
def transforms() -> tuple[Transform, ...]:
    """All transforms in the order in which they run: phases, then id.

    Raises:
        RegistryError: a module or an entry point holds no transform of its name, or an id is taken twice.
    """
    found: dict[str, Transform] = {}
    for transform in (*_own(), *_foreign()):
        if transform.id in found:
            raise RegistryError(f"two transforms are called {transform.id!r}")
        found[transform.id] = transform
    return tuple(sorted(found.values(), key=lambda transform: (transform.phase, transform.id)))


def _own() -> Iterator[Transform]:
    package = import_module("dockfix.transforms")
    names = {
        entry.stem for folder in package.__path__ for entry in Path(folder).iterdir() if entry.suffix in {".py", ".pyc"}
    }
    for name in sorted(names - {"__init__"}):
        found = getattr(import_module(f"{package.__name__}.{name}"), name, None)
        if not isinstance(found, Transform) or found.id != name.replace("_", "-"):
            raise RegistryError(f"{package.__name__}.{name} does not define the transform {name.replace('_', '-')!r}")
        yield found


def _foreign() -> Iterator[Transform]:
    if not _registered_elsewhere():
        return
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            found = point.load()
        except Exception as error:  # what a foreign package raises on import is its own affair
            raise RegistryError(f"the transform {point.value} cannot be loaded: {error}") from error
        if not isinstance(found, Transform):
            raise RegistryError(f"the entry point {point.value} is not a transform")
        yield found


def _registered_elsewhere() -> bool:
    """Whether an installed distribution mentions the group, read from the files themselves.

    ``importlib.metadata`` answers the same, but importing it costs more than everything else that a start needs.
    """
    needle = f"[{GROUP}]".encode()
    for entry in sys.path:
        for pattern in ("*.dist-info", "*.egg-info"):
            for folder in Path(entry).glob(pattern):
                try:
                    if needle in (folder / "entry_points.txt").read_bytes():
                        return True
                except OSError:
                    continue
    return False
