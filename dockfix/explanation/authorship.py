"""Which transform wrote which line of a rewritten Dockerfile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

Authors = frozenset[str]

_ALIKE = 0.6
"""How alike two lines are, at least, of which the later one is taken for a revision of the earlier one."""
_MANY = 400
"""Above so many changed lines on one side only equal ones are paired: comparing each with each takes too long."""


def authors(before: str, steps: Iterable[tuple[str, str]]) -> tuple[Authors, ...]:
    """The transforms that wrote each line of the last text; none of a line that stands as it was.

    A line that a transform revises or moves keeps its earlier authors.

    Args:
        before: the original text.
        steps: the id of each transform that changed something and the text after it, in order.
    """
    lines = before.split("\n")
    found: list[Authors] = [frozenset()] * len(lines)
    for id, text in steps:
        after = text.split("\n")
        found = _advanced(lines, after, found, id)
        lines = after
    return tuple(found)


def _advanced(before: Sequence[str], after: Sequence[str], known: Sequence[Authors], id: str) -> list[Authors]:
    found: list[Authors] = [frozenset()] * len(after)
    gone: list[int] = []
    fresh: list[int] = []
    for tag, a, a_end, b, b_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found[b:b_end] = known[a:a_end]
        else:
            gone += range(a, a_end)
            fresh += range(b, b_end)
    earlier = {number: _earlier(after[number], before, gone, len(fresh)) for number in fresh if after[number].strip()}
    for number in fresh:
        origin = earlier.get(number)
        found[number] = frozenset({id}) | (known[origin] if origin is not None else frozenset())
    return found


def _earlier(line: str, before: Sequence[str], gone: Sequence[int], fresh: int) -> int | None:
    """Which of the lines that are gone *line* is made from."""
    same = next((number for number in gone if before[number] == line), None)
    if same is not None or len(gone) > _MANY or fresh > _MANY:
        return same
    matcher = SequenceMatcher(b=line, autojunk=False)
    best, likeness = None, _ALIKE
    for number in gone:
        matcher.set_seq1(before[number])
        if matcher.real_quick_ratio() >= likeness and matcher.quick_ratio() >= likeness:
            ratio = matcher.ratio()
            if ratio >= likeness:
                best, likeness = number, ratio
    return best
