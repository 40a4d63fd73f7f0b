"""Which files of the build context an install reads, and how they are copied before the sources."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from posixpath import dirname
from typing import TYPE_CHECKING

from dockfix.model import Purpose, option_text
from dockfix.model.commands import purpose
from dockfix.model.config import join
from dockfix.recipes import localprojects
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockfix.facts import Fact
    from dockfix.facts.node import Node
    from dockfix.model import Invocation, Model, Placement, StageModel, Step
    from dockfix.recipes.prisma import Schema

UNREADING = re.compile(
    r"(?:npx\s+(?:--yes\s+|-y\s+)?|yarn\s+|pnpm\s+(?:exec\s+|dlx\s+)?)?"
    r"(?:husky(?:\s+install)?(?:\s+\.husky)?|is-ci|patch-package|only-allow\s+\w+|simple-git-hooks|lefthook\s+install"
    r"|opencollective-postinstall|opencollective(?:\s+postinstall)?|exit\s+0|true|echo\b.*)"
)
"""A command of an install script that reads nothing but manifests and patches, and writes among the modules alone."""

SEPARATORS = re.compile(r"\|\||&&|;")

MANAGERS = {
    "npm": ("package.json", "package-lock.json", "npm-shrinkwrap.json", ".npmrc"),
    "yarn": (
        *("package.json", "yarn.lock", ".yarnrc", ".yarnrc.yml", ".npmrc", ".yarn/releases", ".yarn/plugins"),
        *(".yarn/patches", ".yarn/cache", ".pnp.cjs", ".pnp.js", ".pnp.loader.mjs"),
    ),
    "pnpm": ("package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", ".npmrc", ".pnpmfile.cjs"),
    "bun": ("package.json", "bun.lock", "bun.lockb", "bunfig.toml", ".npmrc"),
}
"""What each package manager reads beside the manifests of workspaces and patches."""

PROJECTS = {
    "poetry": ("pyproject.toml", "poetry.lock", "poetry.toml"),
    "uv": ("pyproject.toml", "uv.lock", ".python-version", "uv.toml"),
    "pipenv": ("Pipfile", "Pipfile.lock"),
}
WITHOUT_PROJECT = {
    "poetry": "--no-root",
    "uv": "--no-install-project",
    "composer": "--no-scripts --no-autoloader",
}
"""The options that leave the project itself out: https://python-poetry.org/docs/cli/#install,
https://docs.astral.sh/uv/guides/integration/docker/#intermediate-layers, https://getcomposer.org/doc/03-cli.md#install-i"""

FOLDERS = {
    "npm": ("--prefix", "-C"),
    "yarn": ("--cwd",),
    "pnpm": ("--dir", "-C"),
    "bun": ("--cwd",),
    "poetry": ("-C", "--directory", "-P", "--project"),
    "uv": ("--directory", "--project"),
}
"""The options that send a package manager to another folder."""


@dataclass(frozen=True)
class Reading:
    """What an install reads.

    Attributes:
        paths: files and folders of the build context.
        made: folders that it makes in the app's, by the path in the context that would be copied over them.
        without: for an install of the project itself, the option that leaves it out at first, by its command.
    """

    paths: tuple[str, ...]
    made: tuple[str, ...] = ()
    without: tuple[tuple[Invocation, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """How dependencies are fetched before the sources are there, where the file's own build does both at once.

    Attributes:
        paths: the manifests, as paths of the build context.
        lines: the instructions that fetch what these ask for, for the folder in which the build runs.
        why: what is gained, with the evidence.
        at: where in the text the command begins that builds.
        first: what is to stand there before it from now on.
    """

    paths: tuple[str, ...]
    lines: tuple[str, ...]
    why: str
    at: int
    first: str = ""


Reader = Callable[["Model", "StageModel", "Step", "Invocation"], Reading]
"""What one install reads; it raises an :class:`UnfitError` where that cannot be told."""


def readings(model: Model, stage: StageModel, step: Step, readers: Mapping[str, Reader]) -> Reading:
    """What the installs of a RUN read.

    Args:
        model: the Dockerfile.
        stage: the stage.
        step: the RUN.
        readers: what the installs of further package managers read, by their name.

    Raises:
        UnfitError: it cannot be told, or they read the sources too.
    """
    paths: list[str] = []
    made: list[str] = []
    without: list[tuple[Invocation, str]] = []
    for called in step.invocations:
        if purpose(called.command) is not Purpose.INSTALL:
            continue
        if called.manager in MANAGERS:
            found = _node(model, stage, step, called)
        elif called.manager == "pip":
            found = Reading(tuple(_pip(model, stage, step, called)))
        elif called.manager in readers:
            found = readers[called.manager](model, stage, step, called)
        else:
            found = _project(model, stage, step, called)
        paths += found.paths
        made += found.made
        without += found.without
    for path in paths:
        if not model.app.root.exists(path):
            raise UnfitError(step.instruction, f"{path} is not in the build context")
    # what the build does not see, the install does not see today either
    seen = [path for path in dict.fromkeys(paths) if not model.app.ignore.ignores(path)]
    needed = [path for path in paths if path not in seen and path.endswith((".json", ".txt", ".toml", "Pipfile"))]
    if needed:
        raise UnfitError(step.instruction, f"{needed[0]} is ignored by {model.app.ignore.path}")
    return Reading(tuple(seen), tuple(dict.fromkeys(made)), tuple(without))


def folder_of(stage: StageModel, step: Step, called: Invocation) -> str:
    """The folder of the build context in which a package manager of a RUN works.

    Raises:
        UnfitError: it cannot be told.
    """
    place = step.before.workdir
    for command in step.script.commands if step.script else ():
        if command.name in {"cd", "pushd"} and command.span.start < called.command.span.start:
            if command.depth or called.command.depth or len(command.words) != 2 or not command.words[1].static:
                raise UnfitError(step.instruction, "the folder of the install cannot be told")
            place = join(place, command.words[1].text)
    given = value_of(called, *FOLDERS.get(called.manager, ()))
    place = join(place, given) if given is not None else place
    folder = stage.context_path(place)
    if folder is not None:
        return folder
    # only files were copied there: the manifest tells
    names = (MANAGERS.get(called.manager) or PROJECTS.get(called.manager) or ("",))[:1]
    manifest = stage.context_path(join(place, names[0]))
    if manifest is None:
        raise UnfitError(step.instruction, f"nothing of the build context lands in {place}")
    return dirname(manifest)


def value_of(called: Invocation, *names: str) -> str | None:
    """The value of one of the options *names*, written apart or behind ``=``."""
    words = [word.text for word in called.options]
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
    return None


def _node(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    folder = folder_of(stage, step, called)
    node = model.app.node_at(folder)
    if node is None:
        raise UnfitError(step.instruction, model.no_manifest(folder))
    if any(word.text.startswith((".", "/", "file:")) for word in called.operands):
        raise UnfitError(step.instruction, "the install reads a folder of the sources")
    if called.operands and not called.has("--no-save"):
        named = called.operands[0].text
        raise UnfitError(step.instruction, f"{called.manager} adds {named} to package.json, which the sources bring")
    root = workspace_root(model, node)
    if root is not None:
        raise UnfitError(step.instruction, f"{node.origin} belongs to the workspaces of {root.origin}")
    members = [member for path in node.workspaces if (member := node.beside(path)) is not None]
    extra: list[str] = []
    made = [member.path("node_modules") for member in (node, *members)]
    for package in (node, *members):
        generated = _of_scripts(stage, step, called, package)
        if generated is not None:
            extra.append(generated.path)
            made += generated.made
        _check_local(step, package, node)
        if package is not node and package.manifest.get("bin"):
            raise UnfitError(step.instruction, f"{package.origin} has programs that an install links to its sources")
    if called.manager == "yarn" and node.manager == "yarn-berry":
        from dockfix.facts import yarn

        if yarn.linker(node).value == "pnp":
            made += [node.path(name) for name in yarn.MADE if not node.has(name)]
    names = [name for name in MANAGERS[called.manager] if node.has(name)]
    locks = {"package-lock.json", "npm-shrinkwrap.json"} & set(names)
    if called.manager == "npm" and not locks and node.has("yarn.lock"):
        names.append("yarn.lock")  # npm 7 and later takes the versions from it
    if node.patches is not None:
        names.append(node.patches.value)
    names += [f"{path}/package.json" for path in node.workspaces]
    names += [f"{path}/.npmrc" for path in node.workspaces if node.has(f"{path}/.npmrc")]
    return Reading((*(node.path(name) for name in dict.fromkeys(names)), *extra), tuple(made))


def workspace_root(model: Model, node: Node) -> Node | None:
    """The package above whose workspaces a package belongs to: its install is the one that runs."""
    folder = node.folder
    while folder:
        folder = dirname(folder)
        above = model.app.node_at(folder)
        if above is not None and node.folder in {above.path(path) for path in above.workspaces}:
            return above
    return None


def _of_scripts(stage: StageModel, step: Step, called: Invocation, node: Node) -> Schema | None:
    """What a package's own install scripts, and that of Prisma's client, read beside the manifests.

    Raises:
        UnfitError: that cannot be told.
    """
    if called.has("--ignore-scripts"):
        return None
    from dockfix.recipes import prisma

    generates = prisma.generates_itself(stage, step, node)
    found = prisma.schema(step, node) if generates else None
    for name, fact in node.lifecycle.items():
        for part in SEPARATORS.split(fact.value):
            known = UNREADING.fullmatch(part.strip()) is not None
            if prisma.COMMAND.fullmatch(part.strip()):
                found = found or prisma.schema(step, node)
                known = found is not None
            if not known:
                raise UnfitError(step.instruction, f"the {name} script may read the sources ({fact.origin})")
    return found


def reads_no_sources(script: str) -> bool:
    """Whether an install script reads nothing but manifests and patches, and writes to nothing but the modules."""
    return all(UNREADING.fullmatch(part.strip()) for part in SEPARATORS.split(script))


def _check_local(step: Step, package: Node, root: Node) -> None:
    members = {root.path(path) for path in root.workspaces}
    for group in (package.dependencies, package.dev_dependencies, package.optional_dependencies):
        for name, fact in group.items():
            kind, _, target = fact.value.partition(":")
            if kind in {"file", "link", "portal"} and package.path(target) not in members:
                raise UnfitError(step.instruction, f"{name} is a folder of the sources ({fact.origin})")


def _pip(model: Model, stage: StageModel, step: Step, called: Invocation) -> list[str]:
    python = model.app.python
    if installs_sources(called):
        raise UnfitError(step.instruction, "pip installs the sources themselves")
    named = re.compile(r"[\"']?[A-Za-z][\w.-]*(?:\[[\w,-]+\])?[=<>~!]=")
    if any(option_text(stage, step, word) is None for word in called.options) or not all(
        word.static or named.match(word.text) for word in called.operands
    ):
        raise UnfitError(step.instruction, "what pip installs depends on a variable")
    found: list[str] = []
    place = step.before.workdir
    if any(command.name in {"cd", "pushd"} for command in (step.script.commands if step.script else ())):
        raise UnfitError(step.instruction, "the RUN changes its folder")
    for path in _requirement_words(stage, step, called):
        source = stage.context_path(join(place, path))
        if source is None:
            raise UnfitError(step.instruction, f"{path} does not come from the build context")
        for name in python.requirement_files(source) if python is not None else (source,):
            found.append(name)
            _check_requirements(step, python.requirement_file(name).options if python is not None else ())
        local = python.local_of(source) if python is not None else ()
        found += [_local(model, stage, step, fact) for fact in local if "://" not in fact.value.removeprefix("file:")]
    links = value_of(called, "-f", "--find-links")
    if links is not None and "://" not in links:
        raise UnfitError(step.instruction, f"pip takes packages from {links}")
    return found


def installs_sources(called: Invocation) -> bool:
    """Whether pip is told to install a project of the sources, by its folder."""
    return called.manager == "pip" and (
        called.has("-e", "--editable") or any(_is_path(word.text) for word in called.operands)
    )


def _local(model: Model, stage: StageModel, step: Step, fact: Fact[str]) -> str:
    """The folder of a project that requirements name, where an install reads nothing beside it.

    Raises:
        UnfitError: it may.
    """
    path = localprojects.folder(stage, step, fact.value)
    if not path or localprojects.project(model, path) is None:
        raise UnfitError(step.instruction, f"the requirements name a folder of the sources ({fact.origin})")
    beside = localprojects.beside(model, path)
    if beside is not None:
        raise UnfitError(step.instruction, f"{fact.value} reads what lies beside it ({beside})")
    return path


def _is_path(text: str) -> bool:
    return text.startswith((".", "/", "file:")) or ("/" in text and "://" not in text) or text.endswith((".whl", ".gz"))


def _check_requirements(step: Step, options: Sequence[Fact[str]]) -> None:
    for fact in options:
        if fact.value.startswith("--find-links") and "://" not in fact.value:
            raise UnfitError(step.instruction, f"pip takes packages from a folder of the sources ({fact.origin})")


def _requirement_words(stage: StageModel, step: Step, called: Invocation) -> Iterator[str]:
    """The paths behind ``-r`` and ``-c``."""
    words = [option_text(stage, step, word) or word.text for word in called.options]
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        if name in {"-r", "--requirement", "-c", "--constraint"}:
            yield value if equals else following
        elif word.startswith(("-r", "-c")) and len(word) > 2:
            yield word[2:]


def _project(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """Poetry, uv and pipenv."""
    if called.manager not in PROJECTS:
        raise UnfitError(step.instruction, f"what {called.manager} reads cannot be told")
    folder = folder_of(stage, step, called)
    names = PROJECTS[called.manager]
    main = f"{folder}/{names[0]}".lstrip("/")
    python = model.app.python
    if python is None or not model.app.root.exists(main):
        raise UnfitError(step.instruction, f"{main} is not in the build context")
    paths = [path for name in names if model.app.root.exists(path := f"{folder}/{name}".lstrip("/"))]
    venv = f"{folder}/.venv".lstrip("/")
    if called.manager == "pipenv":
        for fact in python.local:
            if "://" not in fact.value:
                raise UnfitError(step.instruction, f"Pipfile names a folder of the sources ({fact.origin})")
        return Reading(tuple(paths), (venv,) if step.before.env.get("PIPENV_VENV_IN_PROJECT") else ())
    project = python.project_at(folder)
    if project is None:
        raise UnfitError(step.instruction, f"{main} cannot be read")
    local = [fact for fact in project.local if "://" not in fact.value and not fact.value.startswith("git@")]
    if local or project.members:
        where = local[0].origin if local else main
        raise UnfitError(step.instruction, f"{called.manager} installs packages of the sources ({where})")
    if called.has("--only-root"):
        raise UnfitError(step.instruction, f"{called.manager} installs the sources themselves")
    in_project = step.before.env.get("POETRY_VIRTUALENVS_IN_PROJECT", "").lower() in {"1", "true"}
    own = called.manager == "uv" and "UV_PROJECT_ENVIRONMENT" not in step.before.env
    made = (venv,) if own or in_project or any(path.endswith("poetry.toml") for path in paths) else ()
    text = model.app.root.read(main) or b""
    if b"[tool.poetry-dynamic-versioning]" in text and called.manager == "poetry":
        # without a repository its plugin fails, also with --no-root: mtkennerly/poetry-dynamic-versioning#29
        raise UnfitError(step.instruction, f"a plugin of Poetry asks .git for the version at every call ({main})")
    option = WITHOUT_PROJECT[called.manager]
    if called.has(option, "--no-install-workspace", "--no-root", "--no-directory") or not project.package:
        return Reading(tuple(paths), made)
    if called.command.depth or (step.script is not None and not step.script.flat):
        raise UnfitError(step.instruction, f"{called.manager} installs the sources themselves")
    dynamic = b"dynamic" in text
    if called.manager == "uv" and dynamic and not called.has("--frozen"):
        raise UnfitError(step.instruction, f"uv builds the project to read its metadata ({main})")
    prefix = f"{folder}/" if folder else ""
    read = [fact.value if fact.value.startswith(prefix) else prefix + fact.value for fact in project.readme]
    paths += [path for path in read if model.app.sends(path)]
    return Reading(tuple(paths), made, ((called, option),))


def left_out(reading: Reading) -> tuple[Edit, ...]:
    """The edits with which an install leaves out the project itself."""
    return tuple(
        Edit(Span(called.command.words[-1].span.end, called.command.words[-1].span.end), f" {option}")
        for called, option in reading.without
    )


def stretch(model: Model, step: Step, span: Span) -> str:
    """A stretch of a RUN as canonical text.

    Raises:
        UnfitError: it would read otherwise with the usual escape character.
    """
    text = span.of(model.document.text).replace("\r\n", "\n")
    if "\n" in text and model.document.escape != "\\":
        raise UnfitError(step.instruction, "this RUN has several lines in another escape character")
    return text


def copies(model: Model, stage: StageModel, at: Step, moved: Sequence[Step], paths: Sequence[str]) -> tuple[str, ...]:
    """The COPY lines that bring *paths* to where the copies of the sources put them.

    Args:
        model: the Dockerfile.
        stage: the stage.
        at: the RUN that installs.
        moved: the copies of the sources, whose owner, mode and way of writing the destination the new ones keep.
        paths: files and folders of the context.

    Raises:
        UnfitError: the copies of the sources do not bring one of them.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        placement = next((p for p in reversed(stage.placements) if p.step in moved and _brings(p, path)), None)
        if placement is None or placement.step.instruction.copy is None:
            raise UnfitError(at.instruction, f"{path} is copied by another instruction than the sources")
        if re.search(r"[\s*?\[\]\\$\"']", path) or re.search(r"\s", placement.step.instruction.copy.destination):
            raise UnfitError(at.instruction, f"the name {path} would need quotes")
        flags = "".join(
            f"--{flag.name} " if flag.value == "true" else f"--{flag.name}={flag.value} "
            for flag in placement.step.instruction.flags
        )
        inner = path[len(placement.source) :].lstrip("/")
        destination = placement.step.instruction.copy.destination
        if model.app.root.is_dir(path):
            groups[flags, _under(destination, inner)] = [path]
        elif placement.folder:
            groups.setdefault((flags, _under(destination, dirname(inner))), []).append(path)
        else:
            groups.setdefault((flags, destination), []).append(path)
    return tuple(f"COPY {flags}{' '.join(names)} {folder}" for (flags, folder), names in groups.items())


def _brings(placement: Placement, path: str) -> bool:
    if placement.source == path:
        return not placement.folder
    return placement.folder and (not placement.source or path.startswith(placement.source + "/"))


def _under(destination: str, folder: str) -> str:
    """A folder below a destination, written as its author writes destinations."""
    base = destination.rstrip("/")
    return f"{base}/{folder}/" if folder else f"{base}/"
