"""Text of a repository in Markdown: nothing in it may become markup, a mention, or a reference to an issue."""

from __future__ import annotations

import re

_MARKS = re.compile(r"[\\`*_{}\[\]<>|#~]|&(?=#?\w+;)")
_STARTS = re.compile(r"^(?:([-+=])(?=\s|$)|(\d+)(?=[.)](?:\s|$)))")
"""What makes a list of a line, or a heading of the one above it."""
# https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
_REFERENCE = re.compile(r"(?<=@)(?=\w)|(?<=[#!])(?=\d)|(?<=\bGH-)(?=\d)|(?<=://)|(?<=\bwww)(?=\.)")
_APART = "&#8203;"
"""A space of no width, after which a forge sees no mention."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """*text* on one line, to be read as it stands."""
    line = clean(" ".join(text.split()))
    return "".join(_escaped(part) + _APART for part in _REFERENCE.split(line))[: -len(_APART)]


def started(line: str) -> str:
    """*line*, already Markdown, as the start of a paragraph: nothing in it makes a list of it."""
    return _STARTS.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\", line)


def code(text: str) -> str:
    """*text* on one line as a span of code; backticks in it need longer ones around it."""
    line = clean(" ".join(text.split()))
    if not line:
        return ""
    fence = "`" * (_longest(line, "`") + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def fenced(text: str, language: str = "") -> str:
    """*text* as a block of code, whose fence is longer than any in it; with a final newline."""
    fence = "`" * max(3, _longest(text, "`") + 1)
    body = clean(text)
    return f"{fence}{language}\n{body}{'' if body.endswith(chr(10)) or not body else chr(10)}{fence}\n"


def clean(text: str) -> str:
    """*text* without what no page should hold: control characters, turned writing, bytes that are no text."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n"))


def _escaped(text: str) -> str:
    return _MARKS.sub(lambda found: f"\\{found[0]}", text)


def _longest(text: str, mark: str) -> int:
    return max((len(run) for run in re.findall(f"{mark}+", text)), default=0)
