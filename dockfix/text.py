"""Spans of text and edits to them: the one way in which anything is changed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


class OverlapError(ValueError):
    """Two edits claim the same characters."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range ``[start, end)`` of characters in a text."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    def of(self, text: str) -> str:
        """The characters of *text* that the span covers."""
        return text[self.start : self.end]

    def contains(self, other: Span) -> bool:
        """Whether *other* lies wholly inside this span."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters of *span* by *text*; an empty span inserts, an empty text deletes."""

    span: Span
    text: str


def touches(edit: Edit, span: Span) -> bool:
    """Whether *edit* changes what *span* covers: overlaps it, stands inside, or writes on where it ends."""
    if edit.span.start == edit.span.end == span.end:
        return not edit.text.startswith(("\n", "\r\n"))
    return edit.span.start < span.end and span.start < edit.span.end


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Carry out *edits*, all given in positions of the original *text*.

    Insertions at one position come out in the order given.

    Raises:
        OverlapError: two edits overlap, or one lies past the end of the text.
    """
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end)):
        if edit.span.start < position or edit.span.end > len(text):
            raise OverlapError(f"edit at {edit.span.start}..{edit.span.end} overlaps another or leaves the text")
        pieces += (text[position : edit.span.start], edit.text)
        position = edit.span.end
    return "".join((*pieces, text[position:]))


def line_of(text: str | bytes, offset: int) -> int:
    """The 1-based number of the line of *text* in which the character or byte at *offset* stands."""
    above = text.count("\n", 0, offset) if isinstance(text, str) else text.count(b"\n", 0, offset)
    return above + 1


def line_starts(text: str) -> list[int]:
    """Where each line of *text* begins; lines end at ``\\n`` alone, as BuildKit reads them."""
    starts = [0]
    position = text.find("\n")
    while position >= 0:
        starts.append(position + 1)
        position = text.find("\n", position + 1)
    return starts


def line_at(starts: list[int], offset: int) -> int:
    """The 1-based number of the line that holds *offset*, given its text's :func:`line_starts`."""
    return bisect_right(starts, offset)
