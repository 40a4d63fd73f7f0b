"""Programs that JavaScript sources start as child processes."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts.jssyntax import line, text
from dockfix.facts.jstrace import Trace
from dockfix.facts.words import SHELLS, called, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tree_sitter import Node as Syntax

    from dockfix.facts.jsgraph import Graph
    from dockfix.facts.jssource import Source
    from dockfix.facts.jsvalue import Value

_SPAWNERS = frozenset(
    {"exec", "execSync", "spawn", "spawnSync", "execFile", "execFileSync", "execa", "execaSync", "execaCommand"}
)
_SHELLS = frozenset({"exec", "execSync", "execaCommand"})
"""Those that are given a whole line."""
_MODULES = frozenset({"child_process", "execa", "shelljs"})
_HINT = re.compile(rb"child_process|execa|shelljs|python-shell")
_PROMISED = re.compile(r"(?:[\w.()'\":]+\.)?promisify\(\s*(?:[\w.()'\":]+\.)?(exec|execFile)\s*\)")
_REQUIRED = re.compile(rb"require\(\s*['\"](?:node:)?(?:child_process|execa|shelljs)['\"]\s*\)")
_OWN = re.compile(r"process\.(?:execPath|argv0|argv\[0\])")
"""Node itself."""


@dataclass(frozen=True, slots=True)
class Spawned:
    """A program that is started.

    Attributes:
        name: as it is called; ``None`` where that is decided at run time.
        shown: the expression.
        origin: where.
    """

    name: str | None
    shown: str
    origin: str


def spawned(graph: Graph) -> Iterator[Spawned]:
    """Every program that the sources of *graph* start, in their order."""
    trace = Trace(graph)
    for source in graph.sources:
        if not _HINT.search(source.data):
            continue
        for item in source.imports:
            if item.module == "python-shell" and not item.erased:
                yield Spawned("python3", item.module, graph.node.origin_of(source.path, item.line))
        for callee, given, node in source.calls():
            kind = _kind(source, callee)
            if kind is not None and given and not _OWN.fullmatch(text(given[0])):
                yield from _of(graph, trace, source, given, node, _is_line(source, kind, given))


def outputs(trace: Trace, source: Source) -> Iterator[tuple[str | None, Syntax, Syntax]]:
    """The files to which lines of a shell that *source* starts are redirected, each with the line and the call.

    The file is ``None`` where it cannot be told.
    """
    for callee, given, node in source.calls() if _HINT.search(source.data) else ():
        kind = _kind(source, callee)
        if kind is not None and given and _is_line(source, kind, given) and ">" in text(given[0]):
            for value in trace.values(source, given[0]):
                told = value is not None and not value.open and value.defaulted
                row = value.text if value is not None and told else text(given[0]).strip("`'\"")
                for path in parse(row).outputs:
                    if not path.startswith("/dev/"):
                        yield (path if told and "$" not in path else None), given[0], node


def lines(graph: Graph) -> Iterator[tuple[str, str]]:
    """What the sources of *graph* have shells and programs do, a line a call, each with its place.

    An undecided part is shown as ``…``; a shell that an option names is a line of its own.
    """
    trace = Trace(graph)
    for source in graph.sources:
        for callee, given, node in source.calls() if _HINT.search(source.data) else ():
            kind = _kind(source, callee)
            if kind is None or not given or _OWN.fullmatch(text(given[0])):
                continue
            origin = graph.node.origin_of(source.path, line(node))
            arguments = [_told(source.value(part)) for part in _elements(given[1:])]
            for value in trace.values(source, given[0]):
                words = [_told(value), *arguments]
                script = words[2] if len(words) > 2 and basename(words[0]) in SHELLS else None
                if words[0] and not words[0].startswith("…"):
                    whole = " ".join(words) if _is_line(source, kind, given) else shlex.join(words)
                    yield words[0] if script else whole, origin
                if script:
                    yield script, origin
            shell = _shell(source, given)
            named = source.value(shell) if shell is not None else None
            if named is not None and "/" in named.text:
                yield named.text, origin


def _shell(source: Source, given: Sequence[Syntax]) -> Syntax | None:
    """The option by which a call says whether a shell, and which, is given its program as a line."""
    return next((found for part in given[1:] if (found := source.entry(part, "shell")) is not None), None)


def _is_line(source: Source, kind: str, given: Sequence[Syntax]) -> bool:
    """Whether a shell reads what a call is given, with the list of arguments behind it.

    https://nodejs.org/api/child_process.html#child_processspawncommand-args-options
    """
    shell = _shell(source, given)
    return kind in _SHELLS or (shell is not None and text(shell) != "false")


def _elements(given: Sequence[Syntax]) -> Iterator[Syntax]:
    """The parts of the list of arguments, where a call is given one."""
    for part in given:
        if part.type == "array":
            yield from part.named_children


def _told(value: Value | None) -> str:
    if value is None or not value.defaulted:
        return "…"
    path = f"./{value.text.removeprefix('./')}" if value.base and not value.text.startswith("/") else value.text
    return f"{path}…" if value.open else path


def _of(
    graph: Graph, trace: Trace, source: Source, given: Sequence[Syntax], node: Syntax, is_line: bool
) -> Iterator[Spawned]:
    origin = graph.node.origin_of(source.path, line(node))
    shown = re.sub(r"\s+", " ", text(given[0]))[:60]
    for value in trace.values(source, given[0]) or (None,):
        for name in _names(value, is_line):
            yield Spawned(name, shown, origin)


def _names(value: Value | None, is_line: bool) -> Iterator[str | None]:
    """The programs of a line, or the one that is named."""
    if value is None or not value.defaulted:
        yield None
        return
    told = f"{value.text}…" if value.open else value.text
    commands = list(called(told)) if is_line else [tuple(told.split())]
    for number, words in enumerate(commands, 1):
        name = words[0] if words else ""
        if "…" in name or (not words and value.open and number == len(commands)):
            yield None
        elif re.fullmatch(r"[\w./+-]+", name):
            yield name
        elif number == 1 and re.search(r"\w", name):
            yield None


def _kind(source: Source, callee: str) -> str | None:
    """What a call is in child_process; ``None`` where it is no such call."""
    root, dot, _ = callee.partition(".")
    last = callee.rpartition(".")[2]
    made = source.constants.get(callee)
    promised = _PROMISED.fullmatch(text(made)) if made is not None else None
    if promised is not None:
        return promised[1]
    module, name = source.imported.get(root, ("", ""))
    if not dot and module.removeprefix("node:") in _MODULES and name in _SPAWNERS:
        return name
    if last not in _SPAWNERS:
        return None
    if root == "require()":
        return last if _REQUIRED.search(source.data) else None
    if not dot:  # where it comes from is not said, or from elsewhere
        return last if not module or module.removeprefix("node:") in _MODULES else None
    return last if module.removeprefix("node:") in _MODULES else None
