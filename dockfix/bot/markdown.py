"""Text of a repository inside of Markdown, where it must do nothing but be read."""

from __future__ import annotations

import re

LONGEST = 60_000
"""Characters of a description: GitHub takes 65,536, GitLab and Forgejo more."""

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$^])")
# A reference needs its sign right before the name: an empty character between them leaves the text readable.
# https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
_REFERENCE = re.compile(r"(?<=[@#!%])(?=\w)|(?<=://)|(?<=\bGH-)(?=\d)|(?<=\bwww)(?=\.)", re.IGNORECASE)
_BREAK = "\u200b"
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]"
)


def plain(text: str) -> str:
    """*text* on one line, that neither marks up, mentions, refers, closes nor hides anything."""
    line = " ".join(_visible(text).split())
    # Each step only ever puts something before a character that the next one looks for.
    broken = _REFERENCE.sub(_BREAK, line)
    escaped = _SPECIAL.sub(r"\\\1", broken)
    return escaped.replace("&", "&amp;").replace("\\<", "&lt;").replace("\\>", "&gt;")


def code(text: str) -> str:
    """*text* on one line, as code."""
    line = " ".join(_visible(text).split()) or " "
    ticks = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def fenced(text: str, language: str = "") -> str:
    """*text* as a block of code, behind a fence that nothing in it closes."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{_visible(text).rstrip(chr(10))}\n{fence}"


def cut(blocks: list[str], tail: str, longest: int = LONGEST) -> str:
    """*blocks*, as many of them as there is room for, and always *tail*: none is cut within."""
    note = "*More than a description can hold is left out here.*"
    room = longest - len(tail) - len(note) - 4
    kept: list[str] = []
    for block in blocks:
        if len(block) + 2 > room:
            kept.append(note)
            break
        kept.append(block)
        room -= len(block) + 2
    return "\n\n".join((*kept, tail))


def _visible(text: str) -> str:
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
