"""Where a verification works: a temporary folder and a label, and nothing of either is left behind."""

from __future__ import annotations

import atexit
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from dockfix.verify.abandoned import LABEL, PREFIX, claim, remove, sweep
from dockfix.verify.cage import Cage, caged
from dockfix.verify.cgroup import CgroupError
from dockfix.verify.engine import Engine
from dockfix.verify.process import PATIENCE
from dockfix.verify.result import EngineError

_ASKING = ("SIGINT", "SIGTERM")
"""How people and init systems ask to end, heeded even where a shell ignores it for whatever runs behind it."""
_ENDING = (
    *("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSTKFLT"),
    *("SIGXCPU", "SIGBREAK"),
)
"""Others that end a process which does nothing about them, but for those that tell of its own faults:
https://man7.org/linux/man-pages/man7/signal.7.html"""
_REAL_TIME = range(getattr(signal, "SIGRTMIN", 0), getattr(signal, "SIGRTMAX", -1) + 1)
"""Those between the first and the last, which end it as well, have no names."""
_CALM_SECONDS = 0.5
_IMPATIENT_SECONDS = PATIENCE + 5.0
"""After so long whatever was running has been called off, so that one who asks again has not been heard."""
_CALM_LOOKS = 1
_LATE_LOOKS = 10
"""So often nothing must be found again, where the engine did not answer in time and may make yet what was asked."""
_SWEEPS = 8


class Interrupted(KeyboardInterrupt):
    """A signal asked dockfix to end; ``str()`` is its name."""

    def __init__(self, number: int) -> None:
        named = number in tuple(signal.Signals)
        super().__init__(signal.Signals(number).name if named else f"SIGRTMIN+{number - _REAL_TIME.start}")
        self.number = number


@dataclass(frozen=True, slots=True)
class Workspace:
    """A run's folder, network and engine.

    Attributes:
        folder: a temporary folder.
        engine: the engine; everything that it makes bears the run's label.
        network: the network in which containers run.
        alone: whether it was made for this run, so that nobody else is there.
        unheld: why builds are limited in time alone, where they should be limited in what they use as well.
    """

    folder: Path
    engine: Engine
    network: str
    alone: bool
    unheld: str = ""


@dataclass
class _Guard:
    """Turns a signal into an exception, and the ones soon after it, or during the sweep, into nothing.

    Those that come later raise again: Python swallows what is raised while it collects garbage
    (https://docs.python.org/3/library/sys.html#sys.unraisablehook), and then the run goes on.
    """

    caught: int | None = None
    since: float = 0.0
    closing: bool = False
    previous: dict[int, Any] = field(default_factory=dict)

    def install(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        asking = _numbers(_ASKING)
        for number in (*asking, *_numbers(_ENDING), *_REAL_TIME):
            # a hang-up that nohup ignores stays ignored
            if number in asking or signal.getsignal(number) is not signal.SIG_IGN:
                self.previous[number] = signal.signal(number, self)

    def restore(self) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.caught is None or now - self.since > _IMPATIENT_SECONDS:
            self.caught, self.since = number, now
            if not self.closing:
                raise Interrupted(number)


def _numbers(names: Iterable[str]) -> tuple[int, ...]:
    """Those of the signals that there are here."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


@contextmanager
def workspace(
    engine: Engine,
    network: str | None = None,
    *,
    run: str | None = None,
    tell: Callable[[str], object] = lambda words: None,
) -> Iterator[Workspace]:
    """A folder, a label and a network; on leaving, however it is left, everything made with them is removed.

    Args:
        engine: the engine to work with.
        network: an existing network for the containers; by default one is made that has no way out.
        run: the run's name; by default a new one.
        tell: told, in a line each, what could not be removed.

    Raises:
        EngineError: the network cannot be made, or does not exist.
        Interrupted: a signal asked to end; everything has been removed by then, but for what *tell* was told.
    """
    run = run or os.urandom(6).hex()
    folder = Path(tempfile.gettempdir(), f"{PREFIX}{run}")
    labelled = replace(engine, label=f"{LABEL}={run}", scratch=folder, overdue=[])
    limits = engine.build_limits
    cage = Cage(limits) if limits is not None and limits.any else None
    unheld = ""
    guard = _Guard()
    lock: int | None = None

    def clear() -> None:
        looks = _LATE_LOOKS if labelled.overdue else _CALM_LOOKS if guard.caught is not None else 0
        for words in _sweep(labelled, cage, looks):
            tell(words)
        remove(folder)  # last, since it leads to all the rest where this is killed
        if folder.exists():
            tell(f"folder left: {folder}")

    # two of them: a signal that comes as the inner one is entered must not keep the outer one from being run
    try:
        try:
            atexit.register(clear)
            guard.install()
            folder.mkdir(mode=0o700)
            lock = claim(folder, engine)
            sweep(engine)
            alone = network is None
            if network is None:
                network = f"{PREFIX}{run}"
                labelled.create_network(network, internal=True)
            else:
                labelled.demand_network(network)
            if cage is not None:
                try:
                    labelled = caged(labelled, cage)
                except CgroupError as error:
                    unheld = str(error)
            yield Workspace(folder, labelled, network, alone, unheld)
        finally:
            guard.closing = True
    finally:
        guard.closing = True
        try:
            clear()
        finally:
            if cage is not None:
                cage.release()
            if lock is not None:
                os.close(lock)
            guard.restore()
            atexit.unregister(clear)


def _sweep(engine: Engine, cage: Cage | None, looks: int) -> tuple[str, ...]:
    """Remove what bears the label, and the cage, until there is nothing; what there is then, in words.

    What was asked for just before an interruption may be made after the first look, so that *looks* more must find
    nothing either.
    """
    calm = 0
    for _ in range(_SWEEPS + looks):
        try:
            found = engine.sweep()
        except EngineError:
            found = 1
        if cage is not None:
            found += cage.clear()
        calm = calm + 1 if not found else 0
        if calm > looks:
            return ()
        if looks:
            time.sleep(_CALM_SECONDS)
    return (*engine.remains(), *(cage.remains() if cage is not None else ()))
