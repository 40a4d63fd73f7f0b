"""What a stage of .NET starts, and where `dotnet publish` puts it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.dockerfile import expand
from dockfix.facts.dotnet import run_project
from dockfix.facts.files import join as beneath
from dockfix.facts.msbuild import NATIVE, PROJECTS, SOLUTIONS, Project, Solution
from dockfix.model.config import join
from dockfix.recipes.split import UnfitError
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.model import Invocation, Model, StageModel, Step

READS = re.compile(
    rb"\bFile\.(?:Read|Open|Exists|Copy)|\bStreamReader\s*\(|Directory\.(?:Get|Enumerate|Exists)|PhysicalFileProvider"
    rb"|\bFileStream\s*\(|new (?:FileInfo|DirectoryInfo)\s*\(|Assembly\.Load|Process\.Start"
)
DATABASE = re.compile(rb"(?:Data ?Source|Filename)\s*=\s*([\w./-]+)", re.IGNORECASE)
"""The file of a database in SQLite: https://learn.microsoft.com/dotnet/standard/data/sqlite/connection-strings"""


@dataclass(frozen=True, slots=True)
class Published:
    """What the container starts.

    Attributes:
        project: the project that makes it.
        folder: the folder of the image into which it is published, where ``dotnet publish`` is called.
        line: the RUN that is still to publish it; empty where the file does.
        words: the start command of the end.
    """

    project: Project
    folder: str
    line: str
    words: tuple[str, ...]


def published_by(model: Model, stage: StageModel, solution: Solution) -> Published:
    """What the start command starts, and where it is published.

    Raises:
        UnfitError: it is no assembly that the file publishes.
    """
    start, workdir = model.start, stage.config.workdir
    words = start.argv
    if words is None or not words or basename(words[0]) != "dotnet" or start.shell_form or start.entrypoint:
        raise UnfitError(start.command, "the start command is not plainly one of dotnet")
    if workdir == "/":
        raise UnfitError(start.command, "there is no working directory, in which the app looks for its settings")
    if {"watch"} & set(words[1:2]):
        raise UnfitError(start.command, "dotnet watch needs the SDK")
    if words[1:2] == ("run",):
        return _run(model, stage, solution, words)
    if len(words) < 2 or not words[1].endswith(".dll"):
        raise UnfitError(start.command, "the start command names no assembly")
    project = solution.named(basename(words[1]).removesuffix(".dll"))
    if project is None:
        raise UnfitError(start.command, f"no project in the build context makes {basename(words[1])}")
    place = dirname(join(workdir, words[1]))
    outputs = [folder for step in stage.steps for folder in _outputs(stage, step, project)]
    if place not in outputs:
        raise UnfitError(start.command, f"{place} is not the folder into which `dotnet publish` puts the app")
    if place != workdir:
        check_reads(model, solution, project)
    return Published(project, place, "", (words[0], basename(words[1]), *words[2:]))


def _run(model: Model, stage: StageModel, solution: Solution, words: tuple[str, ...]) -> Published:
    """``dotnet run``, as the assembly that it builds and starts."""
    command, workdir = model.start.command, stage.config.workdir
    folder = stage.context_path(workdir)
    project = run_project(solution, words, folder)
    if project is None or folder is None:
        raise UnfitError(command, "which project `dotnet run` starts cannot be told")
    launch = beneath(project.folder, "Properties/launchSettings.json")
    if "--no-launch-profile" not in words and model.app.sends(launch):
        raise UnfitError(command, f"`dotnet run` takes variables and addresses from {model.app.origin(launch)}")
    if project.folder != folder:
        raise UnfitError(command, f"`dotnet run` starts {project.path} from another folder, whose files it may read")
    rest = _arguments(words[2:])
    if rest is None:
        raise UnfitError(command, "an option of `dotnet run` has no counterpart when the app is started itself")
    check_reads(model, solution, project)
    place = "/publish"
    line = f"RUN dotnet publish {basename(project.path)} -c Release -o {place}"
    return Published(project, place, line, ("dotnet", f"{project.assembly.value}.dll", *rest))


def _arguments(words: Sequence[str]) -> tuple[str, ...] | None:
    """What of the words behind ``dotnet run`` goes to the app; ``None`` where one means something to the build."""
    rest: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return (*rest, *waiting)
        if word in {"--no-restore", "--no-build", "--no-launch-profile"}:
            continue
        if word in {"-c", "--configuration", "--project", "-p"}:
            waiting = waiting[1:]
        elif word in {"--urls", "--server.urls"} and waiting:
            rest += [word, waiting.pop(0)]
        elif word.partition("=")[0] in {"--urls", "--server.urls"}:
            rest.append(word)
        else:
            return None
    return tuple(rest)


def _outputs(stage: StageModel, step: Step, project: Project) -> Iterator[str]:
    """The folders of the image into which a RUN publishes *project*."""
    for called in step.calls("dotnet", "publish"):
        given = _option(called, "-o", "--output")
        source = next((word.text for word in called.operands if not word.text.startswith("/p:")), "")
        place = join(step.before.workdir, source)
        target = dirname(place) if source.endswith((*PROJECTS, *SOLUTIONS)) else place
        folder = stage.context_path(target)
        if called.command.depth or folder is None or not f"{project.folder}/".startswith(f"{folder}/".lstrip("/")):
            continue
        if given is not None:
            yield join(step.before.workdir, expand(given, {**step.arguments, **step.before.env}) or given)
        elif len(project.frameworks) == 1:
            configuration = _option(called, "-c", "--configuration") or "Release"
            inner = project.folder[len(folder) :].strip("/")
            yield join(join(target, inner), f"bin/{configuration}/{project.frameworks[0].value}/publish")


def _option(called: Invocation, *names: str) -> str | None:
    words = [word.text for word in called.options]
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
    return None


def check_form(project: Project, model: Model, stage: StageModel) -> None:
    """Refuse apps that are published in another form than for a shared runtime.

    Raises:
        UnfitError: with the project's property, or the RUN.
    """
    for name in NATIVE:
        value = project.properties.get(name, "").lower()
        if value not in {"", "false"} and name != "UseAppHost":
            raise UnfitError(model.start.command, f"{project.path} sets {name}, and such an app needs another base")
    for step in stage.steps:
        for called in step.calls("dotnet", "publish", "build", "restore"):
            if called.has("-r", "--runtime", "--self-contained", "--sc", "--os", "-a", "--arch"):
                raise UnfitError(step.instruction, "the app is published for a runtime of its own choice")
    major = re.match(r"\d+\.\d+", stage.image.version) if stage.image is not None else None
    if len(project.frameworks) != 1:
        raise UnfitError(model.start.command, f"{project.path} does not say for which one version of .NET it is built")
    framework = project.frameworks[0]
    wanted = re.fullmatch(r"net(?:coreapp)?(\d+\.\d+)", framework.value)
    if major is None or wanted is None or major[0] != wanted[1]:
        why = f"{framework.value} ({framework.origin}) is not known to be the version that {stage.reference} brings"
        raise UnfitError(stage.stage.base, why)


def check_reads(model: Model, solution: Solution, project: Project) -> None:
    """Refuse apps that may read files beside their sources, where they are started now, but not published.

    Raises:
        UnfitError: with the place in the sources.
    """
    for each in solution.closure(project) or (project,):
        for path in model.app.root.walk(each.folder):
            settings = re.fullmatch(r"appsettings(?:\.\w+)?\.json", basename(path)) is not None
            if not (settings or path.endswith((".cs", ".fs", ".vb"))) or {"bin", "obj"} & set(path.split("/")):
                continue
            data = model.app.root.read(path) or b""
            match = None if settings else READS.search(data)
            if match is not None:
                line = line_of(data, match.start())
                where = model.app.origin(path, line)
                raise UnfitError(model.start.command, f"the app may read files that are not published ({where})")
            for match in DATABASE.finditer(data):
                name = match[1].decode("utf-8", "replace").strip()
                source = model.final.context_path(join(model.final.config.workdir, name))
                if source is not None and model.app.root.exists(source):
                    where = model.app.origin(path, line_of(data, match.start()))
                    raise UnfitError(model.start.command, f"the database {name} ({where}) is not published")
