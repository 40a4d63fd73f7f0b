"""How a rewritten image fits what runs it: the services of compose files, and Kubernetes manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.explanation.prose import Code, Words
from dockfix.explanation.shape import built, codes

if TYPE_CHECKING:
    from dockfix.facts.compose import Service, Volume
    from dockfix.facts.kubernetes import Container
    from dockfix.model import Model

TUNING = (
    "NODE_OPTIONS",
    "UV_THREADPOOL_SIZE",
    "WEB_CONCURRENCY",
    "GUNICORN_CMD_ARGS",
    "JAVA_OPTS",
    "JAVA_TOOL_OPTIONS",
    "GOMEMLIMIT",
    "GOMAXPROCS",
    "MALLOC_ARENA_MAX",
)
"""Variables that say how much a process takes of its machine."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A service and what its compose file says that meets the image.

    Attributes:
        service: its name.
        file: the compose file, from the repository's root.
        origin: where it is written.
        points: what there is to say, a sentence each.
    """

    service: str
    file: str
    origin: str
    points: tuple[Words, ...]


def fits(model: Model) -> tuple[Fit, ...]:
    """The services that build a Dockerfile."""
    return tuple(Fit(each.name, each.file, each.origin(), tuple(_points(model, each))) for each in model.services)


def probed(containers: Iterable[Container]) -> Iterator[Words]:
    """What manifests say of probes, with all the containers of which it holds."""
    found: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for each in containers:
        kinds: tuple[str, ...] = tuple(dict.fromkeys(probe.kind for probe in each.probes))
        found.setdefault(kinds, {}).setdefault(each.name, []).append(each.origin)
    for kinds, places in found.items():
        told: Words = tuple(
            part for name, origins in places.items() for part in (", ", Code(name), " (", *codes(origins), ")")
        )[1:]
        verb = "has" if sum(map(len, places.values())) == 1 else "have"
        yield (*told, f" {verb} ", *(("probes: ", *codes(kinds)) if kinds else ("no probe",)))


def _points(model: Model, service: Service) -> Iterator[Words]:
    yield from _build(service)
    yield from _health(model, service)
    if service.command is not None or service.entrypoint is not None:
        attribute = "command" if service.command is not None else "entrypoint"
        yield (f"its {attribute} (", Code(service.origin(attribute)), ") takes the place of the image's")
    yield from _privileges(service)
    for volume in service.volumes:
        yield from _volume(model, service, volume)
    yield from _environment(model, service)
    if service.memory:
        yield ("it may use ", Code(service.memory), " of memory (", Code(service.origin("memory")), ")")


def _build(service: Service) -> Iterator[Words]:
    if service.target is not None:
        yield (
            "builds the stage ",
            Code(service.target),
            " (",
            Code(service.origin("target")),
            "), which is still there",
        )
    if service.cache_from:
        origin = service.origin("cache_from")
        yield ("looks for layers in ", *codes(service.cache_from), " (", Code(origin), "), as before")
    for port in service.ports:
        if port.target is not None:
            outside = port.published or "a free port"
            yield ("port ", Code(str(port.target)), f" is published as {outside} (", Code(port.origin), "), as before")


def _health(model: Model, service: Service) -> Iterator[Words]:
    config = built(model, service).config
    has = bool(config.healthcheck) and config.healthcheck != "NONE"
    if service.healthcheck_disabled:
        yield ("switches health checks off (", Code(service.origin("healthcheck")), ")")
    elif service.healthcheck:
        origin = service.origin("healthcheck")
        also = ", which wins over the image's" if has else ""
        yield ("has a health check of its own (", Code(origin), f"){also}")
    elif has:
        yield ("takes the health check of the image",)
    if service.healthy_dependents:
        waits = "waits" if len(service.healthy_dependents) == 1 else "wait"
        yield (*codes(service.healthy_dependents), f" {waits} until it is healthy")
        if not has and not service.healthcheck:
            yield ("it has no health check, so that those never start",)
    if service.depends_on:
        yield ("starts after ", *codes(service.depends_on))


def _privileges(service: Service) -> Iterator[Words]:
    if service.user is not None:
        yield ("runs as ", Code(service.user), " (", Code(service.origin("user")), "), whatever the image says")
    if service.init:
        yield ("gets an init from the daemon (", Code(service.origin("init")), ")")
    if service.read_only:
        yield ("has a read-only root file system (", Code(service.origin("read_only")), ")")
    if service.security_opt:
        yield ("security options: ", *codes(service.security_opt), " (", Code(service.origin("security_opt")), ")")
    if service.cap_drop:
        yield ("drops the capabilities ", *codes(service.cap_drop), " (", Code(service.origin("cap_drop")), ")")
    if service.cap_add:
        yield ("gets the capabilities ", *codes(service.cap_add), " (", Code(service.origin("cap_add")), ")")
    if service.privileged:
        yield ("runs privileged (", Code(service.origin("privileged")), "), which undoes most of what a user is for")


def _volume(model: Model, service: Service, volume: Volume) -> Iterator[Words]:
    place: Words = (Code(volume.target), " (", Code(volume.origin), ")")
    if volume.kind == "bind":
        hides = service.binds_over(model.folder)
        what = ", and hides the app's folder of the image" if volume in hides else ""
        yield ("mounts ", Code(volume.source or ""), " at ", *place, what)
    elif volume.kind == "named":
        yield ("keeps the volume ", Code(volume.source or ""), " at ", *place)
    elif volume.kind == "tmpfs":
        yield ("has a folder in memory at ", *place)


def _environment(model: Model, service: Service) -> Iterator[Words]:
    image = built(model, service).config
    for name, value in service.environment.items():
        if name in image.env and name not in image.inherited and value not in {None, image.env[name]}:
            yield (Code(f"{name}={value}"), " wins over the image's ", Code(image.env[name]))
        elif name in TUNING:
            yield (Code(name if value is None else f"{name}={value}"), " reaches the app as before")
