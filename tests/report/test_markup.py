"""Text of a repository does not act in Markdown."""

from __future__ import annotations

import pytest

from dockfix.report.markup import code, fenced, plain, started


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b*c`d", "a\\_b\\*c\\`d"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("<!-- hidden -->", "\\<!-- hidden --\\>"),
        ("a | b\n# c", "a \\| b \\# c"),
        ("&#64;who", "&\\#&#8203;64;who"),
        ("[text](https://x.y)", "\\[text\\](https://&#8203;x.y)"),
        ("by @someone/team", "by @&#8203;someone/team"),
        ("fixes #12, GH-3 and o/r#4", "fixes \\#&#8203;12, GH-&#8203;3 and o/r\\#&#8203;4"),
        ("mail@host and a @ b", "mail@&#8203;host and a @ b"),
        ("bell\a and \u202eturned", "bell\ufffd and \ufffdturned"),
        ("\udcff", "\ufffd"),
        ("a && b & c", "a && b & c"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("", ""),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("npm ci", "`npm ci`"),
        ("a `b` c", "``a `b` c``"),
        ("`b`", "`` `b` ``"),
        ("``", "``` `` ```"),
        ("two\nlines", "`two lines`"),
        ("", ""),
    ],
)
def test_code(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_fence_is_longer_than_those_inside() -> None:
    text = "RUN cat <<EOF\n```\n````sh\nEOF"
    assert fenced(text, "dockerfile") == f"`````dockerfile\n{text}\n`````\n"


def test_a_block_holds_no_control_characters_but_tabs_and_lines() -> None:
    assert fenced("a\tb\r\nc\x1b[31m\n") == "```\na\tb\nc\ufffd[31m\n```\n"


@pytest.mark.parametrize(
    ("line", "shown"), [("- a", "\\- a"), ("1. a", "1\\. a"), ("-a", "-a"), ("1.5", "1.5"), ("=", "\\=")]
)
def test_a_paragraph_does_not_start_a_list(line: str, shown: str) -> None:
    assert started(line) == shown
