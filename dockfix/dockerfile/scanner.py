"""The scanner: from the text of a Dockerfile to statements, comments and directives, each with its exact place.

It follows https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/parser.go to the letter: whatever
that parser refuses is refused here, at the same line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dockfix.dockerfile.error import DockerfileError
from dockfix.dockerfile.expansion import ExpansionError, heredoc_words, raw_words
from dockfix.dockerfile.logical import BLANK, SPACE, Logical
from dockfix.dockerfile.words import NotStringsError, flags, json_array
from dockfix.text import Span, line_of, line_starts

LONGEST_LINE = 65_535
"""The most bytes that a line may have: BuildKit reads lines with a Go ``bufio.Scanner`` of 64 KiB."""

BOM = "\ufeff"

_KEYWORD = re.compile(f"[{SPACE}]*([^{BLANK}]*)[{BLANK}]*")
_GO_BLANK = r"[\t\n\f\r ]*"
_DIRECTIVE = re.compile(rf"#[{SPACE}]*([a-zA-Z][a-zA-Z0-9]*){_GO_BLANK}={_GO_BLANK}(.+?){_GO_BLANK}\Z")
_HEREDOC = re.compile(rf"([0-9]*)<<(-?){_GO_BLANK}([^<]*)\Z")
_DIRECTIVES = ("syntax", "escape", "check")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line: its text from ``#`` on, without the line end, its place and its 1-based line."""

    text: str
    span: Span
    line: int


@dataclass(frozen=True, slots=True)
class Directive:
    """A parser directive, ``# name=value``, its name in lower case; the span is the whole line without its end."""

    name: str
    value: str
    span: Span
    line: int


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document of an instruction.

    Attributes:
        name: the delimiter without quotes.
        span: the place of the body, from its first line up to the line with the delimiter.
        expand: whether variables in it are expanded, which a quoted delimiter turns off.
        strip_tabs: whether leading tabs are taken off (``<<-``).
        text: the body as written.
    """

    name: str
    span: Span
    expand: bool
    strip_tabs: bool
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """An instruction as the scanner sees it: a logical line with a keyword.

    Attributes:
        logical: the line without continuations, inner comments and empty lines.
        keyword: in upper case.
        value: where the logical value (after the flags, without white space around it) stands in the logical line.
        flags: where each flag stands in the logical line.
        start: the first character that is not white space.
        end: the end of the last line that belongs to it, heredoc bodies included, without the line end.
        line: 1-based.
        end_line: 1-based.
        comments: the comments inside it.
        heredocs: in the order of their delimiters.
        dangling: whether its last line still asks for a continuation, which only the end of the file allows.
    """

    logical: Logical
    keyword: str
    value: tuple[int, int]
    flags: tuple[tuple[int, int], ...]
    start: int
    end: int
    line: int
    end_line: int
    comments: tuple[Comment, ...] = ()
    heredocs: tuple[Heredoc, ...] = ()
    dangling: bool = False


@dataclass(slots=True)
class Scan:
    """What a text consists of, in its order, and the habits that only the scanner sees."""

    escape: str = "\\"
    directives: list[Directive] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    indents: list[str] = field(default_factory=list)


def split(logical: str, start: int, escape: str) -> tuple[str, tuple[tuple[int, int], ...], tuple[int, int]]:
    """Keyword in upper case, flags and value of the instruction that begins at *start* of a logical line."""
    match = _KEYWORD.match(logical, start)
    assert match, "the pattern matches the empty string"
    keyword, position, end = match[1].rstrip(SPACE), match.end(), len(logical.rstrip(SPACE))
    found: list[tuple[int, int]] = []
    if logical.startswith("--", position) or (position < end and logical[position] in SPACE):
        found, position = flags(logical[:end], position, escape)
    while position < end and logical[position] in SPACE:
        position += 1
    return keyword.upper(), tuple(found), (min(position, end), end)


def arguments(keyword: str, value: str) -> str:
    """The part of *value* that may be a JSON array: what follows the type for HEALTHCHECK, else all of it."""
    if keyword == "HEALTHCHECK":
        return value[len(value) - len(re.sub(f"^[^{SPACE}]*[{SPACE}]*", "", value)) :]
    return value


class _Scanner:
    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.lines = text.split("\n")
        self.starts = line_starts(text)
        if not self.lines[-1]:
            self.lines.pop()
        self.scan = Scan()
        self.next = 0

    def run(self) -> Scan:
        lines, scan = self.lines, self.scan
        preamble = True
        while self.next < len(lines):
            index = self.next
            line = lines[index].rstrip("\r")
            body = line.lstrip(SPACE + BOM if index == 0 and line.startswith(BOM) else SPACE)
            self.next += 1
            if not body:
                preamble = False
            elif body[0] == "#":
                start = self.starts[index] + len(line) - len(body)
                preamble = preamble and self.directive(body, start, index)
                if not preamble:
                    scan.comments.append(Comment(body, Span(start, start + len(body)), index + 1))
            else:
                preamble = False
                scan.statements.append(self.statement(body, self.starts[index] + len(line) - len(body), index))
        if not scan.statements:
            raise DockerfileError(self.path, max(len(lines), 1), "file with no instructions")
        return scan

    def directive(self, body: str, start: int, index: int) -> bool:
        found = directive(body)
        if found is None:
            return False
        name, value = found
        if any(directive.name == name for directive in self.scan.directives):
            raise DockerfileError(self.path, index + 1, f"only one {name} parser directive can be used")
        if name == "escape":
            if value not in ("\\", "`"):
                message = f"invalid escape token '{value}' does not match ` or \\"
                raise DockerfileError(self.path, index + 1, message)
            self.scan.escape = value
        self.scan.directives.append(Directive(name, value, Span(start, start + len(body)), index + 1))
        return True

    def statement(self, body: str, start: int, index: int) -> Statement:
        escape, lines = self.scan.escape, self.lines
        trimmed = body.rstrip(" \t")
        end_line, comments, dangling = index, [], False
        if not self.continues(trimmed):
            logical = Logical(body, (0,), (start,))
        else:
            pieces, sources = [trimmed[:-1]], [start]
            dangling = True
            while dangling and self.next < len(lines):
                line = lines[self.next].rstrip("\r")
                source = self.starts[self.next]
                self.next += 1
                bare = line.lstrip(SPACE)
                if not bare:
                    continue
                if bare[0] == "#":
                    place = source + len(line) - len(bare)
                    comments.append(Comment(bare, Span(place, place + len(bare)), self.next))
                    continue
                self.scan.indents.append(line[: len(line) - len(bare)])
                end_line = self.next - 1
                trimmed = line.rstrip(" \t")
                dangling = self.continues(trimmed)
                pieces.append(trimmed[:-1] if dangling else line)
                sources.append(source)
            if dangling:
                # The comments after the last contributing line stand at the end of the file, outside.
                outside = [comment for comment in comments if comment.line > end_line + 1]
                comments = comments[: len(comments) - len(outside)]
                self.scan.comments += outside
            text = "".join(pieces)
            starts, position = [], 0
            for piece in pieces:
                starts.append(position)
                position += len(piece)
            logical = Logical(text, tuple(starts), tuple(sources))
        keyword, found, value = split(logical.text, 0, escape)
        heredocs: tuple[Heredoc, ...] = ()
        if "<<" in logical.text and self.takes_heredocs(keyword, logical.text, value):
            heredocs = self.heredocs(logical.text, index)
            if heredocs:
                end_line = self.next - 1
        end = self.starts[end_line] + len(lines[end_line].rstrip("\r"))
        if comments:
            self.scan.comments += comments
        return Statement(
            logical, keyword, value, found, start, end, index + 1, end_line + 1, tuple(comments), heredocs, dangling
        )

    def continues(self, trimmed: str) -> bool:
        """Whether a line, without blanks at its end, ends in one escape character: ``\\\\`` is no continuation."""
        escape = self.scan.escape
        return trimmed.endswith(escape) and trimmed[-2:-1] != escape

    def takes_heredocs(self, keyword: str, logical: str, value: tuple[int, int]) -> bool:
        start, end = value
        if keyword == "ONBUILD":
            keyword, _, (start, end) = split(logical, start, self.scan.escape)
        if keyword not in ("RUN", "COPY", "ADD"):
            return False
        try:
            return json_array(logical[start:end]) is None
        except NotStringsError:
            return False

    def heredocs(self, logical: str, index: int) -> tuple[Heredoc, ...]:
        found: list[Heredoc] = []
        for word in raw_words(logical):
            match = _HEREDOC.match(word)
            if not match or not match[3]:
                continue
            try:
                names = heredoc_words(match[3], raw_quotes=False)
                quoted = heredoc_words(match[3], raw_quotes=True)
            except ExpansionError as error:
                raise DockerfileError(self.path, index + 1, str(error)) from None
            if len(names) == 1 and len(quoted) == 1:
                expands = _quotes(names[0]) == _quotes(quoted[0])
                found.append(self.heredoc(names[0], expands, match[2] == "-", index))
        return tuple(found)

    def heredoc(self, name: str, expand: bool, strip_tabs: bool, index: int) -> Heredoc:
        start = self.starts[self.next] if self.next < len(self.starts) else len(self.text)
        while self.next < len(self.lines):
            line = self.lines[self.next].rstrip("\r")
            self.next += 1
            if (line.lstrip("\t") if strip_tabs else line) == name:
                span = Span(start, self.starts[self.next - 1])
                return Heredoc(name, span, expand, strip_tabs, span.of(self.text))
        raise DockerfileError(self.path, index + 1, f"unterminated heredoc: no line is {name}")


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')


def directive(line: str) -> tuple[str, str] | None:
    """Name and value of a comment that is a directive where it stands at the top, else None."""
    match = _DIRECTIVE.match(line)
    return (match[1].lower(), match[2]) if match and match[1].lower() in _DIRECTIVES else None


def decode(source: bytes | str, path: str) -> str:
    """The text of a Dockerfile: UTF-8, with other bytes kept as surrogates, and with its line ends as they are.

    Raises:
        DockerfileError: a NUL, a line that is too long, or (in a ``str``) a character that is none.
    """
    if isinstance(source, str):
        text = source
        try:
            source = source.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            line = line_of(text, error.start)
            raise DockerfileError(path, line, "a lone surrogate is not a character") from None
    text = source.decode("utf-8", "surrogateescape")
    if "\0" in text:
        raise DockerfileError(path, line_of(text, text.index("\0")), "a NUL byte: not a text file")
    if len(source) > LONGEST_LINE:
        for index, line_bytes in enumerate(source.split(b"\n")):
            if len(line_bytes) > LONGEST_LINE:
                message = f"dockerfile line greater than max allowed size of {LONGEST_LINE}"
                raise DockerfileError(path, index + 1, message)
    return text


def scan(text: str, path: str = "Dockerfile") -> Scan:
    """Take *text* apart into directives, comments and statements.

    Raises:
        DockerfileError: there is no instruction, a directive is bad or given twice, or a heredoc has no end.
    """
    return _Scanner(text, path).run()
