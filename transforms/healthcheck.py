"""``healthcheck``: let the engine see whether the app answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import Instruction
from dockfix.model import Model
from dockfix.model.config import stated
from dockfix.model.server import LOOPBACK
from dockfix.model.start import RUNTIMES
from dockfix.recipes import probes
from dockfix.recipes.programs import final_services, programs, settings
from dockfix.recipes.stage import insert_tail
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.facts import Fact


HTTPS = re.compile(
    rb"https\.createServer|createSecureServer|\bhttpsOptions\b|\bhttps\s*:\s*\{(?:(?!\bhttps\s*:\s*\{)[^}])*\b(?:key|pfx|cert)\b"
    rb"|\{(?=[^{}]*\bcreateServer\b)[^{}]*\}\s*(?:=\s*require\(|from\s*)['\"](?:node:)?https['\"]"
)
"""Servers with certificates: https://nodejs.org/api/https.html, https://fastify.dev/docs/latest/Reference/Server/#https,
https://docs.nestjs.com/faq/multiple-servers#https
"""
EVERYWHERE = frozenset({"", "*", "+", "0.0.0.0", "::", "0", "::0"})  # noqa: S104  dockfix reads addresses and binds none
"""Addresses that stand for all of a container's."""


@transform("healthcheck", phase=Phase.RUNTIME, safety=Safety.REVIEW)
def healthcheck(model: Model) -> Iterator[Result]:
    """Add a health check on the port and route that the sources really have.

    What it does:
        Asks the health route that compose, Kubernetes manifests or the sources name, by what the image has: node,
        Python's http.client, busybox's wget. Without a known route, or where the app answers to some hosts alone, it
        opens a TCP connection. A variable that decides the port is obeyed.

    Why:
        A process that runs need not answer. With a health check, `docker ps`, compose's `depends_on` and Swarm see
        the difference. Kubernetes has probes of its own and ignores it, and images in OCI format do not carry it.

    Refuses when:
        Nothing shows on which port the app listens; EXPOSE names another port; it serves https, or on one address
        alone; a service of compose starts the image with a command that does not serve there; nginx hands requests on,
        asks for a password or turns the container itself away; the base is unknown. A health check that exists, here,
        in an earlier stage or in the base, or that compose switches off, is left alone, and workers get none.

    Good to know:
        An unhealthy container is restarted by Swarm alone; Docker and compose only show it, and `depends_on` waits for
        it. Kubernetes ignores it: its pods need probes. Podman and buildah drop it unless the image is built with
        `--format docker`. It asks 127.0.0.1 and not localhost, which is also ::1, which busybox tries first and where
        not every app listens.

    Example:
        See fixtures/healthcheck/example.
    """
    stage, server = model.final, model.server
    at = model.start.command or stage.starter
    if stage.config.healthcheck.upper() == "NONE":
        step = stage.setting("HEALTHCHECK")
        yield Note(step.instruction if step is not None else at, "health checks are switched off")
        return
    if stage.config.healthcheck:
        return
    if at is None and server.language != "nginx":
        name = basename(model.start.words[0]) if model.start.words else ""
        if catalog.steps_down(name):
            yield Refusal(
                stage.stage.base, f"on which port {name} listens is for its configuration to say, which is not read"
            )
        return
    if server.kind == "worker":
        yield Note(at, f"{server.name or 'the app'} is a worker, which answers on no port")
        return
    at = at or stage.stage.base
    if server.kind != "web" or server.language is None:
        yield Refusal(at, "whether the app serves, and on which port, cannot be told")
        return
    if not stage.config.known:
        yield Refusal(at, f"what {stage.reference} brings is not known: {stage.unresolved}")
        return
    for service in final_services(model):
        if service.healthcheck_disabled:
            yield Note(at, f"compose switches health checks off ({service.origin('healthcheck')})")
            return
    if server.bind is not None and server.bind.value in LOOPBACK:
        why = f"the app listens on {server.bind.value} alone ({server.bind.origin}), where nobody outside reaches it"
        yield Note(at, why, advice=True)
        return
    if server.bind is not None and server.bind.value.strip("[]") not in EVERYWHERE:
        why = f"the app listens on {server.bind.value} alone ({server.bind.origin}), and a health check asks elsewhere"
        yield Refusal(at, why)
        return
    encrypted = _tls(model)
    if encrypted is not None:
        yield Refusal(at, f"the app serves https ({encrypted}), for which no probe is written")
        return
    if server.language == "nginx":
        yield from _nginx(model, at)
        return
    port = server.port or _exposed(model)
    socket = probes.unix_socket(model) if server.port is None else None
    if socket is not None:
        other = _other_service(model, None)
        why = f"the app listens on {socket[0]} (the start command), a socket in a file"
        yield Refusal(at, other) if other is not None else _change(model, at, socket[1], why)
        return
    if port is None:
        yield Refusal(at, "on which port the app listens cannot be told")
        return
    disagreement = _disagreement(model, port) or _other_service(model, port)
    if disagreement is not None:
        yield Refusal(at, disagreement)
        return
    found = _probe(model, port)
    if found is None:
        yield Refusal(at, "nothing in the image is known that could ask the app")
        return
    yield _change(model, at, *found)


def _change(model: Model, at: Instruction, command: str, why: str) -> Change:
    text = probes.instruction(command)
    value = text.removeprefix("HEALTHCHECK ").replace("\\\n    ", "")
    edit = insert_tail(model, model.final, "HEALTHCHECK", text)
    return Change(at, (edit,), why, Safety.REVIEW, stated(model.final.config, healthcheck=value))


def _nginx(model: Model, at: Instruction) -> Iterator[Result]:
    from dockfix.facts import Fact

    site = probes.nginx_site(model)
    if site.problem:
        yield Refusal(at, f"what nginx answers cannot be told: {site.problem}")
        return
    changed = _disagreement(model, Fact(site.port, "nginx's configuration")) or _other_service(model, None)
    command = probes.nginx(model, site)
    if changed is not None or command is None:
        yield Refusal(at, changed or f"{model.final.reference} is not known to have anything that could ask nginx")
        return
    what = "" if site.path == "/" else f" and answers {site.path}"
    yield _change(model, at, command, f"nginx serves on port {site.port}{what}")


def _tls(model: Model) -> str | None:
    """Where the sources or the start command say that the app serves https."""
    if model.server.tls is not None:
        return model.server.tls.origin
    words = model.start.main or ()
    for word in words:
        if word.partition("=")[0] in {"--certfile", "--ssl-keyfile", "--ssl-certfile", "--cert", "--ssl-cert"}:
            return f"{word.partition('=')[0]} of the start command"
    for program in programs(model):
        told = settings(model, program)
        if told is not None and re.search(r"^\s*(?:certfile|keyfile)\s*=", told[1], re.MULTILINE):
            return told[0]
    for path in model.server_files():
        data = model.app.root.read(path) or b""
        if HTTPS.search(data) and b"http.createServer" not in data:
            return model.app.origin(path)
    return None


def _exposed(model: Model) -> Fact[int] | None:
    """The one port of EXPOSE, where a variable without a default decides the port."""
    from dockfix.facts import Fact

    names = [name.partition("/")[0] for name in model.final.config.expose]
    if model.server.variable is None or len(names) != 1 or not names[0].isdigit():
        return None
    return Fact(int(names[0]), "EXPOSE")


def _disagreement(model: Model, port: Fact[int]) -> str | None:
    """How EXPOSE contradicts the port, where nothing sets the variable that decides it."""
    server, config = model.server, model.final.config
    exposed = {name.partition("/")[0] for name in config.expose}
    if not exposed or str(port.value) in exposed or not all(name.isdigit() for name in exposed):
        return None
    if model.final.setting("EXPOSE") is None:
        return None
    services = final_services(model)
    if server.variable is not None:
        name = server.variable.value
        if services and all(name in service.environment for service in services):
            return None
    listed = " and ".join(sorted(exposed, key=int))
    return f"EXPOSE says {listed}, the app binds {port.value} ({port.origin})"


def _other_service(model: Model, port: Fact[int] | None) -> str | None:
    """A compose service that the health check would be wrong for."""
    for service in final_services(model):
        if service.healthcheck or (service.command is None and service.entrypoint is None):
            continue
        attribute = "command" if service.command is not None else "entrypoint"
        origin = service.origin(attribute)
        server = model.served_by(service)
        if server.kind != "web" or server.language != model.server.language:
            return f"compose starts the image with another command, which is not known to serve ({origin})"
        if port is not None and (server.port is None or server.port.value != port.value):
            return f"compose starts the image with another command, on another port than {port.value} ({origin})"
    return None


def _probe(model: Model, port: Fact[int]) -> tuple[str, str] | None:
    """The command of the health check, and why it is that."""
    server, image = model.server, model.final.image
    told = probes.told_route(model, port.value)
    route = told or server.health
    why = f"the app listens on {port.value} ({port.origin})"
    if server.hosts is not None and not {"*", "127.0.0.1"} & set(server.hosts.value):
        route, why = None, f"{why}, and answers only to the hosts of {server.hosts.origin}"
    elif route is None:
        why += "; no health route is known"
    elif told is not None:
        why = f"a probe asks for {told.value} already ({told.origin}), on port {port.value} ({port.origin})"
    else:
        why = f"the app answers {route.value} ({route.origin}) on port {port.value} ({port.origin})"
    variable = server.variable.value if server.variable is not None else None
    path = route.value if route is not None else None
    if server.language == "node":
        runtime = RUNTIMES.get(image.name, "node") if image is not None else "node"
        return probes.node(port.value, variable, path, runtime), why
    if server.language != "python":
        command = probes.http(model, port.value, variable, path)
        if command is not None and path is not None and path not in command:
            why = f"the app listens on {port.value} ({port.origin}); nothing in the image is known to ask for {path}"
        return (command, why) if command is not None else None
    if image is not None and image.name == "python" and image.version.startswith("2"):
        path = None  # its http.client has another name
    interpreter = probes.interpreter(model)
    return (probes.python(interpreter, port.value, variable, path), why) if interpreter is not None else None
