"""What there is to tell of planned rewrites, as one value that renderers and pull requests draw on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix.dockerfile import Document
from dockfix.explanation.authorship import authors
from dockfix.explanation.security import Check, checks
from dockfix.explanation.shape import Shape, kind, shape
from dockfix.explanation.surroundings import Fit, fits
from dockfix.recipes.pods import pods
from dockfix.report.diff import unified
from dockfix.report.rule import NOTES, sections
from dockfix.transform import Safety

if TYPE_CHECKING:
    from dockfix.engine import Kind, Outcome, Plan
    from dockfix.explanation.case import Case, Standing
    from dockfix.facts.kubernetes import Container
    from dockfix.transform import Transform
    from dockfix.verify import Verification

_CONFIGURATION = {"nginx.conf": "spa-nginx"}
"""Companion files whose reasons one transform documents, whichever makes them."""
_SHOWN_LINES = 60
_GAP = "# …"
"""Stands for lines that are left out; a comment in a Dockerfile."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a file as it would be, or a diff.

    Attributes:
        path: the file, from the repository's root.
        lines: the first and the last number of each piece; empty for a whole file and for a diff.
        text: the pieces.
        language: ``dockerfile``, ``diff``, ``nginx`` or nothing.
    """

    path: str
    lines: tuple[tuple[int, int], ...]
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence of a transform about a place.

    Attributes:
        path: the Dockerfile, as it is named to the reader.
        line: the line of the original, if it is about one.
        transform: the transform's id.
        kind: what became of it.
        why: the sentence.
    """

    path: str
    line: int | None
    transform: str
    kind: Kind
    why: str

    @property
    def place(self) -> str:
        """``file:line``."""
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Application:
    """What one transform did to one Dockerfile.

    Attributes:
        path: the Dockerfile, as it is named to the reader.
        remarks: its reasons, with their evidence.
        excerpts: what it wrote.
    """

    path: str
    remarks: tuple[Remark, ...]
    excerpts: tuple[Excerpt, ...]


@dataclass(frozen=True, slots=True)
class Optimisation:
    """A transform that changed something.

    Attributes:
        id: its id.
        summary: what it does, in a sentence.
        why: why that is good, from its documentation.
        notes: what else is good to know of it.
        safety: the furthest that its changes reach here.
        applications: what it did, a Dockerfile each.
    """

    id: str
    summary: str
    why: str
    notes: str
    safety: Safety
    applications: tuple[Application, ...]

    @property
    def title(self) -> str:
        """The id as words."""
        words = self.id.replace("-", " ")
        return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class File:
    """A Dockerfile and what becomes of it.

    Attributes:
        path: how it is named to the reader.
        name: its path from the repository's root.
        context: the folder that the build sends, from the root.
        kind: what sort of app it runs.
        before: what it is.
        after: what it would be.
        changed: whether anything changes.
        companions: files made or edited beside it, each with whether it is new.
        diff: everything that changes.
        standing: what has become of it in the folder.
        drift: where the folder has neither what was nor what would be: the diff from the rewrite to what it has.
        defect: why a failed proof keeps it from being changed; empty otherwise.
        checks: what holds of the image.
        fits: the compose services that build it.
        pods: the containers of Kubernetes manifests that run it, or may.
    """

    path: str
    name: str
    context: str
    kind: str
    before: Shape
    after: Shape
    changed: bool
    companions: tuple[tuple[str, bool], ...]
    diff: str
    standing: Standing
    drift: str
    defect: str
    checks: tuple[Check, ...]
    fits: tuple[Fit, ...]
    pods: tuple[Container, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to tell.

    Attributes:
        files: the Dockerfiles.
        optimisations: what was done, in the order in which it was done.
        remarks: everything said that changed nothing: refusals, advice, notes, changes that the options leave out.
        measured: what verifications found, by the Dockerfile's path.
        since: the git revision that has the originals, where they are not those in the folder.
        arguments: the options with which the plans were made, as words of a command line.
        repository: the name of the repository, where it is known.
    """

    files: tuple[File, ...]
    optimisations: tuple[Optimisation, ...]
    remarks: tuple[Remark, ...]
    measured: Mapping[str, Verification] = field(default_factory=dict)
    since: str = ""
    arguments: tuple[str, ...] = ()
    repository: str = ""

    def remarks_of(self, *kinds: Kind) -> tuple[Remark, ...]:
        """The remarks of some kinds."""
        return tuple(remark for remark in self.remarks if remark.kind in kinds)


def explanation(
    cases: Iterable[Case],
    measured: Mapping[str, Verification] | None = None,
    transforms: Sequence[Transform] | None = None,
    *,
    since: str = "",
    arguments: tuple[str, ...] = (),
    repository: str = "",
) -> Explanation:
    """What there is to tell of some plans.

    Args:
        cases: the plans.
        measured: what verifications found, by the path of a case; one of another rewrite than the plan's must be left
            out by the caller.
        transforms: the transforms, whose documentation gives the reasons; by default all that are registered.
        since: the git revision for which the plans were made, if it was one.
        arguments: the options with which they were made, as words of a command line.
        repository: the name of the repository, after which images are called.
    """
    if transforms is None:
        from dockfix.registry import transforms as registered

        transforms = registered()
    cases = tuple(cases)
    remarks = tuple(_remark(case, outcome) for case in cases for outcome in case.plan.outcomes)
    return Explanation(
        tuple(map(_file, cases)),
        tuple(_optimisations(cases, transforms)),
        tuple(remark for remark in remarks if remark.kind != "applied"),
        dict(measured or {}),
        since,
        arguments,
        repository,
    )


def _remark(case: Case, outcome: Outcome) -> Remark:
    return Remark(case.path, outcome.line, outcome.transform, outcome.kind, outcome.why)


def _file(case: Case) -> File:
    plan = case.plan
    return File(
        path=case.path,
        name=plan.path,
        context=case.app.context,
        kind=kind(case.before),
        before=shape(case.before),
        after=shape(case.after),
        changed=plan.changed,
        companions=tuple((path, plan.originals[path] is None) for path in sorted(plan.files)),
        diff="".join(unified(path, old, new) for path, (old, new) in case.files.items()),
        standing=case.standing,
        drift=_drift(case) if case.standing == "other" else "",
        defect="; ".join(f"{defect.transform}: {defect.message}" for defect in plan.defects),
        checks=tuple(checks(case.after, case.before)),
        fits=fits(case.after),
        pods=pods(case.after),
    )


def _drift(case: Case) -> str:
    return "".join(unified(path, new, case.now.get(path, old)) for path, (old, new) in case.files.items())


def _optimisations(cases: Sequence[Case], transforms: Sequence[Transform]) -> Iterator[Optimisation]:
    written = {id(case): tuple(authors(case.plan.before, case.plan.steps)) for case in cases}
    documents = {id(case): Document.parse(case.plan.after, case.plan.path) for case in cases}
    by_id = {transform.id: transform for transform in transforms}
    for transform in transforms:
        applications: list[Application] = []
        safety = Safety.SAFE
        made: set[str] = set()
        for case in cases:
            applied = [o for o in case.plan.outcomes if o.kind == "applied" and o.transform == transform.id]
            if not applied or not case.plan.changed:
                continue
            if any(outcome.safety is Safety.REVIEW for outcome in applied):
                safety = Safety.REVIEW
            lines = {number for number, by in enumerate(written[id(case)], 1) if transform.id in by}
            own = [path for path, makers in case.plan.makers.items() if transform.id in makers]
            made.update(path.rpartition("/")[2] for path in own)
            excerpts = (*_excerpts(documents[id(case)], lines), *_companions(case.plan, own))
            remarks = tuple(_remark(case, outcome) for outcome in applied)
            applications.append(Application(case.path, remarks, excerpts or _step(case.plan, transform.id)))
        if applications:
            documented = sections(transform)
            also = {_CONFIGURATION[name] for name in made if name in _CONFIGURATION} & by_id.keys() - {transform.id}
            notes = [documented.get(NOTES, ""), *(sections(by_id[each]).get(NOTES, "") for each in also)]
            yield Optimisation(
                transform.id,
                transform.summary,
                documented.get("Why", ""),
                "\n\n".join(filter(None, notes)),
                safety,
                tuple(applications),
            )


def _excerpts(document: Document, lines: set[int]) -> Iterator[Excerpt]:
    """The instructions of which a transform wrote some line, in pieces of what stands together."""
    text = document.text.split("\n")
    pieces: list[tuple[int, int]] = []
    for instruction in document.instructions:
        first, last = instruction.line, document.line(instruction.span.end)
        if lines.isdisjoint(range(first, last + 1)):
            continue
        if pieces and not any(line.strip() for line in text[pieces[-1][1] : first - 1]):
            pieces[-1] = (pieces[-1][0], last)
        else:
            pieces.append((first, last))
    if pieces:
        shown = f"\n\n{_GAP}\n\n".join("\n".join(text[first - 1 : last]) for first, last in pieces)
        yield Excerpt(document.path, tuple(pieces), shown, "dockerfile")


def _companions(plan: Plan, paths: Iterable[str]) -> Iterator[Excerpt]:
    for path in paths:
        text, original = plan.files[path], plan.originals[path]
        if original is None and text.count("\n") <= _SHOWN_LINES:
            yield Excerpt(path, (), text, "nginx" if path.endswith(".conf") else "")
        else:
            yield Excerpt(path, (), unified(path, original, text), "diff")


def _step(plan: Plan, id: str) -> tuple[Excerpt, ...]:
    """The diff of a transform of whose work no line is left."""
    before = plan.before
    for step, after in plan.steps:
        if step == id:
            hunks = re.sub(r"\A--- .*\n\+\+\+ .*\n", "", unified(plan.path, before, after))
            return (Excerpt(plan.path, (), hunks, "diff"),) if hunks else ()
        before = after
    return ()
