"""``add-copy``: COPY for what is only copied."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from posixpath import normpath
from typing import TYPE_CHECKING

from dockfix.text import Edit
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Model

_ARCHIVES = (".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".gz", ".bz2", ".xz", ".lzma", ".zst", ".z")
"""Endings of what Docker may unpack: it looks at the content, an ending only warns."""
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x5d\x00\x00")
"""How compressed files begin: https://github.com/moby/buildkit/blob/master/util/archutil and
https://github.com/moby/moby/blob/master/pkg/archive/archive.go (DetectCompression)"""
_PLAIN = (
    *(".jar", ".war", ".ear", ".js", ".mjs", ".cjs", ".ts", ".json", ".yml", ".yaml", ".toml", ".lock", ".txt", ".md"),
    *(".py", ".sh", ".bash", ".rb", ".go", ".rs", ".php", ".pl", ".java", ".cs", ".html", ".css", ".conf", ".cfg"),
    *(".ini", ".xml", ".properties", ".env", ".sql", ".csv", ".pem", ".crt", ".key", ".repo", ".list", ".service"),
)
"""Endings that no archive which Docker unpacks has; those of files that only a build makes count."""


@transform("add-copy", phase=Phase.MODERNISE, safety=Safety.SAFE)
def add_copy(model: Model) -> Iterator[Result]:
    """Copy with COPY where ADD neither unpacks an archive nor fetches anything.

    What it does:
        Writes COPY for an ADD whose sources are folders of the build context, or files that are no archives by their
        content.

    Why:
        ADD unpacks archives and fetches URLs. A reader of COPY need not ask whether one of the files is an archive, and
        a file that becomes one later does not change what the build does.

    Refuses when:
        A source is an archive, or compressed. It has a variable in its name, or is not in the build context and might
        be an archive by its name. An ADD that fetches is as it should be.

    Example:
        See fixtures/add-copy/example.
    """
    for instruction in model.document.instructions:
        if instruction.keyword != "ADD" or instruction.copy is None or _fetches(instruction):
            continue
        reason = next((why for path in instruction.copy.sources if (why := _archive(model, path))), None)
        if reason is not None:
            yield Refusal(instruction, reason)
        else:
            yield Change(instruction, (_keyword(model.document, instruction),), "nothing is unpacked or fetched here")


def _fetches(instruction: Instruction) -> bool:
    """Whether ADD does what COPY cannot."""
    if any(flag.name in {"checksum", "keep-git-dir", "unpack"} for flag in instruction.flags):
        return True
    sources = instruction.copy.sources if instruction.copy is not None else ()
    return any("://" in path or path.startswith(("git@", "github.com/")) or path.endswith(".git") for path in sources)


def _keyword(document: Document, instruction: Instruction) -> Edit:
    span = instruction.keyword_span
    return Edit(span, "copy" if span.of(document.text).islower() else "COPY")


def _archive(model: Model, source: str) -> str | None:
    """Why Docker may unpack *source*; ``None`` where it does not."""
    if "$" in source:
        return f"which file {source} is depends on a variable, and it may be an archive"
    root, path = model.app.root, normpath(source).lstrip("/")
    if path == "." or root.is_dir(path):
        return None
    folder, _, name = path.rpartition("/")
    pattern = any(character in path for character in "*?[")
    if name.lower().endswith(_ARCHIVES):
        return f"ADD unpacks {source} if it is an archive"
    if not pattern and not root.exists(path):
        return None if _ends_plainly(name) else f"{source} is not in the build context, and may be an archive"
    if pattern and (any(character in folder for character in "*?[") or not name.strip("*?")):
        return f"{source} may match an archive"
    found = [f"{folder}/{each}" if folder else each for each in root.list(folder) if fnmatchcase(each, name)]
    for match in found if pattern else [path]:
        if not root.is_dir(match) and _is_packed(root.read(match)):
            return f"ADD unpacks {match} if it is an archive"
    return None if found or not pattern or _ends_plainly(name) else f"nothing in the build context matches {source}"


def _ends_plainly(name: str) -> bool:
    return name.lower().endswith(_PLAIN)


def _is_packed(data: bytes | None) -> bool:
    """Whether a file may be an archive by its content; one that cannot be read may."""
    import tarfile

    if data is None or data.startswith(_PACKED):
        return True
    try:
        tarfile.TarInfo.frombuf(data[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
