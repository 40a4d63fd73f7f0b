"""One run of the command: find Dockerfiles, plan, show, write, and answer with an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dockfix import registry
from dockfix.config import ConfigError
from dockfix.dialogue import Dialogue
from dockfix.discover import Found, discover, root_of
from dockfix.planner import Planner, Selection, Subject, UsageError
from dockfix.report.diff import coloured
from dockfix.report.progress import progress
from dockfix.report.record import Failure, Record, Rewrite, diff
from dockfix.report.text import lines, printable, summary

if TYPE_CHECKING:
    from dockfix.engine import Plan
    from dockfix.trials import Means
    from dockfix.verify import Workspace

STDIN = "-"
DONE, NOT_AS_WANTED, FAILED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Request(Selection):
    """What the command line asks for.

    Attributes:
        diff: print the diff also with ``check``.
        write: carry plans out.
        verify: how to build and run what is to be written, which is written only where it behaves as before.
        check: answer by the exit code whether anything would change.
        interactive: ask before each transform, then write.
        stdin_filename: the place of the Dockerfile on standard input.
        strict: refusals make the run fail.
        form: the form of the report.
        color: when the diff has colours.
    """

    diff: bool = False
    write: bool = False
    verify: Means | None = None
    check: bool = False
    interactive: bool = False
    stdin_filename: str | None = None
    strict: bool = False
    form: Literal["text", "json", "github", "sarif"] = "text"
    color: Literal["auto", "always", "never"] = "auto"

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
    if request.verify is not None:
        from dockfix.trials import guarded

        return guarded(lambda place: _Session(request, place).run(), request.verify, quiet=request.quiet)
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
    if request.verify is not None and (stdin or not request.writes):
        raise UsageError("--verify goes with --write or --interactive, and needs a file")
    if request.check and request.writes:
        raise UsageError("--check writes nothing; leave out --write and --interactive, or --check")
    if request.diff and request.writes:
        raise UsageError("--diff writes nothing; --write prints the diff as well")
    if request.interactive and (stdin or request.form != "text"):
        raise UsageError(f"--interactive asks on the terminal: it goes neither with - nor with --format {request.form}")
    if request.isolated and request.config:
        raise UsageError("--isolated and --config exclude each other")


class _Session:
    def __init__(self, request: Request, place: Workspace | None = None) -> None:
        self.request = request
        self.colour = _wants_colour(request.color)
        self.place = place
        self.planner = Planner(request)
        self.terminal = sys.stderr.isatty() and not request.quiet
        self.dialogue = Dialogue(self._echo_diff)

    def run(self) -> int:
        request = self.request
        items = [*self._standard_input()] if STDIN in request.paths else [*discover(map(Path, request.paths))]
        records: list[Record] = []
        attempts = (self.planner.attempt(item, self._rewrite) for item in items)
        for record in progress(attempts, len(items), shown=self.terminal and not request.interactive):
            if record is None:
                continue
            records.append(record)
            if request.form == "text":
                self._show(record)
        if request.form != "text":
            # each form is a module, of which a run needs one
            click.echo(import_module(f"dockfix.report.{request.form}").document(records), nl=False)
        if request.form in {"text", "github"} and not request.quiet:
            click.echo(summary(records, written=request.writes), err=True)
        return self._code(records)

    def _code(self, records: Sequence[Record]) -> int:
        rewrites = [record for record in records if isinstance(record, Rewrite)]
        if any(isinstance(record, Failure) for record in records) or any(each.plan.defects for each in rewrites):
            return FAILED
        if self.request.check and any(each.plan.changed for each in rewrites):
            return NOT_AS_WANTED
        if any(each.withheld for each in rewrites):
            return NOT_AS_WANTED
        refused = any(outcome.kind == "refused" for each in rewrites for outcome in each.plan.outcomes)
        return NOT_AS_WANTED if self.request.strict and refused else DONE

    def _standard_input(self) -> Iterator[Found]:
        place = Path(self.request.stdin_filename or "Dockerfile")
        yield Found(place, root_of(place.absolute().parent))

    def _rewrite(self, subject: Subject) -> Record:
        item, repository = subject.item, subject.repository
        stdin = STDIN in self.request.paths
        from dockfix.api import LARGEST

        # one byte more than is taken tells that it is too much
        source = sys.stdin.buffer.read(LARGEST + 1) if stdin else None
        choose = self.dialogue.about(repository.name(item.path), repository.text) if self.request.interactive else None
        plan = repository.plan(item.path, subject.options, context=subject.context, source=source, choose=choose)
        rewrite = Rewrite(str(item.path), repository.root, plan)
        withheld = self._withheld(subject, plan) if plan.changed and self.place is not None else ""
        if withheld:
            return replace(rewrite, withheld=withheld)
        if plan.changed and self.request.writes and not stdin:
            from dockfix.write import WriteError, carry_out

            try:
                carry_out(plan, item.path, repository.root)
            except WriteError as error:
                return Failure(str(error.path), 1, error.message)
            rewrite = replace(rewrite, written=True)
        repository.take(plan.files)
        return rewrite

    def _withheld(self, subject: Subject, plan: Plan) -> str:
        """Why a plan is not carried out; empty where both images behave the same."""
        from dockfix.trials import attempt
        from dockfix.verify.text import lines

        assert self.place is not None and self.request.verify is not None
        found = attempt(subject, plan, self.place, self.request.verify.trial, shown=self.terminal)
        if not self.request.quiet:
            for line in lines(found):
                click.echo(line, err=True)
        return "" if found.verdict.kind == "same behaviour" else str(found.verdict)

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


def _wants_colour(color: Literal["auto", "always", "never"]) -> bool:
    if color == "auto":
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return color == "always"
