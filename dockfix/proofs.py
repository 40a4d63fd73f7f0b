"""What is proven of every change before anything is written; a violation is a defect of dockfix."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dockfix.dockerfile import structure_agrees
from dockfix.model.config import difference

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Model, StageModel
    from dockfix.model.config import ConfigValue
    from dockfix.text import Edit, Span
    from dockfix.transform import Change


class ProofError(Exception):
    """A change is not what it claims to be."""


def prove(before: Model, after: Model, changes: Sequence[Change]) -> None:
    """Check *changes*, which lead from *before* to *after*.

    Raises:
        ProofError: an untouched instruction or a comment changed, the configuration changed in an unstated way,
            or something is referred to that does not exist.
    """
    _untouched(before.document, after.document, changes)
    _comments(before.document, after.document)
    disagreement = structure_agrees(after.document)
    if disagreement is not None and structure_agrees(before.document) is None:
        raise ProofError(f"dockerfile-parse reads the result differently: {disagreement}")
    _config(before, after, changes)
    _references(before, after)


def _untouched(before: Document, after: Document, changes: Sequence[Change]) -> None:
    """Instructions outside every edit must still be there, identical and in order."""
    edits = [edit for change in changes for edit in change.edits]
    kept = [i for i in before.instructions if not any(_touches(edit, i.span) for edit in edits)]
    if any(change.ledger for change in changes):
        fates = {entry.index: entry.fate for change in changes for entry in change.ledger}
        missing = [i for i in before.instructions if i.index not in fates and i.stage >= 0]
        if missing:
            raise ProofError(f"the ledger does not tell what became of line {missing[0].line}")
        return
    remaining = iter(after.instructions)
    for instruction in kept:
        if not any(_same(instruction, other) for other in remaining):
            raise ProofError(f"line {instruction.line} was not meant to change: {instruction.keyword}")


def _touches(edit: Edit, instruction: Span) -> bool:
    """Whether *edit* changes an instruction: overlaps it, stands inside, or writes on where it ends."""
    span = edit.span
    if span.start == span.end == instruction.end:
        return not edit.text.startswith(("\n", "\r\n"))
    return span.start < instruction.end and instruction.start < span.end


def _same(one: Instruction, other: Instruction) -> bool:
    return _content(one) == _content(other)


def _content(instruction: Instruction) -> tuple[object, ...]:
    return instruction.keyword, instruction.value, tuple((flag.name, flag.value) for flag in instruction.flags)


def _comments(before: Document, after: Document) -> None:
    """Every comment of the original is there as often as it was."""
    lost = Counter(c.text.strip() for c in before.comments) - Counter(c.text.strip() for c in after.comments)
    if lost:
        raise ProofError(f"a comment was lost: {next(iter(lost))}")


def _config(before: Model, after: Model, changes: Sequence[Change]) -> None:
    """The final stage's configuration changed by exactly what the changes state."""
    stated: dict[str, tuple[ConfigValue, ConfigValue]] = {}
    for change in changes:
        for key, (old, new) in change.config.items():
            first = stated[key][0] if key in stated else old
            stated[key] = (first, new)
    found = difference(before.final.config, after.final.config)
    for key in found.keys() | stated.keys():
        if found.get(key) != stated.get(key) and not _equal(stated.get(key)):
            raise ProofError(f"{key} changes {_show(found.get(key))}, stated was {_show(stated.get(key))}")
    for name in before.targets:
        old_stage, new_stage = before.document.stage(name), after.document.stage(name)
        if old_stage is None or old_stage is before.document.stages[-1]:
            continue
        if new_stage is None:
            raise ProofError(f"stage {name}, which is built by name, is gone")
        changed = difference(before.stages[old_stage.index].config, after.stages[new_stage.index].config)
        unstated = {key: values for key, values in changed.items() if stated.get(key) != values}
        if unstated:
            key = next(iter(unstated))
            raise ProofError(f"{key} of stage {name} changes {_show(unstated[key])}, which is not stated")


def _equal(pair: tuple[ConfigValue, ConfigValue] | None) -> bool:
    return pair is not None and pair[0] == pair[1]


def _show(pair: tuple[ConfigValue, ConfigValue] | None) -> str:
    return "not at all" if pair is None else f"from {pair[0]!r} to {pair[1]!r}"


def _references(before: Model, after: Model) -> None:
    """Nothing new refers to a stage, user or file that does not exist."""
    new = set(missing_references(after)) - set(missing_references(before))
    if new:
        raise ProofError(sorted(new)[0])


def missing_references(model: Model) -> Iterable[str]:
    """What the file refers to although nothing makes it, as far as that can be told."""
    for stage in model.stages:
        for step in stage.steps:
            copy = step.instruction.copy
            if copy is not None:
                yield from _missing_sources(model, stage, step.instruction)
                if copy.chown:
                    yield from _missing_user(stage, copy.chown.partition(":")[0])
        if stage.config.user:
            yield from _missing_user(stage, stage.config.user.partition(":")[0])


def _missing_sources(model: Model, stage: StageModel, instruction: Instruction) -> Iterable[str]:
    copy = instruction.copy
    assert copy is not None
    if copy.from_ is not None:
        source = model.document.stage(copy.from_)
        if copy.from_.isdigit() and (source is None or source.index >= stage.index):
            yield f"--from={copy.from_} names no earlier stage"
        return
    for path in copy.sources:
        if any(character in path for character in "$*?[") or "://" in path or path.startswith("git@"):
            continue
        clean = path.strip("/").removeprefix("./").rstrip("/")
        if clean in {"", "."}:
            continue
        if not (model.app.root.exists(clean) or model.app.root.is_dir(clean)):
            yield f"{path} is not in the build context"
        elif model.app.ignore.ignores(clean) and not model.app.root.is_dir(clean):
            yield f"{path} is ignored by {model.app.ignore.path}"


def _missing_user(stage: StageModel, user: str) -> Iterable[str]:
    known = {account.name for account in stage.accounts} | set(stage.created_accounts) | {"root"}
    if user.isdigit() or "$" in user or stage.image is None or user in known:
        return
    yield f"nobody creates the user {user} in stage {stage.stage.name or stage.index}"
