"""The application object of a Python web app: what the command or the sources name, its framework and its settings."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dockfix.facts import pycommand, pydjango, pyroutes
from dockfix.facts.fact import Fact
from dockfix.facts.pyresult import UNKNOWN, Value
from dockfix.facts.pysource import Place, Source
from dockfix.facts.pytree import argument, arguments, returns
from dockfix.facts.pyvalue import Evaluator, instance_folder

if TYPE_CHECKING:
    from dockfix.facts import pylisten
    from dockfix.facts.pycommand import Start
    from dockfix.facts.python import Python


def read_settings(evaluator: Evaluator, sources: Sequence[Source]) -> None:
    """Collect Flask's settings: ``app.config["X"] = …``, ``app.config.update(X=…)``, ``class Config: X = …``."""
    import libcst as cst

    for source in sources:
        for site in source.assignments:
            target = site.node.targets[0].target if isinstance(site.node, cst.Assign) else site.node.target
            setting: Value = UNKNOWN
            if isinstance(target, cst.Subscript) and len(target.slice) == 1:
                index = target.slice[0].slice
                if (
                    isinstance(target.value, cst.Attribute)
                    and target.value.attr.value == "config"
                    and isinstance(index, cst.Index)
                ):
                    setting = evaluator.value(source, site.scope, index.value)
            elif isinstance(target, cst.Name) and site.scope.kind == "class" and target.value.isupper():
                setting = target.value
            if isinstance(setting, str) and site.node.value is not None:
                evaluator.config.setdefault(setting, []).append((source, site.scope, site.node.value))
        for site in source.calls:
            function = site.node.func
            if not isinstance(function, cst.Attribute) or pyroutes.dotted_tail(function.value) != "config":
                continue
            if function.attr.value in ("update", "from_mapping"):
                for key, value in arguments(site.node)[1].items():
                    evaluator.config.setdefault(key, []).append((source, site.scope, value))


def named(evaluator: Evaluator, start: Start, entry: Source | None) -> tuple[Place | None, Fact[str] | None]:
    """The application object that the command names, and its framework."""
    if entry is None:
        return None, None
    application = start.application or pycommand.flask_app(evaluator.environment)
    name = re.split(r"[(\[]", application.partition(":")[2])[0].split(".")[0]
    names = [name] if name else ["application" if start.server in ("gunicorn", "uwsgi") else "app", "app", "create_app"]
    for item in names:
        place = evaluator.global_name(entry, item)
        if place is not None:
            return made_of(evaluator, place, 0)
    return None, None


def made_of(evaluator: Evaluator, place: Place, depth: int = 0) -> tuple[Place | None, Fact[str] | None]:
    """Follow a factory, a wrapper (``ProxyFix(app)``, ``socketio.ASGIApp(sio, app)``) or an alias to the app."""
    import libcst as cst

    if depth > 4:
        return None, None
    if isinstance(place.node, cst.FunctionDef):
        inner = place.scope.inner.get(place.name)
        for value in _results(place.node):
            target = evaluator.look(place.source, inner, value) if inner is not None else None
            if target is not None:
                return made_of(evaluator, target, depth + 1)
            if inner is not None and isinstance(value, cst.Call):
                return made_of(evaluator, Place(place.source, inner, place.name, expression=value), depth + 1)
        return None, None
    made = place.expression
    if isinstance(made, (cst.Name, cst.Attribute)):
        target = evaluator.look(place.source, place.scope, made)
        return made_of(evaluator, target, depth + 1) if target is not None else (None, None)
    if not isinstance(made, cst.Call):
        return None, None
    framework = pyroutes.APPS.get(evaluator.canonical(place.source, made.func))
    if framework is not None:
        return place, Fact(framework, pydjango.origin_of(place))
    function = evaluator.look(place.source, place.scope, made.func)
    if function is not None and isinstance(function.node, cst.FunctionDef):
        return made_of(evaluator, function, depth + 1)
    for item in made.args:
        target = evaluator.look(place.source, place.scope, item.value)
        if target is not None:
            found = made_of(evaluator, target, depth + 1)
            if found[0] is not None:
                return found
    return None, None


def listened(
    evaluator: Evaluator,
    listener: pylisten.Listener,
    framework: Fact[str] | None,
    parsed: Callable[[str], Source | None],
) -> tuple[Place | None, Fact[str] | None]:
    """The application that a server in the sources is given."""
    import libcst as cst

    if listener.application:
        module, _, name = listener.application.partition(":")
        path = evaluator.sources.module(module, 0, listener.source.path, evaluator.roots)
        source = parsed(path) if path is not None else None
        place = evaluator.global_name(source, re.split(r"[.(]", name)[0]) if source is not None else None
        return made_of(evaluator, place, 0) if place is not None else (None, framework)
    expression = listener.expression
    place = evaluator.look(listener.source, listener.site.scope, expression)
    if place is not None:
        return made_of(evaluator, place, 0)
    if isinstance(expression, cst.Call):
        return made_of(evaluator, Place(listener.source, listener.site.scope, "", expression=expression), 0)
    return None, framework


def instance(python: Python, evaluator: Evaluator, sources: Sequence[Source]) -> str | None:
    """Where Flask-SQLAlchemy puts a relative database: since version 3 the instance folder.

    https://flask-sqlalchemy.palletsprojects.com/en/stable/config/#flask_sqlalchemy.config.SQLALCHEMY_DATABASE_URI
    """
    if not any("SQLALCHEMY_DATABASE_URI" in source.text for source in sources):
        return None
    for source in sources:
        for site in source.calls:
            if evaluator.canonical(source, site.node.func) in ("flask.Flask", "Flask"):
                folder = argument(site.node, None, "instance_path")
                if folder is not None:
                    return evaluator.text(evaluator.value(source, site.scope, folder))
                requirement = python.requirement("flask-sqlalchemy")
                old = requirement is not None and re.match(r"[012]\.", requirement.version or "")
                place = instance_folder(source, evaluator.sources.files)
                return posixpath.join(f"{place[:1]}/{source.folder}".rstrip("/")) if old else place
    return None


def _results(node: Any) -> Iterator[Any]:
    return (item.value for item in returns(node.body) if item.value is not None)
