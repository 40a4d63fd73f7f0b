from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from dockfix.dockerfile import (
    Document,
    Gap,
    Item,
    Keep,
    LedgerError,
    New,
    habitual,
    insert_after,
    insert_before,
    remove,
    replace,
)
from dockfix.dockerfile.layout import layout
from dockfix.text import Edit, Span, apply

TEXT = """\
# syntax=docker/dockerfile:1
# base
FROM node:20
# folder
WORKDIR /app

# free

# sources
COPY . .
# install
RUN npm install \\
  # quietly
  --silent
ENV A=b

# start
CMD ["node", "x"]
# the end
"""


def built(document: Document, stages: Sequence[Sequence[Item]], dropped: Mapping[int, str] | None = None) -> str:
    return apply(document.text, layout(document, stages, dropped).edits)


def test_keeping_everything_is_no_edit() -> None:
    document = Document.parse(TEXT)
    assert layout(document, [[Keep(one) for one in document.instructions]]).edits == ()


def test_a_split_keeps_each_comment_once() -> None:
    document = Document.parse(TEXT)
    base, folder, copy, run, env, cmd = document.instructions
    stages: list[list[Item]] = [
        [
            New("FROM node:20-alpine AS builder", replaces=(base,)),
            Keep(folder),
            New("COPY package.json ./", comment="the dependencies first"),
            Keep(run),
            Keep(copy),
        ],
        [New("FROM node:20-alpine"), Keep(folder), Keep(run), New("COPY a \\\n    b"), Keep(env), Gap(), Keep(cmd)],
    ]
    result = layout(document, stages)
    assert apply(document.text, result.edits) == (
        "# syntax=docker/dockerfile:1\n# base\nFROM node:20-alpine AS builder\n# folder\nWORKDIR /app\n"
        "# the dependencies first\nCOPY package.json ./\n\n# install\nRUN npm install \\\n  # quietly\n  --silent\n\n"
        "# free\n\n# sources\nCOPY . .\n\nFROM node:20-alpine\nWORKDIR /app\n\nRUN npm install \\\n  --silent\n"
        'COPY a \\\n  b\nENV A=b\n\n# start\nCMD ["node", "x"]\n# the end\n'
    )
    assert [entry.fate for entry in result.ledger] == ["replaced", "copied", "kept", "copied", "kept", "kept"]


def test_comments_of_what_is_dropped_go_to_the_next() -> None:
    document = Document.parse(TEXT)
    base, folder, copy, _, env, cmd = document.instructions
    result = layout(document, [[Keep(base), Keep(folder), Keep(copy), Keep(env), Keep(cmd)]], {3: "not needed"})
    text = apply(document.text, result.edits)
    assert "COPY . .\n# install\n# quietly\nENV A=b\n" in text
    assert (result.ledger[3].fate, result.ledger[3].reason) == ("dropped", "not needed")
    last = built(
        document, [[Keep(base), Keep(folder), Keep(copy), Keep(document.instructions[3]), Keep(env)]], {5: "x"}
    )
    assert last.endswith("ENV A=b\n# start\n# the end\n")


def test_a_replacement_inherits_the_comments() -> None:
    document = Document.parse(TEXT)
    base, folder, copy, run, env, cmd = document.instructions
    text = built(
        document, [[Keep(base), Keep(folder), Keep(copy), New("RUN npm ci", replaces=(run,)), Keep(env), Keep(cmd)]]
    )
    assert "# install\n# quietly\nRUN npm ci\nENV A=b\n\n# start\n" in text


def test_edits_travel_with_what_is_moved() -> None:
    document = Document.parse(TEXT)
    base, folder, copy, run, env, cmd = document.instructions
    edits = (Edit(Span(copy.span.start, copy.span.start + 4), "ADD"),)
    for order in ((copy, run, env), (run, env, copy)):
        items: list[Item] = [Keep(one, edits if one is copy else ()) for one in order]
        text = built(document, [[Keep(base), Keep(folder), *items, Keep(cmd)]])
        assert "# sources\nADD . .\n" in text
        assert "COPY" not in text


def test_a_gap_is_one_empty_line_and_never_two() -> None:
    document = Document.parse("FROM a\nRUN b\n\n\nRUN c\nRUN d\n")
    a, b, c, d = document.instructions
    items: list[Item] = [Keep(a), Gap(), Keep(b), Gap(), Gap(), Keep(c), Gap(), Keep(d)]
    assert built(document, [items]) == "FROM a\n\nRUN b\n\n\nRUN c\n\nRUN d\n"
    assert built(document, [[Keep(a), Keep(b), New("RUN n"), Keep(c), Keep(d)]]) == (
        "FROM a\nRUN b\nRUN n\n\nRUN c\nRUN d\n"
    )
    assert built(document, [[Keep(a), Keep(b), Gap(), New("RUN n"), Keep(c), Keep(d)]]) == (
        "FROM a\nRUN b\n\nRUN n\nRUN c\nRUN d\n"
    )


def test_a_missing_final_newline_stays_missing() -> None:
    document = Document.parse("FROM a\nRUN b\nRUN c")
    a, b, c = document.instructions
    assert built(document, [[Keep(a), Keep(c), Keep(b)]]) == "FROM a\nRUN c\nRUN b"
    assert built(document, [[Keep(a), Keep(b), Keep(c), New("USER d")]]) == "FROM a\nRUN b\nRUN c\nUSER d"
    assert built(document, [[Keep(a), Keep(b)]], {2: "x"}) == "FROM a\nRUN b"


def test_a_dangling_continuation_swallows_nothing() -> None:
    document = Document.parse("FROM a\nRUN b \\\n# c\n")
    a, b = document.instructions
    assert built(document, [[Keep(a), Keep(b), New("USER d")]]) == "FROM a\nRUN b\nUSER d\n# c\n"
    edit = insert_after(document, b, "USER d")
    assert apply(document.text, [edit]) == "FROM a\nRUN b\nUSER d\n# c\n"


def test_a_comment_under_the_end_of_a_stage_stays_there() -> None:
    document = Document.parse("FROM a\nRUN b\n# EXPOSE 1\n\n# two\nFROM c\nRUN d\n")
    a, b, c, d = document.instructions
    assert built(document, [[Keep(a), Keep(b), New("USER x")], [Keep(c), Keep(d)]]) == (
        "FROM a\nRUN b\n# EXPOSE 1\nUSER x\n\n# two\nFROM c\nRUN d\n"
    )


def test_nothing_is_lost_unsaid() -> None:
    document = Document.parse(TEXT)
    everything = [Keep(one) for one in document.instructions]
    with pytest.raises(LedgerError, match="CMD is lost"):
        layout(document, [everything[:-1]])
    with pytest.raises(LedgerError, match="both used and dropped"):
        layout(document, [everything], {1: "x"})
    with pytest.raises(LedgerError, match="outside"):
        layout(document, [[Keep(document.instructions[0], (Edit(Span(0, 1), ""),)), *everything[1:]]])
    comment = document.instructions[1].comments[0].span
    with pytest.raises(LedgerError, match="would be lost"):
        layout(document, [[everything[0], Keep(document.instructions[1], (Edit(comment, ""),)), *everything[2:]]])
    headed = Document.parse("ARG a\nFROM b\n")
    with pytest.raises(LedgerError, match="above the first FROM"):
        layout(headed, [[Keep(headed.instructions[0]), Keep(headed.instructions[1])]])


def test_new_lines_take_the_habits_of_the_file() -> None:
    document = Document.parse("# escape=`\r\nfrom a\r\nrun b `\r\n\tc\r\n")
    text = "FROM x AS y\nRUN a \\\n    # why\n    b \\\n        c\nHEALTHCHECK --retries=1 \\\n    CMD d\n"
    assert habitual(document, text) == (
        "from x as y\r\nrun a `\r\n\t# why\r\n\tb `\r\n\t\tc\r\nhealthcheck --retries=1 `\r\n\tcmd d\r\n"
    )
    assert habitual(document, "# only a comment\n") == "# only a comment\r\n"


def test_new_lines_in_a_file_that_is_moved_in_stand_behind_its_margin_once() -> None:
    document = Document.parse("  FROM a\n  RUN b \\\n    c\n")
    text = "ENV x=1 \\\n    y=2"
    for edit in (
        insert_after(document, document.instructions[0], text),
        insert_before(document, document.instructions[1], text),
    ):
        assert "  FROM a\n  ENV x=1 \\\n    y=2\n  RUN b" in apply(document.text, [edit])
    swapped = apply(document.text, [replace(document, document.instructions[1], text)])
    assert swapped == "  FROM a\n  ENV x=1 \\\n    y=2\n"
    assert document.broken == "\\\n    "


def test_heredoc_bodies_are_left_alone() -> None:
    document = Document.parse("from a\nrun b \\\n\tc\n")
    assert habitual(document, "RUN <<E\n    RUN \\\n    x\nE\n") == "run <<E\n    RUN \\\n    x\nE\n"


def test_plain_insertions() -> None:
    document = Document.parse("FROM a\n# why\nRUN b \\\n  # in\n  c\n\nRUN d\n\nRUN e")
    a, b, d, e = document.instructions

    def after(edit: Edit) -> str:
        return apply(document.text, [edit])

    assert after(insert_after(document, a, "ARG x", comment="note")).startswith("FROM a\n# note\nARG x\n# why\nRUN b")
    assert after(insert_after(document, e, "USER x", gap=True)).endswith("RUN e\n\nUSER x")
    assert after(insert_before(document, b, "ARG x", gap=True)).startswith("FROM a\nARG x\n\n# why\nRUN b")
    assert after(replace(document, b, "RUN x\n")).startswith("FROM a\n# why\n# in\nRUN x\n\nRUN d")
    assert after(remove(document, d)).endswith("  c\n\nRUN e")
    assert after(remove(document, e)).endswith("RUN d")
    with pytest.raises(LedgerError, match="comments"):
        remove(document, b)


def test_no_comment_becomes_a_directive() -> None:
    document = Document.parse("ARG a\n# escape=`\n\nFROM b\nRUN c\n")
    with pytest.raises(LedgerError, match="directive"):
        remove(document, document.instructions[0])
    moved = Document.parse("FROM a\n# escape=`\nRUN b\n")
    with pytest.raises(LedgerError, match="would be lost"):
        layout(moved, [[Keep(moved.instructions[1]), Keep(moved.instructions[0])]])
