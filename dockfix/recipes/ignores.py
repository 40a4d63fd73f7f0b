"""What a build context holds that no image needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix.model import Purpose

if TYPE_CHECKING:
    from dockfix.model import Model

COMMON = (".git",)
EDITORS = (".vscode", ".idea")
NODE = ("node_modules", "npm-debug.log*")
PYTHON = ("__pycache__", "*.pyc", ".venv", "venv", ".pytest_cache")
VERSIONING = re.compile(
    rb"setuptools[-_]scm|hatch-vcs|versioneer|poetry-dynamic-versioning|pbr\b|git rev-parse|git describe"
)
"""Build tools that read the version from .git."""


def patterns(model: Model, whole: str) -> tuple[str, ...]:
    """Lines of a .dockerignore for the app in the folder *whole* of the context.

    Nothing that a COPY of any Dockerfile of the same context names is among them.
    """
    app = model.app
    node = _has_node(model, whole)
    found: list[str] = []
    if not _reads_git(model):
        found += COMMON
    if node is not None:
        found += [_anywhere(node, name) for name in NODE]
    if _has_python(model):
        found += [f"**/{name}" if name in {"__pycache__", "*.pyc"} else name for name in PYTHON]
    found += [name for name in EDITORS if app.root.is_dir(name)]
    named = _named(model)
    return tuple(pattern for pattern in found if not any(_names(path, pattern) for path in named))


def _anywhere(folder: str, name: str) -> str:
    return name if not folder else f"**/{name}"


def _has_node(model: Model, whole: str) -> str | None:
    """The folder whose Node packages this file installs itself; ``None`` where it takes them from the context."""
    for stage in model.stages:
        for step in stage.doing(Purpose.INSTALL):
            if any(called.manager in {"npm", "yarn", "pnpm", "bun"} for called in step.invocations):
                folder = stage.context_path(step.before.workdir)
                if folder is not None and not model.app.root.is_dir(f"{folder}/node_modules".lstrip("/")):
                    return folder
    return None


def _has_python(model: Model) -> bool:
    return any(stage.image is not None and stage.image.name == "python" for stage in model.stages)


def _reads_git(model: Model) -> bool:
    for stage in model.stages:
        for step in stage.steps:
            if step.script is not None and any(command.name == "git" for command in step.script.commands):
                return True
            if "/.git" in step.instruction.value or " .git" in step.instruction.value:
                return True
    for name in ("pyproject.toml", "setup.py", "setup.cfg", "package.json", "Makefile", "build.gradle", "pom.xml"):
        data = model.app.root.read(name)
        if data is not None and (VERSIONING.search(data) or b"git-commit-id" in data or b"git log" in data):
            return True
    return any(stage.image is not None and stage.image.name in {"golang", "rust"} for stage in model.stages)


def _named(model: Model) -> list[str]:
    """Paths that a COPY or ADD of any Dockerfile in this context names, globs included."""
    found: list[str] = []
    texts = [model.document.text]
    for path in model.app.root.list(""):
        if "ockerfile" in path and not path.endswith(".dockerignore"):
            data = model.app.root.read(path)
            texts += [data.decode("utf-8", "replace")] if data is not None else []
    for text in texts:
        for line in re.findall(r"^\s*(?:COPY|ADD|RUN\s+--mount=\S+)\s+(.*)$", text, re.MULTILINE | re.IGNORECASE):
            found += [word.strip("\"',[]./") for word in re.split(r"[\s,]+", line) if not word.startswith("--")]
    return [path for path in found if path]


def _names(path: str, pattern: str) -> bool:
    """Whether a named path is, or lies in, what *pattern* ignores."""
    plain = pattern.removeprefix("**/")
    return plain == path or path.startswith(plain + "/") or f"/{plain}/" in f"/{path}/"
