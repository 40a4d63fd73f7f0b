"""Where new lines go in a stage, in the order that a careful person keeps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockfix.dockerfile.habits import insert_after, insert_before
from dockfix.model import Purpose
from dockfix.recipes.packages import install_line
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Invocation, Model, StageModel, Step

HEAD = frozenset({"FROM", "ARG", "ENV", "LABEL", "MAINTAINER", "SHELL"})
"""What stands at the top of a stage, before anything is installed."""

SOURCES = ("/etc/apt/sources.list", "/etc/apk/repositories", "apt.conf.d")
"""Where an image says from which servers it installs."""

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


def shipping(model: Model) -> set[int]:
    """The stages whose layers end up in an image that is kept."""
    indices = {stage.index for stage in model.final.lineage}
    for name in model.targets:
        stage = model.document.stage(name)
        if stage is not None:
            indices |= {other.index for other in model.stages[stage.index].lineage}
    return indices


def package_edit(model: Model, stage: StageModel, packages: Sequence[str]) -> tuple[Edit, ...]:
    """Install *packages*: in the RUN that installs others by the same manager, or in one at the top.

    A RUN qualifies where it stands before any file is copied, as root.
    """
    last = head(stage)
    for step in stage.steps:
        if step.instruction.keyword in {"COPY", "ADD"} or step.before.user not in {"", "root", "0"}:
            break
        called = installing(step, stage.manager or "")
        if called is not None:
            return tuple(appended(model.document, called, name) for name in packages)
        if step.instruction.keyword == "RUN" and any(place in step.instruction.text for place in SOURCES):
            # a mirror that the author chose is used for these packages, too
            last = step.instruction
    line = install_line(stage.manager or "", packages)
    return (insert_after(model.document, last, line, gap=model.document.spacious),)


def installing(step: Step, manager: str) -> Invocation | None:
    """The last command of a RUN in which another package can be written; ``None`` where it installs none for good."""
    if Purpose.PACKAGES not in step.purposes or step.script is None or not step.script.ok:
        return None
    found = [
        called
        for called in step.invocations
        if called.manager == manager
        and called.verb in {"install", "add"}
        and called.operands
        and not called.command.depth
        and not called.has("-t", "--virtual", "--target-release", "-X", "--repository", "--root")
    ]
    return found[-1] if found else None


def appended(document: Document, called: Invocation, name: str) -> Edit:
    """*name* among the packages of *called*: in its place where they are sorted, on a line of its own like them."""
    text, words = document.text, called.command.words
    operands = called.operands
    names = [word.text.partition("=")[0] for word in operands]
    ordered = len(names) > 2 and names == sorted(names)
    following = next((word for word in operands if ordered and word.text > name), None)
    anchor = following or operands[-1]
    before = words[words.index(anchor) - 1]
    between = text[before.span.end : anchor.span.start]
    separator = " "
    if "\n" in between:
        indent = re.search(r"[^\n]*$", between)
        separator = f" {document.escape}{document.newline}{indent[0] if indent else ''}"
    if following is not None:
        return Edit(Span(anchor.span.start, anchor.span.start), f"{name}{separator}")
    return Edit(Span(anchor.span.end, anchor.span.end), f"{separator}{name}")


def insert_tail(model: Model, stage: StageModel, keyword: str, text: str) -> Edit:
    """A new line of run-time configuration, before those that come after *keyword* by habit."""
    following = {"EXPOSE": TAIL, "HEALTHCHECK": TAIL[1:], "ENTRYPOINT": TAIL[2:], "CMD": ()}[keyword]
    steps = list(stage.steps)
    while steps and steps[-1].instruction.keyword not in following:
        steps.pop()
    if not steps:
        return insert_after(model.document, stage.steps[-1].instruction, text, gap=model.document.spacious)
    while steps[-2].instruction.keyword in following:
        steps.pop()
    return insert_before(model.document, steps[-1].instruction, text)
