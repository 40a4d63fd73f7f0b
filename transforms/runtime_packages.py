"""``runtime-packages``: leave compilers out of an end that compiles nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import Item, Keep, layout
from dockfix.model import Model, Purpose
from dockfix.recipes import packages
from dockfix.recipes.split import UnfitError, check_started, listed
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.model import StageModel, Step

BUILDERS = frozenset({"go", "cargo", "make", "cmake", "gcc", "g++", "mvn", "gradle", "dotnet", "pip", "bash"})
"""Programs that build something when a container starts, and shells in which somebody may."""

IDLE = {Purpose.PACKAGES, Purpose.CLEANUP, Purpose.FOLDERS, Purpose.ACCOUNT, Purpose.NEUTRAL}


@transform("runtime-packages", phase=Phase.SPLIT)
def runtime_packages(model: Model) -> Iterator[Result]:
    """Install the run-time libraries where nothing is compiled, not the compilers and headers.

    What it does:
        Looks at the last stage of a file that has several. Compilers, make and the like that apt or apk installs
        there fall away, and every `-dev` package gives way to the libraries that it is for. All other packages stay,
        in the author's own command.

    Why:
        The work is done in the earlier stages; in the end a compiler is only weight, and a tool for an intruder.

    Refuses when:
        Packages are still installed by pip or npm in that stage, a RUN there does something that is not known, or
        the app itself calls a compiler.

    Example:
        See fixtures/runtime-packages/example.
    """
    stage = model.final
    if len(model.stages) < 2 or stage.parent is not None or stage.image is None:
        return
    tools = packages.build_tools(stage.steps)
    if not tools:
        return
    at = next(step for step in stage.steps if Purpose.PACKAGES in step.purposes).instruction
    try:
        _check(model, stage)
        replaced = packages.run_time(model, stage, stage.steps, afresh=False)
    except UnfitError as reason:
        yield Refusal(reason.at or at, reason.why)
        return
    items: list[Item] = []
    for step in stage.steps:
        items += replaced.get(step.instruction.index, [Keep(step.instruction)])
    if items == [Keep(step.instruction) for step in stage.steps]:
        return
    stages = [[Keep(each.instruction) for each in other.steps] for other in model.stages[:-1]]
    kept = {item.instruction.index for item in items if isinstance(item, Keep)}
    dropped = {index: "nothing is compiled in this stage" for index in replaced if index not in kept}
    result = layout(model.document, [*stages, items], dropped)
    why = f"{listed(tools)} {'serves' if len(tools) == 1 else 'serve'} builds, and nothing is built in this stage"
    yield Change(at, result.edits, why, Safety.REVIEW, ledger=tuple(result.ledger))


def _check(model: Model, stage: StageModel) -> None:
    """Refuse a stage in which something may still be compiled.

    Raises:
        UnfitError: with the RUN, or the start command.
    """
    check_started(model)
    if model.development is not None:
        raise UnfitError(None, f"this is a development image: {model.development.value} ({model.development.origin})")
    building = sorted(model.start.names & BUILDERS)
    if building:
        raise UnfitError(model.start.command, f"build tools stay: the container starts {building[0]}")
    for step in stage.steps:
        if step.script is None:
            continue
        if step.purposes & {Purpose.INSTALL, Purpose.TOOLS, Purpose.BUILD}:
            raise UnfitError(step.instruction, f"build tools stay: {_what(step)} in the same stage")
        if not step.script.ok or step.instruction.heredocs or not step.purposes <= IDLE:
            raise UnfitError(step.instruction, "build tools stay: what this RUN does with them cannot be told")


def _what(step: Step) -> str:
    return "the app is built" if Purpose.BUILD in step.purposes else "packages are installed"
