"""One run of ``dockfix explain``: plan in memory, measure where asked, and write the page."""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from dockfix import registry
from dockfix.api import Repository
from dockfix.choices import arguments
from dockfix.config import ConfigError
from dockfix.discover import discover
from dockfix.dockerfile import Document
from dockfix.explanation import Case, explanation, html, markdown, page, pages
from dockfix.planner import Planner, Selection, Subject, UsageError
from dockfix.report.record import Failure
from dockfix.report.text import printable
from dockfix.standing import standing

if TYPE_CHECKING:
    from dockfix.explanation import Explanation
    from dockfix.explanation.prose import Page
    from dockfix.trials import Means
    from dockfix.verify import Verification, Workspace

DONE, FAILED = 0, 2


@dataclass(frozen=True, slots=True)
class Request(Selection):
    """What the command line asks for.

    Attributes:
        form: the form of the page.
        output: the file to write it to, instead of standard output.
        measured: a report of ``dockfix verify --format json``, whose figures the page shows.
        verify: how to build and run both images now, for those figures.
    """

    form: Literal["markdown", "html"] = "markdown"
    output: str | None = None
    measured: str | None = None
    verify: Means | None = None


def run(request: Request) -> int:
    """Do what *request* asks and return the exit code.

    Raises:
        UsageError: the request contradicts itself.
    """
    if "-" in request.paths:
        raise UsageError("standard input has no place in a repository; name a file")
    if request.measured is not None and request.verify is not None:
        raise UsageError("--measured and --verify exclude each other")
    try:
        if request.verify is not None:
            from dockfix.trials import guarded

            return guarded(lambda place: _Run(request, place).run(), request.verify, quiet=request.quiet)
        return _Run(request).run()
    except (ConfigError, registry.RegistryError) as error:
        click.echo(printable(str(error)), err=True)
        return FAILED


class _Run:
    def __init__(self, request: Request, place: Workspace | None = None) -> None:
        self.request = request
        self.place = place
        self.planner = Planner(request)
        self.measured = _measured(request.measured) if request.measured is not None else {}
        self.repositories: dict[str, Repository] = {}
        self.failed = False

    def run(self) -> int:
        found = list(self._cases())
        cases = [standing(case, self.repositories[case.path]) for case, _ in found]
        measured = {case.path: each for case, each in found if each is not None}
        if not cases:
            click.echo("no Dockerfile to explain", err=True)
            return DONE if self.request.among is not None and not self.failed else FAILED
        self._look_for_stale(found)
        self._write(cases, measured)
        return self._ended(tuple(measured.values()))

    def _ended(self, verifications: Sequence[Verification]) -> int:
        """The exit code: that of ``dockfix verify`` for what was measured now."""
        if self.place is None:
            return FAILED if self.failed else DONE
        from dockfix.trials import SAME, code

        for each in verifications:
            if code((each,)) != SAME:
                click.echo(printable(f"{each.path}: {each.verdict}"), err=True)
        ended = code(verifications)
        return FAILED if self.failed and ended == SAME else ended

    def _cases(self) -> Iterator[tuple[Case, Verification | None]]:
        for item in discover(map(Path, self.request.paths)):
            found = self.planner.attempt(item, self._case)
            if isinstance(found, Failure):
                self._complain(str(found))
            elif isinstance(found, tuple):
                self.failed = self.failed or bool(found[0].plan.defects)
                yield found
            elif found is not None and not self.request.quiet:
                click.echo(printable(str(found)), err=True)

    def _case(self, subject: Subject) -> tuple[Case, Verification | None]:
        repository, item = subject.repository, subject.item
        plan = repository.plan(item.path, subject.options, context=subject.context)
        app = repository.app(Document.parse(plan.before, plan.path), subject.context)
        case = Case(str(item.path), plan, app, subject.options)
        self.repositories[case.path] = repository
        measured = self._verified(subject, case) if self.place is not None else self._known(case)
        repository.take(plan.files)
        return case, measured

    def _look_for_stale(self, found: Sequence[tuple[Case, Verification | None]]) -> None:
        """Complain of figures that are of what is explained here as it was at another time, or of nothing at all.

        Figures of a Dockerfile that was not asked for are nobody's mistake, as long as some are shown.
        """
        used = {each.rewrite for _, each in found if each is not None}
        lacking = {posixpath.normpath(case.path) for case, each in found if each is None}
        for rewrite, each in sorted(self.measured.items()):
            if rewrite not in used and posixpath.normpath(each.path) in lacking:
                self._complain(f"{self.request.measured}: {each.path} was measured in another rewrite or another app")
        if self.measured and not used and not self.failed:
            self._complain(f"{self.request.measured}: has no figures of what is explained here")

    def _verified(self, subject: Subject, case: Case) -> Verification | None:
        from dockfix.trials import attempt

        assert self.place is not None and self.request.verify is not None
        if not case.plan.changed:
            return None
        shown = sys.stderr.isatty() and not self.request.quiet
        return attempt(subject, case.plan, self.place, self.request.verify.trial, shown=shown)

    def _known(self, case: Case) -> Verification | None:
        if not self.measured:
            return None
        from dockfix.verify.verification import fingerprint

        known = self.measured.get(fingerprint(case.plan, case.app))
        return replace(known, path=case.path) if known is not None else None

    def _write(self, cases: Sequence[Case], measured: dict[str, Verification]) -> None:
        told = self._page(cases, measured)
        text = html(told) if self.request.form == "html" else markdown(told)
        if self.request.output is None:
            click.echo(text.encode(), nl=False)
            return
        try:
            Path(self.request.output).write_text(text, encoding="utf-8")
        except OSError as error:
            self._complain(f"{self.request.output}: cannot be written: {error.strerror or error}")

    def _page(self, cases: Sequence[Case], measured: Mapping[str, Verification]) -> Page:
        by_root: dict[Path, list[Case]] = {}
        for case in cases:
            by_root.setdefault(self.repositories[case.path].root, []).append(case)
        # evidence counts from its repository's root, and so does everything else that stands beside it
        found = {os.path.relpath(root): self._explanation(root, own, measured) for root, own in by_root.items()}
        if len(found) > 1:
            return pages(found)
        ((folder, told),) = found.items()
        return page(told, folder)

    def _explanation(self, root: Path, cases: Sequence[Case], measured: Mapping[str, Verification]) -> Explanation:
        return explanation(
            [replace(case, path=case.plan.path) for case in cases],
            {case.plan.path: measured[case.path] for case in cases if case.path in measured},
            since=self.request.since or "",
            arguments=arguments(self.request, root),
            repository=root.name,
        )

    def _complain(self, words: str) -> None:
        click.echo(printable(words), err=True)
        self.failed = True


def _measured(path: str) -> dict[str, Verification]:
    """The verifications of a report, by what they verified."""
    from dockfix.verify.json import taken

    try:
        return taken(path)
    except ValueError as error:
        raise UsageError(f"--measured {path}: {error}") from None
