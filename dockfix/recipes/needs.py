"""What a stage needs of its base, beyond what it installs itself: what the full image gave for free."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.model import Purpose

if TYPE_CHECKING:
    from dockfix.facts.requirement import Requirement
    from dockfix.model import Model, StageModel, Step


@dataclass(frozen=True, slots=True)
class Call:
    """A program that is called.

    Attributes:
        name: the program.
        where: what calls it, for reports.
    """

    name: str
    where: str


def calls(model: Model, stage: StageModel) -> Iterator[Call]:
    """Every program that the RUNs of *stage* call, and of the final stage also what runs in a container."""
    for step in stage.steps:
        for command in step.script.commands if step.script else ():
            if command.name and command.name != "sudo":
                yield Call(basename(command.name), f"line {step.instruction.line}")
    if stage is not model.final:
        return
    for name in model.start.names:
        yield Call(name, "the start command")
    if model.start.script is not None:
        for fact in model.start.script.commands:
            if fact.value:
                yield Call(basename(fact.value[0]), fact.origin)
    for tool in model.server.tools:
        yield Call(basename(tool.value), tool.origin)
    for service in model.services:
        for attribute, words in (("healthcheck", service.healthcheck_test), ("command", service.command)):
            text = words if isinstance(words, str) else " ".join(words or ())
            if text:
                yield from _line_calls(text, service.origin(attribute))
    for call in model.app.compose_calls:
        if call.words:
            yield Call(basename(call.words[0]), call.origin)
    health = stage.last("HEALTHCHECK")
    if health is not None and health.instruction.healthcheck_command not in {None, "NONE"}:
        words = health.instruction.json
        text = " ".join(words) if words is not None else health.instruction.healthcheck_command or ""
        yield from _line_calls(text, f"line {health.instruction.line}")


def _line_calls(text: str, where: str) -> Iterator[Call]:
    from dockfix.dockerfile.shell import parse_shell

    for command in parse_shell(text).commands:
        if command.name:
            yield Call(basename(command.name), where)


def tools(model: Model, stage: StageModel) -> dict[str, Call]:
    """Debian packages whose programs *stage* calls without installing them, each with a caller.

    https and git need the certificates too, which come as a recommended package only.
    """
    installed = {name.partition("=")[0].partition(":")[0] for other in stage.lineage for _, name in other.packages}
    found: dict[str, Call] = {}
    for call in calls(model, stage):
        packages = catalog.provides(call.name)
        if packages and not installed & set(packages):
            found.setdefault(packages[0], call)
            if call.name in {"curl", "wget", "git"} and "ca-certificates" not in installed:
                found.setdefault("ca-certificates", call)
    for step in stage.doing(Purpose.INSTALL):
        if "git" not in installed and _from_git(model, step):
            found.setdefault("git", Call("git", f"line {step.instruction.line}"))
            found.setdefault("ca-certificates", Call("git", f"line {step.instruction.line}"))
    return found


def _from_git(model: Model, step: Step) -> bool:
    text = step.instruction.text
    if "git+" in text:
        return True
    return any(requirement.url.startswith("git+") for requirement in model.requirements) and bool(step.calls("pip"))


def installs_python(stage: StageModel) -> bool:
    """Whether *stage* itself installs Python packages."""
    managers = {"pip", "poetry", "uv", "pipenv"}
    return any(
        called.manager in managers and called.verb in {"install", "sync"}
        for step in stage.steps
        for called in step.invocations
    )


def installs_node(stage: StageModel) -> bool:
    """Whether *stage* itself installs Node packages."""
    managers = {"npm", "yarn", "pnpm", "bun"}
    return any(called.manager in managers for step in stage.doing(Purpose.INSTALL) for called in step.invocations)


def python_version(stage: StageModel) -> str | None:
    """``3.11`` of ``python:3.11.4``; ``None`` where the tag names no minor version."""
    version = stage.image.version if stage.image is not None and stage.image.name == "python" else ""
    parts = version.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 else None


def title(requirement: Requirement) -> str:
    """A requirement for a report: name, version and where it is asked for."""
    version = f" {requirement.version}" if requirement.version else ""
    return f"{requirement.name}{version} ({requirement.origin})"
