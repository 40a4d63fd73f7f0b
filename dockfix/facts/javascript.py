"""What the sources of a Node server say: its port, its routes, what it writes, reads and imports."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.facts.commands import package_of
from dockfix.facts.fact import Fact
from dockfix.facts.jsbun import PORT, exported
from dockfix.facts.jscalls import Spawned, lines, spawned
from dockfix.facts.jsgraph import Graph
from dockfix.facts.jspaths import Access, Accesses
from dockfix.facts.jsroutes import Route, Routes, health
from dockfix.facts.jssyntax import line, pairs, string, text
from dockfix.facts.jsvalue import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node as Syntax

    from dockfix.facts.jssource import Source
    from dockfix.facts.node import Node

#: https://nodejs.org/api/modules.html#built-in-modules
_BUILT_IN = frozenset(
    [
        "assert",
        "async_hooks",
        "buffer",
        "child_process",
        "cluster",
        "console",
        "constants",
        "crypto",
        "dgram",
        "diagnostics_channel",
        "dns",
        "domain",
        "events",
        "fs",
        "http",
        "http2",
        "https",
        "inspector",
        "module",
        "net",
        "os",
        "path",
        "perf_hooks",
        "process",
        "punycode",
        "querystring",
        "readline",
        "repl",
        "stream",
        "string_decoder",
        "sys",
        "timers",
        "tls",
        "trace_events",
        "tty",
        "url",
        "util",
        "v8",
        "vm",
        "wasi",
        "worker_threads",
        "zlib",
    ]
)
_OWN_NAME = re.compile(r"(?:.*(?:\|\||\?\?)\s*)?[\w.'\":()]*(?:hostname|\bip(?:['\"]\))?\.address)\(\)")
"""The container's name or address, perhaps behind a variable: https://nodejs.org/api/os.html#oshostname"""
_ADDRESS = re.compile(r"(?:^|_)(?:HOST|HOSTNAME|ADDR|ADDRESS|IP)$")


class JsServer:
    """The sources that a Node entry leads to, and what they say.

    Args:
        node: the package.
        entry: the file that is run, from the package's folder (``dist/server.js`` is traced to ``src/server.ts``).
        bun: whether bun runs it, which serves what it exports.
    """

    def __init__(self, node: Node, entry: str, *, bun: bool = False) -> None:
        self.node = node
        self.bun = bun
        self.built_entry = entry
        self._graph = Graph(node, entry)

    def __repr__(self) -> str:
        return f"JsServer({self.built_entry!r})"

    @property
    def entry(self) -> str | None:
        """The source of the entry, from the package's folder; None where there is none."""
        return self._graph.entry

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The sources that were read, from the package's folder."""
        return tuple(source.path for source in self._graph.sources)

    @property
    def truncated(self) -> bool:
        """Whether there are more sources than are read, so that nothing may be concluded from what is missing."""
        return self._graph.truncated

    def _origin(self, source: Source, node: Syntax) -> str:
        return self.node.origin_of(source.path, line(node))

    # -- port ----------------------------------------------------------------------------------------------------

    @cached_property
    def _listens(self) -> tuple[tuple[str, Value | None, Value | None], ...]:
        """Every place that listens: origin, port, host."""
        found = tuple(found for source in self._graph.sources for found in self._listens_in(source))
        return found or tuple(self._exported() if self.bun else ())

    def _exported(self) -> Iterator[tuple[str, Value | None, Value | None]]:
        """What bun serves because the module that it starts exports it."""
        for source in self._graph.sources[:1]:
            node = exported(source)
            if node is not None:
                port, host = self._options(source, node)
                yield self._origin(source, node), port if "port" in pairs(node) else PORT, host

    def _listens_in(self, source: Source) -> Iterator[tuple[str, Value | None, Value | None]]:
        if not re.search(rb"listen|serve|Server", source.data):
            return
        for callee, given, node in source.calls():
            last = callee.rpartition(".")[2]
            if last in ("listen", "listenAsync"):
                port, host = self._listen(source, given)
            elif last in ("serve", "WebSocketServer", "Server", "WSServer") and given and given[0].type == "object":
                port, host = self._options(source, given[0])
                if port is None and self.bun and callee == "Bun.serve" and "port" not in pairs(given[0]):
                    port = PORT
                if port is None:
                    continue
            elif last == "startStandaloneServer" and len(given) > 1:
                listen = source.entry(given[1], "listen")
                port, host = self._options(source, listen) if listen is not None else (Value("4000"), None)
            elif (
                last == "start"
                and given
                and re.search(r"erver|app", callee)
                and given[0].type in ("number", "identifier")
            ):
                port, host = self._graph.value(source, given[0]), None
            else:
                continue
            if (
                last in ("listen", "listenAsync")
                and port is not None
                and not port.text.isdigit()
                and port.variable is None
            ):
                continue  # a socket's path, or another sort of listening
            if port is not None and port.variable is not None and _ADDRESS.search(port.variable):
                continue  # a framework that takes the address first
            yield self._origin(source, node), port, host

    def _listen(self, source: Source, given: list[Syntax]) -> tuple[Value | None, Value | None]:
        if not given:
            return None, None
        options = source.object(given[0]) if given[0].type not in ("arrow_function", "call_expression") else None
        if options is not None:
            return self._options(source, options)
        port = self._graph.value(source, given[0])
        host = given[1] if len(given) > 1 and given[1].type not in ("arrow_function", "function_expression") else None
        found = self._host(source, host) if host is not None else None
        return port, found if found is None or not found.text.isdigit() else None

    def _options(self, source: Source, options: Syntax) -> tuple[Value | None, Value | None]:
        entries = pairs(options) if options.type == "object" else {}
        port, host = entries.get("port"), entries.get("host") or entries.get("hostname")
        if port is not None and port.type == "shorthand_property_identifier":
            return self._named(source, "port"), self._host(source, host)
        return self._graph.value(source, port), self._host(source, host)

    def _host(self, source: Source, node: Syntax | None) -> Value | None:
        """The address that an expression comes to; one that is the container's own stays as it is written."""
        written = text(source.constants.get(text(node), node)) if node is not None else ""
        return Value(written) if _OWN_NAME.fullmatch(written) else self._graph.value(source, node)

    def _named(self, source: Source, name: str) -> Value | None:
        return source.name(name) or self._graph.through(source, name)

    @cached_property
    def ports(self) -> tuple[Fact[int], ...]:
        """Every port that is listened on where nothing overrides it, in the order of the sources."""
        found = []
        for origin, port, _ in self._listens:
            if port is not None and port.variable is not None and (own := self._dotenv_value(port.variable)):
                found.append(own)
            elif port is not None and port.defaulted and port.text.isdigit() and 0 < int(port.text) < 65536:
                found.append(Fact(int(port.text), origin))
        return tuple({fact.value: fact for fact in reversed(found)}.values())[::-1]

    @property
    def port(self) -> Fact[int] | None:
        """The port that the app listens on where nothing overrides it; None where it cannot be told."""
        return self.ports[0] if self.ports else None

    @cached_property
    def port_variable(self) -> Fact[str] | None:
        """The environment variable that decides the port."""
        return next((Fact(port.variable, origin) for origin, port, _ in self._listens if port and port.variable), None)

    @cached_property
    def bind(self) -> Fact[str] | None:
        """The address that the app binds where the code names one."""
        return next((Fact(host.text, origin) for origin, _, host in self._listens if host and host.defaulted), None)

    @cached_property
    def listens(self) -> Fact[str] | None:
        """The first place that listens on a port, whichever."""
        return next((Fact(origin, origin) for origin, _, _ in self._listens), None)

    @cached_property
    def dotenv(self) -> Fact[str] | None:
        """Where a ``.env`` file is loaded: the package that does it, or node's own option."""
        for source in self._graph.sources:
            for item in source.imports:
                if item.module in (
                    "dotenv",
                    "dotenv/config",
                    "dotenv-safe",
                    "dotenv-flow",
                    "@nestjs/config",
                    "dotenv-expand",
                ):
                    return Fact(item.module, self.node.origin_of(source.path, item.line))
        return None

    def _dotenv_value(self, name: str) -> Fact[int] | None:
        """The port that a committed ``.env`` sets, where the app loads it."""
        data = self.node.files.read(self.node.path(".env")) if self.dotenv is not None else None
        for number, row in enumerate((data or b"").decode("utf-8", "replace").split("\n"), 1):
            match = re.fullmatch(
                rf"\s*(?:export\s+)?{re.escape(name)}\s*=\s*[\"']?(\d+)[\"']?\s*(?:#.*)?", row.rstrip("\r")
            )
            if match:
                return Fact(int(match[1]), self.node.origin_of(".env", number))
        return None

    # -- routes --------------------------------------------------------------------------------------------------

    @cached_property
    def all_routes(self) -> tuple[Route, ...]:
        """Every GET route, those behind a login too."""
        return Routes(self._graph).all()

    @property
    def routes(self) -> tuple[Fact[str], ...]:
        """The paths of the GET routes."""
        return tuple(Fact(route.path, route.origin) for route in self.all_routes)

    @cached_property
    def health(self) -> Fact[str] | None:
        """The route that says whether the app lives, as far as no login stands before it."""
        return health(self.all_routes)

    # -- files ---------------------------------------------------------------------------------------------------

    @cached_property
    def accesses(self) -> tuple[Access, ...]:
        """Every place that is written or read."""
        return Accesses(self._graph).all()

    @cached_property
    def writes(self) -> tuple[Fact[str], ...]:
        """Folders that are written: absolute, or from the package's folder, which is ``.``; ``..`` leads out of it."""
        return _facts((access.folder, access.origin) for access in self.accesses if access.written)

    @cached_property
    def written_files(self) -> tuple[Fact[str], ...]:
        """The files and folders that are written, as exactly as they can be told."""
        return _facts((access.path, access.origin) for access in self.accesses if access.written)

    @cached_property
    def writes_unknown(self) -> Fact[str] | None:
        """An expression that names a place that is written and cannot be told."""
        return next(
            (Fact(item.shown, item.origin) for item in self.accesses if item.written and item.path is None), None
        )

    @cached_property
    def reads(self) -> tuple[Fact[str], ...]:
        """Files and folders that are read, from the package's folder or absolute."""
        return _facts((access.path, access.origin) for access in self.accesses if not access.written)

    @cached_property
    def reads_unknown(self) -> Fact[str] | None:
        """An expression that names a place that is read and cannot be told, or a module chosen at run time."""
        for access in self.accesses:
            if not access.written and access.path is None:
                return Fact(access.shown, access.origin)
        return self._dynamic_module

    @cached_property
    def _dynamic_module(self) -> Fact[str] | None:
        for source in self._graph.sources:
            for callee, given, node in source.calls():
                if callee in ("require", "import") and given and string(given[0]) is None:
                    return Fact(re.sub(r"\s+", " ", text(given[0]))[:80], self._origin(source, node))
        return None

    # -- packages and programs -----------------------------------------------------------------------------------

    @cached_property
    def imports(self) -> tuple[Fact[str], ...]:
        """Packages that the sources load at run time; types, the app's own sources and node's modules left out."""
        found: dict[str, Fact[str]] = {}
        for source in self._graph.sources:
            for item in source.imports:
                module = item.module
                if item.erased or not module or module.startswith((".", "/", "node:", "#", "bun:", "http:", "https:")):
                    continue
                name = package_of(module)
                if name in _BUILT_IN or name in found or self._graph.resolve(source, module) is not None:
                    continue
                found[name] = Fact(name, self.node.origin_of(source.path, item.line))
        return tuple(found.values())

    @cached_property
    def _spawned(self) -> tuple[Spawned, ...]:
        return tuple(spawned(self._graph))

    @property
    def tools(self) -> tuple[Fact[str], ...]:
        """Programs that the sources start as child processes."""
        return _facts((item.name, item.origin) for item in self._spawned)

    @property
    def tools_unknown(self) -> Fact[str] | None:
        """An expression that names a program which cannot be told."""
        return next((Fact(item.shown, item.origin) for item in self._spawned if item.name is None), None)

    @cached_property
    def lines(self) -> tuple[Fact[str], ...]:
        """The calls of programs as a shell would be given them."""
        return _facts(lines(self._graph))


def _facts(found: Iterator[tuple[str | None, str]]) -> tuple[Fact[str], ...]:
    values: dict[str, Fact[str]] = {}
    for value, origin in found:
        if value is not None and value not in values:
            values[value] = Fact(value, origin)
    return tuple(values.values())
