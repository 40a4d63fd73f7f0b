"""What ``pyproject.toml`` says, in the words of PEP 621, Poetry and uv, and the tables that Pipenv writes alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dockfix.facts import requirement
from dockfix.facts.fact import Fact
from dockfix.facts.requirement import Requirement, normalised
from dockfix.text import line_of


@dataclass(frozen=True, slots=True)
class Project:
    """What ``pyproject.toml`` says.

    Attributes:
        path: the file, relative to the build context.
        name: the project's normalised name.
        dependencies: what the app itself needs; PEP 621 and Poetry spellings alike.
        groups: names of the dependency groups and extras.
        optional: the requirements of those.
        local: dependencies by path, workspace or repository.
        members: patterns of workspace members (uv).
        readme: the file that a build of the project reads.
        backend: the build backend; absent where only tools are configured.
        build_requires: what building the project needs.
        scripts: console scripts, name → ``module:function``.
        requires_python: the Python versions wanted.
        package: whether the project itself is installed.
        tools: names of the tables under ``[tool]``.
        compiled: packages of which uv may take no wheel, ``:all:`` for every one.
    """

    path: str
    name: str = ""
    dependencies: tuple[Requirement, ...] = ()
    groups: tuple[str, ...] = ()
    optional: tuple[Requirement, ...] = ()
    local: tuple[Fact[str], ...] = ()
    members: tuple[str, ...] = ()
    readme: tuple[Fact[str], ...] = ()
    backend: Fact[str] | None = None
    build_requires: tuple[Requirement, ...] = ()
    scripts: Mapping[str, Fact[str]] | None = None
    requires_python: Fact[str] | None = None
    package: bool = False
    tools: frozenset[str] = frozenset()
    compiled: tuple[str, ...] = ()


def read(data: Mapping[str, Any], path: str, content: str, prefix: str) -> Project:
    """What a parsed ``pyproject.toml`` says.

    Args:
        data: the parsed file.
        path: where it lies in the build context.
        content: its text, from which lines are told.
        prefix: what origins put before the path.
    """
    place = f"{prefix}{path}"

    def origin(wanted: str) -> str:
        return f"{place}:{_line(content, wanted)}"

    def listed(items: object, group: str = "") -> list[Requirement]:
        lines = items if isinstance(items, list) else []
        found = (requirement.parse(item, origin(item), group) for item in lines if isinstance(item, str))
        return [item for item in found if item is not None]

    def table(*keys: str) -> Mapping[str, Any]:
        node: Any = data
        for key in keys:
            node = node.get(key, {}) if isinstance(node, dict) else {}
        return node if isinstance(node, dict) else {}

    project, poetry, uv = table("project"), table("tool", "poetry"), table("tool", "uv")
    dependencies = listed(project.get("dependencies"))
    dependencies += requirements(poetry.get("dependencies"), content, place)
    optional: list[Requirement] = []
    extras, groups, poetry_groups = (
        table("project", "optional-dependencies"),
        table("dependency-groups"),
        table("tool", "poetry", "group"),
    )
    for name, items in (*extras.items(), *groups.items()):
        optional += listed(items, name)
    for name, items in poetry_groups.items():
        optional += requirements(items.get("dependencies") if isinstance(items, dict) else None, content, place, name)
    optional += requirements(poetry.get("dev-dependencies"), content, place, "dev")
    optional += listed(uv.get("dev-dependencies"), "dev")
    local = [Fact(item.url, item.origin) for item in (*dependencies, *optional) if item.url]
    for name, where in table("tool", "uv", "sources").items():
        for entry in where if isinstance(where, list) else [where]:
            if isinstance(entry, dict):
                target = next((str(entry[key]) for key in ("path", "git", "url") if key in entry), "")
                if target or entry.get("workspace"):
                    local.append(Fact(target or f"workspace:{name}", origin(name)))
    build = table("build-system")
    build_requires = listed(build.get("requires"))
    backend = build.get("build-backend", "setuptools.build_meta" if build else None)
    scripts = {
        name: Fact(target, origin(name))
        for source in (project.get("scripts"), poetry.get("scripts"))
        for name, target in (source.items() if isinstance(source, dict) else ())
        if isinstance(target, str)
    }
    python_wanted = project.get("requires-python") or _version_text(
        table("tool", "poetry", "dependencies").get("python")
    )
    return Project(
        path=path,
        name=normalised(str(project.get("name") or poetry.get("name") or "")),
        dependencies=tuple(item for item in dependencies if item.name != "python"),
        groups=tuple(dict.fromkeys((*extras, *groups, *poetry_groups))),
        optional=tuple(optional),
        local=tuple(dict.fromkeys(local)),
        members=tuple(
            str(item) for item in table("tool", "uv", "workspace").get("members", ()) if isinstance(item, str)
        ),
        readme=tuple(Fact(name, origin("readme")) for name in _readme(project, poetry)),
        backend=Fact(str(backend), origin("build-backend")) if backend else None,
        build_requires=tuple(build_requires),
        scripts=scripts,
        requires_python=Fact(str(python_wanted), origin("python")) if python_wanted else None,
        package=_installed(project, poetry, uv, build),
        tools=frozenset(table("tool")),
        compiled=tuple(_compiled(uv)),
    )


def _compiled(uv: Mapping[str, Any]) -> Iterator[str]:
    """https://docs.astral.sh/uv/reference/settings/#no-binary-package"""
    if uv.get("no-binary") is True:
        yield ":all:"
    names = uv.get("no-binary-package")
    yield from (str(name) for name in (names if isinstance(names, list) else ()))


def _installed(
    project: Mapping[str, Any], poetry: Mapping[str, Any], uv: Mapping[str, Any], build: Mapping[str, Any]
) -> bool:
    """Whether ``uv sync`` or ``poetry install`` installs the project itself.

    uv installs a project that names a build system or says ``package = true``
    (https://docs.astral.sh/uv/concepts/projects/config/#project-packaging); Poetry every one without
    ``package-mode = false`` (https://python-poetry.org/docs/basic-usage/#operating-modes).
    """
    if poetry:
        return poetry.get("package-mode", True) is not False
    if isinstance(uv.get("package"), bool):
        return bool(uv["package"])
    return bool(build) and bool(project)


def _readme(project: Mapping[str, Any], poetry: Mapping[str, Any]) -> Iterator[str]:
    for value in (project.get("readme"), poetry.get("readme")):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict) and isinstance(value.get("file"), str):
            yield value["file"]
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, str))


def _version_text(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("version", "")
    return value if isinstance(value, str) else ""


def requirements(items: object, content: str, place: str, group: str = "") -> Iterator[Requirement]:
    """Dependencies in a table, as Poetry and Pipenv write them: ``name = "^1.2"`` or ``name = {version = …}``."""
    for name, value in items.items() if isinstance(items, dict) else ():
        for entry in value if isinstance(value, list) else [value]:
            spec = _version_text(entry)
            options = entry if isinstance(entry, dict) else {}
            url = next((str(options[key]) for key in ("path", "git", "url", "file") if key in options), "")
            pin = re.match(r"^={2,3}[ \t]*([^\s,*]+)$", spec)
            exact = re.match(r"^\d+(?:\.\d+)+$", spec)  # a bare version is exact in Poetry's tables
            extras = options.get("extras", [])
            match = re.search(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=", content, re.MULTILINE)
            line = line_of(content, match.start()) if match is not None else 1
            yield Requirement(
                name=normalised(name),
                version=pin[1] if pin is not None else exact[0] if exact is not None else None,
                spec="" if spec == "*" else spec,
                extras=tuple(sorted(map(str, extras))) if isinstance(extras, list) else (),
                marker=str(options.get("markers", "")),
                origin=f"{place}:{line}",
                url=url,
                group=group or ("optional" if options.get("optional") else ""),
            )


def _line(content: str, wanted: str) -> int:
    found = content.find(wanted)
    return line_of(content, found) if found >= 0 else 1
