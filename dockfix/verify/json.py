"""Verifications as one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockfix.verify import normal
from dockfix.verify.answer import Answer
from dockfix.verify.comparison import Verdict
from dockfix.verify.image import ImageFacts
from dockfix.verify.observation import Observation
from dockfix.verify.result import Layer, Stopped
from dockfix.verify.shape import VERIFICATIONS
from dockfix.verify.verification import Builds, Side, Step, Verification

if TYPE_CHECKING:
    from dockfix.report.record import Failure, Omission
    from dockfix.verify.limits import Limits

VERSION = 2
"""The version of the document's shape; a key that goes or changes its meaning raises it."""

_LOG_LINES = 40


def document(
    verifications: Iterable[Verification],
    failures: Iterable[Failure] = (),
    omissions: Iterable[Omission] = (),
    *,
    build_limits: Limits | None = None,
    unheld: str = "",
) -> str:
    """The document that describes what was verified, with a final newline. Sizes are bytes, times seconds.

    ``build_limits`` are those that builds were held to, and ``unheld`` tells why they were not.
    """
    content = {
        "version": VERSION,
        "build_limits": {"memory": build_limits.memory, "pids": build_limits.pids}
        if build_limits is not None
        else None,
        "build_limits_missing": unheld or None,
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
        "steps": {
            id: {"verdict": each.verdict.kind, "reasons": list(each.verdict.reasons), "size": each.size}
            for id, each in found.steps.items()
        },
        "culprits": list(found.culprits),
        "seconds": round(found.seconds, 2),
        "rewrite": found.rewrite,
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
        "repeated": list(side.builds.repeated) if side.builds.repeated is not None else None,
    }
    run = side.run
    if run is not None:
        content["run"] = {
            "running": run.running,
            "exit_code": run.exit_code,
            "failure": run.failure,
            "starved": run.starved,
            "uid": run.uid,
            "command": list(run.command),
            "ports": list(run.ports),
            "port": run.port,
            "ready": run.ready,
            "answers": [
                {
                    "path": answer.path,
                    "status": answer.status,
                    "type": answer.type,
                    "stable": answer.stable,
                    "turned": answer.turned,
                    "location": answer.location,
                    "follows": answer.follows,
                }
                for answer in run.answers
            ],
            "replies": list(run.replies),
            "unserved": dict(run.unserved),
            "health": run.health,
            "healthy": run.healthy,
            "stop": {"seconds": run.stop.seconds, "exit_code": run.stop.exit_code} if run.stop is not None else None,
            "reaps": run.reaps,
            "files": dict(run.files),
            "log": _tail(run.log),
        }
    if side.log:
        content["log"] = _tail(side.log)
    return content


def read(text: str) -> tuple[Verification, ...]:
    """The verifications that a document describes, as far as it does: bodies and configurations are not in it.

    Raises:
        ValueError: *text* is no such document.
    """
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise ValueError(f"its version is {content['version']}, not {VERSION}; measure again")
        VERIFICATIONS(content["files"], "files")
        return tuple(map(_read_verification, content["files"]))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("it is no report of dockfix verify") from error


def taken(path: str) -> dict[str, Verification]:
    """What a file with such a document measured, by the fingerprints of the rewrites.

    Raises:
        ValueError: it cannot be read, or is something else.
    """
    try:
        found = read(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise ValueError("it is no text in UTF-8") from None
    return {each.rewrite: each for each in found if each.before.image is not None}


def _read_verification(content: Mapping[str, Any]) -> Verification:
    return Verification(
        content["path"],
        Verdict(content["verdict"], tuple(content["reasons"]), tuple(content["remarks"])),
        _read_side(content["before"]),
        _read_side(content["after"]),
        tuple(content["changed"]),
        {id: _read_step(each) for id, each in content["steps"].items()},
        tuple(content["culprits"]),
        content["seconds"],
        content["rewrite"],
    )


def _read_step(content: Mapping[str, Any]) -> Step:
    return Step(Verdict(content["verdict"], tuple(content["reasons"])), content["size"])


def _read_side(content: Mapping[str, Any]) -> Side:
    image, run = content.get("image"), content.get("run")
    layers = [Layer(each["instruction"], each["size"]) for each in image["biggest"]] if image else []
    return Side(
        ImageFacts(image["size"], image["layers"], tuple(layers)) if image else None,
        _read_run(run) if run else None,
        _read_builds(content["builds"]),
        "\n".join(content.get("log", ())),
    )


def _read_builds(content: Mapping[str, Any]) -> Builds:
    source, dependencies = tuple(content["source"]), tuple(content["dependencies"])
    repeated = content.get("repeated")
    return Builds(
        content["cold"],
        source,
        dependencies,
        content["dependencies_cached"],
        tuple(repeated) if repeated is not None else None,
    )


def _read_run(content: Mapping[str, Any]) -> Observation:
    stop = content["stop"]
    return Observation(
        running=content["running"],
        exit_code=content["exit_code"],
        failure=content["failure"],
        starved=content.get("starved") or "",
        log="\n".join(content["log"]),
        uid=content["uid"],
        command=tuple(content["command"]),
        ports=tuple(content["ports"]),
        port=content["port"],
        ready=content["ready"],
        replies=tuple(content.get("replies", ())),
        answers=tuple(map(_read_answer, content["answers"])),
        unserved=dict(content.get("unserved", {})),
        health=content["health"],
        healthy=content["healthy"],
        stop=Stopped(stop["seconds"], stop["exit_code"]) if stop else None,
        reaps=content["reaps"],
        files=dict(content.get("files", {})),
    )


def _read_answer(content: Mapping[str, Any]) -> Answer:
    return Answer(
        content["path"],
        content["status"],
        content["type"],
        "",
        stable=content["stable"],
        turned=content.get("turned"),
        location=content.get("location", ""),
        follows=content.get("follows", ""),
    )


def _tail(log: str) -> list[str]:
    return [line for line in map(normal.plain, log.splitlines()) if line][-_LOG_LINES:]
