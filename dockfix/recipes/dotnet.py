"""Apps of .NET: published in a builder with the SDK, run on an image with the runtime alone."""

from __future__ import annotations

import re
from dataclasses import replace
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts.msbuild import Project, Solution, solution_of
from dockfix.model import Purpose, Role
from dockfix.model.config import after, difference, of_image, render
from dockfix.model.server import LOOPBACK
from dockfix.recipes import packages
from dockfix.recipes.published import Published, check_form, published_by
from dockfix.recipes.split import (
    Split,
    UnfitError,
    check_common,
    check_started,
    first_line,
    plain_copies,
    spaced,
    spare,
    used,
)
from dockfix.transform import Safety

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.model import Model, StageModel, Step
    from dockfix.model.config import ConfigDelta

IMAGES = "mcr.microsoft.com/dotnet/"
PLAIN = re.compile(r"(?:Microsoft\.Extensions|System|Newtonsoft|Npgsql|Dapper|MySqlConnector|Polly|CsvHelper)(?:\..+)?")
"""Packages that bring no need of ASP.NET's shared framework along; others may, without the project saying so."""
TOOLS = re.compile(r"\b(?:curl|wget|git|pwsh|ps)\b")
"""Programs of the SDK's images: https://github.com/dotnet/dotnet-docker/tree/main/src/sdk"""
INVARIANT = "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"
BUILDING = {Purpose.INSTALL, Purpose.BUILD, Purpose.CLEANUP}
IDLE = {Purpose.PACKAGES, Purpose.CLEANUP, Purpose.FOLDERS, Purpose.ACCOUNT}


def split(model: Model) -> Split | None:
    """The stage as a builder with the SDK and an end with the runtime; ``None`` where it has no SDK of .NET.

    Raises:
        UnfitError: something stands in the way.
    """
    stage = model.final
    if stage.image is None or stage.image.name not in {f"{IMAGES}sdk", f"{IMAGES}core/sdk"}:
        return None
    building = [step for step in stage.steps if step.purposes & {Purpose.INSTALL, Purpose.BUILD}]
    if not building:
        return None
    check_common(model)
    check_started(model)
    if model.server.bind is not None and model.server.bind.value in LOOPBACK:
        why = (
            f"the app listens on {model.server.bind.value} alone ({model.server.bind.origin}), where nobody reaches it"
        )
        raise UnfitError(model.start.command, why)
    solution = solution_of(model.app)
    published = published_by(model, stage, solution)
    check_form(published.project, model, stage)
    if published.line:
        building += [step for step in stage.steps if step.instruction.copy is not None]
    at = max(stage.steps.index(step) for step in building)
    head, tail = stage.steps[: at + 1], stage.steps[at + 1 :]
    for step in stage.steps:
        _check_step(step, step in tail)
    _check_tools(model, published)
    reference = _runtime(stage, published.project, solution)
    cultures = _cultures(stage, published.project, reference)
    builder, end = _builder(model, head, published), _end(model, head, tail, published, reference, cultures)
    kept = {item.instruction.index for item in (*builder, *end) if isinstance(item, Keep)}
    return Split(
        (spaced(model.document, builder), spaced(model.document, end)),
        "the SDK, its caches and the sources serve the build alone; the runtime is what the app needs",
        _delta(model, end, reference, published, cultures),
        {
            step.instruction.index: "the builder's work is done"
            for step in stage.steps
            if step.instruction.index not in kept
        },
        safety=Safety.REVIEW,
    )


# -- what keeps it whole ----------------------------------------------------------------------------------------------


def _check_tools(model: Model, published: Published) -> None:
    """Refuse apps and probes that may call a program which the SDK's image has and the runtime's has not.

    Raises:
        UnfitError: with the place.
    """
    for step in model.final.steps:
        if step.instruction.keyword == "HEALTHCHECK" and TOOLS.search(step.instruction.value):
            raise UnfitError(step.instruction, "the health check calls a program that comes with the SDK")
    for service in model.services:
        if TOOLS.search(str(service.healthcheck_test)):
            why = f"compose's health check calls a program that comes with the SDK ({service.origin('healthcheck')})"
            raise UnfitError(model.start.command, why)
    for path in model.app.root.walk(published.project.folder):
        data = model.app.root.read(path) if path.endswith((".cs", ".fs", ".vb")) else None
        if data is not None and b"Process.Start" in data:
            raise UnfitError(model.start.command, f"the app calls other programs ({model.app.origin(path)})")


def _check_step(step: Step, behind: bool) -> None:
    if step.script is None:
        return
    known = IDLE if behind else IDLE | BUILDING
    if (
        not step.script.ok
        or not step.purposes <= known
        or (step.purposes & IDLE - {Purpose.CLEANUP} and step.purposes & BUILDING - {Purpose.CLEANUP})
    ):
        raise UnfitError(step.instruction, "what this RUN leaves behind for the app cannot be told")


def _runtime(stage: StageModel, project: Project, solution: Solution) -> str:
    """The image with the runtime, under the same tag as the SDK.

    Raises:
        UnfitError: the catalogue does not have it, or the SDK's number names no runtime.
    """
    base = stage.stage.base
    reference = ImageReference.parse(base.words[0].value)
    if reference.digest is not None or reference.variables:
        raise UnfitError(base, "the base is pinned by its digest, or named by a variable")
    assert stage.image is not None
    name = reference.name.removesuffix("sdk") + ("aspnet" if _needs_web(project, solution) else "runtime")
    found = catalog.image(reference.catalogued.removesuffix("sdk") + basename(name), reference.tag)
    exact = re.match(r"\d+\.\d+\.\d+", stage.image.version) is not None
    if found is None or exact or (found.suite, found.distribution) != (stage.image.suite, stage.image.distribution):
        raise UnfitError(base, f"which image has the runtime of {stage.reference} cannot be told")
    return f"{name}:{reference.tag}" if reference.tag else name


def _cultures(stage: StageModel, project: Project, reference: str) -> tuple[str, ...]:
    """The packages for cultures and time zones that the SDK's image of Alpine has and the runtime's goes without.

    The one sets the switch off that the other sets on, where the app says nothing of it itself:
    https://github.com/dotnet/dotnet-docker/blob/main/samples/enable-globalization.md
    """
    parsed = ImageReference.parse(reference)
    image = catalog.image(parsed.catalogued, parsed.tag)
    if image is None or image.distribution != "alpine" or INVARIANT not in stage.config.inherited:
        return ()
    if stage.config.env[INVARIANT] == image.env.get(INVARIANT):
        return ()
    if project.properties.get("InvariantGlobalization", "").lower() == "true":
        return ("tzdata",)
    # apart from the library since Alpine 3.16: https://alpinelinux.org/posts/Alpine-3.16.0-released.html
    data = ("icu-data-full",) if [int(part) for part in (image.suite or "").split(".")] >= [3, 16] else ()
    return (*data, "icu-libs", "tzdata")


def _needs_web(project: Project, solution: Solution) -> bool:
    """Whether the app may need ASP.NET's shared framework, which the image ``runtime`` has not."""
    closure = solution.closure(project)
    if closure is None or any(each.sdk.value != "Microsoft.NET.Sdk" and each.path != project.path for each in closure):
        return True
    if project.sdk.value not in {"Microsoft.NET.Sdk", "Microsoft.NET.Sdk.Worker"}:
        return True
    return any(
        each.uses_web or each.imports or any(PLAIN.fullmatch(package.value) is None for package in each.packages)
        for each in closure
    )


def ignored(model: Model, whole: str) -> Iterator[str]:
    """Folders of build output, which a checkout has and a build makes anew.

    Args:
        model: the Dockerfile.
        whole: the folder of the context that is copied.
    """
    if any(step.calls("dotnet", "restore", "build", "publish") for stage in model.stages for step in stage.steps):
        parts = {part for path in model.app.root.walk(whole) for part in path.split("/")}
        yield from (f"**/{name}" for name in ("bin", "obj") if name not in parts)


# -- the stages -------------------------------------------------------------------------------------------------------


def _builder(model: Model, head: Sequence[Step], published: Published) -> list[Item]:
    items: list[Item] = [first_line(model.document, head[0].instruction, spare(model.document, "builder"))]
    steps = [step for step in head[1:] if step.script is None or step.role is not Role.ACCOUNT]
    steps = [
        step
        for step in steps
        if step.instruction.keyword not in {"EXPOSE", "LABEL", "VOLUME", "USER", "CMD", "ENTRYPOINT"}
    ]
    items += plain_copies(model.document, steps)
    if published.line:
        items.append(New(published.line))
    return items


def _end(
    model: Model,
    head: Sequence[Step],
    tail: Sequence[Step],
    published: Published,
    reference: str,
    cultures: Sequence[str],
) -> list[Item]:
    stage = model.final
    system = packages.run_time(model, stage, head, afresh=True)
    builder = spare(model.document, "builder")
    items: list[Item] = [New(f"FROM {reference} AS {stage.stage.name or 'runtime'}")]
    if len(cultures) > 1:
        items.append(New(f"ENV {INVARIANT}=false"))
    if cultures:
        items.append(New(packages.install_line("apk", cultures)))
    for step in head[1:]:
        keyword = step.instruction.keyword
        if step.instruction.index in system:
            items += system[step.instruction.index]
        elif keyword == "ARG":
            later = [*tail, *(other for other in head if other.instruction.keyword in {"ENV", "LABEL", "WORKDIR"})]
            if any(used(assignment.key, later) for assignment in step.instruction.assignments):
                items.append(Keep(step.instruction))
        elif (
            keyword in {"ENV", "LABEL", "MAINTAINER", "EXPOSE", "VOLUME", "STOPSIGNAL", "USER"}
            or step.role is Role.ACCOUNT
        ):
            items.append(Keep(step.instruction))
    if not any(step.instruction.keyword == "WORKDIR" for step in tail):
        items.append(New(f"WORKDIR {stage.config.workdir}"))
    copied = False
    for step in tail:
        if not copied and step.instruction.keyword != "WORKDIR":
            items.append(New(f"COPY --from={builder} {published.folder} ./"))
            copied = True
        if step.instruction is model.start.command and published.words != model.start.words:
            items.append(New(f"{step.instruction.keyword} {render(published.words)}"))
        else:
            items.append(Keep(step.instruction))
    return items


def _delta(
    model: Model, end: Sequence[Item], reference: str, published: Published, cultures: Sequence[str]
) -> ConfigDelta:
    """What becomes of the configuration: the end's own, from its base on, against what it was."""
    name, tag = ImageReference.parse(reference).catalogued, ImageReference.parse(reference).tag
    config = replace(of_image(reference, catalog.image(name, tag)), workdir="/")
    if len(cultures) > 1:
        config = replace(config, env={**config.env, INVARIANT: "false"})
    for item in end:
        if isinstance(item, Keep) and item.instruction.keyword != "FROM":
            config = after(config, item.instruction, model.step(item.instruction).arguments, model.document.escape)
    config = replace(config, workdir=model.final.config.workdir)
    if published.words != model.start.words:
        entry = model.start.command is not None and model.start.command.keyword == "ENTRYPOINT"
        words = published.words
        # an ENTRYPOINT of the file's own clears the CMD of the base
        config = replace(config, entrypoint=words, cmd=model.final.config.cmd) if entry else replace(config, cmd=words)
    return difference(model.final.config, config)
