"""A process of the workshop: takes a job from its input, makes plans, and answers on its output.

What comes in is pickled by the process that started this one. What goes out is plain data, whoever wrote it: here
strangers' files are parsed, so an answer may be theirs.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from dockfix.bot.findings import Findings, findings
from dockfix.bot.forge import Entry
from dockfix.bot.plaindata import dumped
from dockfix.bot.settings import Settings
from dockfix.bot.tree import TreeError, TreeFiles

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
class Blob:
    """The blob."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One of four things.

    Attributes:
        wanted: a blob is needed.
        done: the findings.
        refused: why the tree is not one to plan.
        broken: how dockfix itself failed.
    """

    wanted: str | None = None
    done: Findings | None = None
    refused: str | None = None
    broken: str | None = None


def main() -> None:
    """Work until the input ends."""
    # Nothing that a library prints may get between the messages.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _bound_memory()
    while (job := _receive(sys.stdin.buffer)) is not None:
        assert isinstance(job, Job)
        _send(answers, _worked(job, answers))


def _worked(job: Job, answers: BinaryIO) -> Answer:
    def fetch(sha: str) -> bytes:
        _send(answers, Answer(wanted=sha))
        message = _receive(sys.stdin.buffer)
        if not isinstance(message, Blob):
            raise SystemExit  # the other side has given the job up
        return message.data

    try:
        return Answer(done=findings(TreeFiles(job.entries, fetch), job.settings))
    except TreeError as error:
        return Answer(refused=str(error))
    except Exception as error:  # told to whom the repository matters; the next one is another story
        return Answer(broken=f"{type(error).__name__}: {error}")


def _send(stream: BinaryIO, answer: Answer) -> None:
    data = dumped(answer)
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
