"""Running a command so that no child outlives an interruption."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HEARING_SECONDS = 0.5
"""How often whoever waits hears what a command has printed so far."""

PATIENCE = 10.0
"""Seconds that an interrupted command gets to call off what it began on the engine, before it is killed."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command that ended left: its exit code and its two streams."""

    code: int
    output: str
    errors: str


def execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    timeout: float,
    errors: Literal["apart", "merged"] = "apart",
    hear: Callable[[str], None] | None = None,
    folder: Path | None = None,
) -> Done:
    """Run *command* to its end.

    The child has a session of its own, so that the terminal's interrupt reaches dockfix alone, which then hands it on
    and waits: a client that is killed outright leaves its request running on the engine.

    Args:
        command: the program and its arguments; no shell reads them.
        environment: the child's whole environment.
        timeout: seconds after which it is called off.
        errors: whether standard error is kept apart or mixed into the output as it comes.
        hear: told the whole output so far, again and again while the command runs.
        folder: where it runs; by default where dockfix does.

    Raises:
        subprocess.TimeoutExpired: it took longer.
        OSError: it cannot be run.
    """
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors == "merged" else subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    with process:
        try:
            output, complaints = _finished(process, timeout, hear)
        except subprocess.TimeoutExpired as late:
            late.output = _call_off(process) or late.output
            raise
        except BaseException:
            _call_off(process)
            raise
    return Done(process.returncode, output, complaints or "")


def _finished(
    process: subprocess.Popen[str], timeout: float, hear: Callable[[str], None] | None
) -> tuple[str, str | None]:
    """What a command prints until it ends."""
    deadline = time.monotonic() + timeout
    while hear is not None and time.monotonic() + HEARING_SECONDS < deadline:
        try:
            return process.communicate(timeout=HEARING_SECONDS)
        except subprocess.TimeoutExpired as waiting:
            # bytes, whatever the process was asked for: https://github.com/python/cpython/issues/87597
            hear(waiting.output.decode("utf-8", "replace") if isinstance(waiting.output, bytes) else "")
    return process.communicate(timeout=max(0.0, deadline - time.monotonic()))


def _call_off(process: subprocess.Popen[str]) -> str:
    """End a command; what it had printed."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]
