"""What a report of ``dockfix verify`` is made of, looked at before anything is made of one that lies on a disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from dockfix.verify.comparison import Kind

Check = Callable[[Any, str], None]
"""Looks at a value, of which the second argument tells the place. Raises ValueError where it is something else."""

_LARGEST = 2.0**63


def _text(value: Any, place: str) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{place} is no text")


def _kind(value: Any, place: str) -> None:
    if value not in get_args(Kind):
        raise ValueError(f"{place} is no verdict")


def _truth(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{place} is neither true nor false")


def _number(value: Any, place: str) -> None:
    # JSON as Python reads it knows NaN and Infinity, which no measurement comes to, and numbers of any length
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise ValueError(f"{place} is no measured number")


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is no object")
    return value


def _or_null(check: Check) -> Check:
    """A value that may be missing, too."""

    def optional(value: Any, place: str) -> None:
        if value is not None:
            check(value, place)

    return optional


def _listed(check: Check) -> Check:
    def listed(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise ValueError(f"{place} is no list")
        for number, each in enumerate(value):
            check(each, f"{place}[{number}]")

    return listed


def _mapped(check: Check) -> Check:
    """Values of one kind by names of any."""

    def mapped(value: Any, place: str) -> None:
        for name, each in _object(value, place).items():
            check(each, f"{place}.{name}")

    return mapped


def _record(**checks: Check) -> Check:
    def record(value: Any, place: str) -> None:
        found = _object(value, place)
        for name, check in checks.items():
            check(found.get(name), f"{place}.{name}")

    return record


_ANSWER = _record(
    path=_text,
    status=_number,
    type=_text,
    stable=_truth,
    turned=_or_null(_number),
    location=_or_null(_text),
    follows=_or_null(_text),
)
_RUN = _record(
    running=_truth,
    exit_code=_or_null(_number),
    failure=_text,
    starved=_or_null(_text),
    uid=_or_null(_number),
    command=_listed(_text),
    ports=_listed(_number),
    port=_or_null(_number),
    ready=_or_null(_number),
    replies=_or_null(_listed(_number)),
    answers=_listed(_ANSWER),
    unserved=_or_null(_mapped(_text)),
    health=_or_null(_text),
    healthy=_or_null(_number),
    stop=_or_null(_record(seconds=_number, exit_code=_number)),
    reaps=_or_null(_truth),
    files=_or_null(_mapped(_truth)),
    log=_listed(_text),
)
_SIDE = _record(
    image=_or_null(_record(size=_number, layers=_number, biggest=_listed(_record(instruction=_text, size=_number)))),
    builds=_record(
        cold=_or_null(_number),
        source=_listed(_number),
        dependencies=_listed(_number),
        dependencies_cached=_or_null(_truth),
        repeated=_or_null(_listed(_text)),
    ),
    run=_or_null(_RUN),
    log=_or_null(_listed(_text)),
)
_STEP = _record(verdict=_kind, reasons=_listed(_text), size=_or_null(_number))
VERIFICATIONS = _listed(
    _record(
        path=_text,
        verdict=_kind,
        reasons=_listed(_text),
        remarks=_listed(_text),
        before=_SIDE,
        after=_SIDE,
        changed=_listed(_text),
        steps=_mapped(_STEP),
        culprits=_listed(_text),
        seconds=_number,
        rewrite=_text,
    )
)
"""What was found of each Dockerfile."""
