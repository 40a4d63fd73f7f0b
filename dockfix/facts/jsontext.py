"""JSON with the line of every key, and JSON with comments as tsconfig.json has it."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files, text
from dockfix.text import line_at, line_starts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{}\[\],:]""", re.DOTALL)
_TRAILING = re.compile(r"""("(?:[^"\\]|\\.)*")|,\s*([}\]])""")
_DEPTH = 7


class Json:
    """A parsed JSON document that knows where its keys stand.

    Attributes:
        path: the file, as origins name it.
        data: the parsed value.
        source: the text.
    """

    def __init__(self, path: str, source: str, data: Any) -> None:
        self.path = path
        self.data = data
        self.source = source

    @cached_property
    def _lines(self) -> Mapping[tuple[str, ...], int]:
        """The line of each key down to a depth of four; deeper ones are never quoted."""
        starts = line_starts(self.source)
        return {keys: line_at(starts, offset) for keys, offset in _keys(self.source)}

    def line(self, *keys: str) -> int:
        """The 1-based line of a key, or of the nearest key around it that is known."""
        for length in range(min(len(keys), _DEPTH), 0, -1):
            found = self._lines.get(keys[:length])
            if found is not None:
                return found
        return 1

    def get(self, *keys: str) -> Any:
        """The value under *keys*; None where one is missing or its parent is no object."""
        value = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def text(self, *keys: str) -> Fact[str] | None:
        """The string under *keys*, with its line."""
        value = self.get(*keys)
        return Fact(value, self.origin(*keys)) if isinstance(value, str) else None

    def origin(self, *keys: str) -> str:
        """``path:line`` of a key."""
        return f"{self.path}:{self.line(*keys)}"

    def texts(self, *keys: str) -> dict[str, Fact[str]]:
        """The object under *keys* as name → string, leaving out what is no string."""
        value = self.get(*keys)
        if not isinstance(value, dict):
            return {}
        return {name: Fact(item, self.origin(*keys, name)) for name, item in value.items() if isinstance(item, str)}


def _keys(source: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every key with the keys around it and its offset, from text that is known to be valid."""
    path: list[str] = []
    objects: list[bool] = []
    candidate: tuple[str, int] | None = None
    key = ""
    for token in _TOKEN.finditer(source):
        mark = token[0]
        if mark[0] in "\"'":
            candidate = (mark, token.start())
        elif mark == ":" and candidate and objects and objects[-1]:
            key = _unquoted(candidate[0])
            if len(path) < _DEPTH:
                yield (*path, key), candidate[1]
        elif mark in "{[":
            path.append(key)
            if not objects:
                path.clear()
            objects.append(mark == "{")
            key = ""
        elif mark in "}]" and objects:
            objects.pop()
            if path:
                path.pop()
        if mark[0] not in "\"'":
            candidate = None


def _bare(source: str) -> str:
    """*source* without comments and trailing commas: all that most JSON with comments has, at a hundredth of JSON5."""
    bare = _TOKEN.sub(lambda token: " " if token[0][0] == "/" else token[0], source)
    return _TRAILING.sub(lambda match: match[1] or match[2], bare)


def _unquoted(literal: str) -> str:
    if literal[0] == '"' and "\\" in literal:
        try:
            return str(json.loads(literal, strict=False))
        except ValueError:
            pass
    return literal[1:-1]


def read(files: Files, path: str, prefix: str = "", *, comments: bool = False) -> Json | Problem | None:
    """Parse the JSON file at *path*.

    Args:
        files: where it lies.
        path: its path there.
        prefix: what origins put before the path: the context's folder.
        comments: also take comments, trailing commas and single quotes (JSON5).

    Returns:
        The document, the problem with it, or None where there is no such file.
    """
    source = text(files, path)
    if source is None:
        return None
    name = f"{prefix}/{path}" if prefix else path
    try:
        return Json(name, source, json.loads(source))
    except RecursionError:
        return Problem(name, "is nested too deeply")
    except ValueError as error:
        if not comments:
            line = getattr(error, "lineno", 1)
            return Problem(f"{name}:{line}", f"is not valid JSON: {getattr(error, 'msg', error)}")
    try:
        return Json(name, source, json.loads(_bare(source)))
    except ValueError:
        pass
    import json5

    try:
        return Json(name, source, json5.loads(source))
    except (ValueError, RecursionError) as error:
        return Problem(name, f"is not valid JSON with comments: {error}")
