"""The page that explains rewrites, section by section."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dockfix.explanation.nextsteps import measuring, next_steps
from dockfix.explanation.prose import (
    Block,
    Bullets,
    Checks,
    Code,
    Folded,
    Page,
    Paragraph,
    Section,
    Snippet,
    Strong,
    Table,
    Words,
    capital,
    documented,
    said,
    sentence,
)
from dockfix.explanation.shape import codes
from dockfix.explanation.surroundings import probed
from dockfix.verify.table import HEADER, STEPS, builds, runs, steps, weights

if TYPE_CHECKING:
    from dockfix.explanation.case import Standing
    from dockfix.explanation.contents import Application, Excerpt, Explanation, File, Optimisation, Remark
    from dockfix.explanation.security import Check
    from dockfix.explanation.shape import Shape
    from dockfix.verify.table import Row
    from dockfix.verify.verification import Verification

_TITLE = "Dockerfiles, rewritten and explained"
_STANDING: Mapping[Standing, str] = {
    "planned": " is as it was: this rewrite has not been written.",
    "written": " and what goes with it are written as is explained here.",
    "other": " has been changed otherwise: what is explained here is not what the folder has now.",
}
_EVERY = 3
"""Up to so many Dockerfiles are named one by one where many agree."""


def page(found: Explanation, folder: str = ".") -> Page:
    """Everything there is to tell, in the order in which a reader wants it.

    Args:
        found: what there is to tell.
        folder: the repository's folder, from the reader's.
    """
    place: Words = (" Paths and commands count from the folder ", Code(folder), ".") if folder != "." else ()
    return Page(_TITLE, (*_lead(found), *place), tuple(chapters(found)))


def pages(found: Mapping[str, Explanation]) -> Page:
    """One page on several repositories, of which each has its own paths.

    Args:
        found: what there is to tell of each, by the name of its folder.
    """
    lead: Words = ("Of each repository apart: its paths and commands count from its own folder.",)
    sections = (
        Section(f"Repository {name}", (Paragraph(_lead(each)),), sections=tuple(chapters(each)))
        for name, each in found.items()
    )
    return Page(_TITLE, lead, tuple(sections))


def chapters(found: Explanation) -> Iterator[Section]:
    """The sections, those alone that have something to tell."""
    changed = [file for file in found.files if file.changed]
    yield overview(found.files, found.since)
    if found.optimisations:
        yield optimisations(found.optimisations)
    refused = found.remarks_of("refused", "offered")
    if refused:
        yield left(refused)
    if changed or found.measured:
        yield from (section for section in (sizes(found), performance(found)) if section.blocks)
    if found.measured:
        yield behaviour(found)
    yield security(found.files)
    if any(file.fits or file.pods for file in found.files):
        yield surroundings(found)
    advice, notes = found.remarks_of("advice"), found.remarks_of("note")
    if advice:
        yield Section("For you to do", (Bullets(tuple(_told(advice))),))
    if notes:
        yield Section("Noted", (Bullets(tuple(_told(notes))),))
    if changed:
        yield next_steps(found)
        drifted = [file for file in changed if file.drift]
        if drifted:
            yield drift(drifted)
        yield Section("The whole change", tuple(_diff(file) for file in changed))


def overview(files: Sequence[File], since: str = "") -> Section:
    """What each Dockerfile was, and what it is.

    Args:
        files: the Dockerfiles.
        since: the git revision that has the originals, where they are not those in the folder.
    """
    header = tuple((name,) for name in ("Dockerfile", "App", "Base image", "Stages", "Starts as", "Health check"))
    table = tuple(
        (
            (Code(file.path),),
            (file.kind,),
            _turned((Code(file.before.base),), (Code(file.after.base),)),
            _turned((str(len(file.before.stages)),), (str(len(file.after.stages)),)),
            _turned(_user(file.before), _user(file.after)),
            _turned(_yes(file.before.checked), _yes(file.after.checked)),
        )
        for file in files
    )
    blocks: list[Block] = [Table(header, table)]
    for file in files:
        blocks += _build(file)
    blocks += [Paragraph((Code(file.path), _STANDING[file.standing])) for file in files if since and file.changed]
    return Section("Overview", tuple(blocks))


def optimisations(found: Sequence[Optimisation]) -> Section:
    """What was done, why, and in which lines."""
    intro = Paragraph(
        (
            Code("safe"),
            ": the image behaves as before. ",
            Code("review"),
            ": it changes as intended, so look at it. Reasons name lines of the Dockerfile as it was; what is shown",
            " stands in it afterwards.",
        )
    )
    return Section(
        "What was done, and why",
        (intro,),
        sections=tuple(_optimisation(number, each) for number, each in enumerate(found, 1)),
    )


def left(remarks: Sequence[Remark]) -> Section:
    """What was not done, and why."""
    items: list[Words] = []
    for transform, kind in dict.fromkeys((remark.transform, remark.kind) for remark in remarks):
        how: Words = () if kind == "refused" else (" (left out by the options)",)
        same = [remark for remark in remarks if (remark.transform, remark.kind) == (transform, kind)]
        items += ((Code(transform), *how, " ", *told) for told in _told(same))
    return Section("What was left as it is, and why", (Bullets(tuple(items)),))


def sizes(found: Explanation) -> Section:
    """How big the images are, as measured."""
    blocks: list[Block] = [
        Paragraph((Code(path), " has no figures: ", *sentence(said(str(each.verdict)))))
        for path, each in found.measured.items()
        if not any(weights(each))
    ]
    blocks += _measured(found, weights, "Sizes are uncompressed, as the engine tells them.")
    for path, each in found.measured.items():
        if each.steps:
            blocks.append(Paragraph((Code(path), ", each transform by itself:")))
            blocks.append(_cells(STEPS, steps(each)))
    return Section("Size comparison", tuple(blocks))


def performance(found: Explanation) -> Section:
    """How long builds take, as measured."""
    if not found.measured:
        return Section("Build performance", (Paragraph(("Not measured yet either: the same command tells.",)),))
    return Section("Build performance", tuple(_measured(found, builds)))


def behaviour(found: Explanation) -> Section:
    """How the containers behave, as measured."""
    blocks: list[Block] = []
    for path, each in found.measured.items():
        reasons = tuple(sentence(said(reason)) for reason in each.verdict.reasons)
        blocks.append(Paragraph((Code(path), ": ", Strong(each.verdict.kind), ".")))
        blocks += [Bullets(reasons)] if reasons else []
        behaved = tuple(runs(each))
        blocks += [_table(behaved)] if behaved else []
        remarks = tuple(sentence(said(remark)) for remark in each.verdict.remarks)
        blocks += [Bullets(remarks)] if remarks else []
    return Section("How it runs", tuple(blocks))


def security(files: Sequence[File]) -> Section:
    """What holds of the images as they would be."""
    intro = Paragraph(("Ticked is what holds of the result, not what was intended.",))
    names = dict.fromkeys(check.name for file in files for check in file.checks)
    items = [item for name in names for item in _verdicts(name, files)]
    return Section("Security summary", (intro, Checks(tuple(items))))


def surroundings(found: Explanation) -> Section:
    """How the images fit what runs them."""
    blocks: list[Block] = []
    services = [(file, fit) for file in found.files for fit in file.fits]
    if services:
        names = dict.fromkeys(fit.file for _, fit in services)
        blocks.append(Paragraph((*codes(names), " stays as it is." if len(names) == 1 else " stay as they are.")))
    for file, fit in services:
        blocks.append(Paragraph((Strong(fit.service), " (", Code(fit.origin), ") builds ", Code(file.path), ":")))
        if fit.points:
            blocks.append(Bullets(tuple(sentence(capital(point)) for point in fit.points)))
    manifests = tuple(probed(dict.fromkeys(pod for file in found.files for pod in file.pods)))
    if manifests:
        blocks.append(
            Paragraph(("Kubernetes ignores the health check of an image; the manifests are left as they are:",))
        )
        blocks.append(Bullets(tuple(map(sentence, manifests))))
    return Section("How it fits what runs it", tuple(blocks))


def drift(files: Sequence[File]) -> Section:
    """What the folder has instead of a rewrite."""
    intro = Paragraph(("From the rewrite that is explained here to what the folder has now:",))
    return Section("What is otherwise now", (intro, *(Snippet(file.drift, "diff") for file in files)))


def _lead(found: Explanation) -> Words:
    files = found.files
    changed = sum(file.changed for file in files)
    of: Words = (" of ", Code(found.since)) if found.since else ()
    if not files:
        return ("There is no Dockerfile to explain.",)
    if changed == len(files):
        many = changed > 1
        named = f"the {changed} Dockerfiles" if many else "the Dockerfile"
        return ("How ", named, *of, " are" if many else " is", " rewritten, and why.")
    if not changed and found.since:
        return ("Nothing was left to rewrite in the Dockerfiles", *of, ": this is what they come to.")
    if not changed:
        return (
            "Nothing is left to rewrite here: this is what the Dockerfiles come to as they stand. ",
            Code("--since REV"),
            " explains what is written already, where git's revision ",
            Code("REV"),
            " has the originals.",
        )
    others = "the other stays as it is" if changed == len(files) - 1 else "the others stay as they are"
    return (f"{changed} of {len(files)} Dockerfiles", *of, f" {'is' if changed == 1 else 'are'} rewritten; {others}.")


def _build(file: File) -> Iterator[Block]:
    """How an image of several stages comes about, and what lies beside its Dockerfile."""
    if file.defect:
        yield Paragraph((Code(file.path), " stays as it is, because a proof failed: ", *said(file.defect)))
    if len(file.after.stages) > 1:
        yield Paragraph((Code(file.path), f" builds in {len(file.after.stages)} stages:"))
        yield Bullets(
            tuple(
                (
                    Strong(stage.name),
                    " (from ",
                    Code(stage.base),
                    ")",
                    *((": ", *_phrases(stage.deeds)) if stage.deeds else ()),
                )
                for stage in file.after.stages
            ),
            numbered=True,
        )
    for new, what in ((True, "New beside it: "), (False, "Changed beside it: ")):
        paths = [path for path, made in file.companions if made is new]
        if paths:
            yield Paragraph((what, *codes(paths), "."))


def _phrases(deeds: Sequence[Words]) -> Words:
    return tuple(part for deed in deeds for part in ("; ", *deed))[1:]


def _optimisation(number: int, found: Optimisation) -> Section:
    blocks: list[Block] = [Paragraph(sentence(documented(found.summary)))]
    if found.why:
        blocks.append(Paragraph((Strong("Why:"), " ", *documented(found.why))))
    for application in found.applications:
        blocks += _application(application)
    for note in filter(None, found.notes.split("\n\n")):
        blocks.append(Paragraph((Strong("Good to know:"), " ", *documented(note))))
    return Section(f"{number}. {found.title}", tuple(blocks), tag=f"{found.id}, {found.safety.value}")


def _application(found: Application) -> Iterator[Block]:
    yield Bullets(tuple(_told(found.remarks)))
    for excerpt in found.excerpts:
        yield _snippet(excerpt)


def _snippet(excerpt: Excerpt) -> Snippet:
    lines = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in excerpt.lines)
    several = "lines" if " " in lines else "line"
    return Snippet(excerpt.text, excerpt.language, (Code(excerpt.path), f", {several} {lines}" if lines else ""))


def _told(remarks: Sequence[Remark]) -> Iterator[Words]:
    """A line for each thing that is said, with all the places of which it is."""
    for why in dict.fromkeys(remark.why for remark in remarks):
        places = dict.fromkeys(remark.place for remark in remarks if remark.why == why)
        yield (*codes(places), ": ", *sentence(said(why)))


def _measured(found: Explanation, rows: Callable[[Verification], Iterator[Row]], remark: str = "") -> Iterator[Block]:
    """Some rows for each Dockerfile that was measured, and the command for the others."""
    told = False
    for path, each in found.measured.items():
        chosen = tuple(rows(each))
        if chosen:
            told = True
            yield Paragraph((Code(path), ":"))
            yield _table(chosen)
    if told and remark:
        yield Paragraph((remark,))
    if _unmeasured(found):
        yield Paragraph(("Not measured yet. This builds and runs both, and tells:",))
        yield Snippet(measuring(found, _unmeasured(found)), "sh")


def _unmeasured(found: Explanation) -> list[File]:
    return [file for file in found.files if file.changed and file.path not in found.measured]


def _table(found: Sequence[Row]) -> Table:
    return _cells(HEADER, ((row.name.strip(), row.before, row.after, row.change) for row in found))


def _cells(header: tuple[str, ...], cells: Iterable[tuple[str, ...]]) -> Table:
    return Table(tuple((name,) for name in header), tuple(tuple((cell,) for cell in row) for row in cells))


def _verdicts(name: str, files: Sequence[File]) -> Iterator[tuple[bool | None, Words]]:
    """One line for each verdict on a property, with the Dockerfiles that have it."""
    for verdict in (True, False, None):
        having = [
            (file, check) for file in files for check in file.checks if (check.name, check.holds) == (name, verdict)
        ]
        if having:
            yield verdict, (Strong(name), ": ", *_reasons(having, len(files)))


def _reasons(having: Sequence[tuple[File, Check]], total: int) -> Words:
    by_reason: dict[Words, list[str]] = {}
    for file, check in having:
        by_reason.setdefault(check.why, []).append(file.path)
    if len(having) == total and len(by_reason) == 1:
        return having[0][1].why
    return tuple(part for why, paths in by_reason.items() for part in ("; ", *_some(paths), " (", *why, ")"))[1:]


def _some(paths: Sequence[str]) -> Words:
    return codes(paths) if len(paths) <= _EVERY else (f"{len(paths)} files, such as ", Code(paths[0]))


def _turned(old: Words, new: Words) -> Words:
    return new if old == new else (*old, " → ", *new)


def _user(shape: Shape) -> Words:
    if shape.user is None:
        return ("not known",)
    number = f" ({shape.uid})" if shape.uid is not None and shape.user != str(shape.uid) else ""
    return (f"{shape.user}{number}" if shape.user else "root",)


def _yes(value: bool) -> Words:
    return ("yes" if value else "no",)


def _diff(file: File) -> Folded:
    return Folded((Code(file.path),), (Snippet(file.diff, "diff"),))
