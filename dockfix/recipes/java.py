"""Java programs: built by Maven or Gradle in one stage, run in another without them."""

from __future__ import annotations

import re
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.facts import java as facts
from dockfix.facts.javaproject import JavaProject, settings
from dockfix.model import origins
from dockfix.model.config import join
from dockfix.recipes import compiled
from dockfix.recipes.assets import assets
from dockfix.recipes.ecosystems import JAVA_RUNTIMES
from dockfix.recipes.parts import End
from dockfix.recipes.split import Split, UnfitError, listed
from dockfix.transform import Note

if TYPE_CHECKING:
    from dockfix.model import Model, StageModel, Step

BUILDERS = frozenset({"maven", "gradle"})
TOOLS = frozenset({"mvn", "mvnw", "gradle", "gradlew", "java", "dos2unix", "tr"})
VARIABLES = re.compile(r"MAVEN_\w+|MVN_\w+|GRADLE_\w+")
SOURCES = (
    *(
        "*.java",
        "*.kt",
        "*.kts",
        "*.scala",
        "*.groovy",
        "*.gradle",
        "pom.xml",
        "mvnw*",
        "gradlew*",
        "gradle.properties",
    ),
    *("*.jar", "*.class", "lombok.config", "system.properties", "checkstyle*.xml", "*.jks.example", "HELP.md"),
)
SOURCE_PLACE = re.compile(rb"[\"'](?:\./|/\w+/)?(src/main/(?:resources|webapp)[\w./-]*)")
"""A path of the sources in a text, which the archive does not bring along."""

MAVEN = re.compile(
    r"(?:.*-)?(?P<vendor>eclipse-temurin|amazoncorretto|openjdk|jdk|adoptopenjdk|sapmachine|ibmjava)-(?P<major>\d+)(?P<rest>.*)"
)
GRADLE = re.compile(r"(?:.*-)?jdk-?(?P<major>\d+)(?P<rest>.*)")


def split(model: Model) -> Split | None:
    """The stage taken apart; ``None`` where it builds and runs no Java program.

    Raises:
        UnfitError: something stands in the way.
    """
    stage = model.final
    if stage.image is None or stage.image.name not in BUILDERS | JAVA_RUNTIMES or not model.start.words:
        return None
    building = [step for step in stage.steps if _builds(step)]
    start = model.start.main
    if not building:
        return None
    compiled.check(model, TOOLS)
    compiled.root_builds(stage.steps)
    pattern = re.search(r"(?<=-jar )\s*\S*[*?]\S*", model.start.text)
    if pattern is not None:
        raise UnfitError(
            model.start.command, f"which archive {pattern[0].strip()} is, shows only when a container starts"
        )
    if start is None or basename(start[0]) != "java":
        what = "the start line" if start is None else basename(start[0])
        raise UnfitError(model.start.command, f"what {what} needs of the build tools cannot be told")
    name = facts.archive(start)
    if name is None:
        raise UnfitError(model.start.command, "java is not given one archive to run")
    project = running_project(model)
    if project is None:
        raise UnfitError(model.start.command, f"from which project {name} is built cannot be told")
    _check_archive(model, project, name)
    place = facts.matching(model.app, project, SOURCE_PLACE)
    if place is not None:
        raise UnfitError(None, f"the program reads its sources, {place.value[1:]} ({place.origin})")
    reference = _end_image(model, project)
    path = join(model.folder, name)
    found = assets(model, _texts(model, project), SOURCES, everything=False)
    carried = [path, *(each for each in found.carried if not _of_build(model, each))]
    end = End(reference, tuple((each, each) for each in carried), variables=VARIABLES, provided=frozenset({"java"}))
    tool = "Maven" if project.tool == "mvn" else "Gradle"
    why = f"{stage.reference} brings {tool} and what it has fetched, which serve the build alone"
    if stage.image.name in JAVA_RUNTIMES:
        why = f"{tool}, what it has fetched and the sources serve the build alone"
    left = [each for each in found.left if not _of_build(model, join(model.folder, each))]
    notes = (Note(None, f"no source names {listed(left).replace('packages', 'files')}: left behind"),) if left else ()
    return compiled.split(model, end, building[-1], why, notes)


def running_project(model: Model) -> JavaProject | None:
    """The project of the archive that the image starts, if it starts one whose project is known."""
    start = model.start.main
    return (
        facts.project_of(model.app, origins.running(model, model.start))
        if start and basename(start[0]) == "java"
        else None
    )


def _builds(step: Step) -> bool:
    return any(called.manager in {"mvn", "gradle"} for called in step.invocations)


def _of_build(model: Model, path: str) -> bool:
    """Whether a path is one of a project's own folders."""
    inside = path.removeprefix(f"{model.folder.rstrip('/')}/").split("/")
    return bool({"src", "target", "build", "gradle", ".mvn", ".gradle", "bin", "out"} & set(inside[:-1] or inside))


def _texts(model: Model, project: JavaProject) -> list[str]:
    """What the sources and the settings that the archive holds may name of files: ``server.ssl.key-store=keys.p12``."""
    found = [value for _, value, _ in settings(model.app.root, project.folder, model.app.context)]
    for _, data in facts.sources(model.app, project):
        found += [match[1].decode("utf-8", "replace") for match in re.finditer(rb"\"([^\"\n]{2,200})\"", data)]
    return found


def _check_archive(model: Model, project: JavaProject, name: str) -> None:
    """Refuse an archive that needs others beside it, or that the project is not known to make.

    Raises:
        UnfitError: with the reason.
    """
    at = model.start.command
    if project.fat is None and project.dependencies and not project.dependency("io.quarkus:"):
        first = project.dependencies[0]
        raise UnfitError(
            at, f"{basename(name)} needs {first.value} beside it ({first.origin}), and nothing packs it in"
        )
    if project.dependency("io.quarkus:"):
        raise UnfitError(at, f"what Quarkus lays beside its archive is not known ({project.origin})")
    path = join(model.folder, name)
    made = project.archive
    if made is not None and not re.search(r"[*?]", name) and dirname(path).endswith(("/target", "/build/libs")):
        own = basename(made)
        if basename(path) != own and not re.search(r"-(?:shaded|fat|all|exec|jar-with-dependencies)\.jar$", path):
            raise UnfitError(at, f"the project makes {own}, not {basename(path)} ({project.origin})")


def _end_image(model: Model, project: JavaProject) -> str:
    """The image of the same vendor and version without the build tools, a JRE where there is one.

    Raises:
        UnfitError: none is known.
    """
    stage = model.final
    image = stage.image
    assert image is not None
    if image.name in JAVA_RUNTIMES:
        found = jre(stage) if compiles(model, project) is None else None
        return found or f"{image.name}:{image.tag}"
    vendor, major, alpine = _jdk(image.name, image.tag)
    if not major:
        raise UnfitError(stage.stage.base, f"which Java {stage.reference} brings its tag does not say")
    slim = "-slim" if image.variant == "slim" else ""
    suffix = "-alpine" if alpine or image.distribution == "alpine" else ""
    wanted: tuple[str, ...] = {
        "eclipse-temurin": (f"{major}-jre{suffix}", f"{major}-jdk{suffix}"),
        "amazoncorretto": (f"{major}-alpine-jre", f"{major}-alpine") if suffix else (f"{major}-headless", major),
        "openjdk": (f"{major}-jre{slim}", f"{major}-jdk{slim}"),
    }[vendor]
    if compiles(model, project) is not None:
        wanted = wanted[1:]
    known = next((tag for tag in wanted if catalog.image(vendor, tag) is not None), None)
    if known is None:
        raise UnfitError(stage.stage.base, f"no image of {vendor} {major} is known that has no build tools")
    return f"{vendor}:{known}"


def _jdk(name: str, tag: str) -> tuple[str, str, bool]:
    """The vendor and version of the Java of a Maven or Gradle image, and whether the tag says Alpine."""
    match = (MAVEN if name == "maven" else GRADLE).fullmatch(tag)
    if match is None:
        return "", "", False
    vendor = match["vendor"] if name == "maven" else "eclipse-temurin"
    rest = match["rest"]
    if vendor in {"jdk", "openjdk"}:
        vendor = "openjdk"
    elif vendor not in JAVA_RUNTIMES:
        return "", "", False
    return vendor, match["major"], "alpine" in rest


def compiles(model: Model, project: JavaProject | None) -> str | None:
    """Where the program compiles while it runs, for which a JRE has nothing."""
    found = facts.matching(model.app, project, facts.COMPILING) if project is not None else None
    if found is not None:
        return f"{found.value} is used ({found.origin})"
    calls = (call for call in model.app.calls if call.words)
    return next(
        (f"{c.words[0]} is run in the container ({c.origin})" for c in calls if basename(c.words[0]) in JDK), None
    )


JDK = frozenset(
    {"javac", "jar", "jcmd", "jmap", "jstack", "jstat", "jps", "jshell", "jlink", "jdb", "jinfo", "javap", "mvn"}
)
"""Programs of a JDK that a JRE lacks: https://docs.oracle.com/en/java/javase/17/docs/specs/man/index.html"""


def jre(stage: StageModel) -> str | None:
    """The image of the same vendor, version and suite as the base of *stage*, with a JRE; ``None``: there is none.

    A tag of Temurin or OpenJDK 11 and later that names neither means the JDK.
    """
    image = stage.image
    if image is None or image.name not in {"eclipse-temurin", "openjdk"} or "-jre" in image.tag or not image.version:
        return None
    version, _, rest = image.tag.partition("-")
    rest = rest.removeprefix("jdk").lstrip("-")
    tag = f"{version}-jre{f'-{rest}' if rest else ''}"
    found = catalog.image(image.name, tag)
    if found is None or found.suite != image.suite or found.last_listed != image.last_listed:
        return None
    return f"{image.name}:{tag}"
