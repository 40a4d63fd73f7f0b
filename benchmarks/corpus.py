"""The Dockerfiles of a folder of checkouts, and which of them a measurement looks at."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.discover import discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A Dockerfile of a checkout.

    Attributes:
        checkout: the name of the checkout's folder.
        root: that folder.
        path: the Dockerfile in it, relative, with forward slashes.
    """

    checkout: str
    root: Path
    path: str

    @property
    def place(self) -> Path:
        """Where the Dockerfile is."""
        return self.root / self.path

    def __str__(self) -> str:
        return f"{self.checkout}/{self.path}"


def entries(folder: Path, *, cap: int | None = None, sample: int | None = None, seed: int = 7) -> list[Entry]:
    """The Dockerfiles of all checkouts in *folder*, those of tests and vendored code too.

    Args:
        folder: holds one folder a checkout.
        cap: the most of one checkout; ``None`` takes all. A repository of five hundred generated files would otherwise
            outvote everybody.
        sample: the most altogether, drawn after the cap.
        seed: of the random choice of both.
    """
    chance = random.Random(seed)
    found: list[Entry] = []
    for checkout in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        own = sorted(_dockerfiles(checkout.resolve()))
        found += own if cap is None or len(own) <= cap else sorted(chance.sample(own, cap))
    return found if sample is None or len(found) <= sample else sorted(chance.sample(found, sample))


def _dockerfiles(checkout: Path) -> Iterator[Entry]:
    for item in discover([checkout]):
        if item.path.is_file() and item.path.resolve().is_relative_to(checkout):
            yield Entry(checkout.name, checkout, item.path.relative_to(checkout).as_posix())
