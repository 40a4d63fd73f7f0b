"""The layout builder: restructures a Dockerfile by minimal edits, and accounts for every instruction and comment."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dockfix.dockerfile.document import Document
from dockfix.dockerfile.error import DockerfileError, LedgerError
from dockfix.dockerfile.habits import comment_lines, escape_at, habitual, moved_in
from dockfix.dockerfile.instruction import Instruction
from dockfix.dockerfile.scanner import Comment, scan
from dockfix.dockerfile.units import units_of
from dockfix.text import Edit, Span, apply

Fate = Literal["kept", "moved", "copied", "replaced", "dropped"]


@dataclass(frozen=True, slots=True)
class Keep:
    """An instruction of the original: its bytes with its comments.

    Attributes:
        instruction: the instruction.
        edits: changes to it, in positions of the document, all inside ``instruction.block``.
        close: whether it stands right below what comes before it, also where an empty line was above it.
    """

    instruction: Instruction
    edits: tuple[Edit, ...] = ()
    close: bool = False


@dataclass(frozen=True, slots=True)
class New:
    """New instructions.

    Attributes:
        text: with ``\\n`` line ends, backslash continuations, four spaces of indent and keywords in upper case; the
            builder turns it into the habits of the file.
        comment: printed above it, with or without ``#``.
        replaces: the originals that it stands for; their comments are printed above it.
    """

    text: str
    comment: str | None = None
    replaces: tuple[Instruction, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """One empty line."""


Item = Keep | New | Gap


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What became of an instruction.

    Attributes:
        index: the instruction's number in the original.
        fate: kept in its place, moved, copied (in more than one place), replaced by a new one, or dropped.
        reason: why it was dropped, else empty.
        plain: how often it stands in the result with every word of its own.
    """

    index: int
    fate: Fate
    reason: str = ""
    plain: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The edits that lead to the wanted stages, and what became of each original instruction."""

    edits: tuple[Edit, ...]
    ledger: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    item: Keep | New
    stage: int
    gap: bool
    claims: tuple[int, ...]
    """The originals whose comments it carries, being their first appearance."""

    @property
    def origins(self) -> tuple[int, ...]:
        if isinstance(self.item, Keep):
            return (self.item.instruction.index,)
        return tuple(sorted(instruction.index for instruction in self.item.replaces))


def layout(document: Document, stages: Sequence[Sequence[Item]], dropped: Mapping[int, str] | None = None) -> Layout:
    """Work out the edits that turn the stages of *document* into *stages*.

    Everything above the first FROM stays as it is, the comments right above that FROM included; comments below the
    last instruction stay at the end.

    Args:
        document: the original.
        stages: what each stage shall consist of, its FROM first.
        dropped: for each original instruction that disappears, why.

    Raises:
        LedgerError: an original instruction is neither in *stages* nor in *dropped*, or a comment would be lost.
    """
    return _Builder(document, stages, dropped or {}).build()


class _Builder:
    def __init__(self, document: Document, stages: Sequence[Sequence[Item]], dropped: Mapping[int, str]) -> None:
        self.document = document
        self.dropped = dropped
        self.units = units_of(document)
        self.entries = self._entries(stages)
        self._account()
        self.anchors = self._anchors()
        self.inherited = self._inherited()

    def build(self) -> Layout:
        document, text = self.document, self.document.text
        edits: list[Edit] = []
        pending: list[str] = []
        indices = sorted(self.units)
        cursor, tail = self.units[indices[0]].start, self.units[indices[-1]].end
        for number, entry in enumerate(self.entries):
            between = self._separator(number) + self._inheritance(entry)
            if number in self.anchors and isinstance(entry.item, Keep):
                instruction = entry.item.instruction
                unit = self.units[instruction.index]
                pending.append(between)
                edits += _change(text, cursor, unit.lead, "".join(pending))
                edits += entry.item.edits
                if instruction.dangling and number + 1 < len(self.entries):
                    edits.append(Edit(Span(escape_at(instruction), instruction.span.end), ""))
                pending, cursor = [], unit.end
            else:
                pending += (between, self._render(entry))
        pending += self._leftover(indices)
        rest = "".join(pending)
        if tail == len(text) and not document.final_newline:
            if cursor == tail and rest:
                rest = document.newline + rest
            rest = rest.rstrip("\r\n")
            if cursor < tail and not rest:
                cursor = len(text[:cursor].rstrip("\r\n"))
        edits += _change(text, cursor, tail, rest)
        self._verify(edits)
        return Layout(tuple(edits), self._ledger())

    def _entries(self, stages: Sequence[Sequence[Item]]) -> list[_Entry]:
        entries: list[_Entry] = []
        claimed: set[int] = set()
        for number, items in enumerate(stages):
            gap = False
            for item in items:
                if isinstance(item, Gap):
                    gap = True
                    continue
                originals = (item.instruction,) if isinstance(item, Keep) else item.replaces
                for original in originals:
                    if original.index not in self.units:
                        raise LedgerError(f"line {original.line}: {original.keyword} stands above the first FROM")
                if isinstance(item, Keep):
                    kept = item.instruction
                    if not all(kept.block.contains(edit.span) for edit in item.edits):
                        raise LedgerError(f"line {kept.line}: an edit lies outside {kept.keyword}")
                claims = tuple(sorted({original.index for original in originals} - claimed))
                claimed.update(claims)
                entries.append(_Entry(item, number, gap, claims))
                gap = False
        return entries

    def _account(self) -> None:
        """Every original has exactly one fate."""
        used = {index for entry in self.entries for index in entry.origins}
        for index, unit in self.units.items():
            instruction = unit.instruction
            if index in used and index in self.dropped:
                raise LedgerError(f"line {instruction.line}: {instruction.keyword} is both used and dropped")
            if index not in used and index not in self.dropped:
                raise LedgerError(f"line {instruction.line}: {instruction.keyword} is lost")
        unknown = sorted(set(self.dropped) - set(self.units))
        if unknown:
            raise LedgerError(f"instruction {unknown[0]} cannot be dropped: it does not stand below a FROM")

    def _anchors(self) -> frozenset[int]:
        """The entries that need not move: the longest run of kept instructions in the order of the original."""
        ends: list[int] = []
        numbers: list[int] = []
        before: dict[int, int | None] = {}
        for number, entry in enumerate(self.entries):
            if not isinstance(entry.item, Keep) or not entry.claims:
                continue
            index = entry.claims[0]
            length = bisect_left(ends, index)
            before[number] = numbers[length - 1] if length else None
            ends[length:] = [index, *ends[length + 1 :]]
            numbers[length:] = [number, *numbers[length + 1 :]]
        anchors: set[int] = set()
        last = numbers[-1] if numbers else None
        while last is not None:
            anchors.add(last)
            last = before[last]
        return frozenset(anchors)

    def _inherited(self) -> dict[int, list[int]]:
        """For each surviving original the dropped ones right before it, whose comments it gets; -1 for the end."""
        inherited: dict[int, list[int]] = {}
        waiting: list[int] = []
        for index in sorted(self.units):
            if index in self.dropped:
                waiting.append(index)
            elif waiting:
                inherited[index] = waiting
                waiting = []
        inherited[-1] = waiting
        return inherited

    def _comments(self, index: int) -> str:
        """All comments of an original as lines: those above it, inside it, and below it."""
        unit, text, newline = self.units[index], self.document.text, self.document.newline
        inner = "".join(comment.text + newline for comment in unit.instruction.inner_comments)
        below = text[unit.stop : unit.end]
        if below and not below.endswith("\n"):
            below += newline
        return text[unit.lead : unit.start] + inner + below

    def _inheritance(self, entry: _Entry) -> str:
        dropped = (index for claim in entry.claims for index in self.inherited.get(claim, ()))
        return "".join(map(self._comments, dropped))

    def _leftover(self, indices: Sequence[int]) -> list[str]:
        return [comments for index in self.inherited[-1] if index in indices and (comments := self._comments(index))]

    def _separator(self, number: int) -> str:
        """What stands between an entry and the one before it."""
        if not number:
            return ""
        before, entry = self.entries[number - 1], self.entries[number]
        newline = self.document.newline
        if isinstance(entry.item, Keep) and entry.item.close and before.stage == entry.stage:
            return ""
        kept = isinstance(before.item, Keep) and isinstance(entry.item, Keep)
        if kept and before.origins[0] + 1 == entry.origins[0]:
            original = self._original_separator(entry.origins[0])
            return original or newline * entry.gap
        if entry.gap or before.stage != entry.stage:
            return newline
        return newline * self._had_gap(number)

    def _original_separator(self, index: int) -> str:
        return self.document.text[self.units[index - 1].end : self.units[index].lead] if index - 1 in self.units else ""

    def _had_gap(self, number: int) -> bool:
        """Whether the original had an empty line somewhere between this entry and the last one that comes from it."""
        entry = self.entries[number]
        if not entry.origins:
            return False
        for before in range(number - 1, -1, -1):
            earlier = self.entries[before]
            if earlier.stage != entry.stage:
                return False
            if earlier.origins:
                last = entry.origins[0]
                first = min(earlier.origins[-1] + 1, last)
                return any(self._original_separator(index) for index in range(first, last + 1))
            if earlier.gap:
                return False
        return False

    def _render(self, entry: _Entry) -> str:
        if isinstance(entry.item, Keep):
            return self._moved(entry.item, first=bool(entry.claims))
        comments = "".join(map(self._comments, entry.claims))
        lines = [*comment_lines(entry.item.comment)] if entry.item.comment is not None else []
        present = {line.strip() for line in comments.split("\n")}
        newline = self.document.newline
        comments += "".join(line + newline for line in lines if line not in present)
        return comments + moved_in(self.document, habitual(self.document, entry.item.text.rstrip("\n") + "\n"))

    def _moved(self, item: Keep, *, first: bool) -> str:
        """An original as it stands in another place; a second copy comes without its comments."""
        document, instruction = self.document, item.instruction
        unit = self.units[instruction.index]
        start, end = (unit.lead, unit.end) if first else (unit.start, unit.stop)
        edits = [edit for edit in item.edits if start <= edit.span.start and edit.span.end <= end]
        if not first:
            edits += [self._line_of(comment) for comment in instruction.inner_comments]
        if instruction.dangling:
            edits.append(Edit(Span(escape_at(instruction), instruction.span.end), ""))
        shifted = [Edit(Span(edit.span.start - start, edit.span.end - start), edit.text) for edit in edits]
        text = apply(document.text[start:end], shifted)
        return text if text.endswith("\n") else text + document.newline

    def _line_of(self, comment: Comment) -> Edit:
        text = self.document.text
        return Edit(Span(text.rfind("\n", 0, comment.span.start) + 1, text.find("\n", comment.span.end) + 1), "")

    def _ledger(self) -> tuple[LedgerEntry, ...]:
        kept = [entry.item for entry in self.entries if isinstance(entry.item, Keep)]
        uses = Counter(item.instruction.index for item in kept)
        plain = Counter(item.instruction.index for item in kept if not item.edits)
        still = {self.entries[number].claims[0] for number in self.anchors}
        ledger: list[LedgerEntry] = []
        for instruction in self.document.instructions:
            index = instruction.index
            fate: Fate
            if index in self.dropped:
                ledger.append(LedgerEntry(index, "dropped", self.dropped[index]))
                continue
            if uses[index] > 1:
                fate = "copied"
            elif uses[index]:
                fate = "kept" if index in still else "moved"
            else:
                fate = "replaced" if index in self.units else "kept"
            # what stands above the first FROM is no part of the layout, and never changes
            ledger.append(LedgerEntry(index, fate, plain=plain[index] if index in self.units else 1))
        return tuple(ledger)

    def _verify(self, edits: Sequence[Edit]) -> None:
        """The comments of the result are those of the original and the new ones, each as often as before."""
        expected = Counter(comment.text.rstrip() for comment in self.document.comments)
        try:
            found = Counter(comment.text.rstrip() for comment in scan(apply(self.document.text, edits)).comments)
        except DockerfileError as error:
            raise LedgerError(f"the result cannot be read: {error}") from error
        lost = expected - found
        if lost:
            raise LedgerError(f"the comment {next(iter(lost))!r} would be lost")
        added = Counter(line.rstrip() for line in self._new_comments())
        doubled = found - expected - added
        if doubled:
            raise LedgerError(f"the comment {next(iter(doubled))!r} would appear twice")

    def _new_comments(self) -> list[str]:
        lines: list[str] = []
        for entry in self.entries:
            if isinstance(entry.item, Keep):
                lines += (line for edit in entry.item.edits for line in _sharp_lines(edit.text))
            else:
                lines += comment_lines(entry.item.comment) if entry.item.comment is not None else []
                lines += _sharp_lines(entry.item.text)
        return lines


def _sharp_lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.lstrip().startswith("#")]


def _change(text: str, start: int, end: int, new: str) -> list[Edit]:
    """The edit from ``text[start:end]`` to *new*, without the whole lines at either end that are the same."""
    old_lines, new_lines = text[start:end].splitlines(keepends=True), new.splitlines(keepends=True)
    if "".join(old_lines) == new:
        return []
    while old_lines and new_lines and old_lines[0] == new_lines[0]:
        start += len(old_lines.pop(0))
        new_lines.pop(0)
    while old_lines and new_lines and old_lines[-1] == new_lines[-1]:
        end -= len(old_lines.pop())
        new_lines.pop()
    return [Edit(Span(start, end), "".join(new_lines))]
