"""Python requirements: one line of a requirements file, and the files that it reaches."""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files
from dockfix.text import line_of


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that the app asks for.

    Attributes:
        name: normalised as PEP 503 says: lower case, runs of ``-_.`` as one hyphen.
        version: the version that will be installed where it is pinned by ``==`` or a lock file.
        spec: the version specifier as written; empty for any version.
        extras: normalised extras, sorted.
        marker: the environment marker without its semicolon; empty where there is none.
        origin: ``file:line``.
        url: the direct reference it is installed from, a URL or a path; empty where it comes from the index.
        group: the dependency group or extra that it belongs to; empty for what the app itself needs.
        hashed: whether hashes are given for it.
        files: the names of the wheels and source archives that a lock file lets an installer choose from; empty where
            none are listed.
        compiled: where it says that no wheel of it may be taken; empty where one may.
    """

    name: str
    version: str | None
    spec: str
    extras: tuple[str, ...]
    marker: str
    origin: str
    url: str = ""
    group: str = ""
    hashed: bool = False
    files: tuple[str, ...] = ()
    compiled: str = ""


@dataclass(frozen=True, slots=True)
class RequirementFile:
    """What one requirements file says, the files that it includes left aside.

    Attributes:
        requirements: packages by name.
        local: what is not from an index: editable projects, paths, archives, repositories.
        includes: files reached by ``-r`` and ``-c``, relative to the build context.
        constraints: those of *includes* that only constrain.
        options: options of the index and of pip, such as ``--index-url``.
        editable: whether a project of the build context is installed editable.
        problems: lines that could not be understood.
    """

    requirements: tuple[Requirement, ...] = ()
    local: tuple[Fact[str], ...] = ()
    includes: tuple[Fact[str], ...] = ()
    constraints: frozenset[str] = frozenset()
    options: tuple[Fact[str], ...] = ()
    editable: bool = False
    problems: tuple[Problem, ...] = ()


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CODING = re.compile(rb"^[ \t]*#.*?coding[:=][ \t]*([-\w.]+)")
_COMMENT = re.compile(r"(?:^|[ \t])#.*$")
_HASH = re.compile(r"[ \t]+--(?:hash|config-settings?|global-option|install-option)[= ][ \t]*(?:\"[^\"]*\"|\S+)")
_NAMED = re.compile(
    r"^(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)[ \t]*(?:\[(?P<extras>[^\]]*)\])?[ \t]*"
    r"(?:@[ \t]*(?P<url>\S+)|\(?(?P<spec>(?:[<>=!~]=?=?[^;#)]*)?)\)?)[ \t]*(?:;[ \t]*(?P<marker>.*))?$"
)
_PIN = re.compile(r"^={2,3}[ \t]*([^\s,*]+)$")
_LOCAL = re.compile(
    r"^(?:\.{1,2}(?:/|$|\[)|/|file:|(?:git|hg|svn|bzr)\+|https?://|[\w./-]+/[\w./-]*$)|\.(?:whl|zip|tar\.\w+)$"
)
_EGG = re.compile(r"[#&]egg=([\w.-]+)")
_VALUE_OPTIONS = {"-i": "--index-url", "-f": "--find-links"}


def normalised(name: str) -> str:
    """*name* as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(line: str, origin: str, group: str = "") -> Requirement | None:
    """A PEP 508 requirement, or ``None`` where *line* is none."""
    match = _NAMED.match(line.strip())
    if match is None:
        return None
    spec = (match["spec"] or "").strip()
    pin = _PIN.match(spec)
    extras = sorted(normalised(extra.strip()) for extra in (match["extras"] or "").split(",") if extra.strip())
    return Requirement(
        name=normalised(match["name"]),
        version=pin[1] if pin is not None else None,
        spec=spec,
        extras=tuple(extras),
        marker=(match["marker"] or "").strip(),
        origin=origin,
        url=match["url"] or "",
        group=group,
    )


def logical_lines(content: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file with continuations joined and comments removed, and where each begins."""
    pending = ""
    start = 0
    for number, raw in enumerate(content.splitlines(), 1):
        line = _COMMENT.sub("", raw) if not pending or raw.lstrip().startswith("#") else raw
        if not pending:
            start = number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        whole = _COMMENT.sub("", pending + line).strip()
        pending = ""
        if whole:
            yield start, whole
    if pending.strip():
        yield start, pending.strip()


def decoded(data: bytes) -> str:
    """The text of a requirements file, as pip reads it: by its byte order mark, its coding line, else as UTF-8.

    PowerShell's ``pip freeze > requirements.txt`` writes UTF-16.
    https://pip.pypa.io/en/stable/reference/requirements-file-format/#encoding

    Raises:
        UnicodeDecodeError: it is not in that encoding.
        LookupError: there is no such encoding.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    declared = next((match for line in data.split(b"\n")[:2] if (match := _CODING.match(line))), None)
    return data.decode(declared[1].decode("ascii") if declared else "utf-8")


def _line(error: UnicodeDecodeError) -> int:
    """The line of the first byte that does not belong to the encoding."""
    return line_of(error.object, error.start)


def read(files: Files, path: str, prefix: str = "") -> RequirementFile:
    """Read the requirements file *path*; *prefix* goes before the path in origins."""
    data = files.read(path)
    if data is None:
        return RequirementFile()
    try:
        content = decoded(data)
    except UnicodeDecodeError as error:
        at = f"{prefix}{path}:{_line(error)}"
        return RequirementFile(problems=(Problem(at, f"the text is not in {error.encoding}"),))
    except LookupError as error:
        return RequirementFile(problems=(Problem(f"{prefix}{path}:1", f"cannot be read: {error}"),))
    requirements: list[Requirement] = []
    local: list[Fact[str]] = []
    includes: list[Fact[str]] = []
    constraints: set[str] = set()
    options: list[Fact[str]] = []
    problems: list[Problem] = []
    editable = False
    for number, line in logical_lines(content):
        origin = f"{prefix}{path}:{number}"
        hashed = "--hash" in line
        line = _HASH.sub("", line).strip()
        option, value = _option(line)
        if option in ("-r", "--requirement", "-c", "--constraint"):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), value))
            includes.append(Fact(target, origin))
            if option in ("-c", "--constraint"):
                constraints.add(target)
        elif option in ("-e", "--editable"):
            local.append(Fact(value, origin))
            editable = True
            if egg := _EGG.search(value):
                requirements.append(Requirement(normalised(egg[1]), None, "", (), "", origin, url=value))
        elif option:
            options.append(Fact(f"{_VALUE_OPTIONS.get(option, option)} {value}".strip(), origin))
        elif (found := parse(line, origin)) is not None and not _LOCAL.search(line):
            requirements.append(_with_hash(found, hashed))
            if found.url:
                local.append(Fact(found.url, origin))
        elif (found is not None and found.url) or _LOCAL.search(line):
            local.append(Fact(found.url if found is not None and found.url else line, origin))
            if found is not None and found.url:
                requirements.append(found)
            elif egg := _EGG.search(line):
                requirements.append(Requirement(normalised(egg[1]), None, "", (), "", origin, url=line))
        else:
            problems.append(Problem(origin, f"not a requirement: {line[:80]}"))
    return RequirementFile(
        tuple(requirements),
        tuple(local),
        tuple(includes),
        frozenset(constraints),
        tuple(options),
        editable,
        tuple(problems),
    )


def _with_hash(found: Requirement, hashed: bool) -> Requirement:
    import dataclasses

    return dataclasses.replace(found, hashed=True) if hashed else found


def _option(line: str) -> tuple[str, str]:
    """An option and its value, as pip takes them: ``-r file``, ``-rfile``, ``--requirement=file``."""
    if not line.startswith("-"):
        return "", ""
    if line.startswith("--"):
        name, _, value = re.sub(r"[ \t=]+", "\t", line, count=1).partition("\t")
        return name, value.strip().strip("\"'")
    return line[:2], line[2:].lstrip(" \t=").strip().strip("\"'")
