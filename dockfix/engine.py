"""Run the transforms in order, prove each change, and make the plan that everything else shows or carries out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from dockfix.dockerfile import DockerfileError, Document, Instruction, structure_agrees
from dockfix.facts import App
from dockfix.model import Model
from dockfix.model.windows import windows
from dockfix.options import Options
from dockfix.proofs import ProofError, prove
from dockfix.text import OverlapError, apply
from dockfix.transform import Change, Phase, Refusal, Result, Safety, Transform

Kind = Literal["applied", "offered", "refused", "note", "advice"]
Chooser = Callable[[Transform, Sequence[Change]], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transform had to say of one place.

    Attributes:
        transform: the transform's id; ``facts`` where a file beside the Dockerfile cannot be read.
        kind: what became of it; ``offered`` is a change that the options leave out.
        line: the line in the original file, ``None`` where it is about no line.
        why: one sentence for a person, with the evidence.
        safety: how far a change reaches, for changes alone.
    """

    transform: str
    kind: Kind
    line: int | None
    why: str
    safety: Safety | None = None


@dataclass(frozen=True, slots=True)
class Defect:
    """A proof that failed: dockfix is wrong, and the file is left as it was."""

    transform: str
    message: str


@dataclass(frozen=True)
class Plan:
    """What would be written, and why.

    Attributes:
        path: the Dockerfile, relative to the repository's root.
        before: its text as it is.
        after: its text as it would be; equal to *before* where nothing changes or a defect was found.
        files: companion files that change, path to new text.
        originals: their present texts, ``None`` where a file is new.
        outcomes: what each transform did, refused and noted.
        defects: failed proofs.
        steps: the text after each transform that changed something, by id, in order.
        makers: of each companion file that changes, the transforms that did it.
    """

    path: str
    before: str
    after: str
    files: Mapping[str, str] = field(default_factory=dict)
    originals: Mapping[str, str | None] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    defects: tuple[Defect, ...] = ()
    steps: tuple[tuple[str, str], ...] = ()
    makers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        """Whether anything would be written."""
        return self.before != self.after or bool(self.files)


class DefectError(Exception):
    """A transform broke a promise."""

    def __init__(self, transform: str, message: str) -> None:
        super().__init__(f"{transform}: {message}")
        self.transform = transform
        self.message = message


def plan(
    document: Document,
    app: App,
    options: Options,
    transforms: Sequence[Transform],
    choose: Chooser | None = None,
) -> Plan:
    """Work out what to change in *document*, proving every step.

    Args:
        document: the Dockerfile.
        app: the facts of its build context.
        options: what the person asked for.
        transforms: all that exist; the options tell which of them run.
        choose: asked before a transform's changes are applied; ``None`` applies them all.
    """
    chosen = [t for t in transforms if (not options.only or t.id in options.only) and t.id not in options.skip]
    disagreement = structure_agrees(document)
    if disagreement is not None:
        outcome = Outcome("parse", "refused", None, f"the file can be read in two ways: {disagreement}")
        return Plan(document.path, document.text, document.text, outcomes=(outcome,))
    run = _Run(document, app, options, choose)
    foreign = windows(run.model)
    if foreign is not None:
        at, why = foreign
        outcome = Outcome("windows", "refused", at.line, f"{why}, for which no transform is made")
        return Plan(document.path, document.text, document.text, outcomes=(outcome,))
    try:
        for transform in chosen:
            run.apply(transform)
        run.note_problems()
        if run.changed:
            _prove_stable(run, chosen)
    except DefectError as error:
        return Plan(
            document.path,
            document.text,
            document.text,
            outcomes=tuple(run.outcomes),
            defects=(Defect(error.transform, error.message),),
        )
    return run.plan()


class _Run:
    """The state of one plan in the making."""

    def __init__(self, document: Document, app: App, options: Options, choose: Chooser | None) -> None:
        self.original = document
        self.app = app
        self.model = Model(document, app, options)
        self.lines = _Lines(document.text, document.text)
        self.choose = choose
        self.files: dict[str, str] = {}
        self.makers: dict[str, tuple[str, ...]] = {}
        self.outcomes: list[Outcome] = []
        self.steps: list[tuple[str, str]] = []
        self.declined: set[str] = set()
        self.settled: dict[str, Model] = {}

    @property
    def changed(self) -> bool:
        return bool(self.files) or self.model.document.text != self.original.text

    def apply(self, transform: Transform) -> None:
        """Run *transform* once and take over what it changes."""
        results = results_of(transform, self.model)
        changes = [result for result in results if isinstance(result, Change)]
        applied = [change for change in changes if self._wanted(change)]
        if applied and self.choose is not None and not self.choose(transform, applied):
            self.declined.add(transform.id)
            applied = []
        for result in results:
            self.outcomes.append(_outcome(transform, result, result in applied, self.lines))
        if not applied:
            self.settled[transform.id] = self.model
            return
        model = advance(self.model, transform, applied)
        again = [r for r in results_of(transform, model) if isinstance(r, Change) and self._wanted(r)]
        if again:
            raise DefectError(transform.id, f"a second run would change the result again: {again[0].why}")
        self.settled[transform.id] = model
        for change in applied:
            self.files.update(change.files)
            for path in change.files:
                self.makers[path] = tuple(dict.fromkeys((*self.makers.get(path, ()), transform.id)))
        self.steps.append((transform.id, model.document.text))
        self.model = model
        self.lines = _Lines(self.original.text, model.document.text)

    def note_problems(self) -> None:
        """Tell of every companion file that was asked for and could not be read."""
        for problem in dict.fromkeys((*self.app.problems, *self.model.app.problems)):
            self.outcomes.append(Outcome("facts", "note", None, f"{problem.origin}: {problem.message}"))

    def _wanted(self, change: Change) -> bool:
        if change.safety is Safety.ADVICE:
            return False
        return change.safety is Safety.SAFE or not self.model.options.safe

    def plan(self) -> Plan:
        files = {path: text for path, text in self.files.items() if self._original(path) != text}
        return Plan(
            self.original.path,
            self.original.text,
            self.model.document.text,
            files,
            {path: self._original(path) for path in files},
            tuple(dict.fromkeys(self.outcomes)),
            (),
            tuple(self.steps),
            {path: self.makers[path] for path in files},
        )

    def _original(self, path: str) -> str | None:
        data = self.app.files.read(path)
        return None if data is None else data.decode("utf-8", "surrogateescape")


def results_of(transform: Transform, model: Model) -> list[Result]:
    """Everything that *transform* has to say of *model*.

    How containers of the final stage run matters to nobody where compose builds another stage by ``target``; and those
    that descend from that one would inherit what is changed in it.
    """
    results = list(transform.run(model))
    elsewhere = model.elsewhere if transform.phase in {Phase.RUNTIME, Phase.USER} else None
    if elsewhere is None:
        return results
    why = f"compose builds the stage {elsewhere.value} instead ({elsewhere.origin})"
    return [Refusal(result.at, why) if isinstance(result, Change) else result for result in results]


def advance(model: Model, transform: Transform, changes: Sequence[Change]) -> Model:
    """The model after *changes*, proven.

    Raises:
        DefectError: the result does not parse, or a proof fails.
    """
    edits = [edit for change in changes for edit in change.edits]
    files = {path: text for change in changes for path, text in change.files.items()}
    try:
        text = apply(model.document.text, edits)
        document = Document.parse(text, model.document.path)
        app = model.app.overlay(files) if files else model.app
        after = Model(document, app, model.options)
        prove(model, after, changes)
    except (OverlapError, DockerfileError, ProofError) as error:
        raise DefectError(transform.id, str(error)) from error
    return after


def _prove_stable(run: _Run, transforms: Sequence[Transform]) -> None:
    """The whole sequence, run on its own result, must change nothing."""
    for transform in transforms:
        # a transform is a pure function: on the very model that it has left alone, it need not be asked again
        if transform.id in run.declined or run.settled.get(transform.id) is run.model:
            continue
        again = [r for r in results_of(transform, run.model) if isinstance(r, Change) and run._wanted(r)]
        if again:
            raise DefectError(transform.id, f"a second run of all transforms would change: {again[0].why}")


def _outcome(transform: Transform, result: Result, applied: bool, lines: _Lines) -> Outcome:
    line = lines.original(result.at)
    if isinstance(result, Change):
        kind: Kind = "applied" if applied else ("advice" if result.safety is Safety.ADVICE else "offered")
        return Outcome(transform.id, kind, line, result.why, result.safety)
    if isinstance(result, Refusal):
        return Outcome(transform.id, "refused", line, result.why)
    return Outcome(transform.id, "advice" if result.advice else "note", line, result.why)


class _Lines:
    """Which line of the original a line of the present text was."""

    def __init__(self, original: str, present: str) -> None:
        self._same = original == present
        self._texts = (original, present)
        self._map: dict[int, int] | None = None

    def original(self, instruction: Instruction | None) -> int | None:
        if instruction is None:
            return None
        if self._same:
            return instruction.line
        if self._map is None:
            before, after = (text.split("\n") for text in self._texts)
            self._map = {}
            for tag, a, a_end, b, b_end in SequenceMatcher(None, before, after).get_opcodes():
                for offset in range(b_end - b):
                    last = max(a, a_end - 1)
                    self._map[b + offset + 1] = min(a + offset, last) + 1 if tag != "insert" else a + 1
        return self._map.get(instruction.line)
