"""Lock files of Python package managers: which version of each package will be installed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from dockfix.facts.fact import Problem
from dockfix.facts.files import Files, text
from dockfix.facts.requirement import Requirement, normalised

FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile.lock")
"""Lock files, in the order in which they are preferred where a project has more than one."""

# Nine tenths of a lock are the hashes of its files, written as one inline table a line.
_FILE = re.compile(r"[\"/]([^\"/\s]+)(\.whl|\.tar\.gz|\.zip)\"")

_TABLES = re.compile(r"^[^\s\[#=]+ = \[\n(?:[ \t]+\{.*\},?\n)+\]\n", re.MULTILINE)


def toml(files: Files, path: str) -> dict[str, Any] | Problem | None:
    """The TOML file *path*; ``None`` where there is none, the problem where it is no TOML."""
    content = text(files, path)
    return None if content is None else _parsed(content, path)


def _parsed(content: str, path: str) -> dict[str, Any] | Problem:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Problem(path, f"is not valid TOML: {error}")


def read(files: Files, path: str, prefix: str = "") -> tuple[Requirement, ...] | Problem:
    """The packages of the lock file *path*, transitive ones included; empty where there is no such file.

    A package that several markers lock to several versions appears once for each.
    """
    if path.endswith(".lock") and path.rpartition("/")[2] == "Pipfile.lock":
        return _pipenv(files, path, prefix)
    content = text(files, path)
    if content is None:
        return ()
    data = _parsed(_TABLES.sub("", content), path)
    if isinstance(data, Problem):
        return Problem(f"{prefix}{data.origin}", data.message)
    packages = data.get("package", data.get("packages", []))
    if not isinstance(packages, list):
        return Problem(f"{prefix}{path}", "has no list of packages")
    lines = _lines(content, re.compile(r"^\[\[packages?\]\]"))
    listed = _distributions(content)
    found: list[Requirement] = []
    for index, package in enumerate(packages):
        if not isinstance(package, dict) or not isinstance(package.get("name"), str):
            continue
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        if "virtual" in source:  # uv's entry for the project itself
            continue
        url = next((str(source[key]) for key in ("editable", "directory", "url", "git", "path") if key in source), "")
        if source.get("type") in (None, "legacy"):
            url = url if source.get("type") is None else ""
        name, version = normalised(package["name"]), package.get("version")
        line = lines[index] if index < len(lines) else 1
        found.append(
            Requirement(
                name=name,
                version=str(version) if version is not None else None,
                spec="",
                extras=(),
                marker=_marker(package),
                origin=f"{prefix}{path}:{line}",
                url=url,
                group=_group(package),
                files=tuple(listed.get((name, str(version)), ())),
            )
        )
    return tuple(found)


def _distributions(content: str) -> dict[tuple[str, str], list[str]]:
    """The files that a lock file lists, by the package and version that their names give."""
    found: dict[tuple[str, str], list[str]] = {}
    for stem, suffix in _FILE.findall(content):
        name, _, version = stem.rpartition("-")
        if suffix == ".whl":
            name, version = (*stem.split("-"), "")[:2]
        found.setdefault((normalised(name), version), []).append(stem + suffix)
    return found


def _marker(package: dict[str, Any]) -> str:
    value = package.get("markers", package.get("marker", ""))
    return value if isinstance(value, str) else ""


def _group(package: dict[str, Any]) -> str:
    """Poetry's group of a package that only groups need; its older lock files say ``category = "dev"``."""
    groups = package.get("groups", [package["category"]] if "category" in package else [])
    if not isinstance(groups, list) or not groups or "main" in groups or "default" in groups:
        return ""
    return str(groups[0])


def _lines(content: str, start: re.Pattern[str]) -> list[int]:
    return [number for number, line in enumerate(content.splitlines(), 1) if start.match(line)]


def _pipenv(files: Files, path: str, prefix: str) -> tuple[Requirement, ...] | Problem:
    content = text(files, path)
    if content is None:
        return ()
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        return Problem(f"{prefix}{path}", f"is not valid JSON: {error}")
    return tuple(_pipenv_packages(data, content, f"{prefix}{path}"))


def _pipenv_packages(data: Any, content: str, path: str) -> Iterator[Requirement]:
    lines = {
        match[1]: number
        for number, line in enumerate(content.splitlines(), 1)
        if (match := re.match(r'\s*"([^"]+)": \{', line))
    }
    for section, group in (("default", ""), ("develop", "dev")):
        packages = data.get(section) if isinstance(data, dict) else None
        for name, entry in packages.items() if isinstance(packages, dict) else ():
            if not isinstance(entry, dict):
                continue
            version = str(entry.get("version", "")).lstrip("=") or None
            url = next((str(entry[key]) for key in ("path", "git", "file") if key in entry), "")
            extras = entry.get("extras", [])
            yield Requirement(
                name=normalised(name),
                version=version,
                spec=str(entry.get("version", "")),
                extras=tuple(sorted(map(str, extras))) if isinstance(extras, list) else (),
                marker=str(entry.get("markers", "")),
                origin=f"{path}:{lines.get(name, 1)}",
                url=url,
                group=group,
                hashed=bool(entry.get("hashes")),
            )
