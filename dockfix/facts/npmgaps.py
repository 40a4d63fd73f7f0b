"""What the lock of npm lacks although package.json has not changed."""

from __future__ import annotations

from posixpath import dirname
from typing import TYPE_CHECKING, Any

from dockfix.facts.fact import Fact
from dockfix.facts.files import Files, join
from dockfix.facts.jsontext import Json
from dockfix.facts.jsontext import read as read_json
from dockfix.facts.npmrange import satisfies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set


def gap(files: Files, path: str, manifest: Json, *, peers: bool) -> Fact[str] | None:
    """A dependency that npm's lock lacks, or has in another version than a package in it asks for.

    ``npm install`` makes up for it, and ``npm ci`` refuses: https://docs.npmjs.com/cli/commands/npm-ci. Such are locks
    that were written with ``--legacy-peer-deps``, on another platform, or merged by hand [tried with npm 8, 10 and 11].

    Args:
        files: where the lock lies.
        path: its path.
        manifest: the package.json beside it.
        peers: whether peer dependencies count.
    """
    lock = read_json(files, path)
    listed = lock.get("packages") if isinstance(lock, Json) and path.endswith(".json") else None
    if not isinstance(listed, dict):
        return None
    overrides = manifest.get("overrides")
    chosen = _names(overrides) if isinstance(overrides, dict) else frozenset()
    groups = {"dependencies", "optionalDependencies", *(("peerDependencies",) if peers else ())}
    for folder, entry in listed.items():
        if not isinstance(entry, dict) or entry.get("link") or entry.get("inBundle") or folder.startswith(".."):
            continue
        within = entry.get("bundleDependencies")
        for name, wanted, group in _edges(entry, groups):
            if isinstance(within, list) and name in within:
                continue
            found = _found(listed, folder, name, beside=group == "peerDependencies")
            version = str(found.get("version", "")) if found is not None and not found.get("link") else ""
            if found is None or (version and name not in chosen and satisfies(version, wanted) is False):
                return Fact(f"{name} {wanted}", f"{path}: {folder or 'package.json'}")
    return None


def _names(overrides: Mapping[str, Any]) -> frozenset[str]:
    """The packages for which package.json chooses a version whatever others ask for, those within others too."""
    found = {name.rpartition("@")[0] or name for name in overrides}
    return frozenset(found).union(*(_names(each) for each in overrides.values() if isinstance(each, dict)))


def _edges(entry: Mapping[str, Any], groups: Set[str]) -> Iterator[tuple[str, str, str]]:
    """What a package of the lock needs: name, range and group."""
    details = entry.get("peerDependenciesMeta")
    for group in groups:
        needed = entry.get(group)
        for name, wanted in needed.items() if isinstance(needed, dict) else ():
            meta = details.get(name) if group == "peerDependencies" and isinstance(details, dict) else None
            if not (isinstance(meta, dict) and meta.get("optional")):
                yield name, str(wanted), group


def _found(listed: Mapping[str, Any], folder: str, name: str, *, beside: bool) -> Mapping[str, Any] | None:
    """The package that Node finds by *name* from a folder of the lock; *beside* it, not below, where that is a peer."""
    place = folder.rpartition("node_modules/")[0].rstrip("/") if beside and "node_modules/" in folder else folder
    while True:
        entry = listed.get(join(place, f"node_modules/{name}"))
        if isinstance(entry, dict):
            return entry
        if not place:
            return None
        place = dirname(place)
