"""The two stages of a compiled program: the one that builds it, and the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.recipes import packages
from dockfix.recipes.folders import made_by
from dockfix.recipes.split import build_variables, first_line, is_root, plain_copies, spare, used
from dockfix.text import Edit

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.model import Model, Step

MOVING = frozenset({"ARG", "ENV", "WORKDIR", "COPY", "ADD", "RUN", "SHELL"})


@dataclass(frozen=True)
class End:
    """What the end consists of.

    Attributes:
        reference: the image.
        carried: absolute paths of the builder, each with its place in the end.
        packages: what is installed beside the libraries of the author's own packages.
        variables: names of ENV that only a build reads.
        provided: programs that the end has beside those of its base.
        base: the image of the builder, where it is to be named otherwise than the file does; empty where it is not.
    """

    reference: str
    carried: tuple[tuple[str, str], ...]
    packages: tuple[str, ...] = ()
    variables: re.Pattern[str] = re.compile(r"(?!)")
    provided: frozenset[str] = frozenset()
    base: str = ""
    edits: Mapping[int, tuple[Edit, ...]] = field(default_factory=dict)
    """Changes to kept instructions, by index."""
    build: tuple[str, ...] = ()
    """New instructions at the end of the builder."""
    start: Mapping[int, str] = field(default_factory=dict)
    """New texts for instructions of the end, by index."""
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None

    @property
    def image(self) -> Image | None:
        """What the catalogue knows of the image."""
        reference = ImageReference.parse(self.reference)
        return catalog.image(reference.repository, reference.tag)


def builder(model: Model, end: End, at: int) -> list[Item]:
    """The stage that builds: everything up to the last build that is not about running."""
    steps = model.final.steps
    items: list[Item] = [_first(model, end)]
    chosen = [step for number, step in enumerate(steps[1:], 1) if _builds(model, step, number, at)]
    for step, keep in zip(chosen, plain_copies(model.document, chosen), strict=True):
        items.append(Keep(keep.instruction, (*keep.edits, *end.edits.get(step.instruction.index, ()))))
    return [*items, *map(New, end.build)]


def _first(model: Model, end: End) -> Keep | New:
    """FROM of the builder."""
    instruction = model.final.stage.base
    line = first_line(model.document, instruction, spare(model.document, "builder"))
    image = instruction.words[0]
    if not end.base:
        return line
    if isinstance(line, New):
        return New(line.text.replace(image.text, end.base, 1))
    return Keep(line.instruction, (Edit(image.span, end.base), *line.edits))


def _builds(model: Model, step: Step, number: int, at: int) -> bool:
    keyword = step.instruction.keyword
    if keyword == "USER":
        return number <= at and not is_root(model.final.steps[0].after.user)
    if keyword not in MOVING:
        return False
    if number > at:
        return keyword == "RUN" and not _runs(model, step)
    if keyword == "ENV":
        return build_variables(step, model.final.steps[number + 1 : at + 1])
    return step.role is not Role.ACCOUNT


def _runs(model: Model, step: Step) -> bool:
    """Whether a RUN makes accounts or folders for the program, rather than working on what is built."""
    if step.purposes <= {Purpose.ACCOUNT, Purpose.FOLDERS} and step.script is not None:
        names = {command.name for command in step.script.commands}
        return Purpose.ACCOUNT in step.purposes or bool(names & {"mkdir", "chown", "chgrp"})
    return False


def end(model: Model, end: End, at: int, names: Sequence[str]) -> list[Item]:
    """The stage that runs."""
    steps = model.final.steps
    own = any(step.instruction.keyword == "WORKDIR" for step in steps)
    head: list[Item] = []
    body: list[Item] = []
    for number, step in enumerate(steps[1:], 1):
        if not _stays(model, end, step, number, at):
            continue
        text = end.start.get(step.instruction.index)
        item: Item = Keep(step.instruction) if text is None else New(text, replaces=(step.instruction,))
        early = step.instruction.keyword in {"ARG", "ENV", "LABEL", "MAINTAINER"} or step.role is Role.ACCOUNT
        (head if number <= at and (early or step.instruction.keyword == "WORKDIR") else body).append(item)
    workdirs = [item for item in head if isinstance(item, Keep) and item.instruction.keyword == "WORKDIR"]
    head = [item for item in head if item not in workdirs]
    folder = model.folder
    if not own and needs_folder(model, end):
        workdirs_new: list[Item] = [New(f"WORKDIR {folder}")]
    else:
        workdirs_new = list(_last_folder(model, workdirs))
    builder = spare(model.document, "builder")
    copies = [
        New(f"COPY --from={builder} {source} {_destination(model, own, target)}") for source, target in end.carried
    ]
    manager = end.image.manager if end.image is not None else None
    install = [New(packages.install_line(manager or "", names))] if names else []
    variables = [item for item in head if _is_setting(item)]
    accounts = [item for item in head if not _is_setting(item)]
    name = ImageReference.parse(model.final.reference).name
    registry = name.removesuffix(basename(name))
    first = New(f"FROM {registry}{end.reference} AS {_end_name(model)}")
    items = [first, *variables, *install, *accounts, *workdirs_new, *copies, *body]
    return [item for item in items if not _is_idle_argument(model, item, items)]


def _end_name(model: Model) -> str:
    return model.final.stage.name or "runtime"


def _is_setting(item: Item) -> bool:
    return isinstance(item, Keep) and item.instruction.keyword in {"ARG", "ENV", "LABEL", "MAINTAINER"}


def needs_folder(model: Model, end: End) -> bool:
    """Whether something at the end is found from the base's own working directory."""
    return model.folder != "/" and (
        any(f"{target}/".startswith(f"{model.folder}/") for _, target in end.carried)
        or any(word.startswith("./") for word in model.start.words)
    )


def _last_folder(model: Model, workdirs: Sequence[Keep]) -> Iterator[Item]:
    """The WORKDIRs that lead to the last one."""
    for number, item in reversed(list(enumerate(workdirs))):
        if item.instruction.value.strip().startswith(("/", "$")):
            yield from workdirs[number:]
            return
    yield from workdirs


def _stays(model: Model, end: End, step: Step, number: int, at: int) -> bool:
    """Whether an instruction is in the end."""
    keyword = step.instruction.keyword
    if keyword == "ENV":
        return not all(end.variables.fullmatch(assignment.key) for assignment in step.instruction.assignments)
    if keyword == "RUN":
        if step.role is Role.ACCOUNT:
            return True
        if number > at:
            return _runs(model, step)
        return step.role is Role.FOLDERS and any(True for _ in made_by(model, step))
    if keyword in {"COPY", "ADD"}:
        return number > at
    return not (keyword == "USER" and number <= at and is_root(step.after.user))  # the build asks for root


def _is_idle_argument(model: Model, item: Item, items: Sequence[Item]) -> bool:
    """Whether an item is an ARG that nothing else in the end names."""
    if not isinstance(item, Keep) or item.instruction.keyword != "ARG":
        return False
    others = [model.step(each.instruction) for each in items if isinstance(each, Keep) and each is not item]
    others = [step for step in others if step.instruction.keyword != "ARG"]
    return not any(used(assignment.key, others) for assignment in item.instruction.assignments)


def _destination(model: Model, own: bool, target: str) -> str:
    """Where a carried file or folder goes, from the working directory where that is shorter."""
    folder = model.folder.rstrip("/")
    if folder and target == folder:
        return "./"
    if folder and target.startswith(f"{folder}/"):
        return f"./{target[len(folder) + 1 :]}"
    return target
