"""Which base a stage could stand on, and how its instructions follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose
from dockfix.recipes import alpine, emitted
from dockfix.recipes.packages import install_line
from dockfix.recipes.programs import programs
from dockfix.recipes.split import UnfitError, spaced
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.dockerfile import Instruction
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, StageModel, Step

LANGUAGES = frozenset({"python", "node"})
"""Languages whose packages' needs on a small base are in the catalogue."""

SERVERS = frozenset({"nginx", "httpd"})
"""Web servers, whose images have the same settings in every variant."""


@dataclass
class Swap:
    """Stages on other bases.

    Attributes:
        items: the new instructions of each stage that changes, by its index.
        dropped: instructions that fall away, with the reason.
        evidence: packages whose binaries for the new base are recorded.
        packages: what is installed beside, because the base brought it.
    """

    items: dict[int, tuple[Item, ...]] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    evidence: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)

    def stages(self, model: Model) -> list[tuple[Item, ...]]:
        """All of the document's stages, unchanged ones as they are."""
        return [
            self.items.get(stage.index) or tuple(Keep(step.instruction) for step in stage.steps)
            for stage in model.stages
        ]


def together(swaps: Iterable[Swap]) -> Swap:
    """Swaps of stages that have none in common, as one."""
    whole = Swap()
    for swap in swaps:
        whole.items |= swap.items
        whole.dropped |= swap.dropped
    return whole


def is_candidate(stage: StageModel) -> bool:
    """Whether the stage's own FROM names a full or slim image of a known kind."""
    return (
        stage.parent is None
        and stage.image is not None
        and stage.image.name in LANGUAGES | SERVERS
        and stage.image.variant in {"full", "slim"}
    )


def serves(stage: StageModel) -> bool:
    """Whether a stage only serves files, so that the C library of the stage they come from is no matter."""
    return stage.image is not None and stage.image.name in {*SERVERS, "caddy"}


def families(model: Model) -> tuple[tuple[StageModel, ...], ...]:
    """The root stages in groups that exchange programs, so that their C library must be the same.

    The group of the final stage comes first.
    """
    roots = [stage for stage in model.stages if stage.parent is None]
    group = {stage.index: {stage.index} for stage in roots}
    for one, other in _exchanges(model):
        merged = group[one] | group[other]
        for index in merged:
            group[index] = merged
    final = model.final.lineage[0].index
    ordered = sorted({min(members): members for members in group.values()}.values(), key=lambda it: final not in it)
    return tuple(tuple(model.stages[index] for index in sorted(members)) for members in ordered)


def _exchanges(model: Model) -> Iterator[tuple[int, int]]:
    """Pairs of root stages between which files are copied that may be programs."""
    started = {basename(program.words[0]) for program in programs(model)}
    for stage in model.stages:
        root = stage.lineage[0]
        for step in stage.steps:
            copy = step.instruction.copy
            source = model.document.stage(copy.from_) if copy is not None and copy.from_ else None
            if source is None or copy is None:
                continue
            if serves(root) and not started & {basename(path) for path in (*copy.sources, copy.destination)}:
                continue
            origin = model.stages[source.index]
            if not emitted.is_emitted(model, origin, copy):
                yield root.index, origin.lineage[0].index


def gives_files(model: Model, family: Sequence[StageModel]) -> bool:
    """Whether the final stage takes from a family that is not its own: files, and no program."""
    copies = [step.instruction.copy for stage in model.final.lineage for step in stage.steps]
    sources = [model.document.stage(copy.from_) for copy in copies if copy is not None and copy.from_]
    return any(source is not None and model.stages[source.index].lineage[0] in family for source in sources)


def check_reference(stage: StageModel) -> None:
    """Refuse a base that is not to be exchanged.

    Raises:
        UnfitError: it is pinned by digest, or written with a variable.
    """
    base = stage.stage.base
    reference = ImageReference.parse(base.words[0].value)
    if reference.digest is not None:
        raise UnfitError(base, "the base is pinned by its digest")
    if reference.variables:
        raise UnfitError(base, "the base is named by a variable")


def _exchange(stage: StageModel, image: Image) -> Edit:
    """The edit to FROM that names *image* in the author's spelling."""
    word = stage.stage.base.words[0]
    reference = ImageReference.parse(word.value)
    return Edit(word.span, reference.with_tag(image.tag))


def on_alpine(model: Model, roots: Sequence[StageModel]) -> Swap:
    """The stages that descend from *roots*, a whole family, on Alpine.

    Raises:
        UnfitError: a stage cannot stand on Alpine for certain.
    """
    swap = Swap()
    images: dict[int, Image] = {}
    for root in roots:
        if not is_candidate(root):
            if root.libc == "musl":
                continue
            raise UnfitError(root.stage.base, f"{root.reference}, which exchanges files with it, stays as it is")
        assert root.image is not None
        check_reference(root)
        image = catalog.variant(root.image, "alpine")
        if image is None:
            raise UnfitError(root.stage.base, f"there is no Alpine variant of {root.reference}")
        images[root.index] = image
    for stage in model.stages:
        root = stage.lineage[0]
        if root.index not in images:
            continue
        translation = alpine.translate(model, stage, images[root.index])
        swap.dropped |= translation.dropped
        swap.evidence += translation.evidence
        swap.packages += translation.packages
        edit = _exchange(stage, images[root.index]) if stage is root else None
        items = _items(stage, edit, translation.items, translation.dropped)
        swap.items[stage.index] = _with_packages(model, stage, items, "apk", translation.packages)
    swap.evidence = list(dict.fromkeys(swap.evidence))
    return swap


def on_slim(model: Model, root: StageModel) -> Swap:
    """The stages that descend from *root* on the slim image.

    Raises:
        UnfitError: what the full image gave cannot be made up for, or it is the final stage's and others stand on it.
    """
    assert root.image is not None
    check_reference(root)
    stages = [stage for stage in model.stages if stage.lineage[0] is root]
    if model.final in stages:
        for stage in stages:
            if stage not in model.final.lineage:
                name = stage.stage.name or stage.index
                raise UnfitError(root.stage.base, f"stage {name} builds on the same base and keeps it")
    image = catalog.variant(root.image, "slim")
    if image is None:
        raise UnfitError(root.stage.base, f"there is no slim variant of {root.reference}")
    from dockfix.recipes import slim

    packages = list(dict.fromkeys(name for stage in stages for name in slim.packages(model, stage)))
    if packages and image.archive_moved:
        raise UnfitError(
            root.stage.base, f"{packages[0]} would have to be installed, but {image.suite}'s archive has moved"
        )
    items = _items(root, _exchange(root, image), {}, {})
    return Swap({root.index: _with_packages(model, root, items, "apt", packages)}, packages=packages)


def keeps(model: Model) -> bool:
    """Whether the final stage has to stay on the base that it has, whatever of the small ones is wanted."""
    root = model.final.lineage[0]
    if model.options.base == "keep" or not is_candidate(root):
        return True
    if model.options.base == "alpine" and not _is_unfit(lambda: on_alpine(model, families(model)[0])):
        return False
    return _is_unfit(lambda: on_slim(model, root))


def _is_unfit(move: Callable[[], Swap]) -> bool:
    try:
        move()
    except UnfitError:
        return True
    return False


def _items(
    stage: StageModel, edit: Edit | None, replaced: Mapping[int, tuple[Item, ...]], dropped: Iterable[int]
) -> list[Item]:
    items: list[Item] = []
    for step in stage.steps:
        index = step.instruction.index
        if step.instruction.keyword == "FROM" and edit is not None:
            items.append(Keep(step.instruction, (edit,)))
        elif index in replaced:
            items += replaced[index]
        elif index not in dropped:
            items.append(Keep(step.instruction))
    return items


def _with_packages(
    model: Model, stage: StageModel, items: list[Item], manager: str, packages: Sequence[str]
) -> tuple[Item, ...]:
    """*items* with *packages* added to the RUN that installs packages early, or in one of their own."""
    if not packages:
        return tuple(items)
    for position, item in enumerate(items):
        if not isinstance(item, Keep) or item.instruction.keyword in {"COPY", "ADD", "SHELL", "USER"}:
            break
        step = next(step for step in stage.steps if step.instruction is item.instruction)
        if (appended := _append(step, item.edits, packages)) is not None:
            items[position] = Keep(item.instruction, appended)
            return tuple(items)
        if _calls(step.script.commands if step.script else (), packages):
            break
    at = 1
    while at < len(items) and _is_head(items[at]):
        at += 1
    if stage.steps[0].after.user not in {"", "root", "0"}:
        raise UnfitError(stage.stage.base, f"{packages[0]} would have to be installed, but the stage begins as a user")
    new = New(install_line(manager, packages))
    if not model.document.spacious:
        return (*items[:at], new, *items[at:])
    return (
        *items[:at],
        *spaced(model.document, [items[at - 1], new])[1:],
        *spaced(model.document, [new, *items[at:]])[1:],
    )


def _calls(commands: Iterable[ShellCommand], packages: Sequence[str]) -> bool:
    """Whether a command may be of *packages*, which then have to be there before it."""
    names = {basename(command.name) for command in commands}
    return any(name in packages or catalog.provides(name) for name in names)


def _is_head(item: Item) -> bool:
    return isinstance(item, Keep) and item.instruction.keyword in {"ARG", "ENV", "LABEL", "MAINTAINER"}


def _append(step: Step, edits: tuple[Edit, ...], packages: Sequence[str]) -> tuple[Edit, ...] | None:
    """*edits* to a RUN with more packages behind the last that it installs; ``None`` where it installs none."""
    if Purpose.PACKAGES not in step.purposes:
        return None
    lists = [called for called in step.invocations if called.verb == "install" and called.operands]
    if not lists or lists[-1].manager != "apt" or lists[-1].command.depth:
        return None
    end = lists[-1].operands[-1].span.end
    if step.script and _calls([each for each in step.script.commands if each.span.start < end], packages):
        return None
    before, last = [word for word in lists[-1].command.words if word.span.end <= end][-2:]
    separator = _separator(step.instruction, before.span.end, last.span.start)
    more = "".join(f"{separator}{name}" for name in packages)
    own = next((edit for edit in edits if edit.span.end == end and edit.text), None)
    if own is not None:
        return tuple(Edit(edit.span, edit.text + more) if edit is own else edit for edit in edits)
    if any(edit.span.start < end <= edit.span.end for edit in edits):
        return None
    return (*edits, Edit(Span(end, end), more))


def _separator(instruction: Instruction, start: int, end: int) -> str:
    """What stands between the last two names: a space, or a line break where the file lists one a line."""
    gap = instruction.text[start - instruction.span.start : end - instruction.span.start]
    return gap if "\n" in gap and not gap.strip(" \t\r\n\\`") else " "
