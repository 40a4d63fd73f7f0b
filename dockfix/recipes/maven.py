"""Maven's dependencies before the sources: ``dependency:go-offline`` by the projects' pom.xml alone."""

from __future__ import annotations

import re
from itertools import zip_longest
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.facts import java as facts
from dockfix.facts.files import join
from dockfix.model.config import join as absolute
from dockfix.recipes.manifests import Fetch, Reading, folder_of, value_of
from dockfix.recipes.split import UnfitError
from dockfix.recipes.wrappers import mending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.javaproject import JavaProject
    from dockfix.model import Invocation, Model, StageModel, Step

WRAPPER = "mvnw"
POM = "pom.xml"
MOST = 15
"""Projects beyond which the copies of their files would be most of the Dockerfile."""
GOAL = "dependency:go-offline"
OF_MODULES = "org.apache.maven.plugins:maven-dependency-plugin:3.5.0:go-offline"
"""The goal in a version that looks for no module of the project in a repository, whichever the project's or Maven's own
is: https://github.com/apache/maven-dependency-plugin/issues/1186, and 3.5.0 does so where the modules are not built."""
VALUED = frozenset({"-f", "--file", "-pl", "--projects", "-P", "--activate-profiles"})
"""Options with a value that say which projects and profiles hold: https://maven.apache.org/ref/current/maven-embedder/cli.html"""
PLAIN = re.compile(
    r"-(?:q|B|ntp|am|P\S+|-quiet|-batch-mode|-no-transfer-progress|-also-make|-(?:file|projects|activate-profiles)=\S+)"
)
"""Those without, and how Maven talks."""


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What ``mvn dependency:go-offline`` reads.

    Raises:
        UnfitError: it cannot be told.
    """
    projects = _projects(model, step, _folder(stage, step, called))
    return Reading(_manifests(model, called, projects))


def fetch(model: Model, stage: StageModel, step: Step) -> Fetch | None:
    """How Maven fetches what a build needs before the sources are there; ``None`` where it builds no Java program.

    Raises:
        UnfitError: it cannot be told what that reads.
    """
    called = next((c for c in step.invocations if c.manager == "mvn"), None)
    if called is None:
        return None
    if called.has("-o", "--offline", "-s", "--settings", "-gs", "--global-settings", "-rf", "--resume-from"):
        raise UnfitError(step.instruction, "Maven is told of settings, or to fetch nothing")
    projects = _projects(model, step, _folder(stage, step, called))
    program = called.command.words[0].text
    mended = mending(model, stage, step, WRAPPER) if basename(program) == WRAPPER else ()
    options = _options([word.text for word in called.options])
    goal = OF_MODULES if len(projects) > 1 else GOAL
    command = " && ".join([*mended, " ".join([program, *options, goal])])
    why = "Maven fetches what the build needs, so that every edit of a source repeats it"
    comment = "# a version that knows the modules of the project\n" if goal == OF_MODULES else ""
    return Fetch(_manifests(model, called, projects), (f"{comment}RUN {command}",), why, called.command.span.start)


def _folder(stage: StageModel, step: Step, called: Invocation) -> str:
    """The folder of the build context in which the project of a call lies.

    Raises:
        UnfitError: it cannot be told.
    """
    given = value_of(called, "-f", "--file")
    if given is None:
        folder = stage.source(step.before.workdir)
        return folder if folder is not None else folder_of(stage, step, called)
    place = absolute(step.before.workdir, given if given.endswith(".xml") else f"{given}/{POM}")
    manifest = stage.context_path(place)
    if manifest is None or basename(manifest) != POM:
        raise UnfitError(step.instruction, f"from where {given} comes cannot be told")
    return dirname(manifest)


def _options(words: Sequence[str]) -> list[str]:
    """Those options of a build that say how Maven talks, and which projects and profiles hold."""
    found: list[str] = []
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if word in VALUED:
            found += [word, following]
        elif PLAIN.fullmatch(word):
            found.append(word)
    return found


def _projects(model: Model, step: Step, folder: str) -> tuple[JavaProject, ...]:
    """The project in a folder with all its modules.

    Raises:
        UnfitError: one of them cannot be told, or needs what is made or lies elsewhere.
    """
    found: dict[str, JavaProject] = {}
    pending = [folder]
    while pending:
        place = pending.pop(0)
        project = facts.project_at(model.app, place)
        if project is None or project.tool != "mvn":
            raise UnfitError(step.instruction, f"{join(place, POM)} is not in the build context")
        found[place] = project
        pending += [join(place, module.value) for module in project.modules if join(place, module.value) not in found]
        if len(found) > MOST:
            raise UnfitError(
                step.instruction, f"the files of more than {MOST} modules would have to be copied one by one"
            )
    for project in found.values():
        if project.parent is not None and dirname(project.parent) not in found:
            raise UnfitError(step.instruction, f"the project has a parent among the sources ({project.origin})")
        if project.local is not None:
            raise UnfitError(step.instruction, f"{project.local.value} lies among the sources ({project.local.origin})")
        if project.repositories is not None and len(found) > 1:
            # https://github.com/apache/maven-dependency-plugin/issues/1203
            why = "modules would not be looked for in the repository of their parent"
            raise UnfitError(step.instruction, f"{why} ({project.repositories.origin})")
    return tuple(found.values())


def _manifests(model: Model, called: Invocation, projects: Sequence[JavaProject]) -> tuple[str, ...]:
    folder = projects[0].folder
    wrapped = basename(called.command.words[0].text) == WRAPPER
    names = [POM, *([WRAPPER] if wrapped else [])]
    if wrapped or set(model.app.root.list(join(folder, ".mvn"))) - {"wrapper"}:
        names.append(".mvn")
    paths = [*(join(folder, name) for name in names), *(join(project.folder, POM) for project in projects[1:])]
    return tuple(path for path in paths if model.app.root.exists(path))
