"""Java programs: the project behind an archive, and what it serves and writes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.javaproject import GRADLE, JavaProject, project, settings
from dockfix.facts.javawrites import written
from dockfix.facts.server import Server
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.app import App
    from dockfix.facts.server import Running

SPRING = "org.springframework.boot:spring-boot-starter"
SPRING_WEB = tuple(
    f"{start}{name}"
    for start in (f"{SPRING}-", "org.springframework.cloud:spring-cloud-starter-")
    for name in ("web", "webflux", "jersey", "graphql", "gateway", "netflix-eureka-server")
)
SECURITY = (f"{SPRING}-security", f"{SPRING}-oauth2", "org.springframework.security:", "com.okta.spring:")
REMOTE = (
    "org.springframework.cloud:spring-cloud-starter-config",
    "org.springframework.cloud:spring-cloud-config-client",
)
"""Clients of a configuration server, which may say another port."""

EMBEDDED: tuple[tuple[str, str, re.Pattern[bytes], int | None], ...] = (
    ("", "jdk.httpserver", re.compile(rb"\bHttpServer\.create\(\s*new\s+InetSocketAddress\(\s*([^)]*)\)"), None),
    ("io.javalin:javalin", "javalin", re.compile(rb"\.start\(\s*((?:\"[\w.]+\"\s*,\s*)?\d+)\s*\)"), None),
    ("com.sparkjava:spark-core", "spark", re.compile(rb"(?<![\w.])(?:Spark\.)?port\(\s*([^)]*)\)"), 4567),
)
"""Servers that a program starts itself: the dependency, a name, where it says the port, and the port if it says none.

https://docs.oracle.com/en/java/javase/17/docs/api/jdk.httpserver/com/sun/net/httpserver/HttpServer.html,
https://javalin.io/documentation, https://sparkjava.com/documentation
"""
_ADDRESS = re.compile(r"(?:\"(?P<host>[\w.:]+)\"\s*,\s*)?(?P<port>\d{2,5})")

WRITING = re.compile(
    rb"\b(?:FileOutputStream|FileWriter|RandomAccessFile|transferTo|createTempFile|createDirector(?:y|ies)|mkdirs?|"
    rb"createNewFile|writeString|Files\.(?:write|copy|move|newBufferedWriter|newOutputStream)|FileUtils\.\w+|PrintWriter\()"
)
COMPILING = re.compile(rb"\bjavax\.tools\b|\bToolProvider\b|\bcom\.sun\.tools\b|\bjdk\.jshell\b")
PROCESSES = re.compile(rb"\bProcessBuilder\b|\bgetRuntime\(\)\s*\.\s*exec\b")
SOURCES = (".java", ".kt", ".scala", ".groovy")
OUTPUT = frozenset({"target", "build", "libs", "distributions", "quarkus-app"})
"""Folders of a project in which its build puts archives."""
MANIFESTS = ("pom.xml", *GRADLE)
MOST_SOURCES = 3000
_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::([^}]*))?\}")


def archive(words: Sequence[str]) -> str | None:
    """The archive that ``java -jar`` runs; ``None`` where these words run none."""
    rest = list(words[1:])
    return rest[rest.index("-jar") + 1] if "-jar" in rest[:-1] else None


def project_at(app: App, folder: str) -> JavaProject | None:
    """The project in a folder of the context."""
    return app.once(("java project", folder), lambda: project(app.root, folder, app.context))


def project_of(app: App, running: Running) -> JavaProject | None:
    """The project whose archive runs; ``None`` where that cannot be told."""
    name = archive(running.words) if posixpath.basename(running.words[0]) == "java" else None
    if name is None:
        return None
    place = running.trace(name)
    folders: list[str] = []
    if place.source is not None:
        folders.append(_above_output(place.source))
    elif "/target/" in place.path or "/build/libs/" in place.path:
        near = (place.beside(f"{_above_output(place.path)}/{manifest}") for manifest in MANIFESTS)
        folders += [posixpath.dirname(path) for path in near if path is not None]
        folders += [ran.folder for ran in place.ran if ran.folder is not None and _builds(ran.words)]
    return next((found for folder in folders if (found := project_at(app, folder)) is not None), None)


def _above_output(path: str) -> str:
    """The folder of the project whose build puts a file at *path*."""
    folder = posixpath.dirname(path)
    while posixpath.basename(folder) in OUTPUT:
        folder = posixpath.dirname(folder)
    return folder.rstrip("/")


def _builds(words: Sequence[str]) -> bool:
    return posixpath.basename(words[0]) in {"mvn", "mvnw", "gradle", "gradlew"}


def server_of(app: App, running: Running) -> Server | None:
    """What ``java`` serves, from the project behind the archive that it runs."""
    if posixpath.basename(running.words[0]) != "java":
        return None
    found = project_of(app, running)
    signals = Fact("ends in order at a signal", "the virtual machine")
    if found is None:
        return Server(language="java", name="java", signals=signals, unread=True)
    key = ("java server", found.folder, running.words, tuple(sorted(running.environment.items())))
    return app.once(key, lambda: _server(app, found, running, signals))


def _server(app: App, found: JavaProject, running: Running, signals: Fact[str]) -> Server:
    given = _settings(app, found, running)
    writes = written(app, found, running, matching(app, found, WRITING))
    web = found.dependency(*SPRING_WEB)
    quarkus = found.dependency(
        "io.quarkus:quarkus-rest", "io.quarkus:quarkus-resteasy", "io.quarkus:quarkus-vertx-http"
    )
    server = Server(
        language="java",
        name="java",
        signals=signals,
        writes=writes.folders,
        written_files=writes.files,
        writes_unknown=writes.unknown,
        tools=_tools(app, found),
    )
    if web is not None and given.get("spring.main.web-application-type", ("", ""))[0] != "none":
        port, variable = _port(found, given, "server.port", web)
        return replace(
            server,
            kind="web",
            framework="spring",
            port=port,
            variable=variable,
            health=_actuator(found, given),
            bind=_fact(given, "server.address"),
            tls=_fact(given, "server.ssl.key-store") or _fact(given, "server.ssl.certificate"),
        )
    if quarkus is not None:
        port, variable = _port(found, given, "quarkus.http.port", quarkus)
        health = found.dependency("io.quarkus:quarkus-smallrye-health")
        route = (
            Fact("/q/health/live", health.origin)
            if health is not None and "quarkus.http.root-path" not in given
            else None
        )
        return replace(server, kind="web", framework="quarkus", port=port, variable=variable, health=route)
    return _embedded(app, found, server)


def _embedded(app: App, found: JavaProject, server: Server) -> Server:
    """*server* with what the one server that the sources start listens on, if they do and say it in digits."""
    for asked, name, pattern, usual in EMBEDDED:
        dependency = found.dependency(asked) if asked else None
        if asked and dependency is None:
            continue
        said = [(match[1].decode("utf-8", "replace"), origin) for match, origin in matches(app, found, pattern)]
        if not said and dependency is not None and usual is not None:
            said = [(str(usual), f"{name}'s default, {dependency.origin}")]
        address = _ADDRESS.fullmatch(said[0][0].strip()) if len(said) == 1 else None
        if said and address is None:
            return replace(server, kind="web", framework=name)
        if address is not None:
            origin = said[0][1]
            bind = Fact(address["host"], origin) if address["host"] else None
            return replace(server, kind="web", framework=name, port=Fact(int(address["port"]), origin), bind=bind)
    return server


def _settings(app: App, found: JavaProject, running: Running) -> Mapping[str, tuple[str, str]]:
    """The settings that hold: those of the archive, of active profiles, and above all those of the command line.

    https://docs.spring.io/spring-boot/reference/features/external-config.html
    """
    every = list(settings(app.root, found.folder, app.context))
    given = {name: (value, origin) for name, value, origin in every if "|" not in name}
    words = [word.removeprefix("--").removeprefix("-D") for word in running.words if word.startswith(("--", "-D"))]
    given |= {
        name: (value, "the start command") for name, equals, value in (word.partition("=") for word in words) if equals
    }
    for name, value, origin in every:
        profile, bar, key = name.partition("|")
        if bar and key in {"server.port", "quarkus.http.port"} and given.get(key, (None, ""))[0] != value:
            given[f"{profile}|{key}"] = (value, origin)
    return given


def _fact(given: Mapping[str, tuple[str, str]], name: str) -> Fact[str] | None:
    return Fact(*given[name]) if name in given and given[name][0] else None


def _port(
    found: JavaProject, given: Mapping[str, tuple[str, str]], name: str, web: Fact[str]
) -> tuple[Fact[int] | None, Fact[str] | None]:
    """The port and the variable that overrides it; neither where a profile or a server of settings may decide."""
    profiles = any(key.endswith(f"|{name}") for key in given)
    remote = found.dependency(*REMOTE) or _fact(given, "spring.config.import")
    if given.get(name, ("", ""))[1] == "the start command":
        profiles, remote = False, None
    if profiles or remote is not None:
        return None, None
    value, origin = given.get(name, ("8080", f"{web.value.partition(':')[2]}'s default, {web.origin}"))
    match = _PLACEHOLDER.fullmatch(value)
    if match is not None:
        variable = Fact(match[1], origin)
        return (Fact(int(match[2]), origin) if (match[2] or "").isdigit() else None), variable
    usual = name.replace(".", "_").upper()
    return (Fact(int(value), origin), Fact(usual, origin)) if value.isdigit() and int(value) else (None, None)


def _actuator(found: JavaProject, given: Mapping[str, tuple[str, str]]) -> Fact[str] | None:
    """Actuator's health route, unless a login may stand before it or it is served elsewhere.

    https://docs.spring.io/spring-boot/reference/actuator/endpoints.html
    """
    actuator = found.dependency(f"{SPRING}-actuator")
    moved = (
        "management.server.port",
        "management.endpoints.web.exposure.exclude",
        "management.endpoint.health.enabled",
    )
    if (
        actuator is None
        or found.old_boot
        or found.dependency(*SECURITY) is not None
        or any(name in given for name in moved)
    ):
        return None
    prefix = given.get("server.servlet.context-path", given.get("spring.webflux.base-path", ("", "")))[0].rstrip("/")
    base = given.get("management.endpoints.web.base-path", ("/actuator", ""))[0].rstrip("/")
    path = f"{prefix}{base}/{given.get('management.endpoints.web.path-mapping.health', ('health', ''))[0]}"
    return Fact(path, actuator.origin) if re.fullmatch(r"(?:/[\w.-]+)+", path) else None


def sources(app: App, found: JavaProject) -> Iterator[tuple[str, bytes]]:
    """The sources of a project and of its modules, tests left out, each with its path in the context."""
    for path in app.root.walk(found.folder, MOST_SOURCES):
        if path.endswith(SOURCES) and not {"test", ".mvn", "buildSrc"} & set(path.split("/")):
            data = app.root.read(path)
            if data is not None:
                yield path, data


def matches(app: App, found: JavaProject, pattern: re.Pattern[bytes]) -> Iterator[tuple[re.Match[bytes], str]]:
    """Every place in the sources that a pattern matches, with its origin."""
    for path, data in sources(app, found):
        for match in pattern.finditer(data):
            yield match, app.origin(path, line_of(data, match.start()))


def matching(app: App, found: JavaProject, pattern: re.Pattern[bytes]) -> Fact[str] | None:
    """The first place in the sources that a pattern matches."""
    first = next(matches(app, found, pattern), None)
    return Fact(first[0][0].decode("ascii", "replace"), first[1]) if first is not None else None


def _tools(app: App, found: JavaProject) -> tuple[Fact[str], ...]:
    place = matching(app, found, PROCESSES)
    return (Fact("", place.origin),) if place is not None else ()
