"""``maintainer-label``: the author in a label instead of MAINTAINER."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.dockerfile import dequote
from dockfix.dockerfile.habits import replace
from dockfix.model.config import stated
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.model import Model, StageModel

KEY = "org.opencontainers.image.authors"
"""https://github.com/opencontainers/image-spec/blob/main/annotations.md"""


@transform("maintainer-label", phase=Phase.MODERNISE, safety=Safety.SAFE)
def maintainer_label(model: Model) -> Iterator[Result]:
    """Name the author in a label instead of by MAINTAINER.

    What it does:
        Replaces MAINTAINER by the label org.opencontainers.image.authors with the same text. `docker inspect` shows it
        among the labels, no longer as the author.

    Why:
        MAINTAINER is deprecated and BuildKit warns of it (its check MaintainerDeprecated). The label is what the OCI's
        specification of images provides.

    Refuses when:
        The image has that label already, or a stage that is built by name has another author than the final one.

    Example:
        See fixtures/maintainer-label/example.
    """
    found = [i for i in model.document.instructions if i.keyword == "MAINTAINER"]
    if not found:
        return
    author = _author(model.final)
    built = [model.document.stage(name) for name in model.targets]
    others = [_author(model.stages[stage.index]) for stage in built if stage is not None]
    if any(other is not None and other != author for other in others):
        yield Refusal(found[0], "a stage that is built by name has another author than the final one")
        return
    for instruction in found:
        stage = model.stages[instruction.stage]
        if any(KEY in each.config.labels for each in (stage, model.final)):
            yield Refusal(instruction, f"the image has the label {KEY} already")
            continue
        labels = {**model.final.config.labels, KEY: author} if author is not None else model.final.config.labels
        yield Change(
            instruction,
            (replace(model.document, instruction, f"LABEL {KEY}={_quoted(_name(instruction), instruction.escape)}"),),
            "MAINTAINER is deprecated, a label takes its place",
            config=stated(model.final.config, labels=labels),
        )


def _author(stage: StageModel) -> str | None:
    """Who the image of *stage* says made it, as the configuration of the label will have it."""
    step = stage.setting("MAINTAINER")
    return None if step is None else _name(step.instruction).replace("$", f"{step.instruction.escape}$")


def _name(instruction: Instruction) -> str:
    """The author without the quotes around the whole."""
    value = instruction.value.strip()
    whole = re.fullmatch(r"\"([^\"]*)\"|'([^']*)'", value)
    return dequote(value, instruction.escape) if whole and "$" not in value else value


def _quoted(text: str, escape: str) -> str:
    """*text* in double quotes, with everything escaped that Docker would read in them."""
    special = {'"', "$", escape}
    return '"' + "".join(escape + each if each in special else each for each in text) + '"'
