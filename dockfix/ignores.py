"""Comments in a Dockerfile that hold transforms back.

``# dockfix: ignore=user`` stands above an instruction, ``stage-ignore=`` anywhere in a stage, ``file-ignore=``
anywhere in the file; several ids are separated by commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dockfix.text import touches
from dockfix.transform import Change, Note, Result, Transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Comment, Document, Instruction
    from dockfix.model import Model

_DIRECTIVE = re.compile(r"#\s*dockfix:\s*(?P<scope>(?:file-|stage-)?ignore)\s*=\s*(?P<ids>[\w-]+(?:\s*,\s*[\w-]+)*)")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment that holds transforms back, and one id in it.

    Attributes:
        transform: the id that is held back.
        scope: ``file-ignore``, ``stage-ignore`` or ``ignore``.
        number: which of several equal ones it is; comments may move, so that a line does not identify one.
        line: its line in the document that it was read from.
        instructions: the indices of the instructions that it protects.
    """

    transform: str
    scope: str
    number: int
    line: int
    instructions: frozenset[int]

    @property
    def key(self) -> tuple[str, str, int]:
        """What stays the same when the comment moves."""
        return self.transform, self.scope, self.number


def ignores(document: Document) -> tuple[Ignore, ...]:
    """Every ignore comment of *document*, one entry an id."""
    found: list[Ignore] = []
    for comment in document.comments:
        match = _DIRECTIVE.match(comment.text)
        if match is None:
            continue
        protected = frozenset(each.index for each in _protected(document, comment, match["scope"]))
        for id in re.split(r"\s*,\s*", match["ids"]):
            number = sum((each.transform, each.scope) == (id, match["scope"]) for each in found)
            found.append(Ignore(id, match["scope"], number, comment.line, protected))
    return tuple(found)


class Obedience:
    """Transforms that obey the ignore comments, and a record of which comments held something back."""

    def __init__(self) -> None:
        self._used: set[tuple[str, str, int]] = set()

    def over(self, transforms: Sequence[Transform]) -> tuple[Transform, ...]:
        """*transforms*, with each change that a comment forbids replaced by a note."""
        return tuple(self._obeying(transform) for transform in transforms)

    def unused(self, document: Document) -> tuple[Ignore, ...]:
        """The ignore comments of the original *document* that held nothing back."""
        return tuple(each for each in ignores(document) if each.key not in self._used)

    def _obeying(self, transform: Transform) -> Transform:
        def run(model: Model) -> Iterator[Result]:
            declared = [each for each in ignores(model.document) if each.transform == transform.id]
            for result in transform.run(model):
                ignore = next((each for each in declared if _forbids(each, result, model.document)), None)
                if ignore is None:
                    yield result
                else:
                    self._used.add(ignore.key)
                    yield Note(result.at, f"left alone, as the comment on line {ignore.line} asks")

        run.__doc__ = transform.run.__doc__
        return replace(transform, run=run)


def _protected(document: Document, comment: Comment, scope: str) -> Sequence[Instruction]:
    below = next((each for each in document.instructions if each.span.end > comment.span.start), None)
    if scope == "file-ignore":
        return document.instructions
    if below is None:
        return document.instructions[-1:] if scope == "ignore" else document.stages[-1].instructions
    if scope == "ignore":
        return (below,)
    return document.stages[max(below.stage, 0)].instructions


def _forbids(ignore: Ignore, result: Result, document: Document) -> bool:
    if not isinstance(result, Change):
        return False
    if ignore.scope == "file-ignore" or (result.at is not None and result.at.index in ignore.instructions):
        return True
    if any(entry.index in ignore.instructions and entry.fate != "kept" for entry in result.ledger):
        return True
    spans = [document.instructions[index].span for index in ignore.instructions]
    return any(touches(edit, span) for edit in result.edits for span in spans)
