"""Plans as annotations of a GitHub pull request: workflow commands, which a job prints.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from dockfix.report.record import Failure, Record, Rewrite
from dockfix.report.text import line, printable

if TYPE_CHECKING:
    from dockfix.engine import Outcome

MOST = 10
"""How many annotations of a level GitHub shows of one step; it drops the others without a word."""

_LEVELS = {"applied": "warning", "refused": "notice", "advice": "notice", "offered": "notice"}


class _Annotation(NamedTuple):
    level: str
    path: str
    line: int | None
    title: str
    message: str
    plain: str


def document(records: Iterable[Record]) -> str:
    """One command for each thing to say, and what GitHub would not show as lines of the log."""
    room: Counter[str] = Counter()
    shown: list[str] = []
    left: list[str] = []
    for each in _annotations(records):
        room[each.level] += 1
        if room[each.level] <= MOST:
            shown.append(_command(each))
        else:
            left.append(each.plain)
    # Between these two, the runner takes nothing of a repository's text for a command.
    token = secrets.token_hex(16)
    log = [f"::stop-commands::{token}", *left, f"::{token}::"] if left else []
    return "".join(f"{each}\n" for each in (*shown, *log))


def _annotations(records: Iterable[Record]) -> Iterator[_Annotation]:
    for record in records:
        if isinstance(record, Rewrite):
            yield from _of_rewrite(record)
        elif isinstance(record, Failure):
            yield _Annotation("error", record.path, record.line, "dockfix", record.message, printable(str(record)))


def _of_rewrite(record: Rewrite) -> Iterator[_Annotation]:
    plan = record.plan
    for defect in plan.defects:
        message = f"failed its own proof, so the file is left as it is; please report it: {defect.message}"
        plain = printable(f"{plan.path}: {defect.transform} {message}")
        yield _Annotation("error", plan.path, None, _title(defect.transform), message, plain)
    for outcome in plan.outcomes:
        if outcome.kind in _LEVELS:
            yield _of_outcome(plan.path, outcome)


def _of_outcome(path: str, outcome: Outcome) -> _Annotation:
    kind = f", {outcome.kind}" if outcome.kind != "applied" else ""
    title = _title(outcome.transform) + kind
    return _Annotation(_LEVELS[outcome.kind], path, outcome.line, title, outcome.why, line(path, outcome))


def _title(transform: str) -> str:
    return f"dockfix {transform}"


def _command(each: _Annotation) -> str:
    properties = {"file": each.path, "line": str(each.line or 1), "title": each.title}
    told = ",".join(f"{name}={_escaped_property(value)}" for name, value in properties.items())
    return f"::{each.level} {told}::{_escaped(each.message)}"


def _escaped(text: str) -> str:
    """*text* in a command, which ends with its line: ``printable`` leaves no other."""
    return printable(text).replace("%", "%25")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
