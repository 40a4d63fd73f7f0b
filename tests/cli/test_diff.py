"""Diffs: exactly what git applies, whatever the bytes."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockfix.report.diff import NO_NEWLINE, coloured, unified

texts = st.lists(
    st.sampled_from(["a", "b", "", "\r", "\f", "-- a", "++ b", "@@", "\u2028", "\udcff"]), max_size=12
).map("\n".join)


@pytest.mark.parametrize(
    ("before", "after", "tail"),
    [
        ("a", "b", f"-a\n{NO_NEWLINE}+b\n{NO_NEWLINE}"),
        ("a", "a\n", f"-a\n{NO_NEWLINE}+a\n"),
        ("a\n", "a", f"-a\n+a\n{NO_NEWLINE}"),
        ("a\nb", "c\nb", f"-a\n+c\n b\n{NO_NEWLINE}"),
    ],
)
def test_missing_newline_at_the_end_is_told(before: str, after: str, tail: str) -> None:
    assert unified("Dockerfile", before, after).endswith(tail)


def test_no_change_no_diff() -> None:
    assert unified("Dockerfile", "a\n", "a\n") == ""


def test_new_file_comes_from_nowhere() -> None:
    assert unified("x", None, "a\n").startswith("--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n")


@settings(max_examples=60, deadline=None)
@given(texts, texts.filter(bool))
def test_git_makes_the_new_text_of_the_old(before: str, after: str) -> None:
    assert applied("Dockerfile", before, after) == after


@pytest.mark.parametrize("name", ["a b", 'quo"te', "back\\slash", "tab\there", "bell\a", "ünï", "-dash"])
@pytest.mark.parametrize("before", [None, "a\n"])
def test_git_understands_unusual_names(name: str, before: str | None) -> None:
    assert applied(name, before, "b\n") == "b\n"


def applied(name: str, before: str | None, after: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / name
        if before is not None:
            place.write_bytes(before.encode("utf-8", "surrogateescape"))
        patch = unified(name, before, after).encode("utf-8", "surrogateescape")
        if patch:
            done = subprocess.run(["git", "apply"], cwd=folder, input=patch, capture_output=True, check=False)
            assert done.returncode == 0, (done.stderr, patch)
        return place.read_bytes().decode("utf-8", "surrogateescape")


def test_colours_reach_to_the_end_of_each_line_and_no_further() -> None:
    diff = unified("x", "a\r\n", "b\n")
    assert coloured(diff) == (
        "\x1b[1m--- a/x\x1b[m\n\x1b[1m+++ b/x\x1b[m\n\x1b[36m@@ -1 +1 @@\x1b[m\n\x1b[31m-a\x1b[m\r\n\x1b[32m+b\x1b[m\n"
    )
