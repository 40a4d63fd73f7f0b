"""New lines in the habits of a file: plain insertions and replacements, and what the layout builder prints."""

from __future__ import annotations

from dockfix.dockerfile.document import Document
from dockfix.dockerfile.error import DockerfileError, LedgerError
from dockfix.dockerfile.instruction import Instruction
from dockfix.dockerfile.logical import SPACE
from dockfix.dockerfile.scanner import directive, scan
from dockfix.dockerfile.words import fields
from dockfix.text import Edit, Span, apply

_CANONICAL_INDENT = "    "


def habitual(document: Document, text: str) -> str:
    """Canonical instructions in the habits of *document*: line ends, escape character, keyword case and indent.

    Raises:
        DockerfileError: *text* holds an unterminated heredoc.
    """
    try:
        found = scan(text)
    except DockerfileError as error:
        if error.message != "file with no instructions":
            raise
        return text.replace("\n", document.newline)
    edits: list[Edit] = []
    for statement in found.statements:
        logical = statement.logical
        if document.keyword_case == "lower":
            words = [(0, len(statement.keyword))]
            start, end = statement.value
            if statement.keyword == "FROM":
                words += [(start + first, start + last) for first, last in fields(logical.text[start:end])[1:2]]
            elif statement.keyword == "HEALTHCHECK":
                words += [(start + first, start + last) for first, last in fields(logical.text[start:end])[:1]]
            edits += [Edit(logical.span(first, last), logical.text[first:last].lower()) for first, last in words]
        for place in (*logical.sources[1:], *(text.rfind("\n", 0, item.span.start) + 1 for item in statement.comments)):
            body = text[place:].partition("\n")[0]
            depth = (len(body) - len(body.lstrip(" "))) // len(_CANONICAL_INDENT)
            if depth and document.indent != _CANONICAL_INDENT:
                edits.append(Edit(Span(place, place + depth * len(_CANONICAL_INDENT)), document.indent * depth))
        if document.escape != "\\":
            for number, source in enumerate(logical.sources[:-1]):
                position = source + logical.starts[number + 1] - logical.starts[number]
                edits.append(Edit(Span(position, position + 1), document.escape))
    return apply(text, edits).replace("\n", document.newline)


def insert_after(
    document: Document, instruction: Instruction, text: str, comment: str | None = None, gap: bool = False
) -> Edit:
    """Insert canonical *text* below *instruction*, with a *comment* above it and, if *gap*, an empty line before it."""
    lines = _lines(document, text, comment)
    if gap:
        lines = document.newline + lines
    start = end = instruction.block.end
    if instruction.dangling:
        start = escape_at(instruction)
        rest = document.text[start:end]
        lines = (document.newline if "\n" in rest else "") + lines
    if not document.text[:end].endswith("\n"):
        lines = document.newline + lines.removesuffix(document.newline)
    return Edit(Span(start, end), lines)


def insert_before(
    document: Document, instruction: Instruction, text: str, comment: str | None = None, gap: bool = False
) -> Edit:
    """Insert canonical *text* above *instruction* and its comments, with an empty line between if *gap*."""
    lines = _lines(document, text, comment) + (document.newline if gap else "")
    return Edit(Span(instruction.block.start, instruction.block.start), lines)


def replace(document: Document, instruction: Instruction, text: str) -> Edit:
    """Put canonical *text* in the place of *instruction*; the comments above stay, those inside come above it."""
    lines = [comment.text for comment in instruction.inner_comments]
    lines.append(habitual(document, text.rstrip("\n")))
    return Edit(instruction.span, moved_in(document, document.newline.join(lines)).removeprefix(document.margin))


def remove(document: Document, instruction: Instruction) -> Edit:
    """Take *instruction* out with its line end.

    Raises:
        LedgerError: it has comments, which the caller must place first, or one below it would become a directive.
    """
    if instruction.comments or instruction.inner_comments:
        raise LedgerError(f"line {instruction.line}: the comments of {instruction.keyword} would be lost")
    text = document.text
    start, end = instruction.block.start, instruction.block.end
    if not instruction.index and directive(text[end:].partition("\n")[0].strip(SPACE)):
        raise LedgerError(f"line {instruction.end_line + 1}: without what is above, the comment is a directive")
    if not text[:end].endswith("\n"):
        return Edit(Span(len(text[:start].rstrip("\r\n")), end), "")
    above = text.rfind("\n", 0, start - 1) + 1 if start else 0
    below = text[end:].partition("\n")[0]
    if above < start and not text[above:start].strip() and end < len(text) and not below.strip():
        start = above
    return Edit(Span(start, end), "")


def _lines(document: Document, text: str, comment: str | None) -> str:
    """Canonical *text* as whole lines of *document*, with its comment above."""
    lines = [habitual(document, text.rstrip("\n") + "\n")]
    if comment is not None:
        lines = [document.newline.join(comment_lines(comment)) + document.newline, *lines]
    return moved_in(document, "".join(lines))


def moved_in(document: Document, lines: str) -> str:
    """*lines* behind the margin that most instructions have; those with a heredoc, whose end has none, as they are."""
    if not document.margin or "<<" in lines:
        return lines
    return "".join(document.margin + line for line in lines.splitlines(keepends=True))


def comment_lines(comment: str) -> list[str]:
    """The lines of a comment that is given with or without ``#``."""
    return [line if line.startswith("#") else f"# {line}" for line in comment.strip("\n").split("\n")]


def escape_at(instruction: Instruction) -> int:
    """Where the text of a dangling instruction ends: before the escape characters that continue it with nothing.

    Raises:
        LedgerError: a comment stands between them.
    """
    logical = instruction.statement.logical
    end = logical.span(0, len(logical.text.rstrip(SPACE))).end
    if any(comment.span.start > end for comment in instruction.inner_comments):
        raise LedgerError(f"line {instruction.line}: {instruction.keyword} has no end, and comments where it should be")
    return end
