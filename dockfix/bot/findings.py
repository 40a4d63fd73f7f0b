"""What dockfix has to say of one repository: plans for its Dockerfiles, over files that need not lie on disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dockfix import registry
from dockfix.api import Sources
from dockfix.bot.settings import Settings, Wishes, granted, options, wishes
from dockfix.bot.tree import MOST_ENTRIES, TreeError, TreeFiles
from dockfix.config import NAME, PYPROJECT, TABLE, Config, ConfigError, line_of, mentions_dockfix, parse
from dockfix.discover import within
from dockfix.dockerfile import DockerfileError, Document
from dockfix.engine import Plan
from dockfix.explanation.case import Case
from dockfix.report.record import Failure, Omission

if TYPE_CHECKING:
    from dockfix.verify.verification import Verification

EVERYTHING = "dockerfile"
"""The topic of a pull request that holds what all transforms propose."""
ELSEWHERE = frozenset({"Next steps", "The whole change"})
"""Chapters of an explanation that a pull request does without."""
FIGURES = frozenset({"Size comparison", "Build performance"})
"""Chapters that tell how to measure where nothing was."""
# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests/about-issue-and-pull-request-templates
# https://docs.gitlab.com/user/project/description_templates/ and https://forgejo.org/docs/latest/user/issue-pull-request-templates/
_TEMPLATES = re.compile(
    r"(?:(?:\.github|\.gitea|\.forgejo|docs)/)?pull_request_template\.(?:md|txt)"
    r"|\.gitlab/merge_request_templates/default\.md",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Findings:
    """What there is to say of a repository.

    Attributes:
        plans: the plans that change something, by topic: :data:`EVERYTHING`, or a transform's id each.
        chapters: what there is to tell of them, in Markdown, by topic.
        quiet: the plans that change nothing, but may hold refusals.
        omissions: Dockerfiles left out on purpose.
        failures: what could not be worked on.
        wishes: what the repository wants of the bot.
        configured: whether it has a configuration of dockfix at its root.
        template: its template for the descriptions of pull requests.
    """

    plans: Mapping[str, tuple[Plan, ...]] = field(default_factory=dict)
    chapters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quiet: tuple[Plan, ...] = ()
    omissions: tuple[Omission, ...] = ()
    failures: tuple[Failure, ...] = ()
    wishes: Wishes = field(default_factory=Wishes)
    configured: bool = False
    template: str = ""


def findings(files: TreeFiles, settings: Settings) -> Findings:
    """Plan all Dockerfiles of a repository.

    Args:
        files: its tree.
        settings: what the operator asks for.

    Raises:
        TreeError: too much would have to be read.
    """
    configs = _Configs(files)
    try:
        own = configs.wishes()
        top = configs.nearest("")
    except ConfigError as error:
        return Findings(failures=(_failure(error),), configured=True)
    held = granted(settings, own)
    base = Findings(wishes=own, configured=top is not None)
    if not own.enabled:
        return base
    omissions: list[Omission] = []
    failures: list[Failure] = []
    chosen: list[str] = []
    for path, why in within(files, MOST_ENTRIES):
        try:
            config = configs.of(path)
        except ConfigError as error:
            failures.append(_failure(error))
            continue
        if why is not None:
            omissions.append(Omission(path, why))
        elif config.leaves_out(_below(path, config)):
            omissions.append(Omission(path, f"excluded by {config.path}"))
        else:
            chosen.append(path)
    whole = _Run(files, configs, held)
    made = [plan for path in chosen if (plan := whole.plan(path)) is not None]
    runs = {EVERYTHING: whole}
    if held.split:
        runs = dict(_split(files, configs, held, [plan for plan in made if plan.changed]))
    return replace(
        base,
        plans={topic: tuple(case.plan for case in run.cases) for topic, run in runs.items() if run.cases},
        chapters={topic: tuple(_told(run.cases, settings.measured)) for topic, run in runs.items() if run.cases},
        quiet=tuple(plan for plan in made if not plan.changed),
        omissions=tuple(omissions),
        failures=tuple(dict.fromkeys((*failures, *whole.failures))),
        template=_template(files) if whole.cases else "",
    )


def _split(
    files: TreeFiles, configs: _Configs, settings: Settings, plans: Sequence[Plan]
) -> Iterator[tuple[str, _Run]]:
    """What each transform proposes by itself; every change alone leaves a working image, so each may be merged so."""
    ids = dict.fromkeys(id for plan in plans for id, _ in plan.steps)
    for outcome in (outcome for plan in plans for outcome in plan.outcomes if outcome.kind == "applied"):
        ids.setdefault(outcome.transform)
    for id in ids:
        run = _Run(files, configs, replace(settings, overrides={**settings.overrides, "only": frozenset({id})}))
        for plan in plans:
            run.plan(plan.path)
        yield id, run


def _told(cases: Sequence[Case], measured: Mapping[str, Verification]) -> Iterator[str]:
    """What a pull request tells: no measures that nobody took, no commands for a checkout, no diff, which it has."""
    from dockfix.explanation import chapters, explanation
    from dockfix.explanation.textpage import section
    from dockfix.verify.verification import fingerprint

    # a fingerprint is of the whole context
    found = {case.path: measured.get(fingerprint(case.plan, case.app)) for case in cases} if measured else {}
    known = {path: each for path, each in found.items() if each is not None}
    taken = explanation([case for case in cases if case.path in known], known)
    figures = {each.title: each for each in chapters(taken)} if known else {}
    for chapter in chapters(explanation(cases, known)):
        shown = chapter if chapter.title not in FIGURES else figures.get(chapter.title)
        if shown is not None and shown.title not in ELSEWHERE:
            # section by section, so that a long one can be left out by itself
            yield section(replace(shown, sections=()), 3)
            yield from (section(inner, 4) for inner in shown.sections)


def _template(files: TreeFiles) -> str:
    path = min((path for path in files.entries if _TEMPLATES.fullmatch(path)), default="")
    return (files.read(path) or b"").decode("utf-8", "replace") if path else ""


class _Run:
    """Plans for several Dockerfiles, later ones of which see the companions of earlier ones."""

    def __init__(self, files: TreeFiles, configs: _Configs, settings: Settings) -> None:
        self.files = files
        self.sources = Sources(files)
        self.configs = configs
        self.settings = settings
        self.failures: list[Failure] = []
        self.cases: list[Case] = []
        """The plans that change something, with what they were made from."""

    def plan(self, path: str) -> Plan | None:
        chosen = options(self.configs.of(path).options, self.settings.overrides)
        if chosen is None:
            return None
        try:
            source = self.files.read(path)
            if source is None:
                raise DockerfileError(path, 1, self.files.editable(path) or "cannot be read")
            plan = self.sources.plan_source(path, source, chosen)
        except DockerfileError as error:
            self.failures.append(Failure(path, error.line, error.message))
            return None
        except (TreeError, registry.RegistryError):
            raise
        except Exception as error:  # a defect of dockfix in one file must not keep the others from being handled
            what = f"{type(error).__name__}: {error}"
            self.failures.append(Failure(path, 1, f"dockfix itself failed, please report it: {what}"))
            return None
        for defect in plan.defects:
            self.failures.append(Failure(path, 1, f"{defect.transform} failed its own proof: {defect.message}"))
        if plan.defects:
            return None
        for name in (plan.path, *plan.files) if plan.changed else ():
            why = self.files.editable(name)
            if why is not None:
                self.failures.append(Failure(path, 1, f"cannot be proposed: {name} {why}"))
                return None
        if plan.changed:
            app = self.sources.app(Document.parse(plan.before, plan.path))
            self.cases.append(Case(path, plan, app, chosen))
        self.sources.take(plan.files)
        return plan


class _Configs:
    """The configuration files of a tree, each understood once."""

    def __init__(self, files: TreeFiles) -> None:
        self._files = files
        self._parsed = cache(self._parse)

    def of(self, dockerfile: str) -> Config:
        """What holds for a Dockerfile.

        Raises:
            ConfigError: the file that governs it is wrong.
        """
        found = self.nearest(dockerfile.rpartition("/")[0])
        return Config() if found is None else self._parsed(found)

    def wishes(self) -> Wishes:
        """What the repository as a whole wants of the bot."""
        path = self.nearest("")
        if path is None:
            return Wishes()
        text = (self._files.read(path) or b"").decode("utf-8", "replace")
        within = (*TABLE, "bot") if path == PYPROJECT else ("bot",)
        return wishes(self._parsed(path).bot, PurePosixPath(path), lambda key: line_of(text, *within, key))

    def nearest(self, folder: str) -> str | None:
        for place in _upward(folder):
            if self._files.read(f"{place}{NAME}") is not None:
                return f"{place}{NAME}"
            if mentions_dockfix(self._files.read(f"{place}{PYPROJECT}") or b""):
                return f"{place}{PYPROJECT}"
        return None

    def _parse(self, path: str) -> Config:
        return parse(PurePosixPath(path), self._files.read(path) or b"", _ids)


def _upward(folder: str) -> Iterator[str]:
    """The folder and those above it, each with the slash that a name is put behind."""
    while folder:
        yield f"{folder}/"
        folder = folder.rpartition("/")[0]
    yield ""


def _below(path: str, config: Config) -> str:
    """*path* from the folder of the configuration file."""
    folder = PurePosixPath(config.path).parent if config.path is not None else PurePosixPath()
    return PurePosixPath(path).relative_to(folder).as_posix()


def _failure(error: ConfigError) -> Failure:
    return Failure(str(error.path), error.line, error.message)


def _ids() -> tuple[str, ...]:
    return tuple(transform.id for transform in registry.transforms())
