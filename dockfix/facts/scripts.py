"""Shell scripts that an image starts: their interpreter, whether they hand over, what they call."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import Files, text
from dockfix.facts.words import Command, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZE = 200_000
_SHEBANG = re.compile(r"#!\s*(\S+)(?:[ \t]+(\S+))?")
# What dash and busybox ash do not have: https://mywiki.wooledge.org/Bashism
_BASHISM = re.compile(
    r"""^\s*function\s+\w|^\s*source\s|(?<![\w$])\[\[\s|<<<|<\(|>\(|^\s*(?:declare|typeset|shopt|mapfile|readarray|pushd|popd)\b
    |\$\{\w+(?:\[|\^|,|/|@)|\$\{![A-Za-z_]|^\s*\w+=\(|^\s*\w+\+=|&>|\bset\s+(?:-\w+\s+)*-\w*o\s+pipefail|\$'|\(\(\s*\w+\s*(?:\+\+|[-+*/<>=])
    |\bread\s+-\w*[ad]|\becho\s+-e|\btrap\s+.*\bERR\b|\bBASH_|\$RANDOM|\{\d+\.\.\d+\}""",
    re.MULTILINE | re.VERBOSE,
)
_KEYWORDS = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "exec", "command", "nohup"}
)
_ENDS = frozenset({"fi", "done", "esac", "}", "for", "case", "in", "function", "exec"})


@dataclass(frozen=True, slots=True)
class Script:
    """A shell script.

    Attributes:
        path: its path, as origins name it.
        source: its text.
        shebang: the interpreter's path, without ``/usr/bin/env``; None without a shebang.
        bash: whether it needs bash: by its shebang, or by what it writes where it has none.
        bashisms: whether it writes what dash and busybox ash do not understand.
        exec: whether it hands over to its arguments (``exec "$@"``) or to another program.
        arguments: whether it runs its own arguments, ``"$@"``.
        commands: every program called, with its words.
    """

    path: str
    source: str
    shebang: str | None
    bash: bool
    bashisms: bool
    exec: bool
    arguments: bool
    commands: tuple[Fact[tuple[str, ...]], ...]

    @property
    def tools(self) -> frozenset[str]:
        """The names of the programs called."""
        return frozenset(fact.value[0].rpartition("/")[2] for fact in self.commands)


def script(files: Files, path: str, prefix: str = "") -> Script | None:
    """Read the shell script at *path*; None where there is none or another interpreter runs it.

    Args:
        files: where it lies.
        path: its path there.
        prefix: what origins put before the path: the context's folder.
    """
    data = files.read(path)
    source = text(files, path)
    if source is None or data is None or len(source) > _SIZE or b"\0" in data[:1024]:
        return None
    match = _SHEBANG.match(source)
    interpreter = _interpreter(match)
    if interpreter is None and not posixpath.basename(path).endswith((".sh", ".bash")) and "entrypoint" not in path:
        return None
    if interpreter is not None and not re.fullmatch(r"(?:ba|da|a|z|k)?sh", posixpath.basename(interpreter)):
        return None
    name = f"{prefix}/{path}" if prefix else path
    code = _without_comments(source.replace("\r", ""))
    commands = tuple(_commands(name, code))
    bashisms = _BASHISM.search(code) is not None
    return Script(
        path=name,
        source=source,
        shebang=interpreter,
        bash=interpreter.endswith("/bash") or interpreter == "bash" if interpreter else bashisms,
        bashisms=bashisms,
        exec=re.search(r"^\s*exec\s|[;&|]\s*exec\s", code, re.MULTILINE) is not None,
        arguments=re.search(r"\"?\$\{?[@*]\}?\"?", code) is not None,
        commands=commands,
    )


def scripts(files: Files, prefix: str = "", limit: int = 100) -> Iterator[Script]:
    """The shell scripts under the root of *files*, by name: ``*.sh`` and entrypoints."""
    for path in files.walk():
        base = posixpath.basename(path)
        if base.endswith((".sh", ".bash")) or ("entrypoint" in base and "." not in base):
            found = script(files, path, prefix)
            if found is not None:
                yield found
                limit -= 1
                if limit <= 0:
                    return


def _interpreter(match: re.Match[str] | None) -> str | None:
    if match is None:
        return None
    return match[2] if match[1].endswith("/env") and match[2] else match[1]


def _without_comments(source: str) -> str:
    return re.sub(r"(?m)(^|\s)#(?!\{).*$", r"\1", source)


def _commands(name: str, code: str) -> Iterator[Fact[tuple[str, ...]]]:
    number = 0
    for line in _logical_lines(code):
        origin = f"{name}:{number + 1}"
        number += line.count("\n") + 1
        for command in parse(line).commands:
            words = _words(command)
            if words:
                yield Fact(words, origin)


def _logical_lines(code: str) -> Iterator[str]:
    pending = ""
    for line in code.split("\n"):
        pending += line
        if line.endswith("\\"):
            pending += "\n"
            continue
        yield pending
        pending = ""
    if pending:
        yield pending


def _words(command: Command) -> tuple[str, ...]:
    """The words from the program's name on, past the shell's own keywords."""
    words = command.words
    while words and words[0] in _KEYWORDS:
        words = words[1:]
    if not words or words[0] in _ENDS or not re.fullmatch(r"[\w./$@{}+-]+", words[0]) or words[0].endswith(")"):
        return ()
    return words
