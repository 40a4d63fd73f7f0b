"""The instructions of a file, each with the comments that go with it wherever it goes."""

from __future__ import annotations

from dataclasses import dataclass

from dockfix.dockerfile.document import Document
from dockfix.dockerfile.instruction import Instruction


@dataclass(frozen=True, slots=True)
class Unit:
    """An original instruction with its comments, ``[lead, end)``; its own lines are ``[start, stop)``."""

    instruction: Instruction
    lead: int
    start: int
    stop: int
    end: int


def units_of(document: Document) -> dict[int, Unit]:
    """The instructions from the first FROM on, each with the comments that go with it.

    A comment goes with the instruction below it, also across empty lines; only one that stands right under the end of
    a stage, with an empty line before the next FROM, goes with what it stands under.
    """
    text = document.text
    instructions = [instruction for instruction in document.instructions if instruction.stage >= 0]
    units: dict[int, Unit] = {}
    for number, instruction in enumerate(instructions):
        start = text.rfind("\n", 0, instruction.span.start) + 1
        stop = instruction.block.end
        lead = start
        if number:
            before = units[instruction.index - 1]
            lead = _lead(text, before.stop, start)
            if instruction.keyword == "FROM" and lead == before.stop:
                below = _below(text, lead, start)
                if below > lead:
                    units[instruction.index - 1] = Unit(
                        before.instruction, before.lead, before.start, before.stop, below
                    )
                    lead = _lead(text, below, start)
        elif start == 0 and document.bom:
            lead = start = 1
        units[instruction.index] = Unit(instruction, lead, start, stop, stop)
    return units


def _lead(text: str, start: int, end: int) -> int:
    """Where the first line of ``text[start:end]`` that is not empty begins."""
    while start < end:
        line_end = text.find("\n", start, end) + 1 or end
        if text[start:line_end].strip():
            return start
        start = line_end
    return end


def _below(text: str, start: int, end: int) -> int:
    """The end of the comment lines at *start* if an empty line follows them before *end*, else *start*."""
    position = start
    while position < end:
        line_end = text.find("\n", position, end) + 1 or end
        if not text[position:line_end].strip():
            return position
        position = line_end
    return start
