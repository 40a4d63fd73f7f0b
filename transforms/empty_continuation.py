"""``empty-continuation``: no empty lines inside an instruction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Model


@transform("empty-continuation", phase=Phase.MODERNISE, safety=Safety.SAFE)
def empty_continuation(model: Model) -> Iterator[Result]:
    """Leave no empty line inside an instruction that goes over several lines.

    What it does:
        Removes empty lines behind a line that ends in the escape character. Comment lines stay, the instruction says
        what it said.

    Why:
        Docker skips them today and has announced that they will be errors; BuildKit warns of them (its check
        NoEmptyContinuation).

    Refuses when:
        What follows the empty line begins like an instruction of its own: there the escape character may be a mistake.

    Example:
        See fixtures/empty-continuation/example.
    """
    for instruction in model.document.instructions:
        lines = tuple(_empty_lines(model.document, instruction))
        if not lines:
            continue
        swallowed = _swallowed(model.document, instruction, lines)
        if swallowed is not None:
            why = f"{swallowed} on a later line belongs to this {instruction.keyword}, which may not be meant"
            yield Refusal(instruction, why)
        else:
            why = "empty lines inside an instruction will be errors in a future release of Docker"
            yield Change(instruction, tuple(Edit(line, "") for line in lines), why)


def _empty_lines(document: Document, instruction: Instruction) -> Iterator[Span]:
    """The empty lines between the pieces of the logical line."""
    logical = instruction.statement.logical
    for number, (source, following) in enumerate(pairwise(logical.sources)):
        start = source + logical.starts[number + 1] - logical.starts[number]
        position = document.text.find("\n", start, following) + 1
        while 0 < position < following:
            end = document.text.find("\n", position, following) + 1 or following
            if not document.text[position:end].strip():
                yield Span(position, end)
            position = end


def _swallowed(document: Document, instruction: Instruction, lines: tuple[Span, ...]) -> str | None:
    """The keyword with which the text behind an empty line begins."""
    for line in lines:
        word = document.text[line.end :].partition("\n")[0].split(None, 1)[:1]
        if word and word[0] in {"RUN", "CMD", "COPY", "ADD", "ENV", "FROM", "WORKDIR", "EXPOSE", "ENTRYPOINT", "USER"}:
            return word[0]
    return None
