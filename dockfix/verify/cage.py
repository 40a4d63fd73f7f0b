"""The control group in which a run's builds are held to their limits."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.verify.cgroup import CgroupError, Hierarchy, Resource, hierarchy
from dockfix.verify.limits import Limits
from dockfix.verify.result import EngineError

if TYPE_CHECKING:
    from dockfix.verify.engine import Engine

_NAME = "dockfix-{}"
_CAGES = 100
"""So many runs at a time, one more than any machine bears."""

_STEPS = "steps"

# nothing has to be there for it: the engine makes the group before it finds that there is no such program
_PROBE = 'FROM scratch\nRUN ["/nothing"]\n'
_PROBE_SECONDS = 60.0
_AIM = "no such file"
"""What every runtime says of the program, once it has come so far as to start it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Where one build is held.

    Attributes:
        parent: the control group below which its steps belong, as ``--cgroup-parent`` takes it.
        shortage: tells what has not sufficed so far.
    """

    parent: str
    shortage: Callable[[], Resource | None]


class Cage:
    """A control group that one run has to itself, for one build after the other.

    Runs that follow each other use the same name, and those at the same time a number each, told apart by a lock on the
    group's folder: BuildKit takes a step for another, and does it again, where its control group has another name.

    Attributes:
        limits: what a build may use.
        used: whether an engine has put a build into it.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.used = False
        self._hierarchy: Hierarchy | None = None
        self._name = ""
        self._lock: int | None = None

    def take(self) -> None:
        """Make the group. Raises CgroupError where that cannot be."""
        found = hierarchy()
        for number in range(_CAGES):
            # first of all a name: without one, what is removed on an interruption would be the root with all below it
            self._name = _NAME.format(number)
            self._hierarchy = found
            (self._hierarchy.memory / self._name).mkdir(exist_ok=True)
            if self._held():
                return
        raise CgroupError(f"{_CAGES} runs of dockfix have a control group already")

    @contextmanager
    def cell(self) -> Iterator[Cell]:
        """A place for one build, in which nothing has run short so far. Raises OSError where the kernel refuses."""
        assert self._hierarchy is not None
        name = f"{self._name}/build"
        with self._hierarchy.group(name, self.limits) as shortage:
            try:
                # Podman's steps are the group that it is told, and BuildKit's are below it
                yield Cell(self._hierarchy.path(f"{name}/{_STEPS}/step"), shortage)
            finally:
                self.used = self.used or (self._hierarchy.pids / name / _STEPS).exists()

    def clear(self) -> int:
        """Remove the group with all that is in it; how many groups that were."""
        return self._hierarchy.remove(self._name) if self._hierarchy is not None and self._held() else 0

    def remains(self) -> tuple[str, ...]:
        """What is left of the group, in words."""
        groups = self._hierarchy.groups(self._name) if self._hierarchy is not None and self._held() else ()
        return tuple(f"control group left: {group}" for group in groups)

    def release(self) -> None:
        """Leave the name to others."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _held(self) -> bool:
        """Whether the group that has the name now is this run's, or becomes it since it is nobody's."""
        import fcntl  # which Windows has not, nor control groups

        assert self._hierarchy is not None
        folder = self._hierarchy.memory / self._name
        with suppress(OSError):
            if self._lock is None or not os.path.samestat(os.fstat(self._lock), folder.stat()):
                self.release()
                self._lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.path.samestat(os.fstat(self._lock), folder.stat())
        return False


def caged(engine: Engine, cage: Cage) -> Engine:
    """*engine*, whose builds are held in *cage*.

    Raises:
        CgroupError: they cannot be; the message says why.
    """
    reason = engine.apart()
    if reason:
        raise CgroupError(reason)
    try:
        cage.take()
        inside = replace(engine, cage=cage)
        with tempfile.TemporaryDirectory(dir=engine.scratch) as folder:
            Path(folder, "Dockerfile").write_text(_PROBE, encoding="ascii")
            tried = inside.build(Path(folder), timeout=_PROBE_SECONDS)
    except EngineError as error:
        raise CgroupError(_untried(str(error))) from error
    except OSError as error:
        raise CgroupError(f"this machine's control groups cannot be used ({error.strerror or error})") from error
    if cage.used:
        return inside
    if _AIM in tried.log.lower():
        raise CgroupError("the engine's control groups are not this machine's")
    raise CgroupError(_untried(tried.reason))


def _untried(reason: str) -> str:
    return f"the build that tries whether they can be held failed: {reason}"


def shortage(resource: Resource, limits: Limits) -> str:
    """What to say of a build that had not enough."""
    if resource == "memory":
        return f"ran out of the {limits.memory} of memory that a build is given (--build-memory)"
    return f"ran out of the {limits.pids} processes that a build is given (--build-pids)"
