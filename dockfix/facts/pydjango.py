"""Django: the settings module, the routes of its URL configuration, the hosts that it answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dockfix.facts.fact import Fact
from dockfix.facts.pyresult import UNKNOWN, WILD, Value, Variable
from dockfix.facts.pyroutes import Route, backend_of, guard_of
from dockfix.facts.pysource import Place, Scope, Source
from dockfix.facts.pytree import argument
from dockfix.facts.pyvalue import Evaluator

if TYPE_CHECKING:
    import libcst as cst

_PATHS: Final = frozenset({"django.urls.path", "django.urls.re_path", "django.conf.urls.url"})
_DEBUG_HOSTS: Final = ("localhost", "127.0.0.1")
_DEPTH: Final = 6
_REST_DEFAULT: Final = "rest_framework"


def settings_of(evaluator: Evaluator, sources: list[Source], environment: Mapping[str, str]) -> Source | None:
    """The settings module: the environment's, else the one that manage.py, wsgi.py or celery.py falls back to."""
    import libcst as cst

    names = [environment["DJANGO_SETTINGS_MODULE"]] if "DJANGO_SETTINGS_MODULE" in environment else []
    for source in sources:
        for site in source.calls:
            name = evaluator.canonical(source, site.node.func)
            if name in ("os.environ.setdefault", "os.putenv", "environ.setdefault"):
                key = evaluator.value(source, site.scope, argument(site.node, 0))
                value = evaluator.settled(evaluator.value(source, site.scope, argument(site.node, 1)))
                if key == "DJANGO_SETTINGS_MODULE" and isinstance(value, str):
                    names.append(value)
        for site in source.assignments:
            target = site.node.targets[0].target if isinstance(site.node, cst.Assign) else None
            if isinstance(target, cst.Subscript) and "DJANGO_SETTINGS_MODULE" in source.code(target):
                value = evaluator.settled(evaluator.value(source, site.scope, site.node.value))
                names += [value] if isinstance(value, str) else []
    for name in names:
        path = evaluator.sources.module(name, 0, "", evaluator.roots)
        settings = evaluator.sources.source(path) if path is not None else None
        if settings is not None:
            return settings
    return None


def setting(evaluator: Evaluator, settings: Source, name: str) -> tuple[Value, str] | None:
    """The value of a setting, with an environment variable left as one, and its origin; the last assignment counts."""
    place = _last(evaluator, settings, name)
    if place is None or place.expression is None:
        return None
    return evaluator.of(place), origin_of(place)


def _last(evaluator: Evaluator, settings: Source, name: str) -> Place | None:
    place = evaluator.global_name(settings, name)
    if place is not None:
        return place
    known = [value for value in settings.scope.names.get(name, ()) if value is not None]
    return Place(settings, settings.scope, name, expression=known[-1]) if known else None


def origin_of(place: Place) -> str:
    """``file:line`` of the assignment that made *place*."""
    for site in place.source.assignments:
        if site.node.value is place.expression:
            return place.source.origin(site)
    return f"{place.source.prefix}{place.source.path}"


def allowed_hosts(evaluator: Evaluator, settings: Source) -> Fact[tuple[str, ...]] | None:
    """The hosts that Django answers; empty where it checks them and they are decided elsewhere.

    With ``DEBUG`` and an empty list Django answers localhost and 127.0.0.1
    (https://docs.djangoproject.com/en/stable/ref/settings/#allowed-hosts).
    """
    found = setting(evaluator, settings, "ALLOWED_HOSTS")
    if found is None:
        return Fact((), f"{settings.prefix}{settings.path}")
    value, origin = found
    ambiguous = len(settings.scope.names.get("ALLOWED_HOSTS", ())) > 1
    if isinstance(value, Variable):
        given = evaluator.environment.get(value.name)
        value = tuple(re.split(r"[ ,]+", given)) if given is not None else value.default
    hosts = value if isinstance(value, tuple) else ()
    known = tuple(item for item in (evaluator.text(host).strip() for host in hosts) if item and WILD not in item)
    debug = setting(evaluator, settings, "DEBUG")
    if not hosts and isinstance(value, tuple) and debug is not None and debug[0] is True and not ambiguous:
        return Fact(_DEBUG_HOSTS, origin)
    return Fact(() if ambiguous else known, origin)


def installed(evaluator: Evaluator, settings: Source) -> tuple[str, ...]:
    """Folders of the installed apps that are part of the tree."""
    found = setting(evaluator, settings, "INSTALLED_APPS")
    value = found[0] if found is not None else ()
    folders = []
    for item in value if isinstance(value, tuple) else ():
        if isinstance(item, str):
            name = re.sub(r"\.apps\.\w+$", "", item)
            path = evaluator.sources.module(name, 0, "", evaluator.roots)
            folder = path.rpartition("/")[0] if path is not None and path.endswith("__init__.py") else None
            folders += [folder] if folder else []
    return tuple(dict.fromkeys(folders))


def routes(evaluator: Evaluator, settings: Source) -> tuple[Route, ...]:
    """The GET routes without parameters of ``ROOT_URLCONF``."""
    found = setting(evaluator, settings, "ROOT_URLCONF")
    value = evaluator.settled(found[0]) if found is not None else UNKNOWN
    path = evaluator.sources.module(value, 0, "", evaluator.roots) if isinstance(value, str) else None
    source = evaluator.sources.source(path) if path is not None else None
    if source is None:
        return ()
    rest = setting(evaluator, settings, "REST_FRAMEWORK")
    defaults = rest[0].get("DEFAULT_PERMISSION_CLASSES", ()) if rest is not None and isinstance(rest[0], dict) else ()
    open_ = not defaults or "AllowAny" in str(defaults)
    first: dict[str, Route] = {}
    for route in _patterns(evaluator, source, "urlpatterns", "/", 0):
        if route.guarded == _REST_DEFAULT:
            route = replace(route, guarded="" if open_ else "DEFAULT_PERMISSION_CLASSES")
        first.setdefault(route.path, route)
    return tuple(first.values())


def _patterns(evaluator: Evaluator, source: Source, name: str, prefix: str, depth: int) -> Iterator[Route]:

    if depth > _DEPTH:
        return
    lists: list[cst.BaseExpression] = [item for item in source.scope.names.get(name, ()) if item is not None]
    for site in source.calls:  # urlpatterns.append(…), which follows no pattern worth more
        if evaluator.canonical(source, site.node.func) in (f"{name}.append", f"{name}.extend"):
            given = argument(site.node, 0)
            lists += [given] if given is not None else []
    lists += _augmented(source, name)
    for item in lists:
        yield from _listed(evaluator, source, source.scope, item, prefix, depth)


def _augmented(source: Source, name: str) -> Iterator[cst.BaseExpression]:
    import libcst as cst

    for statement in source.statements:
        for small in getattr(statement, "body", ()) if isinstance(statement, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.AugAssign) and isinstance(small.target, cst.Name) and small.target.value == name:
                yield small.value


def _listed(
    evaluator: Evaluator, source: Source, scope: Scope, item: cst.BaseExpression, prefix: str, depth: int
) -> Iterator[Route]:
    import libcst as cst

    if isinstance(item, cst.BinaryOperation):
        yield from _listed(evaluator, source, scope, item.left, prefix, depth)
        yield from _listed(evaluator, source, scope, item.right, prefix, depth)
    elif isinstance(item, (cst.List, cst.Tuple)):
        for element in item.elements:
            if isinstance(element.value, cst.Call):
                yield from _pattern(evaluator, source, scope, element.value, prefix, depth)
            elif isinstance(element, cst.StarredElement):
                yield from _listed(evaluator, source, scope, element.value, prefix, depth)
    elif isinstance(item, cst.Call):
        if item.args and dotted_name(evaluator, source, item) in ("i18n_patterns", "format_suffix_patterns"):
            if dotted_name(evaluator, source, item) == "format_suffix_patterns":
                yield from _listed(evaluator, source, scope, item.args[0].value, prefix, depth)
        else:
            yield from _pattern(evaluator, source, scope, item, prefix, depth)
    elif isinstance(item, cst.Name):
        place = evaluator.look(source, scope, item)
        if place is not None and place.expression is not None and depth < _DEPTH:
            yield from _listed(evaluator, place.source, place.scope, place.expression, prefix, depth + 1)


def dotted_name(evaluator: Evaluator, source: Source, call: cst.Call) -> str:
    """The last part of the full name of what *call* calls."""
    return evaluator.canonical(source, call.func).rpartition(".")[2]


def _pattern(
    evaluator: Evaluator, source: Source, scope: Scope, call: cst.Call, prefix: str, depth: int
) -> Iterator[Route]:
    import libcst as cst

    name = evaluator.canonical(source, call.func)
    if name not in _PATHS:
        return
    written = evaluator.text(evaluator.value(source, scope, argument(call, 0, "route", "regex")))
    if not name.endswith(".path"):
        exact = re.fullmatch(r"\^?([\w/.-]*?)(?:/\?)?(\$|\\Z)?", written)
        if exact is None:
            return
        written = exact[1] + ("/" if written.rstrip("$").endswith("/?") else "")
    if WILD in written or "<" in written:
        return
    path = prefix + written
    target = argument(call, 1, "view")
    if isinstance(target, cst.Call) and dotted_name(evaluator, source, target) == "include":
        yield from _included(evaluator, source, scope, target, path, depth)
        return
    place = evaluator.look(source, scope, _view(target))
    guarded, backend = _handler(place)
    yield Route(path, f"{source.prefix}{source.path}:{source.line_of(call)}", guarded, backend)


def _included(
    evaluator: Evaluator, source: Source, scope: Scope, include: cst.Call, prefix: str, depth: int
) -> Iterator[Route]:
    import libcst as cst

    given = argument(include, 0, "arg")
    if isinstance(given, cst.Tuple) and given.elements:
        given = given.elements[0].value
    if isinstance(given, (cst.List, cst.BinaryOperation)):
        yield from _listed(evaluator, source, scope, given, prefix, depth + 1)
        return
    value = evaluator.settled(evaluator.value(source, scope, given))
    if isinstance(value, str):
        path = evaluator.sources.module(value, 0, source.path, evaluator.roots)
        inner = evaluator.sources.source(path) if path is not None else None
        if inner is not None:
            yield from _patterns(evaluator, inner, "urlpatterns", prefix, depth + 1)
    elif isinstance(given, cst.Name):
        place = evaluator.look(source, scope, given)
        if place is not None and place.expression is not None:
            yield from _listed(evaluator, place.source, place.scope, place.expression, prefix, depth + 1)
        elif place is not None and place.node is None:
            yield from _patterns(evaluator, place.source, "urlpatterns", prefix, depth + 1)


def _view(target: cst.BaseExpression | None) -> cst.BaseExpression | None:
    """The view behind ``View.as_view()`` or a decorator's call."""
    import libcst as cst

    if isinstance(target, cst.Call):
        if isinstance(target.func, cst.Attribute) and target.func.attr.value == "as_view":
            return target.func.value
        return target.args[0].value if target.args else None
    return target


def _handler(place: Place | None) -> tuple[str, str]:
    if place is None or place.node is None:
        return "", ""
    return _view_guard(place) or guard_of(place.source, place.node, None), backend_of(place.source, place.node)


def _view_guard(place: Place) -> str:
    """What a view itself says of who may call it, and whether it answers GET at all."""
    import libcst as cst

    node = place.node
    if node is None:
        return ""
    if isinstance(node, cst.FunctionDef):
        head = "\n".join(place.source.code(item) for item in node.decorators)
        if "require_POST" in head or (re.search(r"api_view\s*\(\s*[\[(]", head) and not re.search(r"[\"']GET", head)):
            return "not GET"
        if "api_view" in head:
            return "" if "AllowAny" in head else "permission_classes" if "permission_classes" in head else _REST_DEFAULT
        return ""
    code = place.source.code(node)
    bases = "".join(place.source.code(base) for base in node.bases)
    if "Login" in bases or "Permission" in bases:
        return "login"
    if (
        "APIView" in bases
        and not re.search(r"\bdef get\b", code)
        and not re.search(r"(?:List|Retrieve)\w*APIView", bases)
    ):
        return "not GET"
    if "permission_classes" in code:
        anybody = "AllowAny" in code or re.search(r"permission_classes\s*(?::[^=]*)?=\s*[\[(]\s*[\])]", code)
        return "" if anybody else "permission_classes"
    return _REST_DEFAULT if "APIView" in bases or "ViewSet" in bases else ""
