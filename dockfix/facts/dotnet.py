"""Apps of .NET: what the sources behind an assembly serve and write."""

from __future__ import annotations

import re
from itertools import pairwise
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.facts.health import is_health, rank
from dockfix.facts.msbuild import Project, Solution, solution_of
from dockfix.facts.server import Server
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockfix.facts.app import App
    from dockfix.facts.server import Kind, Running

LANGUAGE = "dotnet"
WEB, WORKER = "Microsoft.NET.Sdk.Web", "Microsoft.NET.Sdk.Worker"
ADDRESSES = ("ASPNETCORE_URLS", "DOTNET_URLS", "URLS")
PORTS = "ASPNETCORE_HTTP_PORTS"
PORTS_SINCE = 8
"""https://learn.microsoft.com/dotnet/core/compatibility/containers/8.0/aspnet-port"""
LARGEST, MOST = 300_000, 2000

BINDS = re.compile(
    rb'UseUrls\s*\(|\bListen(?:AnyIP|Localhost|UnixSocket)?\s*\(|\.Urls\.Add|\.Run(?:Async)?\s*\(\s*\$?"http'
    rb"|ConfigureKestrel|UseKestrel\s*\(\s*\w|UseHttpSys|HttpListener"
)
"""What of the sources decides the address: https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/endpoints"""
SETS = re.compile(rb'"(?:Kestrel|Urls|HTTP_PORTS|https_port)"\s*:', re.IGNORECASE)
WRITES = re.compile(
    rb"\bFile\.(?:Write|Append|Create|Copy|Move|OpenWrite|Replace)|\bDirectory\.(?:Create|Move)|\bStreamWriter\s*\("
    rb"|\bFileStream\s*\(|FileMode\.|WriteTo\.File|UseSqlite|SqliteConnection|PersistKeysToFileSystem|LiteDatabase"
    rb"|CopyTo(?:Async)?\s*\(|\.SaveAs|ZipFile\.|CreateSubdirectory|NLog|log4net"
)
SETTINGS_WRITE = re.compile(
    rb'Data Source=|Filename=|"path"\s*:|\.db3?\b|\.sqlite|\.log\b|rollingInterval', re.IGNORECASE
)
ROUTE = re.compile(rb'\.(MapHealthChecks|UseHealthChecks|MapGet)\s*\(\s*"(/[\w./-]*)"')
GUARDED = re.compile(rb"RequireAuthenticatedUser|FallbackPolicy|RequireHost|UseHttpsRedirection|AllowedHosts\s*=")
DEPENDENT = re.compile(
    rb"\.Add(?:DbContextCheck|NpgSql|SqlServer|Redis|MySql|RabbitMQ|MongoDb|Kafka|UrlGroup|Sqlite|Oracle)"
)


def server_of(app: App, running: Running) -> Server | None:
    """What an assembly that ``dotnet`` runs serves; ``None`` where the program is none of .NET's.

    Args:
        app: the facts of the build context.
        running: the program.
    """
    solution = solution_of(app)
    found = _project(app, solution, running)
    if found is None:
        return None
    project, runs_sources = found
    signals = None if runs_sources else Fact("ends at SIGTERM by itself", "the runtime of .NET")
    if project is None:
        return Server(language=LANGUAGE, name="dotnet", signals=signals, unread=True)
    closure = solution.closure(project)
    sources = tuple(_sources(app, closure or (project,)))
    settings = tuple(_settings(app, project))
    kind: Kind = "web" if project.sdk.value == WEB or project.uses_web else "unknown"
    if project.sdk.value == WORKER:
        kind = "worker"
    port, variable, bind, tls = _address(app, running, sources, settings) if kind == "web" else (None, None, None, None)
    return Server(
        kind=kind,
        language=LANGUAGE,
        name=project.assembly.value,
        framework="aspnet" if kind == "web" else "",
        port=port,
        variable=variable,
        health=_health(app, sources) if kind == "web" else None,
        bind=bind,
        tls=tls,
        signals=signals,
        writes_unknown=_writes(app, sources, settings),
        unread=closure is None or not sources,
    )


def _project(app: App, solution: Solution, running: Running) -> tuple[Project | None, bool] | None:
    """The project behind a command, and whether its sources are built at the start."""
    words = running.words
    name = basename(words[0])
    if name != "dotnet":
        project = solution.named(name) if solution.paths and "/" in words[0] else None
        return None if project is None else (project, False)
    operands = [word for word in words[1:] if not word.startswith("-")]
    if operands[:1] in (["run"], ["watch"]):
        return run_project(solution, words, running.folder), True
    dll = next((word for word in operands if word.endswith(".dll")), None)
    return (solution.named(basename(dll).removesuffix(".dll")) if dll is not None else None), False


def run_project(solution: Solution, words: tuple[str, ...], folder: str | None) -> Project | None:
    """The project that ``dotnet run`` builds and starts in a folder of the context."""
    given = next((after for word, after in pairwise(words) if word in {"--project", "-p"}), "")
    if folder is None:
        return None
    place = join(folder, given)
    if place.endswith("proj"):
        return solution.project(place)
    found = [path for path in solution.paths if dirname(path) == place]
    return solution.project(found[0]) if len(found) == 1 else None


def _sources(app: App, projects: tuple[Project, ...]) -> Iterator[tuple[str, bytes]]:
    """The sources of *projects*, without what builds have left there."""
    seen = 0
    for project in projects:
        for path in app.root.walk(project.folder):
            if not path.endswith((".cs", ".fs", ".vb", ".cshtml", ".razor")) or {"bin", "obj"} & set(path.split("/")):
                continue
            data = app.root.read(path)
            seen += 1
            if data is not None and len(data) <= LARGEST and seen <= MOST:
                yield path, data


def _settings(app: App, project: Project) -> Iterator[tuple[str, bytes]]:
    """The appsettings files beside a project."""
    for name in app.root.list(project.folder):
        if name.startswith("appsettings") and name.endswith(".json"):
            data = app.root.read(join(project.folder, name))
            if data is not None:
                yield join(project.folder, name), data


def _place(app: App, path: str, data: bytes, at: int) -> str:
    return app.origin(path, line_of(data, at))


def _first(app: App, files: tuple[tuple[str, bytes], ...], pattern: re.Pattern[bytes]) -> str | None:
    """The first place that *pattern* matches, as ``file:line``."""
    for path, data in files:
        match = pattern.search(data)
        if match is not None:
            return _place(app, path, data, match.start())
    return None


def _address(
    app: App, running: Running, sources: tuple[tuple[str, bytes], ...], settings: tuple[tuple[str, bytes], ...]
) -> tuple[Fact[int] | None, Fact[str] | None, Fact[str] | None, Fact[str] | None]:
    """The port, the variable that overrides it, the address and the evidence of https."""
    environment: Mapping[str, str] = running.environment
    option = next((word for word in running.words if word.partition("=")[0] in {"--urls", "--server.urls"}), None)
    names = {name for service in app.compose for name in service.environment}
    settled = names & {*ADDRESSES, PORTS, "ASPNETCORE_HTTPS_PORTS"} or any(
        name.startswith("Kestrel__") for name in names
    )
    if settled or option or _first(app, sources, BINDS) or _first(app, settings, SETS):
        return None, None, None, None
    if basename(running.words[0]) == "dotnet" and {"run", "watch"} & set(running.words[1:2]):
        return None, None, None, None  # launchSettings.json decides first
    for name in ADDRESSES:
        if environment.get(name):
            return _of_addresses(name, environment[name])
    if environment.get("ASPNETCORE_HTTPS_PORTS"):
        return None, None, None, Fact("https", "ENV ASPNETCORE_HTTPS_PORTS")
    if environment.get(PORTS, "").isdigit() and _major(environment) >= PORTS_SINCE:
        return Fact(int(environment[PORTS]), f"ENV {PORTS}"), Fact(PORTS, f"ENV {PORTS}"), None, None
    if environment.get(PORTS):
        return None, None, None, None
    return Fact(5000, "Kestrel's default"), None, Fact("localhost", "Kestrel's default"), None


def _major(environment: Mapping[str, str]) -> int:
    """The version of .NET as far as the image tells: the images that set the ports have one that reads them."""
    match = re.match(r"\d+", environment.get("DOTNET_VERSION", ""))
    return int(match[0]) if match is not None else PORTS_SINCE


def _of_addresses(
    name: str, value: str
) -> tuple[Fact[int] | None, Fact[str] | None, Fact[str] | None, Fact[str] | None]:
    parts = [part.strip() for part in re.split(r"[;,]", value) if part.strip()]
    if any(part.startswith("https") for part in parts):
        return None, None, None, Fact("https", f"ENV {name}")
    match = re.fullmatch(r"http://([^/:]+|\[[^]]+\])(?::(\d+))?/?", parts[0]) if len(parts) == 1 else None
    if match is None:
        return None, None, None, None
    return Fact(int(match[2] or 80), f"ENV {name}"), None, Fact(match[1], f"ENV {name}"), None


def _health(app: App, sources: tuple[tuple[str, bytes], ...]) -> Fact[str] | None:
    """The route of a health check that asks nobody else."""
    if _first(app, sources, GUARDED):
        return None
    dependent = _first(app, sources, DEPENDENT)
    found: list[Fact[str]] = []
    for path, data in sources:
        for match in ROUTE.finditer(data):
            route, end = match[2].decode(), data.find(b";", match.end())
            if b"RequireAuthorization" in data[match.end() : end] or not is_health(route):
                continue
            if match[1] == b"MapGet" or dependent is None:
                found.append(Fact(route, _place(app, path, data, match.start())))
    return min(found, key=lambda fact: rank(fact.value), default=None)


def _writes(
    app: App, sources: tuple[tuple[str, bytes], ...], settings: tuple[tuple[str, bytes], ...]
) -> Fact[str] | None:
    """A place that writes, or that names what may be written."""
    place = _first(app, sources, WRITES) or _first(app, settings, SETTINGS_WRITE)
    return Fact("the path that is written to", place) if place is not None else None
