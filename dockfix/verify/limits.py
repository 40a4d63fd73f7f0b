"""What a container and a build may use."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?(?:([kmgt])i?)?b?", re.IGNORECASE)

_BUILD_MEMORY = 8 * 2**30
_BUILD_PIDS = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container, or all that runs in a build, may use; 0 is no limit.

    Attributes:
        memory: bytes with a unit, as ``docker run --memory`` takes them; swap is not given in addition.
        pids: processes and threads.
    """

    memory: str = "2g"
    pids: int = 1024

    @property
    def any(self) -> bool:
        """Whether there is a limit."""
        return bool(self.bytes or self.pids)

    @property
    def bytes(self) -> int:
        """The memory in bytes. Raises ValueError where it is no amount of memory."""
        return memory_bytes(self.memory)


def memory_bytes(text: str) -> int:
    """An amount of memory such as ``2g`` in bytes; units are powers of 1024, as docker's are.

    Raises:
        ValueError: it is none.
    """
    found = _MEMORY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no amount of memory such as 512m or 2g")
    number, unit = found.groups()
    return int(float(number) * _UNITS[(unit or "").lower()])


def of_builds(memory: str | None = None, pids: int | None = None) -> Limits:
    """What a build may use, as far as nobody says otherwise.

    Compilers and bundlers get by with 8 GB where containers need 2, and with 4096 processes and threads even where each
    of many processors has a worker. Of a smaller machine a quarter is left to others: once it has no memory at all, the
    kernel ends whatever it likes.
    """
    if memory is None:
        most = machine_memory() * 3 // 4
        memory = f"{most >> 20}m" if 0 < most < _BUILD_MEMORY else "8g"
    return Limits(memory, _BUILD_PIDS if pids is None else pids)


def machine_memory() -> int:
    """All memory of this machine in bytes; 0 where it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # on Windows there is no sysconf
        return 0
