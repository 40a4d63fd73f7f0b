"""The options that say what the rewriting is to be, for every command that rewrites."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dockfix.config import BASES, HIGHEST_UID, OWNERS, PYTHON_PACKAGES, SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem

    from dockfix.planner import Selection
    from dockfix.transform import Transform


def known_transforms() -> tuple[Transform, ...]:
    """All transforms; a transform of another package that cannot be loaded is a usage error."""
    from dockfix.registry import RegistryError, transforms

    try:
        return transforms()
    except RegistryError as error:
        raise click.UsageError(str(error)) from None


def parse_ids(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> frozenset[str]:
    """The ids of transforms in words that may each hold several, separated by commas."""
    chosen = frozenset(id.strip() for word in given for id in word.split(",") if id.strip())
    known = [each.id for each in known_transforms()] if chosen else []
    for id in sorted(chosen.difference(known)):
        from dockfix.suggestion import did_you_mean

        raise click.BadParameter(f"no transform is called {id!r}{did_you_mean(id, known)}", ctx, param)
    return chosen


def complete_ids(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids that the last of several, separated by commas, may become."""
    from click.shell_completion import CompletionItem

    before, comma, word = incomplete.rpartition(",")
    return [CompletionItem(before + comma + each.id) for each in known_transforms() if each.id.startswith(word)]


def id_option(name: str, *, help: str) -> Callable[[Any], Any]:
    """An option that takes ids of transforms."""
    return click.option(
        name, multiple=True, callback=parse_ids, shell_complete=complete_ids, metavar="ID[,ID]", help=help
    )


_STEERING: tuple[Callable[[Any], Any], ...] = (
    id_option("--only", help="Run these transforms alone."),
    id_option("--skip", help="Leave these transforms out."),
    click.option("--safe", is_flag=True, default=None, help="Only what leaves the image behaving as before."),
    click.option("--base", type=click.Choice(BASES), help="The smallest family of base images wanted.  [alpine]"),
    click.option("--python-packages", type=click.Choice(PYTHON_PACKAGES), help="Where Python packages go.  [user]"),
    click.option("--owner", type=click.Choice(OWNERS), help="Who owns the app's files in the image.  [app]"),
    click.option(
        "--uid", type=click.IntRange(1, HIGHEST_UID), help="Uid and gid of an account that is created.  [1001]"
    ),
    click.option("--cache-mounts/--no-cache-mounts", default=None, help="Use RUN --mount=type=cache (needs BuildKit)."),
    click.option("--online", is_flag=True, default=None, help="Ask pip's index which wheels pinned packages have."),
)
_ON_DISK: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--split", type=click.Choice(SPLITS), help="Split into stages where it pays, or wherever sound.  [worth]"
    ),
    click.option(
        "--config", type=click.Path(dir_okay=False), help="The configuration file, instead of the nearest one."
    ),
    click.option("--isolated", is_flag=True, help="Read no configuration file."),
)


def steering(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* the options that steer the transforms."""
    for option in reversed(_STEERING):
        command = option(command)
    return command


def rewriting(command: Callable[..., None]) -> Callable[..., None]:
    """Give *command* the options that say what the rewriting of files on disk is to be."""
    for option in reversed(_ON_DISK):
        command = option(command)
    return steering(command)


def overrides(given: dict[str, Any]) -> dict[str, Any]:
    """Take what the command line says of the rewriting out of *given*."""
    names = ("base", "split", "python_packages", "owner", "uid", "safe", "cache_mounts", "online")
    chosen = {name: value for name in names if (value := given.pop(name, None)) is not None}
    return chosen | {name: named for name in ("only", "skip") if (named := given.pop(name))}


def arguments(selection: Selection, start: Path | None = None) -> tuple[str, ...]:
    """The words of a command line that ask for what a selection asks for, its paths apart.

    Args:
        selection: what is asked for.
        start: the folder in which the command is to be given, instead of the current one.
    """
    words: list[str] = []
    for name, value in sorted(selection.overrides.items()):
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", ",".join(sorted(value)) if isinstance(value, frozenset) else str(value)]
    for option, given in (("--context", selection.context), ("--config", selection.config)):
        if given is not None:
            words += [option, given if start is None else os.path.relpath(given, start)]
    return (*words, "--isolated") if selection.isolated else tuple(words)
