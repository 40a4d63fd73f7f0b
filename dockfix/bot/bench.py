"""A process of the workshop: takes a job from its input, makes plans, and answers on its output."""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from dockfix.bot.findings import Findings
    from dockfix.bot.forge import Entry
    from dockfix.bot.settings import Settings

WIDTH = 8
"""Bytes of the length before each message."""
MEMORY = 3_000_000_000
"""The most memory of such a process, where the system can bound it."""


@dataclass(frozen=True, slots=True)
class Job:
    """A repository to plan: its tree, and what the operator asks for."""

    entries: dict[str, Entry]
    settings: Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """A blob is needed."""

    sha: str


@dataclass(frozen=True, slots=True)
class Blob:
    """The blob."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """The findings."""

    findings: Findings


@dataclass(frozen=True, slots=True)
class Refused:
    """The tree is not one to plan."""

    why: str


@dataclass(frozen=True, slots=True)
class Broken:
    """dockfix itself failed."""

    why: str


def main() -> None:
    """Work until the input ends."""
    # Nothing that a library prints may get between the messages.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _bound_memory()
    while (job := _receive(sys.stdin.buffer)) is not None:
        assert isinstance(job, Job)
        _send(answers, _worked(job, answers))


def _worked(job: Job, answers: BinaryIO) -> Done | Refused | Broken:
    from dockfix.bot.findings import findings
    from dockfix.bot.tree import TreeError, TreeFiles

    def fetch(sha: str) -> bytes:
        _send(answers, Wanted(sha))
        message = _receive(sys.stdin.buffer)
        if not isinstance(message, Blob):
            raise SystemExit  # the other side has given the job up
        return message.data

    try:
        return Done(findings(TreeFiles(job.entries, fetch), job.settings))
    except TreeError as error:
        return Refused(str(error))
    except Exception as error:  # told to whom the repository matters; the next one is another story
        return Broken(f"{type(error).__name__}: {error}")


def _send(stream: BinaryIO, message: object) -> None:
    data = pickle.dumps(message)
    stream.write(len(data).to_bytes(WIDTH, "big") + data)
    stream.flush()


def _receive(stream: BinaryIO) -> object:
    """The next message, from the process that started this one; ``None`` at the end."""
    length = stream.read(WIDTH)
    if len(length) < WIDTH:
        return None
    message: object = pickle.loads(stream.read(int.from_bytes(length, "big")))  # noqa: S301
    return message


def _bound_memory() -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, most))


if __name__ == "__main__":
    # Messages name their classes by module, and this one must have but one name.
    from dockfix.bot.bench import main as start

    start()
