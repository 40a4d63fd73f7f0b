"""Corepack, which fetches a package manager when it is first called, and keeps it in the home of whoever calls it.

https://github.com/nodejs/corepack#utility-commands; images of Node 25 and later have none:
https://nodejs.org/docs/latest-v25.x/api/corepack.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, Step

MANAGED = frozenset({"pnpm", "yarn"})


def check_fetched(model: Model, install: Step, calls: frozenset[str]) -> None:
    """Refuse an end that starts by a package manager which the build alone has fetched: it would do so at each start.

    Args:
        model: the model.
        install: the RUN that installs the dependencies, which is not in the end.
        calls: the programs that a container calls.

    Raises:
        UnfitError: with the place.
    """
    called = sorted(MANAGED & calls)
    users = [step for step in model.final.steps if any(_commands(step))]
    if not called or not users:
        return
    prepared = any(_fetches(command, name) for name in called for step in users for command in _commands(step))
    if install in users or not prepared:
        why = f"corepack would fetch {called[0]} whenever a container starts, since the build alone calls it"
        raise UnfitError(users[-1].instruction, why)


def _commands(step: Step) -> Iterator[ShellCommand]:
    return (command for command in (step.script.commands if step.script else ()) if command.name == "corepack")


def _fetches(command: ShellCommand, name: str) -> bool:
    """Whether a command fetches a manager whatever package.json says, so that the same RUN does it in the end."""
    return command.args[:1] in {("prepare",), ("install",)} and any(
        word.startswith(f"{name}@") for word in command.args
    )
