"""``java-runtime``: a JRE where nothing is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference
from dockfix.model import Model, Purpose
from dockfix.model.config import DEFAULT_PATH, stated
from dockfix.recipes import bases
from dockfix.recipes.ecosystems import JAVA_RUNTIMES
from dockfix.recipes.needs import lines
from dockfix.recipes.programs import programs
from dockfix.recipes.split import UnfitError, check_started
from dockfix.text import Edit
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.model import StageModel


@transform("java-runtime", phase=Phase.BASE, safety=Safety.REVIEW)
def java_runtime(model: Model) -> Iterator[Result]:
    """Run Java programs on the JRE of the same vendor and version, where nothing compiles any more.

    What it does:
        Exchanges the last stage's JDK, of eclipse-temurin or of the openjdk image's older versions, for the JRE on the
        same release of the same distribution. `--base keep` leaves it.

    Why:
        Compiler, debugger and the tools that look into other programs are half of a JDK, and help an intruder most.

    Refuses when:
        A RUN of the stage, the start command or compose calls a program of the JDK, or one that it is not known to
        share with the JRE's image; the sources compile while they run, or java is given a source; another stage builds
        on the same base; the base is pinned by digest or named by a variable. Vendors are never exchanged: openjdk has
        had no JRE since 2022.

    Example:
        See fixtures/java-runtime/example.
    """
    stage = model.final.lineage[0]
    if model.options.base == "keep" or stage.image is None or stage.image.name not in JAVA_RUNTIMES:
        return
    from dockfix.recipes import java

    reference = java.jre(stage)
    if reference is None:
        if stage.image.name == "openjdk" and "jre" not in stage.image.tag:
            yield Note(
                stage.stage.base,
                f"{stage.reference} has no JRE beside it, and another vendor's is for a person to choose",
            )
        return
    parsed = ImageReference.parse(reference)
    image = catalog.image(parsed.repository, parsed.tag)
    if image is None:
        return
    try:
        bases.check_reference(stage)
        _check(model, stage, image)
    except UnfitError as reason:
        yield Refusal(reason.at or stage.stage.base, f"the JDK stays: {reason.why}")
        return
    word = stage.stage.base.words[0]
    edit = Edit(word.span, ImageReference.parse(word.value).with_tag(image.tag))
    config = model.final.config
    env = {"PATH": DEFAULT_PATH, **image.env, **{n: v for n, v in config.env.items() if n not in config.inherited}}
    why = f"nothing here needs the compiler and the tools of {stage.reference}: java alone runs"
    yield Change(stage.stage.base, (edit,), why, Safety.REVIEW, stated(config, env=env))


def _check(model: Model, stage: StageModel, image: Image) -> None:
    """Refuse where something of the JDK may be used.

    Raises:
        UnfitError: with the place.
    """
    from dockfix.recipes import java

    check_started(model)
    compiling = java.compiles(model, java.running_project(model))
    if compiling is not None:
        raise UnfitError(None, compiling)
    lineage = model.final.lineage
    for other in model.stages:
        if other not in lineage and stage in other.lineage:
            raise UnfitError(stage.stage.base, f"stage {other.stage.name or other.index} builds on it")
    brought = {name for other in lineage for _, name in other.packages}
    for step in model.final.all_steps:
        if step.instruction.keyword in {"ENV", "WORKDIR"} and re.search(r"\$\{?JAVA_HOME", step.instruction.value):
            raise UnfitError(step.instruction, "JAVA_HOME is used, which may be another folder")
        if step.script is None:
            continue
        if not step.script.ok or Purpose.BUILD in step.purposes:
            raise UnfitError(step.instruction, "what this RUN needs of it cannot be told")
        for command in step.script.commands:
            _check_program(command.name, f"line {step.instruction.line}", image, brought)
    for program in programs(model):
        if program.missing:
            raise UnfitError(model.start.command, f"what {program.words[0]} calls cannot be told ({program.origin})")
        _check_program(program.words[0], program.origin, image, brought)
        source = next((word for word in program.words[1:] if word.endswith(".java")), None)
        if program.name == "java" and source is not None:
            raise UnfitError(model.start.command, f"java compiles {source} before it runs it ({program.origin})")
    for text, origin in lines(model):
        for part in re.split(r"&&|\|\||;|\|", text):
            words = [word for word in part.split() if word not in {"CMD", "CMD-SHELL", "exec"}]
            if words:
                _check_program(words[0], origin, image, brought)


def _check_program(name: str, origin: str, image: Image, brought: set[str]) -> None:
    """Refuse a program of which it is not known that the JRE's image has it, too.

    Raises:
        UnfitError: with its name and the place.
    """
    short = basename(name)
    shared = catalog.busybox_has(short) if image.manager == "apk" else catalog.is_essential(short)
    own = {"java", "keytool", "apt-get", "apt", "apk", "useradd", "groupadd", "adduser", "addgroup", "usermod"}
    if short and not (shared or short in own or short in brought or brought & set(catalog.provides(short))):
        raise UnfitError(None, f"{short} is called ({origin})")
