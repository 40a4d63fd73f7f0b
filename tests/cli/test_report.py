"""Lines for a terminal, and the line that tells how far a run is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dockfix.report import progress
from dockfix.report.text import printable, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("\u2028", "\\u2028"), ("\udcff", "\\udcff"), ("é", "é")],
)
def test_a_message_is_one_line_that_no_terminal_obeys(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_columns_are_as_wide_as_they_need_to_be() -> None:
    assert list(table([("a", "bb", "c"), ("aaa", "b", "")])) == ["a    bb  c", "aaa  b"]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Iterator[int]]:
    """Makes three results, each after so many seconds of a clock that only this moves."""
    clock = 0.0
    monkeypatch.setattr("time.monotonic", lambda: clock)

    def results(seconds: float) -> Iterator[int]:
        nonlocal clock
        for number in range(3):
            clock += seconds
            yield number

    return results


def test_progress_is_shown_when_it_takes_long_and_wiped_before_each_result(
    slow: Callable[[float], Iterator[int]], capsys: pytest.CaptureFixture[str]
) -> None:
    screens = [(number, capsys.readouterr().err) for number in progress.progress(slow(2), 3, shown=True)]
    assert screens == [
        (0, ""),
        (1, "\r\x1b[Kdockfix: 2 of 3\r\x1b[K"),
        (2, "\r\x1b[Kdockfix: 3 of 3\r\x1b[K"),
    ]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("seconds", "shown"), [(0.1, True), (10, False)])
def test_no_progress_in_short_runs_or_without_a_terminal(
    slow: Callable[[float], Iterator[int]], capsys: pytest.CaptureFixture[str], seconds: float, shown: bool
) -> None:
    assert list(progress.progress(slow(seconds), 3, shown=shown)) == [0, 1, 2]
    assert capsys.readouterr().err == ""
