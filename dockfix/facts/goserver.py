"""What Go sources serve, write, read and call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.gosource import Variable, literal, text
from dockfix.facts.health import GUARD, is_health, rank
from dockfix.facts.server import Server

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

    from dockfix.facts.gosource import Call, GoSource, Value

GIN, ECHO, FIBER = "github.com/gin-gonic/gin", "github.com/labstack/echo", "github.com/gofiber/fiber"
FRAMEWORKS = {
    GIN: "gin",
    ECHO: "echo",
    FIBER: "fiber",
    "github.com/go-chi/chi": "chi",
    "github.com/gorilla/mux": "gorilla",
    "github.com/valyala/fasthttp": "fasthttp",
    "google.golang.org/grpc": "grpc",
}
SELF_SETTLED = (
    "github.com/beego",
    "github.com/astaxie/beego",
    "goravel.dev",
    "github.com/gogf",
    "github.com/zeromicro",
)
"""Frameworks that read the port, and files by default names, from settings of their own."""


READERS = frozenset(
    {"os.Open", "os.ReadFile", "ioutil.ReadFile", "os.ReadDir", "ioutil.ReadDir", "os.Stat", "os.DirFS", "http.Dir"}
    | {
        "http.ServeFile",
        "filepath.Walk",
        "filepath.WalkDir",
        "filepath.Glob",
        "LoadHTMLGlob",
        "LoadHTMLFiles",
        "Static",
    }
    | {"StaticFile", "StaticFS", "ParseFiles", "ParseGlob", "File", "ServeFile", "SendFile", "SetConfigFile", "Load"}
    | {"AddConfigPath", "LoadX509KeyPair", "ListenAndServeTLS", "RunTLS", "Overload", "DecodeFile", "Attachment"}
)
"""Calls that read files, by their whole name or by that of the method."""

EMBEDDED_READERS = frozenset({"ParseFS", "Sub", "ReadFile", "ReadDir", "Open"})

WRITERS = {
    "os.Create": "file",
    "os.WriteFile": "file",
    "ioutil.WriteFile": "file",
    "os.Mkdir": "folder",
    "os.MkdirAll": "folder",
    "bolt.Open": "file",
    "bbolt.Open": "file",
    "sqlite.Open": "file",
    "excelize.SaveAs": "file",
}
OPENERS = frozenset({"os.OpenFile", "SaveUploadedFile", "SaveFile", "SaveAs"})
"""Calls that write where their arguments say, which need not be the first."""

DATABASES = frozenset({"Open", "Connect", "MustConnect", "MustOpen", "ConnectContext", "OpenDB"})
"""Methods that open a database by the name of its driver and its address; SQLite's is a file."""

WRITING = frozenset({"gopkg.in/natefinch/lumberjack.v2", "github.com/dgraph-io/badger", "go.etcd.io/bbolt"})
"""Packages that write files by settings of their own."""

TEMPORARY = re.compile(r"(?:/tmp|/dev|/proc|/var/tmp)(?:/|$)")


def server(sources: Sequence[GoSource], *, truncated: bool) -> Server:
    """What a program of these sources serves, reads, writes and calls.

    Args:
        sources: the program's files.
        truncated: whether there are more.
    """
    imports = {path: origin for source in sources for path, origin in source.imports.items()}
    framework = next((name for prefix, name in FRAMEWORKS.items() if any(p.startswith(prefix) for p in imports)), "")
    methods = frozenset().union(*(_framework_methods(source) for source in sources))
    addresses = [(value, origin) for source in sources for value, origin in _addresses(source, methods)]
    tls = next((fact for source in sources for fact in _tls(source)), None)
    port, variable, bind = _bound(addresses)
    writes, files, unknown = _writes(sources, imports)
    read, unread = _reads(sources)
    settled = next((path for path in imports if path.startswith(SELF_SETTLED)), None)
    if settled is not None:
        unread = unread or Fact(settled, imports[settled])
    web = bool(addresses)
    return Server(
        kind="web" if web else "unknown",
        language="go",
        name=framework or "the program",
        framework=framework,
        port=port,
        variable=variable,
        health=_health(sources) if web else None,
        bind=bind,
        tls=tls,
        signals=Fact("ends at a signal by itself", "Go's runtime"),
        writes=writes,
        written_files=files,
        writes_unknown=unknown,
        reads=read,
        reads_unknown=unread,
        tools=tuple(fact for source in sources for fact in _tools(source)),
        imports=tuple(Fact(path, origin) for path, origin in imports.items()),
        unread=truncated,
    )


# -- where it listens -------------------------------------------------------------------------------------------------


def _addresses(source: GoSource, methods: frozenset[str]) -> Iterator[tuple[tuple[Value, ...] | None, str]]:
    """What each listening call is told to listen on; ``None`` where that cannot be told.

    Args:
        source: a file.
        methods: those that listen of frameworks which any of the program's files import. Where this one does not,
            an address has to show that it is such a method.
    """
    handled = _framework_methods(source)
    for call in source.calls:
        origin = f"{source.path}:{call.line}"
        if call.name == "http.Server" and "Addr" in call.named:
            yield source.value(call.named["Addr"]), origin
        elif call.name == "net.Listen" and len(call.arguments) == 2 and literal(call.arguments[0]) in {"tcp", "tcp4"}:
            yield source.value(call.arguments[1]), origin
        elif call.name in {"http.ListenAndServe", "http.ListenAndServeTLS", "fasthttp.ListenAndServe"}:
            yield (source.value(call.arguments[0]) if call.arguments else None), origin
        elif call.method in methods - handled and len(call.arguments) == 1:
            value = source.value(call.arguments[0])
            if _address(value) is not None:
                yield value, origin
        elif call.method in handled and call.receiver not in {"http", "net", "fasthttp", "exec", "cmd"}:
            if call.arguments:
                yield source.value(call.arguments[0]), origin
            elif call.method == "Run":
                yield (":", Variable("PORT", "8080")), origin  # https://pkg.go.dev/github.com/gin-gonic/gin#Engine.Run


def _framework_methods(source: GoSource) -> frozenset[str]:
    """The methods that listen, of the frameworks that a file imports."""
    found: set[str] = set()
    for path in source.imports:
        if path.startswith(GIN):
            found |= {"Run", "RunTLS"}
        elif path.startswith(ECHO):
            found |= {"Start", "StartTLS"}
        elif path.startswith((FIBER, "github.com/kataras/iris")):
            found |= {"Listen", "ListenTLS"}
    return frozenset(found)


def _tls(source: GoSource) -> Iterator[Fact[str]]:
    for call in source.calls:
        if call.method in {"ListenAndServeTLS", "RunTLS", "StartTLS", "ListenTLS", "ServeTLS", "StartAutoTLS"}:
            yield Fact(call.name, f"{source.path}:{call.line}")


def _bound(
    addresses: Sequence[tuple[tuple[Value, ...] | None, str]],
) -> tuple[Fact[int] | None, Fact[str] | None, Fact[str] | None]:
    """The port, the variable that overrides it and the address, where all listeners agree."""
    parsed = [(_address(value), origin) for value, origin in addresses]
    if not parsed or any(found is None for found, _ in parsed) or len({found for found, _ in parsed}) > 1:
        return None, None, None
    found, origin = parsed[0]
    assert found is not None
    host, port, variable = found
    return (
        Fact(int(port), origin) if port else None,
        Fact(variable, origin) if variable else None,
        Fact(host, origin) if host else None,
    )


def _address(value: tuple[Value, ...] | None) -> tuple[str, str, str] | None:
    """Host, port and the variable of the port; ``None`` where that cannot be told."""
    if value is None:
        return None
    pieces = list(value)
    variables = [piece for piece in pieces if isinstance(piece, Variable)]
    if not variables:
        host, colon, port = "".join(map(str, pieces)).rpartition(":")
        return (host, port, "") if colon and port.isdigit() else None
    variable, before = variables[0], "".join(str(piece) for piece in pieces[:-1])
    if len(variables) > 1 or pieces[-1] is not variable:
        return None
    if before:
        if not before.endswith(":") or (variable.default and not variable.default.isdigit()):
            return None
        return before[:-1], variable.default or "", variable.name
    if variable.default is None:
        return None
    # the variable holds an address, and a probe could not take it apart
    host, colon, port = variable.default.rpartition(":")
    return (host, port, "") if colon and port.isdigit() else None


# -- the health route -------------------------------------------------------------------------------------------------

_ROOT_TYPES = re.compile(r"\b(\w+)\s+\*?(?:gin\.Engine|fiber\.App|echo\.Echo|http\.ServeMux|mux\.Router|chi\.Mux)\b")
_MAKERS = re.compile(r"(?:gin\.(?:Default|New)|echo\.New|fiber\.New|chi\.NewRouter|mux\.NewRouter|http\.NewServeMux)")
_VERBS = frozenset({"GET", "Get", "HandleFunc", "Handle", "Any", "All"})


def _health(sources: Sequence[GoSource]) -> Fact[str] | None:
    """The route that is there to be asked, if no middleware may turn the question away."""
    found: list[Fact[str]] = []
    for source in sources:
        roots = {"http"} | {name for name, values in source.assigned.items() if any(map(_is_root, values))}
        parameters = (text(node) for node in source.of("parameter_list"))
        roots |= {match[1] for each in parameters for match in _ROOT_TYPES.finditer(each)}
        for call in source.calls:
            if call.method == "Use" and any(GUARD.search(text(each)) for each in call.arguments):
                return None
            if call.method not in _VERBS or call.receiver not in roots or not call.arguments:
                continue
            path = (literal(call.arguments[0]) or "").removeprefix("GET ")
            guarded = any(GUARD.search(text(each)) for each in call.arguments[1:-1])
            if is_health(path) and not guarded and not _other_verb(source, call):
                found.append(Fact(path, f"{source.path}:{call.line}"))
    return min(found, key=lambda fact: rank(fact.value)) if found else None


def _is_root(value: Syntax) -> bool:
    return _MAKERS.match(text(value)) is not None


def _other_verb(source: GoSource, call: Call) -> bool:
    """Whether gorilla's ``Methods`` behind the route leaves GET out."""
    line = source.data.split(b"\n")[call.line - 1].decode("utf-8", "replace")
    match = re.search(r"\.Methods\(([^)]*)\)", line)
    return match is not None and "GET" not in match[1] and "MethodGet" not in match[1]


# -- files ------------------------------------------------------------------------------------------------------------


def _writes(
    sources: Sequence[GoSource], imports: dict[str, str]
) -> tuple[tuple[Fact[str], ...], tuple[Fact[str], ...], Fact[str] | None]:
    """Folders and files that are written, and a place where it cannot be told what is."""
    folders: list[Fact[str]] = []
    files: list[Fact[str]] = []
    unknown = next((Fact(path, origin) for path, origin in imports.items() if path.startswith(tuple(WRITING))), None)
    for source in sources:
        for call in source.calls:
            kind = WRITERS.get(call.name)
            given = call.arguments
            if call.method in DATABASES and given and (literal(given[0]) or "").startswith("sqlite"):
                kind, given = "file", given[1:]
            origin = f"{source.path}:{call.line}"
            if kind is None:
                if call.name in OPENERS or call.method in OPENERS:
                    unknown = unknown or Fact(call.name, origin)
                continue
            value = source.value(given[0]) if given else None
            path = "".join(map(str, value)) if value and all(isinstance(piece, str) for piece in value) else None
            if path is None:
                unknown = unknown or Fact(call.name, origin)
            elif not TEMPORARY.match(path) and ":memory:" not in path:
                (folders if kind == "folder" else files).append(
                    Fact(path.removeprefix("file:").partition("?")[0], origin)
                )
    return tuple(folders), tuple(files), unknown


def _reads(sources: Sequence[GoSource]) -> tuple[tuple[Fact[str], ...], Fact[str] | None]:
    """Texts that name what is read, and a call that reads what cannot be told."""
    found: list[Fact[str]] = []
    unknown: Fact[str] | None = None
    for source in sources:
        embedding = bool(source.embedded)
        for call in source.calls:
            if call.name not in READERS and call.method not in READERS:
                continue
            if embedding and call.method in EMBEDDED_READERS and not call.name.startswith(("os.", "ioutil.")):
                continue
            origin = f"{source.path}:{call.line}"
            texts = [value for each in call.arguments if (value := source.value(each)) is not None]
            plain = ["".join(map(str, value)) for value in texts if all(isinstance(piece, str) for piece in value)]
            found += [Fact(path, origin) for path in plain]
            if not plain and call.arguments and (call.name in READERS or call.method in {"LoadHTMLGlob", "ParseGlob"}):
                unknown = unknown or Fact(call.name, origin)
    return tuple(found), unknown


def _tools(source: GoSource) -> Iterator[Fact[str]]:
    """The programs that are called, those of a shell line too; an empty name where it cannot be told."""
    for call in source.calls:
        if call.name not in {"exec.Command", "exec.CommandContext", "exec.LookPath"}:
            continue
        given = call.arguments[call.name == "exec.CommandContext" :]
        if given and text(given[0]) == "os.Args[0]":
            continue  # the program starts itself again
        words = [literal(each) for each in given]
        origin = f"{source.path}:{call.line}"
        yield Fact((words[0] if words else None) or "", origin)
        if words[0:1] and (words[0] or "").rpartition("/")[2] in {"sh", "bash", "ash"} and words[1:2] == ["-c"]:
            line = words[2] if len(words) > 2 else None
            parts = re.split(r"&&|\|\||[;|]", line) if line and not re.search(r"[`$(%]", line) else [""]
            yield from (Fact(next(iter(part.split()), ""), origin) for part in parts)
