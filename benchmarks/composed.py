"""What compose files lay over an app's image, read without dockfix.

As coarse as :mod:`apps`, and for the same reason. It sees the long and the short form of services and volumes; what is
merged, extended or named by a variable it does not follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMES = ("docker-compose*.y*ml", "compose*.y*ml")
_DEPTH = 3
"""How many folders below the top of a checkout compose files are looked for in."""


@dataclass(frozen=True, slots=True)
class Composed:
    """How compose runs an image.

    Attributes:
        mounted: the folder that is built, or one in it, is mounted or watched: a development image by rule 11.2.
        writable: a folder of the host is mounted so that the container could write to it, see rule 3.4.
    """

    mounted: bool
    writable: bool


def composed(place: Path, root: Path) -> Composed:
    """What the compose files of the checkout *root* do with the Dockerfile at *place*."""
    mounted = writable = False
    for folder, service in _services(root):
        context = _built(folder, service, place)
        if context is None:
            continue
        develop = service.get("develop")
        mounted = mounted or bool(isinstance(develop, dict) and develop.get("watch"))
        for source in _binds(folder, service):
            inside = source == context or context in source.parents
            mounted = mounted or (source.is_dir() and (inside or source in context.parents))
            writable = writable or not source.is_file()
    return Composed(mounted, writable)


@lru_cache(maxsize=8)
def _services(root: Path) -> tuple[tuple[Path, dict[str, Any]], ...]:
    """Each service of each compose file with the folder of the file."""
    found: list[tuple[Path, dict[str, Any]]] = []
    for depth in range(_DEPTH + 1):
        for name in _NAMES:
            for file in sorted(root.glob("*/" * depth + name)):
                try:
                    read = yaml.safe_load(file.read_bytes())
                except (OSError, ValueError, yaml.YAMLError):
                    continue
                services = read.get("services") if isinstance(read, dict) else None
                listed = services.values() if isinstance(services, dict) else ()
                found += [(file.parent, service) for service in listed if isinstance(service, dict)]
    return tuple(found)


def _built(folder: Path, service: dict[str, Any], place: Path) -> Path | None:
    """The build context of a service, if it builds the Dockerfile at *place*."""
    build = service.get("build")
    given = build if isinstance(build, dict) else {"context": build}
    context = given.get("context", ".") if build is not None else None
    if not isinstance(context, str) or "://" in context:
        return None
    where = (folder / context).resolve()
    return where if (where / str(given.get("dockerfile") or "Dockerfile")).resolve() == place.resolve() else None


def _binds(folder: Path, service: dict[str, Any]) -> Iterator[Path]:
    """The host's side of the bind mounts that are not read-only."""
    volumes = service.get("volumes")
    for volume in volumes if isinstance(volumes, list) else ():
        if isinstance(volume, dict):
            source, kept = str(volume.get("source") or ""), volume.get("type") != "bind" or volume.get("read_only")
        else:
            source, _, rest = str(volume).partition(":")
            kept = not rest or "ro" in rest.rpartition(":")[2].split(",")
        if not kept and source.startswith((".", "/", "~")):
            yield (folder / source).resolve()
