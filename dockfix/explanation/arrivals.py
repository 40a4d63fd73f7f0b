"""What comes into an image by COPY and ADD, followed through the stages that it is taken from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog.secretfiles import secret_file, spells_secret_file
from dockfix.dockerfile import ImageReference, expand
from dockfix.model.config import covers, join

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.dockerfile.instruction import CopySpec
    from dockfix.dockerfile.scanner import Heredoc
    from dockfix.model import Model, StageModel, Step

ARCHIVE = re.compile(r"\.(?:tar(?:\.\w+)?|tgz|tbz2?|txz)$")
"""What ADD unpacks: https://docs.docker.com/reference/dockerfile/#add"""
_FETCHED = re.compile(r"://|^git@")
_SPOKEN = re.compile(
    r"(?P<settings>(?<![\w.*-])\.env(?:\.\w+)?(?![\w-])|\bconfig\.env\b|\bgit\s+clone\b)"
    r"|(?<![\w.*-])(?:\.(?:npmrc|yarnrc|netrc|pypirc|git-credentials)|id_(?:rsa|dsa|ecdsa|ed25519))(?![\w.-])"
)
"""What a RUN says that makes a file with settings, a key or a token, or brings one."""
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
class Secret:
    """A file with settings, a key or a token that comes into an image, or may.

    Attributes:
        step: the instruction that brings it.
        path: its path in the context, or what may hold one.
        target: where it lies in the stage; ``None`` where that is not known.
        certain: whether it comes for certain, and holds some.
        spreads: whether what it says may be in what a build makes of it, as settings are.
    """

    step: Step
    path: str
    target: str | None
    certain: bool
    spreads: bool


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


def secrets(model: Model, stage: StageModel) -> Iterator[Secret]:
    """The files like ``.env`` and ``id_rsa`` that come into the image of a stage, and what may bring one."""
    for each in stage.lineage:
        for step in each.steps:
            if step.instruction.keyword == "RUN" and (match := _SPOKEN.search(step.instruction.value)):
                target = None if match["settings"] else join(step.before.workdir, match[0])
                yield Secret(step, match[0], target, False, match["settings"] is not None)
            copy = step.instruction.copy
            if copy is not None and copy.from_ is None:
                yield from _copied(model, each, step, copy)
    for taking in taken(model, stage):
        yield from _handed_on(model, taking)


def _copied(model: Model, stage: StageModel, step: Step, copy: CopySpec) -> Iterator[Secret]:
    """Those that a COPY brings from the context."""
    root = model.app.root
    for placement in (placement for placement in stage.placements if placement.step is step):
        source, target = placement.source, placement.target
        if not placement.folder:
            yield from _known(step, (source, target), source, target, partial(root.read, source))
            continue
        for number, path in enumerate(root.walk(source, _MOST), 1):
            inner = path[len(source) :].lstrip("/")
            if secret_file(basename(path)) and not model.app.ignore.ignores(path) and not _excluded(inner, copy):
                yield from _known(step, (path,), path, join(target, inner), partial(root.read, path))
            if number == _MOST:
                yield Secret(step, source or ".", None, False, True)
    for heredoc in step.instruction.heredocs:
        target = join(step.before.workdir, copy.destination)
        target = join(target, heredoc.name) if copy.destination.endswith("/") else target
        yield from _known(step, (target,), basename(target), target, partial(_body, heredoc))
    for source in copy.sources:
        folder, _, name = source.rpartition("/")
        added = step.instruction.keyword == "ADD" and (ARCHIVE.search(source) or _FETCHED.search(source))
        spelled = any(sign in name for sign in "*?[") and spells_secret_file(name)
        if added or spelled or _absolute(step, source) is None or any(sign in folder for sign in "*?["):
            yield Secret(step, source, None, False, True)


def _excluded(path: str, copy: CopySpec) -> bool:
    return any(fnmatchcase(path, pattern) or fnmatchcase(basename(path), pattern) for pattern in copy.exclude)


def _known(
    step: Step, names: Iterable[str], path: str, target: str, read: Callable[[], bytes | None]
) -> Iterator[Secret]:
    """A file, where it holds a secret or may, by a path that it has or gets."""
    for name in names:
        sort = secret_file(basename(name))
        if sort is not None and (holds := sort.holds(read())) is not False:
            yield Secret(step, path, target, holds is True, sort.kind == "settings")
            return


def _handed_on(model: Model, found: Taken) -> Iterator[Secret]:
    """Those that a COPY takes along from another stage; from an image that is not known it may be any."""
    if found.stage is None:
        if found.image is None:
            yield Secret(found.step, found.name, None, False, True)
        return
    held = tuple(secrets(model, found.stage))
    for path in found.paths if held else ():
        yield from _taken_along(found.step, found.stage, path, held)


def _taken_along(step: Step, stage: StageModel, path: str | None, held: Sequence[Secret]) -> Iterator[Secret]:
    """Those of a stage's that come with one of its paths."""
    copy = step.instruction.copy
    if copy is None or path is None or any(sign in path for sign in "*?["):
        yield from (replace(each, step=step, target=None, certain=False) for each in held[:1])
        return
    within = [each for each in held if each.target is not None and covers(path, each.target)]
    for each in within:
        stays = path == join(step.before.workdir, copy.destination)
        # one that is moved is not followed to its new place
        yield replace(each, step=step) if stays else replace(each, step=step, target=None, spreads=True)
    if not within and not _is_copied_file(stage, path):
        spreading = [each for each in held if each.spreads]
        yield from (replace(each, step=step, target=None, certain=False) for each in spreading[:1])


def _body(heredoc: Heredoc) -> bytes | None:
    """What a heredoc writes; ``None`` where variables in it decide that."""
    return None if heredoc.expand and "$" in heredoc.text else heredoc.text.encode("utf-8", "surrogateescape")


def _is_copied_file(stage: StageModel, path: str) -> bool:
    """Whether a path of a stage is one file of the context."""
    source = stage.context_path(path)
    return source is not None and stage.files.read(source) is not None


def _absolute(step: Step, path: str) -> str | None:
    """A path of a COPY ``--from``, which is taken from the root; ``None`` where a variable in it is not known."""
    text = expand(path, {**step.arguments, **step.before.env}) if "$" in path else path
    return None if text is None else join("/", text)
