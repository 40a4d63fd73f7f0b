"""What a Python start command runs: where it listens, how its health is told, what it writes and calls."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from dockfix.facts import (
    pyapplication,
    pycommand,
    pydjango,
    pylisten,
    pyroutes,
    pysocket,
    pytools,
    pywrites,
)
from dockfix.facts.fact import Fact
from dockfix.facts.pycommand import Start
from dockfix.facts.pyimports import reached, third_party
from dockfix.facts.pyresult import WILD
from dockfix.facts.pysocket import COMMAND
from dockfix.facts.pysource import Place, Source
from dockfix.facts.pysources import LONGEST
from dockfix.facts.pytree import argument
from dockfix.facts.pyvalue import Evaluator

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


_WEB: Final = frozenset(
    {"gunicorn", "uvicorn", "flask", "fastapi", "hypercorn", "daphne", "waitress", "streamlit", "uwsgi", "granian",
     "chainlit", "sanic", "jupyter", "mlflow", "panel", "http.server", "litestar"}
)  # fmt: skip
_WORKERS: Final = frozenset({"celery", "rq", "dramatiq", "arq", "huey", "taskiq", "airflow", "prefect"})
_BOTS: Final = re.compile(
    r"\.(?:run_polling|start_polling|infinity_polling|polling|idle|run_forever|serve_forever|start_consuming|run_until_disconnected"
    r"|consume|worker_main|start_worker|work)\s*\(|BlockingScheduler|discord|\bwhile\s+(?:True|1)\s*:"
)


class Environment(Mapping[str, str]):
    """Environment variables, and a record of which of them were asked for.

    A plan asks again and again what one command starts, in images that differ in a variable that no source reads.

    Attributes:
        asked: each variable that made or could have made a difference, with its value.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self.asked: dict[str, str | None] = {}
        self._given = given
        self._own: Mapping[str, str] = {}

    def under(self, own: Mapping[str, str]) -> Environment:
        """The same environment for a command that itself sets the variables *own*."""
        below = Environment(self._given)
        below.asked, below._own = self.asked, own
        return below

    def __getitem__(self, name: str) -> str:
        if name in self._own:
            return self._own[name]
        self.asked[name] = self._given.get(name)
        return self._given[name]

    def __iter__(self) -> Iterator[str]:
        raise TypeError("what is not asked for by name is not recorded")

    def __len__(self) -> int:
        raise TypeError("what is not asked for by name is not recorded")


def server_of(python: Python, command: Sequence[str], environment: Environment, folder: str | None = None) -> PyServer:
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
            unread = (*answer.unread, Fact(f"{other.server} may be started as well", COMMAND))
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

    def __init__(self, python: Python, start: Start, environment: Environment, folder: str | None) -> None:
        self.python = python
        self.sources = python.sources
        self.environment = environment.under(start.environment)
        self.unread: list[Fact[str]] = []
        self.lines = 0
        self.given_folder = folder
        self.folder = folder or ""
        self.start, option_origin = pysocket.with_uwsgi_file(start, python.root, self.folder, python.sources.prefix)
        start = self.start
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
        self.socket = pysocket.Socket(
            python.root, self.start, option_origin, self.folder, self.evaluator, self._parsed_entry, self.unread
        )

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
            return PyServer(Fact("none", COMMAND), folder=self.folder)
        entry = self.entry or self._conventional()
        if entry is None:
            self.unread.append(
                Fact(f"no source of {start.application or start.script or start.module or start.server}", COMMAND)
            )
        paths = reached(self.sources, [entry] if entry is not None else [], self.roots)
        entry_source = self._parsed(entry, True) if entry is not None else None
        interesting = [path for path in paths if path == entry or self._interesting(path)]
        sources = [source for path in interesting if (source := self._parsed(path, path == entry)) is not None]
        settings = self._settings(sources) if self._is_django(paths) else None
        self.evaluator.settings = settings
        if settings is not None:
            sources, paths = self._django_sources(sources, settings, paths)
        pyapplication.read_settings(self.evaluator, sources)
        application, framework = pyapplication.named(self.evaluator, start, entry_source)
        self.socket.read_command()
        listener = self.socket.read_sources(sources, entry_source)
        if listener is not None and application is None:
            application, framework = pyapplication.listened(
                self.evaluator, listener, framework, lambda path: self._parsed(path, False)
            )
        routes = self._routes(sources, application, settings, framework)
        kind = self._kind(entry_source, sources, listener)
        if kind.value == "web":
            self.socket.read_defaults()
        health = pyroutes.health(routes) if kind.value == "web" else None
        folders = pywrites.writes(
            self.evaluator, sources, paths, self.folder, pyapplication.instance(self.python, self.evaluator, sources)
        )
        known_tools, unknown_tools = pytools.tools(self.sources, paths, self.evaluator)
        port, variable = self.socket.port()
        return PyServer(
            kind=kind,
            server=Fact(self._server_name(listener), listener.origin if listener is not None else COMMAND),
            framework=framework or (self.python.framework if settings is None else Fact("django", settings.path)),
            entry=Fact(entry, f"{self.sources.prefix}{entry}") if entry is not None else None,
            folder=self.folder,
            port=port if kind.value == "web" else None,
            port_variable=variable if kind.value == "web" else None,
            bind=self.socket.bind() if kind.value == "web" else None,
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

    def _parsed_entry(self, path: str) -> Source | None:
        return self._parsed(path, True)

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

    def _routes(
        self, sources: Sequence[Source], application: Place | None, settings: Source | None, framework: Fact[str] | None
    ) -> tuple[pyroutes.Route, ...]:
        if settings is not None and framework is None:
            return pydjango.routes(self.evaluator, settings)
        if self.start.server == "streamlit":
            # https://github.com/streamlit/streamlit/blob/develop/lib/streamlit/web/server/server.py
            base = self.socket.streamlit("baseUrlPath", "server.baseUrlPath")
            prefix = self.evaluator.text(base[0]).strip("/") if base is not None else ""
            if WILD in prefix:
                return ()
            path = f"/{prefix}/_stcore/health" if prefix else "/_stcore/health"
            return (pyroutes.Route(path, "streamlit's own route"),)
        return pyroutes.Routing(self.evaluator, sources).routes(application)

    # -- listening

    # -- what kind of process it is

    def _kind(self, entry: Source | None, sources: Sequence[Source], listener: pylisten.Listener | None) -> Fact[str]:
        start = self.start
        if start.server in _WEB:
            if start.server in ("flask", "fastapi") and start.subcommand not in ("run", "dev", ""):
                return Fact("none", COMMAND)
            return Fact("web", COMMAND)
        if start.server == "manage":
            if start.subcommand in ("runserver", "runserver_plus", "runsslserver"):
                return Fact("web", COMMAND)
            worker = re.search(
                r"worker|qcluster|rundramatiq|process_tasks|consume|listen|bot|beat", start.subcommand or ""
            )
            return Fact("worker" if worker else "none", COMMAND)
        if start.server in _WORKERS:
            return Fact("worker", COMMAND)
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
        return Fact("none", self.sources.prefix + entry.path if entry is not None else COMMAND)

    def _server_name(self, listener: pylisten.Listener | None) -> str:
        if listener is not None:
            return listener.server
        return "django" if self.start.server == "manage" else self.start.server

    def _reload(self, listener: pylisten.Listener | None) -> Fact[str] | None:
        start = self.start
        given = start.option("--reload")
        if given is not None and given.lower() not in ("false", "no", "0"):
            return Fact("--reload", COMMAND)
        if start.server == "flask" and (
            "--debug" in start.options or self.environment.get("FLASK_DEBUG") in ("1", "true", "True")
        ):
            return Fact("--debug" if "--debug" in start.options else "FLASK_DEBUG", COMMAND)
        if start.server == "fastapi" and start.subcommand == "dev":
            return Fact("fastapi dev", COMMAND)
        if start.server == "manage" and start.subcommand == "runserver":
            return Fact("runserver", COMMAND)
        if listener is not None and self.evaluator.settled(listener.reload) is True:
            return Fact("debug", listener.origin)
        return self.socket.reload

    def _beat(self) -> Fact[str] | None:
        if self.start.server != "celery":
            return None
        beat = self.start.subcommand == "beat" or "-B" in self.start.options or "--beat" in self.start.options
        return Fact(self.start.option("-s", "--schedule") or "celerybeat-schedule", COMMAND) if beat else None


_STRUCTURE: Final = re.compile(
    r"Flask\(|FastAPI\(|Blueprint|APIRouter|include_router|\.route\(|add_resource|Namespace\(|Quart\(|Sanic\(|Starlette|bottle|"
    r"register_|add_\w*(?:route|rule|get)|\.mount\(|add_namespace|\.(?:get|view)\(|aiohttp|falcon|tornado|urlpatterns|DJANGO_SETTINGS|TrustedHost|SERVER_NAME|Application\(|create_app|Settings|environ|getenv"
)
