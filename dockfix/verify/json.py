"""Verifications as one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dockfix.verify import normal

if TYPE_CHECKING:
    from dockfix.report.record import Failure, Omission
    from dockfix.verify.verification import Side, Verification

VERSION = 1
"""The version of the document's shape; a key that goes or changes its meaning raises it."""

_LOG_LINES = 40


def document(
    verifications: Iterable[Verification], failures: Iterable[Failure] = (), omissions: Iterable[Omission] = ()
) -> str:
    """The document that describes what was verified, with a final newline. Sizes are bytes, times seconds."""
    content = {
        "version": VERSION,
        "files": [_verification(each) for each in verifications],
        "errors": [{"path": each.path, "line": each.line, "message": each.message} for each in failures],
        "skipped": [{"path": each.path, "why": each.why} for each in omissions],
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _verification(found: Verification) -> dict[str, Any]:
    return {
        "path": found.path,
        "verdict": found.verdict.kind,
        "reasons": list(found.verdict.reasons),
        "remarks": list(found.verdict.remarks),
        "before": _side(found.before),
        "after": _side(found.after),
        "changed": list(found.changed),
        "steps": {id: {"verdict": each.kind, "reasons": list(each.reasons)} for id, each in found.steps.items()},
        "culprits": list(found.culprits),
        "seconds": round(found.seconds, 2),
    }


def _side(side: Side) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if side.image is not None:
        content["image"] = {
            "size": side.image.size,
            "layers": side.image.layers,
            "biggest": [{"instruction": layer.created_by, "size": layer.size} for layer in side.image.biggest],
        }
    content["builds"] = {
        "cold": side.builds.cold,
        "source": list(side.builds.source),
        "dependencies": list(side.builds.dependencies),
        "dependencies_cached": side.builds.cached,
    }
    run = side.run
    if run is not None:
        content["run"] = {
            "running": run.running,
            "exit_code": run.exit_code,
            "failure": run.failure,
            "uid": run.uid,
            "command": list(run.command),
            "ports": list(run.ports),
            "port": run.port,
            "ready": run.ready,
            "answers": [
                {"path": answer.path, "status": answer.status, "type": answer.type, "stable": answer.stable}
                for answer in run.answers
            ],
            "health": run.health,
            "healthy": run.healthy,
            "stop": {"seconds": run.stop.seconds, "exit_code": run.stop.exit_code} if run.stop is not None else None,
            "reaps": run.reaps,
            "log": _tail(run.log),
        }
    if side.log:
        content["log"] = _tail(side.log)
    return content


def _tail(log: str) -> list[str]:
    return [line for line in map(normal.plain, log.splitlines()) if line][-_LOG_LINES:]
