"""nginx without root: what must hold, and what it then needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix.model.config import join
from dockfix.recipes.grants import of_services
from dockfix.recipes.obstacle import Obstacle
from dockfix.recipes.programs import final_services

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.model import Model, Placement
    from dockfix.recipes.accounts import Owner

CONF = "/etc/nginx/nginx.conf"
SITES = "/etc/nginx/conf.d/"
CACHE = "/var/cache/nginx"
PID = "/run/nginx.pid"
"""Where the official images keep the pid; older ones say /var/run, which is a link to /run:
https://github.com/nginx/docker-nginx/blob/master/stable/debian/Dockerfile
"""
LISTEN = re.compile(r"^\s*listen\s+([^;]+);", re.MULTILINE)
PLACES = re.compile(
    r"^\s*(pid|access_log|error_log|\w+_temp_path|proxy_cache_path|fastcgi_cache_path|lock_file)\s+([^\s;]+)",
    re.MULTILINE,
)
ALLOWED = re.compile(
    rf"off|stderr|/dev/std(?:out|err)|syslog:\S*|/var/log/nginx/\S*|{CACHE}/\S*|/tmp/\S*|(?:/var)?{PID}|\"?/dev/null"
)


def nginx_run(owner: Owner) -> str:
    """The RUN that gives nginx its cache and its pid file; the folders below the cache nginx makes itself."""
    return f"RUN touch {PID} && chown {owner.pair} {PID} {CACHE}"


def nginx_obstacle(model: Model) -> Obstacle | None:
    """Why nginx stays root's; ``None`` where nothing keeps it from running as its own account."""
    return next(_obstacles(model), None)


def _obstacles(model: Model) -> Iterator[Obstacle]:
    base = model.final.stage.base
    words = model.start.words
    if words[:1] != ("nginx",):
        yield Obstacle(model.start.command, "nginx is started by another program, which may need root")
    for step in model.final.all_steps:
        if step.instruction.keyword == "ONBUILD":
            yield Obstacle(step.instruction, "ONBUILD acts in images built from this one, which expect root")
        copy = step.instruction.copy
        if copy is None:
            continue
        target = join(step.before.workdir, copy.destination)
        if target.startswith("/docker-entrypoint.d"):
            yield Obstacle(
                step.instruction, "a script of docker-entrypoint.d changes files of root's when the container starts"
            )
        if target.startswith("/etc/nginx/templates"):
            yield Obstacle(
                step.instruction, "the image fills in the templates when the container starts, into a folder of root's"
            )
        if copy.from_ is not None and f"{target}/".startswith("/etc/nginx/"):
            yield Obstacle(step.instruction, "what nginx's configuration from another stage says cannot be told")
    yield from of_services(model)
    for service in final_services(model):
        if service.command or service.entrypoint:
            attribute = "command" if service.command else "entrypoint"
            yield Obstacle(None, f"compose starts something of its own ({service.origin(attribute)})")
        for volume in service.volumes:
            if f"{join('/', volume.target)}/".startswith(("/etc/", "/docker-entrypoint.d/", "/var/", "/run/")):
                yield Obstacle(None, f"compose mounts {volume.target} over nginx's own files ({volume.origin})")
    texts = list(_texts(model))
    for placement, text in texts:
        if text is None:
            yield Obstacle(placement.step.instruction, f"{placement.source} cannot be read")
            continue
        for match in PLACES.finditer(text):
            if not ALLOWED.fullmatch(match[2].strip("\"'")):
                yield Obstacle(placement.step.instruction, f"{placement.source} writes to {match[2]}")
    listens = [(match[1].strip(), placement) for placement, text in texts for match in LISTEN.finditer(text or "")]
    if _stock_site(model, texts):
        yield Obstacle(
            base,
            "nginx listens on port 80 by the image's own site, which needs root on some runtimes",
        )
    elif not listens:
        yield Obstacle(base, "on which port nginx listens cannot be told")
    for value, placement in listens:
        port = _port(value)
        if port is None or port < 1024:
            why = (
                f"nginx listens on {value.split(maxsplit=1)[0]} ({placement.source}), which needs root on some runtimes"
            )
            yield Obstacle(placement.step.instruction, why)


def _texts(model: Model) -> Iterator[tuple[Placement, str | None]]:
    """The configuration files that the stage copies."""
    for placement in model.final.placements:
        if not f"{placement.target}/".startswith("/etc/nginx/"):
            continue
        if not placement.folder:
            yield placement, _read(model, placement.source)
            continue
        for path in model.app.root.walk(placement.source):
            if path.endswith(".conf"):
                yield placement, _read(model, path)


def _read(model: Model, path: str) -> str | None:
    data = model.app.root.read(path)
    return None if data is None else re.sub(r"#.*", "", data.decode("utf-8", "replace"))


def _stock_site(model: Model, texts: list[tuple[Placement, str | None]]) -> bool:
    """Whether the image's own site, on port 80, is still served."""
    main = [text for placement, text in texts if placement.target == CONF]
    if main and main[-1] is not None and "conf.d/" not in main[-1]:
        return False
    replaced = any(placement.target in {f"{SITES}default.conf", SITES.rstrip("/")} for placement, _ in texts)
    for placement, _ in texts:
        if placement.folder and placement.target.rstrip("/") + "/" == SITES:
            replaced = replaced or model.app.root.exists(f"{placement.source}/default.conf")
    for step in model.final.all_steps:
        for command in step.script.commands if step.script else ():
            if command.name == "rm" and any(
                arg.startswith((f"{SITES}default", SITES + "*", SITES[:-1])) for arg in command.args
            ):
                replaced = True
    return not replaced


def _port(value: str) -> int | None:
    """The port of a ``listen``; ``None`` where it is a variable, 0 for a socket."""
    address = value.split(maxsplit=1)[0]
    if address.startswith("unix:"):
        return 0
    match = re.fullmatch(r"(?:\[[^\]]*\]:|[^:\[\]]*:)?(\d+)", address)
    if match is not None:
        return int(match[1])
    return None if "$" in address else 80
