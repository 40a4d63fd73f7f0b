"""Plans as lines for a person: what changes and why, what was refused, and a summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dockfix.report.record import Failure, Omission, Record, Rewrite

if TYPE_CHECKING:
    from dockfix.engine import Outcome

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def lines(record: Record) -> Iterator[str]:
    """What there is to say of one path, a line each; what holds for several of its lines alike is said once."""
    if not isinstance(record, Rewrite):
        yield printable(str(record))
        return
    for alike in _alike(record.plan.outcomes):
        more = ", ".join(str(outcome.line) for outcome in alike[1:])
        yield line(record.path, alike[0]) + (f" (also line {more})" if more else "")
    if record.withheld:
        yield printable(f"{record.path}: not written: {record.withheld}")
    for defect in record.plan.defects:
        yield printable(
            f"{record.path}:1: {defect.transform} failed its own proof, so the file is left as it is; "
            f"please report it: {defect.message}"
        )


def line(path: str, outcome: Outcome) -> str:
    """One outcome: ``Dockerfile:12: init refused: …``."""
    place = path if outcome.line is None else f"{path}:{outcome.line}"
    kind = f"{outcome.kind} ({outcome.safety.value})" if outcome.kind == "applied" and outcome.safety else outcome.kind
    return printable(f"{place}: {outcome.transform} {kind}: {outcome.why}")


def _alike(outcomes: Iterable[Outcome]) -> Iterable[list[Outcome]]:
    """The outcomes in groups that differ in their line alone, each where its first one stands."""
    groups: dict[object, list[Outcome]] = {}
    for outcome in outcomes:
        key = replace(outcome, line=None) if outcome.line is not None else id(outcome)
        groups.setdefault(key, []).append(outcome)
    return groups.values()


def printable(text: str) -> str:
    """*text* on one line, with nothing in it that a terminal would obey."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def summary(records: Iterable[Record], *, written: bool) -> str:
    """How many files change, stay, and failed, and what was refused."""
    records = list(records)
    rewrites = [record for record in records if isinstance(record, Rewrite)]
    defective = [record for record in rewrites if record.plan.defects]
    withheld = sum(bool(record.withheld) for record in rewrites)
    changed = [record for record in rewrites if record.plan.changed and not record.plan.defects and not record.withheld]
    parts = [
        _count(len(changed), "Dockerfile") + (" rewritten" if written else " would be rewritten"),
        f"{len(rewrites) - len(changed) - len(defective) - withheld} unchanged",
    ]
    if withheld:
        parts.append(f"{withheld} withheld")
    refused = sum(outcome.kind == "refused" for record in rewrites for outcome in record.plan.outcomes)
    if refused:
        parts.append(_count(refused, "refusal"))
    failed = len(defective) + sum(isinstance(record, Failure) for record in records)
    if failed:
        parts.append(f"{failed} failed")
    skipped = sum(isinstance(record, Omission) for record in records)
    if skipped:
        parts.append(f"{skipped} skipped")
    return ", ".join(parts)


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """*rows* in columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
