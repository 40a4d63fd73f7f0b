"""Which Python and Node packages the file's own commands install, read from the manifests that they name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from posixpath import dirname, normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.model import Purpose, named, option_text, requirement_paths
from dockfix.model.config import join
from dockfix.recipes import localprojects, turbo
from dockfix.recipes.localprojects import PLAIN_BACKENDS
from dockfix.recipes.nobinary import without_wheels
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts.fact import Fact
    from dockfix.facts.node import Node
    from dockfix.facts.python import Python
    from dockfix.facts.requirement import Requirement
    from dockfix.model import Invocation, Model, StageModel, Step

PYTHON_PROJECTS = frozenset({"poetry", "uv", "pipenv"})
PYTHON_MANAGERS = PYTHON_PROJECTS | {"pip"}
NODE_MANAGERS = frozenset({"npm", "yarn", "pnpm", "bun"})
WITHOUT_PROJECT = ("--no-root", "--no-install-project", "--only-deps")
PRODUCTION = ("--only", "--no-dev", "--without", "--no-group", "--production", "--omit", "--prod")
INDEX = re.compile(
    r"(?:index|INDEX)[-_](?:url|URL)|--(?:default-)?index\b|\bUV_(?:DEFAULT_)?INDEX\b|(?:^|\s)-i\s*\S*https?:"
)
"""The options and variables by which pip and uv are given another index than the machine's."""
CONDA = frozenset({"conda", "mamba", "micromamba"})


def installs_python(stage: StageModel) -> bool:
    """Whether *stage* itself installs Python packages."""
    return any(True for _ in _python_installs(stage))


def installs_node(stage: StageModel) -> bool:
    """Whether *stage* itself installs Node packages."""
    return any(calls_node_manager(step) for step in stage.doing(Purpose.INSTALL))


def calls_node_manager(step: Step) -> bool:
    """Whether *step* calls a package manager of Node."""
    return any(called.manager in NODE_MANAGERS for called in step.invocations)


def python_version(stage: StageModel) -> str | None:
    """``3.11`` of ``python:3.11.4``; ``None`` where the tag names no minor version."""
    version = stage.image.version if stage.image is not None and stage.image.name == "python" else ""
    parts = version.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 else None


def title(requirement: Requirement) -> str:
    """A requirement for a report: name, version and where it is asked for."""
    version = f" {requirement.version}" if requirement.version else ""
    return f"{requirement.name}{version} ({requirement.origin})"


def python_packages(model: Model) -> tuple[Requirement, ...]:
    """The Python packages that the file installs, those of a lock file with all that they bring along.

    Raises:
        UnfitError: a manifest is not in the build context, or a package does not come from the index.
    """
    found: list[Requirement] = []
    for stage in model.stages:
        for step in stage.steps:
            _check_conda(step)
        version = python_version(stage)
        for step, called in _python_installs(stage):
            wanted = _pip(model, stage, step, called) if called.manager == "pip" else _project(model, step, called)
            told = without_wheels(model, stage, step, called, wanted)
            found += [requirement for requirement in told if _applies(requirement, version)]
    for requirement in found:
        if requirement.url and not _compiles_nothing(model, requirement):
            raise UnfitError(None, f"{title(requirement)} comes from {requirement.url}, so what it needs is not known")
    wanted = tuple(dict.fromkeys(requirement for requirement in found if not requirement.url))
    return _asked(model, wanted) if model.options.online else wanted


def _asked(model: Model, requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    """*requirements* with the files that the package index has of those that are pinned to a version.

    Where the sources name an index of their own, this machine's does not tell what the build will find.
    """
    from dockfix.catalog import index

    if _other_index(model) is not None:
        return requirements
    pinned = {(item.name, item.version) for item in requirements if item.version is not None and not item.files}
    files = index.configured().files(pinned)
    return tuple(
        item if item.files else replace(item, files=files.get((item.name, item.version or ""), ()))
        for item in requirements
    )


def untold(model: Model) -> str:
    """Why the package index told nothing; empty where it did, or was not needed."""
    if not any(installs_python(stage) for stage in model.stages):
        return ""
    from dockfix.catalog import index

    other = _other_index(model)
    return f"the sources name an index of their own ({other})" if other is not None else index.configured().problem


def _other_index(model: Model) -> str | None:
    """Where the sources name an index of packages; ``None`` where they leave it to the machine."""
    python = model.app.python
    for stage in model.stages:
        for step in stage.steps:
            if INDEX.search(step.instruction.text):
                return f"line {step.instruction.line}"
        if python is not None:
            calls = _python_installs(stage)
            paths = [path for step, called in calls for path in requirement_paths(stage, step, called)]
            files = [python.requirement_file(name) for path in paths for name in python.requirement_files(path)]
            options = [option for file in files for option in file.options if INDEX.search(option.value)]
            if options:
                return options[0].origin
    return None


def _compiles_nothing(model: Model, requirement: Requirement) -> bool:
    """Whether a requirement is a project of the sources whose backend packs files as they are."""
    python = model.app.python
    project = python.project_at(normpath(requirement.url).lstrip("./")) if python is not None else None
    return project is not None and project.backend is not None and project.backend.value in PLAIN_BACKENDS


def _python_installs(stage: StageModel) -> Iterator[tuple[Step, Invocation]]:
    for step in stage.steps:
        for called in step.invocations:
            if called.manager in PYTHON_MANAGERS and called.verb in {"install", "sync"}:
                yield step, called


def _check_conda(step: Step) -> None:
    for command in step.script.commands if step.script else ():
        if command.name in CONDA:
            raise UnfitError(step.instruction, "conda's packages are built for glibc and full images")


def _pip(model: Model, stage: StageModel, step: Step, called: Invocation) -> Iterator[Requirement]:
    python = model.app.python
    for word in (*called.operands, *called.options):
        text = named(word, step, arguments=True) if word in called.operands else option_text(stage, step, word)
        if text is None and "http" not in word.text:
            raise UnfitError(step.instruction, f"what `{word.text}` stands for cannot be told")
    paths = requirement_paths(stage, step, called)
    files = sum(word.text.startswith(("-r", "--requirement")) for word in called.options)
    missing = next((path for path in paths if not model.app.root.exists(path)), None)
    if missing is not None or len(paths) < files or (paths and python is None):
        what = missing or "the requirements file"
        raise UnfitError(step.instruction, f"{what} is not in the build context, so what pip installs is not known")
    if python is not None:
        for path in paths:
            _check_readable(python, path, step)
            yield from python.requirements_of(path)
            for local in python.local_of(path):
                yield from _local(model, stage, step, local)
    own = [word.text for word in called.operands]
    own += [word.text for before, word in pairwise(called.options) if before.text in {"-e", "--editable"}]
    for path in own:
        if path in {".", "./"} or path.startswith(".["):
            yield from _own(model, step)
        elif "/" in path or path.endswith((".whl", ".gz", ".zip")):
            raise UnfitError(step.instruction, f"{path} does not come from the index, so what it needs is not known")
    yield from _named(model, step)


def check_requirements(model: Model, stage: StageModel) -> None:
    """Refuse requirements files of which a part cannot be read.

    Raises:
        UnfitError: with the place.
    """
    for step, called in _python_installs(stage):
        if called.manager == "pip" and model.app.python is not None:
            for path in requirement_paths(stage, step, called):
                _check_readable(model.app.python, path, step)


def _check_readable(python: Python, path: str, step: Step) -> None:
    """Raise an :class:`UnfitError` where *path*, or a file that it includes, is missing or cannot be read."""
    for name in python.requirement_files(path):
        file = python.requirement_file(name)
        for problem in file.problems:
            why = f"{problem.origin}: {problem.message}"
            raise UnfitError(step.instruction, f"{why}, so what pip installs is not known")
        for include in file.includes:
            if not python.root.exists(include.value):
                why = f"{include.value} ({include.origin}) is not in the build context"
                raise UnfitError(step.instruction, f"{why}, so what pip installs is not known")


def _named(model: Model, step: Step) -> Iterator[Requirement]:
    origin = f"line {step.instruction.line}"
    return (requirement for requirement in model.requirements if requirement.origin == origin)


def _own(model: Model, step: Step) -> tuple[Requirement, ...]:
    """What the project itself depends on."""
    python = localprojects.project(model, "")
    if python is None:
        raise UnfitError(step.instruction, "the project that pip installs is not in the build context")
    localprojects.check_pure(model, "")
    return python.requirements


def _local(model: Model, stage: StageModel, step: Step, local: Fact[str]) -> tuple[Requirement, ...]:
    """What a project that a requirements file names by its folder depends on."""
    path = localprojects.folder(stage, step, local.value)
    found = localprojects.project(model, path) if path is not None else None
    if path is None or found is None:
        raise UnfitError(None, f"{local.value} does not come from the index ({local.origin})")
    localprojects.check_pure(model, path)
    return found.requirements


def _project(model: Model, step: Step, called: Invocation) -> tuple[Requirement, ...]:
    python = model.app.python
    if python is None or not (python.requirements or python.locked):
        raise UnfitError(step.instruction, f"what {called.manager} installs is not in the build context")
    if python.project is not None and python.project.package and not called.has(*WITHOUT_PROJECT):
        localprojects.check_pure(model, "")
    if not python.locked:
        return python.requirements
    main = called.has(*PRODUCTION) or (called.manager == "pipenv" and not called.has("--dev", "-d"))
    wanted = (item for item in python.locked if not (main and item.group))
    return tuple(item for item in wanted if not item.files or catalog.for_linux(item.files))


def _applies(requirement: Requirement, python: str | None) -> bool:
    """Whether the marker of a requirement holds on Linux."""
    if not requirement.marker:
        return True
    from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName

    environment = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
    environment |= {"platform_python_implementation": "CPython", "implementation_name": "cpython"}
    if python is not None:
        environment |= {"python_version": python, "python_full_version": f"{python}.0"}
    elif "python" in requirement.marker.replace("platform_python", ""):
        return True
    try:
        return Marker(requirement.marker).evaluate(environment)
    except (InvalidMarker, UndefinedEnvironmentName):
        return True


def node_manifests(model: Model) -> tuple[Node, ...]:
    """The package.json files whose dependencies the file installs.

    Raises:
        UnfitError: one is not in the build context.
    """
    found: list[Node] = []
    for stage in model.stages:
        for step in stage.doing(Purpose.INSTALL):
            if not calls_node_manager(step):
                continue
            folder = _node_folder(model, stage, step)
            node = model.app.node_at(folder) if folder is not None else None
            if folder is not None and model.app.node_problem(folder) is not None:
                raise UnfitError(step.instruction, f"{model.no_manifest(folder)}, so what it asks for is not known")
            if node is None:
                manager = next(called.manager for called in step.invocations if called.manager in NODE_MANAGERS)
                why = f"no package.json is in the build context where {manager} runs, so what it installs is not known"
                raise UnfitError(step.instruction, why)
            if node not in found:
                found.append(node)
    return tuple(found)


def node_of(model: Model, stage: StageModel, step: Step) -> Node | None:
    """The package.json where *step* runs a package manager of Node; ``None`` where none is known."""
    folder = _node_folder(model, stage, step)
    return model.app.node_at(folder) if folder is not None else None


def _node_folder(model: Model, stage: StageModel, step: Step) -> str | None:
    folder = _manifest_folder(stage, step)
    return turbo.source(model, stage, step.before.workdir) if folder is None else folder


def _manifest_folder(stage: StageModel, step: Step) -> str | None:
    """The folder of the build context that brings package.json to where *step* runs its package manager."""
    folder = step.before.workdir
    for command in step.script.commands if step.script else ():
        if command.name == "cd" and command.args:
            folder = join(folder, command.args[0])
    for called in step.invocations:
        words = [word.text for word in called.options]
        for option, value in pairwise(words):
            if option in {"--prefix", "--cwd", "-C", "--dir"} and called.manager in NODE_MANAGERS:
                folder = join(folder, value)
    path = stage.context_path(join(folder, "package.json"))
    return dirname(normpath(path)) if path is not None else None


def global_tools(stage: StageModel) -> Iterator[tuple[Step, str]]:
    """The npm packages that *stage* installs beside the app's own, by name."""
    for step in stage.steps:
        for called in step.invocations:
            added = called.verb in {"install", "i", "add"} or called.verb == "global"
            if called.manager in NODE_MANAGERS and added:
                for word in called.operands:
                    name = word.text if word.text.count("@") == 0 else word.text[: word.text.rfind("@")] or word.text
                    if name != "add":
                        yield step, name
