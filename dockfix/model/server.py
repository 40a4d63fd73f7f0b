"""What the app of the final stage serves, where, and what it writes while it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts.server import Kind, Server
from dockfix.model import origins
from dockfix.model.start import NODE_RUNNERS, SHELLS, start_with

if TYPE_CHECKING:
    from dockfix.facts import Fact
    from dockfix.facts.commands import Resolved
    from dockfix.facts.compose import Service
    from dockfix.facts.node import Node
    from dockfix.model import Model
    from dockfix.model.start import Start

PYTHON_SERVERS = frozenset(
    {"flask", "gunicorn", "uvicorn", "fastapi", "hypercorn", "daphne", "waitress-serve", "streamlit", "celery"}
    | {"quart"}
)
PYTHON_RUNNERS = frozenset({"poetry", "uv", "pipenv", "pdm", "uwsgi", "granian", "sanic", "chainlit", "litestar"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PARALLEL = frozenset({"concurrently", "npm-run-all", "npm-run-all2", "run-p", "turbo", "lerna", "nx"})


def server_of(model: Model) -> Server:
    """The server that the final stage starts, from the sources behind its start command."""
    if model.final.image is not None and model.final.image.name == "nginx":
        return Server("web", "nginx", "nginx")
    return _started(model, model.start)


def server_of_service(model: Model, service: Service) -> Server:
    """The server that the final stage starts with the command or the entrypoint of *service*."""
    if service.command is None and service.entrypoint is None:
        return model.server
    words = (*_words(service.entrypoint), *_words(service.command))
    return _started(model, start_with(words, model.node))


def server_of_words(model: Model, words: tuple[str, ...]) -> Server:
    """The server that the final stage starts with *words*."""
    return _started(model, start_with(words, model.node))


def _words(command: str | tuple[str, ...] | None) -> tuple[str, ...]:
    from dockfix.facts.words import split

    return split(command) if isinstance(command, str) else command or ()


def _started(model: Model, start: Start) -> Server:
    program = start.main or (start.resolved.commands[-1] if start.resolved and start.resolved.commands else ())
    if not program:
        return Server()
    name = basename(program[0])
    if name == "nginx":
        return Server("web", "nginx", "nginx")
    resolved = start.resolved
    if (
        resolved is None
        and model.node is not None
        and (name in NODE_RUNNERS | model.node.binaries.keys() or _serves_globally(model, program))
    ):
        resolved = model.node.resolve(program)
    if model.node is not None and (name == "node" or resolved is not None):
        return _node(model, program, resolved)
    if model.app.python is None and is_file_server(program):
        return _file_server(program)
    if model.app.python is not None and (
        name.startswith("python") or name in PYTHON_SERVERS | PYTHON_RUNNERS | SHELLS or name.endswith(".sh")
    ):
        server = _python(model, program)
        if name.startswith("python") or name in PYTHON_SERVERS or server.kind != "unknown":
            return server
    return _elsewhere(model, program, start)


def _serves_globally(model: Model, words: tuple[str, ...]) -> bool:
    """Whether *words* start the file server ``serve``, without TLS, that a RUN installs by npm for all apps.

    https://github.com/vercel/serve
    """
    if words[0] != "serve" or any(word.startswith("--ssl") for word in words):
        return False
    installs = (called for step in model.final.all_steps for called in step.calls("npm", "i", "install", "add"))
    return any(
        called.has("-g", "--global") and any(word.text.partition("@")[0] == "serve" for word in called.operands)
        for called in installs
    )


def is_file_server(words: tuple[str, ...]) -> bool:
    """Whether *words* start Python's own server of files, which needs no app in Python and writes nothing."""
    return bool(words) and basename(words[0]).startswith("python") and words[1:3] == ("-m", "http.server")


def _file_server(program: tuple[str, ...]) -> Server:
    """Python's own server of files: https://docs.python.org/3/library/http.server.html#command-line-interface"""
    from dockfix.facts import Fact

    operands, bind = [], None
    words = iter(program[3:])
    for word in words:
        option, equals, value = word.partition("=")
        if option in {"-b", "--bind", "-d", "--directory", "-p", "--protocol"}:
            value = value if equals else next(words, "")
            bind = value if option in {"-b", "--bind"} else bind
        elif not word.startswith("-"):
            operands.append(word)
    origin = "the start command"
    given = operands[0] if operands else "8000"
    return Server(
        kind="web",
        language="python",
        name="http.server",
        port=Fact(int(given), origin) if given.isdigit() else None,
        bind=Fact(bind, origin) if bind is not None else None,
        unread=True,
    )


def _elsewhere(model: Model, program: tuple[str, ...], start: Start) -> Server:
    """The server of another ecosystem, by what its own facts say of the program."""
    from dockfix.facts.ecosystems import server_of

    found = server_of(model.app, origins.running(model, start, program))
    if found is None:
        return Server()
    port, variable = _settled(
        model, found.port, found.variable, dict(start.environment), "the start command", found.imports
    )
    return replace(found, port=port, variable=variable)


def _node(model: Model, program: tuple[str, ...], resolved: Resolved | None) -> Server:
    from dockfix.facts import Fact

    node = model.node
    assert node is not None
    name = basename(program[0])
    if name in NODE_RUNNERS and resolved is not None and resolved.commands:
        name = basename(resolved.commands[-1][0])
    entry = entry_file(program, model.node) if name == "node" and resolved is None else None
    if resolved is not None:
        entry = resolved.entry
    framework = node.framework.value if node.framework is not None else ""
    if PARALLEL.intersection(resolved.tools if resolved is not None else ()):
        # several programs run, and which of them people connect to cannot be told
        return Server(language="node", name=name, framework=framework)
    if entry is None:
        return _framework_server(model, name, framework, resolved)
    moved = model.app.node_at(resolved.folder) if resolved is not None and resolved.folder != node.folder else None
    found = node.server_of(entry, bun=name == "bun")
    member = (moved, entry) if moved is not None else node.member_at(entry) if found.entry is None else None
    if member is not None:
        found = member[0].server_of(member[1], bun=name == "bun")
    if found.entry is None and framework == "next" and basename(entry) == "server.js":
        return _standalone(model, name)
    made = _made(model, node, entry) if found.entry is None else None
    if made is not None:
        return made
    environment = {**dict(model.start.environment), **dict(resolved.environment if resolved is not None else ())}
    origin = resolved.steps[-1].origin if resolved is not None and resolved.steps else "the start command"
    port, variable = _settled(model, found.port, found.port_variable, environment, origin, found.imports)
    server = Server(
        kind="web" if found.listens is not None else "unknown",
        language="node",
        name=name,
        framework=framework,
        port=port,
        variable=variable,
        health=found.health,
        bind=found.bind,
        writes=found.writes,
        written_files=found.written_files,
        writes_unknown=found.writes_unknown,
        reads=found.reads,
        reads_unknown=found.reads_unknown,
        tools=found.tools,
        tools_unknown=found.tools_unknown,
        lines=found.lines,
        imports=found.imports,
        unread=found.entry is None or found.truncated,
    )
    brought = _framework_server(model, name, framework, resolved) if found.listens is None else Server()
    if brought.kind == "web":
        # the program listens, and loads the app's sources as a part of itself
        server = replace(server, kind="web", port=brought.port, variable=brought.variable, bind=brought.bind)
    if member is None:
        return server
    # a member runs in the folder above it, so that its relative paths mean something else
    return replace(server, reads=(), writes=(), written_files=(), reads_unknown=Fact(entry, origin), unread=True)


def _standalone(model: Model, name: str) -> Server:
    """The server that ``next build`` writes with ``output: "standalone"``.

    It listens on the address in HOSTNAME, which is the container's own name unless ENV says otherwise:
    https://nextjs.org/docs/app/api-reference/config/next-config-js/output
    """
    from dockfix.facts import Fact

    origin = "Next.js's standalone server"
    port, variable = _settled(model, Fact(3000, origin), Fact("PORT", origin), {}, origin, ())
    everywhere = model.final.config.env.get("HOSTNAME") in {"0.0.0.0", "::"}  # noqa: S104
    return Server(
        kind="web" if everywhere else "unknown",
        language="node",
        name=name,
        framework="next",
        port=port,
        variable=variable,
        reads_unknown=Fact("next", origin),
        unread=True,
    )


def _made(model: Model, node: Node, entry: str) -> Server | None:
    """The server that Nitro, or SvelteKit by its adapter for Node, writes when it builds the app.

    Both listen on every address, on 3000, unless the environment says otherwise:
    https://nitro.build/deploy/runtimes/node, https://svelte.dev/docs/kit/adapter-node
    """
    from dockfix.facts import Fact

    env = model.final.config.env
    if entry.startswith(".output/server/") and node.dependency("nuxt") is not None:
        origin, ports, hosts = "Nitro's server", ["NITRO_PORT", "PORT"], ["NITRO_HOST", "HOST"]
    elif entry.partition("/")[0] == "build" and node.dependency("@sveltejs/adapter-node") is not None:
        settings = (model.app.root.read(node.path(name)) or b"" for name in ("svelte.config.js", "svelte.config.ts"))
        if any(b"envPrefix" in data or b"out:" in data for data in settings):
            return None
        origin, ports, hosts = "SvelteKit's server", ["PORT"], ["HOST"]
    else:
        return None
    variable = Fact(next((name for name in ports if name in env), "PORT"), origin)
    port, deciding = _settled(model, Fact(3000, origin), variable, {}, origin, ())
    host = next((env[name] for name in hosts if name in env), None)
    return Server(
        kind="web",
        language="node",
        name="node",
        framework=node.framework.value if node.framework is not None else "",
        port=port,
        variable=deciding,
        bind=Fact(host, f"ENV {next(name for name in hosts if name in env)}") if host else None,
        reads_unknown=Fact(entry, origin),
        unread=True,
    )


def _framework_server(model: Model, name: str, framework: str, resolved: Resolved | None) -> Server:
    """The server that a framework or a package brings, such as ``next start`` or ``serve``."""
    from dockfix.facts import Fact

    assert model.node is not None
    found = model.node.frontend.port_of(resolved) if resolved is not None else None
    if found is None:
        return Server(language="node", name=name, framework=framework)
    where = found.origin.replace(" (the program's default)", f", {name}'s default")
    port = Fact(found.port, where) if found.port is not None else None
    environment = {**dict(model.start.environment), **dict(resolved.environment if resolved is not None else ())}
    given = _given(model) | environment.keys()
    deciding = next((name for name in found.before if name in given), found.variable)
    variable = Fact(deciding, found.origin) if deciding is not None else None
    # https://create-react-app.dev/docs/advanced-configuration and https://cli.vuejs.org/guide/mode-and-env.html
    files = (Fact("dotenv", found.origin),) if name in {"react-scripts", "craco", "vue-cli-service"} else ()
    port, variable = _settled(model, port, variable, environment, found.origin, files)
    return Server(
        kind="web",
        language="node",
        name=name,
        framework=framework,
        port=port,
        variable=variable,
        bind=_local(model, name, resolved, model.node),
        reads_unknown=Fact(name, found.origin),
        unread=True,
    )


def _given(model: Model) -> set[str]:
    """The names of the variables that the image or compose sets."""
    return {*model.final.config.env, *(name for service in model.services for name in service.environment)}


def _local(model: Model, name: str, resolved: Resolved | None, node: Node) -> Fact[str] | None:
    """The address of a server that listens on ``localhost`` alone unless it is told otherwise.

    https://vite.dev/config/server-options#server-host, https://angular.dev/cli/serve,
    https://docs.astro.build/en/reference/configuration-reference/#serverhost,
    https://v2.nuxt.com/docs/features/configuration#edit-host-and-port
    """
    from dockfix.facts import Fact

    nuxt = node.dependency("nuxt")
    second = name == "nuxt" and nuxt is not None and nuxt.value.lstrip("^~v=").startswith("2")
    if not (second or name in {"vite", "ng", "astro"}) or resolved is None or not resolved.commands:
        return None
    words = resolved.commands[-1]
    if any(word.partition("=")[0] in {"--host", "-H", "--hostname"} for word in words):
        return None
    given = _given(model) | {key for key, _ in resolved.environment}
    if second and given & {"HOST", "NUXT_HOST"}:
        return None
    # the settings are programs: the word is enough to leave the question open
    for path in model.app.root.list(node.folder):
        if path.startswith(("vite.config.", "astro.config.", "angular.json", "nuxt.config.")):
            data = model.app.root.read(node.path(path))
            if data is not None and b"host" in data:
                return None
    return Fact("localhost", f"{name}'s default")


def _settled(
    model: Model,
    port: Fact[int] | None,
    variable: Fact[str] | None,
    environment: Mapping[str, str],
    where: str,
    imports: Sequence[Fact[str]],
) -> tuple[Fact[int] | None, Fact[str] | None]:
    """The port after what the command, ENV and a ``.env`` file say of its variable, and the variable.

    Args:
        model: the model.
        port: the port without the variable.
        variable: the variable that decides it.
        environment: what the command itself sets.
        where: where it does.
        imports: packages that the sources load.
    """
    from dockfix.facts import Fact

    if variable is None:
        return port, None
    name = variable.value
    if environment.get(name, "").isdigit():
        return Fact(int(environment[name]), where), None
    if name in model.final.config.env:
        value = model.final.config.env[name]
        origin = f"ENV {name}"
        return (Fact(int(value), origin) if value.isdigit() else None), variable
    if any(fact.value.startswith("dotenv") or fact.value == "@nestjs/config" for fact in imports):
        return _from_file(model, port, name), variable
    return port, variable


def _from_file(model: Model, port: Fact[int] | None, name: str) -> Fact[int] | None:
    """The port in the ``.env`` that the app loads; ``None`` where only its template says another one than *port*."""
    from dockfix.facts import Fact

    folder = f"{model.source}/" if model.source else ""
    for file in (".env", ".env.example", ".env.sample", ".env.template"):
        data = model.app.root.read(folder + file)
        pattern = rf"^\s*(?:export\s+)?{name}\s*=\s*[\"']?(\d+)"
        match = re.search(pattern, data.decode("utf-8", "replace"), re.M) if data is not None else None
        if not match:
            continue
        if file == ".env" and not model.app.ignore.ignores(folder + file):
            return Fact(int(match[1]), model.app.origin(folder + file))
        return port if port is not None and port.value == int(match[1]) else None
    return port


def entry_file(program: tuple[str, ...], node: Node | None) -> str | None:
    """The file that ``node`` with these words runs, options left out; ``node .`` follows package.json.

    https://nodejs.org/api/modules.html#folders-as-modules
    """
    valued = {"-r", "--require", "--import", "--loader", "--env-file"}
    skip = False
    for word in program[1:]:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif not word.startswith("-"):
            return node.module_file(word) if word in {".", "./"} and node is not None else word
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
        tls=found.tls,
        hosts=found.allowed_hosts,
        writes=found.writes,
        written_files=found.written_files,
        writes_unknown=found.writes_unknown,
        tools=found.tools,
        tools_unknown=found.tools_unknown,
        imports=found.imports,
        unread=bool(found.unread),
    )
