"""Poetry, uv and Pipenv: what they install, where, and an app that starts without them."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile import shell
from dockfix.model.commands import Purpose, purpose
from dockfix.model.config import join
from dockfix.recipes.installs import python_version
from dockfix.recipes.localprojects import PLAIN_BACKENDS
from dockfix.recipes.needs import lines
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.dockerfile import Instruction
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.facts.pyproject import Project
    from dockfix.facts.python import Python
    from dockfix.model import Invocation, Model, StageModel, Step

MANAGERS = frozenset({"poetry", "uv", "pipenv"})
CALLED = re.compile(r"(?<![\w./-])(?:poetry|uvx?|pipenv)(?![\w./-])")
INSTALLERS = re.compile(
    r"\s*curl\s[^|;&]*https://(?:install\.python-poetry\.org|astral\.sh/uv/(?:[\d.]+/)?install\.sh)[^|;&]*"
    r"\|\s*(?:\w+=\S+\s+)*(?:python3?|sh|bash)\s*-?\s*(?:--version\s+\S+\s*)?"
)
"""A RUN with the managers' own installers, which put them into the home of who runs them, or where a variable says:
https://python-poetry.org/docs/#installing-with-the-official-installer, https://docs.astral.sh/uv/reference/installer/."""

HOMES = ("/root/.local/bin", "/root/.cargo/bin", "/root/.poetry/bin")
FLAGS = frozenset(
    {"--no-root", "--no-dev", "--no-interaction", "-n", "--no-ansi", "--no-cache", "--sync", "--no-directory", "-v"}
    | {"--all-extras", "--compile", "--frozen", "--locked", "--no-install-project", "--no-install-workspace", "-q"}
    | {"--no-editable", "--all-groups", "--compile-bytecode", "--no-default-groups", "--quiet", "--system", "--deploy"}
    | {"--ignore-pipfile", "--skip-lock", "--dev", "-d", "--only", "--with", "--without", "-E", "--extras", "--extra"}
    | {"--group", "--no-group", "--only-main", "-vvv", "-vv", "--no-progress", "--verbose", "--clear", "--native-tls"}
    | {"-r", "--requirement", "-c", "--index-url", "--extra-index-url", "--no-build", "--upgrade", "-U", "--no-deps"}
)
"""Options of an install that neither move what it installs nor choose another interpreter; from each tool's --help."""

RUN_FLAGS = frozenset({"--frozen", "--no-sync", "--no-dev", "--locked", "--quiet", "-q", "--no-cache"})
SETTLING = re.compile(r"(?:POETRY|UV|PIPENV)_\w+")
"""Variables that nothing but the package managers reads."""

BACKENDS = PLAIN_BACKENDS | frozenset(
    {"setuptools.build_meta", "poetry.core.masonry.api", "poetry.masonry.api", "pdm.backend"}
)
"""Build backends that leave nothing among the sources, unless a script of the project's own tells them to."""


def manager_of(called: Invocation) -> str | None:
    """``poetry``, ``uv`` or ``pipenv``, where one of them is called; ``uv pip`` is uv."""
    name = basename(called.command.name)
    return name if name in MANAGERS else None


def _calls(steps: Sequence[Step]) -> Iterator[tuple[Step, Invocation]]:
    for step in steps:
        for called in step.invocations:
            if purpose(called.command) is Purpose.INSTALL:
                yield step, called


def manager(installs: Sequence[Step]) -> str | None:
    """The manager that installs the app's packages; ``None`` where pip does."""
    return next((name for _, called in _calls(installs) if (name := manager_of(called)) is not None), None)


def syncs(step: Step) -> bool:
    """Whether a RUN calls ``uv sync``, which keeps an environment of its own."""
    return bool(step.calls("uv", "sync"))


def environment(stage: StageModel, installs: Sequence[Step]) -> str | None:
    """The virtual environment that the manager makes in the project's folder; ``None`` where it makes none there.

    Raises:
        UnfitError: it installs among the image's own packages.
    """
    for step in installs:
        env = step.before.env
        if syncs(step):
            path = join(step.before.workdir, env.get("UV_PROJECT_ENVIRONMENT", ".venv"))
            if path.startswith("/usr"):
                raise UnfitError(step.instruction, f"uv installs into {path}, among what the image brings")
            return path
        if step.calls("poetry", "install") and _in_project(stage, step):
            return join(step.before.workdir, ".venv")
    return None


def _in_project(stage: StageModel, install: Step) -> bool:
    if install.before.env.get("POETRY_VIRTUALENVS_CREATE", "").lower() in {"0", "false"}:
        return False
    told = install.before.env.get("POETRY_VIRTUALENVS_IN_PROJECT", "").lower() in {"1", "true"}
    for step in stage.steps[: stage.steps.index(install) + 1]:
        for called in step.calls("poetry", "config"):
            words = [word.text for word in called.operands]
            if words == ["virtualenvs.create", "false"]:
                return False
            told = told or words == ["virtualenvs.in-project", "true"]
    return told


def check_installs(model: Model, installs: Sequence[Step]) -> None:
    """Refuse installs that do not put everything into one environment of which they can be told.

    Raises:
        UnfitError: with the reason.
    """
    names = {manager_of(called) for _, called in _calls(installs)}
    for step, called in _calls(installs):
        if len(names) > 1:
            raise UnfitError(step.instruction, "packages are installed by more than one package manager")
        odd = next((word.text for word in called.options if _is_odd(word.text)), None)
        if odd is not None:
            raise UnfitError(
                step.instruction, f"what `{called.command.name} {called.verb} {odd}` installs is not known"
            )
        if step.script is not None and any(command.name in {"cd", "pushd"} for command in step.script.commands):
            raise UnfitError(step.instruction, "the install changes its folder")
        local = [word.text for word in called.operands if word.text.startswith((".", "/", "file:"))]
        if local or (called.verb == "install" and called.operands and called.manager == "pipenv"):
            raise UnfitError(step.instruction, "more is installed here than the lock file says")
        if called.manager in MANAGERS:
            _check_project(model, step)
    if "uv" in names:
        _check_python(model, installs)
    for name in ("PYTHONUSERBASE", "PYTHONHOME", "UV_PYTHON", "UV_SYSTEM_PYTHON", "PIPENV_PIPFILE", "HOME"):
        if name in installs[-1].before.env:
            raise UnfitError(installs[-1].instruction, f"{name} tells where packages go")


def _is_odd(word: str) -> bool:
    return word.startswith("-") and word.partition("=")[0] not in FLAGS


def _check_project(model: Model, step: Step) -> None:
    """Refuse projects that leave something among the sources when they are installed."""
    python = model.app.python
    folder = model.final.context_path(join(step.before.workdir, "pyproject.toml"))
    project = python.project_at(folder.rpartition("/")[0]) if python is not None and folder is not None else None
    if project is None or python is None or not project.package:
        return
    if all(called.has("--no-root", "--no-install-project", "--no-install-workspace") for called in _own(step)):
        return
    backend = project.backend.value if project.backend is not None else "setuptools.build_meta"
    if backend not in BACKENDS or _scripted(python, project):
        raise UnfitError(step.instruction, f"what {backend} leaves among the sources cannot be told ({project.path})")


def _own(step: Step) -> list[Invocation]:
    return [called for called in step.invocations if called.manager in MANAGERS and called.verb in {"install", "sync"}]


def _scripted(python: Python, project: Project) -> bool:
    """Whether the build runs code of the project's own."""
    folder = project.path.rpartition("/")[0]
    names = ("setup.py", "build.py")
    return any(python.root.exists(f"{folder}/{name}".lstrip("/")) for name in names)


def _check_python(model: Model, installs: Sequence[Step]) -> None:
    """Refuse where uv would fetch an interpreter of its own, which the end has not:
    https://docs.astral.sh/uv/concepts/python-versions/.
    """
    version = python_version(model.final)
    at = installs[0].instruction
    path = model.final.context_path(join(installs[0].before.workdir, ".python-version"))
    wanted = (model.app.root.read(path) or b"").decode("utf-8", "replace").split() if path is not None else []
    if wanted and (version is None or not f"{wanted[0]}.".startswith(f"{version}.")):
        raise UnfitError(at, f"uv may fetch Python {wanted[0]} ({model.app.origin(path or '')}), which the end has not")
    project = model.app.python.project if model.app.python is not None else None
    asked = project.requires_python if project is not None else None
    if asked is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = version is None or SpecifierSet(asked.value).contains(f"{version}.99")
    except InvalidSpecifier:
        fits = False
    if not fits:
        raise UnfitError(at, f"uv may fetch another Python, since the project asks for {asked.value} ({asked.origin})")


def folders(step: Step) -> frozenset[str]:
    """Where the managers' own installers put them, if not elsewhere by PATH at *step*."""
    home = step.after.env.get("POETRY_HOME")
    return frozenset({*HOMES, *([f"{home}/bin"] if home else [])})


def installs_manager(step: Step) -> bool:
    """Whether an instruction does nothing but bring a package manager."""
    copy = step.instruction.copy
    if copy is not None:
        return copy.from_ is not None and all(basename(source) in {"uv", "uvx"} for source in copy.sources)
    return step.instruction.keyword == "RUN" and INSTALLERS.fullmatch(step.instruction.value) is not None


def added(step: Step) -> str:
    """What an ENV puts before PATH."""
    return step.after.env["PATH"].removesuffix(step.before.env["PATH"]).rstrip(":")


def is_setting(step: Step) -> bool:
    """Whether a step only sets a package manager up: the end needs no such thing."""
    if step.instruction.keyword == "ENV":
        names = [assignment.key for assignment in step.instruction.assignments]
        return all(SETTLING.fullmatch(n) or (n == "PATH" and added(step) in folders(step)) for n in names)
    return step.script is not None and step.purposes == {Purpose.SETTINGS} and bool(step.calls("poetry", "config"))


def without_system(step: Step) -> tuple[Edit, ...]:
    """The cut of ``--system``, by which uv and Pipenv would pass the environment that they are told of."""
    found = []
    for called in step.invocations:
        for before, word in zip(called.command.words, called.command.words[1:], strict=False):
            if word.text == "--system" and manager_of(called) is not None:
                found.append(Edit(Span(before.span.end, word.span.end), ""))
    return tuple(found)


def check_environment(model: Model, place: str, manager: str) -> None:
    """Refuse where a container would not find the environment at *place*, or calls the manager that made it.

    The start and the steps behind the install can do without; a script or compose may call it for anything.

    Raises:
        UnfitError: with the place.
    """
    start, inside = model.start, model.final.context_path(place)
    if inside is not None and not model.app.ignore.ignores(inside):
        raise UnfitError(None, f"{inside} of the host would be copied over the installed packages")
    if place != join(model.folder, ".venv"):
        for line, origin in ((start.text, "the start command"), *lines(model)):
            if "/.venv" in line or line.startswith(".venv/"):
                raise UnfitError(None, f"which environment is meant cannot be told: {line} ({origin})")
    python = model.app.python
    scripts = python.project.scripts if python is not None and python.project is not None else None
    idle = all(called.has("--no-root", "--no-install-project") for step in model.final.steps for called in _own(step))
    called = next((name for name in scripts or () if idle and name in start.words), None)
    if called is not None and scripts is not None:
        raise UnfitError(start.command, f"{manager} alone knows {called} ({scripts[called].origin})")
    if start.script is not None and CALLED.search(start.script.source):
        raise UnfitError(start.command, f"{start.script.path} calls the package manager when the container starts")
    for line, origin in lines(model):
        if CALLED.search(line):
            raise UnfitError(None, f"the package manager is called in a container ({origin})")


def direct(words: Sequence[str]) -> tuple[str, ...]:
    """*words* without ``poetry run``, ``uv run`` or ``pipenv run``; a word that is a shell line is looked into.

    Raises:
        UnfitError: they call the manager for something else.
    """
    if words and basename(words[0]) in MANAGERS:
        count, interpreter = _run(words)
        return (*interpreter, *words[count:])
    return tuple(_line(word) if CALLED.search(word) else word for word in words)


def _line(text: str) -> str:
    for edit in reversed(_edits(shell.parse_shell(text).commands)):
        text = f"{text[: edit.span.start]}{edit.text}{text[edit.span.end :]}"
    if CALLED.search(text):
        raise UnfitError(None, f"the package manager is called in `{text}`")
    return text


def run_edits(step: Step) -> tuple[Edit, ...]:
    """What takes the managers out of a RUN that calls programs by them.

    Raises:
        UnfitError: it calls them for something else.
    """
    return tuple(_edits(step.script.commands if step.script is not None else ()))


def line_edits(instruction: Instruction) -> tuple[Edit, ...]:
    """What takes the managers out of the shell line of a CMD or ENTRYPOINT, whose line ends stay."""
    found = _edits(shell.parse_shell(instruction.value).commands)
    return tuple(Edit(instruction.source(edit.span.start, edit.span.end), edit.text) for edit in found)


def _edits(commands: Sequence[ShellCommand]) -> list[Edit]:
    found = []
    for command in commands:
        words = command.words[1:] if command.name == "exec" else command.words
        if words and basename(words[0].text) in MANAGERS:
            count, interpreter = _run([word.text for word in words])
            found.append(
                Edit(Span(words[0].span.start, words[count].span.start), "".join(f"{i} " for i in interpreter))
            )
    return found


def _run(words: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """How many words ``poetry run`` is with its options, and the interpreter that uv would add to what follows.

    Raises:
        UnfitError: the manager is called for something else.
    """
    count = 2
    while words[count : count + 1] and words[count] in RUN_FLAGS:
        count += 1
    rest = words[count:]
    adds = basename(words[0]) == "uv" and bool(rest) and (rest[0] == "-m" or rest[0].endswith(".py"))
    if list(words[1:2]) != ["run"] or not rest or (rest[0].startswith("-") and not adds):
        raise UnfitError(None, f"`{' '.join(words[:4])}` needs the package manager in the end")
    return count, ("python",) if adds else ()
