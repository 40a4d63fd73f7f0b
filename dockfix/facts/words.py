"""A line of shell as simple commands: enough for npm scripts, compose commands and build lines in CI files.

Run instructions and whole scripts need more than this; see :mod:`dockfix.dockerfile.shell`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
"""Shells that are given a script behind ``-c``."""

_RUNNERS = {
    "env": r"-[^\WuC]*[uC]|--unset|--chdir",
    "exec": r"-[^\Wa]*a",
    "nohup": r"(?!)",
    "sudo": r"-[^\WughpCTUDR]*[ughpCTUDR]"
    r"|--(?:user|group|host|prompt|close-from|command-timeout|other-user|chdir|chroot)",
    "time": r"-[^\Wfo]*[fo]|--format|--output",
}
"""Programs that run the one that is named behind them, each with its options whose argument is the next word:
https://www.sudo.ws/docs/man/sudo.man/, https://www.gnu.org/software/coreutils/manual/html_node/env-invocation.html"""

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


def called(text: str) -> Iterator[tuple[str, ...]]:
    """The program of each simple command of a shell's text, with its words; nothing where a command comes to none.

    Assignments and what only runs a program are left out. Where a quote is left open, each line is read by itself, so
    that it hides none of the others; a comment may hold one that opens nothing.
    """
    text = text.replace("\\\n", " ")
    for row in [text] if _is_whole(text) else text.split("\n"):
        for command in parse(row).commands:
            words = command.words
            while words and words[0] in _RUNNERS:
                words = _behind(words)
            yield words


def _is_whole(text: str) -> bool:
    """Whether every quote of *text* is closed for certain."""
    try:
        shlex.split(text)
    except ValueError:
        return False
    return "#" not in text and "<<" not in text


def _behind(words: tuple[str, ...]) -> tuple[str, ...]:
    """What a program is given to run, without its own options and assignments."""
    runner, *rest = words
    while rest and (rest[0].startswith("-") or _ASSIGNMENT.match(rest[0])):
        option = rest.pop(0)
        if option == "--":
            break
        if rest and re.fullmatch(_RUNNERS[runner], option):
            rest.pop(0)
    return tuple(rest)


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
