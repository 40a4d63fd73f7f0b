"""What PyPI tells of many Python packages, as rows of the catalogue's tables ``wheels`` and ``closures``.

For every name on standard input, one a line, the package's releases are read: by their file names, how each installs
on Debian and on Alpine. The newest release is looked into: a package is left out that loads a library of the system
by name, calls a program that only full images have, or links with a library that no wheel brings, since nobody has
written down yet what it needs (``libraries.tsv`` is for that). Sources without a wheel count as plain Python when
nothing in them is to be compiled. Rows that are there already stay as they are.

    cut -d, -f2 top-pypi-packages.csv | head -6000 | python benchmarks/harvest.py --answers FOLDER

Answers are kept in the folder, so that a run can be taken up again; remove it to ask anew.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import quote, urljoin
from urllib.request import urlopen

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from dockfix.catalog.distributions import kinds
from dockfix.catalog.table import Table, table
from dockfix.catalog.wheels import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

ABOUT = "https://pypi.org/pypi/{}/json"
"""https://docs.pypi.org/api/json/"""

FILES = "https://pypi.org/simple/name/"
"""What an address of a file may be relative to."""

PYTHONS = tuple(f"3.{minor}" for minor in range(7, 16))
RESOLVED = tuple(f"3.{minor}" for minor in range(9, 15))
"""Pythons for which dependencies are followed."""

MOST = 40_000_000
"""Bytes of a file that is looked into; a larger one is left out."""

AT_ONCE = 12

LOADS = re.compile(rb"\bfind_library\(|\bLoadLibrary\(|\bCDLL\(\s*[^N)\s]|\bdlopen\(")
PROGRAMS = (
    rb"(?:git|hg|svn|bzr|curl|wget|gcc|g\+\+|pkg-config|mogrify|magick|ssh|scp|sftp|ssh-keygen|unzip|bzip2|mysql_config"
    rb"|pg_config|gpg|pkill|pgrep|bash|openssl|fc-list|fc-cache|autoconf|libtool|rsvg-convert"
)
"""What buildpack-deps has and slim or Alpine images lack: https://github.com/docker-library/buildpack-deps."""
WORDS = rb"|cc|make|convert|identify|xz|file|patch|mysql|ps|top|free|perl"
"""More of them, which are words of other meanings as well."""
CALLS = re.compile(
    rb"[\[(]\s*[\"']" + PROGRAMS + rb")[\"']\s*[,\]]"
    rb"|(?:Popen|run|call|check_output|check_call|system|popen|which|getoutput|execute|exec|create_subprocess_shell"
    rb"|create_subprocess_exec)\(\s*\[?\s*\w{0,2}[\"']" + PROGRAMS + WORDS + rb")\b"
)
LINKS = re.compile(rb"\blib(?:GL|EGL|X11|Xext|Xrender|SM|ICE|glib-2\.0|gthread-2\.0|gobject-2\.0|nsl)\.so\.\d")
"""Libraries that a wheel for manylinux may want of the system beside the C library: https://peps.python.org/pep-0599/."""
HARMLESS = frozenset(
    {
        "absl-py",
        "anthropic",
        "argcomplete",
        "cyclopts",
        "flasgger",
        "graphene",
        "ipykernel",
        "ipython",
        "llama-index-core",
    }
    | {"paramiko", "promise", "pymilvus", "pypdfium2", "python-telegram-bot", "requirements-parser", "smart-open"}
    | {"trio", "twisted"}
)
"""Read by a person: what they call or load is for development or other systems, comes along, or is only tried."""
ASIDE = re.compile(r"(?:^|/)(?:tests?|testing|docs?|examples?|benchmarks?)/")
COMPILED = re.compile(
    r"\.(?:c|cc|cpp|cxx|pyx|pxd|rs|f|f90|go|cu|m|mm)$|(?:^|/)(?:Cargo\.toml|CMakeLists\.txt|meson\.build)$"
)
EXTENSION = re.compile(rb"\bext_modules\b|\bExtension\(|\bcffi_modules\b|\brust_extensions\b")


@dataclass(frozen=True)
class Package:
    """What is kept of a package.

    Attributes:
        musl, glibc: cells of the table ``wheels``; empty where nothing is known.
        requires: what the newest release asks for.
        why: why it is left out.
    """

    musl: str = ""
    glibc: str = ""
    requires: tuple[str, ...] = ()
    why: str = ""

    @property
    def sound(self) -> bool:
        """Whether its row may be written."""
        return bool(self.musl) and not self.why


def main() -> None:
    """Ask, and write the tables anew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--answers", type=Path, required=True, metavar="FOLDER", help="where answers are kept")
    folder = parser.parse_args().answers
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[str, Package] = {}
    wanted = {normalise(line.strip()) for line in sys.stdin if line.strip()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while wanted:
            names = sorted(wanted)
            for number, (name, package) in enumerate(
                zip(names, pool.map(lambda name: answer(name, folder), names), strict=True), 1
            ):
                known[name] = package
                if number % 200 == 0:
                    print(f"{number} of {len(names)}", file=sys.stderr)
            wanted = {name for package in known.values() for name, _ in asked(package.requires, ())} - known.keys()
    wheels = {row["package"]: row for row in table("wheels").rows()}
    source = f"PyPI's file list, {datetime.now(timezone.utc):%Y-%m-%d}"
    for name, package in known.items():
        if package.sound and name not in wheels:
            wheels[name] = {"package": name, "musl": package.musl, "glibc": package.glibc, "source": source}
    closures = {row["package"]: row for row in table("closures").rows()}
    for name in known:
        found = closure(name, known, wheels) if name in wheels and name not in closures else None
        if found is not None:
            closures[name] = {"package": name, "compiled": " ".join(sorted(found)) or "-"}
    write(table("wheels"), wheels)
    write(table("closures"), closures)
    for name, package in sorted(known.items()):
        if package.why:
            print(f"{name}\t{package.why}")


def answer(name: str, folder: Path) -> Package:
    """What PyPI tells of *name*, asked once."""
    kept = folder / f"{name}.json"
    if kept.exists():
        known = json.loads(kept.read_text())
        return Package(**{**known, "requires": tuple(known["requires"])})
    try:
        package = look(json.loads(fetched(ABOUT.format(quote(name)))))
    except HTTPError as error:
        if error.code != 404:
            return Package(why=f"HTTP {error.code}")
        package = Package(why="not on PyPI")
    except (OSError, ValueError, zipfile.BadZipFile, tarfile.TarError, EOFError, TypeError, KeyError) as error:
        return Package(why=f"{type(error).__name__}: {error}")
    kept.write_text(json.dumps(asdict(package)))
    return package


def fetched(address: str, most: int = 100_000_000) -> bytes:
    """The body of what is at *address*. Raises OSError, or ValueError where it is longer than *most* bytes."""
    with urlopen(address, timeout=60) as response:
        body: bytes = response.read(most + 1)
    if len(body) > most:
        raise ValueError("too large to look into")
    return body


def look(about: dict[str, Any]) -> Package:
    """How the releases of a package install, what the newest asks for, and why it may need more than pip brings."""
    releases = installable(about["releases"])
    file = chosen(releases[max(releases)]) if releases else None
    if file is None:
        return Package(why="no file for Linux on x86-64")
    requires = tuple(about["info"]["requires_dist"] or ())
    if file["size"] > MOST:
        return Package(cell(releases, 0, False), cell(releases, 1, False), requires, "too large to look into")
    contents = dict(members(file["filename"], fetched(urljoin(FILES, file["url"]), MOST)))
    sources = not file["filename"].endswith(".whl")
    uncompiled = sources and not compiles(contents)
    why = demand(contents)
    if sources and not requires and asks(contents):
        why = why or "its sources do not tell what they ask for"
    return Package(cell(releases, 0, uncompiled), cell(releases, 1, uncompiled), requires, why)


def asks(contents: dict[str, bytes]) -> bool:
    """Whether sources want packages without the index knowing which."""
    return any(
        re.search(
            rb"install_requires|^dependencies\b|tool\.poetry\.dependencies", contents.get(name, b""), re.MULTILINE
        )
        for name in ("setup.py", "setup.cfg", "pyproject.toml")
    )


def installable(releases: dict[str, list[dict[str, Any]]]) -> dict[Version, list[dict[str, Any]]]:
    """The releases that pip takes without being told to, in order: none withdrawn, previews where there is no other."""
    found: dict[Version, list[dict[str, Any]]] = {}
    for name, files in releases.items():
        left = [file for file in files if not file["yanked"] and file["packagetype"] in ("sdist", "bdist_wheel")]
        with suppress(InvalidVersion):
            if left:
                found[Version(name)] = left
    final = {version for version in found if not version.is_prerelease} or found.keys()
    return {version: found[version] for version in sorted(final)}


def chosen(files: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The file to look into: a wheel for every platform, else one for Linux, else the sources."""
    order = ("pure", "wheel", "sdist")
    ranked = [
        (order.index(kind), place)
        for place, file in enumerate(files)
        if (kind := kinds([file["filename"]], None)[1]) in order
    ]
    return files[min(ranked)[1]] if ranked else None


def members(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of an archive with their contents, without the folder that holds all of a source archive."""
    if name.endswith((".whl", ".zip")):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename, archive.read(entry)
        return
    with tarfile.open(fileobj=io.BytesIO(data)) as sources:
        for member in sources:
            content = sources.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name.partition("/")[2], content.read()


def demand(contents: dict[str, bytes]) -> str:
    """What a package needs of the system, as far as its files show; empty for nothing."""
    for name, content in contents.items():
        if ASIDE.search(name):
            continue
        if name.endswith(".py") and name != "setup.py":
            found = LOADS.search(content) or CALLS.search(content)
            if found:
                return f"{name}: {found[0].decode(errors='replace')}"
        if (".so" in name or content.startswith(b"\x7fELF")) and (found := LINKS.search(content)):
            return f"{name} links with {found[0].decode()}"
    return ""


def compiles(contents: dict[str, bytes]) -> bool:
    """Whether sources hold something to compile."""
    return any(COMPILED.search(name) for name in contents) or bool(EXTENSION.search(contents.get("setup.py", b"")))


def cell(releases: dict[Version, list[dict[str, Any]]], platform: int, plain: bool) -> str:
    """The turning points of a package on musl (0) or glibc (1), as the table ``wheels`` writes them.

    Args:
        releases: its files by version, in order.
        platform: which of both answers of :func:`kinds` is wanted.
        plain: sources without a wheel have nothing to compile.
    """
    states: list[tuple[Version, str]] = []
    for version, files in releases.items():
        names = [file["filename"] for file in files]
        kind = kinds(names, None)[platform]
        state: str = "pure" if kind == "sdist" and plain else kind
        if kind == "wheel":
            serving = [python for python in PYTHONS if kinds(names, python)[platform] == "wheel"]
            stable = any("abi3" in name or "-py3-none-" in name for name in names)
            state = f"wheel/{serving[0]}+" if stable and serving[-1:] == [PYTHONS[-1]] else f"wheel/{','.join(serving)}"
            if not serving:
                state = "sdist" if any(not name.endswith(".whl") for name in names) else "none"
        if not states or states[-1][1] != state:
            states.append((version, state))
    if all(state in ("pure", "sdist") for _, state in states) and states[-1][1] == "pure":
        # never compiled: the sources of its first releases are no other
        return f"{max(releases)}=pure"
    return " ".join(f"{version}={state}" for version, state in states)


@cache
def asked(requires: tuple[str, ...], extras: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The packages, with their extras, that one Python or another on Linux installs for *requires*."""
    found = []
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        if marker is None or any(marker.evaluate(each) for extra in ("", *extras) for each in environments(extra)):
            found.append((normalise(requirement.name), tuple(sorted(requirement.extras))))
    return tuple(found)


@cache
def environments(extra: str) -> tuple[dict[str, str], ...]:
    """What the markers of https://packaging.python.org/en/latest/specifications/dependency-specifiers/ are asked of."""
    here = {key: str(value) for key, value in default_environment().items()}
    return tuple(
        here | {"python_version": python, "python_full_version": f"{python}.0", "extra": extra} for python in RESOLVED
    )


def closure(name: str, known: dict[str, Package], wheels: dict[str, dict[str, str]]) -> frozenset[str] | None:
    """What *name* brings along that is not plain Python or needs libraries; None where that is not known of all."""
    seen: set[tuple[str, tuple[str, ...]]] = set()
    waiting: list[tuple[str, tuple[str, ...]]] = [(name, ())]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.add(each)
        if each[0] not in wheels or each[0] not in known or not told(known[each[0]], each[0]):
            return None
        waiting += asked(known[each[0]].requires, each[1])
    names = {each for each, _ in seen} - {name}
    return frozenset(each for each in names if table("libraries").row(each) or not plain(wheels[each]))


def told(package: Package, name: str) -> bool:
    """Whether what a package needs of the system is known: nothing, or what the catalogue tells of it."""
    recorded = table("libraries").row(name) or table("closures").row(name)
    return not package.why or bool(recorded) or name in HARMLESS


def plain(row: dict[str, str]) -> bool:
    """Whether the newest release has nothing compiled."""
    return all(row[platform].rpartition("=")[2] == "pure" for platform in ("musl", "glibc"))


def write(old: Table, rows: dict[str, dict[str, str]]) -> None:
    """Write a table anew, sorted by the bytes of its first column."""
    lines = ["\t".join(rows[key][column] for column in old.columns) for key in sorted(rows, key=str.encode)]
    old.path.write_text("\n".join((f"# origin: {old.origin}", "\t".join(old.columns), *lines)) + "\n")


if __name__ == "__main__":
    main()
