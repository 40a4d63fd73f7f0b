from __future__ import annotations

import pytest

from dockfix.dockerfile import Document, ShellScript, parse_shell, script


def read(line: str, head: str = "FROM a") -> tuple[ShellScript, Document]:
    document = Document.parse(f"{head}\n{line}\n")
    return script(document, document.instructions[-1]), document


def test_every_word_has_its_place_across_continuations_and_comments() -> None:
    found, document = read(
        "RUN apt-get update && apt-get install -y \\\n    gcc \\\n    # the driver\n    'lib pq'-dev && rm -rf /x/*"
    )
    assert found.ok
    assert found.flat
    assert [command.name for command in found.commands] == ["apt-get", "apt-get", "rm"]
    assert [command.joiner for command in found.commands] == ["", "&&", "&&"]
    install = found.commands[1]
    assert install.args == ("install", "-y", "gcc", "lib pq-dev")
    assert [word.span.of(document.text) for word in install.words[-2:]] == ["gcc", "'lib pq'-dev"]
    assert [word.static for word in found.commands[2].words] == [True, True, False]


def test_a_word_in_two_pieces_spans_both() -> None:
    found, document = read("RUN apt-get install lib\\\npq")
    word = found.commands[0].words[-1]
    assert (word.text, word.span.of(document.text)) == ("libpq", "lib\\\npq")


@pytest.mark.parametrize(
    ("text", "names", "depths", "flat"),
    [
        ("set -eux; a; b", ["set", "a", "b"], [0, 0, 0], True),
        ("a || b", ["a", "b"], [0, 0], False),
        ("a | b", ["a", "b"], [0, 0], False),
        ("a &", ["a"], [0], False),
        ("! a", ["a"], [0], False),
        ("a\nb", ["a", "b"], [0, 0], True),
        ("(a; b) && c", ["a", "b", "c"], [1, 1, 0], False),
        ("if [ -f x ]; then y; fi", ["[", "y"], [1, 1], False),
        ("for i in 1 2; do a; done", ["a"], [2], False),
        ("a $(b) c", ["a", "b"], [0, 1], False),
        ("export A=1 && b", ["export", "b"], [0, 0], True),
        ("A=1 B=2 c", ["c"], [0], True),
        ("A=1", [""], [0], True),
        ("f() { a; }; f", ["a", "f"], [2, 0], False),
        ("a; case $x in b) c;; esac", ["a", "c"], [0, 2], False),
    ],
)
def test_commands(text: str, names: list[str], depths: list[int], flat: bool) -> None:
    found = parse_shell(text)
    assert [command.name for command in found.commands] == names
    assert [command.depth for command in found.commands] == depths
    assert (found.ok, found.flat) == (True, flat)


@pytest.mark.parametrize(
    ("word", "static", "text"),
    [
        ("plain", True, "plain"),
        ("'a $b'", True, "a $b"),
        ('"a \\$b"', True, "a $b"),
        ("a\\ b", True, "a b"),
        ("$x", False, "$x"),
        ('"a $x"', False, '"a $x"'),
        ("a*", False, "a*"),
        ("'a*'", True, "a*"),
        ("~/x", False, "~/x"),
        ("{a,b}", False, "{a,b}"),
        ("{}", True, "{}"),
        ("`x`", False, "`x`"),
    ],
)
def test_static_words(word: str, static: bool, text: str) -> None:
    found = parse_shell(f"echo {word}").commands[0].words[1]
    assert (found.static, found.text) == (static, text)


def test_redirections_belong_to_the_last_command() -> None:
    found = parse_shell("a && b > /x 2>&1")
    assert [len(command.redirects) for command in found.commands] == [0, 2]
    assert [word.text for word in found.commands[1].redirects] == ["> /x", "2>&1"]


def test_broken_syntax_is_not_ok() -> None:
    assert not parse_shell("if a; then").ok
    assert not parse_shell("a 'b").ok


def test_the_body_of_a_heredoc_is_the_script() -> None:
    found, document = read("RUN <<EOF\nset -e\napt-get install gcc\nEOF")
    assert found.flat
    assert found.commands[1].words[-1].span.of(document.text) == "gcc"


def test_a_heredoc_given_to_a_program_is_a_redirection() -> None:
    found, document = read("RUN cat <<EOF > /x && b\nrm y\nEOF")
    assert [command.name for command in found.commands] == ["cat", "b"]
    assert "<<EOF" in [word.span.of(document.text) for word in found.commands[0].redirects]


def test_a_heredoc_given_to_a_shell_is_read() -> None:
    for line in ("RUN bash -e <<EOF\nls /\nEOF", "RUN <<EOF bash\nls /\nEOF"):
        found, _ = read(line)
        assert [(command.name, command.depth) for command in found.commands] == [("bash", 0), ("ls", 1)]


def test_other_languages_are_not_read() -> None:
    assert not read("RUN <<EOF\n#!/usr/bin/env python\nprint(1)\nEOF")[0].ok
    assert not read("RUN Get-Item x", 'FROM a\nSHELL ["powershell", "-Command"]')[0].ok
    assert read("RUN a", 'FROM a\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]')[0].ok
    assert not read("RUN a", 'FROM a AS x\nSHELL ["cmd", "/S", "/C"]\nFROM x')[0].ok
    assert not read("WORKDIR a")[0].ok


def test_the_exec_form_is_one_command() -> None:
    found, document = read('CMD ["npm", "run", "start:prod"]')
    assert found.commands[0].args == ("run", "start:prod")
    assert found.commands[0].words[0].span.of(document.text) == '"npm"'


def test_healthcheck_and_onbuild() -> None:
    found, document = read("HEALTHCHECK --retries=1 CMD curl -f x || exit 1")
    assert [command.name for command in found.commands] == ["curl", "exit"]
    assert found.commands[0].words[0].span.of(document.text) == "curl"
    assert read("ONBUILD RUN a && b")[0].flat


def test_characters_beyond_ascii_keep_the_places() -> None:
    found, document = read("RUN echo 'é☃' && rm ü x")
    assert [word.span.of(document.text) for word in found.commands[1].words] == ["rm", "ü", "x"]
