"""Finding the few among many that make something fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def smallest(items: Sequence[T], fails: Callable[[tuple[T, ...]], bool]) -> tuple[T, ...]:
    """A smallest part of *items* that fails: without any one of it, it does not.

    Parts are left out by halves first, then one by one, as in delta debugging:
    https://www.debuggingbook.org/html/DeltaDebugger.html

    Args:
        items: all of them, which together fail.
        fails: whether a part of them, in their order, fails; asked once for each part.
    """
    asked: dict[tuple[T, ...], bool] = {}

    def ask(part: tuple[T, ...]) -> bool:
        if part not in asked:
            asked[part] = bool(part) and fails(part)
        return asked[part]

    left = tuple(items)
    pieces = 2
    while len(left) > 1:
        size = -(-len(left) // pieces)
        starts = range(0, len(left), size)
        parts = [left[start : start + size] for start in starts]
        rests = [left[:start] + left[start + size :] for start in starts]
        smaller = next((part for part in (*parts, *rests) if part != left and ask(part)), None)
        if smaller is not None:
            left, pieces = smaller, max(2, pieces - 1 if smaller in rests else 2)
        elif size == 1:
            break
        else:
            pieces = min(len(left), 2 * pieces)
    return left
