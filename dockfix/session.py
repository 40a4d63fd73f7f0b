"""One run of the command: find Dockerfiles, plan, show, write, and answer with an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from dockfix import registry
from dockfix.api import Repository
from dockfix.config import Config, ConfigError, load, nearest
from dockfix.dialogue import Dialogue
from dockfix.discover import Found, Skipped, Unusable, discover, root_of
from dockfix.dockerfile import DockerfileError
from dockfix.report.diff import coloured
from dockfix.report.progress import progress
from dockfix.report.record import Failure, Omission, Record, Rewrite, diff
from dockfix.report.text import lines, printable, summary
from dockfix.suggestion import did_you_mean
from dockfix.write import WriteError, carry_out

if TYPE_CHECKING:
    from dockfix.options import Options

STDIN = "-"
DONE, NOT_AS_WANTED, FAILED = 0, 1, 2


class UsageError(Exception):
    """The request contradicts itself or names what does not exist."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for.

    Attributes:
        paths: Dockerfiles, folders, or ``-``.
        overrides: options by name that win over configuration files.
        diff: print the diff also with ``check``.
        write: carry plans out.
        check: answer by the exit code whether anything would change.
        interactive: ask before each transform, then write.
        stdin_filename: the place of the Dockerfile on standard input.
        context: the build context, from the current folder.
        config: the configuration file to use instead of the nearest.
        isolated: use no configuration file.
        strict: refusals make the run fail.
        form: the form of the report.
        color: when the diff has colours.
        quiet: say nothing but errors.
        verbose: show where an internal error arose.
        commands: names of subcommands that a missing path may be a misspelling of.
    """

    paths: tuple[str, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    diff: bool = False
    write: bool = False
    check: bool = False
    interactive: bool = False
    stdin_filename: str | None = None
    context: str | None = None
    config: str | None = None
    isolated: bool = False
    strict: bool = False
    form: Literal["text", "json"] = "text"
    color: Literal["auto", "always", "never"] = "auto"
    quiet: bool = False
    verbose: bool = False
    commands: tuple[str, ...] = ()

    @property
    def writes(self) -> bool:
        """Whether plans are carried out."""
        return self.write or self.interactive


def run(request: Request) -> int:
    """Do what *request* asks and return the exit code.

    Raises:
        UsageError: the request contradicts itself.
    """
    _validate(request)
    try:
        return _Session(request).run()
    except (ConfigError, registry.RegistryError) as error:
        click.echo(printable(str(error)), err=True)
        return FAILED


def _validate(request: Request) -> None:
    stdin = STDIN in request.paths
    if stdin and len(request.paths) > 1:
        raise UsageError("- stands alone")
    if request.stdin_filename and not stdin:
        raise UsageError("--stdin-filename goes with -")
    if request.check and request.writes:
        raise UsageError("--check writes nothing; leave out --write and --interactive, or --check")
    if request.diff and request.writes:
        raise UsageError("--diff writes nothing; --write prints the diff as well")
    if request.interactive and (stdin or request.form == "json"):
        raise UsageError("--interactive asks on the terminal: it goes neither with - nor with --format json")
    if request.isolated and request.config:
        raise UsageError("--isolated and --config exclude each other")


class _Session:
    def __init__(self, request: Request) -> None:
        self.request = request
        self.colour = _wants_colour(request.color)
        self.repository = cache(Repository)
        self.load = cache(lambda path: load(path, _ids))
        self.fixed = load(Path(request.config).absolute(), _ids) if request.config else None
        self.reported: set[str] = set()
        self.dialogue = Dialogue(self._echo_diff)

    def run(self) -> int:
        request = self.request
        items = [*self._standard_input()] if STDIN in request.paths else [*discover(map(Path, request.paths))]
        terminal = sys.stderr.isatty() and not (request.quiet or request.interactive)
        records: list[Record] = []
        for record in progress(map(self._record, items), len(items), shown=terminal):
            if record is None:
                continue
            records.append(record)
            if request.form == "text":
                self._show(record)
        if request.form == "json":
            from dockfix.report.json import document

            click.echo(document(records), nl=False)
        elif not request.quiet:
            click.echo(summary(records, written=request.writes), err=True)
        return self._code(records)

    def _code(self, records: Sequence[Record]) -> int:
        rewrites = [record for record in records if isinstance(record, Rewrite)]
        if any(isinstance(record, Failure) for record in records) or any(each.plan.defects for each in rewrites):
            return FAILED
        if self.request.check and any(each.plan.changed for each in rewrites):
            return NOT_AS_WANTED
        refused = any(outcome.kind == "refused" for each in rewrites for outcome in each.plan.outcomes)
        return NOT_AS_WANTED if self.request.strict and refused else DONE

    def _standard_input(self) -> Iterator[Found]:
        place = Path(self.request.stdin_filename or "Dockerfile")
        yield Found(place, root_of(place.absolute().parent))

    def _record(self, item: Found | Skipped | Unusable) -> Record | None:
        """What becomes of *item*; ``None`` where that has been said already."""
        if isinstance(item, Skipped):
            return Omission(str(item.path), item.why)
        if isinstance(item, Unusable):
            return Failure(str(item.path), 1, item.why + self._misspelt(item.path))
        try:
            return self._rewrite(item)
        except DockerfileError as error:
            return Failure(error.path, error.line, error.message)
        except ConfigError as error:
            if str(error) in self.reported:
                return None
            self.reported.add(str(error))
            return Failure(str(error.path), error.line, error.message)
        except WriteError as error:
            return Failure(str(error.path), 1, error.message)
        except (click.Abort, UsageError, registry.RegistryError):
            raise
        except Exception as error:  # a defect of dockfix in one file must not keep the others from being handled
            if self.request.verbose:
                traceback.print_exc()
            what = f"{type(error).__name__}: {error}"
            return Failure(str(item.path), 1, f"dockfix itself failed, please report it (-v shows where): {what}")

    def _rewrite(self, item: Found) -> Record:
        config = self._config(item)
        place = item.path.absolute()
        if not any(str(item.path) == path for path in self.request.paths) and config.excludes(place):
            return Omission(str(item.path), f"excluded by {config.path}")
        options: Options = replace(config.options, **self.request.overrides)
        repository = self.repository(item.root)
        stdin = STDIN in self.request.paths
        source = sys.stdin.buffer.read() if stdin else None
        choose = self.dialogue.about(repository.name(item.path), repository.text) if self.request.interactive else None
        plan = repository.plan(item.path, options, context=self._context(repository), source=source, choose=choose)
        rewrite = Rewrite(str(item.path), repository.root, plan)
        if plan.changed and self.request.writes and not stdin:
            carry_out(plan, item.path, repository.root)
            rewrite = replace(rewrite, written=True)
        repository.take(plan.files)
        return rewrite

    def _config(self, item: Found) -> Config:
        if self.request.isolated:
            return Config()
        if self.fixed is not None:
            return self.fixed
        found = nearest(item.path.absolute().parent.resolve(), item.root)
        return self.load(found) if found else Config()

    def _context(self, repository: Repository) -> str | None:
        if self.request.context is None:
            return None
        folder = Path(self.request.context).resolve()
        if not folder.is_dir() or not folder.is_relative_to(repository.root):
            raise UsageError(f"--context {self.request.context} is no folder in {repository.root}")
        text = folder.relative_to(repository.root).as_posix()
        return "" if text == "." else text

    def _misspelt(self, path: Path) -> str:
        return did_you_mean(str(path), self.request.commands) if len(path.parts) == 1 else ""

    def _show(self, record: Record) -> None:
        request = self.request
        if isinstance(record, Rewrite):
            stdin = STDIN in request.paths
            if stdin and request.write:
                click.echo(record.plan.after.encode("utf-8", "surrogateescape"), nl=False)
            elif not request.interactive and (request.diff or not request.check):
                self._echo_diff(diff(record))
        failed = isinstance(record, Failure) or (isinstance(record, Rewrite) and record.plan.defects)
        if failed or not request.quiet:
            for line in lines(record):
                click.echo(line, err=True)

    def _echo_diff(self, text: str) -> None:
        # As bytes: a Dockerfile may hold what the terminal's encoding cannot.
        click.echo((coloured(text) if self.colour else text).encode("utf-8", "surrogateescape"), nl=False)


def _ids() -> tuple[str, ...]:
    return tuple(transform.id for transform in registry.transforms())


def _wants_colour(color: Literal["auto", "always", "never"]) -> bool:
    if color == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return color == "always"
