"""Wrappers: programs among the sources that fetch a build tool, and what makes them fit to run."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.recipes.manifests import stretch
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, StageModel, Step

MENDING = frozenset({"chmod", "sed", "dos2unix"})
"""What makes a program of a wrapper that a checkout on Windows has left without its mode or with other line ends."""
BROAD = frozenset({"chmod", "find", "dos2unix"})
"""What may do so without a word of it."""


def mending(model: Model, stage: StageModel, step: Step, wrapper: str) -> Iterator[str]:
    """The commands that make a wrapper fit to run, each as it is written.

    Args:
        model: the Dockerfile.
        stage: the stage.
        step: the RUN that calls the wrapper.
        wrapper: its name.

    Raises:
        UnfitError: something else is done to it, or what does so is written in another way than can be repeated.
    """
    for other in stage.steps[: stage.steps.index(step) + 1]:
        for command in other.script.commands if other.script is not None else ():
            named = _is_about(command, wrapper)
            if basename(command.name) == wrapper or not (command.name in BROAD or named):
                continue
            plain = command.name in MENDING and named and not command.depth
            if not plain or command.redirects or other.before.workdir != step.before.workdir:
                raise UnfitError(other.instruction, f"what {command.name} does to {wrapper} the fetch would need too")
            yield stretch(model, other, command.span)


def _is_about(command: ShellCommand, wrapper: str) -> bool:
    texts = (word.text for word in (*command.words[1:], *command.redirects))
    return any(basename(text.strip("<> ")) == wrapper for text in texts)
