"""What became of one path that dockfix was given or found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.report.diff import unified

if TYPE_CHECKING:
    from dockfix.engine import Plan


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A Dockerfile with its plan.

    Attributes:
        path: the Dockerfile, as the person named it.
        root: the repository that the plan's paths are relative to.
        plan: the plan.
        written: whether it has been carried out.
        withheld: why it was not carried out though that was asked for.
    """

    path: str
    root: Path
    plan: Plan
    written: bool = False
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A path that could not be worked on."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Omission:
    """A path that was left out on purpose."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: skipped: {self.why}"


Record = Rewrite | Failure | Omission


def diff(rewrite: Rewrite) -> str:
    """Everything that a plan changes, the Dockerfile first; paths from the current folder where all lie below it."""
    plan = rewrite.plan
    changes: list[tuple[str, str | None, str]] = [(plan.path, plan.before, plan.after)]
    changes += ((path, plan.originals[path], text) for path, text in sorted(plan.files.items()))
    names = _shown(rewrite.root, [path for path, _, _ in changes])
    return "".join(unified(name, before, after) for name, (_, before, after) in zip(names, changes, strict=True))


def _shown(root: Path, paths: list[str]) -> list[str]:
    here = Path.cwd().resolve()
    places = [root / path for path in paths]
    base = here if all(place.is_relative_to(here) for place in places) else root
    return [place.relative_to(base).as_posix() for place in places]
