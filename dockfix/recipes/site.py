"""The single-page app that an nginx stage serves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import dirname, normpath
from typing import TYPE_CHECKING

from dockfix.facts import Fact
from dockfix.model import Purpose
from dockfix.recipes import nginx
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.dockerfile import Instruction
    from dockfix.facts.node import Node
    from dockfix.model import Model, StageModel

ROUTERS = (
    *("react-router-dom", "react-router", "vue-router", "@angular/router", "@tanstack/react-router", "wouter"),
    *("@solidjs/router", "svelte-routing", "@reach/router", "preact-router"),
)
"""Packages that find a page by its path in the browser."""

TOUCHES = re.compile(r"/etc/nginx|nginx\.conf|conf\.d")
SETTLED = {Purpose.FOLDERS, Purpose.CLEANUP, Purpose.PACKAGES, Purpose.NEUTRAL, Purpose.ACCOUNT}


@dataclass(frozen=True, slots=True)
class Site:
    """An app that an earlier stage builds and nginx serves.

    Attributes:
        copy: the COPY that brings it.
        node: its package.json.
        source: its folder in the build context.
        router: its router.
    """

    copy: Instruction
    node: Node
    source: str
    router: Fact[str]


def site(model: Model) -> Site | None:
    """The app that the last stage, which is nginx, serves by its own configuration; ``None`` where it is not so.

    Raises:
        UnfitError: there is such an app, but a configuration for it needs more than is known.
    """
    stage = model.final
    if not _has_default(model):
        return None
    for step in stage.steps:
        copy = step.instruction.copy
        if copy is None or copy.from_ is None or normpath(copy.destination) != nginx.ROOT or len(copy.sources) != 1:
            continue
        source_stage = model.document.stage(copy.from_)
        found = _app(model, model.stages[source_stage.index], copy.sources[0]) if source_stage is not None else None
        if found is not None:
            return _checked(step.instruction, *found)
    return None


def _app(model: Model, stage: StageModel, output: str) -> tuple[Node, str] | None:
    """The package.json above the folder that a stage built."""
    folder = normpath(output if output.startswith("/") else f"/{output}")
    while folder != "/":
        folder = dirname(folder)
        path = stage.context_path(f"{folder.rstrip('/')}/package.json")
        node = model.app.node_at(dirname(path)) if path is not None else None
        if path is not None and node is not None:
            return node, dirname(path)
    return None


def _checked(copy: Instruction, node: Node, source: str) -> Site | None:
    router = next((fact for fact in _routers(node)), None)
    if router is None or node.spa is None:
        return None
    if node.base_path is not None and node.base_path.value not in {"", "/"}:
        raise UnfitError(copy, f"the app lives under {node.base_path.value} ({node.base_path.origin})")
    if node.dev_proxy is not None:
        raise UnfitError(copy, f"in development requests are passed on to a backend ({node.dev_proxy.origin})")
    return Site(copy, node, source, router)


def _routers(node: Node) -> Iterator[Fact[str]]:
    for name in ROUTERS:
        if name in node.dependencies:
            yield Fact(name, node.dependencies[name].origin)


def _has_default(model: Model) -> bool:
    """Whether nginx runs with the configuration of its image: nothing in the file or compose touches it."""
    stage = model.final
    for step in stage.all_steps:
        instruction = step.instruction
        copy = instruction.copy
        if copy is not None and copy.destination.startswith("/etc/nginx"):
            return False
        if instruction.keyword in {"CMD", "ENTRYPOINT", "VOLUME"} and "nginx -g" not in _words(instruction):
            return False
        if step.script is not None and (TOUCHES.search(instruction.value) or not step.purposes <= SETTLED):
            return False
    if stage.config.user not in {"", "root", "0"}:
        return False
    mounts = (volume.target for service in model.services for volume in service.volumes)
    commands = any(service.command is not None or service.entrypoint is not None for service in model.services)
    return not commands and not any(target.startswith("/etc/nginx") for target in mounts)


def _words(instruction: Instruction) -> str:
    return " ".join(instruction.json) if instruction.json is not None else instruction.value
