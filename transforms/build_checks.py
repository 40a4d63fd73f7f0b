"""``build-checks``: what BuildKit warns of and only a person can mend."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference
from dockfix.suggestion import did_you_mean
from dockfix.transform import Note, Phase, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction, Stage
    from dockfix.model import Model, StageModel, Step

PREDEFINED = frozenset(
    {f"{side}{part}" for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT")}
)
"""What FROM knows without an ARG:
https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope"""
PROXIES = frozenset(
    name
    for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
    for name in (proxy, proxy.lower())
)
"""What every stage knows without an ARG: https://docs.docker.com/reference/dockerfile/#predefined-args"""
EXPANDED = frozenset({"ADD", "COPY", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"})
RESERVED = frozenset({"scratch", "context"})
USUAL = frozenset({"base", "build", "builder", "dependencies", "deps", "dev", "prod", "production", "runner", "test"})
"""Names that stages have and no official image has."""
_VARIABLE = re.compile(r"(?<!\\)\$(?:(\w+)|\{(\w+)\})")
_LIST = re.compile(r"\[\s*[\"']")
_PUBLISHED = re.compile(r"(?:\d+\.\d+\.\d+\.\d+:)?[\d-]*:[\d-]+(?:/\w+)?")


@transform("build-checks", phase=Phase.MODERNISE, safety=Safety.ADVICE)
def build_checks(model: Model) -> Iterator[Result]:
    """Say what BuildKit's build checks find and only a person can mend.

    What it does:
        Names stages and variables that nobody defines, names of stages that are taken, reserved or not in lower case, a
        base without a version or bound to one kind of machine, ports that EXPOSE cannot publish, a start that looks
        like a JSON array and is none, and sources that .dockerignore keeps out of the build. It changes nothing.

    Why:
        They build today by luck, or not at all: an unknown variable is an empty string, an unknown stage is looked for
        on Docker Hub. https://docs.docker.com/reference/build-checks/ has them all.

    Refuses when:
        It changes nothing, so there is nothing to refuse. Variables are not judged where the base image is not known,
        since it may set them.

    Example:
        See fixtures/build-checks/example.
    """
    for stage in model.stages:
        for why in _from(model.document, stage):
            yield Note(stage.stage.base, why, advice=True)
        for step in stage.steps[1:]:
            for why in _instruction(model, stage, step):
                yield Note(step.instruction, why, advice=True)


def _from(document: Document, stage: StageModel) -> Iterator[str]:
    base = stage.stage.base
    defaults = {a.key: a.value for arg in document.global_args for a in arg.assignments}
    for name in _names(base.words[0].value, stage.stage.platform or ""):
        if name not in defaults and name not in PREDEFINED:
            yield f"no ARG above the first FROM defines {name}{did_you_mean(name, defaults)}"
        elif name in defaults and not defaults[name] and name not in PREDEFINED:
            yield f"{name} has no default, so that the file builds with --build-arg {name}=… alone"
    yield from _platform(stage.stage)
    yield from _stage_name(document, stage.stage)
    image = ImageReference.parse(base.words[0].value)
    external = stage.parent is None and not image.variables and image.text != "scratch"
    # the name of a distroless image has the version: https://github.com/GoogleContainerTools/distroless
    versioned = re.search(r"distroless/.+-debian\d+$", image.name) is not None
    if external and not versioned and not image.digest and image.tag in {None, "latest"}:
        yield f"{image.name} without a version is whatever is newest on the day of the build"


def _platform(stage: Stage) -> Iterator[str]:
    platform = stage.platform
    if platform is None or "$" in platform:
        return
    # a stage for one machine among others says so in its name
    named = (stage.name or "").lower()
    if not any(part in named for part in re.split(r"[/,]", platform.lower()) if part != "linux"):
        yield f"the stage is built for {platform} whatever the image is built for"


def _stage_name(document: Document, stage: Stage) -> Iterator[str]:
    if stage.name is None:
        return
    if stage.name.lower() in RESERVED:
        yield f"{stage.name} is a name that Docker keeps for itself"
    if stage.name != stage.name.lower():
        yield f"names of stages are in lower case, {stage.name} is not"
    same = [each for each in document.stages[: stage.index] if (each.name or "").lower() == stage.name.lower()]
    if same:
        yield f"the stage on line {same[0].base.line} is called {stage.name}, too"


def _instruction(model: Model, stage: StageModel, step: Step) -> Iterator[str]:
    instruction = step.instruction
    if instruction.keyword in EXPANDED and step.before.known:
        yield from _undefined(stage, step)
    if instruction.keyword == "EXPOSE":
        for word in instruction.words:
            if _PUBLISHED.fullmatch(word.value):
                yield f"EXPOSE takes the port of the container alone, not {word.value}"
    if instruction.keyword in {"CMD", "ENTRYPOINT"} and instruction.json is None and _LIST.match(instruction.value):
        yield f"{instruction.keyword} is no JSON, so that a shell gets the line, brackets and all, and starts nothing"
    copy = instruction.copy
    if copy is not None and copy.from_ is not None:
        yield from _unknown_stage(model.document, stage, copy.from_)
    elif copy is not None:
        yield from _ignored(model, copy.sources)


def _undefined(stage: StageModel, step: Step) -> Iterator[str]:
    """Variables that the instruction reads and nothing above it sets, in a stage whose base is known."""
    known = {*step.before.env, *step.arguments, *_declared(stage, step), *PROXIES}
    for name in _names(*_read(step.instruction)):
        if name not in known:
            yield f"nothing above sets {name}, so that it is empty{did_you_mean(name, known)}"


def _read(instruction: Instruction) -> Iterator[str]:
    """The texts in which Docker looks for variables."""
    if instruction.assignments:
        yield from (assignment.value or "" for assignment in instruction.assignments)
    else:
        yield from (word.value for word in instruction.words)
        yield from (flag.value for flag in instruction.flags)


def _declared(stage: StageModel, step: Step) -> Iterator[str]:
    """The ARGs of the stage above *step*, also those without a value."""
    for above in stage.steps[: stage.steps.index(step)]:
        if above.instruction.keyword == "ARG":
            yield from (assignment.key for assignment in above.instruction.assignments)


def _names(*texts: str) -> dict[str, None]:
    return dict.fromkeys(match[1] or match[2] for text in texts for match in _VARIABLE.finditer(text))


def _unknown_stage(document: Document, stage: StageModel, name: str) -> Iterator[str]:
    found = document.stage(name)
    names = [each.name for each in document.stages[: stage.index] if each.name is not None]
    if found is not None and found.index >= stage.index:
        yield f"the stage {name} is defined further below"
    elif found is None and (name in USUAL or did_you_mean(name, names)) and catalog.image(name, None) is None:
        yield f"no stage is called {name}, so that Docker looks for an image of that name{did_you_mean(name, names)}"


def _ignored(model: Model, sources: tuple[str, ...]) -> Iterator[str]:
    ignore = model.app.ignore
    for source in sources:
        path = source.strip("/").removeprefix("./").rstrip("/")
        if path in {"", "."} or "$" in path or "://" in path or any(character in path for character in "*?["):
            continue
        if ignore.empties(path) if model.app.root.is_dir(path) else ignore.ignores(path):
            yield f"{source} is kept out of the build by {ignore.path}"
