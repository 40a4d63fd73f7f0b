"""Programs that Python sources call."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact, fact_list
from dockfix.facts.pyresult import ROOT, WILD, Value
from dockfix.facts.pysource import Source
from dockfix.facts.pysources import LONGEST, Sources
from dockfix.facts.pytree import argument, arguments
from dockfix.facts.pyvalue import Evaluator
from dockfix.facts.words import SHELLS, called

if TYPE_CHECKING:
    import libcst as cst

    from dockfix.facts.pysource import Site
    from dockfix.facts.pytrace import Trace

HINT = re.compile(r"subprocess\b|os\.(?:system|popen|exec|spawn)|shutil\.which\b|import which\b|pexpect\b")
"""A source without this calls no program, so that it need not be parsed; see :data:`dockfix.facts.pywriters.HINT`."""

_LISTS = frozenset(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput"))
SHELL = frozenset(
    {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "asyncio.create_subprocess_shell",
     "asyncio.subprocess.create_subprocess_shell"}
)  # fmt: skip
"""Calls that are given a line of a shell."""
_FIRST = frozenset(
    {"shutil.which", "asyncio.create_subprocess_exec", "asyncio.subprocess.create_subprocess_exec", "os.execv",
     "os.execvp",
     "os.execve", "os.execvpe", "os.execl", "os.execlp", "pexpect.spawn", "pexpect.run"}
)  # fmt: skip
_BUILTIN = frozenset(
    {
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
    }
    | {"do", "done", "fi", "else", "read"}
)


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that sources call.

    Attributes:
        known: by their names.
        unknown: an expression that names another one, which is decided only at run time.
        lines: the calls as a shell would be given them; an undecided part is shown as ``…``.
    """

    known: tuple[Fact[str], ...]
    unknown: Fact[str] | None
    lines: tuple[Fact[str], ...] = ()


def tools(
    sources: Sources, paths: Iterable[str], evaluator: Evaluator | None = None, trace: Trace | None = None
) -> Tools:
    """The programs called by *paths*.

    Args:
        sources: all that there are.
        paths: those that are looked at.
        evaluator: works out what expressions are worth.
        trace: follows names through functions, where that is wanted.
    """
    evaluator = evaluator or Evaluator(sources, ("", "src"), {})
    found: list[Fact[str]] = []
    unknown: Fact[str] | None = None
    lines: list[Fact[str]] = []
    for path in paths:
        content = sources.text(path)
        if content is None or not sources.hints(path, HINT) or content.count("\n") > LONGEST:
            continue
        source = sources.source(path)
        for site in source.calls if source is not None else ():
            assert source is not None
            for word in _called(evaluator, source, site, trace):
                if WILD not in word:
                    found.append(Fact(word, source.origin(site)))
                elif word.startswith(WILD):
                    unknown = unknown or Fact(_shown(site), source.origin(site))
            lines += [Fact(line, source.origin(site)) for line in _lines(evaluator, source, site)]
    return Tools(fact_list(found), unknown, fact_list(lines))


def takes_line(name: str, call: cst.Call) -> bool:
    """Whether a call gives a line to a shell: ``os.system(…)``, ``subprocess.run(…, shell=True)``."""
    import libcst as cst

    told = argument(call, None, "shell") if name in _LISTS else None
    return name in SHELL or (isinstance(told, cst.Name) and told.value == "True")


def _called(evaluator: Evaluator, source: Source, site: Site, trace: Trace | None) -> Iterator[str]:
    import libcst as cst

    name = evaluator.canonical(source, site.node.func)
    given = _given(site.node)
    if name not in _LISTS | SHELL | _FIRST or given is None or _is_known(evaluator, source, site, given):
        return
    if isinstance(given, cst.List | cst.Tuple) and not given.elements:
        return  # nothing is started, as with a blank line
    if isinstance(given, cst.SimpleString) and not given.raw_value.strip():
        return
    words = list(_words(evaluator, source, site, given, evaluator.settled(evaluator.value(source, site.scope, given))))
    if trace is not None and any(word.startswith(WILD) for word in words):
        values = [evaluator.settled(value) for value in trace.values(source, site.scope, given)]
        words = [word for value in values for word in _words(evaluator, source, site, given, value)]
    yield from words


def _words(evaluator: Evaluator, source: Source, site: Site, given: cst.BaseExpression, value: Value) -> Iterator[str]:
    """The programs that a call is given as *value*."""
    name = evaluator.canonical(source, site.node.func)
    if isinstance(value, tuple):
        yield evaluator.text(value[0]) if value else WILD
    elif isinstance(value, str) and value and name in _FIRST:
        yield value.split()[0] if name.startswith("pexpect") else value
    elif isinstance(value, str) and value.strip():
        yield from _shell_words(value)
    else:
        yield _list_head(evaluator, source, site, given)


def _lines(evaluator: Evaluator, source: Source, site: Site) -> Iterator[str]:
    """What a call has a shell or a program do, as one line; with ``executable`` also the program that stands in."""
    name = evaluator.canonical(source, site.node.func)
    if name not in _LISTS | SHELL | _FIRST or name == "shutil.which":
        return
    positional, named = arguments(site.node)
    given = _given(site.node)
    value = evaluator.settled(evaluator.value(source, site.scope, given))
    words: list[str] = []
    if isinstance(value, tuple):
        words = [evaluator.text(part) for part in value]
    elif name in _FIRST and not name.startswith("pexpect"):
        words = [evaluator.text(evaluator.value(source, site.scope, part)) for part in positional]
    elif isinstance(value, str):
        yield from _told(value)
    if words and len(words) > 2 and posixpath.basename(words[0]) in SHELLS and words[1].startswith("-"):
        yield from (*_told(words[0]), *_told(words[2]))
    elif words and not words[0].startswith(WILD):
        yield from _told(shlex.join(words))
    if "executable" in named:
        yield from _told(evaluator.text(evaluator.value(source, site.scope, named["executable"])))


def _told(line: str) -> tuple[str, ...]:
    """*line* with the context's root as the working folder, if its beginning is decided."""
    return () if not line or line.startswith(WILD) else (line.replace(f"{ROOT}/", "./").replace(WILD, "…"),)


def _is_known(evaluator: Evaluator, source: Source, site: Site, given: cst.BaseExpression) -> bool:
    """Whether Python itself is called, ``[sys.executable, "job.py"]``, or what ``shutil.which`` was asked for."""
    import libcst as cst

    first = given.elements[0].value if isinstance(given, cst.List | cst.Tuple) and given.elements else given
    if isinstance(first, cst.Attribute):
        return evaluator.canonical(source, first) == "sys.executable"
    made = site.scope.bound(first.value) if isinstance(first, cst.Name) else ()
    return any(isinstance(one, cst.Call) and evaluator.canonical(source, one.func) == "shutil.which" for one in made)


def _given(call: cst.Call) -> cst.BaseExpression | None:
    """What a call names its program by."""
    return argument(call, 0, "args", "cmd", "command", "file", "program")


def _shown(site: Site) -> str:
    import libcst as cst

    given = _given(site.node)
    return " ".join(cst.Module([]).code_for_node(given).split())[:60] if given is not None else ""


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
    for words in called(line):
        if words and words[0] not in _BUILTIN:
            yield words[0] if not words[0].startswith(WILD) else WILD
