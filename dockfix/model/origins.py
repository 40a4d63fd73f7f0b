"""Where a file of an image comes from: followed through copies between stages to the stage that makes it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from posixpath import basename, dirname, normpath
from typing import TYPE_CHECKING

from dockfix.dockerfile import expand
from dockfix.facts.server import Place, Running
from dockfix.model.config import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.model import Model, StageModel, Start, Step

COPYING = frozenset({"cp", "mv", "install", "ln"})
LONGEST = 20
"""How many copies are followed."""


def origin(model: Model, path: str) -> tuple[StageModel, str]:
    """The stage in which a file of the final stage is made, and its absolute path there.

    Args:
        model: the Dockerfile.
        path: an absolute path; a COPY with a glob leaves one in the answer.
    """
    stage = model.final
    steps = stage.all_steps
    for _ in range(LONGEST):
        moved = next((found for step in reversed(steps) if (found := _before(model, step, path)) is not None), None)
        if moved is None:
            break
        step, other, path = moved
        if other is not None:
            stage, steps = other, other.all_steps
        else:
            steps = steps[: steps.index(step)]
    return stage, path


def running(model: Model, start: Start, words: tuple[str, ...] = ()) -> Running:
    """The program of a start of the final stage, as facts are asked for it.

    Args:
        model: the Dockerfile.
        start: the start.
        words: the program with its arguments, where it is another than the one that stays.
    """
    workdir = model.final.config.workdir
    environment = {**model.final.config.env, **dict(start.environment)}
    found = words or start.main or ("",)
    return Running(found, workdir, model.source, environment, lambda path: place(model, join(workdir, path)))


def place(model: Model, path: str) -> Place:
    """Where a file of the final stage comes from, as facts are asked for it."""
    found = model.places.get(path)
    if found is None:
        stage, before = origin(model, path)
        source = stage.context_path(before) or _unmatched(stage, before)
        found = model.places[path] = Place(before, source, stage.ran, stage.context_path)
    return found


def _unmatched(stage: StageModel, path: str) -> str | None:
    """The pattern by which a COPY brings a file that is made outside, of which a checkout has none."""
    for step in reversed(stage.all_steps):
        copy = step.instruction.copy
        if copy is None or copy.from_ is not None or len(copy.sources) != 1:
            continue
        known = {**step.arguments, **step.before.env}
        pattern = expand(copy.sources[0], known) or copy.sources[0]
        target = join(step.before.workdir, expand(copy.destination, known) or copy.destination)
        if target == path and "*" in basename(pattern) and not set(dirname(pattern)) & set("*?["):
            return normpath(pattern).lstrip("/")
    return None


def context_paths(model: Model, path: str) -> Iterator[str]:
    """Where a file of the final stage may lie in the build context, the likeliest first.

    Args:
        model: the Dockerfile.
        path: an absolute path.
    """
    found = [stage.context_path(before) for stage, before in (*_by_name(model, path), origin(model, path))]
    found += [each.context_path(path) for each in (model.final, *reversed(model.stages[:-1]))]
    yield from dict.fromkeys(each for each in found if each is not None)


def _by_name(model: Model, path: str) -> Iterator[tuple[StageModel, str]]:
    """The stages from which a COPY names the file itself, which a later COPY of another name does not bring."""
    for step in reversed(model.final.all_steps):
        copy = step.instruction.copy
        stage = model.document.stage(copy.from_) if copy is not None and copy.from_ is not None else None
        if copy is None or stage is None:
            continue
        target = join(step.before.workdir, copy.destination)
        for name in copy.sources:
            if basename(name) == basename(path) and path in {target, join(target, basename(name))}:
                yield model.stages[stage.index], join("/", name)


def _before(model: Model, step: Step, path: str) -> tuple[Step, StageModel | None, str] | None:
    """Where *path* was before *step* brought it, with the stage where that is another one; ``None``: not by this."""
    copy = step.instruction.copy
    if copy is not None and copy.from_ is not None:
        source = model.document.stage(copy.from_)
        if source is None:
            return None
        environment = {**step.arguments, **step.before.env}
        destination = expand(copy.destination, environment) or copy.destination
        names = [join("/", expand(name, environment) or name) for name in copy.sources]
        found = _source(path, names, join(step.before.workdir, destination), destination.endswith("/"))
        return None if found is None else (step, model.stages[source.index], found)
    for command in reversed(step.script.commands if step.script else ()):
        operands = [word.text for word in command.words[1:] if not word.text.startswith("-")]
        if command.name in COPYING and len(operands) > 1:
            names = [join(step.before.workdir, name) for name in operands[:-1]]
            found = _source(path, names, join(step.before.workdir, operands[-1]), operands[-1].endswith(("/", ".")))
            if found is not None and found != path:
                return step, None, found
    return None


def _source(path: str, sources: list[str], target: str, folder: bool) -> str | None:
    """What *path* was called before files were copied to *target*."""
    if path == target and not folder:
        return sources[0] if len(sources) == 1 else None
    inside = f"{target.rstrip('/')}/"
    if not path.startswith(inside):
        return None
    rest = path[len(inside) :]
    for source in sources:
        if fnmatchcase(rest, basename(source)):
            return join(dirname(source), rest)
    return join(sources[0], rest) if len(sources) == 1 and not set(basename(sources[0])) & set("*?[") else None
