"""``pipefail``: downloads whose failure nobody notices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.transform import Note, Phase, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, StageModel, Step

_FETCHING = frozenset({"curl", "wget", "git", "aws", "gsutil"})
_GUARDED = re.compile(r"\bpipefail\b")


@transform("pipefail", phase=Phase.MODERNISE, safety=Safety.ADVICE)
def pipefail(model: Model) -> Iterator[Result]:
    """Say where a build goes on although what a pipe downloads failed to arrive.

    What it does:
        Names the RUNs in which a download is piped into another program without `set -o pipefail`. It changes nothing:
        with pipefail a build also stops where the reader ends early, as `head` and `grep -q` do, and Debian's sh does
        not know it.

    Why:
        The exit code of a pipe is that of its last command. `curl … | sh` succeeds when curl fails, and the layer
        without the program is cached.

    Refuses when:
        It changes nothing, so there is nothing to refuse.

    Example:
        See fixtures/pipefail/example.
    """
    for stage in model.stages:
        found = [(step, name) for step in stage.steps if (name := _unnoticed(step)) is not None]
        if not found:
            continue
        (first, name), *others = found
        lines = " and ".join(str(step.instruction.line) for step, _ in others)
        also = f", here and on line {lines}" if others else ""
        why = f"the build goes on when {name} fails, as only the end of a pipe counts{also}: {_remedy(stage)}"
        yield Note(first.instruction, why, advice=True)


def _unnoticed(step: Step) -> str | None:
    """The program whose failure the pipe hides; ``None`` where none does."""
    if step.script is None or not step.script.ok or _GUARDED.search(step.instruction.value):
        return None
    if any(_GUARDED.search(word) for word in step.before.shell):
        return None
    for command in step.script.commands:
        if command.joiner == "|":
            left = _left(step.script.commands, command)
            if left is not None and basename(left.name) in _FETCHING:
                return basename(left.name)
    return None


def _left(commands: tuple[ShellCommand, ...], command: ShellCommand) -> ShellCommand | None:
    """The command whose output *command* reads."""
    before = [each for each in commands if each.depth == command.depth and each.span.end <= command.span.start]
    return max(before, key=lambda each: each.span.end, default=None)


def _remedy(stage: StageModel) -> str:
    if stage.image is None:
        return "set -o pipefail, in a shell that has it"
    if stage.image.has_bash:
        return 'SHELL ["/bin/bash", "-o", "pipefail", "-c"] above it makes it stop'
    if stage.image.distribution == "alpine":
        return "`set -o pipefail &&` at its start makes it stop"
    return "download into a file, then read it"
