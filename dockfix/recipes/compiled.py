"""Compiled programs: a stage taken apart into a builder and an end on another, smaller base."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Keep, New
from dockfix.model import Purpose
from dockfix.model.config import DEFAULT_PATH, ConfigDelta, stated
from dockfix.recipes import packages, parts
from dockfix.recipes.callees import called, check_called
from dockfix.recipes.split import Split, UnfitError, check_common, check_started, is_root, spaced
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from dockfix.model import Model, Step
    from dockfix.recipes.parts import End

HANDLING = frozenset(
    {"rm", "cp", "mv", "ln", "strip", "upx", "ls", "chmod", "file", "du", "find", "git", "ldd", "sha256sum", "touch"}
    | {"cat", "echo", "printf", "mkdir", "set", "cd", "true", "test", "[", "export", "date", "sed", "gzip"}
)
"""Commands beside the build that only work on what it reads and makes."""


def check(model: Model, tools: Iterable[str]) -> Sequence[Step]:
    """Refuse what cannot be split, and return the stage's RUNs up to the last that builds.

    Args:
        model: the Dockerfile.
        tools: the programs that build.

    Raises:
        UnfitError: with the reason.
    """
    check_common(model)
    check_started(model)
    stage, known = model.final, HANDLING | set(tools)
    base = stage.stage.base
    if base.flags:
        raise UnfitError(base, "the base is of another platform than the image")
    if model.start.script is not None or (model.start.argv is not None and model.start.argv[0].endswith(".sh")):
        raise UnfitError(model.start.command, "a script starts the program, and what else it needs cannot be told")
    for step in stage.steps:
        keyword = step.instruction.keyword
        copy = step.instruction.copy
        if keyword == "SHELL":
            raise UnfitError(step.instruction, "the stage has a shell of its own")
        if copy is not None and copy.from_ is not None:
            raise UnfitError(step.instruction, f"what comes from {copy.from_} may be for the build or for the end")
        if keyword == "ENV" and any(pair.key == "PATH" for pair in step.instruction.assignments):
            raise UnfitError(step.instruction, "PATH is changed here")
        brought = [n for n in step.before.inherited if re.search(rf"\$\{{?{n}\b", step.instruction.value)]
        if keyword in {"ENV", "WORKDIR", "USER", "EXPOSE"} and brought:
            raise UnfitError(step.instruction, f"{brought[0]} has another value in the image that runs")
        if keyword != "RUN":
            continue
        if step.script is None or not step.script.ok:
            raise UnfitError(step.instruction, "what this RUN leaves behind for the program cannot be told")
        lasting = {
            *(Purpose.PACKAGES, Purpose.CLEANUP, Purpose.INSTALL, Purpose.BUILD, Purpose.FOLDERS, Purpose.ACCOUNT),
            *(Purpose.SETTINGS, Purpose.NEUTRAL, Purpose.TOOLS),
        }
        if not step.purposes <= lasting and not all(
            basename(command.name) in known
            or command.name in {"apt-get", "apt", "apk", "adduser", "addgroup", "useradd"}
            for command in step.script.commands
        ):
            raise UnfitError(step.instruction, "what this RUN leaves behind for the program cannot be told")
        if step.calls("apk", "del") or step.calls("apt", "remove", "purge"):
            raise UnfitError(step.instruction, "packages are taken away again here")
    return stage.steps


def split(model: Model, end: End, last: Step | None, why: str, notes: tuple[Note, ...] = ()) -> Split:
    """The stage taken apart.

    Args:
        model: the Dockerfile.
        end: what the end consists of.
        last: the last step that builds; ``None`` where all of the stage belongs to the builder.
        why: what is gained.
        notes: what a person should know.

    Raises:
        UnfitError: the end would lack something.
    """
    stage = model.final
    steps = stage.steps
    at = steps.index(last) if last is not None else _last_file(steps)
    names = _system(model, end, steps[: at + 1])
    check_called(model, end, names)
    first, second = parts.builder(model, end, at), parts.end(model, end, at, names)
    stages = (spaced(model.document, first), spaced(model.document, second))
    kept = {item.instruction.index for part in (first, second) for item in part if isinstance(item, Keep)}
    if end.base:
        why = f"{why}; {end.base} names the release to whose libraries the program is linked, on which it ends, too"
    replaced = {each.index for part in (first, second) for i in part if isinstance(i, New) for each in i.replaces}
    dropped = {
        step.instruction.index: "it serves the build alone"
        for step in steps
        if step.instruction.index not in kept | replaced
    }
    return Split(stages, why, _delta(model, end), dropped, safety=Safety.REVIEW, notes=notes)


def _system(model: Model, end: End, steps: Sequence[Step]) -> tuple[str, ...]:
    """The packages that the end installs: the author's without those that only build, and what it needs beside.

    Raises:
        UnfitError: they are of another distribution, or nothing can be installed there.
    """
    stage, image = model.final, end.image
    running = {basename(name) for name in called(model)}
    wanted: list[str] = []
    at = None
    for step, name in packages.needed(model, stage, steps):
        bare = name.partition("=")[0]
        if catalog.serves_builds(bare) and bare not in running and not running & _provided(bare):
            continue
        wanted.append(name)
        at = step.instruction
    if image is None or (wanted and image.manager != stage.manager):
        raise UnfitError(
            at, f"{wanted[0] if wanted else end.reference} would have to be found for another distribution"
        )
    names = tuple(dict.fromkeys((*end.packages, *wanted)))
    if names and image.archive_moved:
        raise UnfitError(at, f"{names[0]} would have to be installed, but {image.suite}'s archive has moved")
    return names


def _provided(package: str) -> set[str]:
    return {"git": {"git"}, "curl": {"curl"}, "wget": {"wget"}, "openssh-client": {"ssh", "scp"}}.get(package, set())


def _delta(model: Model, end: End) -> ConfigDelta:
    """What changes in the configuration: what the base brought, and variables of the build."""
    config, image = model.final.config, end.image
    assert image is not None
    own = {name: value for name, value in config.env.items() if name not in config.inherited}
    env = {"PATH": DEFAULT_PATH, **image.env, **{n: v for n, v in own.items() if not end.variables.fullmatch(n)}}
    sets = any(step.instruction.keyword == "WORKDIR" for step in model.final.steps)
    base = model.final.steps[0].after
    changes: dict[str, object] = {
        "env": env,
        "volumes": (*image.volumes, *(path for path in config.volumes if path not in base.volumes)),
        "expose": (*image.expose, *(port for port in config.expose if port not in base.expose)),
    }
    if not sets and not parts.needs_folder(model, end):
        changes["workdir"] = image.workdir or "/"
    if all(step.instruction.keyword != "ENTRYPOINT" for step in model.final.steps):
        changes["entrypoint"] = image.entrypoint
    if end.cmd is not None:
        changes["cmd"] = end.cmd
    if end.entrypoint is not None:
        changes["entrypoint"] = end.entrypoint
    return stated(config, **changes)


def root_builds(steps: Iterable[Step]) -> None:
    """Refuse builds by another account than root.

    Raises:
        UnfitError: with the RUN.
    """
    for step in steps:
        if step.purposes & {Purpose.BUILD, Purpose.INSTALL} and not is_root(step.before.user):
            raise UnfitError(step.instruction, "the program is built by another user than root")


def _last_file(steps: Sequence[Step]) -> int:
    """The number of the last step that brings or makes files."""
    return max(
        number for number, step in enumerate(steps) if step.instruction.keyword in {"FROM", "COPY", "ADD", "RUN"}
    )
