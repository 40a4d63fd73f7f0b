"""A line of shell as simple commands: enough for npm scripts, compose commands and build lines in CI files.

Run instructions and whole scripts need more than this; see :mod:`dockfix.dockerfile.shell`.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
"""Shells that are given a script behind ``-c``."""

_RUNNERS = frozenset({"env", "exec", "nohup", "sudo", "time"})
"""Programs that run the one that is named behind them."""

_JOINERS = frozenset({"&&", "||", ";", "|", "&", "|&"})
_OPERATORS = re.compile(r"[();<>|&]+")
_BETWEEN = re.compile(r"(\|\||&&|[;|&])")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
_EXPANSION = re.compile(r"[$`*?~{]|\[")


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command.

    Attributes:
        joiner: what joins it to the one before: ``&&``, ``||``, ``;``, ``|``, ``&``; empty for the first.
        assignments: variables set for it alone.
        words: its words without quotes.
    """

    joiner: str
    assignments: tuple[tuple[str, str], ...]
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The program's name without folders; empty for a bare assignment."""
        return self.words[0].rpartition("/")[2] if self.words else ""


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed line.

    Attributes:
        commands: its commands in order, those in parentheses included.
        plain: whether it needs no shell: no expansion, redirection, glob or group (joiners do not count).
        outputs: the files that the shell opens to write, as they are named.
    """

    commands: tuple[Command, ...]
    plain: bool
    outputs: tuple[str, ...] = ()


def split(text: str) -> tuple[str, ...]:
    """The words of *text* without quotes; split at blanks where a quote is left open."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return tuple(text.split())


def programs(text: str) -> Iterator[tuple[str, ...]]:
    """The program of each simple command of a shell's text, with its words; nothing where a command comes to none.

    Assignments and what only runs a program are left out. Each line is read by itself, so that a quote that is left
    open hides none of the others.
    """
    for row in text.replace("\\\n", " ").split("\n"):
        for command in parse(row).commands:
            words = command.words
            while words and words[0] in _RUNNERS:
                words = tuple(itertools.dropwhile(_is_of_runner, words[1:]))
            yield words


def _is_of_runner(word: str) -> bool:
    return word.startswith("-") or _ASSIGNMENT.match(word) is not None


def parse(text: str) -> Line:
    """Read *text* as simple commands. Broken quoting gives commands of blank-separated words, not plain."""
    lexer = shlex.shlex(text.replace("\\\n", " ").replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:
        first, *rest = _BETWEEN.split(text)
        parts = [("", first), *zip(rest[::2], rest[1::2], strict=True)]
        return Line(tuple(_command(joiner, part.split()) for joiner, part in parts if part.strip()), False)
    commands: list[Command] = []
    plain = _EXPANSION.search(text) is None
    joiner = ""
    words: list[str] = []
    outputs: list[str] = []
    redirection = ""
    for token in [*tokens, ";"]:
        if redirection:
            if ">" in redirection and not (redirection.endswith("&") and re.fullmatch(r"\d+|-", token)):
                outputs.append(token)
            redirection = ""
        elif token in _JOINERS:
            if words:
                commands.append(_command(joiner, words))
            joiner, words = (token if commands else ""), []
        elif _OPERATORS.fullmatch(token):
            plain = False
            if token[0] in "<>" or token.endswith((">", ">&", "<")):
                redirection = token
                if words and words[-1] in ("1", "2"):
                    words.pop()
            elif words:
                commands.append(_command(joiner, words))
                joiner, words = ";", []
        else:
            words.append(token)
    return Line(tuple(commands), plain, tuple(outputs))


def _command(joiner: str, words: list[str]) -> Command:
    count = next((index for index, word in enumerate(words) if not _ASSIGNMENT.match(word)), len(words))
    pairs = tuple((key, value) for key, _, value in (word.partition("=") for word in words[:count]))
    return Command(joiner, pairs, tuple(words[count:]))
