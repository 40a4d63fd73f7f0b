"""Files beside the sources that a compiled program may read while it runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.model.config import join
from dockfix.recipes.needs import lines
from dockfix.recipes.programs import final_services

if TYPE_CHECKING:
    from dockfix.model import Model

IDLE = (
    *("*.md", "*.rst", "*.adoc", "LICENSE*", "LICENCE*", "COPYING*", "NOTICE*", "AUTHORS*", "CODEOWNERS", "CHANGELOG*"),
    *(
        "Dockerfile*",
        "*.dockerfile",
        "*.Dockerfile",
        "Containerfile*",
        "docker-compose*",
        "compose*.y*ml",
        "docker-bake*",
    ),
    *(".git*", ".docker*", ".editorconfig", ".vscode", ".idea", ".env.example", ".env.sample", ".env.template"),
    *(
        ".travis.yml",
        ".circleci",
        ".drone.yml",
        "Jenkinsfile*",
        "Makefile",
        "makefile",
        "*.mk",
        "Taskfile*",
        "Justfile",
    ),
    *(
        "justfile",
        "Earthfile",
        "Tiltfile",
        "skaffold.y*ml",
        "renovate.json*",
        ".pre-commit-config.y*ml",
        "sonar-project*",
    ),
    *("*_test.go", "testdata", "test", "tests", "e2e", "bench", "benches", "examples", "docs", "doc", ".dockfix.toml"),
    *("k8s", "kubernetes", "helm", "charts", "deploy", "deployment", "deployments", "terraform", ".devcontainer"),
    *(
        "*.sh",
        "*.bat",
        "*.ps1",
        "scripts",
        "tools",
        "vendor",
        "node_modules",
        "procfile",
        "Procfile",
        "fly.toml",
        "*.pem.example",
    ),
    *("*.postman_collection.json", "*.http", ".DS_Store", "*.test", "coverage*", "*.iml", ".tool-versions", ".envrc"),
)
"""What lies beside sources for tools and authors, and that a program reads only if it names it."""

CUSTOMARY = frozenset(
    {".env", "config", "configs", "conf", "settings", "views", "templates", "template", "static", "public", "assets"}
    | {"resources", "storage", "locales", "locale", "i18n", "lang", "translations", "migrations", "web", "www", "html"}
    | {"data", "etc", "certs", "fixtures", "sql", "db", "database", "ui", "frontend", "client"}
)
"""Names under which libraries look for files without being told."""

UNCOMMITTED = re.compile(rb"^\s*/?(?:\*\*/)?(?:\.env\*?|\*\.env)\s*$", re.MULTILINE)
"""A line of .gitignore that keeps ``.env`` out."""


@dataclass(frozen=True)
class Assets:
    """What goes along.

    Attributes:
        carried: absolute paths of files and whole folders.
        left: names of what stays behind because nothing speaks of it.
    """

    carried: tuple[str, ...]
    left: tuple[str, ...]


def assets(
    model: Model, names: Iterable[str], sources: Sequence[str], *, everything: bool, embedded: Iterable[str] = ()
) -> Assets:
    """The files of the build context in the image that the program may read.

    Args:
        model: the Dockerfile.
        names: texts of the sources that may name files.
        sources: patterns of the files that the program is built from.
        everything: carry all of them, because it cannot be told what is read.
        embedded: paths that are part of the program.
    """
    inside = dict(_placed(model))
    of_sources = {path for path, source in inside.items() if _matches(basename(source), sources)}
    mixed = {folder for path in of_sources for folder in _above(path)}
    spoken = _words((*names, *_spoken(model)))
    whole = set(embedded)
    carried: dict[str, None] = {}
    left: dict[str, None] = {}
    for path in sorted(inside.keys() - of_sources):
        root = path
        while (above := dirname(root)) not in mixed and above not in {"/", model.folder} and above != dirname(above):
            root = above
        relative = root.removeprefix(f"{model.folder.rstrip('/')}/")
        if path in whole or root in carried or root in left:
            continue
        idle = any(_matches(part, IDLE) for part in relative.split("/"))
        named = bool(_parts(root, path, whole=idle) & spoken)
        customary = basename(root).partition(".")[0] in CUSTOMARY or basename(root).startswith(".env")
        if named or (not idle and (everything or customary)):
            carried[root] = None
        elif not idle:
            left[root] = None
    return Assets(tuple(carried), tuple(path.removeprefix(f"{model.folder.rstrip('/')}/") for path in left))


def takes_environment(model: Model) -> bool:
    """Whether the image takes along the ``.env`` of the machine that builds it, which git ignores."""
    place = join(model.folder, ".env")
    path = model.final.context_path(place)
    root = model.app.root
    if path is None or root.exists(path) or model.app.ignore.ignores(path):
        return False
    lists = {".gitignore", f"{dirname(path)}/.gitignore".lstrip("/")}
    ignored = any(UNCOMMITTED.search(root.read(name) or b"") for name in lists)
    return ignored and not any(service.binds_over(place) for service in final_services(model))


def without_environment(origin: str) -> str:
    """Why a program that cannot do without that ``.env`` is left where it is."""
    return f"the program ends without .env ({origin}), which git ignores: the host's would stay behind"


def _placed(model: Model) -> Iterator[tuple[str, str]]:
    """Every file that a COPY brings, by its path in the image, with that in the context."""
    for placement in model.final.placements:
        found = model.app.root.walk(placement.source, 5000) if placement.folder else [placement.source]
        for path in found:
            if model.app.ignore.ignores(path):
                continue
            inner = path[len(placement.source) :].lstrip("/") if placement.folder else ""
            yield f"{placement.target.rstrip('/')}/{inner}" if inner else placement.target, path


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _above(path: str) -> Iterator[str]:
    while path not in {"", "/"}:
        path = dirname(path)
        yield path


def _parts(root: str, path: str, *, whole: bool) -> set[str]:
    """By which words a file, or the folder in which it is carried, may be named; a *whole* name has its ending."""
    found = {basename(root), basename(path)}
    if root == path and not whole:
        found.add(basename(path).partition(".")[0] or basename(path))
    return found - {""}


def _words(texts: Iterable[str]) -> set[str]:
    """The names of files and folders in texts."""
    found: set[str] = set()
    for text in texts:
        for part in re.split(r"[\s/\\\"'=,:;]+", text):
            if 1 < len(part) < 100:
                found.add(part)
    return found


def _spoken(model: Model) -> Iterator[str]:
    """Texts of the Dockerfile and of compose that may name a file to a program."""
    for step in model.final.steps:
        if step.instruction.keyword in {"CMD", "ENTRYPOINT", "ENV", "HEALTHCHECK"}:
            yield step.instruction.value
    yield from (text for text, _ in lines(model))
    for service in final_services(model):
        yield from (value or "" for value in service.environment.values())
