"""Lines of shell as simple commands."""

from __future__ import annotations

import pytest

from dockfix.facts.words import called, parse


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cat a | convert - b && rm a & wait", ["cat", "convert", "rm", "wait"]),
        ("A=1 env -i B=2 git log; sudo -n nohup time ffmpeg", ["git", "ffmpeg"]),
        ("echo 'a; b' 2>&1 >c", ["echo"]),
        ("convert a \\\n  b\ngit log", ["convert", "git"]),
        ("echo it's && git log | tail\nrm a", ["echo", "git", "tail", "rm"]),
        ("sudo -u postgres psql && sudo -nu app -- git; sudo --user=a -E convert", ["psql", "git", "convert"]),
        ("env -u HOME git; time -f %e ffmpeg; exec -a me tail", ["git", "ffmpeg", "tail"]),
        ("python -c 'import a\ngit b'\nrm c", ["python", "rm"]),
        ("true # it's\ngit log # isn't", ["true", "git"]),
        ("A=1", [""]),
        ("", []),
    ],
)
def test_the_programs_of_a_text(text: str, names: list[str]) -> None:
    assert [words[0] if words else "" for words in called(text)] == names


def test_broken_quoting_is_split_at_blanks_and_joiners() -> None:
    line = parse("A=1 echo it's && git log")
    assert not line.plain
    assert [(each.joiner, each.words) for each in line.commands] == [("", ("echo", "it's")), ("&&", ("git", "log"))]
