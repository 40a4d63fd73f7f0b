"""What the app of the final stage serves, where, and what it writes while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from dockfix.facts import Fact
    from dockfix.model import Model

Kind = Literal["web", "worker", "unknown"]
Language = Literal["node", "python", "nginx"]


@dataclass(frozen=True)
class Server:
    """The app's server side.

    Attributes:
        kind: whether it answers on a port; ``unknown`` where the sources do not tell.
        language: whose interpreter can probe it, as far as it is known.
        port: the port that is bound.
        variable: the environment variable that overrides the port.
        health: the route of a health check found in the sources.
        bind: the address that is bound.
        writes: files and folders written at run time, relative to the app's folder or absolute.
        writes_unknown: a place that writes where it cannot be told where.
        reads: files and folders read at run time.
        reads_unknown: a place that reads where it cannot be told what.
        tools: programs called at run time.
        hosts: the hosts that the app answers to, where it checks them.
    """

    kind: Kind = "unknown"
    language: Language | None = None
    port: Fact[int] | None = None
    variable: Fact[str] | None = None
    health: Fact[str] | None = None
    bind: Fact[str] | None = None
    writes: tuple[Fact[str], ...] = ()
    writes_unknown: Fact[str] | None = None
    reads: tuple[Fact[str], ...] = ()
    reads_unknown: Fact[str] | None = None
    tools: tuple[Fact[str], ...] = ()
    imports: tuple[Fact[str], ...] = ()
    hosts: tuple[str, ...] = ()
    framework: str = ""


def server_of(model: Model) -> Server:
    """The server that the final stage starts, from the sources behind its start command."""
    program = model.start.program
    if not program:
        return Server()
    name = basename(program[0])
    if name == "nginx" or (model.final.image is not None and model.final.image.name == "nginx"):
        return Server("web", "nginx")
    if name == "node" and model.node is not None:
        return _node(model, program)
    if model.app.python is not None and (name.startswith("python") or name in PYTHON_SERVERS):
        return _python(model, program)
    return Server()


PYTHON_SERVERS = frozenset(
    {"flask", "gunicorn", "uvicorn", "fastapi", "hypercorn", "daphne", "waitress-serve", "streamlit", "celery"}
)


def _node(model: Model, program: tuple[str, ...]) -> Server:
    entry = entry_file(program)
    if model.node is None or entry is None:
        return Server(language="node")
    found = model.node.server_of(entry)
    if found is None:
        return Server(language="node")
    return Server(
        "web" if found.port is not None or found.port_variable is not None else "unknown",
        "node",
        found.port,
        found.port_variable,
        found.health,
        found.bind,
        found.writes,
        found.writes_unknown,
        found.reads,
        found.reads_unknown,
        (),
        found.imports,
    )


def entry_file(program: tuple[str, ...]) -> str | None:
    """The file that ``node`` with these words runs, options left out."""
    valued = {"-r", "--require", "--import", "--loader", "--env-file"}
    skip = False
    for word in program[1:]:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            return word
    return None


def _python(model: Model, program: tuple[str, ...]) -> Server:
    python = model.app.python
    assert python is not None
    found = python.server_of(program, dict(model.final.config.env))
    return Server(
        {"web": "web", "worker": "worker"}.get(found.kind.value if found.kind else "", "unknown"),  # type: ignore[arg-type]
        "python",
        found.port,
        found.port_variable,
        found.health,
        found.bind,
        found.writes,
        found.writes_unknown,
        (),
        None,
        found.tools,
        found.imports,
        found.allowed_hosts.value if found.allowed_hosts else (),
        found.framework.value if found.framework else "",
    )
