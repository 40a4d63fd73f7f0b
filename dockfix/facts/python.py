"""What a Python app says of itself: its requirements, its lock files, its project file, the server that it runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from dockfix.facts import pylock, requirement
from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files, text
from dockfix.facts.requirement import Requirement, RequirementFile, normalised
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.pyproject import Project
    from dockfix.facts.pyserver import PyServer
    from dockfix.facts.pysources import Sources
    from dockfix.facts.pytools import Tools

__all__ = ["Manager", "Python", "Requirement", "read"]

Manager = Literal["pip", "poetry", "uv", "pipenv", "pdm", "conda", "setuptools"]

MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "environment.yml", "environment.yaml")
_REQUIREMENTS = re.compile(r"(?:^|/)(?:[\w.-]*requirements?[\w.-]*|reqs?|constraints?)\.(?:txt|in|pip)$", re.IGNORECASE)
_DEVELOPMENT = re.compile(r"dev|test|lint|doc|ci\b|local|debug|qa|type", re.IGNORECASE)
_FRAMEWORKS = (
    "django", "fastapi", "flask", "streamlit", "gradio", "dash", "quart", "sanic", "litestar", "starlette", "aiohttp",
    "tornado", "falcon", "bottle", "chainlit", "nicegui", "celery",
)  # fmt: skip
_TESTS = re.compile(r"(?:^|/)(?:tests?|testing|conftest\.py|test_[^/]*\.py|[^/]*_tests?\.py)(?:/|$)")


class Python:
    """Facts of the Python app in a build context, each worked out when first asked for.

    Args:
        root: the build context.
        prefix: its path in the repository, for origins.
    """

    def __init__(self, root: Files, prefix: str = "") -> None:
        self.root = root
        self.context = prefix
        self._prefix = f"{prefix}/" if prefix not in ("", ".") else ""
        self._found: list[Problem] = []
        self._files: dict[str, RequirementFile] = {}

    # -- manifests

    @cached_property
    def requirement_paths(self) -> tuple[str, ...]:
        """Requirements files of the context's top and of a ``requirements`` folder there, the usual one first."""
        names = [name for name in self.root.list() if _REQUIREMENTS.search(name) and not self.root.is_dir(name)]
        for folder in ("requirements", "reqs", "deps"):
            names += [f"{folder}/{name}" for name in self.root.list(folder) if name.endswith((".txt", ".in", ".pip"))]
        return tuple(
            sorted(names, key=lambda name: (name != "requirements.txt", bool(_DEVELOPMENT.search(name)), name))
        )

    def requirement_file(self, path: str) -> RequirementFile:
        """What the requirements file *path* itself says; empty where there is none."""
        path = posixpath.normpath(path)
        if path not in self._files:
            self._files[path] = requirement.read(self.root, path, self._prefix)
            self._found += self._files[path].problems
        return self._files[path]

    def requirement_files(self, path: str) -> tuple[str, ...]:
        """*path* and every file that it reaches by ``-r`` and ``-c``, missing ones included, in the order reached."""
        reached: dict[str, None] = {}
        pending = [posixpath.normpath(path)]
        while pending:
            current = pending.pop(0)
            if current not in reached:
                reached[current] = None
                pending += [include.value for include in self.requirement_file(current).includes]
        return tuple(reached)

    def requirements_of(self, path: str) -> tuple[Requirement, ...]:
        """The packages that ``pip install -r path`` asks for, with versions from constraints where those pin."""
        constraints: dict[str, str] = {}
        found: list[Requirement] = []
        only_constrain = {
            item for name in self.requirement_files(path) for item in self.requirement_file(name).constraints
        }
        for name in self.requirement_files(path):
            for item in self.requirement_file(name).requirements:
                if name in only_constrain:
                    if item.version is not None:
                        constraints[item.name] = item.version
                else:
                    found.append(item)
        return tuple(
            replace(item, version=constraints[item.name]) if item.version is None and item.name in constraints else item
            for item in _unique(found)
        )

    def local_of(self, path: str) -> tuple[Fact[str], ...]:
        """What ``pip install -r path`` installs that is not from an index, as written."""
        return tuple(fact for name in self.requirement_files(path) for fact in self.requirement_file(name).local)

    @cached_property
    def project(self) -> Project | None:
        """``pyproject.toml`` of the context's top."""
        return self.project_at("")

    def project_at(self, folder: str) -> Project | None:
        """``pyproject.toml`` of *folder*; ``None`` where there is none or it cannot be read."""
        path = posixpath.join(folder, "pyproject.toml")
        data = pylock.toml(self.root, path)
        if isinstance(data, Problem):
            self._found.append(Problem(f"{self._prefix}{data.origin}", data.message))
            return None
        if data is None:
            return None
        from dockfix.facts import pyproject

        return pyproject.read(data, path, text(self.root, path) or "", self._prefix)

    @cached_property
    def lock(self) -> Fact[str] | None:
        """The lock file of the context's top."""
        for name in pylock.FILES:
            if self.root.exists(name):
                return Fact(name, f"{self._prefix}{name}")
        return None

    @cached_property
    def locked(self) -> tuple[Requirement, ...]:
        """Every package of the lock file, transitive ones included."""
        if self.lock is None:
            return ()
        found = pylock.read(self.root, self.lock.value, self._prefix)
        if isinstance(found, Problem):
            self._found.append(found)
            return ()
        return found

    @cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """What the app asks for, with locked versions; development-only files and groups are left out."""
        found: list[Requirement] = []
        for path in self.requirement_paths:
            if not _DEVELOPMENT.search(path) and not path.endswith(".in") and "constraint" not in path:
                found += self.requirements_of(path)
        if self.project is not None:
            found += self.project.dependencies
        found += self._pipfile
        found += self._conda[0]
        found += self._setup
        locked: dict[str, dict[str, Requirement]] = {}
        for item in self.locked:
            if item.version is not None:
                locked.setdefault(item.name, {}).setdefault(item.version, item)
        return tuple(_settled(item, tuple(locked.get(item.name, {}).values())) for item in _unique(found))

    def requirement(self, name: str) -> Requirement | None:
        """The requirement called *name*, or the locked package where the app asks for it only through others."""
        name = normalised(name)
        direct = next((item for item in self.requirements if item.name == name), None)
        return direct or next((item for item in self.locked if item.name == name and not item.group), None)

    @cached_property
    def local(self) -> tuple[Fact[str], ...]:
        """Everything that the manifests install and that is not from an index, as written."""
        found = [fact for path in self.requirement_paths for fact in self.local_of(path)]
        if self.project is not None:
            found += self.project.local
        found += [Fact(item.url, item.origin) for item in self._pipfile if item.url]
        return tuple(dict.fromkeys(found))

    @cached_property
    def conda(self) -> tuple[Requirement, ...]:
        """The conda packages of ``environment.yml``; its pip section is among :attr:`requirements`."""
        return self._conda[1]

    @cached_property
    def manager(self) -> Manager:
        """The package manager, judged by lock file, then by project file, then by requirements file."""
        tools = self.project.tools if self.project is not None else frozenset()
        exists = self.root.exists
        if exists("uv.lock"):
            return "uv"
        if exists("poetry.lock") or "poetry" in tools:
            return "poetry"
        if exists("pdm.lock"):
            return "pdm"
        if exists("Pipfile.lock") or exists("Pipfile"):
            return "pipenv"
        if self.requirement_paths:
            return "pip"
        if "uv" in tools:
            return "uv"
        if exists("environment.yml") or exists("environment.yaml"):
            return "conda"
        return "setuptools" if exists("setup.py") or exists("setup.cfg") or self.project is not None else "pip"

    @cached_property
    def framework(self) -> Fact[str] | None:
        """The web or task framework that the requirements name, the most telling one; else the one imported."""
        named = {item.name: item.origin for item in (*self.locked, *self.requirements) if not item.group}
        direct = {item.name: item.origin for item in self.requirements}
        for known in (direct, named):
            for framework in _FRAMEWORKS:
                if framework in known:
                    return Fact(framework, known[framework])
        imported = {fact.value: fact.origin for fact in self.imports}
        return next((Fact(name, imported[name]) for name in _FRAMEWORKS if name in imported), None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read up to now, each once. Ask last: facts, and so their problems, come on demand."""
        return tuple(dict.fromkeys((*self._found, *self.sources.problems)))

    # -- sources

    @cached_property
    def sources(self) -> Sources:
        """The Python sources, parsed on demand."""
        from dockfix.facts.pysources import Sources

        return Sources(self.root, self.context)

    @cached_property
    def source_paths(self) -> tuple[str, ...]:
        """Python files of the context, tests left out."""
        return tuple(path for path in self.root.walk() if path.endswith(".py") and not _TESTS.search(path))

    @cached_property
    def imports(self) -> tuple[Fact[str], ...]:
        """Third-party modules that the sources import, by their top name.

        A module is not a distribution: ``cv2`` comes from opencv-python, ``yaml`` from PyYAML.
        """
        from dockfix.facts.pyimports import third_party

        return third_party(self.sources, self.source_paths)

    @property
    def tools(self) -> tuple[Fact[str], ...]:
        """Programs that any source calls through ``subprocess`` and the like."""
        return self._called.known

    @property
    def lines(self) -> tuple[Fact[str], ...]:
        """The calls of programs by any source, as a shell would be given them."""
        return self._called.lines

    @cached_property
    def _called(self) -> Tools:
        from dockfix.facts.pytools import tools

        return tools(self.sources, self.source_paths)

    def server_of(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, folder: str | None = None
    ) -> PyServer:
        """What *command* starts.

        Args:
            command: the start command's words.
            environment: environment variables that the image sets.
            folder: the folder of the context that is the working directory in the image; found by the entry where
                it is not given.
        """
        from dockfix.facts.pyserver import Environment, server_of

        given = environment or {}
        known = self._servers.setdefault((tuple(command), folder), [])
        for asked, server in known:
            if all(given.get(name) == value for name, value in asked.items()):
                return server
        recorded = Environment(given)
        server = server_of(self, command, recorded, folder)
        known.append((recorded.asked, server))
        return server

    @cached_property
    def _servers(self) -> dict[tuple[object, ...], list[tuple[Mapping[str, str | None], PyServer]]]:
        return {}

    # -- other manifests

    @cached_property
    def _pipfile(self) -> tuple[Requirement, ...]:
        data = pylock.toml(self.root, "Pipfile")
        if isinstance(data, Problem):
            self._found.append(Problem(f"{self._prefix}{data.origin}", data.message))
        if not isinstance(data, dict):
            return ()
        from dockfix.facts import pyproject

        content = text(self.root, "Pipfile") or ""
        return tuple(pyproject.requirements(data.get("packages"), content, f"{self._prefix}Pipfile"))

    @cached_property
    def _conda(self) -> tuple[tuple[Requirement, ...], tuple[Requirement, ...]]:
        from dockfix.facts import yamltext

        pip: list[Requirement] = []
        conda: list[Requirement] = []
        for name in ("environment.yml", "environment.yaml"):
            documents = yamltext.read(self.root, name)
            if isinstance(documents, Problem):
                self._found.append(Problem(f"{self._prefix}{documents.origin}", documents.message))
                continue
            listed = documents[0].at("dependencies") if documents else None
            for entry in listed.values() if listed is not None else ():
                if entry.scalar is not None:
                    name_, _, spec = entry.scalar.rpartition("::")[2].partition("=")
                    version = spec.strip("=").partition("=")[0] or None
                    origin = f"{self._prefix}{entry.origin}"
                    conda.append(Requirement(normalised(name_.strip()), version, spec, (), "", origin))
                for item in (entry.at("pip") or entry).values():
                    found = requirement.parse(item.scalar or "", f"{self._prefix}{item.origin}")
                    if found is not None:
                        pip.append(found)
        return tuple(pip), tuple(conda)

    @cached_property
    def _setup(self) -> tuple[Requirement, ...]:
        found: list[Requirement] = []
        content = text(self.root, "setup.cfg")
        if content is not None:
            match = re.search(r"^install_requires[ \t]*=(.*(?:\n(?:[ \t]+.*|[ \t]*))*)", content, re.MULTILINE)
            for offset, line in enumerate(match[1].split("\n") if match is not None else ()):
                start = line_of(content, match.start()) if match is not None else 1
                if line.strip() and not line.strip().startswith("#"):
                    item = requirement.parse(line, f"{self._prefix}setup.cfg:{start + offset}")
                    found += [item] if item is not None else []
        if self.root.exists("setup.py"):
            found += self._setup_py()
        return tuple(found)

    def _setup_py(self) -> Iterator[Requirement]:
        from dockfix.facts.pytree import argument
        from dockfix.facts.pyvalue import Evaluator

        source = self.sources.source("setup.py")
        if source is None:
            return
        evaluator = Evaluator(self.sources, ("",), {})
        for site in source.calls:
            if evaluator.canonical(source, site.node.func).rpartition(".")[2] != "setup":
                continue
            listed = argument(site.node, None, "install_requires")
            value = evaluator.value(source, site.scope, listed)
            for item in value if isinstance(value, tuple) else ():
                if isinstance(item, str) and (found := requirement.parse(item, source.origin(site, listed))):
                    yield found


def read(root: Files, prefix: str = "") -> Python | None:
    """The Python facts of a build context; ``None`` where it has neither a manifest nor a Python source.

    Args:
        root: the build context.
        prefix: its path in the repository, for origins.
    """
    python = Python(root, prefix)
    if any(root.exists(name) for name in (*MANIFESTS, *pylock.FILES)) or python.requirement_paths:
        return python
    for path in root.walk(limit=5000):
        if path.endswith(".py") or _REQUIREMENTS.search(path):
            return python
    return None


def _unique(items: Sequence[Requirement]) -> tuple[Requirement, ...]:
    first: dict[tuple[str, str, str | None], Requirement] = {}
    for item in items:
        known = first.get((item.name, item.marker, None)) or first.get((item.name, item.marker, item.version))
        if known is None:
            first[(item.name, item.marker, item.version)] = item
    pinned = {item.name for item in first.values() if item.version is not None}
    return tuple(item for item in first.values() if item.version is not None or item.marker or item.name not in pinned)


def _settled(item: Requirement, locked: Sequence[Requirement]) -> Requirement:
    """What the app asks for with the version of the lock, where that has one alone."""
    if len(locked) != 1 or item.version not in {None, locked[0].version}:
        return item
    return replace(item, version=locked[0].version, files=locked[0].files)
