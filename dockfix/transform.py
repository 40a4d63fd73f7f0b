"""The contract between the engine and a transform: what goes in, what may come out."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.model.config import ConfigDelta

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.dockerfile.layout import LedgerEntry
    from dockfix.model import Model
    from dockfix.text import Edit


class Safety(enum.Enum):
    """How far a change reaches."""

    SAFE = "safe"
    """The image behaves as before."""
    REVIEW = "review"
    """The image changes as intended; a person should look."""
    ADVICE = "advice"
    """Shown, never written."""


class Phase(enum.IntEnum):
    """When a transform runs; within a phase the id decides."""

    MODERNISE = 1
    IGNORE_FILE = 2
    COPY_ORDER = 3
    SPLIT = 4
    BASE = 5
    CACHES = 6
    RUNTIME = 7
    USER = 8


@dataclass(frozen=True, slots=True)
class Change:
    """Edits that make sense only together, and that by themselves leave a working image.

    Attributes:
        at: the instruction that the change is about; ``None`` where it is about a companion file alone.
        edits: what changes in the Dockerfile, in positions of the model's document.
        why: one sentence for a person, with the evidence.
        config: the exact values of the final stage's effective configuration that change, ``key: (old, new)``.
        files: companion files to create or replace, path from the repository's root to the whole new text.
        ledger: what became of every instruction, where the change restructures the file.
    """

    at: Instruction | None
    edits: tuple[Edit, ...]
    why: str
    safety: Safety = Safety.SAFE
    config: ConfigDelta = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    ledger: tuple[LedgerEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A place recognised and left alone, and why: one sentence that names the evidence."""

    at: Instruction | None
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something already as wanted, or worth knowing; *advice* marks what a person should act on."""

    at: Instruction | None
    why: str
    advice: bool = False


Result = Change | Refusal | Note
Run = Callable[["Model"], Iterator[Result]]


@dataclass(frozen=True)
class Transform:
    """A registered transform.

    Attributes:
        id: its name in kebab-case, equal to the name of its module.
        phase: when it runs.
        run: the generator that looks at a model and yields results.
        safety: the furthest that its changes reach, for listings.
    """

    id: str
    phase: Phase
    run: Run
    safety: Safety

    @cached_property
    def doc(self) -> str:
        """The whole documentation of the transform, from its docstring."""
        return inspect.getdoc(self.run) or ""

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.doc.partition("\n")[0]


def transform(id: str, *, phase: Phase, safety: Safety = Safety.SAFE) -> Callable[[Run], Transform]:
    """Make a generator function a transform.

    Args:
        id: the module's name in kebab-case.
        phase: when it runs.
        safety: the furthest that its changes reach.
    """

    def register(run: Run) -> Transform:
        return Transform(id, phase, run, safety)

    return register
