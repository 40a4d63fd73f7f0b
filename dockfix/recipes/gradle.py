"""Gradle itself before the sources, where a wrapper fetches it: ``gradlew --version`` by the wrapper's files alone.

The libraries stay with the build. Gradle has no command that fetches them and builds nothing
(https://github.com/gradle/gradle/issues/14051): ``gradle dependencies`` brings no more than what describes them, and
tasks that resolve all of them are the project's own.
"""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts.files import join
from dockfix.recipes.manifests import Fetch
from dockfix.recipes.split import UnfitError
from dockfix.recipes.wrappers import mending

if TYPE_CHECKING:
    from dockfix.model import Model, StageModel, Step

WRAPPER = "gradlew"
SETTINGS = "gradle/wrapper/gradle-wrapper.properties"
"""https://docs.gradle.org/current/userguide/gradle_wrapper.html"""


def fetch(model: Model, stage: StageModel, step: Step) -> Fetch | None:
    """How a wrapper fetches Gradle before the sources are there; ``None`` where Gradle builds nothing here.

    Raises:
        UnfitError: there is no wrapper, or what it reads cannot be told.
    """
    called = next((c for c in step.invocations if c.manager == "gradle"), None)
    if called is None:
        return None
    program = called.command.words[0].text
    if basename(program) != WRAPPER:
        why = "Gradle has no command that fetches libraries and builds nothing: `gradle dependencies` asks only what "
        raise UnfitError(step.instruction, f"{why}describes them")
    folder = stage.source(step.before.workdir)
    if program != f"./{WRAPPER}" or folder is None:
        raise UnfitError(step.instruction, "where the wrapper lies among the sources cannot be told")
    if called.has("--offline"):
        raise UnfitError(step.instruction, "the build is told to fetch nothing")
    source = model.app.root.read(join(folder, SETTINGS))
    if source is None or re.search(rb"^\s*distributionUrl\s*=\s*https\\?://", source, re.MULTILINE) is None:
        raise UnfitError(
            step.instruction, f"from where the wrapper fetches Gradle {join(folder, SETTINGS)} does not say"
        )
    command = " && ".join((*mending(model, stage, step, WRAPPER), f"{program} --version"))
    return Fetch(
        (join(folder, WRAPPER), join(folder, "gradle/wrapper")),
        (f"RUN {command}",),
        "the wrapper fetches Gradle itself, so that every edit of a source repeats it",
        called.command.span.start,
    )
