"""What an engine answers: values that every engine's module makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dockfix.verify.credentials import masked


class EngineError(Exception):
    """The engine refused a command, or a container did not do what was waited for."""


class StartError(EngineError):
    """A container could not be started, which is what its image is at fault for: no such command, no such user."""


class TimedOutError(EngineError):
    """A command took too long.

    Attributes:
        reason: how long was too long.
        output: what it had printed by then.
    """

    def __init__(self, command: str, seconds: float, output: str | bytes | None) -> None:
        self.reason = f"not done after {seconds:.0f} seconds"
        self.output = masked(output.decode("utf-8", "replace") if isinstance(output, bytes) else output or "")
        super().__init__(f"{command}: {self.reason}")


class Response(NamedTuple):
    """An HTTP answer; header names are in lower case, and cookies in a line each."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stopped(NamedTuple):
    """How long a container took to stop, in seconds, and the exit code of its first process."""

    seconds: float
    exit_code: int


class Layer(NamedTuple):
    """A layer of an image: the instruction that made it, and its size in bytes."""

    created_by: str
    size: int


class Executed(NamedTuple):
    """A command's exit code and everything that it printed."""

    exit_code: int
    output: str


class BuildStep(NamedTuple):
    """A RUN of a build, and whether it came from the cache."""

    command: str
    cached: bool


class MissingBase(NamedTuple):
    """A base image that a build could not get, and whether its registry said that there is none."""

    image: str
    denied: bool


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A build.

    Attributes:
        ok: whether it succeeded.
        image: the image's id; empty where it failed.
        seconds: how long it took.
        log: what the builder printed.
        steps: its RUNs.
        cached_steps: how many steps of any kind came from the cache.
        reason: why it failed, or what it had not enough of, in a line.
        missing: the base that it lacked, if that is why.
        timed_out: whether it was called off because it took too long.
        starved: whether it had not enough of what a build may use.
        outage: what it said of a download that was lost, where it failed.
    """

    ok: bool
    image: str
    seconds: float
    log: str
    steps: tuple[BuildStep, ...] = ()
    cached_steps: int = 0
    reason: str = ""
    missing: MissingBase | None = None
    timed_out: bool = False
    starved: bool = False
    outage: str = ""
