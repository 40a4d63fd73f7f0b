"""Node packages that an install leaves out, because they serve development alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.model import Purpose
from dockfix.model.commands import purpose
from dockfix.model.config import covers, join
from dockfix.recipes import installs

if TYPE_CHECKING:
    from dockfix.model import Invocation, Model, StageModel, Step

PRODUCTION = frozenset(
    {"--production", "--production=true", "--only=production", "--only=prod", "--omit=dev", "--prod", "-P"}
)
DEVELOPMENT = frozenset({"--production=false", "--prod=false"})
MODULES = "node_modules"


def omits_development(step: Step, called: Invocation) -> bool:
    """Whether an install, which *called* does in *step*, leaves out dev dependencies."""
    environment = {**step.arguments, **step.before.env}.get("NODE_ENV") == "production"
    flags = any(word.text in PRODUCTION for word in called.options)
    omitted = any(first.text == "--omit" and second.text == "dev" for first, second in pairwise(called.options))
    kept = called.has("--include") or any(word.text in DEVELOPMENT for word in called.options)
    return (environment or flags or omitted) and not kept


def is_omitted(model: Model, name: str) -> bool:
    """Whether containers of the final stage do without the npm package *name*.

    Only devDependencies lead to it, and their modules do not come along. Where the sources import one of those all the
    same, a bundler may have taken any of them in.
    """
    nodes = installs.node_manifests(model)
    told = [node.is_dev(name) for node in nodes]
    if not told or not all(fact is not None and fact.value for fact in told):
        return False
    imported = [node.is_dev(fact.value) for node in nodes for fact in model.server.imports]
    if any(fact is not None and fact.value for fact in imported):
        return False
    last = [list(_installs(stage))[-1:] for stage in _givers(model)]
    return any(last) and all(omits_development(step, called) for calls in last for step, called in calls)


def _givers(model: Model) -> Iterator[StageModel]:
    """The final stage, and those that give it modules."""
    yield model.final
    for step in model.final.all_steps:
        copy = step.instruction.copy
        stage = model.document.stage(copy.from_) if copy is not None and copy.from_ else None
        if copy is None or stage is None:
            continue
        giver = model.stages[stage.index]
        modules = join(giver.config.workdir, MODULES)
        if any(basename(source) == MODULES or covers(join("/", source), modules) for source in copy.sources):
            yield giver


def _installs(stage: StageModel) -> Iterator[tuple[Step, Invocation]]:
    for step in stage.all_steps:
        for called in step.invocations:
            if called.manager in installs.NODE_MANAGERS and purpose(called.command) is Purpose.INSTALL:
                yield step, called
