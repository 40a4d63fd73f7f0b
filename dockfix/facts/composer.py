"""What Composer's manifest asks for, and what its lock file has for development."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.app import App


@dataclass(frozen=True)
class Composer:
    """A ``composer.json``.

    Attributes:
        path: its path in the build context.
        packages: the packages that it requires, those for development too.
        local: a repository that is a folder of the sources.
        plugins: plugins that it allows.
        vendor: the folder into which it installs, from the manifest's own.
        scripts: what it runs when packages are installed or the autoloader is written.
        tests: the folders of classes for development.
    """

    path: str
    packages: frozenset[str]
    local: Fact[str] | None
    plugins: tuple[str, ...]
    vendor: str
    scripts: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Locked:
    """A package of ``composer.lock`` for development.

    Attributes:
        name: vendor and name.
        namespaces: those of its classes that are found by their names.
        functions: whether files of it are loaded at each start, which define functions.
        programs: what it puts into ``vendor/bin``.
    """

    name: str
    namespaces: tuple[str, ...]
    functions: bool
    programs: tuple[str, ...]


EVENTS = ("pre-install-cmd", "post-install-cmd", "pre-autoload-dump", "post-autoload-dump", "post-root-package-install")
"""https://getcomposer.org/doc/articles/scripts.md#event-names"""


def composer(app: App, folder: str) -> Composer | None:
    """The ``composer.json`` in a folder of the build context; ``None`` where there is none that can be read."""
    path = join(folder, "composer.json")
    manifest = _read(app, path)
    if manifest is None:
        return None
    required = {name for key in ("require", "require-dev") for name in _table(manifest.get(key))}
    repositories = manifest.get("repositories")
    listed = list(repositories.values()) if isinstance(repositories, dict) else repositories
    listed = listed if isinstance(listed, list) else []
    local = any(_table(each).get("type") in {"path", "artifact"} for each in listed)
    data = app.root.read(path) or b""
    line = line_of(data, max(data.find(b'"repositories"'), 0))
    config = _table(manifest.get("config"))
    allowed = config.get("allow-plugins")
    plugins = tuple(name for name, yes in _table(allowed).items() if yes)
    if allowed is True:
        plugins = (*plugins, "any plugin")
    vendor = config.get("vendor-dir", "vendor")
    scripts = _table(manifest.get("scripts"))
    return Composer(
        path,
        frozenset(required),
        Fact("a folder of the sources", app.origin(path, line)) if local else None,
        plugins,
        vendor if isinstance(vendor, str) else "vendor",
        tuple(text for name in EVENTS for text in _followed(scripts, name)),
        tuple(text for name in ("psr-4", "psr-0", "classmap") for text in _folders(manifest, name)),
    )


def for_development(app: App, folder: str) -> tuple[Locked, ...] | None:
    """The packages that the lock file beside a manifest has for development; ``None`` where it cannot be read."""
    lock = _read(app, join(folder, "composer.lock"))
    if lock is None:
        return None
    packages = lock.get("packages-dev")
    found = []
    for package in packages if isinstance(packages, list) else ():
        each = _table(package)
        autoload = _table(each.get("autoload"))
        names = [*_table(autoload.get("psr-4")), *_table(autoload.get("psr-0"))]
        found.append(
            Locked(
                str(each.get("name", "")),
                tuple(name.strip("\\") for name in names if name.strip("\\")),
                bool(autoload.get("files")),
                tuple(text.rpartition("/")[2] for text in _texts(each.get("bin"))),
            )
        )
    return tuple(found)


def locked_names(app: App, folder: str) -> tuple[str, ...]:
    """The packages that the lock file beside a manifest has for every install."""
    packages = (_read(app, join(folder, "composer.lock")) or {}).get("packages")
    return tuple(str(_table(each).get("name", "")) for each in (packages if isinstance(packages, list) else ()))


def _read(app: App, path: str) -> Mapping[str, object] | None:
    data = app.root.read(path)
    try:
        found = json.loads(data) if data is not None else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _followed(scripts: Mapping[str, object], name: str, depth: int = 8) -> Iterator[str]:
    """What a script runs, and the scripts that it names: ``@auto-scripts`` of Symfony is a table of commands."""
    value = scripts.get(name)
    for text in (*_table(value), *_texts(value)):
        yield text
        if depth and text.startswith("@") and text[1:] in scripts:
            yield from _followed(scripts, text[1:], depth - 1)


def _folders(manifest: Mapping[str, object], name: str) -> Iterator[str]:
    listed = _table(manifest.get("autoload-dev")).get(name)
    for value in listed.values() if isinstance(listed, dict) else (listed,):
        yield from _texts(value)


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()


def _table(value: object) -> dict[str, object]:
    return {str(name): each for name, each in value.items()} if isinstance(value, dict) else {}
