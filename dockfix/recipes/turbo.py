"""Turborepo's ``prune``, which lays out the part of a monorepo that one package needs: manifests apart from sources.

https://turborepo.com/docs/reference/prune
"""

from __future__ import annotations

from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.model.config import join

if TYPE_CHECKING:
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, StageModel, Step


def source(model: Model, stage: StageModel, place: str) -> str | None:
    """The folder of the build context of which turbo has laid out a part in a folder of a stage.

    Args:
        model: the Dockerfile.
        stage: the stage that takes the part over.
        place: its folder there.

    Returns:
        ``None`` where the folder has anything else. The lock file in it has nothing that the whole one has not.
    """
    for step in reversed(stage.all_steps):
        copy = step.instruction.copy
        other = model.document.stage(copy.from_) if copy is not None and copy.from_ is not None else None
        if copy is None or other is None or join(step.before.workdir, copy.destination).rstrip("/") != place:
            continue
        for made in model.stages[other.index].steps:
            output = _output(made)
            if output is not None and all(f"{join('/', name)}/".startswith(f"{output}/") for name in copy.sources):
                return model.stages[other.index].context_path(made.before.workdir)
    return None


def _output(step: Step) -> str | None:
    """The folder in which a RUN lays a part of the monorepo out."""
    for command in step.script.commands if step.script is not None else ():
        if _prunes(command):
            given = next((after for word, after in pairwise(command.args) if word == "--out-dir"), "out")
            return join(step.before.workdir, given)
    return None


def _prunes(command: ShellCommand) -> bool:
    words = [basename(word.text).partition("@")[0] for word in command.words]
    return any(pair == ("turbo", "prune") for pair in pairwise(words))
