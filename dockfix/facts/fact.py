"""A value with the place that says so, and a companion that could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Fact(Generic[T_co]):
    """Something that a file says of the app.

    Attributes:
        value: what it says.
        origin: where, as ``path:line`` from the repository's root.
    """

    value: T_co
    origin: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A companion file, or a place in one, that could not be understood.

    Attributes:
        origin: ``path:line``, or the path alone.
        message: what is wrong with it, in one sentence without a full stop.
    """

    origin: str
    message: str


def fact_list(items: Iterator[Fact[str]] | Sequence[Fact[str]]) -> tuple[Fact[str], ...]:
    """*items* with each value once, at its first origin."""
    first: dict[str, Fact[str]] = {}
    for item in items:
        first.setdefault(item.value, item)
    return tuple(first.values())
