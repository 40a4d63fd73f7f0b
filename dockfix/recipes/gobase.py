"""On which image a Go program runs: on Alpine where nothing in it calls C, else where it was built."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog.gomodules import go_module
from dockfix.facts import go as facts
from dockfix.model import Purpose
from dockfix.recipes import callees, packages
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.go import Program
    from dockfix.facts.gobuild import Build
    from dockfix.model import Model, Step

NEEDS_C = re.compile(r"-(?:race|msan|asan)\b|-linkmode[= ]external|-buildmode[= ]\S+|\bnetcgo\b")
"""Options of a build that do not work without C: https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies"""


@dataclass(frozen=True)
class Choice:
    """Where the program runs.

    Attributes:
        reference: the base of the end.
        static: whether the program has to be told not to use C.
        why: the evidence.
        linked: whether the program may need the libraries of the system on which it is built.
    """

    reference: str
    static: bool
    why: str
    linked: bool = False


def choice(model: Model, program: Program, building: Sequence[Step]) -> Choice:
    """The base that the program can run on.

    Raises:
        UnfitError: none is known.
    """
    stage = model.final
    image = stage.image
    assert image is not None
    plugins = program.imports.get("plugin")  # they need C, and all that built the program: https://pkg.go.dev/plugin
    if plugins is not None:
        raise UnfitError(None, f"the program loads plugins ({plugins})")
    if image.distribution == "alpine":
        why = f"the program is built on Alpine {image.suite}"
        links = _links(model, program)
        return Choice(_alpine(image.suite if links else None), False, why, links)
    suite = image.suite
    slim = Choice(f"debian:{suite}-slim", False, f"the program is built on Debian {suite}", not _without_c(model))
    if image.distribution != "debian" or suite is None or catalog.image("debian", f"{suite}-slim") is None:
        raise UnfitError(stage.stage.base, f"on what programs built on {stage.reference} run is not known")
    if model.options.base != "alpine" or _foreign(model):
        return slim
    if _without_c(model):
        return Choice(_alpine(None), False, "the program is built without C")
    wanting = next((match[0] for step in building if (match := NEEDS_C.search(step.instruction.value))), None)
    if wanting is not None:
        return replace(slim, why=f"`{wanting}` builds with C")
    own = program.cgo
    if own is not None:
        return replace(slim, why=f"the sources call C ({own})")
    for fact in facts.required(program):
        module = go_module(fact.value)
        if module is None:
            return replace(slim, why=f"whether {fact.value} calls C is not known ({fact.origin})")
        if module.cgo:
            return replace(slim, why=f"{fact.value} takes {module.why} in ({fact.origin})")
    if program.module is None or not facts.complete(program):
        why = "go.mod does not name every module that the program needs"
        return replace(slim, why=why)
    if any(pair == ("CGO_ENABLED", "1") for build in all_builds(model) for pair in build.environment.items()):
        return replace(slim, why="CGO_ENABLED is set")
    return Choice(_alpine(None), True, f"nothing in {program.module.origin} calls C")


def _alpine(branch: str | None) -> str:
    """The image of an Alpine branch, of the newest one where the program needs none in particular.

    Raises:
        UnfitError: it is not in the catalogue.
    """
    reference = branch or catalog.NEWEST_BRANCH
    if catalog.image("alpine", reference) is None:
        raise UnfitError(None, f"alpine:{reference} is not in the catalogue")
    return f"alpine:{reference}"


def _links(model: Model, program: Program) -> bool:
    """Whether the program may be linked with C libraries of the builder."""
    compilers = {"gcc", "g++", "build-base", "clang", "alpine-sdk"} & {name for _, name in model.final.packages}
    return bool(compilers) and not _without_c(model)


def _foreign(model: Model) -> bool:
    """Whether the end takes accounts or packages along, as they are made and called on Debian."""
    stage = model.final
    beside = {basename(name) for name in callees.called(model)} - {"go"}
    kept = [
        name
        for _, name in packages.needed(model, stage, stage.steps)
        if not catalog.serves_builds(name) and name not in {"ca-certificates", "tzdata"}
    ]
    return bool(kept or any(map(catalog.serves_builds, beside))) or any(
        Purpose.ACCOUNT in step.purposes for step in stage.steps
    )


def all_builds(model: Model) -> tuple[Build, ...]:
    """Every build of the stage."""
    return tuple(facts.builds_among(model.app, model.final.ran))


def _without_c(model: Model) -> bool:
    """Whether every build of the stage says that it takes no C."""
    builds = all_builds(model)
    return bool(builds) and all(map(cgo_off, builds))


def cgo_off(build: Build) -> bool:
    return build.environment.get("CGO_ENABLED") == "0"
