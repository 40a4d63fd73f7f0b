"""Shell commands: the words of a RUN, read by tree-sitter-bash on the logical line, each with its exact place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dockfix.text import Span

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

    from dockfix.dockerfile.document import Document
    from dockfix.dockerfile.instruction import Instruction
    from dockfix.dockerfile.scanner import Heredoc

SHELLS = ("sh", "ash", "bash", "dash", "ksh", "mksh", "zsh")
"""Shells whose language tree-sitter-bash reads well enough."""

_JOINERS = {"&&": "&&", "||": "||", ";": ";", ";;": ";", "\n": ";", "|": "|", "|&": "|", "&": "&"}
_REDIRECTS = ("file_redirect", "herestring_redirect", "heredoc_redirect")
_SEQUENCES = ("program", "list", "pipeline")
_EXPRESSIONS = ("unary_expression", "binary_expression", "ternary_expression", "parenthesized_expression")
_SIMPLE = (
    "command",
    "declaration_command",
    "unset_command",
    "test_command",
    "variable_assignment",
    "variable_assignments",
)
_STATIC = re.compile(r"""(?:'[^']*'|"(?:[^"\\$`]|\\.)*"|\\.|[^'"\\$`])*\Z""", re.DOTALL)
_QUOTED = re.compile(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)
_GLOB = re.compile(r"[*?]|\[[^\]]+\]|\{[^{}]*(?:,|\.\.)[^{}]*\}|^~|[=:]~")
_SHEBANG = re.compile(r"#![ \t]*(\S+)(?:[ \t]+(\S+))?")
_NAME = re.compile(r"[A-Za-z_]\w*\+?=")

Place = Callable[[int, int], Span]


@dataclass(frozen=True, slots=True)
class ShellWord:
    """A word of a command.

    Attributes:
        text: without quotes if static, else as written.
        static: whether it is always the same: no variable, substitution, pattern or brace in it.
        span: its place.
    """

    text: str
    static: bool
    span: Span


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A simple command.

    Attributes:
        words: its name and arguments.
        assignments: the ``a=b`` before the name.
        span: from its first character to its last, redirections included.
        joiner: what stands between it and the command before: ``&&``, ``||``, ``;`` (also for a new line), ``|``,
            ``&``, or nothing for the first.
        depth: 0 at the top, more inside a loop, a condition, a group, a subshell, a function or a substitution.
        redirects: the redirections as written, operator included.
    """

    words: tuple[ShellWord, ...]
    assignments: tuple[ShellWord, ...]
    span: Span
    joiner: str
    depth: int
    redirects: tuple[ShellWord, ...]

    @property
    def name(self) -> str:
        """The command's name, empty for an assignment or a redirection alone."""
        return self.words[0].text if self.words else ""

    @property
    def args(self) -> tuple[str, ...]:
        """The texts of the words after the name."""
        return tuple(word.text for word in self.words[1:])


@dataclass(frozen=True, slots=True)
class ShellScript:
    """The commands of a script, in the order in which they are written.

    Attributes:
        commands: the simple commands, those inside others after them.
        ok: whether it was understood from end to end.
        flat: whether there are only commands at the top, joined by ``&&`` or ``;``.
    """

    commands: tuple[ShellCommand, ...]
    ok: bool
    flat: bool


_FOREIGN = ShellScript((), ok=False, flat=False)
_scripts: WeakKeyDictionary[Instruction, ShellScript] = WeakKeyDictionary()


def script(document: Document, instruction: Instruction) -> ShellScript:
    """The commands that a RUN, CMD, ENTRYPOINT, HEALTHCHECK or ONBUILD gives to a shell, or the one of its exec form.

    The body of a heredoc that a shell reads (``RUN <<EOF``, ``RUN bash <<EOF``) is part of it. For a shell of another
    language (SHELL powershell, a shebang) and for other instructions the result is not ``ok`` and empty.
    """
    found = _scripts.get(instruction)
    if found is None:
        found = _scripts[instruction] = _script(document, instruction)
    return found


@lru_cache(maxsize=1024)  # each transform's result is read anew, and most of its commands are as they were
def parse_shell(text: str) -> ShellScript:
    """The commands of *text*, with spans in *text*: an entrypoint file, an npm script, a compose command."""
    # Every character beyond ASCII is part of a word: one byte for each keeps byte and character offsets the same.
    ascii_text = text if text.isascii() else re.sub(r"[^\x00-\x7f]", "x", text)
    root = _parser().parse(ascii_text.encode("ascii")).root_node
    reader = _Reader(text)
    reader.visit(root, 0)
    ok = reader.ok and not root.has_error
    return ShellScript(tuple(reader.commands), ok=ok, flat=ok and reader.plain and _flat(reader.commands))


def _script(document: Document, instruction: Instruction) -> ShellScript:
    keyword = instruction.keyword
    if keyword == "ONBUILD":
        return _script(document, instruction.trigger) if instruction.trigger else _FOREIGN
    if keyword not in ("RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"):
        return _FOREIGN
    skip = 1 if keyword == "HEALTHCHECK" else 0
    if instruction.json is not None:
        words = tuple(ShellWord(word.value, True, word.span) for word in instruction.words[skip:])
        if not words:
            return ShellScript((), ok=True, flat=True)
        span = Span(words[0].span.start, words[-1].span.end)
        return ShellScript((ShellCommand(words, (), span, "", 0, ()),), ok=True, flat=True)
    if keyword == "HEALTHCHECK" and instruction.healthcheck_command == "NONE":
        return ShellScript((), ok=True, flat=True)
    if not _reads(document, instruction):
        return _FOREIGN
    offset = 0
    if skip:
        command = instruction.healthcheck_command or ""
        offset = len(instruction.value) - len(command)

    def place(start: int, end: int) -> Span:
        return instruction.source(offset + start, offset + end)

    value = instruction.value[offset:]
    return _with_heredocs(value, place, instruction.heredocs) if instruction.heredocs else _parse(value, place)


def _reads(document: Document, instruction: Instruction) -> bool:
    """Whether the shell in force is one that this module understands."""
    stage = document.stages[instruction.stage] if 0 <= instruction.stage < len(document.stages) else None
    before = instruction.index if instruction.keyword in ("RUN", "ONBUILD") else len(document.instructions)
    seen = 0
    while stage is not None and seen <= len(document.stages):
        for other in reversed(document.shells.get(stage.index, ())):
            if other.index < before and other.json:
                name = re.split(r"[/\\]", other.json[0])[-1].lower().removesuffix(".exe")
                return name in SHELLS
        stage = document.parent(stage)
        seen += 1
    return True


def _with_heredocs(value: str, place: Place, heredocs: tuple[Heredoc, ...]) -> ShellScript:
    """A line with ``<<NAME`` in it: the delimiters are redirections, a body may be a script of its own."""
    masked = value
    marks: list[ShellWord] = []
    for heredoc in heredocs:
        quoted = "".join(rf"[\\'\"]*{re.escape(character)}" for character in heredoc.name)
        match = re.search(rf"[0-9]*<<-?[\t\r ]*{quoted}['\"]*", masked)
        if match is None:
            return _FOREIGN
        marks.append(ShellWord(match[0], False, place(*match.span())))
        masked = masked[: match.start()] + " " * len(match[0]) + masked[match.end() :]
    line = _parse(masked, place)
    if not line.commands and masked.strip():
        return _FOREIGN
    if not line.commands:
        body = heredocs[0]
        shebang = _SHEBANG.match(body.text)
        if shebang:
            interpreter = shebang[2] if shebang[1].endswith("/env") and shebang[2] else shebang[1]
            if interpreter.rpartition("/")[2] not in SHELLS:
                return _FOREIGN
        return _body(body, 0)
    commands = list(line.commands)
    ok = line.ok
    for mark, heredoc in zip(marks, heredocs, strict=True):
        # A redirection may also stand before the name: ``RUN <<EOF bash``.
        before = [number for number, command in enumerate(commands) if command.span.start < mark.span.start]
        number = before[-1] if before else 0
        owner = commands[number]
        span = Span(min(owner.span.start, mark.span.start), max(owner.span.end, mark.span.end))
        commands[number] = replace(owner, redirects=(*owner.redirects, mark), span=span)
        if owner.name.rpartition("/")[2] in SHELLS:
            body_script = _body(heredoc, owner.depth + 1)
            ok = ok and body_script.ok
            commands += body_script.commands
    return ShellScript(tuple(commands), ok=ok, flat=ok and _flat(commands))


def _body(heredoc: Heredoc, depth: int) -> ShellScript:
    start = heredoc.span.start
    body = _parse(heredoc.text, lambda first, end: Span(start + first, start + end))
    if not depth:
        return body
    return replace(body, commands=tuple(replace(command, depth=command.depth + depth) for command in body.commands))


def _flat(commands: list[ShellCommand]) -> bool:
    return all(not command.depth and command.joiner in ("", "&&", ";") for command in commands)


@lru_cache(maxsize=1)
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def _parse(text: str, place: Place) -> ShellScript:
    """The commands of *text*, whose characters have their place elsewhere."""
    found = parse_shell(text)

    def placed(words: tuple[ShellWord, ...]) -> tuple[ShellWord, ...]:
        return tuple(ShellWord(word.text, word.static, place(word.span.start, word.span.end)) for word in words)

    commands = (
        replace(
            command,
            words=placed(command.words),
            assignments=placed(command.assignments),
            span=place(command.span.start, command.span.end),
            redirects=placed(command.redirects),
        )
        for command in found.commands
    )
    return ShellScript(tuple(commands), found.ok, found.flat)


class _Reader:
    """Collects the simple commands of a tree in the order of the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.commands: list[ShellCommand] = []
        self.joiner: str | None = ""
        self.ok = True
        self.plain = True

    def visit(self, node: Node, depth: int) -> None:
        kind = node.type
        if kind in _SEQUENCES:
            for child in node.children:
                self.visit(child, depth)
            if node.parent is None and self.joiner in ("&", "|", "&&", "||"):
                self.plain = False
        elif kind in _JOINERS and not node.is_named:
            self.joiner = _JOINERS[kind]
        elif kind in _SIMPLE:
            self.command(node, depth)
        elif kind == "redirected_statement":
            self.redirected(node, depth)
        elif kind == "negated_command":
            self.plain = False
            for child in node.children:
                self.visit(child, depth)
        elif kind in ("comment", "heredoc_body", "heredoc_end"):
            return
        elif node.children:
            self.compound(node, depth)

    def compound(self, node: Node, depth: int) -> None:
        self.plain = False
        self.joiner = self.joiner if depth == 0 and not self.commands else ""
        for child in node.children:
            self.visit(child, depth + 1)
        self.joiner = None

    def redirected(self, node: Node, depth: int) -> None:
        redirects = [child for child in node.children if child.type in _REDIRECTS]
        before = len(self.commands)
        for child in node.children:
            if child.type not in _REDIRECTS:
                self.visit(child, depth)
        words = tuple(self.raw(child) for child in redirects)
        if any(child.type == "heredoc_redirect" for child in redirects):
            self.ok = self.ok and self.heredoc_alone(redirects)
        # The redirection of a list belongs to its last command, that of a loop or a group to none of its commands.
        owners = [number for number in range(before, len(self.commands)) if self.commands[number].depth == depth]
        if owners:
            owner = self.commands[owners[-1]]
            end = max(owner.span.end, words[-1].span.end)
            redirected = replace(owner, redirects=(*owner.redirects, *words), span=Span(owner.span.start, end))
            self.commands[owners[-1]] = redirected
        elif len(self.commands) == before:
            span = Span(words[0].span.start, words[-1].span.end)
            self.emit(ShellCommand((), (), span, "", depth, words))
        for child in redirects:
            self.substitutions(child, depth)

    @staticmethod
    def heredoc_alone(redirects: list[Node]) -> bool:
        """Whether no command hides after the delimiter of a heredoc, where the grammar would nest it."""
        plain = ("heredoc_start", "heredoc_body", "heredoc_end", *_REDIRECTS)
        return all(
            child.type in plain or not child.is_named
            for node in redirects
            if node.type == "heredoc_redirect"
            for child in node.children
        )

    def command(self, node: Node, depth: int) -> None:
        spans: list[tuple[int, int]] = []
        assignments: list[ShellWord] = []
        redirects: list[ShellWord] = []
        for part in self.parts(node):
            if part.type == "variable_assignment" and node.type != "declaration_command":
                assignments.append(self.word(part.start_byte, part.end_byte))
            elif part.type in _REDIRECTS:
                redirects.append(self.raw(part))
            elif spans and spans[-1][1] == part.start_byte:
                spans[-1] = (spans[-1][0], part.end_byte)
            else:
                spans.append((part.start_byte, part.end_byte))
        for (_, end), (start, _) in pairwise(spans):
            # An escaped blank between two words belongs to a word, which the grammar does not see.
            if "\\" in self.text[end:start].replace("\\\n", ""):
                self.ok = False
        words = tuple(self.word(start, end) for start, end in spans)
        span = Span(node.start_byte, node.end_byte)
        self.emit(ShellCommand(words, tuple(assignments), span, "", depth, tuple(redirects)))
        self.substitutions(node, depth)

    def parts(self, node: Node) -> Iterator[Node]:
        if node.type == "variable_assignment":
            yield node
            return
        for child in node.children:
            if child.type in _EXPRESSIONS:
                yield from self.parts(child)
            elif child.type != "comment":
                yield child

    def substitutions(self, node: Node, depth: int) -> None:
        for child in node.children:
            if child.type in ("command_substitution", "process_substitution"):
                self.joiner = ""
                for inner in child.children:
                    self.visit(inner, depth + 1)
                self.joiner = None
            elif child.children:
                self.substitutions(child, depth)

    def emit(self, command: ShellCommand) -> None:
        joiner = self.joiner if self.joiner is not None else ";"
        self.joiner = None
        self.commands.append(replace(command, joiner=joiner))

    def raw(self, node: Node) -> ShellWord:
        span = Span(node.start_byte, node.end_byte)
        return ShellWord(span.of(self.text), False, span)

    def word(self, start: int, end: int) -> ShellWord:
        raw = self.text[start:end]
        static, text = bare(raw)
        return ShellWord(text, static, Span(start, end))


def bare(raw: str) -> tuple[bool, str]:
    """Whether a shell word is always the same, and its text: without quotes if it is, else *raw* itself."""
    if not _STATIC.match(raw):
        return False, raw
    unquoted = _QUOTED.sub("_", raw)
    if _GLOB.search(unquoted.partition("=")[2] if _NAME.match(unquoted) else unquoted) and raw not in ("[", "[["):
        return False, raw

    def plain(match: re.Match[str]) -> str:
        single, double, escaped = match.groups()
        if single is not None:
            return str(single)
        if double is not None:
            return re.sub(r'\\(["\\$`]|\n)', lambda inner: "" if inner[1] == "\n" else inner[1], double)
        return "" if escaped == "\n" else str(escaped)

    return True, _QUOTED.sub(plain, raw)
