"""``healthcheck``: let the engine see whether the app answers."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.model import Model
from dockfix.model.config import stated
from dockfix.recipes import probes
from dockfix.recipes.stage import insert_tail
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform


@transform("healthcheck", phase=Phase.RUNTIME, safety=Safety.REVIEW)
def healthcheck(model: Model) -> Iterator[Result]:
    """Add a health check on the port and route that the sources really have.

    What it does:
        Asks the health route that the sources or compose name, by what the image has: node, Python's http.client,
        busybox's wget. Without a known route it opens a TCP connection. A variable that decides the port is obeyed.

    Why:
        A process that runs need not answer. With a health check, `docker ps`, compose's `depends_on` and Swarm see
        the difference. Kubernetes has probes of its own and ignores it, and images in OCI format do not carry it.

    Refuses when:
        Nothing shows that the app serves, or on which port; EXPOSE names another port; several services of compose
        start the image with different commands. A health check that exists, here, in the base or switched off in
        compose, is left alone, and workers get none.

    Example:
        See fixtures/healthcheck/example.
    """
    stage, server = model.final, model.server
    at = model.start.command or stage.stage.base
    if stage.config.healthcheck or not stage.config.known:
        return
    if model.start.command is None and server.language != "nginx":
        return
    if server.kind == "worker":
        yield Note(at, f"{server.name or 'the app'} is a worker, which answers on no port")
        return
    if server.kind != "web" or server.language is None:
        return
    for service in model.services:
        if service.healthcheck_disabled:
            yield Note(at, f"compose switches health checks off ({service.origin('healthcheck')})")
            return
    commands = {service.command for service in model.services}
    if len(commands) > 1 or commands - {None}:
        service = next(service for service in model.services if service.command is not None)
        yield Refusal(at, f"compose starts the image with another command, too ({service.origin('command')})")
        return
    port = probes.nginx_port(model) if server.language == "nginx" else None
    if server.language != "nginx" and server.port is not None:
        port = server.port.value
    if port is None:
        yield Refusal(at, "on which port the app listens cannot be told")
        return
    variable = server.variable.value if server.variable is not None else None
    exposed = {name.partition("/")[0] for name in stage.config.expose}
    if exposed and str(port) not in exposed and variable is None and server.language != "nginx":
        where = f" ({server.port.origin})" if server.port is not None else ""
        yield Refusal(at, f"EXPOSE says {sorted(exposed)[0]}, the sources say {port}{where}")
        return
    command, evidence = _probe(model, port, variable)
    text = probes.instruction(command)
    value = text.removeprefix("HEALTHCHECK ").replace("\\\n    ", "")
    yield Change(
        at,
        (insert_tail(model, stage, "HEALTHCHECK", text),),
        evidence,
        Safety.REVIEW,
        stated(stage.config, healthcheck=value),
    )


def _probe(model: Model, port: int, variable: str | None) -> tuple[str, str]:
    """The command of the health check, and why it is that."""
    server, stage = model.server, model.final
    if server.language == "nginx":
        return probes.nginx(port, stage.manager or ""), f"nginx serves on port {port}"
    route = probes.compose_route(model, port) or (server.health.value if server.health is not None else None)
    if server.hosts is not None and not {"*", "127.0.0.1"} & set(server.hosts.value):
        return (
            _language(server.language, port, variable, None),
            f"the app listens on {port}, and answers only to the hosts of {server.hosts.origin}",
        )
    if route is None:
        where = f" ({server.port.origin})" if server.port is not None else ""
        return _language(
            server.language, port, variable, None
        ), f"the app listens on {port}{where}; no health route is known"
    where = f" ({server.health.origin})" if server.health is not None else ""
    return _language(server.language, port, variable, route), f"the app answers {route} on port {port}{where}"


def _language(language: str | None, port: int, variable: str | None, route: str | None) -> str:
    return probes.node(port, variable, route) if language == "node" else probes.python(port, variable, route)
