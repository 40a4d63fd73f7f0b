"""Where new lines go in a stage, in the order that a careful person keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import insert_after, insert_before
from dockfix.model import Purpose
from dockfix.recipes.packages import install_line
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.model import Model, StageModel, Step

HEAD = frozenset({"FROM", "ARG", "ENV", "LABEL", "MAINTAINER", "SHELL"})
"""What stands at the top of a stage, before anything is installed."""

TAIL = ("HEALTHCHECK", "ENTRYPOINT", "CMD")
"""What ends a stage, in this order; EXPOSE, VOLUME and USER stand above."""


def head(stage: StageModel) -> Instruction:
    """The last instruction of the stage's opening lines."""
    last = stage.steps[0].instruction
    for step in stage.steps[1:]:
        if step.instruction.keyword not in HEAD:
            break
        last = step.instruction
    return last


def package_edit(model: Model, stage: StageModel, packages: Sequence[str]) -> Edit:
    """Install *packages*: in the RUN that installs others by the same manager, or in one at the top.

    A RUN qualifies where it stands before any file is copied, as root.
    """
    for step in stage.steps:
        if step.instruction.keyword in {"COPY", "ADD"} or step.before.user not in {"", "root", "0"}:
            break
        end = append_at(step, stage.manager or "")
        if end is not None:
            return Edit(Span(end, end), "".join(f" {name}" for name in packages))
    line = install_line(stage.manager or "", packages)
    return insert_after(model.document, head(stage), line, gap=model.document.spacious)


def append_at(step: Step, manager: str) -> int | None:
    """Where another package can be written in a RUN, ``None`` where it installs none by *manager*."""
    if Purpose.PACKAGES not in step.purposes or step.script is None or not step.script.ok:
        return None
    ends = [
        called.operands[-1].span.end
        for called in step.invocations
        if called.manager == manager
        and called.verb in {"install", "add"}
        and called.operands
        and not called.command.depth
    ]
    return ends[-1] if ends else None


def insert_tail(model: Model, stage: StageModel, keyword: str, text: str) -> Edit:
    """A new line of run-time configuration, before those that come after *keyword* by habit."""
    following = {"EXPOSE": TAIL, "HEALTHCHECK": TAIL[1:], "ENTRYPOINT": TAIL[2:]}[keyword]
    for step in stage.steps:
        if step.instruction.keyword in following:
            return insert_before(model.document, step.instruction, text)
    return insert_after(model.document, stage.steps[-1].instruction, text, gap=model.document.spacious)
