"""What ``.dockerignore`` keeps out of a build, decided as BuildKit decides it.

https://github.com/moby/patternmatcher is the specification: a pattern is Go's ``filepath.Match`` with ``**``, a
matched folder takes everything in it along, and the last pattern that says something of a path wins.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.facts.fact import Problem
from dockfix.facts.files import Files, join, normal, text

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file.

    Attributes:
        text: the pattern, cleaned as Go's ``filepath.Clean`` does, without ``!``.
        exclusion: whether the line began with ``!``: what it matches is taken back in.
        line: its 1-based line.
    """

    text: str
    exclusion: bool
    line: int

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        return re.compile(_expression(self.text), re.DOTALL)

    @property
    def valid(self) -> bool:
        """Whether Docker accepts the pattern; it refuses to build otherwise."""
        if not self.text:
            return False
        try:
            return bool(self._expression)
        except re.error:
            return False

    def matches(self, path: str) -> bool:
        """Whether the pattern names exactly this path (not a folder around it)."""
        return self.valid and self._expression.fullmatch(path) is not None


@dataclass(frozen=True)
class Ignore:
    """The ignore file of one Dockerfile's build.

    Attributes:
        exists: whether there is one.
        path: its path from the repository's root; where there is none, where it would be made.
        patterns: its patterns in order.
        source: its text, or an empty string.
    """

    exists: bool
    path: str
    patterns: tuple[Pattern, ...] = ()
    source: str = ""

    def ignores(self, path: str) -> bool:
        """Whether the build does not see *path*, which is relative to the context."""
        clean = normal(path)
        if not clean:
            return False
        parts = clean.split("/")
        candidates = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
        ignored = False
        for pattern in self.patterns:
            if pattern.exclusion == ignored and any(pattern.matches(candidate) for candidate in candidates):
                ignored = not pattern.exclusion
        return ignored

    def empties(self, folder: str) -> bool:
        """Whether the build sees nothing under *folder*, as far as the patterns alone tell.

        A folder that is ignored while a ``!`` pattern may bring back something in it is not emptied.
        """
        clean = normal(folder)
        if not clean or not self.ignores(clean):
            return False
        return not any(pattern.exclusion and _may_be_inside(pattern.text, clean) for pattern in self.patterns)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Patterns that Docker refuses."""
        return tuple(
            Problem(f"{self.path}:{pattern.line}", f"is no valid pattern: {pattern.text}")
            for pattern in self.patterns
            if not pattern.valid
        )


def _may_be_inside(pattern: str, folder: str) -> bool:
    fixed = re.split(r"[*?\[\\]", pattern, maxsplit=1)[0]
    return fixed.startswith(f"{folder}/") or (fixed != pattern and f"{folder}/".startswith(fixed))


def _expression(pattern: str) -> str:
    """The regular expression that a pattern stands for."""
    if pattern.startswith("**") and not re.search(r"[*?\\\[\]]", pattern[2:]):
        # Docker compares the end of the path here, so that `**foo` also matches `xfoo`.
        suffix = pattern[2:]
        whole = f"|{re.escape(suffix[1:])}" if suffix.startswith("/") else ""
        return f".*{re.escape(suffix)}{whole}"
    pieces: list[str] = []
    position = 0
    inside = False
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*" and not inside:
            if pattern[position : position + 1] != "*":
                pieces.append("[^/]*")
                continue
            position += 1
            if pattern[position : position + 1] == "/":
                position += 1
            pieces.append(".*" if position == len(pattern) else "(?:.*/)?")
        elif char == "?" and not inside:
            pieces.append("[^/]")
        elif char == "\\":
            pieces.append(re.escape(pattern[position : position + 1] or char))
            position += 1
        elif char == "[" and not inside:
            inside = True
            pieces.append("[")
            if pattern[position : position + 1] == "^":
                pieces.append("^")
                position += 1
        elif inside:
            inside = char != "]"
            pieces.append(char if char in "-]" else re.escape(char))
        else:
            pieces.append(re.escape(char))
    return "".join(pieces)


def _clean(pattern: str) -> str:
    """Go's ``filepath.Clean`` and no leading slash."""
    clean = posixpath.normpath(pattern)
    return clean.lstrip("/") if len(clean) > 1 else clean


def patterns(source: str) -> Iterator[Pattern]:
    """The patterns of an ignore file's text."""
    for number, line in enumerate(source.split("\n"), 1):
        if line.startswith("#") or not line.strip():
            continue
        pattern = line.strip()
        exclusion = pattern.startswith("!")
        if exclusion:
            pattern = pattern[1:].strip()
        yield Pattern(_clean(pattern) if pattern else "", exclusion, number)


def read(files: Files, dockerfile: str, context: str) -> Ignore:
    """The ignore file that holds for *dockerfile* built in *context*, both paths from the root of *files*.

    A file beside the Dockerfile under its name with ``.dockerignore`` behind comes before the context's own:
    https://docs.docker.com/build/concepts/context/#filename-and-location
    """
    own = join(context, ".dockerignore")
    for path in (f"{dockerfile}.dockerignore", own):
        source = text(files, path)
        if source is not None:
            return Ignore(True, path, tuple(patterns(source)), source)
    return Ignore(False, own)
