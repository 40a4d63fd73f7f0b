"""What every recipe for splitting a stage has in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Gap, Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.model.config import ConfigDelta, join
from dockfix.text import Edit, Span
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Model, Placement, Step

BUILDING = re.compile(r"build|compil|deps|dependencies|install", re.IGNORECASE)
"""Names of stages in which something is made that another stage runs."""


class UnfitError(Exception):
    """The stage is left whole: *why* is one sentence, *at* the instruction that it is about."""

    def __init__(self, at: Instruction | None, why: str) -> None:
        super().__init__(why)
        self.at = at
        self.why = why


class NoGainError(Exception):
    """The stage could be split, but the image would be no better for it."""


@dataclass(frozen=True)
class Split:
    """A stage taken apart.

    Attributes:
        stages: the new stages in order, the deployable one last.
        why: what is gained, with the evidence.
        config: what changes in the effective configuration of the end.
        dropped: instructions that fall away, by index, with the reason.
        files: companion files that go with it.
        safety: how far the split reaches.
        notes: what a person should know.
        idle_on: the base that has all that the end goes without, so that nothing is gained if the end stays on it;
            empty where something is gained at any rate.
    """

    stages: tuple[tuple[Item, ...], ...]
    why: str
    config: ConfigDelta
    dropped: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    safety: Safety = Safety.REVIEW
    notes: tuple[Note, ...] = ()
    idle_on: str = ""


def stage_name(document: Document, instruction: Instruction, name: str) -> Keep:
    """FROM kept under a stage name; a name that it has stays."""
    if re.search(r"\s+as\s+\S+\s*$", instruction.value, re.IGNORECASE):
        return Keep(instruction)
    word = "as" if document.keyword_case == "lower" else "AS"
    end = instruction.span.end
    return Keep(instruction, (Edit(Span(end, end), f" {word} {name}"),))


def spare(document: Document, name: str) -> str:
    """*name* for a new stage, or a longer one where a stage of the file has it already."""
    taken = {stage.name.lower() for stage in document.stages if stage.name}
    while name in taken:
        name = f"{name}-stage"
    return name


def early_name(model: Model, name: str) -> str:
    """What the stage that builds is called: as the file calls its only stage, where that is for building, or *name*."""
    return (model.final.stage.name or name) if names_building(model) else spare(model.document, name)


def names_building(model: Model) -> bool:
    """Whether the name of the only stage tells of building, and nobody asks for what runs by that name."""
    name = model.final.stage.name
    asked = {target.lower() for target in model.targets}
    return name is not None and BUILDING.search(name) is not None and name.lower() not in asked


def first_line(document: Document, instruction: Instruction, name: str) -> Keep | New:
    """FROM of an earlier stage: the file's own with its comments, unless its name belongs to the end."""
    if document.stages[-1].name not in {None, name}:
        return from_line(instruction, name)
    return stage_name(document, instruction, name)


def last_line(model: Model, instruction: Instruction) -> Keep | New:
    """FROM of the end, on the base of the file's only stage, whose name it keeps unless that is for building."""
    name = spare(model.document, "runtime")
    return from_line(instruction, name) if names_building(model) else stage_name(model.document, instruction, name)


def renamed(instruction: Instruction, name: str) -> Keep:
    """A FROM that has a name, under another."""
    return Keep(instruction, (Edit(instruction.words[-1].span, name),))


def from_line(instruction: Instruction, name: str) -> New:
    """The same base again, under *name*."""
    platform = instruction.flag("platform")
    flag = f"--platform={platform} " if platform else ""
    return New(f"FROM {flag}{instruction.words[0].text} AS {name}")


def spaced(document: Document, items: Sequence[Item]) -> tuple[Item, ...]:
    """*items* with an empty line wherever the file's habit asks for one."""
    if not document.spacious:
        return tuple(items)
    out: list[Item] = []
    for item in items:
        if out and _apart(document, out[-1], item):
            out.append(Gap())
        out.append(item)
    return tuple(out)


def _apart(document: Document, before: Item, item: Item) -> bool:
    """Whether an empty line belongs before *item*: copies from stages stand together."""
    if isinstance(item, New):
        if isinstance(before, Keep):
            return not (item.text.startswith("ENV") and before.instruction.keyword == "ENV")
        return not (isinstance(before, New) and item.text.startswith("COPY") and before.text.startswith("COPY"))
    return isinstance(item, Keep) and document.gap_above(item.instruction)


def build_variables(step: Step, users: Iterable[Step]) -> bool:
    """Whether an ENV step matters to a stage that installs and builds.

    What is built may read any variable that stands above it, in ways that no list knows. Only those stay out of which
    it is known that a program reads them alone when it serves, or that nothing that is written depends on them.

    Args:
        step: the ENV.
        users: the steps of that stage.
    """
    text = " ".join(user.instruction.text for user in users)
    return not all(_is_idle(assignment.key, text) for assignment in step.instruction.assignments)


def _is_idle(variable: str, text: str) -> bool:
    """Whether a build neither reads a variable nor, by its *text*, calls the program that does."""
    program = catalog.reads_alone(variable)
    names = (variable, *((program,) if program else ()))
    return program is not None and not any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


def used(name: str, steps: Iterable[Step]) -> bool:
    """Whether a build argument is named, or silently seen by a RUN, in *steps*."""
    return any(re.search(rf"\b{re.escape(name)}\b", step.instruction.text) for step in steps)


def check_common(model: Model, *, root_only: bool = True, kept: str | None = None) -> None:
    """Refuse what no recipe can split.

    Args:
        model: the model.
        root_only: refuse installs by another user than root.
        kept: the folder to which everything goes that is installed. Where compose mounts the sources beside it, a
            developer's container has what it had: https://docs.docker.com/engine/storage/bind-mounts/ hides only what
            lies below the mount.

    Raises:
        UnfitError: with the reason.
    """
    for step in model.final.steps:
        keyword = step.instruction.keyword
        if keyword == "ONBUILD":
            raise UnfitError(step.instruction, "ONBUILD acts in images built from this one")
        if keyword == "ADD" and step.role is Role.UNKNOWN:
            raise UnfitError(step.instruction, "ADD fetches from elsewhere, so what it brings cannot be told")
        if keyword == "RUN" and step.instruction.heredocs:
            raise UnfitError(step.instruction, "a RUN with a heredoc is not taken apart")
        if root_only and keyword == "USER" and not is_root(step.after.user) and _installs_later(model, step):
            raise UnfitError(step.instruction, "dependencies are installed by another user than root")
    why = model.development
    if why is not None and not (kept is not None and why.origin == _mounted_beside(model, kept)):
        raise UnfitError(None, f"this is a development image: {why.value} ({why.origin})")


def _mounted_beside(model: Model, kept: str) -> str | None:
    """Where compose mounts the sources, if that does not hide the folder *kept*."""
    if model.mount is None or f"{kept}/".startswith(f"{model.mount[1].target.rstrip('/')}/"):
        return None
    return model.mount[1].origin


def _installs_later(model: Model, step: Step) -> bool:
    later = model.final.steps[model.final.steps.index(step) :]
    return any(other.purposes & {Purpose.INSTALL, Purpose.PACKAGES} for other in later)


def check_started(model: Model) -> None:
    """Refuse an image that names no start of its own: what is run in it, and what that needs, is decided elsewhere.

    Raises:
        UnfitError: there is neither CMD nor ENTRYPOINT.
    """
    if not any(step.instruction.keyword in {"CMD", "ENTRYPOINT"} for step in model.final.steps):
        raise UnfitError(None, "the image has no start command of its own, so that what it needs cannot be told")


def is_root(user: str) -> bool:
    """Whether an account as USER names it is root."""
    return user.partition(":")[0] in {"", "root", "0"}


def plain_copies(document: Document, steps: Sequence[Step]) -> list[Keep]:
    """*steps* for a stage that only builds: where root does so, copies need no owner, and no account must exist."""
    if not all(is_root(step.after.user) for step in steps):
        return [Keep(step.instruction) for step in steps]
    return [Keep(step.instruction, tuple(without_owner(document, step.instruction))) for step in steps]


def without_owner(document: Document, instruction: Instruction) -> Iterator[Edit]:
    """The cut of a copy's ``--chown``, and of the white space before it."""
    for flag in instruction.flags if instruction.keyword in {"COPY", "ADD"} else ():
        if flag.name == "chown":
            start = flag.span.start
            while document.text[start - 1] in f" \t\r\n{document.escape}":
                start -= 1
            yield Edit(Span(start, flag.span.end), "")


def gives_away(step: Step) -> bool:
    """Whether a RUN names an account other than root as an owner."""
    return step.script is not None and any(command.name in {"chown", "chgrp"} for command in step.script.commands)


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them; of many the first three and their number."""
    names = list(dict.fromkeys(names))
    if len(names) > 3:
        return f"{', '.join(names[:3])} and {len(names) - 3} more packages"
    return " and ".join(names) if len(names) < 3 else f"{names[0]}, {names[1]} and {names[2]}"


def brought_again(model: Model, step: Step, after: Sequence[Step]) -> bool:
    """Whether a later COPY brings the files to the same place, so that the first need not stay in the end."""
    placed = [p for p in model.final.placements if p.step is step]
    later = [p for p in model.final.placements if p.step in after and p.folder]
    return bool(placed) and all(any(_covers(q, p) for q in later) for p in placed)


def _covers(folder: Placement, part: Placement) -> bool:
    """Whether the copy of a *folder* brings a file or a folder that lies in it to where *part* brings it."""
    if part.source == folder.source or (folder.source and not part.source.startswith(f"{folder.source}/")):
        return False
    inner = part.source[len(folder.source) :].lstrip("/")
    return part.target.rstrip("/") == join(folder.target, inner)
