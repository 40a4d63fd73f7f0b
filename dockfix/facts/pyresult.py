"""What an expression of a Python source comes to.

Nothing is ever executed. A value that cannot be decided is :data:`UNKNOWN`; an undecided part of a string is the
character :data:`WILD`; the build context's root, as ``__file__`` sees it, is the character :data:`ROOT`. Paths are
therefore plain strings that ``posixpath`` can join and split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

ROOT: Final = "\x00"
WILD: Final = "\x01"


class Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable as a value, with what it is where the environment does not set it."""

    name: str
    default: Value = UNKNOWN


Value: TypeAlias = "str | int | float | bool | Variable | Unknown | tuple[Value, ...] | dict[str, Value] | None"

UNDECIDED = "is decided at run time"
"""How a reason ends by which the address alone cannot be told, and not what the sources do."""
