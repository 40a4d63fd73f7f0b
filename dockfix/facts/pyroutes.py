"""GET routes without parameters that a Python web app serves, and the one among them that tells its health.

A route is given only where its whole path is decided: the prefix of every blueprint, router or ``include`` on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dockfix.facts.health import GUARD, is_health, rank
from dockfix.facts.pyresult import WILD
from dockfix.facts.pysource import Place, Scope, Source
from dockfix.facts.pytree import argument, arguments
from dockfix.facts.pyvalue import Evaluator

if TYPE_CHECKING:
    import libcst as cst

    from dockfix.facts.pysource import Site

APPS: Final = {
    "flask.Flask": "flask", "Flask": "flask", "quart.Quart": "quart", "fastapi.FastAPI": "fastapi",
    "fastapi.applications.FastAPI": "fastapi", "starlette.applications.Starlette": "starlette", "sanic.Sanic": "sanic",
    "bottle.Bottle": "bottle", "bottle.default_app": "bottle", "aiohttp.web.Application": "aiohttp",
    "falcon.App": "falcon", "falcon.asgi.App": "falcon", "falcon.API": "falcon", "flask_openapi3.OpenAPI": "flask",
    "apiflask.APIFlask": "flask", "robyn.Robyn": "robyn", "litestar.Litestar": "litestar", "dash.Dash": "dash",
    "tornado.web.Application": "tornado", "blacksheep.Application": "blacksheep", "connexion.FlaskApp": "connexion",
    "connexion.App": "connexion", "connexion.AsyncApp": "connexion", "chalice.Chalice": "chalice",
}  # fmt: skip
"""What makes an application, and of which framework."""

_ROUTERS: Final = {
    "flask.Blueprint": "flask", "Blueprint": "flask", "quart.Blueprint": "flask", "flask_smorest.Blueprint": "flask",
    "apiflask.APIBlueprint": "flask", "sanic.Blueprint": "flask", "fastapi.APIRouter": "fastapi",
    "fastapi.routing.APIRouter": "fastapi", "starlette.routing.Router": "fastapi", "flask_restx.Namespace": "restx",
    "flask_restplus.Namespace": "restx", "aiohttp.web.RouteTableDef": "aiohttp", "flask_openapi3.APIBlueprint": "flask",
}  # fmt: skip
_APIS: Final = frozenset(
    f"{package}.Api" for package in ("flask_restful", "flask_restx", "flask_restplus", "flask_smorest")
)
_MOUNTS: Final = frozenset(
    {
        "register_blueprint",
        "include_router",
        "mount",
        "add_namespace",
        "add_resource",
        "blueprint",
        "add_routes",
        "register_api",
    }
)
_GUARDS: Final = re.compile(f"{GUARD.pattern}|require|limit|user", re.IGNORECASE)
"""Decorators are chosen one by one, so that these say more there than in a line that sets up an app."""
_TURNS_AWAY: Final = re.compile(
    r"\b(?:abort|make_response|Response|HTTPException)\([^\n]*\b4\d\d\b|\breturn\b[^\n]*,\s*4\d\d\b|"
    r"\bstatus(?:_code)?\s*=\s*4\d\d\b|\bHTTP_4\d\d|\bHTTPStatus\.(?:UNAUTHORIZED|FORBIDDEN)|"
    r"\b(?:Unauthorized|Forbidden|PermissionDenied)\b|[\"'](?:authorization|x-api-key)[\"']",
    re.IGNORECASE,
)
_HOOK: Final = re.compile(
    r"^[ \t]*@[\w.]+\.(?:before_(?:app_)?request|middleware)\b.*\n(?:[ \t]*@.*\n)*"
    r"[ \t]*(?:async )?def .*\n(?:(?:[ \t]+.*)?\n)*",
    re.MULTILINE,
)
_MIDDLEWARE: Final = re.compile(r"(?:\badd_middleware|\bMiddleware)\(\s*([\w.]+)")
_BACKENDS: Final = re.compile(
    r"\b(?:db|database|session|cursor|engine|redis\w*|mongo\w*|execute|select|conn|connection|pool|rabbit\w*|kafka\w*|"
    r"broker|celery|requests|httpx|prisma|collection|es_client|elasticsearch|psycopg2?)\b",
    re.IGNORECASE,
)
_PARAMETER: Final = re.compile(r"[<>{}*()\[\]?^$|+]|:\w")


@dataclass(frozen=True, slots=True)
class Route:
    """A GET route.

    Attributes:
        path: the whole path.
        origin: where it is declared.
        guarded: a decorator, dependency or parameter that may turn a plain GET away; empty where there is none.
        backend: what the handler asks for besides itself, such as a database; empty where nothing was seen.
    """

    path: str
    origin: str
    guarded: str = ""
    backend: str = ""


@dataclass(frozen=True, slots=True)
class _Declared:
    owner: Place | None
    path: str
    origin: str
    guarded: str
    backend: str


@dataclass(frozen=True, slots=True)
class _Mount:
    parent: Place | None
    child: Place
    prefix: str | None
    replaces: bool
    guarded: str


class Routing:
    """The routes declared in some sources, joined to the application that serves them."""

    def __init__(self, evaluator: Evaluator, sources: Sequence[Source]) -> None:
        self.evaluator = evaluator
        self.sources = sources
        self.declared: list[_Declared] = []
        self.mounts: list[_Mount] = []
        self.applications: list[Place] = []
        for source in sources:
            self._read(source)

    def routes(self, application: Place | None) -> tuple[Route, ...]:
        """The routes of *application*; of the only one there is where none is named."""
        top = [app for app in self.applications if all(mount.child.key != app.key for mount in self.mounts)]
        if application is None:
            keys = {app.key for app in top}
            if len(keys) > 1:
                return ()
            application = top[0] if top else None
        found: dict[str, Route] = {}
        for item in self.declared:
            for prefix, guarded in self._prefixes(item.owner, application, 0):
                path = _joined(prefix, item.path)
                if WILD not in path and not _PARAMETER.search(path):
                    turned_away = item.guarded or guarded or self._guard
                    found.setdefault(path, Route(path, item.origin, turned_away, item.backend))
        return tuple(found.values())

    @cached_property
    def _guard(self) -> str:
        """What stands before all routes and may turn a request away."""
        for source in self.sources:
            for hook in _HOOK.finditer(f"{source.text}\n"):
                if _TURNS_AWAY.search(hook[0]):
                    return hook[0].strip().partition("\n")[0]
            for name in _MIDDLEWARE.findall(source.text):
                if _GUARDS.search(name):
                    return str(name)
        return ""

    def _prefixes(self, owner: Place | None, application: Place | None, depth: int) -> Iterator[tuple[str, str]]:
        """Every prefix under which *application* serves *owner*, and what guards it."""
        if depth > 6:
            return
        if owner is None or (application is not None and owner.key == application.key):
            yield "", self._own_prefix(application)[1] if application is not None else ""
            return
        kind = self._kind(owner)
        if kind in APPS.values() and application is None:
            yield "", ""
            return
        own, own_guard = self._own_prefix(owner)
        for mount in self.mounts:
            if mount.child.key != owner.key:
                continue
            if mount.replaces and mount.prefix is not None:
                prefix: str | None = mount.prefix
            else:
                prefix = _joined(mount.prefix or "", own) if own is not None else None
            if prefix is None:
                continue
            guarded = own_guard or mount.guarded
            for outer, outer_guard in self._prefixes(mount.parent, application, depth + 1):
                yield _joined(outer, prefix), guarded or outer_guard

    def _own_prefix(self, owner: Place) -> tuple[str | None, str]:
        import libcst as cst

        call = owner.expression
        if not isinstance(call, cst.Call):
            return "", ""
        guard = "dependencies" if argument(call, None, "dependencies") is not None else ""
        if self._kind(owner) == "restx":
            path = argument(call, None, "path")
            if path is None:
                name = self.evaluator.text(self.evaluator.value(owner.source, owner.scope, argument(call, 0, "name")))
                return f"/{name}", guard
            return self.evaluator.text(self.evaluator.value(owner.source, owner.scope, path)), guard
        given = argument(call, None, "url_prefix", "prefix")
        if given is None:
            return "", guard
        value = self.evaluator.settled(self.evaluator.value(owner.source, owner.scope, given))
        return (value or "" if isinstance(value, str) or value is None else WILD), guard

    def _kind(self, place: Place | None) -> str:
        import libcst as cst

        if place is None or not isinstance(place.expression, cst.Call):
            return ""
        name = self.evaluator.canonical(place.source, place.expression.func)
        if name in _APIS:
            return "api"
        return APPS.get(name) or _ROUTERS.get(name, "")

    def _read(self, source: Source) -> None:
        for site in source.assignments:
            self._application(source, site)
        for site in source.definitions:
            self._decorated(source, site)
        for site in source.calls:
            self._called(source, site)

    def _application(self, source: Source, site: Site) -> None:
        import libcst as cst

        if not isinstance(site.node.value, cst.Call):
            return
        if self.evaluator.canonical(source, site.node.value.func) not in APPS:
            return
        target = site.node.targets[0].target if isinstance(site.node, cst.Assign) else site.node.target
        place = self.evaluator.look(source, site.scope, target)
        if place is not None and all(place.key != known.key for known in self.applications):
            self.applications.append(place)

    def _owner(self, source: Source, scope: Scope, expression: cst.BaseExpression) -> tuple[bool, Place | None]:
        """The application or router that *expression* names; a parameter called ``app`` stands for the application."""
        place = self.evaluator.look(source, scope, expression)
        if place is not None and self._kind(place):
            return True, self._through_api(place)
        import libcst as cst

        if place is not None and isinstance(place.expression, cst.Call):
            made = self.evaluator.look(place.source, place.scope, place.expression.func)
            returned = self.evaluator.returned(made) if made is not None else None
            if returned is not None and self._kind(returned):
                return True, returned
        name = (
            expression.value
            if isinstance(expression, cst.Name)
            else getattr(getattr(expression, "attr", None), "value", "")
        )
        return place is None and name in ("app", "application", "current_app", "fastapi_app"), None

    def _through_api(self, place: Place) -> Place | None:
        """Flask-RESTful's ``Api(app)`` and restx's stand for the app or blueprint that they are given."""
        import libcst as cst

        if self._kind(place) != "api" or not isinstance(place.expression, cst.Call):
            return place
        given = argument(place.expression, 0, "app", "blueprint")
        if given is None:
            return None
        return self.evaluator.look(place.source, place.scope, given)

    def _decorated(self, source: Source, site: Site) -> None:
        import libcst as cst

        for decorator in site.node.decorators:
            call = decorator.decorator
            if not isinstance(call, cst.Call):
                continue
            function = call.func
            if isinstance(function, cst.Attribute):
                method = function.attr.value
                if method not in ("route", "get", "api_route", "view"):
                    continue
                known, owner = self._owner(source, site.scope, function.value)
                if not known:
                    continue
            else:
                name = self.evaluator.canonical(source, function)
                if name not in ("bottle.route", "bottle.get", "litestar.get"):
                    continue
                method, owner = name.rpartition(".")[2], None
            if method != "get" and not self._answers_get(source, site, call):
                continue
            if isinstance(site.node, cst.ClassDef) and not _has_get(site.node):
                continue
            first = argument(call, 0, "rule", "path", "uri")
            path = self.evaluator.text(self.evaluator.value(source, site.scope, first)) if first is not None else ""
            self._declare(source, site, owner, path, call, decorator)

    def _declare(
        self, source: Source, site: Site, owner: Place | None, path: str, call: cst.Call, decorator: cst.Decorator
    ) -> None:
        import libcst as cst

        guarded = guard_of(source, site.node, decorator)
        if not guarded and argument(call, None, "dependencies") is not None:
            guarded = "dependencies"
        if not guarded and isinstance(site.node, cst.FunctionDef) and self._kind(owner) == "fastapi":
            guarded = _needed_parameter(site.node)
        origin = source.origin(site, call)
        guarded = guarded or _condition(source.text.split("\n"), int(origin.rpartition(":")[2]))
        self.declared.append(_Declared(owner, path, origin, guarded, backend_of(source, site.node)))

    def _answers_get(self, source: Source, site: Site, call: cst.Call) -> bool:
        methods = argument(call, None, "methods", "method")
        if methods is None:
            return True
        value = self.evaluator.value(source, site.scope, methods)
        if isinstance(value, str):
            value = (value,)
        return isinstance(value, tuple) and any(isinstance(item, str) and item.upper() == "GET" for item in value)

    def _called(self, source: Source, site: Site) -> None:
        import libcst as cst

        function = site.node.func
        if not isinstance(function, cst.Attribute):
            name = self.evaluator.canonical(source, function)
            if name in ("starlette.routing.Route", "fastapi.routing.APIRoute", "aiohttp.web.get"):
                self._handler(source, site, None, 0, 1)
            return
        method = function.attr.value
        if self.evaluator.canonical(source, function) == "aiohttp.web.get":
            self._handler(source, site, None, 0, 1)
        elif method in ("add_url_rule", "add_api_route", "add_route", "add_get"):
            base = function.value
            if method == "add_get" and isinstance(base, cst.Attribute) and base.attr.value == "router":
                base = base.value
            known, owner = self._owner(source, site.scope, base)
            if known and (method == "add_get" or self._answers_get(source, site, site.node)):
                self._handler(source, site, owner, 0, 2 if method == "add_url_rule" else 1)
        elif method == "add_resource":
            self._resource(source, site, function)
        elif method in _MOUNTS:
            self._mounted(source, site, function)

    def _handler(self, source: Source, site: Site, owner: Place | None, path_at: int, handler_at: int) -> None:
        first = argument(site.node, path_at, "rule", "path")
        path = self.evaluator.text(self.evaluator.value(source, site.scope, first))
        handler = argument(site.node, handler_at, "view_func", "endpoint", "handler")
        place = self.evaluator.look(source, site.scope, handler)
        guarded = guard_of(place.source, place.node, None) if place is not None and place.node is not None else ""
        backend = backend_of(place.source, place.node) if place is not None and place.node is not None else ""
        self.declared.append(_Declared(owner, path, source.origin(site), guarded, backend))

    def _resource(self, source: Source, site: Site, function: cst.Attribute) -> None:
        """Flask-RESTful: ``api.add_resource(Health, "/health")``, where the class answers GET."""
        import libcst as cst

        known, owner = self._owner(source, site.scope, function.value)
        api = self.evaluator.look(source, site.scope, function.value)
        positional, _ = arguments(site.node)
        resource = self.evaluator.look(source, site.scope, positional[0]) if positional else None
        if resource is None or not isinstance(resource.node, cst.ClassDef) or not _has_get(resource.node):
            return
        if not known and dotted_tail(function.value) != "api":
            return
        prefix = ""
        if api is not None and isinstance(api.expression, cst.Call):
            given = argument(api.expression, None, "prefix")
            if given is not None:
                prefix = self.evaluator.text(self.evaluator.value(api.source, api.scope, given))
        guarded = guard_of(resource.source, resource.node, None)
        for item in positional[1:]:
            path = _joined(prefix, self.evaluator.text(self.evaluator.value(source, site.scope, item)))
            backend = backend_of(resource.source, resource.node)
            self.declared.append(_Declared(owner, path, source.origin(site), guarded, backend))

    def _mounted(self, source: Source, site: Site, function: cst.Attribute) -> None:
        method = function.attr.value
        child_at = 1 if method == "mount" else 0
        child = argument(site.node, child_at, "blueprint", "router", "app", "ns")
        place = self.evaluator.look(source, site.scope, child)
        if place is None:
            return
        kind = self._kind(place)
        if not kind:
            return
        known, parent = self._owner(source, site.scope, function.value)
        if not known:
            return
        given = argument(site.node, 0 if method == "mount" else None, "url_prefix", "prefix", "path")
        if given is None and method == "add_namespace":
            given = argument(site.node, 1, "path")
        prefix: str | None = None
        if given is not None:
            value = self.evaluator.settled(self.evaluator.value(source, site.scope, given))
            prefix = value if isinstance(value, str) else None if value is None else WILD
        # Flask's url_prefix, and a namespace's path, take the place of the child's own; FastAPI's are put together.
        replaces = method in ("register_blueprint", "add_namespace", "blueprint")
        guarded = "dependencies" if argument(site.node, None, "dependencies") is not None else ""
        self.mounts.append(_Mount(parent, place, prefix, replaces, guarded))


def dotted_tail(expression: cst.BaseExpression) -> str:
    """The last name of a dotted expression."""
    import libcst as cst

    if isinstance(expression, cst.Attribute):
        return expression.attr.value
    return expression.value if isinstance(expression, cst.Name) else ""


def health(routes: Sequence[Route]) -> Route | None:
    """The route that tells whether the process lives: known by its name, open to everybody, best without a database."""
    named = [route for route in routes if is_health(route.path) and not route.guarded]
    return min(named, key=lambda route: (bool(route.backend), *rank(route.path)), default=None)


def _joined(prefix: str, path: str) -> str:
    if not prefix or prefix == "/":
        return path if path.startswith(("/", WILD)) or not path else f"/{path}"
    if not path:
        return prefix
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


def guard_of(source: Source, node: cst.CSTNode, own: cst.Decorator | None) -> str:
    """A decorator beside the route's own, or a line of the handler, that may turn a request away."""
    import libcst as cst

    names: list[str] = []
    for item in getattr(node, "decorators", ()):
        if item is not own:
            expression = item.decorator.func if isinstance(item.decorator, cst.Call) else item.decorator
            names.append(dotted_tail(expression))
    for name in names:
        if _GUARDS.search(name):
            return name
    if isinstance(node, cst.FunctionDef):
        for parameter in (*node.params.params, *node.params.kwonly_params):
            default = parameter.default
            if isinstance(default, cst.Call) and dotted_tail(default.func) in ("Depends", "Security"):
                code = source.code(default)
                if _GUARDS.search(code):
                    return code
    answer = _TURNS_AWAY.search(source.code(node)) if isinstance(node, (cst.FunctionDef, cst.ClassDef)) else None
    return answer[0] if answer is not None else ""


def _condition(lines: Sequence[str], number: int) -> str:
    """The condition below which the decorator in line *number* stands, so that the route is there at times alone."""
    depth = len(lines[number - 1]) - len(lines[number - 1].lstrip())
    for line in reversed(lines[: number - 1]):
        own = len(line) - len(line.lstrip())
        if depth and own < depth and line.strip() and not line.lstrip().startswith("#"):
            depth = own
            if re.match(r"\s*(?:if|elif|else)\b", line) and "__name__" not in line:
                return line.strip()
    return ""


def _needed_parameter(node: cst.FunctionDef) -> str:
    """A query parameter without default: FastAPI answers 422 where it is missing."""
    import libcst as cst

    for parameter in (*node.params.params, *node.params.kwonly_params):
        if parameter.default is not None:
            continue
        annotation = parameter.annotation.annotation if parameter.annotation is not None else None
        if isinstance(annotation, cst.Subscript) and dotted_tail(annotation.value) == "Annotated":
            continue
        if annotation is None or dotted_tail(annotation) not in ("Request", "Response", "BackgroundTasks", "WebSocket"):
            return parameter.name.value
    return ""


def _has_get(node: cst.ClassDef) -> bool:
    import libcst as cst

    return any(isinstance(item, cst.FunctionDef) and item.name.value == "get" for item in node.body.body)


def backend_of(source: Source, node: cst.CSTNode) -> str:
    """What a handler asks for besides itself, by the names in its code; comments and strings are not read."""
    import libcst as cst

    if not isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        return ""
    code = re.sub(r"(\"\"\".*?\"\"\"|'''.*?'''|#[^\n]*|\"[^\"\n]*\"|'[^'\n]*')", "", source.code(node), flags=re.DOTALL)
    found = _BACKENDS.search(code)
    return found[0] if found is not None else ""
