"""Lock files of JavaScript package managers: what is installed, and whether the manifest still agrees."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockfix.facts.fact import Problem
from dockfix.facts.files import Files, join, text
from dockfix.facts.jsontext import Json
from dockfix.facts.jsontext import read as read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: In the order in which they are looked for; the first that exists is the lock.
NAMES = ("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")
_GROUPS = ("dependencies", "devDependencies", "optionalDependencies")


@dataclass(frozen=True, slots=True)
class Locked:
    """A package as a lock file has it.

    Attributes:
        name: its name.
        version: its version; empty where the lock does not say.
        dev: whether only devDependencies lead to it; None where the lock does not say.
        binaries: the names of its executables; None where the lock does not say.
        install_script: whether it runs a script when installed; None where the lock does not say.
        platform: the os, cpu and libc it is made for, each as ``libc=musl``.
        top: whether it lies in the root of node_modules (of several versions, the one that the app imports).
        origin: where the lock says so.
        optional: the packages that it takes where they can be had, such as binaries by platform.
    """

    name: str
    version: str
    dev: bool | None
    binaries: tuple[str, ...] | None
    install_script: bool | None
    platform: tuple[str, ...]
    top: bool
    origin: str
    optional: tuple[str, ...] = ()

    @property
    def for_linux(self) -> bool:
        """Whether a Linux image may install it at all."""
        systems = [item.removeprefix("os=") for item in self.platform if item.startswith("os=")]
        return not systems or "linux" in systems or (systems[0].startswith("!") and "!linux" not in systems)


def packages(files: Files, path: str, prefix: str) -> tuple[Locked, ...] | Problem:
    """The packages in the lock file at *path*; none for a binary one."""
    if path.endswith(".json"):
        lock = read_json(files, path, prefix)
        return lock if isinstance(lock, Problem) else tuple(_npm(lock)) if lock is not None else ()
    name = f"{prefix}/{path}" if prefix else path
    source = text(files, path) or ""
    if path.endswith("yarn.lock"):
        return tuple(_yarn(source, name))
    if path.endswith("pnpm-lock.yaml"):
        return tuple(_pnpm(source, name))
    if path.endswith("bun.lock"):
        return tuple(_bun(source, name))
    return ()


def _npm(lock: Json) -> Iterator[Locked]:
    lines = _lines(lock.source)
    listed = lock.get("packages")
    if isinstance(listed, dict):
        for key, entry in listed.items():
            folder, marker, name = key.rpartition("node_modules/")
            if marker and isinstance(entry, dict) and not entry.get("link"):
                name = str(entry.get("name") or name)
                yield _npm_entry(name, entry, folder == "", f"{lock.path}:{lines.get(key, 1)}")
    elif isinstance(lock.get("dependencies"), dict):
        for name, entry in lock.get("dependencies").items():
            if isinstance(entry, dict):
                dev = entry.get("dev") is True
                version = str(entry.get("version", ""))
                yield Locked(name, version, dev, None, None, (), True, f"{lock.path}:{lines.get(name, 1)}")


_KEY = re.compile(r'([ \t]*)"((?:[^"\\]|\\.)+)"[ \t]*:[ \t]*[\[{]')


def _lines(source: str) -> dict[str, int]:
    """The line of each key of a lock that begins one, the outermost of those with one name."""
    found: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(source.split("\n"), 1):
        match = _KEY.match(line) if "{" in line or "[" in line else None
        if match is not None:
            known = found.get(match[2])
            if known is None or len(match[1]) < known[0]:
                found[match[2]] = (len(match[1]), number)
    return {key: place[1] for key, place in found.items()}


def _npm_entry(name: str, entry: Mapping[str, Any], top: bool, origin: str) -> Locked:
    binaries = entry.get("bin")
    if isinstance(binaries, str):
        binaries = {name.rpartition("/")[2]: binaries}
    platform = tuple(
        f"{key}={value}"
        for key in ("os", "cpu", "libc")
        for value in (entry[key] if isinstance(entry.get(key), list) else ())
    )
    return Locked(
        name,
        str(entry.get("version", "")),
        entry.get("dev") is True,
        tuple(binaries) if isinstance(binaries, dict) else (),
        entry.get("hasInstallScript") is True,
        platform,
        top,
        origin,
        tuple(entry.get("optionalDependencies") or ()),
    )


_YARN_KEY = re.compile(r'^"?(@?[^@"\s]+)@[^\n]*:\s*$')
_YARN_VERSION = re.compile(r'^  version:?\s+"?([^"\s]+)"?')


def _yarn(source: str, name: str) -> Iterator[Locked]:
    """Both forms: version 1 and the YAML that berry writes."""
    current: tuple[str, int] | None = None
    for number, line in enumerate(source.split("\n"), 1):
        key = _YARN_KEY.match(line.rstrip("\r"))
        if key:
            current = (key[1], number)
        elif current and (version := _YARN_VERSION.match(line)):
            if not version[1].startswith("0.0.0-use.local"):
                yield Locked(current[0], version[1], None, None, None, (), True, f"{name}:{current[1]}")
            current = None


_PNPM_KEY = re.compile(r"^  '?/?(@?[^@/'\s]+(?:/[^@/'\s]+)?)[@/]([^('\s:_]+)[^:]*'?:\s*$")
_PNPM_FIELD = re.compile(r"^    (requiresBuild|hasBin|dev|os|cpu|libc):\s*(.*?)\s*$")


def _pnpm(source: str, name: str) -> Iterator[Locked]:
    inside = False
    current: tuple[str, str, int] | None = None
    fields: dict[str, str] = {}
    for number, line in enumerate([*source.split("\n"), "end:"], 1):
        key = _PNPM_KEY.match(line) if inside else None
        if key or (not line.startswith((" ", "\r")) and line.strip()):
            if current is not None:
                yield _pnpm_entry(current, fields, name)
            current = (key[1], key[2], number) if key else None
            fields = {}
            inside = inside if key else line.startswith("packages:")
        elif current is not None and (field := _PNPM_FIELD.match(line)):
            fields[field[1]] = field[2]


def _pnpm_entry(current: tuple[str, str, int], fields: Mapping[str, str], name: str) -> Locked:
    platform = tuple(
        f"{key}={value.strip()}"
        for key in ("os", "cpu", "libc")
        for value in fields.get(key, "").strip("[]").split(",")
        if value.strip()
    )
    dev = fields["dev"] == "true" if "dev" in fields else None
    script = True if fields.get("requiresBuild") == "true" else None
    binaries = None if "hasBin" in fields else ()
    return Locked(current[0], current[1], dev, binaries, script, platform, True, f"{name}:{current[2]}")


def _bun(source: str, name: str) -> Iterator[Locked]:
    listed = _bun_data(source).get("packages")
    lines = _lines(source)
    for key, entry in listed.items() if isinstance(listed, dict) else ():
        if isinstance(entry, list) and entry and isinstance(entry[0], str):
            package, _, version = entry[0].rpartition("@")
            details = next((item for item in entry if isinstance(item, dict)), {})
            binaries = tuple(details["bin"]) if isinstance(details.get("bin"), dict) else ()
            origin = f"{name}:{lines.get(key, 1)}"
            yield Locked(package, version, None, binaries, None, _bun_platform(details), key == package, origin)


def _bun_data(source: str) -> dict[str, Any]:
    """The lock, which is JSON but for commas in front of what closes; empty where it cannot be read."""
    try:
        data = json.loads(re.sub(r",(\s*[}\]])", r"\1", source))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _bun_platform(details: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for key in ("os", "cpu", "libc"):
        values = details.get(key, [])
        found += [f"{key}={value}" for value in (values if isinstance(values, list) else [values])]
    return tuple(found)


def in_step(files: Files, path: str, manifest: Json, members: Mapping[str, Json]) -> bool | None:
    """Whether the lock still fits the manifest, so that a frozen install does not refuse; None where unknown.

    Args:
        files: where they lie.
        path: the lock's path.
        manifest: the root package.json.
        members: workspace folder → its package.json.
    """
    if path.endswith(".json"):
        lock = read_json(files, path)
        return None if not isinstance(lock, Json) else _npm_in_step(lock, manifest, members)
    source = text(files, path) or ""
    if path.endswith("yarn.lock"):
        return _yarn_in_step(source, (manifest, *members.values()))
    if path.endswith("pnpm-lock.yaml"):
        return _pnpm_in_step(source, path, manifest, members)
    return _bun_in_step(source, manifest, members) if path.endswith("bun.lock") else None


def _wanted(manifest: Any, group: str) -> dict[str, str]:
    """A group of dependencies as npm records it: what is also optional counts as optional only."""
    entry = manifest if isinstance(manifest, dict) else {}
    found = entry.get(group)
    optional = entry.get("optionalDependencies") if group != "optionalDependencies" else None
    return {
        name: version
        for name, version in (found.items() if isinstance(found, dict) else ())
        if not (isinstance(optional, dict) and name in optional)
    }


def _npm_in_step(lock: Json, manifest: Json, members: Mapping[str, Json]) -> bool | None:
    listed = lock.get("packages")
    if not isinstance(listed, dict):
        known = lock.get("dependencies")
        wanted = {name for group in ("dependencies", "devDependencies") for name in _wanted(manifest.data, group)}
        return None if isinstance(known, dict) and wanted <= known.keys() else not wanted
    for folder, own in {"": manifest, **members}.items():
        entry = listed.get(folder)
        if not isinstance(entry, dict):
            return False
        if any(_wanted(entry, group) != _wanted(own.data, group) for group in _GROUPS):
            return False
    direct = {name for group in ("dependencies", "devDependencies") for name in _wanted(manifest.data, group)}
    return all(f"node_modules/{name}" in listed for name in direct)


def _yarn_in_step(source: str, manifests: tuple[Json, ...]) -> bool | None:
    keys = {
        part.strip().strip('"')
        for line in source.split("\n")
        if line[:1] not in (" ", "#", "\r", "") and line.rstrip().endswith(":")
        for part in line.rstrip().rstrip(":").replace('"', "").split(",")
    }
    berry = "__metadata" in keys
    names = {manifest.get("name") for manifest in manifests}
    for manifest in manifests:
        for group in _GROUPS:
            for name, version in _wanted(manifest.data, group).items():
                if name in names or str(version).startswith(("file:", "link:", "workspace:", "portal:", "patch:")):
                    continue
                if berry and ":" not in str(version):
                    version = f"npm:{version}"
                if f"{name}@{version}" not in keys:
                    # berry rewrites aliases and git ranges, so that only plain ranges prove a difference
                    return None if berry and not str(version).startswith("npm:") else False
    return True


def _pnpm_in_step(source: str, path: str, manifest: Json, members: Mapping[str, Json]) -> bool | None:
    from dockfix.facts.yamltext import parse

    documents = parse(re.split(r"(?m)^(?:packages|snapshots):", source, maxsplit=1)[0], path)
    if isinstance(documents, Problem) or not documents:
        return None
    root = documents[-1]
    importers = root.at("importers")
    for folder, own in {".": manifest, **members}.items():
        entry = importers.items().get(folder) if importers is not None else root if folder == "." else None
        if entry is None:
            return False
        old = entry.at("specifiers")
        for group in _GROUPS:
            for name, version in _wanted(own.data, group).items():
                fact = old.text(name) if old is not None else entry.text(group, name, "specifier")
                if fact is None or fact.value != version:
                    return None if str(version).startswith("catalog:") else False
    return True


def _bun_in_step(source: str, manifest: Json, members: Mapping[str, Json]) -> bool | None:
    listed = _bun_data(source).get("workspaces")
    if not isinstance(listed, dict):
        return None
    return all(
        isinstance(entry := listed.get(folder), dict)
        and all(_wanted(entry, group) == _wanted(own.data, group) for group in _GROUPS)
        for folder, own in {"": manifest, **members}.items()
    )


def find(files: Files, folder: str) -> str | None:
    """The path of the lock file in *folder*."""
    return next((path for name in NAMES if files.exists(path := join(folder, name))), None)
