"""Plans in SARIF, which code scanning and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dockfix import __version__
from dockfix.registry import transforms
from dockfix.report.record import Failure, Record, Rewrite

if TYPE_CHECKING:
    from dockfix.engine import Outcome, Plan

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_LEVELS = {"applied": "warning", "refused": "note", "advice": "note", "offered": "note"}


def document(records: Iterable[Record]) -> str:
    """The log of one run with a result for each change, refusal and advice, with a final newline."""
    records = list(records)
    plans = [record.plan for record in records if isinstance(record, Rewrite)]
    found = [(plan, outcome) for plan in plans for outcome in plan.outcomes if outcome.kind in _LEVELS]
    problems = [_failure(record) for record in records if isinstance(record, Failure)]
    problems += [_defect(plan, each.transform, each.message) for plan in plans for each in plan.defects]
    run = {
        "tool": {
            "driver": {
                "name": "dockfix",
                "version": __version__,
                "rules": _rules({each.transform for _, each in found}),
            }
        },
        "invocations": [{"executionSuccessful": not problems, "toolExecutionNotifications": problems}],
        "results": [_result(plan, outcome) for plan, outcome in found],
    }
    # ASCII alone, as in the other document
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=True) + "\n"


def _rules(ids: set[str]) -> list[dict[str, Any]]:
    """What the transforms *ids* are for; what is no transform, such as the parser, has a name alone."""
    summaries = {each.id: each.summary for each in transforms()}
    return [{"id": id, "shortDescription": {"text": summaries.get(id, id)}} for id in sorted(ids)]


def _result(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    properties = {"kind": outcome.kind} | ({"safety": outcome.safety.value} if outcome.safety else {})
    return {
        "ruleId": outcome.transform,
        "level": _LEVELS[outcome.kind],
        "message": {"text": outcome.why},
        "locations": [_place(plan.path, outcome.line or 1)],
        "properties": properties,
    }


def _failure(record: Failure) -> dict[str, Any]:
    path = PurePath(record.path).as_posix()
    return {"level": "error", "message": {"text": record.message}, "locations": [_place(path, record.line)]}


def _defect(plan: Plan, transform: str, message: str) -> dict[str, Any]:
    text = f"{transform} failed its own proof: {message}"
    return {"level": "error", "message": {"text": text}, "locations": [_place(plan.path, 1)]}


def _place(path: str, line: int) -> dict[str, Any]:
    # a path is a reference to a resource here: a colon or a space in it would make another of it
    uri = quote(path.encode("utf-8", "surrogateescape"))
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}}
