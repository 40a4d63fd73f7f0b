"""A stage with its manifests and its install put above its sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dockfix.dockerfile import expand
from dockfix.dockerfile.layout import Gap, Item, Keep, New
from dockfix.model import Model, Purpose, StageModel, Step
from dockfix.model.config import join
from dockfix.recipes.ecosystems import readers
from dockfix.recipes.followers import followers, place_of
from dockfix.recipes.manifests import copies, left_out, readings, stretch
from dockfix.recipes.presence import absent
from dockfix.recipes.seams import seam
from dockfix.recipes.sources import inside, is_relative, lowered, settled
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

READERS = frozenset({"cat", "test", "[", "ls"})
"""Commands that look at files which they are given."""


def reordered(model: Model, stage: StageModel, sources: Step) -> tuple[Item, ...]:
    """What *stage* is to consist of.

    Args:
        model: the whole file.
        stage: the stage.
        sources: the first copy of sources that stands above an install.

    Raises:
        UnfitError: the install may need the sources, or something between them cannot stay.
    """
    place = place_of(stage, sources)
    moved = followers(model, stage, place)
    installs = [step for step in place.between if Purpose.INSTALL in step.purposes]
    for step in place.between:
        _check_made(model, stage, step, moved, tuple(_environments(step, moved, stage)))
    above = [step for step in (*place.above, *place.between) if step not in moved]
    paths: list[str] = []
    first_installs: dict[int, Keep] = {}
    rest: list[Item] = []
    for step in installs:
        found = readings(model, stage, step, readers())
        _check_made(model, stage, step, moved, found.made)
        _check_readers(model, stage, step, found.paths)
        paths += absent(stage, found.paths, above, moved)
        kept, behind = _cut(model, step)
        first_installs[step.instruction.index] = Keep(step.instruction, (*kept.edits, *left_out(found)))
        rest += [New(f"RUN {stretch(model, step, called.command.span)}") for called, _ in found.without]
        rest += behind
    lines = copies(model, stage, place.last, moved, tuple(dict.fromkeys(paths)))
    again = {line: step for step in moved for line in lines if _is_repeated(stage, moved, step, line)}
    staying = [step for step in place.between if step not in moved]
    at = next(number for number, step in enumerate(staying) if _reads_manifests(step))
    # the new copies are written for the folder of the old ones
    folders = {step.before.workdir for step in moved if step.instruction.copy is not None and is_relative(step)}
    if len(folders) > 1:
        raise UnfitError(place.last.instruction, "the working directory changes between the copies of the sources")
    changes = folders - {place.last.before.workdir}
    settling = (n for n, step in enumerate(staying[:at]) if changes and step.instruction.keyword == "WORKDIR")
    changing = next(settling, at)
    news = [New(line, replaces=(again[line].instruction,) if line in again else ()) for line in lines]
    install = first_installs.get(staying[at].instruction.index, settled(staying[at], stage, moved))
    return (
        *(Keep(step.instruction) for step in place.above),
        *(settled(step, stage, moved) for step in staying[:changing]),
        *(news if changing < at else ()),
        *(settled(step, stage, moved) for step in staying[changing:at]),
        *_grouped(model, stage, sources, news if changing == at else (), install),
        *(first_installs.get(step.instruction.index, settled(step, stage, moved)) for step in staying[at + 1 :]),
        *((Gap(),) if model.document.spacious else ()),
        *(lowered(step, place.last.before.workdir) for step in moved if step not in again.values()),
        *((Gap(),) if rest and model.document.spacious and model.document.gap_above(place.last.instruction) else ()),
        *rest,
        *((Gap(),) if rest and place.below and model.document.gap_above(place.below[0].instruction) else ()),
        *(Keep(step.instruction) for step in place.below),
    )


def _is_repeated(stage: StageModel, moved: Sequence[Step], step: Step, line: str) -> bool:
    """Whether the new *line* says what *step* does, and the sources below bring the same file to the same place."""
    copied = [p for p in stage.placements if p.step in moved]
    own = [p for p in copied if p.step is step]
    if step.instruction.text.strip() != line or len(own) != 1 or own[0].folder or step.instruction.flags:
        return False
    if any(each.instruction.copy is None or each.instruction.flags for each in moved):
        return False  # what else is done to the file, or whose it is in the end, is not looked into
    over = [p for p in copied if p.step is not step and (p.target == own[0].target or inside(own[0].target, p.target))]
    rest = [f"{p.source}{own[0].target[len(p.target.rstrip('/')) :]}".lstrip("/") for p in over]
    return bool(rest) and all(path == own[0].source for path in rest)


def _reads_manifests(step: Step) -> bool:
    """Whether a RUN installs, or lets corepack or yarn choose a version by the manifest."""
    if Purpose.INSTALL in step.purposes:
        return True
    commands = step.script.commands if step.script else ()
    return Purpose.SETTINGS in step.purposes and any(command.name in {"corepack", "yarn"} for command in commands)


def _grouped(model: Model, stage: StageModel, sources: Step, lines: Sequence[New], install: Keep) -> Iterator[Item]:
    """The new copies and the install below them, in one group unless the file keeps everything apart."""
    if not lines:
        yield install
        return
    step = model.step(install.instruction)
    if model.document.gap_above(step.instruction) or (
        model.document.gap_above(sources.instruction) and stage.steps.index(step) == stage.steps.index(sources) + 1
    ):
        yield Gap()
    yield from lines
    if _separates(model, stage) or (step.instruction.comments and model.document.gap_above(step.instruction)):
        yield Gap()
        yield install
    else:
        yield Keep(install.instruction, install.edits, close=True)


def _separates(model: Model, stage: StageModel) -> bool:
    """Whether the file puts an empty line between all instructions, so that none goes with another."""
    gaps = [model.document.gap_above(step.instruction) for step in stage.steps[1:]]
    return sum(gaps) >= 0.8 * len(gaps)


def _environments(step: Step, moved: Sequence[Step], stage: StageModel) -> Iterator[str]:
    """Virtual environments that a RUN makes in the folder of the sources, by the path in the context."""
    known = {**step.arguments, **step.before.env}
    for command in step.script.commands if step.script else ():
        words = [word.text for word in command.words]
        if "virtualenv" not in words[:1] and "venv" not in words[1:3]:
            continue
        target = join(step.before.workdir, expand(words[-1].strip("\"'"), known) or words[-1])
        for p in stage.placements:
            if p.step in moved and p.folder and target != p.target and inside(target, p.target):
                yield f"{p.source}/{target[len(p.target.rstrip('/')) + 1 :]}".lstrip("/")


def _check_made(model: Model, stage: StageModel, step: Step, moved: Sequence[Step], made: Sequence[str]) -> None:
    """Refuse where the sources would bring the host's modules over the installed ones."""
    ignore = model.app.ignore
    for path in made:
        brought = any(
            p.folder and (not p.source or path.startswith(p.source + "/")) for p in stage.placements if p.step in moved
        )
        if brought and not ignore.ignores(path):
            why = f"{path} of the host would be copied over the installed ones ({ignore.path})"
            raise UnfitError(step.instruction, why)


def _check_readers(model: Model, stage: StageModel, step: Step, paths: Sequence[str]) -> None:
    """Refuse a RUN that looks at files of the sources beside installing."""
    for command in step.script.commands if step.script else ():
        for arg in command.args if command.name in READERS else ():
            path = stage.context_path(join(step.before.workdir, arg))
            if path and path not in paths and model.app.root.exists(path):
                raise UnfitError(step.instruction, f"this RUN reads {path}")


def _cut(model: Model, step: Step) -> tuple[Keep, tuple[Item, ...]]:
    """The RUN as its install and the rest, which may need the sources.

    Raises:
        UnfitError: it cannot be taken apart.
    """
    script, instruction, first = step.script, step.instruction, seam(step)
    if script is None or first is None:
        return Keep(instruction), ()
    commands, end = script.commands, instruction.span.end
    cut = Edit(Span(commands[first - 1].span.end, end), "")
    return Keep(instruction, (cut,)), (New(f"RUN {stretch(model, step, Span(commands[first].span.start, end))}"),)
