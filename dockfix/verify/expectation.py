"""What the facts and the plan say of the two images before they are built."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix.dockerfile import Document
from dockfix.model import Model
from dockfix.model.config import difference

if TYPE_CHECKING:
    from dockfix.engine import Plan
    from dockfix.facts import App
    from dockfix.model import StageModel
    from dockfix.model.config import Config, ConfigDelta
    from dockfix.options import Options

_ROUTE = re.compile(r"https?://[^/'\"\s]+(/[^'\"\s,);|]*)|['\"]GET['\"],\s*['\"](/[^'\"]*)")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Expectation:
    """What may be expected of the original and the rewrite.

    Attributes:
        ports: where the app of each listens, as far as the facts tell: before, after.
        paths: the routes to ask for, ``/`` first.
        asked: those of them that a person asked for.
        other_server: the program that serves instead of the app's own; ``""`` where the server stays.
        declared: what the plan changes of the configuration, ``key: (old, new)``.
        provenance: names of variables that only say where an image comes from.
        entry: the source file that starts the app, a path in the context.
        build_args: arguments given to the build.
        env: variables that compose gives to the container, as far as the files tell their values.
        neighbours: names of compose's other services, by which the app may call them.
    """

    ports: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    paths: tuple[str, ...] = ("/",)
    asked: frozenset[str] = frozenset()
    other_server: str = ""
    declared: ConfigDelta = field(default_factory=dict)
    provenance: frozenset[str] = frozenset()
    entry: str | None = None
    build_args: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    neighbours: frozenset[str] = frozenset()

    def told(self, name: str) -> str | None:
        """The value that the plan gives a variable; ``None`` where it is not told to the letter.

        What comes from the base, as part of ``PATH`` does, and what arguments of the build make of it is known by the
        builder alone.
        """
        value = self.declared.get(f"ENV {name}", (None, None))[1]
        if not isinstance(value, str) or "$" in value or self.build_args or name == "PATH" or name in self.provenance:
            return None
        return value


def expectation(
    plan: Plan,
    app: App,
    options: Options,
    *,
    target: str | None = None,
    build_args: Mapping[str, str] | None = None,
    asked: Collection[str] = (),
) -> Expectation:
    """What *plan* promises, from the models of both texts.

    Args:
        plan: the plan.
        app: the facts with which it was made.
        options: the options with which it was made.
        target: the stage that is built; by default the last.
        build_args: arguments given to the build beside those of compose.
        asked: routes to ask for beside those that the facts name.

    Raises:
        DockerfileError: one of the texts is no Dockerfile.
    """
    before = Model(Document.parse(plan.before, plan.path), app, options)
    after = Model(Document.parse(plan.after, plan.path), app.overlay(plan.files), options)
    old, new = _built(before, target).config, _built(after, target).config
    served = after.server.name if after.server.language != before.server.language and after.server.name else ""
    routes = [fact.value for fact in (before.server.health, after.server.health) if fact is not None]
    routes += _routes(old.healthcheck) + _routes(new.healthcheck)
    files = before.server_files()
    return Expectation(
        ports=(_ports(before, old), _ports(after, new)),
        paths=tuple(dict.fromkeys(["/", *routes, *asked])),
        asked=frozenset(asked),
        other_server=served if served == "nginx" else "",
        declared=difference(old, new),
        provenance=_provenance(old) | _provenance(new),
        entry=files[0] if files else None,
        build_args={
            **next((_known(service.build_args) for service in app.compose if service.build_args), {}),
            **(build_args or {}),
        },
        env=next((_known(service.environment) for service in app.compose), {}),
        neighbours=_neighbours(app),
    )


def _built(model: Model, target: str | None) -> StageModel:
    """The stage that is built; the last where there is none of that name, which the builder says."""
    stage = model.document.stage(target) if target is not None else None
    return model.final if stage is None else model.stages[stage.index]


def _ports(model: Model, config: Config) -> tuple[int, ...]:
    port = model.server.port
    exposed = (text.partition("/") for text in config.expose)
    named = [int(number) for number, _, protocol in exposed if number.isdigit() and protocol in {"", "tcp"}]
    return tuple(dict.fromkeys(([port.value] if port is not None else []) + named))


def _routes(healthcheck: str) -> list[str]:
    return [absolute or relative for absolute, relative in _ROUTE.findall(healthcheck)]


def _provenance(config: Config) -> frozenset[str]:
    return config.inherited - {"PATH"}


def _known(values: Mapping[str, str | None]) -> dict[str, str]:
    """Those of *values* that are written down; the others come from whoever runs compose."""
    return {name: value for name, value in values.items() if value is not None and "$" not in value}


def _neighbours(app: App) -> frozenset[str]:
    """The services beside the app's own; those of every compose file where none builds this Dockerfile."""
    own = {(service.file, service.name) for service in app.compose}
    files = {file for file, _ in own}
    beside = (service for service in app.all_services if not files or service.file in files)
    names = {service.name for service in beside if (service.file, service.name) not in own}
    return frozenset(name for name in names if _HOST.fullmatch(name)) - {name for _, name in own}
