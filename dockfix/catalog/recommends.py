"""What apt-get installs by recommendation alone, and whether a container misses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dockfix.catalog.table import table

Verdict = Literal["needed", "loaded", "unneeded"]

RECORDED_SUITES = ("bookworm", "trixie")
"""The Debian suites whose recommendations are recorded."""
FOLLOWED = frozenset({"git"})
"""Packages of which it is recorded what takes them along."""
_VERDICTS: Mapping[str, Verdict] = {"needed": "needed", "loaded": "loaded", "unneeded": "unneeded"}
_NOTHING = "-"
_UNJUDGED = "?"


@dataclass(frozen=True, slots=True)
class Recommended:
    """A package that others recommend.

    Attributes:
        package: its name.
        verdict: ``unneeded`` in a container, ``needed`` there, or ``loaded``: libraries that it takes along may be
            loaded by a program that knows nothing of it.
        signs: words that tell of its use, its commands above all, with ``*`` for any letters.
        what: what it is for, in a few words.
    """

    package: str
    verdict: Verdict
    signs: tuple[str, ...]
    what: str


@dataclass(frozen=True, slots=True)
class Recommendations:
    """What an install of a package brings beside what it depends on.

    Attributes:
        alone: what comes by recommendation alone.
        anyway: packages that others recommend and that it brings as its own dependencies.
    """

    alone: tuple[Recommended, ...]
    anyway: frozenset[str]


def recommendations(package: str, suite: str | None) -> Recommendations | None:
    """What comes with a Debian package because it is recommended, by it or by what it depends on.

    Args:
        package: name as given to apt-get; an architecture suffix (``:amd64``) is dropped.
        suite: Debian's code name.

    Returns:
        None where that is not recorded, or where it brings something that nobody has judged.
    """
    row = table("recommends").row(package.partition(":")[0])
    cell = row[suite] if row is not None and suite in RECORDED_SUITES else ""
    if cell in {"", _UNJUDGED}:
        return None
    names = [] if cell == _NOTHING else cell.split()
    alone = tuple(_recommended(name) for name in names if not name.startswith("+"))
    return Recommendations(alone, frozenset(name[1:] for name in names if name.startswith("+")))


def may_bring(package: str, wanted: str) -> bool:
    """Whether the install of a Debian package may take another along; only of those of :data:`FOLLOWED` it is known."""
    row = table("bringers").row(package.partition(":")[0].partition("=")[0])
    return row is not None and wanted in row["brings"].split()


def _recommended(name: str) -> Recommended:
    row = table("recommended").row(name)
    assert row is not None, f"recommended.tsv lacks {name}"
    signs = () if row["signs"] == _NOTHING else tuple(row["signs"].split())
    return Recommended(name, _VERDICTS[row["verdict"]], signs, row["what"])
