"""Files of variables."""

from __future__ import annotations

import pytest

from dockfix.facts.dotenv import values


@pytest.mark.parametrize(
    ("row", "value"),
    [
        ("A=b c  # why\r", "b c"),
        ("export A = b#c ", "b#c"),
        ("A='b # c' # why", "b # c"),
        ('A="b" # why', "b"),
        ("A=", ""),
    ],
)
def test_value_stands_without_quotes_and_comment(row: str, value: str) -> None:
    assert list(values(f"# first\n{row}\n".encode())) == [("A", value, 2)]
