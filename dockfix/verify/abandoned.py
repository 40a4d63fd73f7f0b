"""What a run that was killed has left: a folder that nobody holds leads to it, and the next run removes it.

Nothing tells a run that it is killed, by SIGKILL, say, or for memory. Its folder holds a mark of how its engine was
reached, and is locked for as long as its process lives, in whatever namespace that may be: locks are the kernel's own
(https://man7.org/linux/man-pages/man2/flock.2.html). Of an engine that several machines share, each thus removes only
what it can show to be its own; and what is left when the machine itself ends stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from dockfix.verify.engine import Engine
from dockfix.verify.result import EngineError

LABEL = "dockfix.verify"
"""The key of the label on everything that is made; its value is the run."""

PREFIX = "dockfix-verify-"
_FOLDER = re.compile(rf"{PREFIX}([0-9a-f]{{12}})")
_MARK = "run.json"
_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""Told anew at each start of a machine: https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html"""
_REACH = re.compile(r"DOCKER_(?:HOST|CONTEXT|CONFIG)|CONTAINERS?_(?!AUTH)\w+|STORAGE_\w+|HOME|XDG_\w+_(?:DIR|HOME)")
"""The variables by which Docker, Podman and Buildah find their engines and storages."""
_SWEEPS = 3


def claim(folder: Path, engine: Engine) -> int | None:
    """Lock a run's new folder, mark it, and return the lock; ``None``, and no mark, where nothing can be locked."""
    try:
        boot = _BOOT.read_text(encoding="ascii")
        lock = _locked(folder)
    except (ImportError, OSError):
        return None
    mark = json.dumps({"boot": boot, "engine": _reached(engine)})
    (folder / _MARK).write_text(mark, encoding="utf-8")
    return lock


def remove(folder: Path) -> None:
    """Remove a run's folder, and when all else is gone its mark, without which nobody would go on with it."""
    for parent, _, _ in os.walk(folder):
        # folders of the copied context keep their modes, and a read-only one cannot be emptied
        with suppress(OSError):
            Path(parent).chmod(0o700)
    with suppress(OSError):
        for entry in _unmarked(folder):
            shutil.rmtree(entry, ignore_errors=True)
            with suppress(OSError):
                entry.unlink()  # what was no folder
        if not _unmarked(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _unmarked(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if entry.name != _MARK]


def sweep(engine: Engine) -> None:
    """Remove what runs with the same engine have left here that are certainly at an end.

    What cannot be removed is left to the next run.
    """
    for folder, run in _abandoned(engine):
        left = replace(engine, label=f"{LABEL}={run}")
        with suppress(EngineError):
            if any(left.sweep() == 0 for _ in range(_SWEEPS)):
                remove(folder)


def _abandoned(engine: Engine) -> Iterator[tuple[Path, str]]:
    """The folders of runs at an end, each held for as long as it is looked at, and the names of the runs."""
    reached = _reached(engine)
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*")):
        named = _FOLDER.fullmatch(folder.name)
        with suppress(ImportError, OSError, ValueError):
            here = {"boot": _BOOT.read_text(encoding="ascii"), "engine": reached}
            if named is None or _marked(folder) != here:
                continue
            with _held(folder):
                if not _asks(f"{LABEL}={named[1]}".encode()):
                    yield folder, named[1]


def _marked(folder: Path) -> object:
    """What the mark of a folder of this user's says. Raises OSError where there is none, ValueError for another file.

    Anybody may make such a folder, with a pipe for a mark that nobody writes to, or a link to a device without an end.
    """
    _demand_own(folder.lstat(), folder)
    with os.fdopen(os.open(folder / _MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as mark:
        if not stat.S_ISREG(os.fstat(mark.fileno()).st_mode):
            raise PermissionError(str(folder))
        return json.load(mark)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder of this user's. Raises OSError where it is another's, or held by the run that made it."""
    lock = _locked(folder)
    try:
        _demand_own(os.fstat(lock), folder)
        yield
    finally:
        os.close(lock)


def _demand_own(found: os.stat_result, folder: Path) -> None:
    if (found.st_uid, found.st_mode) != (os.geteuid(), stat.S_IFDIR | stat.S_IRWXU):
        raise PermissionError(str(folder))


def _locked(folder: Path) -> int:
    """A lock on a folder, for as long as it is open. Raises OSError where there is one already, or can be none."""
    import fcntl  # which Windows has not

    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _asks(label: bytes) -> bool:
    """Whether an engine's command that the run started is at work yet, which may make what bears the label."""
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if label in command.read_bytes().split(b"\0"):
                return True
    return False


def _reached(engine: Engine) -> str:
    """What tells an engine from others, without saying how it is reached."""
    variables = sorted(item for item in engine.environment.items() if _REACH.fullmatch(item[0]))
    return hashlib.sha256(repr((type(engine).__name__, engine.program, variables)).encode()).hexdigest()
