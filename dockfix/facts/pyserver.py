"""What a Python start command runs: where it listens, how its health is told, what it writes and calls."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dockfix.facts import (
    pyapplication,
    pycommand,
    pydjango,
    pylisten,
    pyroutes,
    pysocket,
    pytools,
    pywriters,
    pywrites,
)
from dockfix.facts.fact import Fact
from dockfix.facts.pycommand import Start
from dockfix.facts.pyentry import Entry
from dockfix.facts.pyhosts import allowed_hosts
from dockfix.facts.pyimports import reached, third_party
from dockfix.facts.pykind import kind_of
from dockfix.facts.pyresult import WILD
from dockfix.facts.pysocket import COMMAND
from dockfix.facts.pysource import Place, Source
from dockfix.facts.pysources import LONGEST
from dockfix.facts.pytrace import Trace
from dockfix.facts.pyvalue import Evaluator

if TYPE_CHECKING:
    from dockfix.facts.python import Python

BUDGET: Final = 15_000
"""Lines of source parsed for one command, some four seconds; a count and no clock, so that every run finds the same."""


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
        tls: where it is given certificates.
        routes: paths that answer a GET without parameters.
        health: the one of them that tells health, open to everybody.
        health_backend: what the health route asks for besides itself, such as a database.
        allowed_hosts: the hosts that it answers where it looks at the Host header; empty where those are not known,
            absent where it does not look.
        writes: folders written to, relative to the working directory (``.`` is that itself) or absolute.
        written_files: files written, in the same terms.
        writes_unknown: the first place that writes to a path decided only at run time.
        tools: programs called.
        tools_unknown: an expression that names another one, which is decided only at run time.
        imports: third-party modules imported by the sources that the entry reaches.
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
    tls: Fact[str] | None = None
    routes: tuple[Fact[str], ...] = ()
    health: Fact[str] | None = None
    health_backend: Fact[str] | None = None
    allowed_hosts: Fact[tuple[str, ...]] | None = None
    writes: tuple[Fact[str], ...] = ()
    written_files: tuple[Fact[str], ...] = ()
    writes_unknown: Fact[str] | None = None
    tools: tuple[Fact[str], ...] = ()
    tools_unknown: Fact[str] | None = None
    imports: tuple[Fact[str], ...] = ()
    beat: Fact[str] | None = None
    settings: Fact[str] | None = None
    static_root: Fact[str] | None = None
    sources: tuple[str, ...] = ()
    unread: tuple[Fact[str], ...] = ()


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
        self.start, option_origin = pysocket.with_uwsgi_file(start, python.root, folder or "", python.sources.prefix)
        start = self.start
        self.begin = Entry(python, start, self.environment, folder)
        self.entry, self.folder = self.begin.path, self.begin.folder
        roots = [posixpath.dirname(self.entry)] if self.entry and start.script else []
        pythonpath = [self.begin.inside(item) for item in self.environment.get("PYTHONPATH", "").split(":") if item]
        chdir = start.option("--chdir", "--app-dir", "--pythonpath")
        moved = [posixpath.normpath(posixpath.join(self.folder, self.begin.inside(chdir)))] if chdir else []
        self.roots = [
            root if root != "." else ""
            for root in (*moved, *roots, self.folder, *pythonpath, posixpath.join(self.folder, "src"))
        ]
        options = {key: value for key, value in start.options.items() if "$" not in value}
        self.evaluator = Evaluator(self.sources, self.roots, self.environment, options)
        self.socket = pysocket.Socket(
            python.root, self.start, option_origin, self.folder, self.evaluator, self._parsed_entry, self.unread
        )

    # -- the answer

    def answer(self) -> PyServer:
        start = self.start
        if not start.server:
            return PyServer(Fact("none", COMMAND), folder=self.folder)
        entry = self.entry or self.begin.conventional()
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
        kind = kind_of(start, entry_source, sources, listener, self.sources.prefix)
        if kind.value == "web":
            self.socket.read_defaults()
        health = pyroutes.health(routes) if kind.value == "web" else None
        folders = pywrites.writes(
            self.evaluator, sources, paths, self.folder, pyapplication.instance(self.python, self.evaluator, sources)
        )
        tools = pytools.tools(self.sources, paths, self.evaluator, Trace(self.evaluator, sources, paths))
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
            tls=Fact("https", listener.origin) if listener is not None and listener.encrypted else None,
            routes=tuple(Fact(route.path, route.origin) for route in routes),
            health=Fact(health.path, health.origin) if health is not None else None,
            health_backend=Fact(health.backend, health.origin) if health is not None and health.backend else None,
            allowed_hosts=allowed_hosts(self.evaluator, sources, settings),
            writes=folders.folders,
            written_files=folders.files,
            writes_unknown=folders.unknown,
            tools=tools.known,
            tools_unknown=tools.unknown,
            imports=third_party(self.sources, paths, self.roots),
            beat=self._beat(),
            settings=Fact(settings.path, f"{self.sources.prefix}{settings.path}") if settings is not None else None,
            static_root=self._static_root(settings),
            sources=tuple(paths),
            unread=tuple(self.unread),
        )

    def _interesting(self, path: str) -> bool:
        return any(self.sources.hints(path, hint) for hint in _INTERESTING)

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

    def _server_name(self, listener: pylisten.Listener | None) -> str:
        if listener is not None:
            return listener.server
        return "django" if self.start.server == "manage" else self.start.server

    def _beat(self) -> Fact[str] | None:
        if self.start.server != "celery":
            return None
        beat = self.start.subcommand == "beat" or "-B" in self.start.options or "--beat" in self.start.options
        return Fact(self.start.option("-s", "--schedule") or "celerybeat-schedule", COMMAND) if beat else None


_STRUCTURE: Final = re.compile(
    r"Flask\(|FastAPI\(|Blueprint|APIRouter|include_router|\.route\(|add_resource|Namespace\(|Quart\(|Sanic\(|Starlette|bottle|"
    r"register_|add_\w*(?:route|rule|get)|\.mount\(|add_namespace|\.(?:get|view)\(|aiohttp|falcon|tornado|urlpatterns|DJANGO_SETTINGS|TrustedHost|SERVER_NAME|Application\(|create_app|Settings|environ|getenv"
)
_INTERESTING: Final = (_STRUCTURE, pylisten.HINT, pywriters.HINT, pytools.HINT)
