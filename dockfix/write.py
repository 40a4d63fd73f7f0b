"""Writing what a plan holds: all of it or nothing, never a half-written file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.engine import Plan


class WriteError(Exception):
    """A file cannot be written, or should not be; ``str()`` is the reason."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new bytes of a file.

    Attributes:
        path: the file; a symbolic link is followed, its target is replaced.
        before: what the file held when the plan was made; ``None`` where there was no file.
        after: what it is to hold.
    """

    path: Path
    before: bytes | None
    after: bytes


def carry_out(plan: Plan, path: Path, root: Path) -> None:
    """Write what *plan* holds, the Dockerfile at *path* and its companions below *root*.

    Raises:
        WriteError: as :func:`write`; then nothing has been written.
    """
    changes: list[tuple[Path, str | None, str]] = [
        (root / name, plan.originals[name], text) for name, text in sorted(plan.files.items())
    ]
    if plan.before != plan.after:
        changes.append((path, plan.before, plan.after))
    write([_replacement(*change) for change in changes], root)


def write(replacements: Iterable[Replacement], root: Path) -> None:
    """Carry out *replacements*, each by renaming a finished file over the old one; modes and owners stay.

    Everything is prepared before anything is replaced, and what was replaced is put back if a later one fails.

    Args:
        replacements: what to write.
        root: the folder that no file may lie outside of, also when links are followed.

    Raises:
        WriteError: a file lies outside *root*, is not a plain file, has changed since the plan was made, or the
            system refuses.
    """
    with ExitStack() as prepared:
        staged = [(item, *_stage(item, root, prepared)) for item in replacements]
        done: list[tuple[Path, bytes | None]] = []
        for item, target, temporary in staged:
            try:
                temporary.replace(target)
            except OSError as error:
                for path, before in reversed(done):
                    _restore(path, before)
                raise _refused(item.path, error) from error
            done.append((target, item.before))


def _stage(item: Replacement, root: Path, prepared: ExitStack) -> tuple[Path, Path]:
    """The file that *item* really names and a finished neighbour to rename over it."""
    target = Path(os.path.realpath(item.path))
    if not target.is_relative_to(os.path.realpath(root)):
        raise WriteError(item.path, f"leads out of the tree to {target}")
    try:
        state = target.stat()
    except FileNotFoundError:
        state = None
    except OSError as error:
        raise _refused(item.path, error) from error
    if state is not None and not stat.S_ISREG(state.st_mode):
        raise WriteError(item.path, "is not a plain file")
    try:
        if (target.read_bytes() if state else None) != item.before:
            raise WriteError(item.path, "has changed since it was read")
        temporary = target.with_name(f".{target.name[:100]}.{os.urandom(6).hex()}.tmp")
        # Created through the umask, as a new file should be; mkstemp's 0600 would stay.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        prepared.callback(temporary.unlink, missing_ok=True)
        with os.fdopen(descriptor, "wb") as file:
            file.write(item.after)
            file.flush()
            os.fsync(file.fileno())
        if state:
            _inherit(temporary, state)
    except OSError as error:
        raise _refused(item.path, error) from error
    return target, temporary


def _inherit(temporary: Path, state: os.stat_result) -> None:
    temporary_state = temporary.stat()
    if hasattr(os, "chown") and (state.st_uid, state.st_gid) != (temporary_state.st_uid, temporary_state.st_gid):
        with suppress(PermissionError):  # only root gives files away; the content matters more than the owner
            os.chown(temporary, state.st_uid, state.st_gid)
    temporary.chmod(stat.S_IMODE(state.st_mode))


def _restore(path: Path, before: bytes | None) -> None:
    with suppress(OSError):
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


def _replacement(path: Path, before: str | None, after: str) -> Replacement:
    return Replacement(path, None if before is None else _bytes(before), _bytes(after))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _refused(path: Path, error: OSError) -> WriteError:
    return WriteError(path, f"cannot be written: {error.strerror or error}")
