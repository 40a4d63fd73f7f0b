"""Python projects among the sources that pip installs: the app itself, or a folder that its requirements name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import below, decoded, join
from dockfix.model import config
from dockfix.recipes.split import UnfitError
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.python import Python
    from dockfix.model import Model, StageModel, Step

MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg")
PLAIN_BACKENDS = frozenset({"hatchling.build", "flit_core.buildapi", "uv_build"})
"""Build backends that compile nothing: https://packaging.python.org/en/latest/tutorials/packaging-projects/ lists them;
those of setuptools, Poetry, PDM, maturin and Meson may."""
SCRIPTED_BACKENDS = frozenset(
    {"setuptools.build_meta", "setuptools.build_meta:__legacy__", "poetry.core.masonry.api", "poetry.masonry.api"}
    | {"pdm.backend", "pdm.pep517.api"}
)
"""Build backends that compile what the project's own manifests or scripts tell them to."""
COMPILING = re.compile(
    r"\bext[_-]modules\b|\b\w*Extension\s*\(|\bcythonize\b|\bcffi_modules\b|\brust[_-]extensions\b|\bbuild_(?:ext|clib)\b"
    r"|\bmypycify\b|\bnumpy\.distutils\b|\bskbuild\b|\[tool\.(?:poetry|pdm)\.build\]|^build\s*=\s*[\"']",
    re.IGNORECASE | re.MULTILINE,
)
"""How they are told: https://setuptools.pypa.io/en/latest/userguide/ext_modules.html,
https://python-poetry.org/docs/building-extension-modules/, https://backend.pdm-project.org/build_config/"""
COMPILERS = frozenset(
    {"cython", "cffi", "numpy", "pybind11", "nanobind", "scikit-build", "scikit-build-core", "meson-python", "maturin"}
    | {"setuptools-rust", "mypy", "cmake", "ninja", "swig", "milksnake"}
)
"""Requirements of a build that stand for compiled code."""


def folder(stage: StageModel, step: Step, written: str) -> str | None:
    """The folder of the build context that a requirement names; ``None`` where it is no folder of it.

    Args:
        stage: the stage that installs.
        step: its RUN, in whose working directory pip looks:
            https://pip.pypa.io/en/stable/topics/local-project-installs/
        written: what the requirement says, with extras or not: ``./libs/prices[dev]``.
    """
    path = re.sub(r"\[[^]]*\]$", "", written.strip())
    if "://" in path or path.startswith("file:") or path.endswith((".whl", ".zip", ".gz")):
        return None
    return stage.context_path(config.join(step.before.workdir, path))


def project(model: Model, path: str) -> Python | None:
    """The facts of the project in a folder of the build context; ``None`` where there is none to install."""
    from dockfix.facts.python import read

    root = model.app.root
    if not any(root.exists(join(path, name)) for name in MANIFESTS[:2]):
        return None
    return read(below(root, path), model.app.origin(path)) if path else model.app.python


def beside(model: Model, path: str) -> str | None:
    """Where a manifest of a project names what lies outside its folder; ``None`` where none does."""
    for name in MANIFESTS:
        data = model.app.root.read(join(path, name)) or b""
        at = data.find(b"..")
        if at >= 0 and b"..." not in data[at : at + 3]:
            return model.app.origin(join(path, name), line_of(data, at))
    return None


def check_pure(model: Model, path: str) -> None:
    """Refuse a project that is compiled when it is installed, or may be: full images bring compilers, others do not.

    Args:
        model: the Dockerfile with its app.
        path: the project's folder of the build context.

    Raises:
        UnfitError: with the place that says so.
    """
    told = _compiled(model, path)
    if told is not None:
        raise UnfitError(None, f"{told.value} ({told.origin}), and what that needs is not known")


def _compiled(model: Model, path: str) -> Fact[str] | None:
    python = model.app.python
    found = python.project_at(path) if python is not None else None
    backend = found.backend if found is not None else None
    if backend is not None and backend.value not in PLAIN_BACKENDS | SCRIPTED_BACKENDS:
        return Fact(f"{backend.value} may compile the project itself", backend.origin)
    requires = found.build_requires if found is not None else ()
    tool = next((item for item in requires if item.name in COMPILERS), None)
    if tool is not None:
        return Fact(f"{tool.name} compiles the project itself", tool.origin)
    if backend is not None and backend.value in PLAIN_BACKENDS:
        return None
    names = (join(path, name) for name in MANIFESTS)
    return next((fact for name in names if (fact := _told(model, name)) is not None), None)


def _told(model: Model, path: str) -> Fact[str] | None:
    """Where a manifest tells to compile."""
    data = model.app.root.read(path)
    text = decoded(data) if data is not None else ""
    match = COMPILING.search(text)
    if match is None:
        return None
    return Fact("the project itself may be compiled", model.app.origin(path, line_of(text, match.start())))
