"""A line that tells how far a long run is, on a terminal alone."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from dockfix.report.text import printable

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
        visible = number <= total and time.monotonic() - began > PATIENCE
        if visible:
            status(f"dockfix: {number} of {total}")
        try:
            result = next(iterator)
        except StopIteration:
            return
        finally:
            if visible:
                status("")
        yield result


def status(words: str) -> None:
    """Show *words* on the terminal in place of those before, cut to its width; none clear the line."""
    width = shutil.get_terminal_size().columns - 1
    sys.stderr.write(f"\r\x1b[K{printable(words)[:width]}")
    sys.stderr.flush()
