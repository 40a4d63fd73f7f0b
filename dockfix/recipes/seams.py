"""Where a RUN that does more than install can be taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.model import Purpose
from dockfix.model.commands import purpose
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.model import Step

_WHY = "this RUN does more than install the dependencies"
WITHOUT_SOURCES = frozenset({Purpose.INSTALL, Purpose.SETTINGS, Purpose.PACKAGES, Purpose.TOOLS, Purpose.CLEANUP})
"""What is done before the sources are there, where an install does not read them."""


def seam(step: Step) -> int | None:
    """The number of the first command that may need the sources; None where all belong to the install.

    Raises:
        UnfitError: the RUN cannot be taken apart there.
    """
    script, instruction = step.script, step.instruction
    if step.purposes <= WITHOUT_SOURCES:
        return None
    if script is None or not script.flat or not script.ok or instruction.inner_comments or instruction.json is not None:
        raise UnfitError(instruction, _WHY)
    commands = script.commands
    first = next(
        (i for i, command in enumerate(commands) if purpose(command) not in WITHOUT_SOURCES | {Purpose.NEUTRAL}), None
    )
    if not first or any(purpose(command) is Purpose.INSTALL for command in commands[first:]):
        raise UnfitError(instruction, _WHY)
    if any(command.joiner not in {"", "&&"} for command in commands):
        raise UnfitError(instruction, _WHY)
    if any(command.name in {"cd", "export", "set", "pushd"} for command in commands[:first]):
        raise UnfitError(instruction, _WHY)
    if instruction.flags or instruction.heredocs:
        raise UnfitError(instruction, "this RUN has flags or a heredoc")
    return first


def unparted(step: Step) -> UnfitError | None:
    """Why a RUN cannot be taken apart, where it would have to be."""
    try:
        seam(step)
    except UnfitError as reason:
        return reason
    return None
