"""Go programs: which package a program is built from, its sources, and what it serves, reads and writes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.facts import gobuild, gomod, goserver
from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.facts.gosource import GoSource, built

if TYPE_CHECKING:
    from dockfix.facts.app import App
    from dockfix.facts.gobuild import Build
    from dockfix.facts.gomod import Module, Work
    from dockfix.facts.server import Ran, Running, Server

MOST_SOURCES = 600


@dataclass(frozen=True)
class Program:
    """A package main with all sources of the build context that it imports.

    Attributes:
        app: the facts of the build context.
        folder: the folder of the package, from the context's root.
        files: the names of its files, where the command names some.
        modules: the module that it lies in first, then those that stand in for others.
    """

    app: App
    folder: str
    files: tuple[str, ...]
    modules: tuple[Module, ...]

    @property
    def module(self) -> Module | None:
        """The module that the package lies in."""
        return self.modules[0] if self.modules else None

    @cached_property
    def sources(self) -> tuple[GoSource, ...]:
        """The files of the package and of those that it imports from the build context."""
        found: list[GoSource] = []
        folders = [self.folder]
        for folder in folders:
            names = self.files if folder == self.folder and self.files else self.app.root.list(folder)
            for name in names:
                data = self.app.root.read(join(folder, name)) if built(name) else None
                if data is None or len(found) >= MOST_SOURCES:
                    continue
                source = _source(self.app, join(folder, name), data)
                if source.excluded:
                    continue
                found.append(source)
                for path in source.imports:
                    inner = next((f for module in self.modules if (f := module.package(path)) is not None), None)
                    if inner is not None and inner not in folders:
                        folders.append(inner)
        return tuple(found)

    @cached_property
    def truncated(self) -> bool:
        """Whether there are more sources than are looked at, or none."""
        return not self.sources or len(self.sources) >= MOST_SOURCES

    @cached_property
    def imports(self) -> Mapping[str, str]:
        """Every path that the sources import, with its origin."""
        found: dict[str, str] = {}
        for source in self.sources:
            found = {**dict(source.imports), **found}
        return found

    @property
    def cgo(self) -> str | None:
        """Where the sources themselves call C."""
        return self.imports.get("C")

    @property
    def server(self) -> Server:
        """What the program serves, reads and writes."""
        key = ("go server", self.folder, self.files)
        return self.app.once(key, lambda: goserver.server(self.sources, truncated=self.truncated))


def program(app: App, build: Build) -> Program | None:
    """The program of a build; ``None`` where its package cannot be told.

    Args:
        app: the facts of the build context.
        build: what a command builds.
    """
    if build.folder is None:
        return None
    files = tuple(package for package in build.packages if package.endswith(".go"))
    if files and len(files) == len(build.packages):
        folders = {posixpath.dirname(join(build.folder, name)) for name in files}
        if len(folders) > 1:
            return None
        folder = folders.pop()
        return Program(app, folder, tuple(map(posixpath.basename, files)), modules(app, folder))
    target = build.packages[0] if build.packages else "."
    if len(build.packages) > 1 or "..." in target:
        return None
    around = modules(app, build.folder)
    if target.startswith((".", "/")):
        inside = posixpath.relpath(target, build.workdir) if target.startswith("/") else target
        folder = join(build.folder, inside)
    else:
        found = next((f for module in around if (f := module.package(target)) is not None), None)
        if found is None:
            return None
        folder = found
    return Program(app, folder, (), around or modules(app, folder)) if app.root.is_dir(folder) else None


def modules(app: App, folder: str) -> tuple[Module, ...]:
    """The module around a folder, and those of the context that stand in for others or share its workspace."""
    return app.once(("go modules", folder), lambda: tuple(_modules(app, folder)))


def _modules(app: App, folder: str) -> Iterator[Module]:
    own = module_at(app, folder)
    if own is None:
        return
    yield own
    around = workspace(app, own.folder)
    members = (*own.local, *(around.members if around is not None else ()))
    for path in dict.fromkeys(fact.value for fact in members if fact.value != own.folder):
        found = gomod.module(app.root, path, app.context)
        if found is not None:
            yield found


def workspace(app: App, folder: str) -> Work | None:
    """The workspace that a folder of the context belongs to."""
    return gomod.work(app.root, folder, app.context)


def module_at(app: App, folder: str) -> Module | None:
    """The module in a folder of the context or in the nearest one above it."""
    while True:
        found = gomod.module(app.root, folder, app.context)
        if found is not None or not folder:
            return found
        folder = posixpath.dirname(folder)


def builds(app: App, running: Running, path: str) -> Iterator[Build]:
    """The Go builds of the stage from which a file of the image comes, those that make it alone."""
    place = running.trace(path)
    yield from (build for build in builds_among(app, place.ran) if _makes(build, place.path))


def builds_among(app: App, commands: Iterable[Ran]) -> Iterator[Build]:
    """The Go builds among the commands of a stage."""
    for ran in commands:
        if not gobuild.builds(ran.words):
            continue
        own = module_at(app, ran.folder) if ran.folder is not None else None
        root = own.path if own is not None and own.folder == ran.folder else None
        build = gobuild.build_of(ran, root)
        if build is not None:
            yield build


def _makes(build: Build, path: str) -> bool:
    return build.output == path or bool(re.search(r"[*?\[]", path) and posixpath.dirname(path) == build.output)


def server_of(app: App, running: Running) -> Server | None:
    """What a program serves, if a Go command of the file has built it, or runs it."""
    found = running_program(app, running)
    return found.server if found is not None else None


def running_program(app: App, running: Running) -> Program | None:
    """The Go program that runs; ``None`` where it is none that the file builds."""
    name = running.words[0]
    if posixpath.basename(name) == "go":
        return _run(app, running)
    folders = running.environment.get("PATH", "").split(":") if "/" not in name else [""]
    for folder in folders:
        for build in builds(app, running, posixpath.join(folder, name)):
            found = program(app, build)
            if found is not None:
                return found
    return None


def _run(app: App, running: Running) -> Program | None:
    """The program of ``go run``."""
    if running.words[1:2] != ("run",):
        return None
    options, rest = gobuild.split(running.words[2:])
    files = tuple(word for word in rest if word.endswith(".go"))
    packages = files if rest[:1] == files[:1] and files else rest[:1]
    build = gobuild.Build("", packages, tuple(options), running.environment, running.workdir, running.folder)
    return program(app, build)


def _source(app: App, path: str, data: bytes) -> GoSource:
    return app.once(("go source", path), lambda: GoSource(app.origin(path), data))


def required(found: Program) -> tuple[Fact[str], ...]:
    """The modules of others that the program may be built with, each with its origin."""
    own = {module.path for module in found.modules}
    named = {fact.value: fact for module in found.modules for fact in module.requires}
    for module in found.modules:
        if not module.complete:
            origin = f"{posixpath.dirname(module.origin)}/go.sum".lstrip("/")
            summed = gomod.sums(found.app.root, module.folder)
            named = {**{path: Fact(path, origin) for path in sorted(summed)}, **named}
    return tuple(fact for path, fact in named.items() if path not in own)


def complete(found: Program) -> bool:
    """Whether :func:`required` has every module."""
    return all(
        module.complete or not module.requires or found.app.root.exists(join(module.folder, "go.sum"))
        for module in found.modules
    )
