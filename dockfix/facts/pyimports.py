"""What Python sources import: modules of the tree that an entry reaches, and modules of other people's packages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from dockfix.facts.fact import Fact, fact_list
from dockfix.facts.pysources import Sources
from dockfix.facts.pytext import ImportLine

REACH = 60
"""How many modules of the tree are followed from an entry."""

_STANDARD = sys.stdlib_module_names | {
    "__future__",
    "distutils",
    "imp",
    "asyncore",
    "asynchat",
    "smtpd",
    "cgi",
    "telnetlib",
}


def reached(sources: Sources, entries: Iterable[str], roots: Sequence[str], limit: int = REACH) -> tuple[str, ...]:
    """The files that *entries* import, themselves first, breadth first, at most *limit*."""
    found: dict[str, None] = {}
    pending = list(entries)
    for path in pending:
        if path in found or len(found) >= limit:
            continue
        if sources.text(path) is None:
            continue
        found[path] = None
        for line in sources.imports(path):
            pending += (target for target in _targets(sources, line, path, roots) if target not in found)
    return tuple(found)


def _targets(sources: Sources, line: ImportLine, importer: str, roots: Sequence[str]) -> Iterator[str]:
    parts = line.module.split(".") if line.module else []
    if not line.level:
        # Importing a.b runs a/__init__.py as well.
        for count in range(1, len(parts)):
            if (package := sources.module(".".join(parts[:count]), 0, importer, roots)) is not None:
                yield package
    if (module := sources.module(line.module, line.level, importer, roots)) is not None:
        yield module
    for name in line.names:
        inner = f"{line.module}.{name}" if line.module else name
        if (module := sources.module(inner, line.level, importer, roots)) is not None:
            yield module


def third_party(sources: Sources, paths: Iterable[str], roots: Sequence[str] = ("", "src")) -> tuple[Fact[str], ...]:
    """Top-level modules imported by *paths* that are neither of the tree nor of the standard library."""
    return fact_list(_third_party(sources, paths, roots))


def _third_party(sources: Sources, paths: Iterable[str], roots: Sequence[str]) -> Iterator[Fact[str]]:
    local: dict[tuple[str, str], bool] = {}
    for path in paths:
        folder = path.rpartition("/")[0]
        for line in sources.imports(path):
            top = line.module.partition(".")[0]
            if line.level or not top or top in _STANDARD:
                continue
            if (folder, top) not in local:
                local[folder, top] = _is_local(sources, top, path, roots)
            if not local[folder, top]:
                yield Fact(top, f"{sources.prefix}{path}:{line.line}")


def _is_local(sources: Sources, top: str, importer: str, roots: Sequence[str]) -> bool:
    folder = importer
    while folder:
        folder = folder.rpartition("/")[0]
        if sources.files.exists(f"{folder}/{top}.py".lstrip("/")) or sources.files.is_dir(
            f"{folder}/{top}".lstrip("/")
        ):
            return True
    return any(sources.files.is_dir(f"{root}/{top}".lstrip("/")) for root in roots)
