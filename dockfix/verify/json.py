"""Verifications as one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.verify import normal
from dockfix.verify.answer import Answer
from dockfix.verify.comparison import Verdict
from dockfix.verify.image import ImageFacts
from dockfix.verify.observation import Observation
from dockfix.verify.result import Layer, Stopped
from dockfix.verify.shape import KIND, NUMBER, TEXT, TRUTH, Shape, listed, mapped, maybe, rarely, record
from dockfix.verify.verification import Builds, Side, Step, Verification

if TYPE_CHECKING:
    from dockfix.report.record import Failure, Omission
    from dockfix.verify.limits import Limits

VERSION = 2
"""The version of the document's shape; a key that goes or changes its meaning raises it."""

_LOG_LINES = 40


def _tail(log: str) -> list[str]:
    return [line for line in map(normal.plain, log.splitlines()) if line][-_LOG_LINES:]


_LINES = Shape(lambda value, place: "\n".join(listed(TEXT).read(value, place)), _tail)
_ANSWER = record(
    partial(Answer, body=""),
    path=TEXT,
    status=NUMBER,
    type=TEXT,
    stable=TRUTH,
    turned=maybe(NUMBER),
    location=maybe(TEXT, ""),
    follows=maybe(TEXT, ""),
)
_RUN = record(
    Observation,
    running=TRUTH,
    exit_code=maybe(NUMBER),
    failure=TEXT,
    starved=maybe(TEXT, ""),
    uid=maybe(NUMBER),
    command=listed(TEXT),
    ports=listed(NUMBER),
    port=maybe(NUMBER),
    ready=maybe(NUMBER),
    answers=listed(_ANSWER),
    replies=maybe(listed(NUMBER), ()),
    unserved=maybe(mapped(TEXT), {}),
    health=maybe(TEXT),
    healthy=maybe(NUMBER),
    stop=maybe(record(Stopped, seconds=NUMBER, exit_code=NUMBER)),
    reaps=maybe(TRUTH),
    files=maybe(mapped(TRUTH), {}),
    log=_LINES,
)
_LAYER = record(Layer, {"instruction": "created_by"}, instruction=TEXT, size=NUMBER)
_BUILDS = record(
    Builds,
    {"dependencies_cached": "cached"},
    cold=maybe(NUMBER),
    source=listed(NUMBER),
    dependencies=listed(NUMBER),
    dependencies_cached=maybe(TRUTH),
    repeated=maybe(listed(TEXT)),
)
_SIDE = record(
    Side,
    image=rarely(record(ImageFacts, size=NUMBER, layers=NUMBER, biggest=listed(_LAYER))),
    builds=_BUILDS,
    run=rarely(_RUN),
    log=rarely(_LINES, ""),
)
_JUDGED = {"verdict": "verdict.kind", "reasons": "verdict.reasons", "remarks": "verdict.remarks"}
_STEP = record(
    lambda kind, reasons, size: Step(Verdict(kind, reasons), size),
    _JUDGED,
    verdict=KIND,
    reasons=listed(TEXT),
    size=maybe(NUMBER),
)
_FILES = listed(
    record(
        lambda kind, reasons, remarks, **others: Verification(verdict=Verdict(kind, reasons, remarks), **others),
        _JUDGED,
        path=TEXT,
        verdict=KIND,
        reasons=listed(TEXT),
        remarks=listed(TEXT),
        before=_SIDE,
        after=_SIDE,
        changed=listed(TEXT),
        steps=mapped(_STEP),
        culprits=listed(TEXT),
        seconds=Shape(NUMBER.read, lambda value: round(value, 2)),
        rewrite=TEXT,
    )
)
"""What was found of each Dockerfile."""


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
        "files": _FILES.write(verifications),
        "errors": [{"path": each.path, "line": each.line, "message": each.message} for each in failures],
        "skipped": [{"path": each.path, "why": each.why} for each in omissions],
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def read(text: str) -> tuple[Verification, ...]:
    """The verifications that a document describes, as far as it does: bodies and configurations are not in it.

    Raises:
        ValueError: *text* is no such document.
    """
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise ValueError(f"its version is {content['version']}, not {VERSION}; measure again")
        found: tuple[Verification, ...] = _FILES.read(content["files"], "files")
        return found
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
