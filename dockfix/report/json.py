"""Plans as one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from dockfix.report.record import Failure, Omission, Record, Rewrite, diff

VERSION = 1
"""The version of the document's shape; a key that goes or changes its meaning raises it."""


def document(records: Iterable[Record]) -> str:
    """The document that describes *records*, with a final newline."""
    records = list(records)
    content = {
        "version": VERSION,
        "files": [_rewrite(record) for record in records if isinstance(record, Rewrite)],
        "errors": [
            {"path": record.path, "line": record.line, "message": record.message}
            for record in records
            if isinstance(record, Failure)
        ],
        "skipped": [{"path": record.path, "why": record.why} for record in records if isinstance(record, Omission)],
    }
    # ASCII alone: a Dockerfile may hold bytes that are no UTF-8, which stand in its text as lone surrogates.
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _rewrite(record: Rewrite) -> dict[str, Any]:
    plan = record.plan
    return {
        "path": record.path,
        "changed": plan.changed,
        "written": record.written,
        "withheld": record.withheld,
        "diff": diff(record),
        "outcomes": [
            {
                "transform": outcome.transform,
                "kind": outcome.kind,
                "line": outcome.line,
                "why": outcome.why,
                "safety": outcome.safety.value if outcome.safety else None,
            }
            for outcome in plan.outcomes
        ],
        "files": [
            {"path": path, "created": plan.originals[path] is None, "text": text}
            for path, text in sorted(plan.files.items())
        ],
        "defects": [{"transform": defect.transform, "message": defect.message} for defect in plan.defects],
    }
