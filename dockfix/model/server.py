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

PYTHON_SERVERS = frozenset(
    {"flask", "gunicorn", "uvicorn", "fastapi", "hypercorn", "daphne", "waitress-serve", "streamlit", "celery"}
)


@dataclass(frozen=True)
class Server:
    """The app's server side. A fact that is not decided is absent.

    Attributes:
        kind: ``web`` answers on a port, ``worker`` runs until it is stopped; ``unknown`` where nothing tells.
        language: whose interpreter can probe it.
        name: the program that serves, such as ``gunicorn`` or ``celery``.
        framework: the web framework.
        port: the port that is bound where no variable overrides it.
        variable: the environment variable that overrides the port.
        health: the route of a health check found in the sources.
        bind: the address that is bound.
        hosts: the hosts that the app answers to, where it checks them; empty where it checks and they are unknown.
        writes: folders written at run time, relative to the app's folder or absolute; ``.`` is the app's folder.
        written_files: files written, in the same terms.
        writes_unknown: a place that writes where it cannot be told where.
        reads: files and folders read at run time.
        reads_unknown: a place that reads where it cannot be told what.
        tools: programs called at run time.
        imports: packages that the sources load.
        unread: why the absence of a fact proves nothing.
    """

    kind: Kind = "unknown"
    language: Language | None = None
    name: str = ""
    framework: str = ""
    port: Fact[int] | None = None
    variable: Fact[str] | None = None
    health: Fact[str] | None = None
    bind: Fact[str] | None = None
    hosts: Fact[tuple[str, ...]] | None = None
    writes: tuple[Fact[str], ...] = ()
    written_files: tuple[Fact[str], ...] = ()
    writes_unknown: Fact[str] | None = None
    reads: tuple[Fact[str], ...] = ()
    reads_unknown: Fact[str] | None = None
    tools: tuple[Fact[str], ...] = ()
    imports: tuple[Fact[str], ...] = ()
    unread: bool = False


def server_of(model: Model) -> Server:
    """The server that the final stage starts, from the sources behind its start command."""
    if model.final.image is not None and model.final.image.name == "nginx":
        return Server("web", "nginx", "nginx")
    program = model.start.main
    if not program:
        return Server()
    name = basename(program[0])
    if name == "nginx":
        return Server("web", "nginx", "nginx")
    if model.node is not None and (name == "node" or model.start.resolved is not None):
        return _node(model, program)
    if model.app.python is not None and (name.startswith("python") or name in PYTHON_SERVERS):
        return _python(model, program)
    return Server()


def _node(model: Model, program: tuple[str, ...]) -> Server:
    node, resolved = model.node, model.start.resolved
    assert node is not None
    entry = entry_file(program) if basename(program[0]) == "node" else None
    if resolved is not None and entry is None:
        entry = resolved.entry
    if entry is None:
        return Server(language="node", name=basename(program[0]))
    found = node.server_of(entry)
    return Server(
        kind="web" if found.listens is not None else "unknown",
        language="node",
        name=basename(program[0]),
        framework=node.framework.value if node.framework is not None else "",
        port=found.port,
        variable=found.port_variable,
        health=found.health,
        bind=found.bind,
        writes=found.writes,
        written_files=found.written_files,
        writes_unknown=found.writes_unknown,
        reads=found.reads,
        reads_unknown=found.reads_unknown,
        tools=found.tools,
        imports=found.imports,
        unread=found.entry is None or found.truncated,
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
    config = model.final.config
    # what only the interpreter reads changes no server, and would make the same question a new one
    environment = {k: v for k, v in config.env.items() if k == "PYTHONPATH" or not k.startswith(("PATH", "PYTHON"))}
    found = python.server_of(program, environment, model.source)
    kinds: dict[str, Kind] = {"web": "web", "worker": "worker"}
    return Server(
        kind=kinds.get(found.kind.value, "unknown"),
        language="python",
        name=found.server.value if found.server is not None else basename(program[0]),
        framework=found.framework.value if found.framework is not None else "",
        port=found.port,
        variable=found.port_variable,
        health=found.health if found.health_backend is None else None,
        bind=found.bind,
        hosts=found.allowed_hosts,
        writes=found.writes,
        written_files=found.written_files,
        writes_unknown=found.writes_unknown,
        tools=found.tools,
        imports=found.imports,
        unread=bool(found.unread),
    )
