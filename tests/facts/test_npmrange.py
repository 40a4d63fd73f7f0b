"""Ranges of npm: what its own semver says of them, version by version."""

from __future__ import annotations

import pytest

from dockfix.facts.npmrange import satisfies


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("*", "0.0.3 19.1.0", "1.2.3-beta.1"),
        ("", "1.0.0", "1.2.4-beta"),
        ("1.x", "1.0.0 1.9.9", "0.3.0 2.0.0 2.0.0-alpha"),
        ("1.2", "1.2.0 1.2.8", "1.3.0 1.2.3-rc.1"),
        ("^1.2.3", "1.2.3 1.9.9", "1.2.0 2.0.0 2.0.0-alpha"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0 0.0.3"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0.0", "0.0.3 0.0.4", "0.2.3"),
        ("~1.2.3", "1.2.3 1.2.8", "1.3.0"),
        ("~1", "1.9.9", "2.0.0"),
        ("> 1.2", "1.3.0", "1.2.8"),
        ("<2", "1.9.9", "2.0.0 2.0.0-alpha"),
        ("<=1.2", "1.2.8", "1.3.0"),
        (">= 16 <= 19", "16.8.3 19.1.0", "9999.0.1"),
        ("1.2.3 - 2.3", "1.2.3 2.3.9", "2.4.0 1.2.0"),
        ("^16.8.3 || ^17.0.0-0 || ^18.0.0", "17.0.0-beta 18.2.0", "19.1.0"),
        ("^1.2.3-beta.2", "1.2.3-beta.2 1.2.3-beta.10 1.3.0", "1.2.3-beta.1 1.2.4-beta"),
        ("=1.2.3", "1.2.3", "1.2.4"),
    ],
)
def test_a_range_takes_what_npm_takes(wanted: str, inside: str, outside: str) -> None:
    assert [version for version in inside.split() if satisfies(version, wanted) is not True] == []
    assert [version for version in outside.split() if satisfies(version, wanted) is not False] == []


@pytest.mark.parametrize("wanted", ["latest", "git+https://host/x.git", "file:../x", "npm:other@^1"])
def test_no_range_is_told_apart(wanted: str) -> None:
    assert satisfies("1.0.0", wanted) is None
