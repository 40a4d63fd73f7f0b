"""A line that tells how far a long run is, on a terminal alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 1.0
"""Seconds before the line is shown; most runs are over by then."""


def progress(results: Iterable[T], total: int, *, shown: bool) -> Iterator[T]:
    """*results*, each worked out when it is asked for, with a line on standard error while they take long.

    The line is gone whenever a result is handed out, so that it never mixes with what the caller prints.

    Args:
        results: what a lazy iterable yields.
        total: how many there will be.
        shown: whether standard error is a terminal that wants the line.
    """
    if not shown:
        yield from results
        return
    began = time.monotonic()
    number = 0
    iterator = iter(results)
    while True:
        number += 1
        visible = time.monotonic() - began > PATIENCE
        if visible:
            _show(f"\rdockfix: {number} of {total}")
        try:
            result = next(iterator)
        except StopIteration:
            return
        finally:
            if visible:
                _show("\r\x1b[K")
        yield result


def _show(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
