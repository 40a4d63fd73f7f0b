"""One instruction and what can be read from it; everything is worked out on first use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from dockfix.dockerfile.expansion import dequote
from dockfix.dockerfile.logical import BLANK
from dockfix.dockerfile.scanner import Comment, Heredoc, Statement, arguments, split
from dockfix.dockerfile.words import Flag, Word, fields, flag_text, json_array, json_strings, make, words
from dockfix.text import Span

_WHOLE = ("WORKDIR", "USER", "STOPSIGNAL", "MAINTAINER")
_FIELDS = ("ADD", "COPY", "EXPOSE", "FROM", "VOLUME")
_JSON = ("ADD", "CMD", "COPY", "ENTRYPOINT", "HEALTHCHECK", "RUN", "SHELL", "VOLUME")
_HEREDOC = re.compile(r"[0-9]*<<-?[^<]+\Z")


@dataclass(frozen=True, slots=True)
class CopySpec:
    """What a COPY or ADD copies.

    Attributes:
        sources: without quotes; heredocs are left out.
        destination: without quotes.
        from_: the value of ``--from``.
        chown: the value of ``--chown``.
        chmod: the value of ``--chmod``.
        link: whether ``--link`` is on.
        parents: whether ``--parents`` is on.
        exclude: the values of ``--exclude``.
        heredocs: the names of sources that are heredocs.
    """

    sources: tuple[str, ...]
    destination: str
    from_: str | None
    chown: str | None
    chmod: str | None
    link: bool
    parents: bool
    exclude: tuple[str, ...]
    heredocs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One ``key=value`` of ENV, LABEL or ARG.

    Attributes:
        key: without quotes.
        value: without quotes, variables left in; None for an ARG without a value.
        raw_key: the key as written.
        raw: the value as written.
        span: the place of key and value in the document.
        value_span: the place of the value in the document.
    """

    key: str
    value: str | None
    raw_key: str
    raw: str
    span: Span
    value_span: Span


class Instruction:
    """An instruction of a document.

    Attributes:
        index: its number in the document.
        keyword: in upper case.
        stage: the index of its stage, -1 before the first FROM.
        line: the 1-based line of its first character.
        end_line: the 1-based line of its last character.
        comments: the comment lines right above it, with no empty line between.
        inner_comments: the comments between its lines.
        heredocs: its here-documents.
        dangling: whether it ends in an escape character with nothing to follow, as only the last one may.
    """

    def __init__(
        self,
        statement: Statement,
        document: str,
        escape: str,
        *,
        index: int,
        stage: int,
        comments: tuple[Comment, ...],
        block: tuple[int, int],
    ) -> None:
        self.index = index
        self.stage = stage
        self.comments = comments
        self.keyword = statement.keyword
        self.line = statement.line
        self.end_line = statement.end_line
        self.inner_comments = statement.comments
        self.heredocs: tuple[Heredoc, ...] = statement.heredocs
        self.dangling = statement.dangling
        self.statement = statement
        self.escape = escape
        self._document = document
        self._block = block

    def __repr__(self) -> str:
        return f"<Instruction {self.index}, line {self.line}: {self.keyword} {self.value}>"

    @cached_property
    def span(self) -> Span:
        """From its first character to the end of its last line, heredoc bodies included, without the line end."""
        return Span(self.statement.start, self.statement.end)

    @cached_property
    def block(self) -> Span:
        """Its whole lines, with the comment lines above that belong to it and with its line end."""
        return Span(*self._block)

    @cached_property
    def keyword_span(self) -> Span:
        """The place of its keyword in the document."""
        return self.statement.logical.span(0, len(self.keyword))

    @property
    def text(self) -> str:
        """Its characters as written, without the comments above."""
        return self._document[self.statement.start : self.statement.end]

    @cached_property
    def value(self) -> str:
        """What follows keyword and flags, on one line: continuations joined, inner comments and empty lines gone."""
        start, end = self.statement.value
        return self.statement.logical.text[start:end]

    def source(self, start: int, end: int) -> Span:
        """The stretch of the document from which ``value[start:end]`` comes."""
        offset = self.statement.value[0]
        return self.statement.logical.span(offset + start, offset + end)

    @cached_property
    def value_span(self) -> Span:
        """The place of :attr:`value` in the document."""
        return self.source(0, len(self.value))

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        """The flags between the keyword and the value."""
        logical = self.statement.logical
        found: list[Flag] = []
        for start, end in self.statement.flags:
            text = logical.text[start:end]
            name, separator, value = flag_text(text, self.escape)[2:].partition("=")
            begin = start + text.index("=") + 1 if separator else end
            span = logical.span(start, end)
            place = logical.span(begin, end) if begin < end else Span(span.end, span.end)
            found.append(Flag(name, value if separator else "true", span, place))
        return tuple(found)

    def flag(self, name: str) -> str | None:
        """The value of the flag *name* (``"true"`` if it is written without one), None where it is not given."""
        for flag in self.flags:
            if flag.name == name:
                return flag.value
        return None

    def _words(self, spans: list[tuple[int, int]], offset: int = 0) -> tuple[Word, ...]:
        return tuple(
            make(self.value[offset + start : offset + end], self.source(offset + start, offset + end), self.escape)
            for start, end in spans
        )

    @cached_property
    def json(self) -> tuple[str, ...] | None:
        """The strings of the exec form; None where the instruction is not written in it."""
        if self.keyword not in _JSON or "[" not in self.value:
            return None
        strings = json_array(arguments(self.keyword, self.value))
        return None if strings is None else tuple(strings)

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """The words of :attr:`value`, split as Docker splits this instruction.

        WORKDIR, USER, STOPSIGNAL and MAINTAINER have one; in the exec form the words are the JSON strings (for
        HEALTHCHECK after the word CMD). For what a shell reads, :func:`dockfix.dockerfile.shell.script` is better.
        """
        value = self.value
        if not value:
            return ()
        if self.json is not None:
            offset = len(value) - len(arguments(self.keyword, value))
            head = self._words(words(value[:offset], self.escape))
            spans = json_strings(value[offset:])
            literals = (
                Word(value[offset + start : offset + end], string, self.source(offset + start, offset + end), True)
                for (start, end), string in zip(spans, self.json, strict=True)
            )
            return (*head, *literals)
        if self.keyword in _WHOLE:
            return self._words([(0, len(value))])
        return self._words(fields(value) if self.keyword in _FIELDS else words(value, self.escape))

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """The assignments of ENV, LABEL and ARG; the old form ``ENV key value`` has one."""
        if self.keyword not in ("ENV", "LABEL", "ARG"):
            return ()
        value = self.value
        spans = words(value, self.escape)
        if self.keyword != "ARG" and spans and "=" not in value[slice(*spans[0])]:
            match = re.match(f"([^{BLANK}]*)[{BLANK}]+", value)
            return () if match is None else (self._assignment(0, match.end(1), match.end(), len(value)),)
        found: list[Assignment] = []
        for start, end in spans:
            equals = value.find("=", start, end)
            if equals < 0:
                found.append(self._assignment(start, end, end, end, given=False))
            else:
                found.append(self._assignment(start, equals, equals + 1, end))
        return tuple(found)

    def _assignment(self, start: int, key_end: int, value_start: int, end: int, *, given: bool = True) -> Assignment:
        raw = self.value[value_start:end]
        raw_key = self.value[start:key_end]
        key = dequote(raw_key, self.escape)
        span = self.source(start, end)
        place = self.source(value_start, end) if raw else Span(span.end, span.end)
        return Assignment(key, dequote(raw, self.escape) if given else None, raw_key, raw, span, place)

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Keys and values of ENV, LABEL and ARG, without quotes, variables left in; an ARG without value has ``""``."""
        return tuple((assignment.key, assignment.value or "") for assignment in self.assignments)

    @cached_property
    def copy(self) -> CopySpec | None:
        """What a COPY or ADD copies, None for any other instruction."""
        if self.keyword not in ("COPY", "ADD") or len(self.words) < 2:
            return None
        *sources, destination = self.words
        bodies = [word for word in sources if self.json is None and _HEREDOC.match(word.text)]
        return CopySpec(
            sources=tuple(word.value for word in sources if word not in bodies),
            destination=destination.value,
            from_=self.flag("from"),
            chown=self.flag("chown"),
            chmod=self.flag("chmod"),
            link=(self.flag("link") or "").lower() == "true",
            parents=(self.flag("parents") or "").lower() == "true",
            exclude=tuple(flag.value for flag in self.flags if flag.name == "exclude"),
            heredocs=tuple(heredoc.name for heredoc in self.heredocs),
        )

    @cached_property
    def healthcheck_command(self) -> str | None:
        """``"NONE"``, or what follows CMD in a HEALTHCHECK (raw, perhaps JSON); None for any other instruction."""
        if self.keyword != "HEALTHCHECK":
            return None
        command = arguments(self.keyword, self.value)
        return "NONE" if self.value[:4].upper() == "NONE" else command

    @cached_property
    def trigger(self) -> Instruction | None:
        """The instruction that an ONBUILD keeps for later, None for any other instruction."""
        if self.keyword != "ONBUILD" or not self.value:
            return None
        statement = self.statement
        logical = statement.logical
        keyword, found, value = split(logical.text, statement.value[0], self.escape)
        inner = Statement(
            logical,
            keyword,
            value,
            found,
            logical.offset(statement.value[0]),
            statement.end,
            statement.line,
            statement.end_line,
            statement.comments,
            statement.heredocs,
            statement.dangling,
        )
        return Instruction(
            inner,
            self._document,
            self.escape,
            index=self.index,
            stage=self.stage,
            comments=self.comments,
            block=self._block,
        )
