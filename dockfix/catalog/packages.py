"""Distribution packages: from Debian to Alpine, from headers to libraries, and what the full images carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from dockfix.catalog.images import Image
from dockfix.catalog.table import table

Kind = Literal["runtime", "tool", "build", "none", "unneeded"]
Confidence = Literal["high", "medium", "low"]

NEWEST_BRANCH = "3.24"
"""The Alpine branch that is meant where none is named; the newest release in the data."""

_NONE = "-"
_SUITES = ("bullseye", "bookworm", "trixie")

NEWEST_SUITE = "trixie"
"""The Debian suite that is meant where none is named."""
OLDEST_BRANCH = "3.12"
"""The oldest Alpine branch in the data."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands in for a Debian package on Alpine.

    Attributes:
        packages: Alpine names; empty for the kinds ``none`` and ``unneeded``.
        kind: ``none`` means that Alpine has no counterpart, ``unneeded`` that nothing has to be installed.
        reason: what a person should know of the replacement, or why there is none.
        confidence: ``low`` is a hint for a person, never good enough to rewrite by.
        origin: where the facts come from.
    """

    packages: tuple[str, ...]
    kind: Kind
    reason: str
    confidence: Confidence
    origin: str


def alpine(package: str, suite: str | None = None) -> Answer | None:
    """The Alpine counterpart of a Debian or Ubuntu package.

    Args:
        package: name as given to apt-get; an architecture suffix (``:amd64``) is dropped.
        suite: Alpine branch such as ``3.20``; None stands for the newest.

    Returns:
        None where nothing is known of the package, which must lead to a refusal.
    """
    name = package.partition(":")[0].lower()
    branch = suite or NEWEST_BRANCH
    if family := _family(name, branch):
        return family
    if row := table("apt").row(name):
        return _answer(row, name, branch)
    for rule in (_time_transition, _php_sibling, _soname_sibling, _unpackaged):
        if answer := rule(name, branch):
            return answer
    return None


def _answer(row: dict[str, str], name: str, branch: str) -> Answer:
    kind, origin = _kind(row["kind"]), table("apt").origin
    confidence = _confidence(row["confidence"])
    if kind in ("none", "unneeded"):
        reason = row["note"] or ("not in Alpine" if kind == "none" else "Alpine needs nothing in its place")
        return Answer((), kind, reason, confidence, origin)
    names = tuple(row["alpine"].split())
    if _on_branch(row["branches"], branch):
        return Answer(names, kind, row["note"], confidence, origin)
    if row["elsewhere"]:
        return Answer(tuple(row["elsewhere"].split()), kind, row["note"], confidence, origin)
    reason = f"{' '.join(names)} is in Alpine {row['branches'].replace('..', ' to ')}, not in {branch}"
    return Answer((), "none", reason, confidence, origin)


def _kind(text: str) -> Kind:
    kinds: dict[str, Kind] = {
        "runtime": "runtime",
        "tool": "tool",
        "build": "build",
        "none": "none",
        "unneeded": "unneeded",
    }
    return kinds[text]


def _confidence(text: str) -> Confidence:
    grades: dict[str, Confidence] = {"high": "high", "medium": "medium", "low": "low"}
    return grades[text]


def _order(branch: str) -> int:
    """Alpine branches as increasing numbers; ``edge`` comes last."""
    return 10_000 if branch == "edge" else int(branch.partition(".")[2] or 0)


def _on_branch(branches: str, branch: str) -> bool:
    """Whether a list of branches (``all``, ``3.15..edge``, ``3.14,3.16``) has *branch*.

    Releases older than the data are taken to be like its oldest, newer ones like its newest.
    """
    if branches == "all":
        return True
    wanted = min(max(_order(branch), _order(OLDEST_BRANCH)), _order(NEWEST_BRANCH)) if branch != "edge" else 10_000
    for part in branches.split(","):
        first, dots, last = part.partition("..")
        if _order(first) <= wanted <= _order(last if dots else first):
            return True
    return False


def _shipped(column: str, branch: str) -> tuple[str, ...]:
    """The versions of a runtime that an Alpine branch ships."""
    row = table("branches").row(branch) or table("branches").row(NEWEST_BRANCH)
    return tuple(row[column].split()) if row else ()


def _versioned(column: str, version: str, names: tuple[str, ...], kind: Kind, what: str, branch: str) -> Answer:
    """An answer for a name that carries a version, which a branch has or has not."""
    origin = table("branches").origin
    shipped = _shipped(column, branch)
    if version in shipped:
        return Answer(names, kind, "", "high", origin)
    has = ", ".join(shipped) or "none of its own version"
    return Answer((), "none", f"Alpine {branch} has no {what} {version} (it has {has})", "high", origin)


def _postgresql(match: re.Match[str], branch: str) -> Answer:
    version = match[2]
    name = f"postgresql{version}-client" if match[1] == "client" else f"postgresql{version}-dev"
    return _versioned("postgresql", version, (name,), "tool" if match[1] == "client" else "build", "PostgreSQL", branch)


def _openjdk(match: re.Match[str], branch: str) -> Answer:
    version, part = match[1], match[2]
    kind: Kind = "build" if part == "jdk" else "runtime"
    return _versioned("openjdk", version, (f"openjdk{version}-{part}{match[3] or ''}",), kind, "OpenJDK", branch)


def _python(match: re.Match[str], branch: str) -> Answer:
    """One Python 3 per branch: ``python3.N`` is only there where the branch ships 3.N."""
    origin = table("branches").origin
    shipped = (_shipped("python", branch) or ("",))[0].rpartition(".")[0]
    if shipped != match[1]:
        return Answer((), "none", f"Alpine {branch} has Python {shipped}, not {match[1]}", "high", origin)
    development = match[2] == "-dev"
    return Answer(
        ("python3-dev" if development else "python3",), "build" if development else "runtime", "", "high", origin
    )


def _compiler(match: re.Match[str], branch: str) -> Answer:
    reason = f"Alpine has one GCC per branch, called {match[1]}, not {match[0]}"
    return Answer((match[1],), "build", reason, "medium", table("branches").origin)


def _llvm(match: re.Match[str], branch: str) -> Answer:
    return _versioned("llvm", match[2], (f"{match[1]}{match[2]}{match[3] or ''}",), "build", "LLVM", branch)


_FAMILIES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], Answer]], ...] = (
    (re.compile(r"postgresql-(client)-(\d+)"), _postgresql),
    (re.compile(r"postgresql-(server-dev)-(\d+)"), _postgresql),
    (re.compile(r"openjdk-(\d+)-(jdk|jre)(-headless)?"), _openjdk),
    (re.compile(r"python(3\.\d+)(-dev|-venv|-minimal|-distutils)?"), _python),
    (re.compile(r"(gcc|g\+\+)-\d+(?:\.\d+)?"), _compiler),
    (re.compile(r"(clang|lld|llvm)-(\d+)(-dev)?"), _llvm),
)


def _family(name: str, branch: str) -> Answer | None:
    for pattern, answer in _FAMILIES:
        if match := pattern.fullmatch(name):
            return answer(match, branch)
    return None


def _time_transition(name: str, branch: str) -> Answer | None:
    """Debian trixie renamed libraries for 64-bit time; ``libssl3t64`` is the former ``libssl3``."""
    return alpine(name.removesuffix("t64"), branch) if name.endswith("t64") else None


def _php_sibling(name: str, branch: str) -> Answer | None:
    """``php8.5-intl`` after the pattern of the same extension of another PHP version."""
    match = re.fullmatch(r"php(\d\.\d)-(.+)", name)
    if match is None:
        return None
    version, extension, origin = match[1].replace(".", ""), match[2], table("apt").origin
    if version not in _shipped("php", branch):
        reason = f"Alpine {branch} has no PHP {match[1]} (it has {', '.join(_shipped('php', branch))})"
        return Answer((), "none", reason, "high", origin)
    if extension == "opcache" and version >= "85":
        return Answer((), "unneeded", "opcache is built into PHP from 8.5 on", "high", origin)
    for sibling in ("8.4", "8.3", "8.2", "8.1", "7.4"):
        row = table("apt").row(f"php{sibling}-{extension}")
        if row and row["alpine"]:
            names = tuple(re.sub(r"^php\d+", f"php{version}", part) for part in row["alpine"].split())
            return Answer(names, _kind(row["kind"]), row["note"], "medium", origin)
    return None


def _soname_sibling(name: str, branch: str) -> Answer | None:
    """A library whose number differs from the one in the table: ``libicu74`` after ``libicu72``."""
    match = re.fullmatch(r"(lib[a-z0-9+.-]*?[a-z+-])(\d[\d.]*)(?:-(\d+))?(?:t64)?", name)
    if match is None:
        return None
    pattern = re.compile(re.escape(match[1]) + r"\d[\d.]*" + (r"-\d+" if match[3] else "") + r"(?:t64)?")
    for row in table("apt").prefixed(match[1]):
        if pattern.fullmatch(row["package"]) and row["kind"] == "runtime" and row["confidence"] != "low":
            answer = _answer(row, name, branch)
            return Answer(answer.packages, answer.kind, answer.reason, "medium", answer.origin)
    return None


def _unpackaged(name: str, branch: str) -> Answer | None:
    """Why Alpine has none of a whole family, such as CUDA's ``cuda-*``."""
    for row in table("unpackaged").rows():
        if _order(row["from"]) <= _order(branch) and re.fullmatch(row["pattern"], name):
            return Answer((), "none", row["why"], "high", table("unpackaged").origin)
    return None


def runtime_libraries(
    dev: str, distribution: Literal["debian", "alpine"], suite: str | None = None
) -> tuple[str, ...] | None:
    """The packages that hold what a ``-dev`` package links against.

    Args:
        dev: a development package; Debian's name for ``debian``, Alpine's or Debian's for ``alpine``.
        distribution: on which side the libraries are wanted.
        suite: Debian suite or Alpine branch, None for the newest; the names differ between them.

    Returns:
        An empty tuple for headers alone, None where nothing is known of the package in that suite.
    """
    if distribution == "alpine":
        found = _alpine_libraries(dev)
        if found is None and (row := table("development").row(dev)):
            found = _names(row["alpine_runtime"])
        return found if found is None or all(_alpine_has(name, suite or NEWEST_BRANCH) for name in found) else None
    row = table("development").row(dev)
    column = suite or NEWEST_SUITE
    return _names(row[column]) if row and column in _SUITES else None


def _names(cell: str) -> tuple[str, ...] | None:
    return () if cell == _NONE else tuple(cell.split()) or None


_SINCE = {"libssl3": "3.17", "libcrypto3": "3.17"}
"""The first branch on which ``openssl-dev`` links to these: 3.15 and 3.16 have them for ``openssl3-dev`` alone
(https://alpinelinux.org/posts/Alpine-3.17.0-released.html)."""


@cache
def _alpine_branches() -> dict[str, tuple[str, ...]]:
    """The branches that have a package of Alpine, by each entry that names it."""
    found: dict[str, tuple[str, ...]] = {}
    for row in table("apt").rows():
        for name in row["alpine"].split():
            found[name] = (*found.get(name, ()), row["branches"])
    return found


def _alpine_has(name: str, branch: str) -> bool:
    """Whether a branch has a library; one that no entry names was never renamed as far as is known."""
    if name in _SINCE and _order(branch) < _order(_SINCE[name]):
        return False
    entries = _alpine_branches().get(name)
    return entries is None or any(_on_branch(entry, branch) for entry in entries)


@cache
def _alpine_development() -> dict[str, tuple[str, ...]]:
    """Alpine's own development packages, from those Debian ones that stand for exactly one.

    Where several Debian packages are one of Alpine's, as those of ``util-linux-dev``, it has the libraries of all.
    """
    proven: dict[str, dict[str, None]] = {}
    likely: dict[str, tuple[str, ...]] = {}
    for row in table("development").rows():
        names, libraries = row["alpine_dev"].split(), _names(row["alpine_runtime"])
        if len(names) != 1 or libraries is None:
            continue
        if row["confidence"] == "low":
            likely.setdefault(names[0], libraries)
        else:
            proven.setdefault(names[0], {}).update(dict.fromkeys(libraries))
    return likely | {name: tuple(libraries) for name, libraries in proven.items()}


def _alpine_libraries(dev: str) -> tuple[str, ...] | None:
    return _alpine_development().get(dev)


_TOOLCHAIN = re.compile(
    r"auto(?:conf|make|tools-dev)|bison|build-(?:base|essential)|cargo|clang|cmake|cython3|dpkg-dev|flex|g\+\+|gcc|gfortran"
    r"|go|golang|libtool|llvm|m4|make|meson|nasm|ninja(?:-build|-is-really-ninja)?|patch|pkg-?conf(?:ig)?|pkg-config|re2c"
    r"|rustc?|samurai|scons|swig|yasm|.*-(?:dev|devel|headers|static)"
    r"|(?:gcc|g\+\+|clang|llvm|lld|golang|cpp)-?\d[\d.]*(?:-dev)?"
    r"|ant|auto(?:conf-archive|point)|binutils|ccache|chrpath|cpp|gfortran-\d+|gperf|intltool|libglib2\.0-dev-bin|libtool-bin"
    r"|lld|maven|patchelf|pkgconf-bin|postgresql-server-dev-(?:\d+|all)|protobuf-compiler|python3-(?:distutils|setuptools|wheel)"
    r"|qmake6|qt5-qmake|qt5-default|rust-clippy|rustfmt|swig[34]\.0"
)
"""What compiles, by its name. A library or a JDK that a person asks for by name may be there to run something."""


def is_build_tool(package: str) -> bool:
    """Whether a package is only of use where something is compiled: a compiler, ``make``, a ``-dev`` package."""
    return _TOOLCHAIN.fullmatch(package) is not None


_LAYERS = {"full": ("curl", "scm", "full"), "scm": ("curl", "scm"), "curl": ("curl",)}


def full_variant_carries(image: Image) -> frozenset[str]:
    """Debian packages, dependencies included, that a full image has and its slim sibling lacks.

    They come from buildpack-deps (and for Go from the image itself). For a suite older than the data bullseye stands
    in. Empty for slim images and for those that stand on a small base themselves.
    """
    layers = _LAYERS.get(image.buildpack, ())
    if image.variant != "full" or not layers:
        return frozenset()
    suite = image.suite if image.suite in _SUITES else _SUITES[0]
    extra = ("go",) if image.name == "golang" else ()
    carried = _union(table("buildpack").row(f"{suite}:{layer}") for layer in (*layers, *extra))
    return carried - _union([table("buildpack").row(f"{suite}:{image.name}-slim")])


def carries(image: Image) -> frozenset[str]:
    """Debian packages that an image is known to have beyond those of its suite's base image, dependencies included."""
    own = _union([table("buildpack").row(f"{image.suite}:{image.name}-slim")])
    return own | full_variant_carries(image)


def _union(rows: Iterable[dict[str, str] | None]) -> frozenset[str]:
    return frozenset(name for row in rows if row for name in row["packages"].split())


def provides(command: str, suite: str | None = None) -> tuple[str, ...]:
    """Debian packages among those of the full images that bring *command*; empty where none does.

    Args:
        command: name of a program.
        suite: Debian suite; one whose slim images have the program as well knows no such package.
    """
    row = table("commands").row(command)
    if row is None or (suite is not None and row["suites"] and suite not in row["suites"].split()):
        return ()
    return tuple(row["packages"].split())


def busybox_has(command: str) -> bool:
    """Whether Alpine's base image has *command* as a busybox applet (with fewer options than GNU's)."""
    row = table("busybox").row(command)
    return row is not None and row["package"] == "busybox"


@dataclass(frozen=True, slots=True)
class Difference:
    """How the Alpine counterpart of a Debian package differs in its programs.

    Attributes:
        programs: names, with shell wildcards, that only the Debian package has; ``*`` where it is used differently.
        why: what differs, where the whole package does.
    """

    programs: tuple[str, ...]
    why: str


def difference(package: str) -> Difference | None:
    """What Alpine's counterpart of a Debian package has not; None where nothing is recorded of its programs."""
    row = table("differences").row(package)
    if row is None:
        return None
    return Difference(() if row["programs"] == _NONE else tuple(row["programs"].split()), row["why"])


def required(command: str) -> str | None:
    """The package of every Debian image that brings *command*, where Alpine's base image does not have it."""
    row = table("required").row(command)
    return row["package"] if row else None


def serves_builds(package: str) -> bool:
    """Whether a package is there to fetch and build, so that it stays behind unless its programs are called."""
    return table("buildtools").row(package) is not None


def fetches(package: str) -> bool:
    """Whether a package is there to fetch what is built or installed, or to unpack it."""
    row = table("buildtools").row(package)
    return row is not None and row["purpose"] in {"fetches", "packs"}


def is_essential(command: str) -> bool:
    """Whether every Debian system has a program, or its shells carry it out themselves."""
    return table("essential").row(command) is not None
