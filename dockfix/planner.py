"""From the paths that a person gives to a plan for each Dockerfile, with the configuration that holds for it."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockfix import registry
from dockfix.api import Repository
from dockfix.config import Config, ConfigError, load, nearest
from dockfix.discover import Found, Skipped, Unusable
from dockfix.dockerfile import DockerfileError
from dockfix.facts.commit import Commit, CommitError
from dockfix.report.record import Failure, Omission
from dockfix.suggestion import did_you_mean

if TYPE_CHECKING:
    from typing import TypeVar

    from dockfix.options import Options

    T = TypeVar("T")


class UsageError(Exception):
    """The request contradicts itself or names what does not exist."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which Dockerfiles a person means, and with which options.

    Attributes:
        paths: Dockerfiles, folders, or ``-``.
        overrides: options by name that win over configuration files.
        context: the build context, from the current folder.
        config: the configuration file to use instead of the nearest.
        isolated: use no configuration file.
        quiet: say nothing but errors.
        verbose: show where an internal error arose.
        among: of what is found, only these real paths; ``None`` means all.
        since: plan what git's revision of this name has, instead of what lies in the folder.
        commands: names of subcommands that a missing path may be a misspelling of.
    """

    paths: tuple[str, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    context: str | None = None
    config: str | None = None
    isolated: bool = False
    quiet: bool = False
    verbose: bool = False
    among: frozenset[str] | None = None
    since: str | None = None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """A Dockerfile that a plan can be made for.

    Attributes:
        item: the Dockerfile.
        repository: where it lies.
        options: the options that hold for it.
        context: its build context from the repository's root, where the person named one.
    """

    item: Found
    repository: Repository
    options: Options
    context: str | None


class Planner:
    """Finds what holds for each Dockerfile of a selection; keeps repositories and configuration files it has read."""

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._repository = cache(self._opened)
        self._load = cache(lambda path: load(path, _ids))
        self._fixed = load(Path(selection.config).absolute(), _ids) if selection.config else None
        self._reported: set[str] = set()

    def attempt(self, item: Found | Skipped | Unusable, work: Callable[[Subject], T]) -> T | Failure | Omission | None:
        """What *work* makes of *item*, or why nothing can be made of it.

        ``None`` where that has been said already, or nobody asked for it.
        """
        if self.selection.among is not None and os.path.realpath(item.path) not in self.selection.among:
            return None
        if isinstance(item, Skipped):
            return Omission(str(item.path), item.why)
        if isinstance(item, Unusable):
            return Failure(str(item.path), 1, item.why + self._misspelt(item.path))
        try:
            config = self._config(item)
            if not any(str(item.path) == path for path in self.selection.paths) and config.excludes(
                item.path.absolute()
            ):
                return Omission(str(item.path), f"excluded by {config.path}")
            repository = self._repository(item.root)
            if repository.commit is not None and not repository.commit.exists(repository.name(item.path)):
                return Omission(str(item.path), f"is not in {repository.commit}")
            options = replace(config.options, **self.selection.overrides)
            return work(Subject(item, repository, options, self._context(repository)))
        except DockerfileError as error:
            return Failure(error.path, error.line, error.message)
        except ConfigError as error:
            if str(error) in self._reported:
                return None
            self._reported.add(str(error))
            return Failure(str(error.path), error.line, error.message)
        except CommitError as error:
            return Failure(str(item.path), 1, str(error))
        except (click.Abort, UsageError, registry.RegistryError):
            raise
        except Exception as error:  # a defect of dockfix in one file must not keep the others from being handled
            if self.selection.verbose:
                traceback.print_exc()
            what = f"{type(error).__name__}: {error}"
            return Failure(str(item.path), 1, f"dockfix itself failed, please report it (-v shows where): {what}")

    def _opened(self, root: Path) -> Repository:
        if self.selection.since is None:
            return Repository(root)
        try:
            return Repository(root, commit=Commit(root, self.selection.since))
        except CommitError as error:
            raise UsageError(f"--since {self.selection.since}: {error}") from None

    def _config(self, item: Found) -> Config:
        if self.selection.isolated:
            return Config()
        if self._fixed is not None:
            return self._fixed
        found = nearest(item.path.absolute().parent.resolve(), item.root)
        return self._load(found) if found else Config()

    def _context(self, repository: Repository) -> str | None:
        if self.selection.context is None:
            return None
        folder = Path(self.selection.context).resolve()
        if not folder.is_dir() or not folder.is_relative_to(repository.root):
            raise UsageError(f"--context {self.selection.context} is no folder in {repository.root}")
        text = folder.relative_to(repository.root).as_posix()
        return "" if text == "." else text

    def _misspelt(self, path: Path) -> str:
        return did_you_mean(str(path), self.selection.commands) if len(path.parts) == 1 else ""


def _ids() -> tuple[str, ...]:
    return tuple(transform.id for transform in registry.transforms())
