"""Which files of the build context an install reads."""

from __future__ import annotations

from posixpath import dirname
from typing import TYPE_CHECKING

from dockfix.model import Purpose, requirement_paths
from dockfix.model.commands import purpose
from dockfix.model.config import join
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.model import Invocation, Model, StageModel, Step

HARMLESS = frozenset({"husky", "husky install", "husky || true", "husky install || true", "is-ci || husky install"})
"""Install scripts of the root package that read none of its files: https://typicode.github.io/husky/"""


def manifests(model: Model, stage: StageModel, step: Step) -> tuple[str, ...]:
    """The files of the build context that the installs of a RUN read, by path from the context.

    Raises:
        UnfitError: they cannot be told, or the install reads the sources too.
    """
    found: list[str] = []
    for called in step.invocations:
        if purpose(called.command) is not Purpose.INSTALL:
            continue
        if called.manager in {"npm", "yarn", "pnpm", "bun"}:
            found += _node(model, stage, step, called)
        elif called.manager == "pip":
            found += _pip(model, stage, step, called)
        else:
            found += _project(model, stage, step, called)
    for path in found:
        if not model.app.root.exists(path):
            raise UnfitError(step.instruction, f"{path} is not in the build context")
        if model.app.ignore.ignores(path):
            raise UnfitError(step.instruction, f"{path} is ignored by {model.app.ignore.path}")
    return tuple(dict.fromkeys(found))


def _node(model: Model, stage: StageModel, step: Step, called: Invocation) -> list[str]:
    folder = stage.context_path(step.before.workdir)
    node = model.app.node_at(folder) if folder is not None else None
    if node is None:
        raise UnfitError(step.instruction, f"no package.json of the build context lands in {step.before.workdir}")
    if called.has("--prefix", "--cwd", "-C", "--dir"):
        raise UnfitError(step.instruction, "the install is told to go to another folder")
    if any(word.text.startswith((".", "/", "file:")) for word in called.operands):
        raise UnfitError(step.instruction, "the install reads a folder of the sources")
    for name, fact in node.lifecycle.items():
        if fact.value.strip() not in HARMLESS and not called.has("--ignore-scripts"):
            raise UnfitError(step.instruction, f"the {name} script may read the sources ({fact.origin})")
    for group in (node.dependencies, node.dev_dependencies, node.optional_dependencies):
        for name, fact in group.items():
            if fact.value.startswith(("file:", "link:", "portal:")) and not node.workspaces:
                raise UnfitError(step.instruction, f"{name} is a folder of the sources ({fact.origin})")
    if not model.app.ignore.ignores(node.path("node_modules")):
        raise UnfitError(step.instruction, "node_modules of the host would be copied over the installed ones")
    return [node.path(path) for path in node.manifest_files]


def _pip(model: Model, stage: StageModel, step: Step, called: Invocation) -> list[str]:
    python = model.app.python
    wanted = sum(1 for word in called.options if word.text.startswith(("-r", "--requirement", "-c", "--constraint")))
    if called.has("-e", "--editable") or any(word.text.startswith((".", "/")) for word in called.operands):
        raise UnfitError(step.instruction, "pip installs the sources themselves")
    if any(not word.static for word in (*called.options, *called.operands)):
        raise UnfitError(step.instruction, "what pip installs depends on a variable")
    paths = requirement_paths(stage, step, called)
    if called.has("-c", "--constraint") or len(paths) != wanted:
        raise UnfitError(step.instruction, "not every requirements file is in the build context")
    found: list[str] = []
    for path in paths:
        for fact in python.local_of(path) if python is not None else ():
            if "://" not in fact.value:
                raise UnfitError(step.instruction, f"the requirements name a folder of the sources ({fact.origin})")
        found += python.requirement_files(path) if python is not None else (path,)
    return found


def _project(model: Model, stage: StageModel, step: Step, called: Invocation) -> list[str]:
    """Poetry, uv and pipenv, where they leave out the project itself."""
    folder = stage.context_path(step.before.workdir)
    if folder is None:
        raise UnfitError(step.instruction, f"nothing of the build context lands in {step.before.workdir}")
    without = {"poetry": ("--no-root", "--only", "--only-root"), "uv": ("--no-install-project",), "pipenv": ()}
    names = {
        "poetry": ("pyproject.toml", "poetry.lock"),
        "uv": ("pyproject.toml", "uv.lock"),
        "pipenv": ("Pipfile", "Pipfile.lock"),
    }
    if called.manager not in names:
        raise UnfitError(step.instruction, f"what {called.manager} reads cannot be told")
    options = without[called.manager]
    if options and not called.has(*options):
        raise UnfitError(step.instruction, f"{called.manager} installs the sources themselves")
    places = [f"{folder}/{name}" if folder else name for name in names[called.manager]]
    return [path for path in places if model.app.root.exists(path)]


def copies(stage: StageModel, step: Step, sources: Step, paths: tuple[str, ...], workdir: str) -> tuple[str, ...]:
    """The COPY lines that bring *paths* to where the copy of the sources would have put them.

    Args:
        stage: the stage.
        step: the RUN that installs.
        sources: the COPY that brings them now, whose owner and mode the new ones keep.
        paths: from the context.
        workdir: the working directory where the new lines stand.

    Raises:
        UnfitError: the copy of the sources does not bring one of them.
    """
    groups: dict[str, list[str]] = {}
    for path in paths:
        target = next(
            (
                join(p.target, path[len(p.source) :].lstrip("/"))
                for p in stage.placements
                if p.step is sources and p.folder and (not p.source or path.startswith(p.source + "/"))
            ),
            None,
        )
        if target is None:
            raise UnfitError(step.instruction, f"{path} is copied by another instruction than the sources")
        groups.setdefault(dirname(target), []).append(path)
    flags = "".join(f"--{flag.name}={flag.value} " for flag in sources.instruction.flags)
    return tuple(f"COPY {flags}{' '.join(names)} {_relative(folder, workdir)}" for folder, names in groups.items())


def _relative(folder: str, workdir: str) -> str:
    if folder == workdir:
        return "./"
    if workdir != "/" and folder.startswith(workdir.rstrip("/") + "/"):
        return "./" + folder[len(workdir.rstrip("/")) + 1 :] + "/"
    return folder.rstrip("/") + "/"
