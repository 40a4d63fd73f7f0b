"""One run of ``dockfix verify``: plan in memory, build and run both images, show, and answer with an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dockfix import registry
from dockfix.config import ConfigError
from dockfix.discover import Found, Skipped, Unusable, discover
from dockfix.dockerfile import Document
from dockfix.explanation.case import Case
from dockfix.planner import Planner, Selection, Subject, UsageError
from dockfix.report.progress import status
from dockfix.report.record import Failure, Omission
from dockfix.report.text import printable
from dockfix.standing import departure, standing
from dockfix.verify import text
from dockfix.verify.bisection import smallest
from dockfix.verify.comparison import Verdict
from dockfix.verify.engines import found as found_engine
from dockfix.verify.limits import Limits, of_builds
from dockfix.verify.result import EngineError
from dockfix.verify.verification import Say, Side, Step, Trial, Verification, verify
from dockfix.verify.workspace import Interrupted, Workspace, workspace

if TYPE_CHECKING:
    from dockfix.api import Repository
    from dockfix.engine import Plan

SAME, DIFFERENT, NOT_RUN = 0, 1, 2
_SAME = frozenset({"same behaviour", "unchanged"})


@dataclass(frozen=True, slots=True)
class Means:
    """How rewrites are verified, and with what.

    Attributes:
        trial: how each verification is carried out.
        engine: the command of the container engine, instead of the first that answers.
        builder: the buildx builder that builds, instead of the engine's own.
        network: an existing network for the containers instead of one without a way out.
        limits: what containers may use.
        build_limits: what builds may use.
    """

    trial: Trial = field(default_factory=Trial)
    engine: str | None = None
    builder: str | None = None
    network: str | None = None
    limits: Limits = field(default_factory=Limits)
    build_limits: Limits = field(default_factory=of_builds)


@dataclass(frozen=True, slots=True)
class Request(Selection):
    """What the command line asks for.

    Attributes:
        means: how each rewrite is verified, and with what.
        step: verify each transform by itself, too.
        bisect: find the smallest set of transforms that makes a difference.
        form: the form of the report.
    """

    means: Means = field(default_factory=Means)
    step: bool = False
    bisect: bool = False
    form: Literal["text", "json", "markdown"] = "text"


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
    return guarded(lambda place: _Run(request, place).run(), request.means, environment, quiet=request.quiet)


def guarded(
    work: Callable[[Workspace], int],
    means: Means,
    environment: Mapping[str, str] | None = None,
    *,
    quiet: bool = False,
) -> int:
    """The exit code of *work*, which gets a workspace of which nothing is left; or that of what kept it from its end.

    Args:
        work: what to do.
        means: with what it is done.
        environment: that of the engine's command; by default dockfix's own.
        quiet: say nothing but errors.
    """
    left: list[str] = []
    try:
        engine = found_engine(means.engine, environment, builder=means.builder)
        engine = replace(engine, limits=means.limits, build_limits=means.build_limits)
        engine.demand_limits()
        with workspace(engine, means.network, tell=left.append) as place:
            if place.unheld and not quiet:
                click.echo(printable(f"builds are limited in time alone: {place.unheld}"), err=True)
            ended = work(place)
    except (ConfigError, registry.RegistryError, EngineError) as error:
        click.echo(printable(str(error)), err=True)
        ended = NOT_RUN
    except Interrupted as signal:
        click.echo(f"ended by {signal}{'' if left else '; everything made has been removed'}", err=True)
        ended = 128 + signal.number
    for words in left:
        click.echo(printable(words), err=True)
    return NOT_RUN if left else ended


def attempt(
    subject: Subject,
    plan: Plan,
    place: Workspace,
    trial: Trial,
    *,
    original: Side | None = None,
    part: Sequence[str] = (),
    shown: bool = False,
) -> Verification:
    """Verify *plan*, which was made for *subject*; a plan that failed its own proofs is not tried.

    Args:
        subject: the Dockerfile.
        plan: its plan.
        place: where to work.
        trial: how to go about it.
        original: what is known of the original already, which is not built and run again then.
        part: the ids of the transforms, where they are not all.
        shown: whether standard error is a terminal, which is told what goes on.
    """
    path = str(subject.item.path)
    if plan.defects:
        defect = plan.defects[0]
        return Verification(path, Verdict("could not run", (f"{defect.transform} failed: {defect.message}",)))
    app = subject.repository.app(Document.parse(plan.before, plan.path), subject.context)
    try:
        root = subject.repository.checkout(place.folder)
    except OSError as error:
        return Verification(path, Verdict("could not run", (str(error),)))
    about = f"{path}, {' and '.join(part)} alone" if part else path
    say: Say = (lambda words: status(f"{about}: {words}")) if shown else (lambda words: None)
    try:
        return verify(
            plan, app, root, place, path=path, options=subject.options, trial=trial, original=original, say=say
        )
    finally:
        if shown:
            status("")


class _Run:
    def __init__(self, request: Request, place: Workspace) -> None:
        self.request = request
        self.place = place
        self.planner = Planner(request)
        self.terminal = sys.stderr.isatty() and not request.quiet
        self.written: dict[Path, Repository] = {}

    def run(self) -> int:
        verifications: list[Verification] = []
        failures: list[Failure] = []
        omissions: list[Omission] = []
        items = list(discover(map(Path, self.request.paths)))
        if self.request.since is not None:
            self._write(items)
        for item in items:
            found = self.planner.attempt(item, self._verify)
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

            cage = self.place.engine.cage
            held = cage.limits if cage is not None else None
            told = document(verifications, failures, omissions, build_limits=held, unheld=self.place.unheld)
            click.echo(told, nl=False)
        elif self.request.form == "markdown":
            from dockfix.verify.markdown import page

            click.echo(page(verifications), nl=False)
        elif not self.request.quiet and (verifications or failures):
            click.echo(text.summary(verifications, failed=len(failures), skipped=len(omissions)), err=True)
        if not verifications and not failures:
            click.echo("no Dockerfile to verify", err=True)
            # where a folder is looked through, what is new since is nobody's mistake; what is named has to be there
            return SAME if self.request.since is not None and self.request.paths == (".",) else NOT_RUN
        return NOT_RUN if failures and not _differ(verifications) else code(verifications)

    def _write(self, items: Sequence[Found | Skipped | Unusable]) -> None:
        """Plan one after the other, as ``--write`` does, for the companion files that several rewrites share."""
        planner = Planner(self.request)

        def take(subject: Subject) -> None:
            plan = _planned(subject)
            subject.repository.take(plan.files)
            self.written[subject.repository.root] = subject.repository

        for item in items:
            planner.attempt(item, take)  # what fails, fails again when it is verified

    def _verify(self, subject: Subject) -> Verification | Failure:
        plan = _planned(subject)
        departed = self._departure(subject, plan) if self.request.since is not None else None
        if departed is not None:
            return departed
        found = self._attempt(subject, plan, self.request.means.trial)
        ids = tuple(dict.fromkeys(id for id, _ in plan.steps))
        if self.request.step and ids and found.before.image is not None:
            found = replace(found, steps={id: _step(self._part(subject, (id,), found)) for id in ids})
        if self.request.bisect and found.verdict.kind == "different":
            culprits = smallest(ids, lambda part: self._part(subject, part, found).verdict.kind == "different")
            found = replace(found, culprits=culprits)
        return found

    def _departure(self, subject: Subject, plan: Plan) -> Failure | None:
        """Where the folder has neither what the revision has nor its rewrite, of which no plan tells what to expect."""
        written = self.written[subject.repository.root]
        app = subject.repository.app(Document.parse(plan.before, plan.path), subject.context)
        case = standing(Case(str(subject.item.path), plan, app, subject.options), written)
        return departure(case, written)

    def _part(self, subject: Subject, ids: tuple[str, ...], whole: Verification) -> Verification:
        """The verification of some transforms alone, against the original that has been looked at already."""
        chosen = replace(subject, options=replace(subject.options, only=frozenset(ids)))
        trial = replace(self.request.means.trial, quick=True, rebuilds=None)
        return self._attempt(chosen, _planned(chosen), trial, whole.before, ids)

    def _attempt(
        self, subject: Subject, plan: Plan, trial: Trial, original: Side | None = None, part: Sequence[str] = ()
    ) -> Verification:
        return attempt(subject, plan, self.place, trial, original=original, part=part, shown=self.terminal)

    def _show(self, found: Verification) -> None:
        if self.request.form == "text" and not (self.request.quiet and found.verdict.kind in _SAME):
            for line in text.lines(found):
                click.echo(line)
            click.echo()


def _planned(subject: Subject) -> Plan:
    return subject.repository.plan(subject.item.path, subject.options, context=subject.context)


def _step(found: Verification) -> Step:
    return Step(found.verdict, found.after.image.size if found.after.image is not None else None)


def code(verifications: Sequence[Verification]) -> int:
    """The exit code: a difference counts more than what could not be compared."""
    if _differ(verifications):
        return DIFFERENT
    return SAME if all(each.verdict.kind in _SAME for each in verifications) else NOT_RUN


def _differ(verifications: Sequence[Verification]) -> bool:
    return any(each.verdict.kind == "different" for each in verifications)
