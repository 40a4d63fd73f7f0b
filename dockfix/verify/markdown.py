"""Verifications as Markdown, for pull requests and explanations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dockfix.report.markup import plain
from dockfix.verify.table import HEADER, STEPS, rows, steps

if TYPE_CHECKING:
    from dockfix.verify.verification import Verification


def page(verifications: Iterable[Verification]) -> str:
    """A section for each Dockerfile, with a final newline."""
    return "\n".join("\n".join(section(each)) + "\n" for each in verifications)


def section(found: Verification) -> Iterator[str]:
    """The lines of the section of one Dockerfile: the verdict, the table, the remarks."""
    yield f"### {plain(found.path)}: {found.verdict.kind}"
    yield ""
    for reason in found.verdict.reasons:
        yield f"* {plain(reason)}"
    if found.verdict.reasons:
        yield ""
    cells = [(row.name.strip(), row.before, row.after, row.change) for row in rows(found)]
    if cells:
        yield from _table(HEADER, cells)
    if found.steps:
        yield from _table(STEPS, steps(found))
    if found.culprits:
        yield f"* The difference needs {', '.join(f'`{id}`' for id in found.culprits)}."
    for remark in found.verdict.remarks:
        yield f"* {plain(remark)}"


def _table(header: tuple[str, ...], cells: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _line(header)
    yield _line(("---",) * len(header))
    yield from (_line(tuple(map(plain, row))) for row in cells)
    yield ""


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
