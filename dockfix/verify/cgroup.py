"""Control groups: limits that the kernel holds sets of processes to, by the files in which its two versions have them.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
and https://docs.kernel.org/admin-guide/cgroup-v1/pids.html.
"""

from __future__ import annotations

import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from dockfix.verify.limits import Limits

Resource = Literal["memory", "pids"]

MOUNTS = Path("/proc/self/mounts")
OWN = Path("/proc/self/cgroup")

_CONTROLLERS: tuple[Resource, ...] = ("memory", "pids")
_REMOVALS = 60
_REMOVAL_SECONDS = 0.05
_SILENT = "this machine has no control groups for memory and processes"
_CLOSED = "only root may make control groups here"


class CgroupError(Exception):
    """Builds cannot be held in a control group; the message says why."""


@dataclass(frozen=True, slots=True)
class Hierarchy(ABC):
    """The control groups of this machine.

    Attributes:
        memory: the folder in which groups are made that limit memory.
        pids: the one in which groups are made that limit processes; in version 2 the same.
        others: the folders in which an engine makes a group as well.
        above: the group below which groups are made here; empty for the uppermost.
    """

    memory: Path
    pids: Path
    others: tuple[Path, ...] = ()
    above: str = ""

    @abstractmethod
    def limit(self, name: str, limits: Limits) -> None:
        """Make the group *name* with its limits. Raises OSError where the kernel refuses."""

    @abstractmethod
    def starving(self, name: str) -> AbstractContextManager[Callable[[], bool]]:
        """What tells whether a process of the group was ended from now on because the group had no memory left."""

    def path(self, name: str) -> str:
        """The group as an engine on this machine calls it."""
        return f"{self.above}/{name}"

    @contextmanager
    def group(self, name: str, limits: Limits) -> Iterator[Callable[[], Resource | None]]:
        """A group with limits, which is removed at the end; yields what tells of what there was not enough in it.

        A fork that was refused is told by Linux 6.1 and later alone: before, only the group that is refused counts,
        which is a child that the engine has removed by then.

        Raises:
            OSError: the kernel refuses.
        """
        self.remove(name)  # one that was left has counted already
        self.limit(name, limits)
        try:
            with self.starving(name) as starved:
                yield lambda: "memory" if starved() else "pids" if self._crowded(name) else None
        finally:
            self.remove(name)

    def remove(self, name: str) -> int:
        """Remove a group and all below it, with the processes that are still there; how many groups there were."""
        found = 0
        for _ in range(_REMOVALS):
            groups = list(self.groups(name))
            found = max(found, len(groups))
            for group in groups:
                with suppress(OSError):
                    group.rmdir()
            if not any(group.exists() for group in groups):
                break
            self._end(name)
            time.sleep(_REMOVAL_SECONDS)
        return found

    def groups(self, name: str) -> Iterator[Path]:
        """The folders of a group and all below it, the deepest first; that of memory, which is locked, last."""
        for root in dict.fromkeys((*self.others, self.pids, self.memory)):
            for folder, _, _ in os.walk(root / name, topdown=False):
                yield Path(folder)

    def _end(self, name: str) -> None:
        """End the processes of a group and all below it."""
        switch = self.memory / name / "cgroup.kill"
        if switch.exists():
            with suppress(OSError):
                switch.write_text("1")
            return
        for folder, _, _ in os.walk(self.memory / name):
            with suppress(OSError):
                for process in Path(folder, "cgroup.procs").read_text().split():
                    if process != "0":  # of another name space
                        os.kill(int(process), signal.SIGKILL)

    def _crowded(self, name: str) -> bool:
        """Whether the group had as many processes as it may have."""
        folder = self.pids / name
        peak = _told(folder / "pids.peak")
        return bool(_counts(folder / "pids.events").get("max") or (peak and peak == _told(folder / "pids.max")))


@dataclass(frozen=True, slots=True)
class Unified(Hierarchy):
    """Version 2: all controllers in one hierarchy, each turned on by the group above."""

    def limit(self, name: str, limits: Limits) -> None:
        """Turn the controllers on for it, which stay on for the group above: others may rely on them by now."""
        folder = self.memory / name
        for parent in reversed(folder.relative_to(self.memory).parents):
            (self.memory / parent).mkdir(exist_ok=True)
            control = self.memory / parent / "cgroup.subtree_control"
            missing = [each for each in _CONTROLLERS if each not in control.read_text().split()]
            if missing:
                control.write_text(" ".join(f"+{each}" for each in missing))
        folder.mkdir(exist_ok=True)
        if limits.bytes:
            _write(folder / "memory.max", limits.bytes)
            _write(folder / "memory.swap.max", 0, optional=True)
        if limits.pids:
            _write(folder / "pids.max", limits.pids)

    @contextmanager
    def starving(self, name: str) -> Iterator[Callable[[], bool]]:
        """By the group's own counters: ``oom`` counts that it had none left, and not that the machine had."""
        events = self.memory / name / "memory.events"
        yield lambda: all(_counts(events).get(key) for key in ("oom", "oom_kill"))


@dataclass(frozen=True, slots=True)
class Legacy(Hierarchy):
    """Version 1: a hierarchy for each controller."""

    def limit(self, name: str, limits: Limits) -> None:
        """With the limit of memory before that of memory and swap, which must not be less."""
        memory, pids = self.memory / name, self.pids / name
        memory.mkdir(parents=True, exist_ok=True)
        pids.mkdir(parents=True, exist_ok=True)
        if limits.bytes:
            _write(memory / "memory.use_hierarchy", 1, optional=True)
            _write(memory / "memory.limit_in_bytes", limits.bytes)
            _write(memory / "memory.memsw.limit_in_bytes", limits.bytes, optional=True)
        if limits.pids:
            _write(pids / "pids.max", limits.pids)

    @contextmanager
    def starving(self, name: str) -> Iterator[Callable[[], bool]]:
        """By an event of the kernel: ``oom_kill`` counts for the process's own group alone, a child that is gone."""
        folder = self.memory / name
        event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        try:
            with (folder / "memory.oom_control").open() as control:
                _write(folder / "cgroup.event_control", f"{event} {control.fileno()}")
                yield lambda: _happened(event)
        finally:
            os.close(event)


def hierarchy() -> Hierarchy:
    """The control groups of this machine.

    Raises:
        CgroupError: it has none for memory and processes, or they may not be written to.
    """
    try:
        mounts = [line.split() for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        raise CgroupError(_SILENT) from None
    places = {Path(place): set(options.split(",")) for _, place, kind, options, *_ in mounts if kind == "cgroup"}
    unified = [Path(place) for _, place, kind, *_ in mounts if kind == "cgroup2"]
    found = [next((place for place, has in places.items() if each in has), None) for each in _CONTROLLERS]
    memory, pids = found
    if memory is not None and pids is not None:
        if not all(os.access(place, os.W_OK) for place in (memory, pids)):
            raise CgroupError(_CLOSED)
        return Legacy(memory, pids, (*unified, *places))
    for root in unified:
        if set(_CONTROLLERS) <= set(_told(root / "cgroup.controllers").split()):
            above = _writable(root)
            return Unified(root / above, root / above, above=f"/{above}" if above else "")
    raise CgroupError(_SILENT)


def _writable(root: Path) -> str:
    """The uppermost group in which this process may make others: the root, or one that was delegated to it.

    The uppermost, since its name is the same from one run to the next.
    """
    own = next((line[3:] for line in _told(OWN).splitlines() if line.startswith("0::")), "/")
    parts = PurePosixPath(own).parts[1:]
    for depth in range(len(parts) + 1):
        above = "/".join(parts[:depth])
        if ".." not in parts[:depth] and os.access(root / above, os.W_OK):
            return above
    raise CgroupError(_CLOSED)


def _write(file: Path, value: object, *, optional: bool = False) -> None:
    """Write to a file of the kernel's; to one that it may lack only where it is there."""
    if not optional or file.exists():
        file.write_text(str(value))


def _told(file: Path) -> str:
    """What a file of the kernel's says; nothing where it lacks it."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _counts(file: Path) -> dict[str, int]:
    """The counters of a file, each in a line with its name."""
    return {name: int(count) for name, count in map(str.split, _told(file).splitlines())}


def _happened(event: int) -> bool:
    try:
        return os.eventfd_read(event) > 0
    except BlockingIOError:
        return False
