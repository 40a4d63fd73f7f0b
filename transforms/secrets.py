"""``secrets``: what should not stay in an image for everybody to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.recipes.secrets import suspicion
from dockfix.transform import Note, Phase, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.model import Model


@transform("secrets", phase=Phase.MODERNISE, safety=Safety.ADVICE)
def secrets(model: Model) -> Iterator[Result]:
    """Say which variables hold secrets, which everybody who has the image can read.

    What it does:
        Names every ENV and ARG that looks like a secret by its name, or by its value. It changes nothing, and never
        prints a value.

    Why:
        The values of ENV are in the image, those of ARG in its history, also where a later line empties them. A secret
        that a build needs is mounted for one RUN (`--mount=type=secret`), one that the app needs is given to the
        container.

    Refuses when:
        It changes nothing, so there is nothing to refuse. Values that are plainly invented are not named.

    Example:
        See fixtures/secrets/example.
    """
    for instruction in model.document.instructions:
        if instruction.keyword in {"ENV", "ARG"}:
            for assignment in instruction.assignments:
                why = suspicion(instruction, assignment)
                if why is not None:
                    yield Note(instruction, f"{assignment.key} {why}", advice=True)
