"""``package-cache``: no package manager's cache in a layer that ships."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dockfix.dockerfile import Instruction
from dockfix.dockerfile.layout import Item, Keep, layout
from dockfix.model import Model, Purpose, StageModel, Step
from dockfix.recipes import caches, chain, lists
from dockfix.recipes.stage import shipping
from dockfix.text import Edit
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform


@transform("package-cache", phase=Phase.CACHES, safety=Safety.SAFE)
def package_cache(model: Model) -> Iterator[Result]:
    """Leave no package manager's cache in a layer that ships, or in a stage from which it takes node_modules.

    What it does:
        Removes apt's lists in the RUN that fetches them, and makes one RUN of a lone `apt-get update` and the install
        that follows. Tells pip and apk to keep no cache. Empties the caches of npm, yarn and dnf in stages whose
        layers ship, and those of npm and yarn also in a stage whose node_modules folder is copied straight into one
        that ships; a builder from which only its output is taken keeps them. With `--cache-mounts` the caches of pip,
        npm and apt are mounts instead, which kaniko and the legacy builder do not know.

    Why:
        A layer keeps what its RUN leaves behind, whatever a later RUN deletes. A lone `apt-get update` is cached for
        months, until the versions that it lists are gone.

    Refuses when:
        A later RUN installs from apt's lists without fetching them. A RUN is no plain chain of commands.

    Example:
        See fixtures/package-cache/example.
    """
    tidied = Tidied()
    refusals: list[Refusal] = []
    shipped = shipping(model)
    carried = _carried(model, shipped)
    for stage in model.stages:
        ships = stage.index in shipped
        apt = lists.tidy(model, stage, ships)
        refusals += [Refusal(stage.steps[at].instruction, why) for at, why in apt.refused.items()]
        for position, step in enumerate(stage.steps):
            if position in apt.dropped:
                tidied.drop(step, apt.dropped[position], "")
            elif step.instruction.keyword == "RUN":
                _tidy(model, stage, position, apt, (ships, ships or stage.index in carried), tidied)
    yield from refusals
    if not tidied.first:
        return
    stages: list[list[Item]] = [
        [
            Keep(i, tuple(tidied.edits.get(i.index, ())))
            for i in (step.instruction for step in stage.steps)
            if i.index not in tidied.dropped
        ]
        for stage in model.stages
    ]
    result = layout(model.document, stages, tidied.dropped)
    yield Change(tidied.first, result.edits, tidied.why, ledger=result.ledger)


@dataclass
class Tidied:
    """What was found to do in the whole file."""

    first: Instruction | None = None
    edits: dict[int, list[Edit]] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    lone: int | None = None
    mounted: dict[str, None] = field(default_factory=dict)

    def edit(self, step: Step, name: str, *edits: Edit) -> None:
        """Change a RUN for the sake of a package manager."""
        if edits:
            self.first = self.first or step.instruction
            self.edits.setdefault(step.instruction.index, []).extend(edits)
            self.names |= dict.fromkeys([name] if name else [])

    def drop(self, step: Step, reason: str, name: str) -> None:
        """Take a RUN away."""
        self.first = self.first or step.instruction
        self.dropped[step.instruction.index] = reason
        self.names |= dict.fromkeys([name] if name else [])

    @property
    def why(self) -> str:
        """One sentence of what is gained."""
        parts = []
        if self.mounted:
            parts.append(f"the cache of {_listed(list(self.mounted))} is kept between builds and out of the image")
        if self.names:
            parts.append(f"the cache of {_listed(list(self.names))} would stay in a layer")
        if self.lone is not None:
            parts.append(
                f"the apt-get update of line {self.lone} would be cached by itself until its lists are out of date"
            )
        return ", and ".join(parts) or "apt's lists are removed twice"


def _tidy(
    model: Model, stage: StageModel, position: int, apt: lists.Tidying, ships: tuple[bool, bool], tidied: Tidied
) -> None:
    document, step = model.document, stage.steps[position]
    before = apt.before.get(position, [])
    if model.options.cache_mounts:
        from dockfix.recipes import mounts

        mounting = mounts.mounted(model, stage, position, before)
        if mounting is not None:
            tidied.edit(step, "", *mounting.edits)
            tidied.mounted |= dict.fromkeys(mounting.managers)
            return
    tidied.edit(step, "pip", *caches.pip(stage, step))
    if caches.lone_apk_update(stage, position):
        tidied.drop(step, "apk add --no-cache fetches the index itself", "apk")
    else:
        tidied.edit(step, "apk", *caches.apk(document, stage, step))
    behind: list[str] = []
    if position in apt.cleaned:
        sudo = any(called.command.words[0].text == "sudo" for called in step.calls("apt"))
        behind.append(f"sudo {lists.REMOVE}" if sudo else lists.REMOVE)
        tidied.names["apt"] = None
    if ships[1] and chain.open_end(document, step) is not None:
        emptied = list(caches.emptying(model, stage, step, ships[0]))
        if not ships[0]:  # no layer of it is kept, and the next install would have to fetch everything anew
            emptied = [command for command in emptied if command.split()[0] not in _installing(stage, position + 1)]
        tidied.names |= dict.fromkeys(command.split()[command.startswith("sudo ")] for command in emptied)
        behind += emptied
    if before and tidied.lone is None:
        tidied.lone = stage.steps[min(apt.dropped)].instruction.line
    if before or behind:
        tidied.edit(step, "", *chain.extended(document, step, before, behind))


def _installing(stage: StageModel, start: int) -> set[str]:
    """The package managers that fetch what the app needs in the steps of a stage from one on."""
    steps = [step for step in stage.steps[start:] if Purpose.INSTALL in step.purposes]
    return {called.manager for step in steps for called in step.invocations if called.verb in {"", *caches.FILLING}}


def _carried(model: Model, shipped: set[int]) -> set[int]:
    """The stages whose installed modules are copied into one that ships."""
    found = set()
    for index in shipped:
        for step in model.stages[index].steps:
            copy = step.instruction.copy
            source = model.document.stage(copy.from_) if copy is not None and copy.from_ is not None else None
            if source is not None and copy is not None and any("node_modules" in path for path in copy.sources):
                found.add(source.index)
    return found


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
