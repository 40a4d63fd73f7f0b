"""Verifications as lines for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dockfix.report.text import printable, table
from dockfix.verify import normal
from dockfix.verify.table import HEADER, STEPS, rows, steps

if TYPE_CHECKING:
    from dockfix.verify.verification import Verification

_LOG_LINES = 15


def lines(found: Verification) -> Iterator[str]:
    """The verdict, the table, and of a failure the end of its log."""
    yield printable(f"{found.path}: {found.verdict.kind}")
    yield from (f"  {printable(reason)}" for reason in found.verdict.reasons)
    cells = [(row.name, row.before, row.after, row.change) for row in rows(found)]
    if cells:
        yield ""
        yield from (f"  {printable(line)}" for line in table([HEADER, *cells]))
    if found.steps:
        yield ""
        yield from (f"  {printable(line)}" for line in table([STEPS, *steps(found)]))
    if found.culprits:
        yield printable(f"  the difference needs {', '.join(found.culprits)}")
    for remark in found.verdict.remarks:
        yield printable(f"  note: {remark}")
    yield from _log(found)


def summary(found: Iterable[Verification], *, failed: int = 0, skipped: int = 0) -> str:
    """How many Dockerfiles came to which verdict, and how many to none."""
    counts = Counter[str](each.verdict.kind for each in found)
    counts.update(failed=failed, skipped=skipped)
    return ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)


def _log(found: Verification) -> Iterator[str]:
    for name, side in (("original", found.before), ("rewrite", found.after)):
        ran = side.run is not None and not side.run.running
        log = side.log or (side.run.log if ran and side.run is not None else "")
        said = [line for line in map(normal.plain, log.splitlines()) if line]
        if said:
            yield f"  the {name} said last:"
            yield from (f"    {printable(line)}" for line in said[-_LOG_LINES:])
