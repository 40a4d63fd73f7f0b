"""Maven and Gradle projects: what pom.xml and build.gradle say of the archive that they make."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import decoded, join, text
from dockfix.facts.xmltext import tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from dockfix.facts.files import Files

_OLD_BOOT = re.compile(r"spring-boot[\w-]*(?:</artifactId>\s*<version>|[\w-]*:|[\"']\)?\s*version\s*[\"'(]*)1\.")

FAT = {
    "spring-boot-maven-plugin": "Spring Boot",
    "org.springframework.boot": "Spring Boot",
    "maven-shade-plugin": "the shade plugin",
    "com.github.johnrengelman.shadow": "the shadow plugin",
    "com.gradleup.shadow": "the shadow plugin",
    "io.micronaut.application": "Micronaut",
}
"""Plugins that make an archive which needs nothing beside it, by artifact or plugin id."""

GRADLE = ("build.gradle.kts", "build.gradle")
_COMMENT = re.compile(r"/\*.*?\*/|(?<!:)//[^\n]*", re.S)


@dataclass(frozen=True, slots=True)
class JavaProject:
    """A project.

    Attributes:
        folder: where its build file lies, from the build context's root.
        tool: ``mvn`` or ``gradle``.
        origin: the build file.
        dependencies: ``group:artifact`` of what it asks for, test dependencies left out.
        plugins: the plugins of its build, by artifact or plugin id.
        modules: folders of its modules.
        archive: the path of the archive that a build makes, from the project's folder; ``None``: not known.
        local: what lies among the sources and a build fetches from there, such as a jar.
        parent: another build file of the context that is its parent, from the context's root; ``None``: there is none.
        repositories: a repository of its own from which it fetches.
        old_boot: whether it is built on Spring Boot 1, whose routes have other names.
    """

    folder: str
    tool: str
    origin: str
    dependencies: tuple[Fact[str], ...]
    plugins: tuple[Fact[str], ...]
    modules: tuple[Fact[str], ...]
    archive: str | None
    local: Fact[str] | None
    parent: str | None
    repositories: Fact[str] | None = None
    old_boot: bool = False

    def dependency(self, *starts: str) -> Fact[str] | None:
        """The first dependency that begins with one of *starts*."""
        return next((fact for fact in self.dependencies if fact.value.startswith(starts)), None)

    @property
    def fat(self) -> str | None:
        """What makes the archive complete in itself; ``None`` where nothing is known to."""
        return next((FAT[fact.value] for fact in self.plugins if fact.value in FAT), None)


def project(root: Files, folder: str, context: str) -> JavaProject | None:
    """The project in a folder of the context; ``None`` where there is none, or its build file cannot be read."""
    data = root.read(join(folder, "pom.xml"))
    if data is not None:
        return _maven(root, folder, join(context, join(folder, "pom.xml")), data)
    for name in GRADLE:
        source = text(root, join(folder, name))
        if source is not None:
            return _gradle(root, folder, join(context, join(folder, name)), source)
    return None


# -- Maven: https://maven.apache.org/pom.html --------------------------------------------------------------------------


def _maven(root: Files, folder: str, origin: str, data: bytes) -> JavaProject | None:
    top, source = tree(data), decoded(data)
    if top is None or top.tag != "project":
        return None
    properties = {each.tag: (each.text or "").strip() for each in top.iterfind("properties/*")}
    parent = top.find("parent")
    version = _text(top, "version") or (_text(parent, "version") if parent is not None else "")
    properties |= {
        "project.artifactId": _text(top, "artifactId"),
        "project.version": version,
        "revision": properties.get("revision", ""),
    }
    lines = source.splitlines()

    def where(word: str) -> str:
        number = next((number for number, line in enumerate(lines, 1) if f">{word}<" in line), 1)
        return f"{origin}:{number}"

    dependencies = [
        Fact(f"{_text(each, 'groupId')}:{_text(each, 'artifactId')}", where(_text(each, "artifactId")))
        for each in top.iterfind("dependencies/dependency")
        if _text(each, "scope") not in {"test", "provided"} and _text(each, "optional") != "true"
    ]
    plugins = [
        Fact(_text(each, "artifactId"), where(_text(each, "artifactId")))
        for each in top.iterfind("build/plugins/plugin")
    ]
    if _assembles(top):
        plugins.append(Fact("maven-shade-plugin", where("maven-assembly-plugin")))
    modules = [
        Fact((each.text or "").strip(), where((each.text or "").strip()))
        for places in ("modules/module", "profiles/profile/modules/module")
        for each in top.iterfind(places)
    ]
    system = next((each for each in top.iter("systemPath")), None)
    local = Fact((system.text or "").strip(), where((system.text or "").strip())) if system is not None else None
    near = next(
        (each for each in top.iter("url") if "basedir" in (each.text or "") or "file:" in (each.text or "")), None
    )
    if near is not None:
        local = local or Fact((near.text or "").strip(), where((near.text or "").strip()))
    relative = (
        _text(parent, "relativePath")
        if parent is not None and parent.find("relativePath") is not None
        else "../pom.xml"
    )
    above = join(folder, relative) if relative.endswith(".xml") else join(folder, f"{relative}/pom.xml")
    own = next(top.iterfind(".//repositories/repository/url"), None)
    return JavaProject(
        folder,
        "mvn",
        origin,
        tuple(dependencies),
        tuple(plugins),
        tuple(modules),
        _archive(top, properties),
        local,
        above if parent is not None and relative and root.exists(above) else None,
        Fact((own.text or "").strip(), where((own.text or "").strip())) if own is not None else None,
        _OLD_BOOT.search(source) is not None,
    )


def _text(element: Element, name: str) -> str:
    found = element.find(name)
    return (found.text or "").strip() if found is not None else ""


def _assembles(top: Element) -> bool:
    """Whether the assembly plugin makes a jar with all dependencies under the archive's own name."""
    for plugin in top.iterfind("build/plugins/plugin"):
        if _text(plugin, "artifactId") == "maven-assembly-plugin":
            named = list(plugin.iter("appendAssemblyId"))
            return any((each.text or "").strip() == "false" for each in named)
    return False


def _archive(top: Element, properties: dict[str, str]) -> str | None:
    """``target/NAME.jar``: https://maven.apache.org/pom.html#the-basebuild-element-set"""
    packaging = _text(top, "packaging") or "jar"
    name = _text(top, "build/finalName") or "${project.artifactId}-${project.version}"
    for _ in range(3):
        name = re.sub(r"\$\{([^}]+)\}", lambda match: properties.get(match[1]) or match[0], name)
    if packaging not in {"jar", "war"} or "$" in name or name.startswith("-") or name.endswith("-"):
        return None
    return f"target/{name}.{packaging}"


# -- Gradle: https://docs.gradle.org/current/userguide/java_plugin.html ------------------------------------------------


def _gradle(root: Files, folder: str, origin: str, source: str) -> JavaProject:
    plain = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    dependencies = [
        Fact(match[2], _line(origin, plain, match.start()))
        for match in re.finditer(
            r"\b(implementation|api|compile|runtimeOnly|runtime)\b[\s(]*[\"']([\w.-]+:[\w.-]+)", plain
        )
    ]
    plugins = [
        Fact(match[1], _line(origin, plain, match.start()))
        for match in re.finditer(r"\bid\b[\s(]*[\"']([\w.-]+)[\"']|apply\s+plugin:\s*[\"'](?:[\w.-]+)[\"']", plain)
        if match[1]
    ]
    settings = next(
        (s for name in ("settings.gradle", "settings.gradle.kts") if (s := text(root, join(folder, name)))), ""
    )
    settings = _COMMENT.sub(" ", settings)
    modules = [
        Fact(match[1].strip(":"), origin) for match in re.finditer(r"\binclude\b[\s(]*[\"']([\w:.-]+)", settings)
    ]
    named = re.search(r"rootProject\.name\s*=\s*[\"']([\w.-]+)", settings)
    version = re.search(r"^version\s*=?\s*[\"']([\w.-]+)[\"']", plain, re.M)
    own = re.search(r"archiveFileName\s*(?:=|\.set\()\s*[\"']([\w.-]+\.jar)[\"']", plain)
    archive = None
    if own is not None:
        archive = f"build/libs/{own[1]}"
    elif named is not None:
        archive = f"build/libs/{named[1]}{f'-{version[1]}' if version else ''}.jar"
    files = re.search(r"\bfile(?:s|Tree)\s*\(", plain)
    local = Fact("files", _line(origin, plain, files.start())) if files is not None else None
    names = (join(posixpath.dirname(folder), name) for name in ("settings.gradle", "settings.gradle.kts"))
    parent = next((path for path in names if root.exists(path)), None) if folder else None
    return JavaProject(
        folder,
        "gradle",
        origin,
        tuple(dependencies),
        tuple(plugins),
        tuple(modules),
        archive,
        local,
        parent,
        None,
        _OLD_BOOT.search(plain) is not None,
    )


def _line(origin: str, source: str, position: int) -> str:
    return f"{origin}:{source.count(chr(10), 0, position) + 1}"


def settings(root: Files, folder: str, context: str) -> Iterator[tuple[str, str, str]]:
    """The settings of an app that its archive carries: name, value and origin.

    From application.properties, application.yml and application.yaml in ``src/main/resources``, YAML's flattened.
    """
    base = join(folder, "src/main/resources")
    for name in root.list(base):
        if not re.fullmatch(r"(?:application|bootstrap)(?:-[\w-]+)?\.(?:properties|ya?ml)", name):
            continue
        path = join(base, name)
        profile = name.partition(".")[0].partition("-")[2]
        prefix = f"{profile}|" if profile else ""
        if name.endswith(".properties"):
            for number, line in enumerate((text(root, path) or "").splitlines(), 1):
                match = re.match(r"\s*([\w.\[\]-]+)\s*[=:]\s*(.*?)\s*$", line)
                if match is not None:
                    yield prefix + match[1], match[2], f"{join(context, path)}:{number}"
        else:
            yield from ((prefix + key, value, where) for key, value, where in _flat(root, path, context))


def _flat(root: Files, path: str, context: str) -> Iterator[tuple[str, str, str]]:
    from dockfix.facts.fact import Problem
    from dockfix.facts.yamltext import Yaml, parse

    documents = parse(text(root, path) or "", join(context, path))
    if isinstance(documents, Problem):
        return
    for number, document in enumerate(documents):
        pending: list[tuple[str, Yaml]] = [("", document)]
        for name, node in pending:
            if node.is_mapping:
                pending += [(f"{name}.{key}".lstrip("."), value) for key, value in node.items().items()]
            elif node.scalar is not None:
                # a later document belongs to a profile
                yield ("" if number == 0 else f"document{number}|") + name, node.scalar, node.origin
