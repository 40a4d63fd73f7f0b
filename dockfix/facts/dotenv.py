"""Files of variables, as Docker Compose, Vite and others read them: ``NAME=value``, a line each."""

from __future__ import annotations

import re
from collections.abc import Iterator

_VARIABLE = re.compile(r"\s*(?:export\s+)?(\w+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(.*))")
_COMMENT = re.compile(r"\s#")


def variables(data: bytes) -> Iterator[tuple[str, int]]:
    """The names that a file of variables sets, each with its line.

    Args:
        data: the file's bytes.
    """
    return ((name, number) for name, _, number in values(data))


def values(data: bytes) -> Iterator[tuple[str, str, int]]:
    """What a file of variables sets: names, their values on that line as they are written, and lines.

    Args:
        data: the file's bytes.
    """
    for number, row in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
        match = _VARIABLE.match(row)
        if match is not None:
            name, *quoted, plain = match.groups()
            bare = _COMMENT.split(plain, maxsplit=1)[0].rstrip() if plain is not None else ""
            yield name, next((given for given in quoted if given is not None), bare), number
