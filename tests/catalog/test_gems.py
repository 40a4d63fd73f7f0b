"""Gems and the packages that they need."""

from __future__ import annotations

import pytest

from dockfix.catalog.gems import gem_libraries


@pytest.mark.parametrize(
    ("name", "suite", "expected"),
    [
        ("pg", "bookworm", ("libpq5",)),
        ("ethon", "trixie", ("libcurl4t64",)),
        ("rack", "trixie", ()),
        ("rmagick", "bookworm", None),
        ("pg", "sid", None),
        ("pg", None, None),
    ],
)
def test_gem_libraries(name: str, suite: str | None, expected: tuple[str, ...] | None) -> None:
    assert gem_libraries(name, suite) == expected
