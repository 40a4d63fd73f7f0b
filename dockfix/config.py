"""The configuration file: the nearest ``.dockfix.toml``, or ``[tool.dockfix]`` in ``pyproject.toml``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import takewhile
from pathlib import Path, PurePath
from typing import Any, get_args

from dockfix.options import Base, Options, Owner, PythonPackages, Split

NAME = ".dockfix.toml"
PYPROJECT = "pyproject.toml"
TABLE = ("tool", "dockfix")
"""Where ``pyproject.toml`` holds what is ours."""

HIGHEST_UID = 256_000
"""The most that Alpine's ``adduser`` takes (github.com/panubo/docker-sshd/pull/19)."""

BASES: tuple[str, ...] = get_args(Base)
SPLITS: tuple[str, ...] = get_args(Split)
PYTHON_PACKAGES: tuple[str, ...] = get_args(PythonPackages)
OWNERS: tuple[str, ...] = get_args(Owner)

_SET = re.compile(r"""\s*(?:\[+(?P<table>[\w.\s"'-]+)\]+\s*(?:#.*)?$|(?P<key>[\w.\s"'-]+?)\s*=)""")
"""A header or an assignment: https://toml.io/en/v1.0.0#keys"""


class ConfigError(Exception):
    """A configuration file is wrong; ``str()`` is ``path:line: message``."""

    def __init__(self, path: PurePath, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file asks for.

    Attributes:
        options: the choices, those that the file does not name as they are by default.
        exclude: patterns, relative to the file's folder, of Dockerfiles to leave out when a folder is searched.
        path: the file, or ``None`` where there is none.
        bot: the table ``bot`` as it stands there, for the bot to validate.
    """

    options: Options = Options()
    exclude: tuple[str, ...] = ()
    path: PurePath | None = None
    bot: Mapping[str, Any] = field(default_factory=dict)

    def excludes(self, dockerfile: Path) -> bool:
        """Whether a pattern names *dockerfile* or a folder above it (the language of ``.dockerignore``)."""
        if self.path is None or not self.exclude:
            return False
        place = dockerfile.parent.resolve() / dockerfile.name
        folder = Path(self.path).parent.resolve()
        return place.is_relative_to(folder) and self.leaves_out(place.relative_to(folder).as_posix())

    def leaves_out(self, relative: str) -> bool:
        """Whether a pattern names the Dockerfile *relative*, a path from the configuration file's folder."""
        from dockfix.facts.ignore import Ignore, patterns

        return Ignore(True, str(self.path), tuple(patterns("\n".join(self.exclude)))).ignores(relative)


def nearest(folder: Path, root: Path) -> Path | None:
    """The configuration file that governs *folder*: looked for there and upward as far as *root*."""
    for candidate in _upward(folder, root):
        if (candidate / NAME).is_file():
            return candidate / NAME
        if _mentions_dockfix(candidate / PYPROJECT):
            return candidate / PYPROJECT
    return None


def load(path: Path, ids: Callable[[], Collection[str]]) -> Config:
    """Read the configuration file *path*.

    Args:
        path: a ``pyproject.toml``, whose table ``tool.dockfix`` counts, or any other TOML file.
        ids: gives the ids of all transforms; called only if the file names some.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or holds an unknown key or a value that does not fit.
    """
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ConfigError(path, 1, f"cannot be read: {error.strerror or error}") from error
    return parse(path, source, ids)


def parse(path: PurePath, data: bytes, ids: Callable[[], Collection[str]]) -> Config:
    """Understand *data* as the configuration file *path*, which need not lie on disk; arguments and errors as above."""
    try:
        source = data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(path, 1, f"cannot be read: {error}") from error
    table = _toml(path, source)
    within: tuple[str, ...] = ()
    if path.name == PYPROJECT:
        within = TABLE
        tool = table.get("tool")
        table = tool.get("dockfix", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise ConfigError(path, line_of(source, *TABLE), "tool.dockfix is not a table")
    return _config(path, table, lambda key: line_of(source, *within, key), ids)


def _config(
    path: PurePath, table: Mapping[str, Any], line_of: Callable[[str], int], ids: Callable[[], Collection[str]]
) -> Config:
    options = Options()
    exclude: tuple[str, ...] = ()
    bot: Mapping[str, Any] = {}
    names = {each.name.replace("_", "-"): each.name for each in fields(Options)}
    for key, value in table.items():
        line = line_of(key)
        if key == "exclude":
            exclude = _texts(path, line, key, value)
        elif key == "bot":
            if not isinstance(value, dict):
                raise ConfigError(path, line, "bot is a table")
            bot = value
        elif key in names:
            chosen: dict[str, Any] = {names[key]: _option(path, line, key, value, ids)}
            options = replace(options, **chosen)
        else:
            from dockfix.suggestion import did_you_mean

            raise ConfigError(path, line, f"unknown key {key!r}{did_you_mean(key, [*names, 'exclude', 'bot'])}")
    return Config(options, exclude, path, bot)


def _option(path: PurePath, line: int, key: str, value: object, ids: Callable[[], Collection[str]]) -> object:
    choices = {"base": BASES, "split": SPLITS, "python-packages": PYTHON_PACKAGES, "owner": OWNERS}.get(key)
    if choices is not None:
        if value not in choices:
            raise ConfigError(path, line, f"{key} is one of {', '.join(choices)}, not {value!r}")
        return value
    if key in {"only", "skip"}:
        named = _texts(path, line, key, value)
        for id in named:
            if id not in ids():
                from dockfix.suggestion import did_you_mean

                raise ConfigError(path, line, f"no transform is called {id!r}{did_you_mean(id, ids())}")
        return frozenset(named)
    if key == "uid":
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= HIGHEST_UID:
            raise ConfigError(path, line, f"uid is a number from 1 to {HIGHEST_UID}, not {value!r}")
        return value
    if not isinstance(value, bool):
        raise ConfigError(path, line, f"{key} is true or false, not {value!r}")
    return value


def _texts(path: PurePath, line: int, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(path, line, f"{key} is a list of strings, not {value!r}")
    return tuple(value)


def _toml(path: PurePath, source: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise ConfigError(path, int(found[1]) if found else 1, f"not TOML: {error}") from error


def line_of(source: str, *path: str) -> int:
    """Where the key *path* is set, or else the innermost table that it belongs to; the parser does not tell."""
    table: tuple[str, ...] = ()
    found, shared = 1, 0
    for number, text in enumerate(source.split("\n"), 1):
        match = _SET.match(text)
        if match is None:
            continue
        if match["table"]:
            place = table = _parts(match["table"])
        else:
            place = (*table, *_parts(match["key"]))
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(place, path, strict=False)))
        if common > shared:
            found, shared = number, common
    return found


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in key.split("."))


def _mentions_dockfix(pyproject: Path) -> bool:
    try:
        source = pyproject.read_bytes()
    except OSError:
        return False
    return mentions_dockfix(source)


def mentions_dockfix(source: bytes) -> bool:
    """Whether a ``pyproject.toml`` may hold a table of ours, without the price of parsing it."""
    return re.search(rb"\btool\b.{0,20}\bdockfix\b", source) is not None


def _upward(folder: Path, root: Path) -> Iterator[Path]:
    yield folder
    if folder != root and root in folder.parents:
        for parent in folder.parents:
            yield parent
            if parent == root:
                return
