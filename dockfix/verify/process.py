"""Running a command so that no child outlives an interruption."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
) -> Done:
    """Run *command* to its end.

    The child has a session of its own, so that the terminal's interrupt reaches dockfix alone, which then hands it on
    and waits: a client that is killed outright leaves its request running on the engine.

    Args:
        command: the program and its arguments; no shell reads them.
        environment: the child's whole environment.
        timeout: seconds after which it is called off.
        errors: whether standard error is kept apart or mixed into the output as it comes.

    Raises:
        subprocess.TimeoutExpired: it took longer.
        OSError: it cannot be run.
    """
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors == "merged" else subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    with process:
        try:
            output, complaints = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as late:
            late.output = _call_off(process) or late.output
            raise
        except BaseException:
            _call_off(process)
            raise
    return Done(process.returncode, output, complaints or "")


def _call_off(process: subprocess.Popen[str]) -> str:
    """End a command; what it had printed."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]
