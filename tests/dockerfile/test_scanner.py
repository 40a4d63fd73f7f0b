from __future__ import annotations

import pytest

from dockfix.dockerfile import DockerfileError, Document


def values(text: str) -> list[tuple[str, str]]:
    return [(one.keyword, one.value) for one in Document.parse(text).instructions]


def test_joins_continuations_as_buildkit_does() -> None:
    text = "FROM a\nRUN a \\\n  # inner\n\n  && b \\  \n\t&& c\n"
    assert values(text)[1] == ("RUN", "a   && b \t&& c")


def test_a_doubled_escape_does_not_continue() -> None:
    assert values("FROM a\nRUN x \\\\\nRUN y")[1:] == [("RUN", "x \\\\"), ("RUN", "y")]


def test_a_blank_line_in_a_continuation_joins_the_next_instruction() -> None:
    assert values("FROM a\nRUN a \\\n\nCOPY b c\n")[1] == ("RUN", "a COPY b c")


def test_a_keyword_may_be_split() -> None:
    assert values("FR\\\nOM a\n\\\nRUN b") == [("FROM", "a"), ("RUN", "b")]


def test_a_continuation_at_the_end_of_the_file_ends_the_instruction() -> None:
    document = Document.parse("FROM a\nRUN b \\\n# last\n\n")
    last = document.instructions[-1]
    assert (last.value, last.dangling, last.end_line) == ("b", True, 2)
    assert [comment.line for comment in document.comments] == [3]
    assert not last.inner_comments


def test_the_backtick_escapes_where_a_directive_says_so() -> None:
    document = Document.parse("# escape=`\nFROM a\nRUN b `\n  c\\\nRUN d")
    assert document.escape == "`"
    assert [one.value for one in document.instructions] == ["a", "b   c\\", "d"]


def test_a_directive_counts_only_at_the_top() -> None:
    assert Document.parse("# a comment\n# escape=`\nFROM a\n").escape == "\\"
    assert Document.parse("\n# escape=`\nFROM a\n").escape == "\\"


def test_a_byte_order_mark_hides_nothing() -> None:
    document = Document.parse(b"\xef\xbb\xbf# escape=`\nFROM a\n")
    assert (document.bom, document.escape) == (True, "`")
    first = Document.parse(b"\xef\xbb\xbfFROM a\n").instructions[0]
    assert (first.keyword, first.block.start, first.span.start) == ("FROM", 1, 1)


def test_bytes_that_are_no_utf8_survive() -> None:
    source = b"# caf\xe9\r\nFROM a\r\nRUN echo '\xff'\r\n"
    document = Document.parse(source)
    assert document.encode() == source
    assert document.newline == "\r\n"
    assert document.instructions[0].value == "a"


def test_a_no_break_space_is_part_of_a_word() -> None:
    with pytest.raises(DockerfileError, match="unknown instruction"):
        Document.parse("FROM a\nRUN\xa0b\n")


@pytest.mark.parametrize(
    ("line", "bodies"),
    [
        ("RUN <<EOF\na\nEOF", [("EOF", "a\n", True, False)]),
        ("RUN <<-'EOF'\n\ta\n\tEOF", [("EOF", "\ta\n", False, True)]),
        ("COPY <<a <<b /c/\n1\na\n2\nb", [("a", "1\n", True, False), ("b", "2\n", True, False)]),
        ("RUN 3<<EOF x\nEOF", [("EOF", "", True, False)]),
        ("RUN << EOF\nx\nEOF", [("EOF", "x\n", True, False)]),
        ("ONBUILD RUN <<EOF\nx\nEOF", [("EOF", "x\n", True, False)]),
        ("RUN cat >/x<<E", []),
        ("RUN echo 'unbalanced <<EOF", []),
        ('RUN ["a", "<<EOF"]', []),
        ("ENV A=<<EOF", []),
        ("RUN echo ${ <<EOF", []),
    ],
)
def test_heredocs(line: str, bodies: list[tuple[str, str, bool, bool]]) -> None:
    document = Document.parse(f"FROM a\n{line}\nUSER b\n")
    instruction = document.instructions[1]
    assert [(one.name, one.text, one.expand, one.strip_tabs) for one in instruction.heredocs] == bodies
    assert instruction.text == line
    assert [one.span.of(document.text) for one in instruction.heredocs] == [body for _, body, _, _ in bodies]
    assert document.instructions[2].keyword == "USER"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "no instructions"),
        ("# only\n\n# comments\n", 3, "no instructions"),
        ("FROM a\0", 1, "NUL"),
        ("# syntax=a\n# syntax=b\nFROM a", 2, "only one syntax"),
        ("# escape=x\nFROM a", 1, "invalid escape token"),
        ("FROM a\n\nRUN <<EOF\na\n", 3, "unterminated heredoc"),
        ("FROM a\nRUN a # <<E\n", 2, "unterminated heredoc"),
        ("FROM a\nENV a\n", 2, "must have two arguments"),
        ("FROM a\nENV a=b c\n", 2, "can't find ="),
        ("FROM a\nENV\n", 2, "at least one argument"),
        ("FROM a\nENV =b\n", 2, "can not be blank"),
        ("FROM a\nLABEL a\n", 2, "LABEL must have two arguments"),
        ("FROM a\nCMD [1]\n", 2, "comprised of strings"),
        ("FROM a\nRUN [null]\n", 2, "comprised of strings"),
        ("FROM a\nHEALTHCHECK CMD [1]\n", 2, "comprised of strings"),
        ("FROM a\nONBUILD CMD [1]\n", 2, "comprised of strings"),
        ("FROM a\nFOO b\n", 2, "unknown instruction: FOO"),
        ("RUN a\nFROM b\n", 1, "no build stage"),
        ("ARG a\n", 1, "no stages"),
        ("FROM a AS\n", 1, "one or three"),
        ("FROM a AS 1b\n", 1, "invalid name for build stage"),
        ("FROM a\nCOPY b\n", 2, "at least two arguments"),
        ("FROM a\nCOPY --form=x b c\n", 2, "unknown flag: --form"),
        ("FROM a\nCOPY --from b c\n", 2, "missing a value"),
        ("FROM a\nCOPY --from=0 b c\n", 2, "from flag value"),
        ("FROM a\nCOPY --link=x b c\n", 2, "boolean"),
        ("FROM a\nCOPY --chown=a --chown=b b c\n", 2, "duplicate flag"),
        ("FROM a\nCOPY b <<E\nE\n", 2, "destination"),
        ("FROM a\nWORKDIR\n", 2, "exactly one"),
        ("FROM a\nEXPOSE\n", 2, "at least one"),
        ('FROM a\nVOLUME [""]\n', 2, "empty string"),
        ("FROM a\nSHELL bash\n", 2, "JSON form"),
        ("FROM a\nHEALTHCHECK NONE x\n", 2, "no arguments"),
        ("FROM a\nHEALTHCHECK curl x\n", 2, "Unknown type"),
        ("FROM a\nHEALTHCHECK CMD\n", 2, "Missing command"),
        ("FROM a\nONBUILD FROM b\n", 2, "ONBUILD trigger"),
        ("FROM a\nONBUILD ONBUILD RUN b\n", 2, "Chaining"),
        ("FROM a\nARG =b\n", 2, "blank"),
        ("FROM a\nRUN " + "x" * 65_532 + "\n", 2, "65535"),
    ],
)
def test_what_buildkit_refuses_is_refused_with_its_place(text: str, line: int, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        Document.parse(text, "some/Dockerfile")
    assert (caught.value.path, caught.value.line) == ("some/Dockerfile", line)
    assert str(caught.value) == f"some/Dockerfile:{line}: {caught.value.message}"


@pytest.mark.parametrize(
    "line",
    [
        'CMD ["a"] x',
        "CMD ['a']",
        'CMD ["a",]',
        "CMD [NaN]",
        "RUN [ -f x ] && y",
        "RUN",
        "CMD []",
        "ARG a b=c",
        "STOPSIGNAL --x 9",
        "RUN " + "x" * 65_531,
    ],
)
def test_what_buildkit_accepts_is_accepted(line: str) -> None:
    assert Document.parse(f"FROM a\n{line}\n").instructions[1].json in (None, ())


def test_a_frontend_of_its_own_may_know_more_flags() -> None:
    assert Document.parse("# syntax=mine\nFROM a\nCOPY --new=x b c\n").instructions[1].flag("new") == "x"
