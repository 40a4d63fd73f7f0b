"""``keyword-case``: the keywords of a file in one case, AS like its FROM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.text import Edit
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Model


@transform("keyword-case", phase=Phase.MODERNISE, safety=Safety.SAFE)
def keyword_case(model: Model) -> Iterator[Result]:
    """Write all keywords of a file in one case, and AS like its FROM.

    What it does:
        Writes the keywords that are in the minority like the others, in capitals where neither case prevails, and the
        AS of a stage in the case of its FROM.

    Why:
        The case means nothing to Docker, but BuildKit warns of a file that mixes both: its checks FromAsCasing and
        ConsistentInstructionCasing.

    Refuses when:
        The keyword is broken up by the end of a line.

    Example:
        See fixtures/keyword-case/example.
    """
    for instruction in model.document.instructions:
        edits, broken = _edits(model.document, instruction)
        if broken:
            yield Refusal(instruction, f"{instruction.keyword} goes over the end of a line")
        elif edits:
            yield Change(instruction, edits, _why(instruction, edits))


def _edits(document: Document, instruction: Instruction) -> tuple[tuple[Edit, ...], bool]:
    """What brings the keywords of *instruction* into the case of the file, and whether a line ends inside one."""
    places = [(instruction.keyword_span, instruction.keyword)]
    if instruction.keyword == "FROM" and len(instruction.words) == 3:
        places.append((instruction.words[1].span, "AS"))
    edits: list[Edit] = []
    for span, keyword in places:
        written = span.of(document.text)
        wanted = keyword.lower() if document.keyword_case == "lower" else keyword
        if len(written) != len(keyword):
            return (), True
        if written != wanted:
            edits.append(Edit(span, wanted))
    return tuple(edits), False


def _why(instruction: Instruction, edits: tuple[Edit, ...]) -> str:
    if edits[0].span == instruction.keyword_span:
        return f"{instruction.keyword} is written in another case than most keywords of the file"
    return "AS is written in another case than its FROM"
