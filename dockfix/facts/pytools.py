"""Programs that Python sources call."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact, fact_list
from dockfix.facts.pyresult import WILD, Value
from dockfix.facts.pysource import Source
from dockfix.facts.pysources import LONGEST, Sources
from dockfix.facts.pytree import argument
from dockfix.facts.pyvalue import Evaluator

if TYPE_CHECKING:
    import libcst as cst

    from dockfix.facts.pysource import Site

HINT = re.compile(r"\bsubprocess\b|\bos\.(?:system|popen|exec|spawn)|\bshutil\.which\b|import which\b|\bpexpect\b")
"""A source without this calls no program, so that it need not be parsed."""

_LISTS = frozenset(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput"))
_SHELL = frozenset(
    {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell",
     "asyncio.subprocess.create_subprocess_shell"}
)  # fmt: skip
_FIRST = frozenset(
    {"shutil.which", "asyncio.create_subprocess_exec", "asyncio.subprocess.create_subprocess_exec", "os.execv",
     "os.execvp",
     "os.execve", "os.execvpe", "os.execl", "os.execlp", "pexpect.spawn", "pexpect.run"}
)  # fmt: skip
_BUILTIN = frozenset(
    [
        "cd",
        "echo",
        "export",
        "set",
        "test",
        "true",
        "false",
        "exit",
        "source",
        ".",
        "[",
        ":",
        "if",
        "for",
        "while",
        "then",
        "do",
        "done",
        "fi",
        "else",
        "read",
        "exec",
    ]
)


def tools(sources: Sources, paths: Iterable[str], evaluator: Evaluator | None = None) -> tuple[Fact[str], ...]:
    """The programs called by *paths*, without those that are decided only at run time."""
    evaluator = evaluator or Evaluator(sources, ("", "src"), {})
    found: list[Fact[str]] = []
    for path in paths:
        content = sources.text(path)
        if content is None or not HINT.search(content) or content.count("\n") > LONGEST:
            continue
        source = sources.source(path)
        for site in source.calls if source is not None else ():
            assert source is not None
            words = _called(evaluator, source, site)
            found += [Fact(word, source.origin(site)) for word in words if WILD not in word]
    return fact_list(found)


def _called(evaluator: Evaluator, source: Source, site: Site) -> Iterator[str]:
    name = evaluator.canonical(source, site.node.func)
    if name not in _LISTS | _SHELL | _FIRST:
        return
    given = argument(site.node, 0, "args", "cmd", "command", "file", "program")
    value: Value = evaluator.settled(evaluator.value(source, site.scope, given))
    if isinstance(value, tuple):
        yield evaluator.text(value[0]) if value else WILD
    elif isinstance(value, str) and value and name in _FIRST:
        yield value.split()[0] if name.startswith("pexpect") else value
    elif isinstance(value, str) and value.strip():
        yield from _shell_words(value)
    else:
        yield _list_head(evaluator, source, site, given)


def _list_head(evaluator: Evaluator, source: Source, site: Site, given: cst.BaseExpression | None) -> str:
    """The first word of a list that is built up: ``["ffmpeg"] + options``, ``["git", *words]``."""
    import libcst as cst

    while isinstance(given, cst.BinaryOperation):
        given = given.left
    if isinstance(given, cst.Call) and evaluator.canonical(source, given.func) == "shlex.split":
        given = argument(given, 0)
        text = evaluator.text(evaluator.value(source, site.scope, given))
        return text.split()[0] if text.split() else WILD
    if isinstance(given, cst.Name):
        # A list that later statements append to still begins with what it was made with.
        scope = site.scope
        values = [item for item in scope.names.get(given.value, ()) if item is not None]
        given = values[0] if values and isinstance(values[0], (cst.List, cst.BinaryOperation)) else None
        while isinstance(given, cst.BinaryOperation):
            given = given.left
    if isinstance(given, cst.List) and given.elements:
        return evaluator.text(evaluator.value(source, site.scope, given.elements[0].value))
    return WILD


def _shell_words(line: str) -> Iterator[str]:
    for part in re.split(r"&&|\|\||[;|\n]", line):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        while words and (re.match(r"\w+=", words[0]) or words[0] in ("sudo", "exec", "nohup", "time")):
            words.pop(0)
        if words and words[0] not in _BUILTIN:
            yield words[0] if not words[0].startswith(WILD) else WILD
