"""Where a Python process listens: the calls that start a server, with their port and address."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dockfix.facts.pyresult import UNKNOWN, WILD, Value, Variable
from dockfix.facts.pysource import Source
from dockfix.facts.pytree import argument, arguments
from dockfix.facts.pyvalue import Evaluator

if TYPE_CHECKING:
    import libcst as cst

    from dockfix.facts.pysource import Scope, Site


ANY: Final = "0.0.0.0"  # noqa: S104  dockfix reads addresses and binds none


@dataclass(frozen=True, slots=True)
class Listener:
    """A server that a source starts.

    Attributes:
        server: what serves: ``flask``, ``uvicorn``, ``waitress`` …
        port: the port given or the server's default; an environment variable is left as one.
        bind: the address given or the server's default.
        application: the application as an expression or as ``module:name``; empty where none is named.
        origin: where.
        port_origin: where the port is said.
        module: the source that calls.
        expression: the application's expression.
        main: whether it is under ``if __name__ == "__main__"``.
        encrypted: whether it is given certificates, or may be.
    """

    server: str
    port: Value
    bind: Value
    origin: str
    application: str
    source: Source
    site: Site
    expression: cst.BaseExpression | None
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a server's call takes its arguments; positions are counted from nought."""

    server: str
    port: tuple[str, ...] = ("port",)
    port_at: int | None = None
    bind: tuple[str, ...] = ("host",)
    bind_at: int | None = None
    application: tuple[str, ...] = ("app",)
    application_at: int | None = None
    address_at: int | None = None  # a (host, port) pair
    default_port: int | None = None
    default_bind: str | None = None
    port_variable: str = ""


# Defaults as the servers' own references give them.
_FUNCTIONS: Final = {
    "uvicorn.run": _Shape("uvicorn", application_at=0, default_port=8000, default_bind="127.0.0.1"),
    "uvicorn.Config": _Shape("uvicorn", application_at=0, default_port=8000, default_bind="127.0.0.1"),
    "waitress.serve": _Shape("waitress", application_at=0, default_port=8080, default_bind=ANY),
    "aiohttp.web.run_app": _Shape("aiohttp", application_at=0, default_port=8080, default_bind=ANY),
    "aiohttp.web.TCPSite": _Shape("aiohttp", port_at=2, bind_at=1, default_port=8080, default_bind=ANY),
    "bottle.run": _Shape("bottle", default_port=8080, default_bind="127.0.0.1"),
    "werkzeug.serving.run_simple": _Shape("flask", bind=("hostname",), bind_at=0, port_at=1, application_at=2),
    "wsgiref.simple_server.make_server": _Shape("wsgiref", bind_at=0, port_at=1, application_at=2),
    "gevent.pywsgi.WSGIServer": _Shape("gevent", address_at=0, application_at=1),
    "eventlet.listen": _Shape("eventlet", address_at=0),
    "http.server.HTTPServer": _Shape("http.server", address_at=0),
    "http.server.ThreadingHTTPServer": _Shape("http.server", address_at=0),
    "socketserver.TCPServer": _Shape("socketserver", address_at=0),
    "socketserver.ThreadingTCPServer": _Shape("socketserver", address_at=0),
    "asyncio.start_server": _Shape("asyncio", bind_at=1, port_at=2),
    "websockets.serve": _Shape("websockets", bind_at=1, port_at=2),
    "websockets.server.serve": _Shape("websockets", bind_at=1, port_at=2),
    "nicegui.ui.run": _Shape("nicegui", default_port=8080, default_bind=ANY),
    "cheroot.wsgi.Server": _Shape("cheroot", address_at=0, application_at=1),
    "prometheus_client.start_http_server": _Shape(
        "prometheus", port_at=0, bind=("addr",), bind_at=1, default_bind=ANY
    ),
}  # fmt: skip
_METHODS: Final = {
    "flask": _Shape("flask", bind_at=0, port_at=1, default_port=5000, default_bind="127.0.0.1"),
    "quart": _Shape("quart", bind_at=0, port_at=1, default_port=5000, default_bind="127.0.0.1"),
    "sanic": _Shape("sanic", bind_at=0, port_at=1, default_port=8000, default_bind="127.0.0.1"),
    "bottle": _Shape("bottle", default_port=8080, default_bind="127.0.0.1"),
    "dash": _Shape("dash", default_port=8050, default_bind="127.0.0.1", port_variable="PORT"),
    "connexion": _Shape("connexion", default_port=8000, default_bind="127.0.0.1"),
    "robyn": _Shape("robyn", default_port=8080, default_bind="127.0.0.1"),
    "socketio": _Shape("flask", application_at=0, bind_at=1, port_at=2, default_port=5000, default_bind="127.0.0.1"),
    "gradio": _Shape("gradio", port=("server_port",), bind=("server_name",), default_port=7860,
                     default_bind="127.0.0.1",
                     port_variable="GRADIO_SERVER_PORT"),
    "tornado": _Shape("tornado", port_at=0, bind=("address",), bind_at=1, default_bind=ANY),
}  # fmt: skip
_SOCKETIO: Final = frozenset({"flask_socketio.SocketIO", "SocketIO"})
_GRADIO: Final = frozenset({"gradio.Blocks", "gradio.Interface", "gradio.ChatInterface", "gradio.TabbedInterface"})
_TORNADO: Final = frozenset({"tornado.web.Application", "tornado.httpserver.HTTPServer"})
_APP_NAMES: Final = frozenset({"app", "application", "server", "api", "webapp", "flask_app", "web_app"})
_CERTIFICATES: Final = frozenset(
    {"ssl_context", "ssl_certfile", "ssl_keyfile", "ssl", "ssl_options", "certfile", "keyfile"}
)
"""Arguments that make a server speak TLS: https://werkzeug.palletsprojects.com/en/stable/serving/#ssl,
https://www.uvicorn.org/settings/#https, https://www.tornadoweb.org/en/stable/httpserver.html
"""
_OWN_NAME: Final = re.compile(r"\bgethostname\(\)")
_WRAPS: Final = re.compile(r"\.wrap_socket\(|\bssl_options\s*=|add_secure_port\(")
HINT: Final = re.compile(
    r"\.(?:run|run_server|launch|listen|serve_forever|start)\s*\(|\bserve\s*\(|run_simple|run_app|make_server|"
    r"start_server|WSGIServer|HTTPServer|TCPServer|TCPSite|uvicorn|run\s*\(|add_insecure_port|hypercorn"
)
"""A source without this starts no server."""


def listeners(evaluator: Evaluator, sources: Sequence[Source], entry: Source | None) -> tuple[Listener, ...]:
    """The servers that *entry* starts when it is run; of other sources only what is outside ``__main__`` counts."""
    found: list[Listener] = []
    for source in sources:
        if source is not entry and not HINT.search(source.text):
            continue
        for site in source.calls:
            if source is not entry and (site.main or _is_subcommand(source, site)):
                continue
            shape = _shape(evaluator, source, site)
            if shape is not None:
                found.append(_listener(evaluator, source, site, shape))
            elif (grpc := _grpc(evaluator, source, site)) is not None:
                found.append(grpc)
    return tuple(found)


def _is_subcommand(source: Source, site: Site) -> bool:
    """Whether *site* lies in a command of click or typer, which runs only where the command line names it."""
    scope = site.scope
    node = scope.parent.nodes.get(scope.name) if scope.parent is not None else None
    return any(re.search(r"\bcommand\b", source.code(item.decorator)) for item in getattr(node, "decorators", ()))


def _shape(evaluator: Evaluator, source: Source, site: Site) -> _Shape | None:
    import libcst as cst

    from dockfix.facts.pyroutes import APPS, dotted_tail

    call = site.node
    name = evaluator.canonical(source, call.func)
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    if not isinstance(call.func, cst.Attribute):
        return None
    method = call.func.attr.value
    if method not in ("run", "run_server", "launch", "listen", "queue"):
        return None
    receiver = call.func.value
    made = _made(evaluator, source, site, receiver)
    if method == "launch":
        return _METHODS["gradio"] if made in _GRADIO or "gradio" in source.text else None
    if method == "listen":
        return _METHODS["tornado"] if made in _TORNADO else None
    if made in _SOCKETIO:
        return _METHODS["socketio"]
    framework = APPS.get(made, "")
    if framework in _METHODS:
        return _METHODS[framework]
    if framework or made.startswith("uvicorn"):
        return None
    named = dotted_tail(receiver)
    if method == "run_server":
        return _METHODS["dash"]
    if named == "socketio":
        return _METHODS["socketio"]
    # An application that a call out of sight makes, `app = create_app()`, where nothing else can be meant.
    given = set(arguments(call)[1])
    called = isinstance(receiver, cst.Call) and "app" in dotted_tail(receiver.func)
    if ((named in _APP_NAMES or called) and given & {"host", "port", "debug"}) or (
        named == "app" and "flask" in source.text.lower()
    ):
        return _METHODS["quart" if "quart" in source.text else "sanic" if "sanic" in source.text else "flask"]
    return None


def _made(evaluator: Evaluator, source: Source, site: Site, receiver: cst.BaseExpression) -> str:
    """The full name of what made *receiver*."""
    import libcst as cst

    if isinstance(receiver, cst.Call):
        place = evaluator.look(source, site.scope, receiver.func)
        returned = evaluator.returned(place) if place is not None and place.node is not None else None
        if returned is not None and isinstance(returned.expression, cst.Call):
            return evaluator.canonical(returned.source, returned.expression.func)
        return evaluator.canonical(source, receiver.func)
    place = evaluator.look(source, site.scope, receiver)
    if place is None or not isinstance(place.expression, cst.Call):
        return ""
    name = evaluator.canonical(place.source, place.expression.func)
    inner = evaluator.look(place.source, place.scope, place.expression.func)
    returned = evaluator.returned(inner) if inner is not None and inner.node is not None else None
    if returned is not None and isinstance(returned.expression, cst.Call):
        return evaluator.canonical(returned.source, returned.expression.func)
    return name


def _listener(evaluator: Evaluator, source: Source, site: Site, shape: _Shape) -> Listener:
    call: cst.Call = site.node
    starred = any(item.star for item in call.args)

    def read(position: int | None, names: tuple[str, ...], default: Value) -> Value:
        given = argument(call, position, *names)
        if given is None:
            return UNKNOWN if starred else default
        value = evaluator.value(source, site.scope, given)
        # Flask and uvicorn take port=None for their own default.
        if isinstance(value, Variable) and value.default is None:
            return Variable(value.name, default)
        return default if value is None else value

    default_port: Value = shape.default_port if shape.default_port is not None else UNKNOWN
    if shape.port_variable:
        default_port = Variable(shape.port_variable, default_port)
    default_bind: Value = shape.default_bind if shape.default_bind is not None else UNKNOWN
    port = read(shape.port_at, shape.port, default_port)
    bind = read(shape.bind_at, shape.bind, default_bind)
    if shape.address_at is not None:
        pair = evaluator.value(
            source, site.scope, argument(call, shape.address_at, "server_address", "listener", "addr")
        )
        if isinstance(pair, tuple) and len(pair) >= 2:
            bind, port = pair[0], pair[1]
            bind = ANY if bind == "" else bind
        elif isinstance(pair, str) and ":" in pair:
            bind, _, port = pair.rpartition(":")
    listen = argument(call, None, "listen") if shape.server == "waitress" else None
    if listen is not None:
        address = evaluator.text(evaluator.value(source, site.scope, listen)).split()[:1]
        bind, _, port = address[0].rpartition(":") if address else ("", "", WILD)
        bind = ANY if bind in ("", "*") else bind
    named = argument(call, shape.bind_at, *shape.bind)
    if shape.address_at is not None:
        named = argument(call, shape.address_at, "server_address", "listener", "addr")
    undecided = bind.default if isinstance(bind, Variable) else bind
    if undecided is UNKNOWN and _is_own_name(evaluator, source, site.scope, named):
        own = "socket.gethostname()"
        bind = Variable(bind.name, own) if isinstance(bind, Variable) else own
    expression = argument(call, shape.application_at, *shape.application)
    application = evaluator.value(source, site.scope, expression) if expression is not None else UNKNOWN
    import libcst as cst

    if expression is None and isinstance(call.func, cst.Attribute) and shape in _METHODS.values():
        expression = call.func.value
    return Listener(
        server=shape.server,
        port=port,
        bind=bind,
        origin=source.origin(site),
        application=application if isinstance(application, str) and ":" in application else "",
        source=source,
        site=site,
        expression=expression,
        encrypted=_is_encrypted(source, call),
    )


def _is_own_name(
    evaluator: Evaluator, source: Source, scope: Scope, expression: cst.BaseExpression | None, hops: int = 3
) -> bool:
    """Whether an address is made from the container's name, where it is given or where what it names is assigned."""
    import libcst as cst

    if expression is None:
        return False
    if isinstance(expression, cst.Tuple) and expression.elements:  # a port behind it
        expression = expression.elements[0].value
    if _OWN_NAME.search(source.code(expression)):
        return True
    place = evaluator.look(source, scope, expression.func if isinstance(expression, cst.Call) else expression)
    parts = [(source, scope, part.value) for part in expression.args] if isinstance(expression, cst.Call) else []
    bound = scope.binder(expression.value) if isinstance(expression, cst.Name) else None
    if isinstance(expression, cst.Name) and bound is not None:
        parts = [(source, bound, part) for part in bound.names[expression.value] if part is not None]
    elif place is not None and place.expression is not None:
        parts.append((place.source, place.scope, place.expression))
    elif (
        place is not None
        and isinstance(place.node, cst.FunctionDef)
        and _OWN_NAME.search(place.source.code(place.node))
    ):
        return True
    return hops > 0 and any(_is_own_name(evaluator, *part, hops - 1) for part in parts)


def _is_encrypted(source: Source, call: cst.Call) -> bool:
    """Whether a server is given certificates by its call, or by what its source does with its socket."""
    given = arguments(call)[1]
    certified = any(
        source.code(value) not in {"None", "False"} for name, value in given.items() if name in _CERTIFICATES
    )
    return certified or _WRAPS.search(source.text) is not None


def _grpc(evaluator: Evaluator, source: Source, site: Site) -> Listener | None:
    """``server.add_insecure_port("[::]:50051")``."""
    import libcst as cst

    function = site.node.func
    if not isinstance(function, cst.Attribute) or function.attr.value not in ("add_insecure_port", "add_secure_port"):
        return None
    address = evaluator.text(evaluator.value(source, site.scope, argument(site.node, 0, "address")))
    bind, _, port = address.rpartition(":")
    return Listener("grpc", port, bind, source.origin(site), "", source, site, None)
