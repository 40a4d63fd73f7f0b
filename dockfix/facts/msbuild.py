"""Projects of .NET: what their files, and the files that MSBuild reads beside them, say.

https://learn.microsoft.com/dotnet/core/project-sdk/msbuild-props has the properties. Files are read as XML and no
condition is evaluated: where one would matter, the fact is absent.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from functools import cached_property
from posixpath import dirname
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join, normal
from dockfix.facts.xmltext import tree
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from dockfix.facts.app import App
    from dockfix.facts.files import Files

PROJECTS = (".csproj", ".fsproj", ".vbproj")
SOLUTIONS = (".sln", ".slnx")
AROUND = (
    *("Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json"),
    *("NuGet.config", "nuget.config", "NuGet.Config"),
)
"""Files that a restore looks for in the folder of a project and in all above it:
https://learn.microsoft.com/visualstudio/msbuild/customize-by-directory"""
NATIVE = ("SelfContained", "PublishSingleFile", "PublishAot", "PublishReadyToRun", "RuntimeIdentifier", "UseAppHost")
"""Properties that decide in what form an app is published."""
_WALKED = 5000
_SOLUTION = re.compile(r'^Project\("[^"]*"\)\s*=\s*"[^"]*",\s*"([^"]+proj)"', re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """A project file.

    Attributes:
        path: its path in the build context.
        sdk: what kind of app it makes, such as ``Microsoft.NET.Sdk.Web``; empty for the old format.
        assembly: the name of what it makes, without ``.dll``.
        references: paths of the projects that it builds upon; ``None`` where one depends on a variable.
        packages: the NuGet packages that it names.
        frameworks: what it is built for (``net8.0``).
        properties: every property with its text, those of ``Directory.Build.props`` above it included.
        imports: whether it takes in files of its own choice.
        uses_web: whether it asks for ASP.NET's shared framework by name.
    """

    path: str
    sdk: Fact[str]
    assembly: Fact[str]
    references: tuple[str, ...] | None
    packages: tuple[Fact[str], ...]
    frameworks: tuple[Fact[str], ...]
    properties: Mapping[str, str] = field(default_factory=dict)
    imports: bool = False
    uses_web: bool = False

    @property
    def folder(self) -> str:
        """The folder in which it lies."""
        return dirname(self.path)


class Solution:
    """The projects of a build context.

    Args:
        app: the facts of the build context.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self.root: Files = app.root
        self._read: dict[str, Project | None] = {}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All project files, without those in folders of build output."""
        walked = (path for path in self.root.walk("", _WALKED) if path.endswith(PROJECTS))
        return tuple(path for path in walked if not {"bin", "obj"} & set(path.split("/")))

    def project(self, path: str) -> Project | None:
        """The project at a path of the build context; ``None`` where there is none that can be read."""
        if path not in self._read:
            self._read[path] = _project(self.app, path)
        return self._read[path]

    def named(self, assembly: str) -> Project | None:
        """The one project that makes *assembly*."""
        found = [p for path in self.paths if (p := self.project(path)) is not None and p.assembly.value == assembly]
        return found[0] if len(found) == 1 else None

    def closure(self, project: Project) -> tuple[Project, ...] | None:
        """A project and all that it builds upon; ``None`` where one of those cannot be told or read."""
        found: dict[str, Project] = {}
        waiting = [project.path]
        while waiting:
            path = waiting.pop(0)
            each = self.project(path)
            if each is None or each.references is None:
                return None
            if path not in found:
                found[path] = each
                waiting += each.references
        return tuple(found.values())

    def around(self, folder: str) -> Iterator[str]:
        """The files above a project, and beside it, that a restore reads."""
        place = folder
        while True:
            for name in AROUND:
                path = join(place, name)
                if self.root.exists(path):
                    yield path
            if not place:
                break
            place = dirname(place)
        lock = join(folder, "packages.lock.json")
        if self.root.exists(lock):
            yield lock

    def members(self, path: str) -> tuple[str, ...] | None:
        """The projects of a solution file; ``None`` where it cannot be read."""
        data = self.root.read(path)
        if data is None:
            return None
        text = data.decode("utf-8-sig", "replace")
        names = _SOLUTION.findall(text) if path.endswith(".sln") else re.findall(r'<Project\s[^>]*Path="([^"]+)"', text)
        return tuple(beside(path, name) or name for name in names)


def solution_of(app: App) -> Solution:
    """The projects of *app*'s build context, which is searched for them once."""
    return app.once("msbuild", lambda: Solution(app))


def beside(path: str, name: str) -> str | None:
    """A path as a project file writes it, from the root of the build context; ``None`` where it leaves that."""
    written = name.replace("\\", "/")
    return normal(posixpath.join(dirname(path), written))


def _project(app: App, path: str) -> Project | None:
    data = app.root.read(path)
    top = tree(data)
    if data is None or top is None:
        return None
    properties = {**_inherited(app.root, dirname(path)), **_properties(top)}
    named = [item.get("Include") or "" for item in top.iter() if item.tag == "ProjectReference"]
    references = tuple(beside(path, name) for name in named if name)
    stem = posixpath.splitext(posixpath.basename(path))[0]
    assembly = properties.get("AssemblyName", stem)
    targets = [name for key in ("TargetFramework", "TargetFrameworks") for name in properties.get(key, "").split(";")]
    sdk = top.get("Sdk") or next((item.get("Name") or "" for item in top.iter() if item.tag == "Sdk"), "")
    packages = [(item.get("Include") or "") for item in top.iter() if item.tag == "PackageReference"]
    frameworks = [(item.get("Include") or "") for item in top.iter() if item.tag == "FrameworkReference"]
    sure = all(reference is not None for reference in references) and not any("$(" in name for name in named)
    return Project(
        path,
        _fact(app, path, data, sdk.partition("/")[0]),
        _fact(app, path, data, stem if "$(" in assembly else assembly),
        tuple(reference for reference in references if reference is not None) if sure else None,
        tuple(_fact(app, path, data, name) for name in packages if name),
        tuple(_fact(app, path, data, name.strip()) for name in targets if name.strip()),
        properties,
        any(item.tag == "Import" for item in top.iter()),
        any(name.startswith("Microsoft.AspNetCore") for name in frameworks),
    )


def _fact(app: App, path: str, data: bytes, text: str) -> Fact[str]:
    """*text* with the line that holds it."""
    at = data.find(text.encode()) if text else 0
    return Fact(text, app.origin(path, line_of(data, max(at, 0))))


def _properties(top: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in top.iter():
        if group.tag == "PropertyGroup" and group.get("Condition") is None:
            found |= {item.tag: (item.text or "").strip() for item in group if item.get("Condition") is None}
    return found


def _inherited(root: Files, folder: str) -> dict[str, str]:
    """The properties of the nearest ``Directory.Build.props``, which is the only one that MSBuild takes by itself."""
    place = folder
    while True:
        top = tree(root.read(join(place, "Directory.Build.props")))
        if top is not None:
            return _properties(top)
        if not place:
            return {}
        place = dirname(place)
