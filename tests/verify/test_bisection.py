"""The smallest failing part is found, whatever it is."""

from __future__ import annotations

from itertools import combinations

import pytest

from dockfix.verify.bisection import smallest

ITEMS = "abcdefg"
CULPRITS = [part for size in (1, 2, 3, 7) for part in combinations(ITEMS, size)]


@pytest.mark.parametrize("culprits", CULPRITS, ids="".join)
def test_finds(culprits: tuple[str, ...]) -> None:
    asked: list[tuple[str, ...]] = []

    def fails(part: tuple[str, ...]) -> bool:
        asked.append(part)
        return set(culprits) <= set(part)

    assert smallest(ITEMS, fails) == culprits
    assert len(asked) == len(set(asked))


def test_single_item_is_not_asked_for() -> None:
    assert smallest("a", lambda part: pytest.fail("there is nothing to leave out")) == ("a",)
