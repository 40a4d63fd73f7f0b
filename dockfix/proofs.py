"""What is proven of every change before anything is written; a violation is a defect of dockfix."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference, structure_agrees
from dockfix.model.config import difference
from dockfix.text import touches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dockfix.dockerfile import CopySpec, Document, Instruction
    from dockfix.dockerfile.layout import LedgerEntry
    from dockfix.model import Model, StageModel
    from dockfix.model.config import ConfigValue
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
    """What was not meant to change is still there.

    A change with a ledger must account for every instruction, and the result must bear it out. Without one, each edit
    keeps to one instruction, and what no edit touches stays identical and in order.
    """
    ledgers = [change.ledger for change in changes if change.ledger]
    for ledger in ledgers:
        _balances(before, after, ledger)
    if ledgers:
        return
    edits = [edit for change in changes for edit in change.edits]
    for edit in edits:
        touched = [i for i in before.instructions if touches(edit, i.span)]
        if len(touched) > 1:
            raise ProofError(f"one edit changes lines {touched[0].line} and {touched[1].line}, with no account of them")
    if len(after.instructions) < len(before.instructions):
        raise ProofError("an instruction is gone, with no account of it")
    remaining = iter(after.instructions)
    for instruction in before.instructions:
        if any(touches(edit, instruction.span) for edit in edits):
            continue
        if not any(_content(instruction) == _content(other) for other in remaining):
            raise ProofError(f"line {instruction.line} was not meant to change: {instruction.keyword}")


def _balances(before: Document, after: Document, ledger: Sequence[LedgerEntry]) -> None:
    """Every instruction has its entry, and those that are said to stand unchanged do, as often as is said."""
    entries = {entry.index: entry for entry in ledger}
    wanted: Counter[tuple[object, ...]] = Counter()
    for instruction in before.instructions:
        entry = entries.get(instruction.index)
        if entry is None:
            raise ProofError(f"the ledger does not tell what became of line {instruction.line}")
        if entry.fate == "dropped" and not entry.reason:
            raise ProofError(f"line {instruction.line} is dropped without a reason")
        wanted[_content(instruction)] += entry.plain
    missing = wanted - Counter(_content(instruction) for instruction in after.instructions)
    if missing:
        keyword, value, *_ = next(iter(missing))
        raise ProofError(f"{keyword} {value} is not in the result as often as the ledger says")
    kept = sum(entry.fate in {"kept", "moved", "copied"} for entry in entries.values())
    if len(after.instructions) < kept:
        raise ProofError("the result has fewer instructions than the ledger keeps")


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
            if key in stated and stated[key] != (old, new):
                raise ProofError(f"{key} is stated to change in two ways")
            stated[key] = (old, new)
    stated = {key: pair for key, pair in stated.items() if pair[0] != pair[1]}
    found = difference(before.final.config, after.final.config)
    for key in found.keys() | stated.keys():
        if found.get(key) != stated.get(key):
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
                yield from _missing_sources(model, stage, copy)
                if copy.chown:
                    yield from _missing_owner(stage, copy.chown)
            mount = step.instruction.flag("mount") or ""
            for option in mount.split(","):
                name, _, value = option.partition("=")
                if name == "from":
                    yield from _missing_stage(model, stage, value)
        if stage.config.user:
            yield from _missing_owner(stage, stage.config.user)


def _missing_sources(model: Model, stage: StageModel, copy: CopySpec) -> Iterable[str]:
    if copy.from_ is not None:
        yield from _missing_stage(model, stage, copy.from_)
        return
    for path in copy.sources:
        if any(character in path for character in "$*?[") or "://" in path or path.startswith("git@"):
            continue
        clean = path.strip("/").removeprefix("./").rstrip("/")
        if clean in {"", "."}:
            continue
        folder = model.app.root.is_dir(clean)
        if not folder and not model.app.root.exists(clean):
            yield f"{path} is not in the build context"
        elif model.app.ignore.empties(clean) if folder else model.app.ignore.ignores(clean):
            yield f"{path} is ignored by {model.app.ignore.path}"


def _missing_stage(model: Model, stage: StageModel, name: str) -> Iterable[str]:
    """Nothing where an earlier stage or an image of the catalogue goes by *name*."""
    source = model.document.stage(name)
    if source is not None and source.index < stage.index:
        return
    reference = ImageReference.parse(name)
    if name.isdigit() or catalog.image(reference.catalogued, reference.tag) is None:
        yield f"--from={name} names no earlier stage"


def _missing_owner(stage: StageModel, owner: str) -> Iterable[str]:
    """The user, and the group behind the colon, that nobody brings or creates."""
    if stage.image is None or "$" in owner:
        return
    user, _, group = owner.partition(":")
    users = {account.name for account in stage.accounts} | set(stage.created_accounts) | {"root"}
    groups = {account.group for account in stage.accounts} | set(stage.created_groups) | users
    where = f"in stage {stage.stage.name or stage.index}"
    if user and not user.isdigit() and user not in users:
        yield f"nobody creates the user {user} {where}"
    if group and not group.isdigit() and group not in groups:
        yield f"nobody creates the group {group} {where}"
