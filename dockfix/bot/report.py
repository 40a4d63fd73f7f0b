"""What a person, and a program, is told of a campaign."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockfix.report.diff import unified
from dockfix.report.text import line, printable

if TYPE_CHECKING:
    from dockfix.bot.campaign import Record
    from dockfix.engine import Plan

VERSION = 1
"""The version of the document's shape; a key that goes or changes its meaning raises it."""


def lines(record: Record) -> Iterator[str]:
    """One repository, a line for each of its pull requests."""
    if not record.results:
        yield _line(record.name, record.outcome, record.why)
    for result in record.results:
        yield _line(record.name, f"{result.state} {result.topic}", result.link, result.why)
        yield from (_line(record.name, "remark", remark) for remark in result.remarks)
    if record.findings is not None:
        for failure in record.findings.failures:
            yield _line(record.name, "failed", str(failure))


def preview(record: Record) -> Iterator[tuple[str, list[str]]]:
    """What a dry run would propose: the diff of each Dockerfile with its companions, and the reasons for it."""
    for plans in record.findings.plans.values() if record.findings is not None else ():
        for plan in plans:
            yield _diff(record.name, plan), [line(f"{record.name}/{plan.path}", each) for each in plan.outcomes]


def summary(counts: Mapping[str, int]) -> str:
    """How many repositories came to each outcome."""
    total = sum(counts.values())
    noun = "repository" if total == 1 else "repositories"
    return f"{total} {noun}: " + (", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "none")


def write(path: Path, records: Iterable[dict[str, Any]], counts: Mapping[str, int]) -> None:
    """Write the report of a campaign as JSON, a repository at a time."""
    with path.open("w", encoding="utf-8") as file:
        head = json.dumps({"version": VERSION, "outcomes": counts})
        file.write(f'{head[:-1]}, "repositories": [')
        separator = "\n"
        for record in records:
            file.write(separator + json.dumps(record))
            separator = ",\n"
        file.write("\n]}\n")


def _line(name: str, *parts: str) -> str:
    return printable(": ".join((name, *(part for part in parts if part))))


def _diff(name: str, plan: Plan) -> str:
    companions = ((path, plan.originals[path], text) for path, text in sorted(plan.files.items()))
    changes = ((plan.path, plan.before, plan.after), *companions)
    return "".join(unified(f"{name}/{path}", before, after) for path, before, after in changes)
