"""``multiple-commands``: one CMD, ENTRYPOINT and HEALTHCHECK a stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import Keep, layout
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.model import Model

KEYWORDS = ("CMD", "ENTRYPOINT", "HEALTHCHECK")


@transform("multiple-commands", phase=Phase.MODERNISE, safety=Safety.SAFE)
def multiple_commands(model: Model) -> Iterator[Result]:
    """Keep one CMD, ENTRYPOINT and HEALTHCHECK in a stage: Docker obeys the last one alone.

    What it does:
        Takes those out that a later one of the same stage makes void.

    Why:
        A reader takes them for commands that run. BuildKit warns of them (its check MultipleInstructionsDisallowed).

    Refuses when:
        Comments belong to what would be taken out: they tell that more was meant than is done.

    Example:
        See fixtures/multiple-commands/example.
    """
    dropped: dict[int, str] = {}
    void: list[Instruction] = []
    for stage in model.document.stages:
        for keyword in KEYWORDS:
            *earlier, last = [i for i in stage.instructions if i.keyword == keyword] or [stage.base]
            for instruction in earlier:
                reason = f"the {keyword} on line {last.line} makes it void"
                if instruction.comments or instruction.inner_comments:
                    yield Refusal(instruction, f"{reason}, but the comments with it tell of more than is done")
                else:
                    dropped[instruction.index] = reason
                    void.append(instruction)
    if not void:
        return
    stages = [
        [Keep(instruction) for instruction in stage.instructions if instruction.index not in dropped]
        for stage in model.document.stages
    ]
    result = layout(model.document, stages, dropped)
    first = min(void, key=lambda instruction: instruction.index)
    yield Change(first, result.edits, f"{dropped[first.index]}: Docker obeys one alone", ledger=result.ledger)
