"""What a Dockerfile and the app around it mean together, worked out once and shared by all transforms.

A :class:`Model` is a pure function of a document, an app and the options. It is made again after every change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import zip_longest
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile import expand
from dockfix.facts.server import Server
from dockfix.model.commands import Invocation, Purpose
from dockfix.model.config import Config, join
from dockfix.model.placements import Placement
from dockfix.model.roles import Role, is_manifest
from dockfix.model.server import entry_file, server_of, server_of_service, server_of_words
from dockfix.model.stages import StageModel, Step, model_stages
from dockfix.model.start import Start, start_of

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.dockerfile.shell import ShellWord
    from dockfix.facts import App, Fact
    from dockfix.facts.compose import Service, Volume
    from dockfix.facts.node import Node
    from dockfix.facts.requirement import Requirement
    from dockfix.facts.server import Place
    from dockfix.options import Options

__all__ = [
    "SOURCES",
    "Config",
    "Invocation",
    "Model",
    "Placement",
    "Purpose",
    "Role",
    "Server",
    "StageModel",
    "Start",
    "Step",
    "is_manifest",
    "named",
    "option_text",
    "requirement_paths",
]

SOURCES = (".py", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")
"""Endings of files that a program is made of."""


class Model:
    """A Dockerfile with its app, understood.

    Attributes:
        document: the Dockerfile.
        app: the facts of the build context.
        options: what the person asked for.
    """

    def __init__(self, document: Document, app: App, options: Options) -> None:
        self.document = document
        self.app = app
        self.options = options

    @cached_property
    def stages(self) -> tuple[StageModel, ...]:
        """All stages in order."""
        return model_stages(self.document, self.app)

    @property
    def final(self) -> StageModel:
        """The stage that is built when nobody names another."""
        return self.stages[-1]

    @cached_property
    def targets(self) -> frozenset[str]:
        """Names of the stages that compose or CI ask for by ``target``."""
        named = {service.target for service in self.app.compose if service.target is not None}
        return frozenset(named | {fact.value for fact in self.app.ci_targets})

    @cached_property
    def elsewhere(self) -> Fact[str] | None:
        """Which earlier stage all compose services build by ``target``, so that the last one is not what runs."""
        from dockfix.facts import Fact

        named = [service for service in self.services if service.target is not None]
        if not named or len(named) < len(self.services):
            return None
        stages = [self.document.stage(service.target or "") for service in named]
        if any(stage is None or stage is self.final.stage for stage in stages):
            return None
        return Fact(named[0].target or "", named[0].origin("target"))

    def step(self, instruction: Instruction) -> Step:
        """The step of *instruction*."""
        stage = self.stages[instruction.stage]
        return next(step for step in stage.steps if step.instruction is instruction)

    @property
    def services(self) -> tuple[Service, ...]:
        """The compose services that build this Dockerfile."""
        return self.app.compose

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where files of the final stage come from, as far as it was asked: every ecosystem asks for the same ones."""
        return {}

    @cached_property
    def folder(self) -> str:
        """The folder of the image in which the app lies: the working directory at the end."""
        return self.final.config.workdir

    @cached_property
    def source(self) -> str | None:
        """The folder of the build context that lands in :attr:`folder`; ``None`` where that cannot be told.

        After a split the final stage may take the app from an earlier stage; then that stage tells.
        """
        for stage in (self.final, *reversed(self.stages[:-1])):
            path = stage.context_path(self.folder)
            if path is not None:
                return path
        for stage in (self.final, *reversed(self.stages[:-1])):
            path = stage.source(self.folder)
            if path is not None:
                return path
        return None

    @cached_property
    def node(self) -> Node | None:
        """The package.json that lies in the app's folder."""
        return self.app.node_at(self.source) if self.source is not None else None

    def no_manifest(self, folder: str | None) -> str:
        """Why there is no package to be read in a folder of the context, for a report.

        Args:
            folder: a folder for which :meth:`~dockfix.facts.App.node_at` finds none; ``None`` where there is none.
        """
        problem = self.app.node_problem(folder) if folder is not None else None
        if problem is not None:
            return f"package.json cannot be read: {problem.origin} {problem.message}"
        return f"there is no package.json in {self.app.origin(folder or '') or 'the context'}"

    @cached_property
    def start(self) -> Start:
        """How a container starts."""
        return start_of(self.final, self.app, self.node)

    @cached_property
    def server(self) -> Server:
        """What the app serves, and what it writes while it runs."""
        return server_of(self)

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """The Python packages that the file's own pip commands install, by name or through requirements files."""
        python = self.app.python
        found: list[Requirement] = []
        for stage in self.stages:
            for step in stage.steps:
                for called in step.calls("pip", "install"):
                    found += _named(called, step)
                    for path in requirement_paths(stage, step, called):
                        found += python.requirements_of(path) if python is not None else ()
        if python is not None and any(
            called.manager in {"poetry", "uv", "pipenv"} and called.verb in {"install", "sync"}
            for stage in self.stages
            for step in stage.steps
            for called in step.invocations
        ):
            found += python.requirements
        return tuple(dict.fromkeys(found))

    def served_by(self, service: Service) -> Server:
        """What a compose service serves that starts the final stage in its own way."""
        return server_of_service(self, service)

    def served_with(self, words: tuple[str, ...]) -> Server:
        """What a program with its arguments serves in the final stage, where it is not the start command itself."""
        return self.server if words == self.start.main else server_of_words(self, words)

    def server_files(self) -> tuple[str, ...]:
        """The JavaScript and TypeScript sources behind the start command, as paths of the build context."""
        program = self.start.main or ("",)
        entry = entry_file(program, self.node) if basename(program[0]) == "node" else None
        if self.start.resolved is not None:
            entry = self.start.resolved.entry
        if self.node is None or entry is None:
            return ()
        return tuple(self.node.path(path) for path in self.node.server_of(entry).files)

    @cached_property
    def development(self) -> Fact[str] | None:
        """Why this image is for development, with the evidence; ``None`` where nothing says so.

        A compose service that mounts the sources over the app's folder, or watches them, wants the development
        tools in the image. A compose file for development does not count beside one for deployment.
        """
        from dockfix.facts import Fact

        if _is_for_development(basename(self.app.dockerfile)):
            return Fact(f"{basename(self.app.dockerfile)} is a development file by its name", self.app.dockerfile)
        stage = self.final.stage
        if stage.name is not None and _is_for_development(stage.name):
            return Fact(f"the stage is called {stage.name}", f"line {stage.base.line}")
        for service in self._deployed:
            if service.develop_watch:
                return Fact(f"service {service.name} watches the sources", service.origin("develop_watch"))
        if self.mount is not None:
            service, volume = self.mount
            return Fact(f"service {service.name} mounts sources over {volume.target}", volume.origin)
        return None

    @cached_property
    def mount(self) -> tuple[Service, Volume] | None:
        """The compose service that mounts the sources over the app's folder, and the mount; ``None`` without one."""
        for service in self._deployed:
            for volume in service.volumes:
                if volume.kind == "bind" and self._covers_sources(volume.target):
                    return service, volume
        return None

    @property
    def _deployed(self) -> tuple[Service, ...]:
        """The services that run the image, without those for development beside ones for deployment."""
        deployed = [service for service in self.services if service.role not in {"development", "override", "test"}]
        return tuple(deployed) or self.services

    def _covers_sources(self, target: str) -> bool:
        """Whether a mount at *target* hides sources of the image, rather than a folder of data."""
        target = target.rstrip("/") or "/"
        if f"{self.folder.rstrip('/')}/".startswith(f"{target.rstrip('/')}/"):
            return True
        if not any(p.folder and f"{target}/".startswith(f"{p.target.rstrip('/')}/") for p in self.final.placements):
            return False
        path = self.final.context_path(target)
        return path is not None and any(name.endswith(SOURCES) for name in self.app.root.walk(path, 500))


def _is_for_development(name: str) -> bool:
    """Whether a part of the name of a file or a stage says so."""
    return not {"dev", "develop", "development", "local"}.isdisjoint(re.split(r"[._-]", name.lower()))


def requirement_paths(stage: StageModel, step: Step, called: Invocation) -> tuple[str, ...]:
    """The requirements files, as paths of the build context, that a pip command in *step* reads."""
    found = []
    words = [option_text(stage, step, word) or word.text for word in called.options]
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        if name in {"-r", "--requirement"}:
            path = stage.context_path(join(step.before.workdir, value if equals else following))
            found += [path] if path is not None else []
        elif word.startswith("-r") and len(word) > 2:
            path = stage.context_path(join(step.before.workdir, word[2:]))
            found += [path] if path is not None else []
    return tuple(found)


def option_text(stage: StageModel, step: Step, word: ShellWord) -> str | None:
    """A word among a command's options, its variables replaced; ``None`` where their values are unknown.

    The default of a build argument counts where any other value would name the same file of the build context:
    ``COPY . /$APP`` and ``-r $APP/requirements.txt``.
    """
    text = named(word, step)
    default = named(word, step, arguments=True) if text is None else None
    if default is None:
        return text
    path = join(step.before.workdir, default)
    for placement in reversed(stage.placements):
        copy = placement.step.instruction.copy
        inner = path.removeprefix(f"{placement.target.rstrip('/')}/") if placement.folder else ""
        if copy is None or path not in {placement.target, join(placement.target, inner)}:
            continue
        brought = {copy.destination, join(copy.destination, inner or basename(path))}
        same = word.text.strip("\"'").lstrip("/") in {each.lstrip("/") for each in brought}
        return default if same and not any("$" in source for source in copy.sources) else None
    return None


def named(word: ShellWord, step: Step, *, arguments: bool = False) -> str | None:
    """A word of a command of *step*, its variables replaced; ``None`` where their values are unknown.

    Args:
        word: the word.
        step: the RUN.
        arguments: whether the defaults of build arguments count, which a build may be given others for.
    """
    environment = {**step.arguments, **step.before.env} if arguments else step.before.env
    return word.text if word.static else expand(word.text.strip("\"'"), environment)


def _named(called: Invocation, step: Step) -> Iterator[Requirement]:
    """The packages that a pip command names itself, without local paths."""
    from dockfix.facts.requirement import Requirement

    for word in called.operands:
        text = named(word, step, arguments=True) or word.text
        match = re.match(r"([A-Za-z0-9][\w.-]*)(\[[^]]*\])?\s*(.*)", text)
        if match is None or text.startswith((".", "/")) or "://" in text or "/" in text:
            continue
        pinned = re.fullmatch(r"===?\s*([\w.!+-]+)", match[3])
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        origin = f"line {step.instruction.line}"
        yield Requirement(name, pinned[1] if pinned else None, match[3], (), "", origin)
