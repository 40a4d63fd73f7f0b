"""What comes into an image by COPY and ADD, followed through the stages that it is taken from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference, expand
from dockfix.model.config import covers, join
from dockfix.recipes.ignores import ENVIRONMENT, EXAMPLES

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.dockerfile.instruction import CopySpec
    from dockfix.model import Model, StageModel, Step

ARCHIVE = re.compile(r"\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz)$")
"""What ADD unpacks: https://docs.docker.com/reference/dockerfile/#add"""
_FETCHED = re.compile(r"://|^git@")
_SPOKEN = re.compile(r"(?<![\w.*-])\.env(?:\.\w+)?(?![\w-])|\bconfig\.env\b|\bgit\s+clone\b")
"""What a RUN says that makes a file with settings, or brings one."""
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What a COPY takes from another stage or image.

    Attributes:
        step: the COPY.
        name: what it names.
        paths: the absolute paths that it takes; ``None`` for one that depends on a variable.
        stage: the stage; ``None`` for an image.
        image: what the catalogue knows of an image.
    """

    step: Step
    name: str
    paths: tuple[str | None, ...]
    stage: StageModel | None
    image: Image | None


@dataclass(frozen=True, slots=True)
class Settings:
    """A file with settings that comes into an image, or may.

    Attributes:
        step: the instruction that brings it.
        path: its path in the context, or what may hold one.
        target: where it lies in the stage; ``None`` where that it comes at all is not known.
    """

    step: Step
    path: str
    target: str | None


def taken(model: Model, stage: StageModel) -> Iterator[Taken]:
    """What the copies of a stage, and of those that it descends from, take from elsewhere than the context."""
    for step in stage.all_steps:
        copy = step.instruction.copy
        if copy is None or copy.from_ is None:
            continue
        found = model.document.stage(copy.from_)
        source = model.stages[found.index] if found is not None and found.index < stage.index else None
        image = None
        if source is None:
            reference = ImageReference.parse(copy.from_)
            image = catalog.image(reference.catalogued, reference.tag)
        yield Taken(step, copy.from_, tuple(_absolute(step, path) for path in copy.sources), source, image)


def settings(model: Model, stage: StageModel) -> Iterator[Settings]:
    """The files like ``.env`` that come into the image of a stage, and what may bring one."""
    for each in stage.lineage:
        for step in each.steps:
            if step.instruction.keyword == "RUN" and (match := _SPOKEN.search(step.instruction.value)):
                yield Settings(step, match[0], None)
            copy = step.instruction.copy
            if copy is not None and copy.from_ is None:
                yield from _copied(model, each, step, copy)
    for taking in taken(model, stage):
        yield from _handed_on(model, taking)


def is_settings(name: str) -> bool:
    """Whether a file is one with settings, and perhaps secrets, by its name."""
    return ENVIRONMENT.fullmatch(name) is not None and not EXAMPLES.search(name)


def _copied(model: Model, stage: StageModel, step: Step, copy: CopySpec) -> Iterator[Settings]:
    """Those that a COPY brings from the context."""
    places = [placement for placement in stage.placements if placement.step is step]
    for placement in places:
        if not placement.folder:
            if is_settings(basename(placement.target)) or is_settings(basename(placement.source)):
                yield Settings(step, placement.source, placement.target)
            continue
        for number, path in enumerate(model.app.root.walk(placement.source, _MOST), 1):
            inner = path[len(placement.source) :].lstrip("/")
            if is_settings(basename(path)) and not model.app.ignore.ignores(path) and not _excluded(inner, copy):
                yield Settings(step, path, join(placement.target, inner))
            if number == _MOST:
                yield Settings(step, placement.source or ".", None)
    if copy.heredocs and is_settings(basename(copy.destination)):
        yield Settings(step, basename(copy.destination), join(step.before.workdir, copy.destination))
    for source in copy.sources:
        folder, _, name = source.rpartition("/")
        added = step.instruction.keyword == "ADD" and (ARCHIVE.search(source) or _FETCHED.search(source))
        spelled = name.startswith((".e", "*.env")) and any(sign in name for sign in "*?[")
        if added or spelled or _absolute(step, source) is None or any(sign in folder for sign in "*?["):
            yield Settings(step, source, None)


def _excluded(path: str, copy: CopySpec) -> bool:
    return any(fnmatchcase(path, pattern) or fnmatchcase(basename(path), pattern) for pattern in copy.exclude)


def _handed_on(model: Model, found: Taken) -> Iterator[Settings]:
    """Those that a COPY takes along from another stage; from an image that is not known it may be any."""
    if found.stage is None:
        if found.image is None:
            yield Settings(found.step, found.name, None)
        return
    held = tuple(settings(model, found.stage))
    for path in found.paths if held else ():
        if path is not None and _is_copied_file(found.stage, path) and not is_settings(basename(path)):
            continue
        within = [each for each in held if path is not None and each.target is not None and covers(path, each.target)]
        for each in within or held[:1]:
            yield Settings(found.step, each.path, each.target if within else None)


def _is_copied_file(stage: StageModel, path: str) -> bool:
    """Whether a path of a stage is one file of the context."""
    source = stage.context_path(path)
    return source is not None and stage.files.read(source) is not None


def _absolute(step: Step, path: str) -> str | None:
    """A path of a COPY ``--from``, which is taken from the root; ``None`` where a variable in it is not known."""
    text = expand(path, {**step.arguments, **step.before.env}) if "$" in path else path
    return None if text is None else join("/", text)
