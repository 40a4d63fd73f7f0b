"""``copy-order``: manifests first, sources after the install."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from dockfix.dockerfile.layout import Item, Keep, layout
from dockfix.model import Model, Purpose, StageModel, Step
from dockfix.recipes.prefetch import Prefetch, prefetch
from dockfix.recipes.reordering import reordered
from dockfix.recipes.seams import unparted
from dockfix.recipes.sources import FOREIGN, early_sources
from dockfix.recipes.split import UnfitError
from dockfix.recipes.stamps import delayed, names, stamps
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform


@transform("copy-order", phase=Phase.COPY_ORDER, safety=Safety.SAFE)
def copy_order(model: Model) -> Iterator[Result]:
    """Copy the manifests and install before the sources are copied, so that an edit does not repeat the install.

    What it does:
        Where a stage copies its sources and installs afterwards, copies what the install reads (package.json and
        lock file, the manifests of workspaces, patches, requirements files with all that they include, settings of
        the package manager), moves the copies of the sources behind the install, and takes a RUN that installs and
        builds apart. Poetry, uv and Composer install the dependencies first, and the project itself behind the sources.
        Where a Go or Maven build fetches what it needs itself, that is done by the manifests alone above the sources,
        and so is what a wrapper of Gradle fetches; what a crate or the crates of a workspace need, Cargo builds there
        with empty programs in the place of the real ones.

    Why:
        The build cache keeps a step as long as everything above it is unchanged. Sources change all the time,
        dependencies seldom.

    Refuses when:
        The install reads the sources: a postinstall or prepare script, a local package, an editable project; or it adds
        a package to the manifest that the sources bring. A file that it reads is not in the build context. Something
        unknown stands between the copy and the install. The modules of the host would be copied over the installed ones
        because .dockerignore does not name them. The package manager may read what lies elsewhere (a member of
        Cargo's workspace alone), or has no command for that (Gradle without its wrapper).

    Example:
        See fixtures/copy-order/example.
    """
    orders: dict[int, tuple[Item, ...]] = {}
    first: Step | None = None
    whys: dict[str, None] = {}
    for stage in model.stages:
        sources = early_sources(model, stage)
        items: tuple[Item, ...] = tuple(Keep(step.instruction) for step in stage.steps)
        fetched: Prefetch | None = None
        try:
            if sources is not None:
                items = reordered(model, stage, sources)
                first = first or sources
                whys["the sources are copied before the install, so that every edit repeats it"] = None
                yield from _repeated(stage, sources)
            elif (fetched := prefetch(model, stage)) is not None:
                items = fetched.items
                first = first or fetched.sources
                whys[fetched.why] = None
            else:
                yield from _foreign(stage)
        except UnfitError as reason:
            yield Refusal(reason.at or (sources or stage.steps[0]).instruction, reason.why)
        late = stamps(stage, items, fetched)
        if late:
            items = delayed(stage, items, late, fetched)
            first = first or late[0]
            whys[f"{' and '.join(names(late))} above the install repeats it whenever the value changes"] = None
        orders[stage.index] = items
    if first is not None:
        result = layout(model.document, [orders[stage.index] for stage in model.stages])
        yield Change(first.instruction, result.edits, ", and ".join(whys), ledger=result.ledger)


def _repeated(stage: StageModel, sources: Step) -> Iterator[Refusal]:
    """Say which install stays below *sources*, where another one does not."""
    below = (step for step in stage.steps[stage.steps.index(sources) :] if Purpose.INSTALL in step.purposes)
    reason = next(filter(None, map(unparted, below)), None)
    if reason is not None:
        yield Refusal(reason.at or sources.instruction, reason.why)


def _foreign(stage: StageModel) -> Iterator[Refusal]:
    """Say of other package managers why their order is left alone."""
    copied = False
    for step in stage.steps:
        copied = copied or any(p.step is step and p.folder and not p.source for p in stage.placements)
        for command in step.script.commands if step.script else ():
            why = FOREIGN.get(basename(command.name).removesuffix("w"))
            if why is not None:
                if copied:
                    yield Refusal(step.instruction, f"the sources stay above this: {why}")
                return  # the first call fetches what there is to fetch
