"""``copy-order``: manifests first, sources after the install."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.dockerfile.layout import Gap, Item, Keep, New, layout
from dockfix.model import Model, Purpose, Role, StageModel, Step
from dockfix.model.commands import purpose
from dockfix.recipes.manifests import copies, manifests
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform


@transform("copy-order", phase=Phase.COPY_ORDER, safety=Safety.SAFE)
def copy_order(model: Model) -> Iterator[Result]:
    """Copy the manifests and install before the sources are copied, so that an edit does not repeat the install.

    What it does:
        Where a stage copies its sources and installs afterwards, copies what the install reads (package.json and
        lock file, requirements files with all that they include, settings of the package manager), moves the copy of
        the sources behind the install, and takes a RUN that installs and builds apart.

    Why:
        The build cache keeps a step as long as everything above it is unchanged. Sources change all the time,
        dependencies seldom.

    Refuses when:
        The install reads the sources: a postinstall or prepare script, a local package, an editable project. A file
        that it reads is not in the build context. Something unknown stands between the copy and the install. The
        modules of the host would be copied over the installed ones because .dockerignore does not name them.

    Example:
        See fixtures/copy-order/example.
    """
    orders: dict[int, tuple[Item, ...]] = {}
    first: Step | None = None
    for stage in model.stages:
        sources = _early_sources(stage)
        if sources is None:
            continue
        try:
            orders[stage.index] = _order(model, stage, sources)
        except UnfitError as reason:
            yield Refusal(reason.at or sources.instruction, reason.why)
            continue
        first = first or sources
    if first is not None:
        whole = [
            orders.get(stage.index) or tuple(Keep(step.instruction) for step in stage.steps) for stage in model.stages
        ]
        result = layout(model.document, whole)
        why = "the sources are copied before the install, so that every edit repeats it"
        yield Change(first.instruction, result.edits, why, ledger=result.ledger)


def _early_sources(stage: StageModel) -> Step | None:
    """The copy of a whole folder that stands before an install of dependencies which it feeds."""
    for position, step in enumerate(stage.steps):
        if step.role is Role.SOURCES and any(p.step is step and p.folder for p in stage.placements):
            later = stage.steps[position + 1 :]
            if any(Purpose.INSTALL in other.purposes for other in later):
                return step
    return None


def _order(model: Model, stage: StageModel, sources: Step) -> tuple[Item, ...]:
    steps = stage.steps
    at = steps.index(sources)
    installs = [step for step in steps[at + 1 :] if Purpose.INSTALL in step.purposes]
    last = _last_movable(steps, at, installs)
    between = steps[at + 1 : steps.index(last)]
    _check(sources, between)
    paths: list[str] = []
    present = {p.source for p in stage.placements if p.step in steps[:at]}
    for step in installs[: installs.index(last) + 1]:
        paths += [path for path in manifests(model, stage, step) if path not in present]
    lines: list[Item] = [
        New(line) for line in copies(stage, last, sources, tuple(dict.fromkeys(paths)), sources.before.workdir)
    ]
    behind = [step for step in between if step.role is Role.FOLDERS or step.role is Role.SOURCES]
    install, rest = _cut(last)
    return (
        *(Keep(step.instruction) for step in steps[:at]),
        *lines,
        *(Keep(step.instruction) for step in between if step not in behind),
        install,
        *((Gap(),) if model.document.spacious else ()),
        Keep(sources.instruction),
        *(Keep(step.instruction) for step in behind),
        *rest,
        *(Keep(step.instruction) for step in steps[steps.index(last) + 1 :]),
    )


def _last_movable(steps: tuple[Step, ...], at: int, installs: list[Step]) -> Step:
    """The last install that can stand before the sources: those behind a build step may need what it made."""
    last = installs[0]
    for step in installs[1:]:
        between = steps[steps.index(last) + 1 : steps.index(step)]
        if Purpose.BUILD in last.purposes or any(
            other.script is not None and other.purposes - {Purpose.INSTALL, Purpose.SETTINGS, Purpose.PACKAGES}
            for other in between
        ):
            break
        last = step
    return last


def _check(sources: Step, between: tuple[Step, ...]) -> None:
    if any(flag.name not in {"chown", "chmod", "link"} for flag in sources.instruction.flags):
        raise UnfitError(sources.instruction, "the copy of the sources has flags of its own")
    destination = sources.instruction.copy.destination if sources.instruction.copy else ""
    for step in between:
        keyword = step.instruction.keyword
        if keyword == "WORKDIR" and not destination.startswith("/"):
            raise UnfitError(step.instruction, "the working directory changes between the copy and the install")
        if keyword == "USER":
            raise UnfitError(step.instruction, "the user changes between the copy and the install")
        if step.role is Role.UNKNOWN or Purpose.BUILD in step.purposes:
            raise UnfitError(step.instruction, "this may need the sources, or change what the install does")


def _cut(step: Step) -> tuple[Item, tuple[Item, ...]]:
    """The RUN as its install and the rest, which may need the sources.

    Raises:
        UnfitError: it cannot be taken apart.
    """
    script, instruction = step.script, step.instruction
    lasting = step.purposes - {Purpose.CLEANUP}
    if lasting <= {Purpose.INSTALL, Purpose.SETTINGS, Purpose.PACKAGES, Purpose.TOOLS}:
        return Keep(instruction), ()
    if script is None or not script.flat or not script.ok or instruction.inner_comments or instruction.json is not None:
        raise UnfitError(instruction, "this RUN does more than install the dependencies")
    known = {Purpose.INSTALL, Purpose.SETTINGS, Purpose.CLEANUP, Purpose.NEUTRAL}
    first = next((i for i, command in enumerate(script.commands) if purpose(command) not in known), None)
    commands = script.commands
    if first is None or first == 0 or any(purpose(command) is Purpose.INSTALL for command in commands[first:]):
        raise UnfitError(instruction, "this RUN does more than install the dependencies")
    if any(command.joiner not in {"", "&&"} for command in commands) or any(c.name == "cd" for c in commands[:first]):
        raise UnfitError(instruction, "this RUN does more than install the dependencies")
    if instruction.flags or instruction.heredocs:
        raise UnfitError(instruction, "this RUN has flags or a heredoc")
    end = instruction.span.end
    cut = Edit(Span(commands[first - 1].span.end, end), "")
    rest = instruction.text[commands[first].span.start - instruction.span.start :]
    return Keep(instruction, (cut,)), (New(f"RUN {rest}"),)
