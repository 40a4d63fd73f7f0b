"""What a Python start command runs: where it listens, how its health is told, what it writes and calls."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from dockfix.facts import pycommand, pydjango, pylisten, pyroutes, pytools, pywrites
from dockfix.facts.fact import Fact
from dockfix.facts.pycommand import Start
from dockfix.facts.pyimports import reached, third_party
from dockfix.facts.pysource import (
    LONGEST,
    UNKNOWN,
    WILD,
    Place,
    Source,
    Value,
    Variable,
    argument,
    arguments,
)
from dockfix.facts.pyvalue import Evaluator, instance_folder

if TYPE_CHECKING:
    from dockfix.facts.python import Python

BUDGET: Final = 15_000
"""Lines of source parsed for one command, some four seconds; a count and no clock, so that every run finds the same."""

Kind = Literal["web", "worker", "none"]


@dataclass(frozen=True, slots=True)
class PyServer:
    """What a command starts. A fact that is not decided is absent.

    Attributes:
        kind: ``web`` listens; ``worker`` runs until it is stopped; ``none`` is a task that ends, or not understood.
        server: what serves: ``gunicorn``, ``uvicorn``, ``flask``, ``celery`` …
        framework: the web framework of the application.
        entry: the source that is run or holds the application, relative to the build context.
        folder: the folder of the context that is the working directory.
        port: the port that it listens on in the given environment.
        port_variable: the environment variable that decides the port.
        bind: the address that it listens on, without the port.
        routes: paths that answer a GET without parameters.
        health: the one of them that tells health, open to everybody.
        health_backend: what the health route asks for besides itself, such as a database.
        allowed_hosts: the hosts that it answers where it looks at the Host header; empty where those are not known,
            absent where it does not look.
        writes: folders written to, relative to the working directory (``.`` is that itself) or absolute.
        written_files: files written, in the same terms.
        writes_unknown: the first place that writes to a path decided only at run time.
        tools: programs called; ``tools_unknown``: calls of programs decided only at run time.
        imports: third-party modules imported by the sources that the entry reaches.
        debug_reload: a debugger or reloader that is switched on.
        beat: celery's scheduler, which writes its schedule into the working directory.
        settings: Django's settings module.
        static_root: the folder that ``collectstatic`` fills.
        sources: the sources that the entry reaches.
        unread: what could not be followed, so that an absent fact proves nothing.
    """

    kind: Fact[str]
    server: Fact[str] | None = None
    framework: Fact[str] | None = None
    entry: Fact[str] | None = None
    folder: str = ""
    port: Fact[int] | None = None
    port_variable: Fact[str] | None = None
    bind: Fact[str] | None = None
    routes: tuple[Fact[str], ...] = ()
    health: Fact[str] | None = None
    health_backend: Fact[str] | None = None
    allowed_hosts: Fact[tuple[str, ...]] | None = None
    writes: tuple[Fact[str], ...] = ()
    written_files: tuple[Fact[str], ...] = ()
    writes_unknown: Fact[str] | None = None
    tools: tuple[Fact[str], ...] = ()
    tools_unknown: tuple[Fact[str], ...] = ()
    imports: tuple[Fact[str], ...] = ()
    debug_reload: Fact[str] | None = None
    beat: Fact[str] | None = None
    settings: Fact[str] | None = None
    static_root: Fact[str] | None = None
    sources: tuple[str, ...] = ()
    unread: tuple[Fact[str], ...] = ()


@dataclass(slots=True)
class _Found:
    """What is known of the listening socket so far, the strongest evidence first."""

    port: Value = UNKNOWN
    port_origin: str = ""
    bind: Value = UNKNOWN
    bind_origin: str = ""

    def listen(self, bind: Value, port: Value, origin: str) -> None:
        if self.port is UNKNOWN and port is not UNKNOWN:
            self.port, self.port_origin = port, origin
        if self.bind is UNKNOWN and bind is not UNKNOWN:
            self.bind, self.bind_origin = bind, origin


_COMMAND: Final = "the start command"
_WEB: Final = frozenset(
    {"gunicorn", "uvicorn", "flask", "fastapi", "hypercorn", "daphne", "waitress", "streamlit", "uwsgi", "granian",
     "chainlit", "sanic", "jupyter", "mlflow", "panel", "http.server", "litestar"}
)  # fmt: skip
_WORKERS: Final = frozenset({"celery", "rq", "dramatiq", "arq", "huey", "taskiq", "airflow", "prefect"})
_BOTS: Final = re.compile(
    r"\.(?:run_polling|start_polling|infinity_polling|polling|idle|run_forever|serve_forever|start_consuming|run_until_disconnected"
    r"|consume|worker_main|start_worker|work)\s*\(|BlockingScheduler|discord|\bwhile\s+(?:True|1)\s*:"
)
# Ports that the servers' own command-line references give.
_DEFAULT_PORTS: Final = {
    "uvicorn": 8000, "flask": 5000, "fastapi": 8000, "hypercorn": 8000, "daphne": 8000, "waitress": 8080,
    "streamlit": 8501, "granian": 8000, "chainlit": 8000, "sanic": 8000, "manage": 8000, "jupyter": 8888,
    "mlflow": 5000,
    "panel": 5006, "http.server": 8000, "litestar": 8000,
}  # fmt: skip
_OPEN_BY_DEFAULT: Final = frozenset({"waitress", "streamlit", "http.server"})
_HOST_OPTIONS: Final = {"daphne": ("-b", "--bind"), "http.server": ("-b", "--bind"), "flask": ("-h", "--host")}
# https://uvicorn.dev/settings/, https://flask.palletsprojects.com/en/stable/cli/,
# https://docs.streamlit.io/develop/api-reference/configuration/config.toml
_PORT_VARIABLES: Final = {
    "uvicorn": ("UVICORN_HOST", "UVICORN_PORT"),
    "flask": ("FLASK_RUN_HOST", "FLASK_RUN_PORT"),
    "streamlit": ("STREAMLIT_SERVER_ADDRESS", "STREAMLIT_SERVER_PORT"),
    "granian": ("GRANIAN_HOST", "GRANIAN_PORT"),
    "chainlit": ("CHAINLIT_HOST", "CHAINLIT_PORT"),
    "litestar": ("LITESTAR_HOST", "LITESTAR_PORT"),
}


def server_of(
    python: Python, command: Sequence[str], environment: Mapping[str, str], folder: str | None = None
) -> PyServer:
    """What *command* starts; see :meth:`dockfix.facts.python.Python.server_of`."""
    starts = pycommand.starts_of(_expanded_script(python, command), python.root, folder or "")
    answer = _Inquiry(python, starts[0] if starts else Start(), environment, folder).answer()
    for other in starts[1:]:
        second = _Inquiry(python, other, environment, folder).answer()
        if (second.kind.value, _value(second.port), _value(second.port_variable)) != (
            answer.kind.value,
            _value(answer.port),
            _value(answer.port_variable),
        ):
            unread = (*answer.unread, Fact(f"{other.server} may be started as well", _COMMAND))
            return replace(answer, port=None, port_variable=None, health=None, health_backend=None, unread=unread)
    return answer


def _value(fact: Fact[Any] | None) -> object:
    return fact.value if fact is not None else None


def _expanded_script(python: Python, command: Sequence[str]) -> tuple[str, ...]:
    """*command* with a console script of the project replaced by the module that it calls."""
    scripts = (python.project.scripts or {}) if python.project is not None else {}
    words = list(command)
    for index, word in enumerate(words[:4]):
        target = scripts.get(posixpath.basename(word))
        if target is not None:
            return (*words[:index], "python", "-m", target.value.partition(":")[0], *words[index + 1 :])
    return tuple(words)


class _Inquiry:
    """One command's questions put to the sources."""

    def __init__(self, python: Python, start: Start, environment: Mapping[str, str], folder: str | None) -> None:
        self.python = python
        self.start = start
        self.sources = python.sources
        self.environment = {**environment, **start.environment}
        self.found = _Found()
        self.unread: list[Fact[str]] = []
        self.config_reload: Fact[str] | None = None
        self.lines = 0
        self.undecided = False
        self.given_folder = folder
        self.folder = folder or ""
        self._uwsgi_file()
        self.entry = self._entry()
        roots = [posixpath.dirname(self.entry)] if self.entry and start.script else []
        pythonpath = [self._inside(item) for item in self.environment.get("PYTHONPATH", "").split(":") if item]
        chdir = start.option("--chdir", "--app-dir", "--pythonpath")
        moved = [posixpath.normpath(posixpath.join(self.folder, self._inside(chdir)))] if chdir else []
        self.roots = [
            root if root != "." else ""
            for root in (*moved, *roots, self.folder, *pythonpath, posixpath.join(self.folder, "src"))
        ]
        options = {key: value for key, value in start.options.items() if "$" not in value}
        self.evaluator = Evaluator(self.sources, self.roots, self.environment, options)

    # -- the entry

    def _inside(self, path: str) -> str:
        """A folder of the image as one of the context, as far as its name tells."""
        clean = posixpath.normpath(path).strip("/").removeprefix(".")
        return clean if self.python.root.is_dir(clean) else clean.partition("/")[2]

    def _entry(self) -> str | None:
        start = self.start
        if start.script:
            place = pycommand.find(self.python.root, start.script, self.folder)
            if place is not None and self.given_folder is None:
                written = posixpath.normpath(start.script).lstrip("/")
                if place.endswith(written) and not start.script.startswith("/"):
                    self.folder = place[: -len(written)].rstrip("/")
                elif start.script.startswith("/"):
                    self.folder = self._working_folder(place, written)
            return place
        name = start.module or self._application_module()
        return self._module(name) if name else None

    def _working_folder(self, place: str, written: str) -> str:
        """``/app/src/main.py`` found as ``src/main.py`` runs in the context's top."""
        return "" if written.endswith(place) or not place.count("/") else posixpath.dirname(place)

    def _application_module(self) -> str:
        start = self.start
        application = start.application
        if start.server == "flask" and not application:
            application = self.environment.get("FLASK_APP", "")
        if start.server == "manage":
            return ""
        return re.split(r"[:(]", application)[0].removesuffix(".py").replace("/", ".").strip(".")

    def _module(self, name: str) -> str | None:
        relative = name.replace(".", "/")
        inside = f"{relative}/__main__.py" if self.start.module else f"{relative}/__init__.py"
        tails = (inside, f"{relative}.py", f"{relative}/__init__.py")
        chdir = self.start.option("--chdir", "--app-dir", "--pythonpath")
        bases = [self.folder, "", "src", posixpath.join(self.folder, "src")]
        if chdir:
            bases.insert(0, posixpath.join(self.folder, self._inside(chdir)))
        for base in dict.fromkeys(bases):
            for tail in tails:
                path = posixpath.normpath(posixpath.join(base, tail))
                if self.python.root.exists(path):
                    if self.given_folder is None and base not in ("", "src"):
                        self.folder = base
                    return path
        ends = tuple(f"/{tail}" for tail in tails)
        matches = [path for path in self.python.source_paths if path.endswith(ends)]
        shallow = min((path.count("/") for path in matches), default=0)
        nearest = [path for path in matches if path.count("/") == shallow]
        if len(nearest) != 1:
            package, _, inner = name.partition(".")
            if inner and not matches and not self.python.root.is_dir(package):
                self.sources.packages.add(package)
                return self._module(inner)
            return None
        if self.given_folder is None:
            self.folder = next(nearest[0][: -len(end)] for end in ends if nearest[0].endswith(end))
        return nearest[0]

    def _conventional(self) -> str | None:
        """The module that flask and fastapi look for where none is named."""
        names = {
            "flask": ("wsgi.py", "app.py", "app/__init__.py"),
            "fastapi": ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"),
            "manage": ("manage.py",),
            "litestar": ("app.py", "application.py"),
        }
        for name in names.get(self.start.server, ()):
            path = posixpath.join(self.folder, name)
            if self.python.root.exists(path):
                return path
        return None

    # -- the answer

    def answer(self) -> PyServer:
        start = self.start
        if not start.server:
            return PyServer(Fact("none", _COMMAND), folder=self.folder)
        entry = self.entry or self._conventional()
        if entry is None:
            self.unread.append(
                Fact(f"no source of {start.application or start.script or start.module or start.server}", _COMMAND)
            )
        paths = reached(self.sources, [entry] if entry is not None else [], self.roots)
        entry_source = self._parsed(entry, True) if entry is not None else None
        interesting = [path for path in paths if path == entry or self._interesting(path)]
        sources = [source for path in interesting if (source := self._parsed(path, path == entry)) is not None]
        settings = self._settings(sources) if self._is_django(paths) else None
        self.evaluator.settings = settings
        if settings is not None:
            sources, paths = self._django_sources(sources, settings, paths)
        self._configuration(sources)
        application, framework = self._application(entry_source, sources)
        self._listen_by_command()
        listener = self._listener(sources, entry_source)
        if listener is not None and application is None:
            application, framework = self._listened(listener, framework)
        routes = self._routes(sources, application, settings, framework)
        kind = self._kind(entry_source, sources, listener)
        if kind.value == "web":
            self._defaults()
        health = pyroutes.health(routes) if kind.value == "web" else None
        folders = pywrites.writes(self.evaluator, sources, paths, self.folder, self._instance(sources, entry_source))
        known_tools, unknown_tools = pytools.tools(self.sources, paths, self.evaluator)
        port, variable = self._port()
        return PyServer(
            kind=kind,
            server=Fact(self._server_name(listener), listener.origin if listener is not None else _COMMAND),
            framework=framework or (self.python.framework if settings is None else Fact("django", settings.path)),
            entry=Fact(entry, f"{self.sources.prefix}{entry}") if entry is not None else None,
            folder=self.folder,
            port=port if kind.value == "web" else None,
            port_variable=variable if kind.value == "web" else None,
            bind=self._bind() if kind.value == "web" else None,
            routes=tuple(Fact(route.path, route.origin) for route in routes),
            health=Fact(health.path, health.origin) if health is not None else None,
            health_backend=Fact(health.backend, health.origin) if health is not None and health.backend else None,
            allowed_hosts=self._hosts(sources, settings),
            writes=folders.folders,
            written_files=folders.files,
            writes_unknown=folders.unknown,
            tools=known_tools,
            tools_unknown=unknown_tools,
            imports=third_party(self.sources, paths, self.roots),
            debug_reload=self._reload(listener),
            beat=self._beat(),
            settings=Fact(settings.path, f"{self.sources.prefix}{settings.path}") if settings is not None else None,
            static_root=self._static_root(settings),
            sources=tuple(paths),
            unread=tuple(self.unread),
        )

    def _interesting(self, path: str) -> bool:
        content = self.sources.text(path) or ""
        return bool(
            _STRUCTURE.search(content)
            or pylisten.HINT.search(content)
            or pywrites.HINT.search(content)
            or pytools.HINT.search(content)
        )

    def _parsed(self, path: str, entry: bool) -> Source | None:
        content = self.sources.text(path)
        if content is None:
            self.unread.append(Fact("cannot be read", f"{self.sources.prefix}{path}"))
            return None
        if not entry and content.count("\n") > LONGEST:
            self.unread.append(Fact(f"longer than {LONGEST} lines", f"{self.sources.prefix}{path}"))
            return None
        self.lines += content.count("\n")
        if not entry and self.lines > BUDGET:
            self.unread.append(Fact(f"past the first {BUDGET} lines", f"{self.sources.prefix}{path}"))
            return None
        source = self.sources.source(path)
        if source is None:
            self.unread.append(Fact("cannot be parsed", f"{self.sources.prefix}{path}"))
        return source

    # -- django

    def _is_django(self, paths: Sequence[str]) -> bool:
        return (
            self.start.server == "manage"
            or any("DJANGO_SETTINGS_MODULE" in (self.sources.text(path) or "") for path in paths[:5])
            or "DJANGO_SETTINGS_MODULE" in self.environment
        )

    def _settings(self, sources: list[Source]) -> Source | None:
        return pydjango.settings_of(self.evaluator, sources, self.environment)

    def _django_sources(
        self, sources: list[Source], settings: Source, paths: tuple[str, ...]
    ) -> tuple[list[Source], tuple[str, ...]]:
        """Django imports its apps by name; their commands, migrations and tests are not part of serving."""
        folders = (settings.folder, *pydjango.installed(self.evaluator, settings))
        inner = [
            path
            for path in self.python.source_paths
            if any(path.startswith(f"{folder}/") for folder in folders if folder)
            and not re.search(r"/(?:management|migrations|tests?|settings)/|/tests?\.py$", path)
        ]
        together = reached(self.sources, (*paths, settings.path, *inner), self.roots, limit=120)
        known = {source.path for source in sources}
        for path in together:
            if path not in known and (self._interesting(path) or path == settings.path):
                source = self._parsed(path, False)
                if source is not None:
                    sources.append(source)
        return sources, together

    def _static_root(self, settings: Source | None) -> Fact[str] | None:
        found = pydjango.setting(self.evaluator, settings, "STATIC_ROOT") if settings is not None else None
        place = pywrites.located(self.evaluator.text(found[0]), self.folder) if found is not None else None
        return Fact(place, found[1]) if found is not None and place is not None and WILD not in place else None

    def _hosts(self, sources: Sequence[Source], settings: Source | None) -> Fact[tuple[str, ...]] | None:
        if settings is not None:
            return pydjango.allowed_hosts(self.evaluator, settings)
        for source in sources:
            if "TrustedHostMiddleware" in source.text and (trusted := self._trusted(source)) is not None:
                return trusted
        for source in sources:
            for site in source.assignments if "SERVER_NAME" in source.text else ():
                # Flask answers 404 to any host but its SERVER_NAME.
                if re.search(r"\[[\"']SERVER_NAME[\"']\]\s*=|^SERVER_NAME\s*=", source.code(site.node)):
                    return Fact((), source.origin(site))
        return None

    def _trusted(self, source: Source) -> Fact[tuple[str, ...]] | None:
        for site in source.calls:
            first = argument(site.node, 0, "middleware_class")
            names = (self.evaluator.canonical(source, first), self.evaluator.canonical(source, site.node.func))
            if any(name.endswith("TrustedHostMiddleware") for name in names):
                value = self.evaluator.settled(
                    self.evaluator.value(source, site.scope, argument(site.node, None, "allowed_hosts"))
                )
                hosts = value if isinstance(value, tuple) else ()
                return Fact(tuple(item for item in hosts if isinstance(item, str)), source.origin(site))
        return None

    # -- the application

    def _configuration(self, sources: Sequence[Source]) -> None:
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
                        setting = self.evaluator.value(source, site.scope, index.value)
                elif isinstance(target, cst.Name) and site.scope.kind == "class" and target.value.isupper():
                    setting = target.value
                if isinstance(setting, str) and site.node.value is not None:
                    self.evaluator.config.setdefault(setting, []).append((source, site.scope, site.node.value))
            for site in source.calls:
                function = site.node.func
                if not isinstance(function, cst.Attribute) or pyroutes.dotted_tail(function.value) != "config":
                    continue
                if function.attr.value in ("update", "from_mapping"):
                    for key, value in arguments(site.node)[1].items():
                        self.evaluator.config.setdefault(key, []).append((source, site.scope, value))

    def _application(self, entry: Source | None, sources: Sequence[Source]) -> tuple[Place | None, Fact[str] | None]:
        """The application object that the command names, and its framework."""
        if entry is None:
            return None, None
        application = self.start.application or self.environment.get("FLASK_APP", "")
        name = re.split(r"[(\[]", application.partition(":")[2])[0].split(".")[0]
        names = (
            [name]
            if name
            else ["application" if self.start.server in ("gunicorn", "uwsgi") else "app", "app", "create_app"]
        )
        for item in names:
            place = self.evaluator.global_name(entry, item)
            if place is not None:
                return self._made(place, 0)
        return None, None

    def _made(self, place: Place, depth: int) -> tuple[Place | None, Fact[str] | None]:
        """Follow a factory, a wrapper (``ProxyFix(app)``, ``socketio.ASGIApp(sio, app)``) or an alias to the app."""
        import libcst as cst

        if depth > 4:
            return None, None
        evaluator = self.evaluator
        if isinstance(place.node, cst.FunctionDef):
            inner = place.scope.inner.get(place.name)
            for value in _returned(place.node):
                target = evaluator.look(place.source, inner, value) if inner is not None else None
                if target is not None:
                    return self._made(target, depth + 1)
                if inner is not None and isinstance(value, cst.Call):
                    return self._made(Place(place.source, inner, place.name, expression=value), depth + 1)
            return None, None
        made = place.expression
        if isinstance(made, (cst.Name, cst.Attribute)):
            target = evaluator.look(place.source, place.scope, made)
            return self._made(target, depth + 1) if target is not None else (None, None)
        if not isinstance(made, cst.Call):
            return None, None
        framework = pyroutes.APPS.get(evaluator.canonical(place.source, made.func))
        if framework is not None:
            return place, Fact(framework, pydjango.origin_of(place))
        function = evaluator.look(place.source, place.scope, made.func)
        if function is not None and isinstance(function.node, cst.FunctionDef):
            return self._made(function, depth + 1)
        for item in made.args:
            target = evaluator.look(place.source, place.scope, item.value)
            if target is not None:
                found = self._made(target, depth + 1)
                if found[0] is not None:
                    return found
        return None, None

    def _listened(
        self, listener: pylisten.Listener, framework: Fact[str] | None
    ) -> tuple[Place | None, Fact[str] | None]:
        """The application that a server in the sources is given."""
        evaluator = self.evaluator
        if listener.application:
            module, _, name = listener.application.partition(":")
            path = self.sources.module(module, 0, listener.source.path, self.roots)
            source = self._parsed(path, False) if path is not None else None
            place = evaluator.global_name(source, re.split(r"[.(]", name)[0]) if source is not None else None
            return self._made(place, 0) if place is not None else (None, framework)
        import libcst as cst

        expression = listener.expression
        place = evaluator.look(listener.source, listener.site.scope, expression)
        if place is not None:
            return self._made(place, 0)
        if isinstance(expression, cst.Call):
            return self._made(Place(listener.source, listener.site.scope, "", expression=expression), 0)
        return None, framework

    def _routes(
        self, sources: Sequence[Source], application: Place | None, settings: Source | None, framework: Fact[str] | None
    ) -> tuple[pyroutes.Route, ...]:
        if settings is not None and framework is None:
            return pydjango.routes(self.evaluator, settings)
        if self.start.server == "streamlit":
            # https://github.com/streamlit/streamlit/blob/develop/lib/streamlit/web/server/server.py
            base = self._streamlit("baseUrlPath", "server.baseUrlPath")
            prefix = self.evaluator.text(base[0]).strip("/") if base is not None else ""
            if WILD in prefix:
                return ()
            path = f"/{prefix}/_stcore/health" if prefix else "/_stcore/health"
            return (pyroutes.Route(path, "streamlit's own route"),)
        return pyroutes.Routing(self.evaluator, sources).routes(application)

    def _instance(self, sources: Sequence[Source], entry: Source | None) -> str | None:
        """Where Flask-SQLAlchemy puts a relative database: since version 3 the instance folder.

        https://flask-sqlalchemy.palletsprojects.com/en/stable/config/#flask_sqlalchemy.config.SQLALCHEMY_DATABASE_URI
        """
        if not any("SQLALCHEMY_DATABASE_URI" in source.text for source in sources):
            return None
        for source in sources:
            for site in source.calls:
                if self.evaluator.canonical(source, site.node.func) in ("flask.Flask", "Flask"):
                    folder = argument(site.node, None, "instance_path")
                    if folder is not None:
                        return self.evaluator.text(self.evaluator.value(source, site.scope, folder))
                    requirement = self.python.requirement("flask-sqlalchemy")
                    old = requirement is not None and re.match(r"[012]\.", requirement.version or "")
                    place = instance_folder(source, self.sources.files)
                    return posixpath.join(f"{place[:1]}/{source.folder}".rstrip("/")) if old else place
        return None

    # -- listening

    def _listen_by_command(self) -> None:
        start, server = self.start, self.start.server
        if server == "gunicorn":
            self._gunicorn()
        elif server == "manage":
            address = start.positional[1] if len(start.positional) > 1 else ""
            self._address(address if ":" in address or not address else f"127.0.0.1:{address}", _COMMAND)
        elif server == "hypercorn":
            self._address(start.option("-b", "--bind") or "", _COMMAND)
        elif server == "waitress":
            self._address((start.option("--listen") or "").split(" ")[0], _COMMAND)
        elif server == "streamlit":
            for name, option in (("port", "--server.port"), ("address", "--server.address")):
                value = self._streamlit(name, option)
                if value is not None:
                    self.found.listen(
                        value[0] if name == "address" else UNKNOWN, value[0] if name == "port" else UNKNOWN, value[1]
                    )
        elif server == "uwsgi":
            self._address(start.option("--http", "--http-socket") or "", _COMMAND)
        elif server == "http.server":
            self.found.listen(
                UNKNOWN, pycommand.value_of(start.positional[0]) if start.positional else UNKNOWN, _COMMAND
            )
        if server not in ("python", "gunicorn", "manage"):
            host = start.option(*_HOST_OPTIONS.get(server, ("--host", "-H", "--ip", "--address")))
            port = start.option("--port", "-p")
            number = pycommand.value_of(port) if port else UNKNOWN
            if port and number is UNKNOWN:
                self._undecided("the port", _COMMAND)
            self.found.listen(pycommand.value_of(host) if host else UNKNOWN, number, _COMMAND)

    def _address(self, address: str, origin: str) -> None:
        """``0.0.0.0:8000``, ``:8000``, ``[::]:8000``, ``unix:/run/app.sock``."""
        if not address or address.startswith(("unix:", "fd:", "/")) or address.endswith(".sock"):
            return
        whole = pycommand.value_of(address)
        if isinstance(whole, Variable):
            given = self.evaluator.settled(whole)
            if isinstance(given, str) and "$" not in given:
                self._address(given, origin)
            else:
                self._undecided("the address", origin)
            return
        variable = re.search(r"\$(?:\w+|\{[^}]*\})$", address)
        if variable is not None:
            host, port = address[: variable.start()].rpartition(":")[0], variable[0]
        elif ":" in address:
            host, _, port = address.rpartition(":")
        elif address.isdigit():
            host, port = "", address
        else:
            host, port = address, ""
        bind: Value = host.strip("[]") or pylisten.ANY
        number = pycommand.value_of(port) if port else UNKNOWN
        if port and number is UNKNOWN:
            self._undecided("the port", origin)
        self.found.listen(bind, number, origin)

    def _undecided(self, what: str, origin: str) -> None:
        """Note that something is given and not understood, so that no default takes its place."""
        if self.found.port is UNKNOWN:
            self.undecided = True
            self.unread.append(Fact(f"{what} is decided at run time", origin))

    def _gunicorn(self) -> None:
        import shlex

        start = self.start
        self._address((start.option("-b", "--bind") or "").split(",")[0], _COMMAND)
        extra = shlex.split(self.environment.get("GUNICORN_CMD_ARGS", ""))
        for index, word in enumerate(extra):
            if word.startswith(("--bind=", "-b=")):
                self._address(word.partition("=")[2], "GUNICORN_CMD_ARGS")
            elif word in ("--bind", "-b") and index + 1 < len(extra):
                self._address(extra[index + 1], "GUNICORN_CMD_ARGS")
        given = start.option("-c", "--config") or "gunicorn.conf.py"
        if given.startswith("python:"):
            path = self.sources.module(given[7:], 0, "", self.roots)
        else:
            path = (
                pycommand.find(self.python.root, given.removeprefix("file:"), self.folder)
                if given != "gunicorn.conf.py"
                else (
                    posixpath.join(self.folder, given)
                    if self.python.root.exists(posixpath.join(self.folder, given))
                    else None
                )
            )
        source = self._parsed(path, True) if path is not None else None
        if source is not None:
            for name in ("bind", "reload"):
                place = self.evaluator.global_name(source, name)
                if place is None:
                    if name == "bind" and name in source.scope.names:
                        self._undecided("the address", f"{source.prefix}{source.path}")
                    continue
                value = self.evaluator.of(place)
                if isinstance(value, tuple) and value:
                    value = value[0]
                if name == "bind" and isinstance(value, Variable):
                    value = self.evaluator.settled(value)
                if name == "bind" and isinstance(value, str):
                    self._gunicorn_bind(place, value)
                elif name == "bind":
                    self._undecided("the address", pydjango.origin_of(place))
                elif name == "reload" and value is True:
                    self.config_reload = Fact("gunicorn reload", pydjango.origin_of(place))
        elif start.option("-c", "--config") is not None:
            self._undecided(f"what {given} says", _COMMAND)

    def _gunicorn_bind(self, place: Place, value: str) -> None:
        """The address of a configuration file; a variable inside ``f"0.0.0.0:{port}"`` is kept as one."""
        import libcst as cst

        origin = pydjango.origin_of(place)
        host, _, port = value.rpartition(":")
        variable: Value = port if port and WILD not in port else UNKNOWN
        parts: list[Any] = []
        if isinstance(place.expression, cst.FormattedString):
            parts = [
                part.expression for part in place.expression.parts if isinstance(part, cst.FormattedStringExpression)
            ]
        elif isinstance(place.expression, cst.BinaryOperation):
            parts = [place.expression.right]
        inner = self.evaluator.value(place.source, place.scope, parts[-1]) if parts else UNKNOWN
        if isinstance(inner, Variable):
            variable = inner
        if value.startswith("unix:"):
            self.undecided = True
            return
        if variable is UNKNOWN:
            self._undecided("the port", origin)
        self.found.listen((host.strip("[]") or pylisten.ANY) if WILD not in host else UNKNOWN, variable, origin)

    def _streamlit(self, name: str, option: str) -> tuple[Value, str] | None:
        from dockfix.facts import pylock

        given = self.start.option(option)
        if given is not None:
            return pycommand.value_of(given), _COMMAND
        variable = f"STREAMLIT_{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', option[2:]).replace('.', '_').upper()}"
        if variable in self.environment:
            return Variable(variable), variable
        path = posixpath.join(self.folder, ".streamlit/config.toml")
        data = pylock.toml(self.python.root, path)
        server = data.get("server") if isinstance(data, dict) else None
        value = server.get(name) if isinstance(server, dict) else None
        return (value, f"{self.sources.prefix}{path}") if isinstance(value, (str, int)) else None

    def _uwsgi_file(self) -> None:
        """``uwsgi --ini app.ini`` and ``uwsgi app.ini``."""
        import configparser

        from dockfix.facts.files import text

        if self.start.server != "uwsgi":
            return
        given = self.start.option("--ini") or next(
            (word for word in self.start.positional if word.endswith(".ini")), None
        )
        path = pycommand.find(self.python.root, given, self.folder) if given else None
        content = text(self.python.root, path) if path is not None else None
        if content is None:
            return
        parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
        try:
            parser.read_string(content)
        except configparser.Error:
            return
        if parser.has_section("uwsgi"):
            options = {f"--{key}": value or "" for key, value in parser.items("uwsgi")} | dict(self.start.options)
            module = (
                options.get("--module") or options.get("--wsgi") or options.get("--wsgi-file", "").removesuffix(".py")
            )
            if module and ":" not in module:
                module = f"{module}:{options.get('--callable', 'application')}"
            self.start = replace(self.start, options=options, application=self.start.application or module)
            self._address(self.start.option("--http", "--http-socket") or "", f"{self.sources.prefix}{path}")

    def _listener(self, sources: Sequence[Source], entry: Source | None) -> pylisten.Listener | None:
        if self.start.server != "python" or entry is None:
            return None
        listeners = pylisten.listeners(self.evaluator, sources, entry)
        serving = [item for item in listeners if item.server != "prometheus"] or list(listeners)
        if not serving:
            return None
        own = [item for item in serving if item.source is entry]
        chosen = (own or serving)[0]
        ports = {repr(item.port) for item in (own or serving)}
        if len(ports) > 1:
            # Two servers, or one of two by a switch: neither's port is the image's for sure.
            self.unread.append(Fact("more than one server is started", chosen.origin))
        else:
            self.found.listen(chosen.bind, chosen.port, chosen.origin)
        return chosen

    def _defaults(self) -> None:
        server = self.start.server
        if self.undecided:
            return
        if server == "gunicorn":
            # https://docs.gunicorn.org/en/stable/settings.html#bind
            if (
                self.found.port is UNKNOWN
                and not self.unread
                and "unix:" not in (self.start.option("-b", "--bind") or "")
            ):
                self.found.listen(
                    pylisten.ANY if "PORT" in self.environment else "127.0.0.1",
                    Variable("PORT", 8000),
                    "gunicorn's default",
                )
            return
        host_variable, port_variable = _PORT_VARIABLES.get(server, ("", ""))
        default_host: Value = (
            pylisten.ANY
            if server in _OPEN_BY_DEFAULT or (server == "fastapi" and self.start.subcommand == "run")
            else "127.0.0.1"
        )
        if server in _DEFAULT_PORTS and self.start.option("--fd", "--uds", "--unix-socket", "-u") is None:
            port: Value = _DEFAULT_PORTS[server]
            if port_variable and port_variable in self.environment:
                port = Variable(port_variable, port)
            bind: Value = Variable(host_variable, default_host) if host_variable in self.environment else default_host
            self.found.listen(bind, port, f"{server}'s default" if server != "manage" else "Django's default")

    def _port(self) -> tuple[Fact[int] | None, Fact[str] | None]:
        value = self.found.port
        variable = Fact(value.name, self.found.port_origin) if isinstance(value, Variable) else None
        number = self.evaluator.number(value)
        if number is None or not 0 < number < 65536:
            return None, variable
        return Fact(number, self.found.port_origin), variable

    def _bind(self) -> Fact[str] | None:
        value = self.evaluator.text(self.found.bind)
        return Fact(value, self.found.bind_origin) if value and WILD not in value else None

    # -- what kind of process it is

    def _kind(self, entry: Source | None, sources: Sequence[Source], listener: pylisten.Listener | None) -> Fact[str]:
        start = self.start
        if start.server in _WEB:
            if start.server in ("flask", "fastapi") and start.subcommand not in ("run", "dev", ""):
                return Fact("none", _COMMAND)
            return Fact("web", _COMMAND)
        if start.server == "manage":
            if start.subcommand in ("runserver", "runserver_plus", "runsslserver"):
                return Fact("web", _COMMAND)
            worker = re.search(
                r"worker|qcluster|rundramatiq|process_tasks|consume|listen|bot|beat", start.subcommand or ""
            )
            return Fact("worker" if worker else "none", _COMMAND)
        if start.server in _WORKERS:
            return Fact("worker", _COMMAND)
        if start.server == "python" and listener is not None:
            if listener.server == "prometheus":
                return Fact("worker", listener.origin)
            return Fact("web", listener.origin)
        if start.server == "python":
            for source in sources:
                match = _BOTS.search(source.text)
                if match is not None and (source is entry or not match[0].startswith("while")):
                    line = source.text.count("\n", 0, match.start()) + 1
                    return Fact("worker", f"{source.prefix}{source.path}:{line}")
        return Fact("none", self.sources.prefix + entry.path if entry is not None else _COMMAND)

    def _server_name(self, listener: pylisten.Listener | None) -> str:
        if listener is not None:
            return listener.server
        return "django" if self.start.server == "manage" else self.start.server

    def _reload(self, listener: pylisten.Listener | None) -> Fact[str] | None:
        start = self.start
        given = start.option("--reload")
        if given is not None and given.lower() not in ("false", "no", "0"):
            return Fact("--reload", _COMMAND)
        if start.server == "flask" and (
            "--debug" in start.options or self.environment.get("FLASK_DEBUG") in ("1", "true", "True")
        ):
            return Fact("--debug" if "--debug" in start.options else "FLASK_DEBUG", _COMMAND)
        if start.server == "fastapi" and start.subcommand == "dev":
            return Fact("fastapi dev", _COMMAND)
        if start.server == "manage" and start.subcommand == "runserver":
            return Fact("runserver", _COMMAND)
        if listener is not None and self.evaluator.settled(listener.reload) is True:
            return Fact("debug", listener.origin)
        return self.config_reload

    def _beat(self) -> Fact[str] | None:
        if self.start.server != "celery":
            return None
        beat = self.start.subcommand == "beat" or "-B" in self.start.options or "--beat" in self.start.options
        return Fact(self.start.option("-s", "--schedule") or "celerybeat-schedule", _COMMAND) if beat else None


_STRUCTURE: Final = re.compile(
    r"Flask\(|FastAPI\(|Blueprint|APIRouter|include_router|\.route\(|add_resource|Namespace\(|Quart\(|Sanic\(|Starlette|bottle|"
    r"register_|add_\w*(?:route|rule|get)|\.mount\(|add_namespace|\.(?:get|view)\(|aiohttp|falcon|tornado|urlpatterns|DJANGO_SETTINGS|TrustedHost|SERVER_NAME|Application\(|create_app|Settings|environ|getenv"
)


def _returned(node: Any) -> Iterator[Any]:
    from dockfix.facts.pysource import returns

    for item in returns(node.body):
        if item.value is not None:
            yield item.value
