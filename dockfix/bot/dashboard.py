"""A campaign as a page for a browser: repositories, pull requests, what was changed and what was refused."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dockfix.bot.campaign import ORDER
from dockfix.bot.database import StateError
from dockfix.bot.report import VERSION
from dockfix.bot.state import State
from dockfix.explanation.prose import (
    Bars,
    Block,
    Bullets,
    Code,
    Folded,
    Link,
    Page,
    Paragraph,
    Section,
    Table,
    Words,
    listed,
    said,
)
from dockfix.explanation.webpage import html

MOST = 200
"""How many refusals of a transform are listed; the rest is counted."""

_MEANINGS = {
    "opened": "opened in this run",
    "updated": "brought up to date in this run",
    "current": "open, and nothing new",
    "closed": "no longer needed, and closed",
    "planned": "would be opened or updated",
    "deferred": "wait for room under the caps",
    "foreign": "hold commits of a person, and stay as they are",
    "reverted": "what was merged was taken back by a person",
    "declined": "closed by a person",
    "failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """What is kept of one repository, as :meth:`dockfix.bot.campaign.Record.plain` wrote it."""

    name: str
    outcome: str
    why: str
    pull_requests: tuple[dict[str, Any], ...]
    applied: dict[str, int]
    refused: dict[str, int]
    refusals: tuple[dict[str, Any], ...]
    failures: tuple[str, ...]

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Visit:
        return cls(
            kept["name"],
            kept["outcome"],
            kept["why"],
            tuple(kept["pull_requests"]),
            kept["applied"],
            kept["refused"],
            tuple(kept["refusals"]),
            tuple(kept["failures"]),
        )


def from_state(place: str) -> list[Visit]:
    """The repositories of the last run that the bot's state holds, those of all shards.

    Args:
        place: a file, or the URL of a PostgreSQL database.

    Raises:
        StateError: there is none, it is something else, or it holds no run.
    """
    state = State(place, create=False)
    try:
        state.look_back()
        return [Visit.of(each) for each in state.records()]
    finally:
        state.close()


def from_report(path: str) -> list[Visit]:
    """The repositories of a report that ``dockfix bot run --report`` wrote.

    Raises:
        StateError: it cannot be read, or is something else.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            raise StateError(f"{path}: made by another version of dockfix")
        return [Visit.of(each) for each in document["repositories"]]
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        raise StateError(f"{path}: is no report of dockfix bot run") from None


def dashboard(visits: Iterable[Visit]) -> str:
    """The page, which needs no server and loads nothing."""
    visits = list(visits)
    proposals = sum(len(visit.pull_requests) for visit in visits)
    lead = ", ".join(
        (_counted(len(visits), "repository", "repositories"), _counted(proposals, "pull request", "pull requests"))
    )
    sections = (
        Section("Outcomes", (_outcomes(visits),)),
        Section("Transforms", (_transforms(visits),)),
        Section("Pull requests", sections=tuple(_pull_requests(visits))),
        Section("Refusals", tuple(_refusals(visits))),
        Section("Problems", tuple(_problems(visits))),
        Section("Without a pull request", tuple(_quiet(visits))),
    )
    return html(Page("Campaign", (lead,), tuple(each for each in sections if each.blocks or each.sections)))


def _outcomes(visits: list[Visit]) -> Block:
    counts = Counter(visit.outcome for visit in visits)
    return Bars(tuple(((outcome,), count) for outcome, count in counts.most_common()))


def _pull_requests(visits: list[Visit]) -> Iterator[Section]:
    for state in ORDER:
        found = [(visit, each) for visit in visits for each in visit.pull_requests if each["state"] == state]
        if found:
            header: tuple[Words, ...] = (("Repository",), ("Pull request",), ("Changes",))
            rows: list[tuple[Words, ...]] = [
                ((visit.name,), _linked(each), _changes(visit, each["topic"])) for visit, each in found
            ]
            if any(each["why"] for _, each in found):
                header = (*header, ("Remark",))
                rows = [(*row, said(each["why"])) for row, (_, each) in zip(rows, found, strict=True)]
            meaning = Paragraph((f"{len(rows):,} {_MEANINGS[state]}.",))
            yield Section(state.capitalize(), (meaning, Table(header, tuple(rows))))


def _changes(visit: Visit, topic: str) -> Words:
    """The transforms of a pull request: one where each has its own, else all that apply."""
    if topic in visit.applied:
        return (Code(topic),)
    return listed(tuple(Code(id) for id in sorted(visit.applied))) or (topic,)


def _linked(result: dict[str, Any]) -> Words:
    link = result["link"]
    return (Link(f"#{link.rstrip('/').rpartition('/')[2]}", link),) if link else ("",)


def _transforms(visits: list[Visit]) -> Block:
    applied: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    where: Counter[str] = Counter()
    for visit in visits:
        applied.update(visit.applied)
        refused.update(visit.refused)
        where.update(visit.applied.keys())
    rows = tuple(
        ((Code(id),), (f"{applied[id]:,}",), (f"{where[id]:,}",), (f"{refused[id]:,}",))
        for id in sorted(applied.keys() | refused.keys(), key=lambda id: (-applied[id], id))
    )
    if not rows:
        return Paragraph(("No transform had anything to say.",))
    return Table((("Transform",), ("Changes",), ("Repositories",), ("Refusals",)), rows)


def _refusals(visits: list[Visit]) -> Iterator[Block]:
    found: defaultdict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for visit in visits:
        for refusal in visit.refusals:
            found[refusal["transform"]].append((visit.name, refusal))
    for transform, each in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        items = tuple((f"{name} ", Code(_place(refusal)), ": ", *said(refusal["why"])) for name, refusal in each[:MOST])
        rest = ((f"and {len(each) - MOST:,} more",),) if len(each) > MOST else ()
        yield Folded((Code(transform), f" {len(each):,}"), (Bullets((*items, *rest)),))


def _place(refusal: dict[str, Any]) -> str:
    return refusal["path"] if refusal["line"] is None else f"{refusal['path']}:{refusal['line']}"


def _problems(visits: list[Visit]) -> Iterator[Block]:
    rows = [((visit.name,), said(failure)) for visit in visits for failure in visit.failures]
    rows += [
        ((visit.name,), said(remark)) for visit in visits for each in visit.pull_requests for remark in each["remarks"]
    ]
    rows += [((visit.name,), said(visit.why)) for visit in visits if visit.outcome == "failed" and not visit.failures]
    if rows:
        yield Table((("Repository",), ("What went wrong",)), tuple(rows))


def _quiet(visits: list[Visit]) -> Iterator[Block]:
    rows = tuple(
        ((visit.name,), (visit.outcome,), said(visit.why))
        for visit in visits
        if not visit.pull_requests and visit.outcome != "failed"
    )
    if rows:
        yield Table((("Repository",), ("Outcome",), ("Why",)), rows)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
