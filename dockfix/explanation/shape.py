"""A Dockerfile in a few words: what it builds on, in which stages, and how its image starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.explanation.prose import Code, Words, listed
from dockfix.model import Purpose, Role
from dockfix.model.commands import purpose
from dockfix.recipes.accounts import created

if TYPE_CHECKING:
    from dockfix.facts.compose import Service
    from dockfix.model import Model, StageModel, Step

_LANGUAGES = {"node": "Node", "python": "Python", "nginx": "nginx"}
_DEEDS = {Purpose.INSTALL: "installs what the app depends on", Purpose.BUILD: "builds the app"}
_ROOT = frozenset({"", "root", "0"})


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a Dockerfile.

    Attributes:
        name: its name, or its number where it has none.
        base: the image, or the stage, that it builds on.
        deeds: what it does, a phrase each.
    """

    name: str
    base: str
    deeds: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a Dockerfile comes to.

    Attributes:
        base: the image that its last stage stands on.
        stages: its stages in order.
        user: the account that runs the app; empty for root, ``None`` where the base decides and is not known.
        uid: the number of that account, where it is known.
        starts: the command that a container starts.
        checked: whether the image has a health check.
        ports: the ports that it exposes.
    """

    base: str
    stages: tuple[Stage, ...]
    user: str | None
    uid: int | None
    starts: str
    checked: bool
    ports: tuple[str, ...]


def shape(model: Model) -> Shape:
    """The shape of a Dockerfile with its app."""
    final = model.final
    user = account(final)
    return Shape(
        base=_base(final),
        stages=tuple(Stage(_name(each), _own_base(each), tuple(_deeds(each))) for each in model.stages),
        user=user,
        uid=uid(final, user),
        starts=" ".join((*final.config.entrypoint, *final.config.cmd)),
        checked=bool(final.config.healthcheck) and final.config.healthcheck != "NONE",
        ports=tuple(final.config.expose),
    )


def built(model: Model, service: Service) -> StageModel:
    """The stage that a compose service builds."""
    wanted = (service.target or "").lower()
    return next((stage for stage in model.stages if wanted and (stage.stage.name or "").lower() == wanted), model.final)


def account(stage: StageModel) -> str | None:
    """Who runs the app, without the group; empty for root, ``None`` where that cannot be told."""
    user = stage.config.user.partition(":")[0]
    if not user and not stage.config.known:
        return None
    return "" if user in _ROOT else user


def uid(stage: StageModel, user: str | None) -> int | None:
    """The number of an account of a stage."""
    if not user or user.isdigit():
        return int(user) if user else None
    known = {each.name: each.uid for each in stage.accounts}
    known |= {owner.name: owner.uid for owner in created(stage) if owner.uid is not None}
    return known.get(user)


def kind(model: Model) -> str:
    """What sort of app runs, as far as that is known."""
    server = model.server
    site = model.node.spa if model.node is not None else None
    if site is not None and server.framework in {"", site.value}:
        return f"single-page app ({site.value})"
    name = server.framework or server.name
    language = _LANGUAGES.get(server.language or "", "")
    if server.kind == "worker":
        return f"{language} worker ({name})" if name else f"{language} worker".strip()
    if server.kind == "unknown" or not (name or language):
        return language or "app"
    if not name or name.lower() == language.lower():
        return f"{language} server"
    return f"{language} server ({name})" if language else f"server ({name})"


def _name(stage: StageModel) -> str:
    return stage.stage.name or f"stage {stage.index}"


def _base(stage: StageModel) -> str:
    return stage.lineage[0].reference


def _own_base(stage: StageModel) -> str:
    return _name(stage.parent) if stage.parent is not None else stage.reference


def _deeds(stage: StageModel) -> Iterator[Words]:
    packages = dict.fromkeys(name for _, name in stage.packages)
    if packages:
        yield ("installs ", *codes(packages))
    for step in stage.steps:
        yield from _deed(step)
    if stage.last("CMD") is not None or stage.last("ENTRYPOINT") is not None:
        yield ("starts ", Code(" ".join((*stage.config.entrypoint, *stage.config.cmd))))


def _deed(step: Step) -> Iterator[Words]:
    copy = step.instruction.copy
    if copy is not None and copy.from_ is not None:
        yield ("takes ", *codes(copy.sources), " from ", Code(copy.from_))
    elif step.role is Role.SOURCES:
        whole = copy is None or "." in copy.sources
        yield ("copies the sources",) if whole or copy is None else ("copies ", *codes(copy.sources))
    for command in step.script.commands if step.script is not None else ():
        deed = _DEEDS.get(purpose(command))
        if deed is not None:
            yield (f"{deed}: ", Code(" ".join(word.text for word in command.words)))


def codes(names: Iterable[str]) -> Words:
    """Names, to be read letter by letter."""
    return listed(tuple(Code(name) for name in names))
