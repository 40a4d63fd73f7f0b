"""One run of dockfix on one real Dockerfile, and a second on what came out."""

from __future__ import annotations

import re
import signal
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dockfix.api import Repository
from dockfix.dockerfile import DockerfileError
from dockfix.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

    from corpus import Entry

    from dockfix.engine import Plan

End = Literal["changed", "unchanged", "rejected", "defect", "crashed"]

LIMIT = 60.0
"""Seconds after which a run counts as crashed: nobody waits longer for one file."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a transform said of one place; as :class:`dockfix.engine.Outcome`, in plain values."""

    transform: str
    kind: str
    line: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one Dockerfile.

    Attributes:
        end: how the run ended.
        seconds: how long the first run took.
        before: the text as it was.
        after: the text as it would be written.
        files: companion files, path to their old text (``None`` where new) and new text.
        steps: the text after each transform that changed something, by id.
        said: everything that the transforms said.
        trouble: the rejection, defect or traceback, by its culprit: a transform's id, else ``engine`` or ``parser``.
        again: the transforms that changed something in a second run, or a culprit that stopped it, with why.
    """

    end: End
    seconds: float
    before: str
    after: str
    files: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    steps: tuple[tuple[str, str], ...] = ()
    said: tuple[Said, ...] = ()
    trouble: tuple[str, str] | None = None
    again: tuple[tuple[str, str], ...] = ()


class OverdueError(BaseException):
    """The run took longer than :data:`LIMIT`; no ``except Exception`` of the tool may swallow it."""


def attempt(entry: Entry) -> Trial:
    """Run dockfix on *entry* as ``dockfix PATH`` would, in its own repository; nothing is written."""
    before = entry.place.read_bytes().decode("utf-8", "surrogateescape")
    repository = Repository(entry.root)
    start = time.perf_counter()
    try:
        with _limited():
            plan = repository.plan(entry.place, Options())
    except DockerfileError as error:
        return Trial("rejected", time.perf_counter() - start, before, before, trouble=("parser", error.message))
    except (Exception, OverdueError) as error:
        return Trial("crashed", time.perf_counter() - start, before, before, trouble=_blame(error))
    seconds = time.perf_counter() - start
    said = tuple(Said(each.transform, each.kind, each.line, each.why) for each in plan.outcomes)
    if plan.defects:
        defect = plan.defects[0]
        return Trial("defect", seconds, before, before, said=said, trouble=(defect.transform, defect.message))
    if not plan.changed:
        return Trial("unchanged", seconds, before, before, said=said)
    files = {path: (plan.originals[path], text) for path, text in plan.files.items()}
    again = tuple(_again(repository, entry, plan))
    return Trial("changed", seconds, before, plan.after, files, plan.steps, said, None, again)


def lost_comments(before: str, after: str) -> list[str]:
    """Comment lines of *before* that *after* holds less often, whatever their indentation.

    Lines are counted as they stand, without asking dockfix what a comment is; a line of a here-document that looks like
    one has to survive as well.
    """
    return list((_comments(before) - _comments(after)).elements())


def culprit(steps: Sequence[tuple[str, str]], is_bad: Sequence[bool]) -> str:
    """The transform after which the text was bad for the first time."""
    return next((id for (id, _), bad in zip(steps, is_bad, strict=True) if bad), "engine")


def _again(repository: Repository, entry: Entry, plan: Plan) -> Iterator[tuple[str, str]]:
    """What a second run, which sees the companion files of the first, would change."""
    repository.take(plan.files)
    try:
        with _limited():
            second = repository.plan(entry.place, Options(), source=plan.after.encode("utf-8", "surrogateescape"))
    except DockerfileError as error:
        yield "engine", error.message
        return
    except (Exception, OverdueError) as error:
        yield _blame(error)
        return
    yield from ((defect.transform, defect.message) for defect in second.defects)
    if second.changed:
        yield from ((each.transform, each.why) for each in second.outcomes if each.kind == "applied")


def _blame(error: BaseException) -> tuple[str, str]:
    """The transform in whose module the deepest frame of a traceback lies, and the traceback's gist."""
    frames = traceback.extract_tb(error.__traceback__)
    modules = [match[1] for frame in frames if (match := re.search(r"/transforms/(\w+)\.py$", frame.filename))]
    deepest = frames[-1] if frames else None
    place = f"{deepest.filename.rpartition('/dockfix/')[2]}:{deepest.lineno}" if deepest else "?"
    gist = str(error).splitlines()[0] if str(error) else ""
    return (modules[-1].replace("_", "-") if modules else "engine"), f"{type(error).__name__} at {place}: {gist}"


def _comments(text: str) -> Counter[str]:
    return Counter(line.strip() for line in text.split("\n") if line.lstrip().startswith("#"))


@contextmanager
def _limited() -> Iterator[None]:
    def ring(signum: int, frame: FrameType | None) -> None:
        raise OverdueError(f"longer than {LIMIT:.0f} s")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
