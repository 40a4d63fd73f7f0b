"""Which Dockerfiles a path means."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.facts import Files

_NAME = re.compile(r"[Dd]ockerfile(?:\..+)?|.+\.[Dd]ockerfile|Containerfile.*")
_OTHER = re.compile(
    r"(?:\.(?:dockerignore|containerignore|md|rst|adoc|html?|bak|backup|old|orig|rej|sw[a-p]|tmp|save|disabled"
    r"|j2|jinja2?|tmpl|tpl|template|in|erb|ejs|mustache|hbs|gotmpl|m4|lock|sig|asc|sha256|diff|patch|zip|gz"
    r"|json|ya?ml|toml|ini|cfg|conf|py|js|ts|rb|go|sh|ps1|bat|cmd|mk|nix|snap|log)|~)$",
    re.IGNORECASE,
)
_FILES = frozenset({"Dockerfile", "Containerfile"})
_NEVER_ENTERED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".tox", ".nox", ".venv"})
_VENDORED = frozenset({"vendor", "third_party", "third-party", "thirdparty", "bower_components", "site-packages"})
_TESTS = frozenset(
    {"test", "tests", "__tests__", "testing", "testdata", "test-data", "test_data", "__testdata__", "e2e"}
    | {"fixtures", "__fixtures__", "__mocks__", "__snapshots__"}  # https://jestjs.io/docs/manual-mocks
)

_GENERATED = re.compile(rb"\bgenerated\b", re.IGNORECASE)
_NO_EDIT = re.compile(rb"\b(?:do\s+not|don'?t|never)\s+(?:\w+\s+)?(?:edit|modify|change)\b|@generated\b", re.IGNORECASE)
_HEAD = 2000
"""How many bytes of a Dockerfile are searched for the word of what has made it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A Dockerfile to work on.

    Attributes:
        path: where it is, as the person wrote it or below the folder that they wrote.
        root: the repository that it lies in, absolute: the nearest folder upward that git governs, else the one in
            which dockfix runs, as a compose file there may start the app otherwise, else the folder that was given.
    """

    path: Path
    root: Path


@dataclass(frozen=True, slots=True)
class Skipped:
    """A Dockerfile found in a folder and left out, and why."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """A path that cannot be worked on, and why."""

    path: Path
    why: str


def named_like_a_dockerfile(name: str) -> bool:
    """Whether a file called *name* is taken for a Dockerfile when a folder is searched."""
    return _NAME.fullmatch(name) is not None and _OTHER.search(name) is None


def discover(paths: Iterable[Path]) -> Iterator[Found | Skipped | Unusable]:
    """The Dockerfiles that *paths* mean: files as they are, folders searched. Each real file comes once."""
    seen: set[str] = set()
    for path in paths:
        for item in _discover(path):
            real = os.path.realpath(item.path)
            if real not in seen:
                seen.add(real)
                yield item


def _discover(path: Path) -> Iterator[Found | Skipped | Unusable]:
    try:
        is_folder = path.is_dir()
        if not is_folder:
            path.stat()
    except OSError as error:
        yield Unusable(path, _reason(error))
        return
    if not is_folder:
        yield Found(path, root_of(path.absolute().parent))
        return
    root = root_of(path.absolute())
    found = list(_search(path, root))
    if not found:
        if path.name in _FILES:
            yield Unusable(path, "is a folder, not a Dockerfile")
        else:
            yield Skipped(path, "holds no Dockerfile")
    yield from found


def within(files: Files, limit: int) -> Iterator[tuple[str, str | None]]:
    """The Dockerfiles among *files*, a path each and why it is left out, ``None`` where it is not.

    Args:
        files: the files of a repository, which need not lie on disk.
        limit: how many files are looked at.
    """
    seen: set[str] = set()
    composed = False
    for path in files.walk("", limit):
        name = path.rpartition("/")[2]
        composed = composed or _of_compose(name)
        if named_like_a_dockerfile(name):
            seen.add(path)
            yield path, _left_out(PurePosixPath(path)) or _made(files.read(path))
    if composed:
        from dockfix.facts.composefiles import compose

        services, _ = compose(files)
        for path in sorted({service.dockerfile for service in services if service.dockerfile} - seen):
            if files.exists(path) and not files.is_dir(path):
                yield path, _left_out(PurePosixPath(path)) or _made(files.read(path))


def root_of(folder: Path, otherwise: Path | None = None) -> Path:
    """The repository that *folder* (absolute) belongs to.

    Args:
        folder: where to look, and upward from.
        otherwise: what to answer where git governs nothing; by default the current folder if *folder* lies in it
            and it is not the home of a person or the whole disk, else *folder*.
    """
    real = folder.resolve()
    for candidate in (real, *real.parents):
        if (candidate / ".git").exists():
            return candidate
    if otherwise is not None:
        return otherwise.resolve()
    here = Path.cwd()
    return here if real.is_relative_to(here) and here not in (Path(here.anchor), _home()) else real


def _home() -> Path | None:
    """The home of the person; ``None`` where neither HOME nor the system's accounts tell of one."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def _search(top: Path, root: Path) -> Iterator[Found | Skipped | Unusable]:
    composed = False
    for folder, folders, names in os.walk(top):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if name not in _NEVER_ENTERED and not _is_venv(here / name))
        yield from (Unusable(here / name, "is a folder, not a Dockerfile") for name in folders if name in _FILES)
        composed = composed or any(map(_of_compose, names))
        for name in sorted(filter(named_like_a_dockerfile, names)):
            yield _sorted_out(here / name, top, root)
    if composed:
        for path in _named_by_compose(top):
            yield _sorted_out(path, top, root)


def _named_by_compose(top: Path) -> Iterator[Path]:
    """Dockerfiles of any name that the compose files below *top* build from."""
    from dockfix.facts.composefiles import compose
    from dockfix.facts.files import Folder

    services, _ = compose(Folder(top))
    for named in sorted({service.dockerfile for service in services if service.dockerfile}):
        if (top / named).is_file():
            yield top / named


def _of_compose(name: str) -> bool:
    return "compose" in name and name.endswith((".yml", ".yaml"))


def _sorted_out(path: Path, top: Path, root: Path) -> Found | Skipped:
    why = _left_out(path.relative_to(top)) or _made(_head(path))
    return Skipped(path, f"{why} (give its path to have it rewritten)") if why else Found(path, root)


def _left_out(relative: PurePath) -> str | None:
    folders = {part.lower() for part in relative.parts[:-1]}
    if folders & _VENDORED:
        return "belongs to vendored code"
    if ".devcontainer" in folders:
        return "is a development container"
    if folders & _TESTS or _TESTS & set(re.split(r"[._-]", relative.name.lower())):
        return "belongs to tests"
    return None


def _made(data: bytes | None) -> str | None:
    """Why a Dockerfile is left alone whose first comments say that something makes it, which would make it anew."""
    lines = (data or b"")[:_HEAD].splitlines()
    said = b" ".join(line for line in lines if line.startswith(b"#"))
    return "is generated, and says not to edit it" if _GENERATED.search(said) and _NO_EDIT.search(said) else None


def _head(path: Path) -> bytes | None:
    try:
        if not path.is_file():  # a pipe would keep the search waiting for who writes into it
            return None
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:  # which is said when the file is worked on
        return None


def _is_venv(folder: Path) -> bool:
    try:
        return (folder / "pyvenv.cfg").exists()
    except OSError:  # a folder that may not be entered, which the search then says
        return False


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
