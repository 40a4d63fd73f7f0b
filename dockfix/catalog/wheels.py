"""Python packages: whether pip finds a wheel on musl, what a quick build takes, which libraries are loaded by name."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from dockfix.catalog.distributions import kinds
from dockfix.catalog.packages import NEWEST_SUITE, alpine, runtime_libraries
from dockfix.catalog.table import table

Installs = Literal["wheel", "pure", "sdist", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Wheel:
    """How a Python package installs (x86-64).

    Attributes:
        musl: on Alpine: ``wheel`` a musllinux wheel, ``pure`` no compiled code, ``sdist`` must be compiled, ``none``
            cannot be installed at all, ``unknown`` nothing is known, which must lead to a refusal.
        glibc: the same on Debian, with manylinux wheels.
        since: first version with a musllinux wheel, None where none is known.
        pythons: CPython minor versions that the musllinux wheel serves (``3.11``, ``3.9+`` for the stable ABI);
            empty where it serves all.
        quick_build: the source distribution compiles in well under a minute with the packages in *build*.
        build, runtime: Alpine packages to compile it and to run it; empty unless *musl* is ``sdist``.
        debian_build, debian_runtime: the same for Debian; empty unless *glibc* is ``sdist``.
        debian_found: what it needs besides where it was compiled on a full image, because it links with libraries
            that it does not need, but finds there.
        evidence: what a report may quote.
    """

    musl: Installs
    glibc: Installs = "unknown"
    since: str | None = None
    pythons: tuple[str, ...] = ()
    quick_build: bool = False
    build: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()
    debian_build: tuple[str, ...] = ()
    debian_runtime: tuple[str, ...] = ()
    debian_found: tuple[str, ...] = ()
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class _Release:
    version: str
    installs: Installs
    pythons: tuple[str, ...]


def python_wheel(
    name: str,
    version: str | None,
    python: str | None = None,
    suite: str | None = None,
    files: Sequence[str] = (),
) -> Wheel:
    """How one version of a package installs.

    Args:
        name: distribution name in any spelling.
        version: the pinned version; None for the newest.
        python: CPython minor version (``3.11``); None leaves it out of account.
        suite: Debian suite in whose names *debian_runtime* is given; None for the newest.
        files: the names of the files among which a lock file lets pip choose; they tell more than what is recorded.

    Returns:
        ``unknown`` where neither the package nor that version is recorded.
    """
    key = normalise(name)
    wheel = _locked(key, version, python, files) if files else _recorded(key, version, python)
    row = table("builds").row(key)
    if row is None or (wheel.musl not in _COMPILED and wheel.glibc not in _COMPILED):
        return wheel
    compiled = row["kind"] != "optional"
    if wheel.musl in _COMPILED:
        build = row["alpine_build"].split() if compiled else []
        wheel = replace(
            wheel,
            musl="sdist",
            quick_build=True,
            build=tuple(build),
            runtime=tuple(row["alpine_runtime"].split()),
            evidence=f"{name}: {row['note']}",
        )
    if wheel.glibc in _COMPILED:
        packages = tuple(row["debian_build"].split()) if compiled else ()
        wheel = replace(
            wheel,
            glibc="sdist",
            quick_build=True,
            debian_build=packages,
            debian_runtime=_linked(packages, suite),
            debian_found=_linked(tuple(row["debian_found"].split()), suite),
        )
    return wheel


def _linked(packages: tuple[str, ...], suite: str | None) -> tuple[str, ...]:
    """What the development packages among *packages* leave to be installed where the result runs."""
    found = (runtime_libraries(package, "debian", suite) for package in packages if package.endswith("-dev"))
    return tuple(dict.fromkeys(name for names in found for name in names or ()))


def normalise(name: str) -> str:
    """A distribution name as PyPI compares it.

    https://packaging.python.org/en/latest/specifications/name-normalization/; packaging has it in a slow module.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _locked(key: str, version: str | None, python: str | None, files: Sequence[str]) -> Wheel:
    recorded = _recorded(key, version, python)
    # the sources of a pure package need no compiler where a lock has them alone
    musl, glibc = (
        known if kind == "sdist" and known == "pure" else kind
        for kind, known in zip(kinds(files, python), (recorded.musl, recorded.glibc), strict=True)
    )
    words = _WORDS[musl] if python is None else f"{_WORDS[musl]} for Python {python}"
    return Wheel(musl, glibc, evidence=f"{key} {version} {words} (its files)")


def _recorded(key: str, version: str | None, python: str | None) -> Wheel:
    row = table("wheels").row(key)
    if row is None:
        return Wheel("unknown", evidence=f"{key} is not in the table of Python packages")
    musl, glibc = _releases(row["musl"]), _releases(row["glibc"])
    since = next((release.version for release in musl if release.installs == "wheel"), None)
    if version is None and python is not None:
        musl, glibc = _offered(musl, glibc, python)
    on_musl, on_glibc = _release(musl, version), _release(glibc, version)
    if on_musl is None or on_glibc is None:
        return Wheel(
            "unknown", since=since, evidence=f"{key} {version} is not recorded (the first is {musl[0].version})"
        )
    installs, source = _for_python(on_musl, python), f"({row['source']})"
    words = f"has no musllinux wheel for Python {python}" if installs != on_musl.installs else _WORDS[installs]
    return Wheel(
        installs,
        _for_python(on_glibc, python),
        since,
        on_musl.pythons,
        evidence=f"{key} {version or f'from {on_musl.version} on'} {words} {source}",
    )


def _offered(
    musl: tuple[_Release, ...], glibc: tuple[_Release, ...], python: str
) -> tuple[tuple[_Release, ...], tuple[_Release, ...]]:
    """The turning points up to the newest version that pip offers to *python*.

    A project that builds wheels stops to support a Python with the version that has no manylinux wheel for it; pip
    then takes the version before.
    """
    from packaging.version import Version

    serving = [place for place, release in enumerate(glibc) if _for_python(release, python) in ("wheel", "pure")]
    if not serving or serving[-1] == len(glibc) - 1 or glibc[serving[-1]].installs == "pure":
        return musl, glibc
    end = Version(glibc[serving[-1] + 1].version)
    return tuple(release for release in musl if Version(release.version) < end), glibc[: serving[-1] + 1]


def _for_python(release: _Release, python: str | None) -> Installs:
    """What a release means for one Python: without a wheel for it, pip turns to the sources."""
    if release.installs == "wheel" and python and release.pythons and not _serves(release.pythons, python):
        return "sdist"
    return release.installs


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
    return releases[0] if releases[0].installs == "pure" else None


_COMPILED = ("sdist", "unknown")

_WORDS: dict[Installs, str] = {
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
        installs, _, pythons = rest.partition("/")
        known = next(word for word in _WORDS if word == installs)
        releases.append(_Release(version, known, tuple(pythons.split(",")) if pythons else ()))
    return tuple(releases)


def python_system_libraries(
    name: str,
    distribution: Literal["debian", "alpine"] = "debian",
    suite: str | None = None,
    beside: Container[str] = (),
) -> tuple[str, ...] | None:
    """Packages with what a Python package loads or calls by name at run time; no wheel brings them.

    Args:
        name: distribution name in any spelling (``python-magic`` needs ``libmagic1``).
        distribution: whose package names are wanted.
        suite: Debian suite or Alpine branch; None and suites that are not recorded stand for the newest.
        beside: what is installed with it; ``psycopg`` needs no library beside ``psycopg-binary``.

    Returns:
        Empty where nothing is known to be needed, None where the distribution has no such package, or has it where
        ctypes does not find it.
    """
    row = table("libraries").row(normalise(name))
    if row is None or any(other in beside for other in row["unless"].split()):
        return ()
    if distribution == "alpine" and row["searched"]:
        return None
    if distribution == "alpine":
        answers = [alpine(package, suite) for package in row["bookworm"].split()]
        if any(answer is None or answer.kind == "none" for answer in answers):
            return None
        return tuple(dict.fromkeys(part for answer in answers if answer for part in answer.packages))
    cell = row.get(suite or NEWEST_SUITE, row[NEWEST_SUITE])
    return None if cell == "-" else tuple(cell.split())
