"""Which base a stage could stand on, and how its instructions follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose
from dockfix.recipes import alpine, needs
from dockfix.recipes.packages import install_line
from dockfix.recipes.split import UnfitError, spaced
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.dockerfile import Instruction
    from dockfix.model import Model, StageModel, Step

FAMILIES = frozenset({"python", "node"})
"""Languages whose packages' needs on a small base are in the catalogue."""


def candidates(model: Model) -> tuple[StageModel, ...]:
    """The stages whose own FROM names a full or slim image of a known language."""
    return tuple(
        stage
        for stage in model.stages
        if stage.parent is None
        and stage.image is not None
        and stage.image.name in FAMILIES
        and stage.image.variant in {"full", "slim"}
    )


def connected(model: Model, stages: Sequence[StageModel]) -> bool:
    """Whether files go from one of *stages* to another stage that stays as it is, or the other way round."""
    inside = {stage.index for stage in stages}
    for stage in model.stages:
        root = stage.lineage[0].index
        for step in stage.steps:
            copy = step.instruction.copy
            source = model.document.stage(copy.from_) if copy is not None and copy.from_ else None
            if source is None:
                continue
            other = model.stages[source.index].lineage[0].index
            if (root in inside) != (other in inside) and not _static(model.stages[root]):
                return True
    return False


def _static(stage: StageModel) -> bool:
    """Whether a stage only serves files, so that the C library of the stage they come from is no matter."""
    return stage.image is not None and stage.image.name in {"nginx", "httpd", "caddy"}


def check_reference(stage: StageModel) -> Instruction:
    """FROM of *stage*, if its image may be exchanged.

    Raises:
        UnfitError: it is pinned by digest, or written with a variable.
    """
    base = stage.stage.base
    word = base.words[0]
    reference = ImageReference.parse(word.value)
    if reference.digest is not None:
        raise UnfitError(base, "the base is pinned by its digest")
    if reference.variables:
        raise UnfitError(base, "the base is named by a variable")
    return base


def exchange(stage: StageModel, image: Image) -> Edit:
    """The edit to FROM that names *image* in the author's spelling."""
    word = stage.stage.base.words[0]
    reference = ImageReference.parse(word.value)
    return Edit(word.span, reference.with_tag(image.tag))


def on_alpine(model: Model, stages: Sequence[StageModel]) -> tuple[list[tuple[Item, ...]], dict[int, str], list[str]]:
    """All of the document's stages, with *stages* on Alpine; what falls away; and the evidence.

    Raises:
        UnfitError: a stage cannot stand on Alpine for certain.
    """
    result: dict[int, tuple[Item, ...]] = {}
    dropped: dict[int, str] = {}
    evidence: list[str] = []
    roots = {stage.index for stage in stages}
    images: dict[int, Image] = {}
    for stage in stages:
        check_reference(stage)
        assert stage.image is not None
        image = catalog.variant(stage.image, "alpine")
        if image is None:
            raise UnfitError(stage.stage.base, f"there is no Alpine variant of {stage.reference}")
        images[stage.index] = image
    if connected(model, stages):
        raise UnfitError(stages[0].stage.base, "a stage that takes files from this one stays on glibc")
    for stage in model.stages:
        root = stage.lineage[0].index
        if root not in roots:
            continue
        translation = alpine.translate(model, stage, images[root].suite)
        dropped |= translation.dropped
        evidence += translation.evidence
        edit = exchange(stage, images[root]) if stage.index in roots else None
        items = _items(model, stage, edit, translation.items, translation.dropped)
        result[stage.index] = _with_packages(model, stage, items, "apk", translation.packages)
    whole = [result.get(stage.index) or tuple(Keep(step.instruction) for step in stage.steps) for stage in model.stages]
    return whole, dropped, list(dict.fromkeys(evidence))


def on_slim(model: Model, stage: StageModel) -> tuple[list[tuple[Item, ...]], list[str]]:
    """All of the document's stages with *stage* on the slim image, and the packages that it needs for that.

    Raises:
        UnfitError: what the full image gave cannot be made up for.
    """
    check_reference(stage)
    assert stage.image is not None
    image = catalog.variant(stage.image, "slim")
    if image is None:
        raise UnfitError(stage.stage.base, f"there is no slim variant of {stage.reference}")
    packages = slim_packages(model, stage)
    if packages and image.archive_moved:
        raise UnfitError(
            stage.stage.base, f"{packages[0]} would have to be installed, but {image.suite}'s archive has moved"
        )
    items = _items(model, stage, exchange(stage, image), {}, {})
    new = _with_packages(model, stage, items, "apt", packages)
    whole = [new if other is stage else tuple(Keep(step.instruction) for step in other.steps) for other in model.stages]
    return whole, packages


def slim_packages(model: Model, stage: StageModel) -> list[str]:
    """Debian packages that *stage* had from the full image and needs on the slim one.

    Raises:
        UnfitError: something is compiled there, or its needs are unknown.
    """
    found = list(needs.tools(model, stage))
    installed = {name.partition("=")[0] for _, name in stage.packages}
    builds = {name for name in installed if catalog.is_build_tool(name, "debian")}
    for step in stage.steps:
        match = alpine.DOWNLOADS.search(step.instruction.value) if step.instruction.keyword == "RUN" else None
        if match:
            raise UnfitError(step.instruction, f"what `{match[0].strip()[:60]}` needs of the full image is not known")
    if needs.installs_python(stage):
        for requirement in model.requirements:
            wheel = catalog.python_wheel(requirement.name, requirement.version, needs.python_version(stage))
            if wheel.musl == "sdist" and not builds and wheel.debian_build:
                raise UnfitError(None, f"{needs.title(requirement)} is compiled, and slim has no compiler")
            if wheel.musl == "unknown" and not builds:
                raise UnfitError(None, f"whether {needs.title(requirement)} has a wheel is not known")
    for requirement in model.requirements:
        suite = stage.image.suite if stage.image is not None else None
        wheel = catalog.python_wheel(requirement.name, requirement.version, needs.python_version(stage), suite)
        found += wheel.debian_runtime
        libraries = catalog.python_system_libraries(requirement.name, "debian", suite)
        if libraries is None:
            raise UnfitError(None, f"Debian does not have what {needs.title(requirement)} calls any more")
        found += libraries
    if stage.image is not None and stage.image.name == "node":
        for name, origin in alpine.native_modules(model):
            known = catalog.npm_native(name)
            if known is None:
                raise UnfitError(None, f"what {name} needs of the full image is not known ({origin})")
            if needs.installs_node(stage) and not known.prebuilt and known.debian_build:
                raise UnfitError(None, f"{name} is compiled, and slim has no compiler ({origin})")
            found += known.debian_runtime
    return [name for name in dict.fromkeys(found) if name not in installed]


def _items(
    model: Model,
    stage: StageModel,
    edit: Edit | None,
    replaced: Mapping[int, tuple[Item, ...]],
    dropped: Mapping[int, str],
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
        if isinstance(item, New) and item.text.startswith("RUN apk add --no-cache "):
            separator = " \\\n    " if "\n" in item.text else " "
            items[position] = New(separator.join([item.text, *packages]), item.comment, item.replaces)
            return tuple(items)
        if isinstance(item, Keep) and not item.edits and (end := _append_at(stage, item.instruction, manager)):
            items[position] = Keep(item.instruction, (Edit(Span(end, end), f" {' '.join(packages)}"),))
            return tuple(items)
        if isinstance(item, Keep) and item.instruction.keyword in {"COPY", "ADD"}:
            break
    at = 1
    while (
        at < len(items) and isinstance(item := items[at], Keep) and item.instruction.keyword in {"ARG", "ENV", "LABEL"}
    ):
        at += 1
    new = New(install_line(manager, packages))
    if not model.document.spacious:
        return (*items[:at], new, *items[at:])
    return (
        *items[:at],
        *spaced(model.document, [items[at - 1], new])[1:],
        *spaced(model.document, [new, *items[at:]])[1:],
    )


def _append_at(stage: StageModel, instruction: Instruction, manager: str) -> int | None:
    """Where another package can be written in a RUN that installs some by the same manager."""
    step: Step | None = next((step for step in stage.steps if step.instruction is instruction), None)
    if step is None or Purpose.PACKAGES not in step.purposes:
        return None
    ends = [
        called.operands[-1].span.end
        for called in step.invocations
        if called.manager == manager and called.verb in {"install", "add"} and called.operands
    ]
    return ends[-1] if ends else None
