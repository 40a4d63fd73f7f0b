"""Copies of a build context, one as it is and one as it would be, and changes to them as a developer makes them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dockfix.facts import App

if TYPE_CHECKING:
    from dockfix.facts.ignore import Ignore

MANIFESTS = frozenset(
    {
        "package.json",
        "pyproject.toml",
        "Pipfile",
        "setup.py",
        "setup.cfg",
        "environment.yml",
        "go.mod",
        "Gemfile",
        "composer.json",
        "Cargo.toml",
        "pom.xml",
    }
)
"""Names of files in which dependencies are declared, ``requirements*.txt`` apart."""

_COMMENTS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), ("// ", "")),
    **dict.fromkeys((".go", ".rs", ".java", ".kt", ".cs", ".c", ".cpp", ".php", ".dart"), ("// ", "")),
    **dict.fromkeys((".py", ".rb", ".sh", ".pl"), ("# ", "")),
    **dict.fromkeys((".html", ".vue", ".svelte"), ("<!-- ", " -->")),
}
_LAST_RESORT = (".html", ".sh", ".pl")
_NOT_THE_APP = frozenset({"test", "tests", "__tests__", "public", "static", "dist", "build", "docs", "scripts"})


@dataclass(frozen=True, slots=True)
class Copy:
    """A context of its own.

    Attributes:
        context: the folder that is sent to the builder.
        dockerfile: the Dockerfile, in the context or beside it.
        ignore: what its ``.dockerignore`` leaves out.
    """

    context: Path
    dockerfile: Path
    ignore: Ignore


def lay(app: App, root: Path, place: Path, dockerfile: str, files: Mapping[str, str]) -> Copy:
    """Copy the context of *app* into a new folder, with some files changed.

    Folders of which the ignore file leaves nothing are not copied, since the builder would not get them.

    Args:
        app: the Dockerfile's facts, which name its context.
        root: the repository's folder.
        place: where to copy to; it must not exist.
        dockerfile: the text of the Dockerfile.
        files: companion files, path from the repository's root to text.

    Raises:
        OSError: a file cannot be read or written.
    """
    ignore = app.overlay(files).ignore
    source = root / app.context
    context = place / "context"
    place.mkdir()

    def left_out(folder: str, names: list[str]) -> list[str]:
        here = Path(folder)
        return [name for name in names if _left_out(here / name, source, ignore)]

    shutil.copytree(source, context, symlinks=True, ignore=left_out)
    inside = PurePosixPath(app.dockerfile).is_relative_to(app.context) if app.context else True
    beside = place / "dockerfile"
    changed = {app.dockerfile: dockerfile, **files}
    for path, text in changed.items():
        pure = PurePosixPath(path)
        if not app.context or pure.is_relative_to(app.context):
            _write(context / pure.relative_to(app.context), text, place)
        elif path in {app.dockerfile, f"{app.dockerfile}.dockerignore"}:
            _write(beside / pure.name, text, place)
    own = f"{app.dockerfile}.dockerignore"
    if not inside and own not in files and (root / own).is_file():
        shutil.copy(root / own, beside)
    name = PurePosixPath(app.dockerfile)
    return Copy(context, context / name.relative_to(app.context) if inside else beside / name.name, ignore)


def source_file(copies: Sequence[Copy], entry: str | None = None) -> str | None:
    """A source file of the app that a developer may change, a path in the context; ``None`` where there is none.

    Args:
        copies: the contexts, in all of which the builder has to see it.
        entry: the file that starts the app, preferred where it is one of them.
    """
    context = copies[0].context
    found: list[tuple[bool, bool, int, str]] = []
    for folder, folders, names in os.walk(context):
        here = Path(folder)
        folders[:] = [name for name in folders if name not in {"node_modules", ".git"} and not name.startswith(".")]
        for name in names:
            path = (here / name).relative_to(context)
            if path.suffix not in _COMMENTS or not _sent(copies, path.as_posix()) or is_manifest(name):
                continue
            aside = bool(_NOT_THE_APP.intersection(path.parts)) or ".config." in name
            size = (here / name).lstat().st_size
            found.append((aside, path.suffix in _LAST_RESORT, -size, path.as_posix()))
    paths = {path for *_, path in found}
    return entry if entry in paths else min(found, default=(False, False, 0, None))[-1]


def manifests(copies: Sequence[Copy]) -> tuple[str, ...]:
    """The files of the contexts in which dependencies are declared."""
    context = copies[0].context
    found = []
    for folder, folders, names in os.walk(context):
        folders[:] = [name for name in folders if name not in {"node_modules", ".git"}]
        paths = ((Path(folder) / name).relative_to(context).as_posix() for name in names if is_manifest(name))
        found += [path for path in paths if _sent(copies, path)]
    return tuple(sorted(found))


def is_manifest(name: str) -> bool:
    """Whether a file of this name declares dependencies."""
    return name in MANIFESTS or (name.startswith("requirements") and name.endswith((".txt", ".in")))


def touch_source(copy: Copy, path: str, token: bytes) -> None:
    """Append a comment to a source file; its words are those of *token*, which no earlier build may have seen."""
    opening, closing = _COMMENTS[Path(path).suffix]
    _append(copy.context / path, f"\n{opening}change {token.hex()}{closing}\n")


def touch_manifest(copy: Copy, path: str, token: bytes) -> None:
    """Append white space to a manifest, so that its bytes change and not its meaning; *token* as above."""
    bits = bin(int.from_bytes(token, "big"))[2:]
    _append(copy.context / path, "\n" + bits.replace("0", " ").replace("1", "\n") + "\n")


def _append(path: Path, text: str) -> None:
    mode = path.stat().st_mode
    if not mode & stat.S_IWUSR:
        path.chmod(mode | stat.S_IWUSR)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
    path.chmod(stat.S_IMODE(mode))


def _sent(copies: Sequence[Copy], path: str) -> bool:
    return all((copy.context / path).is_file() and not copy.ignore.ignores(path) for copy in copies)


def _left_out(path: Path, source: Path, ignore: Ignore) -> bool:
    kind = path.lstat().st_mode
    if stat.S_ISSOCK(kind) or stat.S_ISFIFO(kind):
        return True
    return stat.S_ISDIR(kind) and ignore.empties(path.relative_to(source).as_posix())


def _write(path: Path, text: str, place: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(place.resolve()):
        raise OSError(f"{path.name} lies behind a link that leads out of the context")
    # a link may lead out of the copy, into the checkout
    path.unlink(missing_ok=True)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
