"""One run of ``dockfix verify``: plan in memory, build and run both images, show, and answer with an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import click

from dockfix import registry
from dockfix.config import ConfigError
from dockfix.discover import discover
from dockfix.dockerfile import Document
from dockfix.planner import Planner, Selection, Subject, UsageError
from dockfix.report.record import Failure, Omission
from dockfix.report.text import printable
from dockfix.verify import text
from dockfix.verify.comparison import Verdict
from dockfix.verify.engine import Engine, EngineError, Limits
from dockfix.verify.verification import Trial, Verification, verify
from dockfix.verify.workspace import Interrupted, Workspace, workspace

SAME, DIFFERENT, NOT_RUN = 0, 1, 2
_SAME = frozenset({"same behaviour", "unchanged"})


@dataclass(frozen=True, slots=True)
class Request(Selection):
    """What the command line asks for.

    Attributes:
        trial: how each verification is carried out.
        engine: the command of the container engine.
        network: an existing network for the containers instead of one without a way out.
        limits: what containers may use.
        form: the form of the report.
    """

    trial: Trial = field(default_factory=Trial)
    engine: str = "docker"
    network: str | None = None
    limits: Limits = field(default_factory=Limits)
    form: Literal["text", "json"] = "text"


def run(request: Request, environment: Mapping[str, str] | None = None) -> int:
    """Do what *request* asks and return the exit code; a signal ends it with 128 and the signal's number.

    Args:
        request: what to do.
        environment: that of the engine's command; by default dockfix's own.

    Raises:
        UsageError: the request contradicts itself.
    """
    if "-" in request.paths:
        raise UsageError("standard input has no build context; name a file")
    engine = Engine(dict(os.environ if environment is None else environment), program=request.engine)
    try:
        engine.call("version")
        with workspace(
            Engine(engine.environment, program=engine.program, limits=request.limits), request.network
        ) as place:
            return _Run(request, place).run()
    except (ConfigError, registry.RegistryError, EngineError) as error:
        click.echo(printable(str(error)), err=True)
        return NOT_RUN
    except Interrupted as signal:
        click.echo(f"ended by {signal}; everything made has been removed", err=True)
        return 128 + signal.number


class _Run:
    def __init__(self, request: Request, place: Workspace) -> None:
        self.request = request
        self.place = place
        self.planner = Planner(request)
        self.terminal = sys.stderr.isatty() and not request.quiet

    def run(self) -> int:
        verifications: list[Verification] = []
        failures: list[Failure] = []
        omissions: list[Omission] = []
        for item in discover(map(Path, self.request.paths)):
            found = self.planner.attempt(item, self._verify)
            self._say("")
            if isinstance(found, Verification):
                verifications.append(found)
                self._show(found)
            elif isinstance(found, Failure):
                failures.append(found)
                click.echo(printable(str(found)), err=True)
            elif found is not None:
                omissions.append(found)
                if not self.request.quiet:
                    click.echo(printable(str(found)), err=True)
        if self.request.form == "json":
            from dockfix.verify.json import document

            click.echo(document(verifications, failures, omissions), nl=False)
        elif not self.request.quiet:
            click.echo(text.summary(verifications), err=True)
        return NOT_RUN if failures and not _differ(verifications) else code(verifications)

    def _verify(self, subject: Subject) -> Verification:
        item, repository = subject.item, subject.repository
        path = str(item.path)
        plan = repository.plan(item.path, subject.options, context=subject.context)
        if plan.defects:
            defect = plan.defects[0]
            return Verification(path, Verdict("could not run", (f"{defect.transform} failed: {defect.message}",)))
        return verify(
            plan,
            repository.app(Document.parse(plan.before, plan.path), subject.context),
            repository.root,
            self.place,
            path=path,
            options=subject.options,
            trial=self.request.trial,
            say=lambda words: self._say(f"{path}: {words}"),
        )

    def _show(self, found: Verification) -> None:
        if self.request.form == "text" and not (self.request.quiet and found.verdict.kind in _SAME):
            for line in text.lines(found):
                click.echo(line)
            click.echo()

    def _say(self, words: str) -> None:
        if self.terminal:
            sys.stderr.write(f"\r\x1b[K{printable(words)}")
            sys.stderr.flush()


def code(verifications: Sequence[Verification]) -> int:
    """The exit code: a difference counts more than what could not be compared."""
    if _differ(verifications):
        return DIFFERENT
    return SAME if all(each.verdict.kind in _SAME for each in verifications) else NOT_RUN


def _differ(verifications: Sequence[Verification]) -> bool:
    return any(each.verdict.kind == "different" for each in verifications)
