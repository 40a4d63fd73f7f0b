"""Maven's dependencies before the sources: ``dependency:go-offline`` by pom.xml alone."""

from __future__ import annotations

import re
from itertools import zip_longest
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts import java as facts
from dockfix.recipes.manifests import Fetch, Reading, folder_of, stretch
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Invocation, Model, StageModel, Step

WRAPPER = "mvnw"
MENDING = frozenset({"chmod", "sed"})
"""What makes a program of a wrapper that a checkout on Windows has left without its mode or with other line ends."""
BROAD = frozenset({"chmod", "find", "dos2unix"})
"""What may do so without a word of it."""


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What ``mvn dependency:go-offline`` reads.

    Raises:
        UnfitError: it cannot be told.
    """
    return Reading(_manifests(model, step, called, folder_of(stage, step, called)))


def fetch(model: Model, stage: StageModel, step: Step) -> Fetch | None:
    """How Maven fetches what a build needs before the sources are there; ``None`` where it builds no Java program.

    Raises:
        UnfitError: it cannot be told what that reads, or there is no such way.
    """
    called = next((c for c in step.invocations if c.manager in {"mvn", "gradle"}), None)
    if called is None:
        return None
    if called.manager == "gradle":
        raise UnfitError(step.instruction, "Gradle has no command that fetches what a build needs and builds nothing")
    if called.has("-o", "--offline", "-pl", "--projects", "-f", "--file", "-s", "--settings", "-gs"):
        raise UnfitError(step.instruction, "Maven is told where to look for projects or settings")
    place = stage.source(step.before.workdir)
    if place is None:
        raise UnfitError(step.instruction, f"nothing of the build context lands in {step.before.workdir}")
    paths = _manifests(model, step, called, place)
    options = _options([word.text for word in called.options])
    program = called.command.words[0].text
    mending = _mending(model, stage, step) if basename(program) == WRAPPER else ()
    command = " && ".join([*mending, " ".join([program, *options, "dependency:go-offline"])])
    why = "Maven fetches what the build needs, so that every edit of a source repeats it"
    return Fetch(paths, (f"RUN {command}",), why, called.command.span.start)


def _mending(model: Model, stage: StageModel, step: Step) -> Iterator[str]:
    """The commands that make the wrapper fit to run, each as it is written.

    Raises:
        UnfitError: something else is done to it, or what does so is written in another way than can be repeated.
    """
    for other in stage.steps[: stage.steps.index(step) + 1]:
        for command in other.script.commands if other.script is not None else ():
            if basename(command.name) == WRAPPER or not (command.name in BROAD or _is_about_wrapper(command)):
                continue
            plain = command.name in MENDING and _is_about_wrapper(command) and not command.depth
            if not plain or command.redirects or other.before.workdir != step.before.workdir:
                raise UnfitError(other.instruction, f"what {command.name} does to {WRAPPER} the fetch would need too")
            yield stretch(model, other, command.span)


def _is_about_wrapper(command: ShellCommand) -> bool:
    texts = (word.text for word in (*command.words[1:], *command.redirects))
    return any(basename(text.strip("<> ")) == WRAPPER for text in texts)


def _options(words: Sequence[str]) -> list[str]:
    """Those options of a build that say how Maven talks, and which profiles hold."""
    found: list[str] = []
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if word in {"-P", "--activate-profiles"}:
            found += [word, following]
        elif re.fullmatch(r"-(?:q|B|ntp|P\S+|-quiet|-batch-mode|-no-transfer-progress)", word):
            found.append(word)
    return found


def _manifests(model: Model, step: Step, called: Invocation, folder: str) -> tuple[str, ...]:
    project = facts.project_at(model.app, folder)
    if project is None or project.tool != "mvn":
        raise UnfitError(step.instruction, f"{folder + '/' if folder else ''}pom.xml is not in the build context")
    if project.modules:
        raise UnfitError(step.instruction, f"the project has modules ({project.modules[0].origin})")
    if project.parent:
        raise UnfitError(step.instruction, f"the project has a parent among the sources ({project.origin})")
    if project.local is not None:
        raise UnfitError(step.instruction, f"{project.local.value} lies among the sources ({project.local.origin})")
    wrapped = called.command.words[0].text.endswith("mvnw")
    names = ["pom.xml", *(["mvnw"] if wrapped else [])]
    if wrapped or set(model.app.root.list(f"{folder}/.mvn".lstrip("/"))) - {"wrapper"}:
        names.append(".mvn")
    paths = [f"{folder}/{name}".lstrip("/") for name in names]
    return tuple(path for path in paths if model.app.root.exists(path))
