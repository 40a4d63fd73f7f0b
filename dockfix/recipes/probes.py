"""Health checks made of what an image has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.model import Model

TIMING = "--interval=30s --timeout=10s --start-period=40s --retries=3"
WIDTH = 120
"""Columns up to which a health check stands on one line."""


def instruction(command: str) -> str:
    """HEALTHCHECK with the usual timing, on one line where that fits."""
    line = f"HEALTHCHECK {TIMING} CMD {command}"
    return line if len(line) <= WIDTH else f"HEALTHCHECK {TIMING} \\\n    CMD {command}"


def node(port: int, variable: str | None, route: str | None) -> str:
    """A probe by node's own modules: an HTTP request, or a connection where no *route* is known."""
    number = f"(process.env.{variable} || {port})" if variable else str(port)
    done = "process.exit(0)"
    failed = ".on('error', () => process.exit(1))"
    if route is None:
        plain = number.strip("()")
        return f"node -e \"require('net').connect({plain}, '127.0.0.1').on('connect', () => {done}){failed}\""
    address = f"'http://127.0.0.1:' + {number} + '{route}'" if variable else f"'http://127.0.0.1:{port}{route}'"
    return f"node -e \"require('http').get({address}, r => process.exit(r.statusCode === 200 ? 0 : 1)){failed}\""


def python(port: int, variable: str | None, route: str | None) -> str:
    """A probe by Python's own modules; http.client, because urllib obeys proxy variables."""
    number = f"int(os.environ.get('{variable}', {port}))" if variable else str(port)
    extra = "import os; " if variable else ""
    if route is None:
        return (
            f"python -c \"{extra}import socket; socket.create_connection(('127.0.0.1', {number}), timeout=5).close()\""
        )
    return (
        f"python -c \"{extra}from http.client import HTTPConnection as C; c = C('127.0.0.1', {number}, timeout=5); "
        f"c.request('GET', '{route}'); exit(c.getresponse().status >= 400)\""
    )


def nginx(port: int, manager: str) -> str:
    """A probe by what the nginx images have: busybox's wget on Alpine, curl on Debian."""
    if manager == "apk":
        return f"wget -q --spider http://127.0.0.1:{port}/"
    return f"curl -fsS -o /dev/null http://127.0.0.1:{port}/ || exit 1"


def nginx_port(model: Model) -> int | None:
    """The port in the server block that the final stage brings, 80 where it brings none; ``None`` if unclear."""
    ports: set[int] = set()
    brought = False
    for placement in model.final.placements:
        if not placement.target.startswith("/etc/nginx"):
            continue
        brought = True
        data = None if placement.folder else model.app.root.read(placement.source)
        if data is None or placement.target.endswith(".template"):
            return None
        text = data.decode("utf-8", "replace")
        ports |= {
            int(match)
            for match in re.findall(r"^\s*listen\s+(?:[\d.]+:|\[::\]:)?(\d+)\s*(?:default_server)?;", text, re.M)
        }
        if re.search(r"^\s*listen\s.*ssl|^\s*return\s+30[1278]|^\s*auth_basic\s|^\s*include\s+(?!mime)", text, re.M):
            return None
    if not brought:
        return 80
    return ports.pop() if len(ports) == 1 else None


def compose_route(model: Model, port: int) -> str | None:
    """The path that a probe in compose or in Kubernetes asks for on *port*."""
    for service in model.services:
        test = service.healthcheck_test
        text = test if isinstance(test, str) else " ".join(test or ())
        match = re.search(rf"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0):{port}(/[\w./-]*)", text)
        if match:
            return match[1]
    return None
