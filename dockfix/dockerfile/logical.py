"""Logical lines: what is left of source lines once continuations, comments and line ends are taken out."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from dockfix.text import Span

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White space as Go's ``unicode.IsSpace`` has it, which is not what ``str.strip`` strips."""

BLANK = "\t\v\f\r "
"""What separates a keyword from its arguments, and the arguments of COPY, FROM, EXPOSE and VOLUME."""


@dataclass(frozen=True, slots=True)
class Logical:
    """A text put together from segments of the document, and where each of them came from.

    Attributes:
        text: the segments, joined.
        starts: where each segment begins in ``text``; the first is 0.
        sources: where each segment begins in the document.
    """

    text: str
    starts: tuple[int, ...]
    sources: tuple[int, ...]

    def offset(self, position: int) -> int:
        """The place in the document of the character at *position*, which may be the end of the text."""
        if position >= len(self.text) > 0:
            return self.offset(len(self.text) - 1) + 1
        segment = bisect_right(self.starts, position) - 1
        return self.sources[segment] + position - self.starts[segment]

    def span(self, start: int, end: int) -> Span:
        """The stretch of the document from the first to the last character of ``text[start:end]``."""
        if len(self.starts) == 1 and start < end <= len(self.text):
            return Span(self.sources[0] + start, self.sources[0] + end)
        first = self.offset(start)
        return Span(first, self.offset(end - 1) + 1) if end > start else Span(first, first)
