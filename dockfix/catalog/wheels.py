"""Python packages: whether pip finds a wheel on musl, what a quick build takes, which libraries are loaded by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from dockfix.catalog.table import table

Musl = Literal["wheel", "pure", "sdist", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Wheel:
    """How a Python package installs on Alpine (x86-64).

    Attributes:
        musl: ``wheel`` a musllinux wheel, ``pure`` no compiled code, ``sdist`` must be compiled, ``none`` cannot be
            installed at all, ``unknown`` nothing is known, which must lead to a refusal.
        since: first version with a musllinux wheel, None where none is known.
        pythons: CPython minor versions that the wheel serves (``3.11``); empty where not recorded or all.
        quick_build: the source distribution compiles in well under a minute with the packages in *build*.
        build, runtime: Alpine packages to compile it and to run it.
        debian_build, debian_runtime: the same for Debian.
        evidence: what a report may quote.
    """

    musl: Musl
    since: str | None = None
    pythons: tuple[str, ...] = ()
    quick_build: bool = False
    build: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()
    debian_build: tuple[str, ...] = ()
    debian_runtime: tuple[str, ...] = ()
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class _Release:
    version: str
    musl: Musl
    pythons: tuple[str, ...]


def python_wheel(name: str, version: str | None, python: str | None = None) -> Wheel:
    """How one version of a package installs on Alpine.

    Args:
        name: distribution name in any spelling.
        version: the pinned version; None for the newest.
        python: CPython minor version (``3.11``); None leaves it out of account.

    Returns:
        ``unknown`` where neither the package nor that version is recorded.
    """
    key = normalise(name)
    wheel = _recorded(key, version, python)
    if wheel.musl not in ("sdist", "unknown"):
        return wheel
    row = table("builds").row(key)
    if row is None:
        return wheel
    optional = row["kind"] == "optional"
    return Wheel(
        "sdist",
        wheel.since,
        quick_build=True,
        build=() if optional else tuple(row["alpine_build"].split()),
        runtime=tuple(row["alpine_runtime"].split()),
        debian_build=() if optional else tuple(row["debian_build"].split()),
        debian_runtime=tuple(row["debian_runtime"].split()),
        evidence=f"{name}: {row['note']}",
    )


def normalise(name: str) -> str:
    """A distribution name as PyPI compares it."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def _recorded(key: str, version: str | None, python: str | None) -> Wheel:
    row = table("wheels").row(key)
    if row is None:
        return Wheel("unknown", evidence=f"{key} is not in the table of Python packages")
    releases = _releases(row["releases"])
    since = next((release.version for release in releases if release.musl == "wheel"), None)
    release = _release(releases, version)
    if release is None:
        return Wheel(
            "unknown", since, evidence=f"{key} {version} is older than what is recorded ({releases[0].version})"
        )
    subject, source = f"{key} {version or release.version}", row["source"]
    if release.musl == "wheel" and python and release.pythons and not _serves(release.pythons, python):
        evidence = f"{subject} has no musllinux wheel for Python {python} ({source})"
        return Wheel("sdist", since, release.pythons, evidence=evidence)
    return Wheel(release.musl, since, release.pythons, evidence=f"{subject} {_WORDS[release.musl]} ({source})")


def _release(releases: tuple[_Release, ...], version: str | None) -> _Release | None:
    """The turning point that governs *version*; a pure package is taken to have been so from the beginning."""
    from packaging.version import InvalidVersion, Version

    if version is None:
        return releases[-1]
    try:
        wanted = Version(version)
    except InvalidVersion:
        return None
    earlier = [release for release in releases if Version(release.version) <= wanted]
    if earlier:
        return earlier[-1]
    return releases[0] if releases[0].musl == "pure" else None


_WORDS: dict[Musl, str] = {
    "wheel": "has a musllinux wheel",
    "pure": "is pure Python",
    "sdist": "has no musllinux wheel, only sources",
    "none": "has neither a musllinux wheel nor sources",
    "unknown": "is unknown",
}


def _serves(pythons: tuple[str, ...], python: str) -> bool:
    """Whether the recorded tags hold *python*; ``3.9+`` is the stable ABI from 3.9 on."""
    return any(tag == python or (tag.endswith("+") and _minor(tag[:-1]) <= _minor(python)) for tag in pythons)


def _minor(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))


@cache
def _releases(cell: str) -> tuple[_Release, ...]:
    """The turning points of a package: ``1.20=sdist 1.25=wheel/3.9,3.10`` means so from each version on."""
    releases: list[_Release] = []
    for part in cell.split():
        version, _, rest = part.partition("=")
        musl, _, pythons = rest.partition("/")
        known = next(word for word in _WORDS if word == musl)
        releases.append(_Release(version, known, tuple(pythons.split(",")) if pythons else ()))
    return tuple(releases)


def python_system_libraries(name: str, distribution: Literal["debian", "alpine"] = "debian") -> tuple[str, ...]:
    """Packages with the libraries that a Python package loads by name at run time; no wheel carries them.

    Args:
        name: distribution name in any spelling (``python-magic`` needs ``libmagic1``).
        distribution: whose package names are wanted.
    """
    row = table("libraries").row(normalise(name))
    return tuple(row[distribution].split()) if row else ()
