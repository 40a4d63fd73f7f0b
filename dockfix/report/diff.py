"""Unified diffs that ``git apply`` and ``patch -p1`` take."""

from __future__ import annotations

import re

NO_NEWLINE = "\\ No newline at end of file\n"

_COLOURS = (("---", "1"), ("+++", "1"), ("@@", "36"), ("+", "32"), ("-", "31"))
_ESCAPED = {"\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r"}


def unified(path: str, before: str | None, after: str | None) -> str:
    """The change from *before* to *after*; empty where there is none.

    Args:
        path: the file's place below the folder in which the diff will be applied, with forward slashes.
        before: the old text; ``None`` where the file is new.
        after: the new text; ``None`` where the file is gone.
    """
    if before == after:
        return ""
    import difflib

    old = "/dev/null" if before is None else _name(f"a/{path}")
    new = "/dev/null" if after is None else _name(f"b/{path}")
    lines = difflib.unified_diff(_lines(before or ""), _lines(after or ""), old, new)
    return "".join(line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}" for line in lines)


def coloured(diff: str) -> str:
    """*diff* with the colours of git for a terminal."""
    return "".join(_colour(line) for line in _lines(diff))


def _colour(line: str) -> str:
    code = next((code for prefix, code in _COLOURS if line.startswith(prefix)), None)
    # A carriage return stays before the line end, and the reset comes last that the terminal shows.
    body = line.rstrip("\r\n")
    return f"\x1b[{code}m{body}\x1b[m{line[len(body) :]}" if code and body else line


def _lines(text: str) -> list[str]:
    """The lines with their ends; only a line feed ends one, unlike in ``str.splitlines``."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _name(path: str) -> str:
    """*path* as git writes it: C quotes round what would be misread, a tab after a name with blanks."""
    if re.search(r'[\x00-\x1f"\\\x7f]', path):
        return '"' + re.sub(r'[\x00-\x1f"\\\x7f]', _escape, path) + '"'
    return f"{path}\t" if " " in path else path


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in '"\\':
        return f"\\{character}"
    return _ESCAPED.get(character, f"\\{ord(character):03o}")
