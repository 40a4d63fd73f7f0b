"""``workdir``: absolute folders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.text import Edit
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.model import Model, StageModel, Step


@transform("workdir", phase=Phase.MODERNISE, safety=Safety.SAFE)
def workdir(model: Model) -> Iterator[Result]:
    """Write WORKDIR with the absolute folder, so that it does not depend on the lines above.

    What it does:
        Replaces a relative WORKDIR by the folder that it comes to. A `cd` at the start of a RUN stays: WORKDIR in its
        place would also hold for the lines below.

    Why:
        Where a relative WORKDIR leads depends on the lines above and on the base image (BuildKit's check
        WorkdirRelativePath).

    Refuses when:
        The folder that a relative one counts from comes from an unknown base image or from a variable.

    Example:
        See fixtures/workdir/example.
    """
    for stage in model.stages:
        for step in stage.steps:
            if step.instruction.keyword == "WORKDIR":
                yield from _relative(model, stage, step)


def _relative(model: Model, stage: StageModel, step: Step) -> Iterator[Result]:
    (word,) = step.instruction.words
    written, folder = word.value, step.after.workdir
    if written.startswith(("/", "$")) or ":" in written or "\\" in written:
        return
    cause = _uncertain(stage, step)
    if cause is not None:
        yield Refusal(step.instruction, f"{written} is relative, and where it leads depends on {cause}")
    elif any(character in word.span.of(model.document.text) + folder for character in " \t\n"):
        yield Refusal(step.instruction, f"{written} is relative, but no plain word")
    else:
        why = f"{written} is relative; with the lines above it comes to {folder}"
        yield Change(step.instruction, (Edit(word.span, folder),), why)


def _uncertain(stage: StageModel, step: Step) -> str | None:
    """What the folder of *step* depends on beside the file; ``None`` where it is the same in every build."""
    steps = stage.all_steps
    for above in reversed(steps[: steps.index(step) + 1]):
        if above.instruction.keyword == "WORKDIR":
            folder = above.instruction.words[0].value
            if "$" in folder:
                return f"the variable in {folder}"
            if folder.startswith("/"):
                return None
    return None if step.before.known else f"its base image: {stage.unresolved}"
