"""Changes of a Dockerfile as suggestions on lines of a pull request, which a person accepts with a click:
https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/incorporating-feedback-in-your-pull-request

Each suggestion leaves a working image when it alone is accepted: it is what one transform does to the file as it is, or
what several do together whose lines lie across each other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations
from typing import TYPE_CHECKING

from dockfix.report.markup import clean, code, fenced, plain

if TYPE_CHECKING:
    from dockfix.engine import Plan

Ids = frozenset[str]
Planned = Callable[[Ids], Awaitable["Plan | None"]]

MOST_REASONS = 12
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(?P<start>\d+)(?:,\d+)? @@")
_KEY = re.compile(r"<!-- dockfix: suggestion=([0-9a-f]{32}) -->")


@dataclass(frozen=True, slots=True)
class Hunk:
    """What a pull request shows of a file in one piece, in lines of the file as the pull request leaves it.

    Attributes:
        lines: the lines that are shown.
        added: those that the pull request has made.
    """

    lines: range
    added: frozenset[int]


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of a file that become others.

    Attributes:
        first: the first line, from 1.
        last: the last line.
        before: the lines.
        after: what they become.
        reasons: why, a line of Markdown for each.
    """

    first: int
    last: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    reasons: tuple[str, ...] = ()

    def meets(self, other: Change) -> bool:
        """Whether a line belongs to both, so that accepting one makes the other obsolete."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A comment with a change on lines that the pull request shows.

    Attributes:
        path: the file.
        transforms: the transforms whose change it is.
        change: the change.
    """

    path: str
    transforms: Ids
    change: Change

    @property
    def key(self) -> str:
        """Names what is suggested for which lines, wherever in the file they stand."""
        parts = (self.path, *self.change.before, "\0", *self.change.after)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    @property
    def body(self) -> str:
        """The comment, with its key in a hidden part."""
        block = fenced("".join(f"{line}\n" for line in self.change.after), "suggestion")
        reasons = "\n".join(f"* {reason}" for reason in self.change.reasons)
        return "\n".join((reasons, "", block, f"<!-- dockfix: suggestion={self.key} -->"))


def keys(body: str) -> Iterator[str]:
    """The keys in a comment."""
    yield from _KEY.findall(body)


def hunks(patch: str) -> tuple[Hunk, ...]:
    """What a patch, without its header, shows of a file: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files"""
    found: list[Hunk] = []
    start, number = 0, 0
    added: set[int] = set()
    for line in patch.split("\n"):
        head = _HUNK.match(line)
        if head is not None:
            found += _hunk(start, number, added)
            start = number = int(head["start"])
            added = set()
        elif line.startswith("+"):
            added.add(number)
            number += 1
        elif line.startswith(" "):
            number += 1
    return (*found, *_hunk(start, number, added))


def _hunk(start: int, end: int, added: set[int]) -> tuple[Hunk, ...]:
    return (Hunk(range(start, end), frozenset(added)),) if end > start else ()


async def suggestions(path: str, ids: Ids, planned: Planned, shown: tuple[Hunk, ...]) -> list[Suggestion]:
    """What can be suggested for a file.

    Args:
        path: the file.
        ids: the transforms that change it.
        planned: plans for the file with some transforms alone.
        shown: what the pull request shows of it.
    """
    found: dict[Ids, Change | None] = {}
    groups = [frozenset({id}) for id in sorted(ids)]
    while True:
        for group in groups:
            if group not in found:
                found[group] = _change(await planned(group), shown)
        clash = next((pair for pair in combinations(groups, 2) if _meet(*(found[group] for group in pair))), None)
        if clash is None:
            break
        groups = [*(group for group in groups if group not in clash), clash[0] | clash[1]]
    made = [Suggestion(path, group, change) for group in groups if (change := found[group]) is not None]
    return [each for each in made if _fits(each.change, shown)]


def _meet(one: Change | None, other: Change | None) -> bool:
    return one is not None and other is not None and one.meets(other)


def _change(plan: Plan | None, shown: tuple[Hunk, ...]) -> Change | None:
    """The one change of lines that a plan amounts to; ``None`` where it is none, or not one of these lines alone."""
    if plan is None or plan.files or plan.before == plan.after:
        return None
    if any("\r" in text or clean(text) != text for text in (plan.before, plan.after)):
        return None  # what a comment cannot carry unchanged
    before, after = _lines(plan.before), _lines(plan.after)
    changed = [
        each for each in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if each[0] != "equal"
    ]
    if not changed:
        return None  # a final newline
    start, end = changed[0][1], changed[-1][2]
    new_start, new_end = changed[0][3], changed[-1][4]
    if start == end:
        # A comment stands on a line. One that the pull request has made is better than one that it only shows.
        above = start > 0 and (_is_added(start, shown) or start == len(before))
        start, new_start = start - above, new_start - above
        end, new_end = end + (not above), new_end + (not above)
    said = dict.fromkeys((each.transform, each.why) for each in plan.outcomes if each.kind == "applied")
    reasons = [f"{code(id)}: {plain(why)}" for id, why in said]
    if len(reasons) > MOST_REASONS:
        reasons[MOST_REASONS:] = [f"and {len(reasons) - MOST_REASONS} more"]
    return Change(start + 1, end, before[start:end], after[new_start:new_end], tuple(reasons))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.removesuffix("\n").split("\n"))


def _is_added(line: int, shown: tuple[Hunk, ...]) -> bool:
    return any(line in hunk.added for hunk in shown)


def _fits(change: Change, shown: tuple[Hunk, ...]) -> bool:
    """Whether GitHub takes a comment on these lines, and they are what the pull request is about."""
    return any(
        change.first in hunk.lines
        and change.last in hunk.lines
        and any(change.first <= line <= change.last for line in hunk.added)
        for hunk in shown
    )
