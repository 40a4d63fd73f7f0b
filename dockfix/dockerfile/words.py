"""Splitting the arguments of an instruction into words and flags."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from dockfix.dockerfile.expansion import dequote
from dockfix.dockerfile.logical import BLANK, SPACE
from dockfix.text import Span

_FIELD = re.compile(f"[^{BLANK}]+")
_SOLID = re.compile(f"[^{SPACE}]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class NotStringsError(ValueError):
    """A JSON array whose elements are not all strings."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of an instruction.

    Attributes:
        text: as written, quotes and escapes included.
        value: without quotes and escapes; variables are left in.
        span: its place in the document.
        quoted: whether any part of it is in quotes.
    """

    text: str
    value: str
    span: Span
    quoted: bool


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag before the arguments, ``--name=value``.

    Attributes:
        name: without the dashes.
        value: without quotes; ``"true"`` for a flag without a value.
        span: the place of the whole flag in the document.
        value_span: the place of what follows ``=``; empty, at the flag's end, where there is none.
    """

    name: str
    value: str
    span: Span
    value_span: Span


@lru_cache(maxsize=2)
def _word(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    return re.compile(rf"(?:[^{SPACE}'\"{e}]|{e}.|{e}\Z|'[^']*(?:'|\Z)|\"(?:[^\"{e}]|{e}.)*(?:\"|{e}?\Z))+", re.DOTALL)


@lru_cache(maxsize=2)
def _flag(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    quoted = rf"'(?:[^'{e}]|{e}.)*(?:'|{e}?\Z)|\"(?:[^\"{e}]|{e}.)*(?:\"|{e}?\Z)"
    return re.compile(rf"[{SPACE}]*(--(?:[^{SPACE}'\"{e}]|{e}.|{e}\Z|{quoted})*)", re.DOTALL)


@lru_cache(maxsize=2)
def _flag_quoting(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    return re.compile(rf"{e}(.?)|['\"]", re.DOTALL)


def words(text: str, escape: str) -> list[tuple[int, int]]:
    """Where the words of ENV, LABEL and ARG stand in *text*; quotes hold words together."""
    if "'" not in text and '"' not in text and escape not in text:
        return [match.span() for match in _SOLID.finditer(text)]
    spans = [match.span() for match in _word(escape).finditer(text)]
    return [span for span in spans if text[span[0] : span[1]] != escape]


def fields(text: str) -> list[tuple[int, int]]:
    """Where the arguments of COPY, ADD, FROM, EXPOSE and VOLUME stand in *text*; quotes do not count."""
    return [match.span() for match in _FIELD.finditer(text)]


def flags(text: str, start: int, escape: str) -> tuple[list[tuple[int, int]], int]:
    """Where the flags stand in *text* from *start* on, and where they end."""
    found: list[tuple[int, int]] = []
    pattern = _flag(escape)
    while match := pattern.match(text, start):
        start = match.end()
        if match[1] == "--":
            break
        found.append(match.span(1))
    return found, start


def flag_text(text: str, escape: str) -> str:
    """A flag without quotes and escapes; unlike elsewhere an escape counts in single quotes too."""
    if "'" not in text and '"' not in text and escape not in text:
        return text
    quote = ""

    def bare(match: re.Match[str]) -> str:
        nonlocal quote
        if match[1] is not None:
            return match[1]
        if quote and match[0] != quote:
            return match[0]
        quote = "" if quote else match[0]
        return ""

    return _flag_quoting(escape).sub(bare, text)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def json_array(text: str) -> list[str] | None:
    """The strings of the exec form, or None where *text* is not a JSON array and so is meant for a shell.

    Raises:
        NotStringsError: it is a JSON array of something else, which BuildKit refuses.
    """
    text = text.lstrip(SPACE)
    if not text.startswith("["):
        return None
    try:
        values = json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return None
    except RecursionError:
        raise NotStringsError from None
    if not all(isinstance(value, str) for value in values):
        raise NotStringsError
    return list(values)


def json_strings(text: str) -> list[tuple[int, int]]:
    """Where the string literals of a JSON array stand in *text*, quotes included."""
    return [match.span() for match in _STRING.finditer(text)]


def make(text: str, span: Span, escape: str) -> Word:
    """A word of *text*, as it is written in a document whose escape character is *escape*."""
    return Word(text, dequote(text, escape), span, "'" in text or '"' in text)
