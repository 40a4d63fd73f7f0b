from __future__ import annotations

import pytest

from dockfix.dockerfile import Document, ImageReference, dequote, expand, expand_word, structure_agrees

TEXT = """\
# syntax=docker/dockerfile:1

ARG NODE=20
# the build
# of it
FROM --platform=linux/amd64 node:${NODE}-alpine AS Build
ENV A=1 B="two words" \\
    # inner
    C='$x'
ENV OLD form of it
COPY --chown=a:b --link "x y" src/ /app/

RUN a

FROM build
FROM nginx
COPY --from=Build /a /b
HEALTHCHECK --interval=3s CMD ["curl", "-f"]
"""


@pytest.fixture(name="document")
def _document() -> Document:
    return Document.parse(TEXT)


def test_stages_and_their_parents(document: Document) -> None:
    build, middle, last = document.stages
    assert (build.name, build.platform, build.image.repository) == ("Build", "linux/amd64", "node")
    assert document.parent(middle) is build
    assert document.parent(last) is None
    assert document.stage("BUILD") is build
    assert document.stage("2") is last
    assert document.stage("9") is None
    assert [one.stage for one in document.instructions] == [-1, 0, 0, 0, 0, 0, 1, 2, 2, 2]
    assert [one.keyword for one in document.global_args] == ["ARG"]
    assert document.global_values == {"NODE": "20"}


def test_comments_belong_to_what_they_stand_above(document: Document) -> None:
    base = document.stages[0].base
    assert [comment.text for comment in base.comments] == ["# the build", "# of it"]
    assert base.block.of(TEXT).startswith("# the build\n# of it\nFROM")
    assert [comment.text for comment in document.instructions[2].inner_comments] == ["# inner"]
    assert [comment.line for comment in document.instructions[2].inner_comments] == [8]


def test_pairs_and_assignments(document: Document) -> None:
    env, old = document.instructions[2:4]
    assert env.pairs() == (("A", "1"), ("B", "two words"), ("C", "\\$x"))
    assert [one.value_span.of(TEXT) for one in env.assignments] == ["1", '"two words"', "'$x'"]
    assert old.pairs() == (("OLD", "form of it"),)
    assert document.instructions[0].pairs() == (("NODE", "20"),)
    (bare,) = Document.parse("ARG a\nFROM b\n").instructions[0].assignments
    assert (bare.key, bare.value) == ("a", None)


def test_flags_and_copy(document: Document) -> None:
    copy = document.instructions[4]
    assert copy.copy is not None
    # COPY is split at blanks, whatever the quotes say.
    assert copy.copy.sources == ('"x', 'y"', "src/")
    assert (copy.copy.destination, copy.copy.chown, copy.copy.link) == ("/app/", "a:b", True)
    assert [flag.span.of(TEXT) for flag in copy.flags] == ["--chown=a:b", "--link"]
    assert copy.flags[0].value_span.of(TEXT) == "a:b"
    assert document.instructions[8].flag("from") == "Build"


def test_heredoc_sources_are_no_files() -> None:
    copy = Document.parse("FROM a\nCOPY <<E b /c/\nx\nE\n").instructions[1].copy
    assert copy is not None
    assert (copy.sources, copy.heredocs) == (("b",), ("E",))


def test_healthcheck_and_json(document: Document) -> None:
    check = document.instructions[9]
    assert check.json == ("curl", "-f")
    assert check.healthcheck_command == '["curl", "-f"]'
    assert [(word.value, word.span.of(TEXT)) for word in check.words] == [
        ("CMD", "CMD"),
        ("curl", '"curl"'),
        ("-f", '"-f"'),
    ]
    assert Document.parse("FROM a\nHEALTHCHECK none").instructions[1].healthcheck_command == "NONE"


def test_the_trigger_of_onbuild() -> None:
    trigger = Document.parse("FROM a\nONBUILD COPY --from=x b \\\n  c\n").instructions[1].trigger
    assert trigger is not None
    assert (trigger.keyword, trigger.flag("from"), trigger.value) == ("COPY", "x", "b   c")


@pytest.mark.parametrize(
    ("text", "case", "indent", "newline"),
    [
        ("FROM a\n", "upper", "    ", "\n"),
        ("from a\nrun b \\\n\tc\n", "lower", "\t", "\n"),
        ("FROM a\r\nrun b \\\r\n  c \\\r\n  d \\\r\n      e\r\n", "upper", "  ", "\r\n"),
    ],
)
def test_habits(text: str, case: str, indent: str, newline: str) -> None:
    document = Document.parse(text)
    assert (document.keyword_case, document.indent, document.newline) == (case, indent, newline)


def test_spacious() -> None:
    assert Document.parse("FROM a\n\nRUN b\nRUN c\n\nRUN d\n").spacious
    assert not Document.parse("FROM a\nRUN b\n\nFROM c\nRUN d\n").spacious


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest", "official"),
    [
        ("node", "docker.io", "node", None, None, True),
        ("docker.io/library/node:20", "docker.io", "node", "20", None, True),
        ("registry.docker.com/library/ruby:3.3", "docker.io", "ruby", "3.3", None, True),
        ("public.ecr.aws/docker/library/php:8", "docker.io", "php", "8", None, True),
        ("mcr.microsoft.com/dotnet/sdk:8.0", "mcr.microsoft.com", "dotnet/sdk", "8.0", None, False),
        ("reg.io:5000/lib/node:20-alpine@sha256:ab", "reg.io:5000", "lib/node", "20-alpine", "sha256:ab", False),
        ("localhost/a", "localhost", "a", None, None, False),
        ("bitnami/node:1", "docker.io", "bitnami/node", "1", None, False),
        ("node:${V:-a/b:c}", "docker.io", "node", "${V:-a/b:c}", None, True),
        ("${BASE}", "docker.io", "${BASE}", None, None, False),
        ("scratch", "docker.io", "scratch", None, None, False),
    ],
)
def test_image_references(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None, official: bool
) -> None:
    image = ImageReference.parse(text)
    assert (image.registry, image.repository, image.tag, image.digest) == (registry, repository, tag, digest)
    assert (image.official, image.variables) == (official, "$" in text)


def test_another_tag_keeps_the_spelling() -> None:
    assert ImageReference.parse("docker.io/library/node:20@sha256:ab").with_tag("22") == "docker.io/library/node:22"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a$x-b", "a1-b"),
        ("${x}", "1"),
        ("${y:-d$x}", "d1"),
        ("${e:-d}", "d"),
        ("${e-d}", ""),
        ("${x:+z}", "z"),
        ("${y:+z}", ""),
        ("$y", None),
        ("${y?no}", None),
        ("${x#1}", None),
        ("${", None),
        ("\\$x", "$x"),
        ("$", "$"),
    ],
)
def test_expansion(text: str, expected: str | None) -> None:
    assert expand(text, {"x": "1", "e": ""}) == expected


def test_quotes_and_escapes() -> None:
    assert dequote("""a'b "c'"d'e"\\ f""") == """ab "cd'e f"""
    assert expand(dequote("'$x'$x"), {"x": "1"}) == "$x1"
    assert expand_word("""'$x'"$x\\$x"\\$x""", {"x": "1"}) == "$x1$x$x"
    assert expand_word("'open", {}) is None


def test_the_second_opinion_agrees_where_raw_files_would_mislead_it() -> None:
    text = "FROM a\nRUN <<EOF\nUSER x\nEOF\nRUN a \\\n\n  b \\\\\nRUN c \\"
    assert structure_agrees(Document.parse("\ufeff" + text)) is None
