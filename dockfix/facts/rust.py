"""Rust programs: the crate behind a program, what it links to, serves, reads and writes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import join, text
from dockfix.facts.health import GUARD, is_health, rank
from dockfix.facts.pylock import toml
from dockfix.facts.server import Server
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.app import App
    from dockfix.facts.server import Running

SERVERS = {
    "actix-web": "actix",
    "rocket": "rocket",
    "axum": "axum",
    "warp": "warp",
    "hyper": "hyper",
    "tide": "tide",
    "salvo": "salvo",
    "poem": "poem",
    "tonic": "tonic",
    "ntex": "ntex",
    "gotham": "gotham",
    "thruster": "thruster",
}
HANDLING = {"actix-web", "rocket", "ntex"}
"""Frameworks that stop in order on SIGTERM by themselves: https://actix.rs/docs/server/#graceful-shutdown,
https://api.rocket.rs/v0.5/rocket/config/struct.Shutdown
"""

LISTENER = re.compile(r"\bTcpListener::bind\b")
"""A server of the standard library, or of one that takes its names: https://doc.rust-lang.org/std/net/struct.TcpListener.html"""

ADDRESS = re.compile(
    r"\"(?P<host>0\.0\.0\.0|127\.0\.0\.1|localhost|\[::1?\]):(?P<port>\d{2,5})\""
    r"|\(\s*\"(?P<host2>0\.0\.0\.0|127\.0\.0\.1|localhost|::1?)\"\s*,\s*(?P<port2>\d{2,5})\s*\)"
    r"|\[\s*(?P<host3>0\s*,\s*0\s*,\s*0\s*,\s*0|127\s*,\s*0\s*,\s*0\s*,\s*1)\s*\]\s*,\s*(?P<port3>\d{2,5})"
)
VARIABLE = re.compile(r"env::var\(\s*\"[\w]*(?:PORT|ADDR|HOST|BIND|LISTEN)\w*\"|env!\(\s*\"\w*PORT|#\[(?:clap|arg)\(")
SIGNALS = re.compile(r"\btokio::signal\b|\bsignal_hook\b|\bctrlc::|\bwith_graceful_shutdown\b|\bSignalKind\b")
WRITING = re.compile(
    r"\bFile::(?:create|create_new|options)\b|\bOpenOptions\b|fs::(?:write|copy|rename)\b|\bcreate_dir(?:_all)?(?=\s*\()"
    r"|\bDirBuilder\b|\bNamedTempFile::new_in\b|\btempfile_in\b|\bsqlite:(?!:memory)"
)
"""What writes files; ``fs`` is often imported under another name, such as ``tokio_fs``."""
ROUTE = re.compile(
    r"\.route\(\s*\"([^\"]+)\"\s*,\s*(?:web::)?get\b|#\[get\(\"([^\"]+)\"|\.service\(\s*web::resource\(\"([^\"]+)\""
)
COMMAND = re.compile(r"\bCommand::new\(\s*(?:\"([^\"]+)\")?")
LITERAL = re.compile(r"\"((?:[^\"\\\n]|\\.){2,200})\"")
TARGETS = frozenset({"bin", "lib", "example", "test", "bench"})
"""Tables of a manifest whose paths are sources: https://doc.rust-lang.org/cargo/reference/cargo-targets.html"""
CARGO_BIN = "/usr/local/cargo/bin/"
"""Where the rust images put what ``cargo install`` makes."""

_COMMENT = re.compile(r"^\s*//[^\n]*", re.M)


@dataclass(frozen=True)
class Crate:
    """A package with what stands around it.

    Attributes:
        app: the facts of the build context.
        folder: where its Cargo.toml lies, from the context's root.
        root: the folder of the workspace, or its own.
        manifest: what Cargo.toml says.
    """

    app: App
    folder: str
    root: str
    manifest: Mapping[str, Any]

    @property
    def origin(self) -> str:
        """The manifest, for reports."""
        return self.app.origin(join(self.folder, "Cargo.toml"))

    @property
    def lock(self) -> str:
        """The lock file, for reports."""
        return self.app.origin(join(self.root, "Cargo.lock"))

    @cached_property
    def near(self) -> tuple[str, ...]:
        """The folders of crates that it takes from beside it, from the context's root."""
        tables = {key: value for key, value in self.manifest.items() if key not in {*TARGETS, "package"}}
        return tuple(join(self.folder, path) for path in _paths(tables))

    @cached_property
    def mains(self) -> tuple[str, ...]:
        """The files of its programs, from the context's root."""
        root, name = self.app.root, self.manifest.get("package", {}).get("name")
        usual = [path for path in ("src/main.rs",) if root.exists(join(self.folder, path))]
        inner = root.list(join(self.folder, "src/bin"))
        usual += [f"src/bin/{each}" for each in inner if each.endswith(".rs")]
        usual += [path for each in inner if root.exists(join(self.folder, path := f"src/bin/{each}/main.rs"))]
        found = {} if self.manifest.get("package", {}).get("autobins") is False else dict.fromkeys(usual)
        for each in self.manifest.get("bin", ()):
            given = each.get("path") or next(
                (
                    path
                    for path in usual
                    if path in {f"src/bin/{each.get('name')}.rs", f"src/bin/{each.get('name')}/main.rs"}
                ),
                "src/main.rs" if each.get("name") == name or not usual else f"src/bin/{each.get('name')}.rs",
            )
            found[str(given)] = None
        return tuple(join(self.folder, path) for path in found)

    @cached_property
    def library(self) -> str | None:
        """The file of its library, from the context's root."""
        table = self.manifest.get("lib")
        path = join(self.folder, str((table or {}).get("path", "src/lib.rs")))
        return path if table is not None or self.app.root.exists(path) else None

    @cached_property
    def programs(self) -> frozenset[str]:
        """The names of the programs that it makes: https://doc.rust-lang.org/cargo/reference/cargo-targets.html."""
        package = self.manifest.get("package", {})
        found = {str(each.get("name")) for each in self.manifest.get("bin", []) if each.get("name")}
        if self.app.root.exists(join(self.folder, "src/main.rs")) and package.get("name"):
            found.add(str(package["name"]))
        for name in self.app.root.list(join(self.folder, "src/bin")):
            found.add(name.removesuffix(".rs"))
        return frozenset(found)

    @cached_property
    def locked(self) -> frozenset[str] | None:
        """The crates of Cargo.lock; ``None`` where there is no lock file."""
        data = text(self.app.root, join(self.root, "Cargo.lock"))
        return frozenset(re.findall(r'^name = "([^"]+)"', data, re.M)) if data is not None else None

    @cached_property
    def dependencies(self) -> Mapping[str, Any]:
        """What the manifest asks for, by name."""
        found: dict[str, Any] = dict(self.manifest.get("dependencies", {}))
        for target in self.manifest.get("target", {}).values():
            found |= target.get("dependencies", {})
        return found

    @cached_property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """The sources of the crate, and of all crates of its workspace: path and text without whole-line comments."""
        idle = {"target", "tests", "benches", "examples", "vendor"}
        paths = [path for path in self.app.root.walk(self.root, 4000) if path.endswith(".rs")]
        own = [path for path in paths if not idle & set(path.split("/"))]
        return tuple((path, _COMMENT.sub("", text(self.app.root, path) or "")) for path in own)

    def matching(self, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], str]]:
        """Every place in the sources that a pattern matches, with its origin."""
        for path, source in self.sources:
            for match in pattern.finditer(source):
                yield match, self.app.origin(path, line_of(source, match.start()))


def crate_at(app: App, folder: str) -> Crate | None:
    """The package in a folder of the context; of a workspace without one of its own its root."""
    manifest = _manifest(app, folder)
    if manifest is None:
        return None
    root = folder
    above = folder
    while above:
        above = posixpath.dirname(above)
        outer = _manifest(app, above)
        if outer is not None and "workspace" in outer:
            root = above
    return Crate(app, folder, root, manifest)


def _manifest(app: App, folder: str) -> Mapping[str, Any] | None:
    found = toml(app.root, join(folder, "Cargo.toml"))
    return None if isinstance(found, Problem) else found


def workspace(crate: Crate) -> tuple[Crate, ...] | None:
    """A crate with the members of its workspace, if it is the root of one; ``None`` where one of them cannot be read.

    https://doc.rust-lang.org/cargo/reference/workspaces.html#the-members-and-exclude-fields
    """
    found = {crate.folder: crate}
    table = crate.manifest.get("workspace")
    if table is None:
        return (crate,)
    excluded = {join(crate.folder, str(each)) for each in table.get("exclude", [])}
    named = [place for each in table.get("members", []) for place in _matching(crate.app, crate.folder, str(each))]
    pending = [*named, *crate.near]
    while pending:
        place = pending.pop(0)
        if place in found or place in excluded:
            continue
        member = crate_at(crate.app, place)
        if member is None:
            return None
        found[place] = member
        pending += [each for each in member.near if f"{each}/".startswith(f"{crate.folder}/" if crate.folder else "")]
    return tuple(found.values())


def _matching(app: App, folder: str, pattern: str) -> Iterator[str]:
    """The folders below *folder* that a pattern of members names."""
    name, _, rest = pattern.partition("/")
    several = any(character in name for character in "*?[")
    names = [each for each in app.root.list(folder) if fnmatchcase(each, name)] if several else [name]
    for place in (join(folder, each) for each in names):
        if rest:
            yield from _matching(app, place, rest)
        elif not several or app.root.is_dir(place):
            yield place


def _paths(table: object) -> Iterator[str]:
    """The folders of crates that a table of a manifest takes from beside it."""
    if isinstance(table, Mapping):
        for key, value in table.items():
            if key == "path" and isinstance(value, str):
                yield value
            yield from _paths(value)
    elif isinstance(table, list):
        for value in table:
            yield from _paths(value)


def crate_of(app: App, folder: str, program: str) -> Crate | None:
    """The package, here or in the workspace of a folder, that makes a program of this name."""
    crate = crate_at(app, folder)
    if crate is None or program in crate.programs:
        return crate
    return next((each for each in workspace(crate) or () if program in each.programs), None)


def running_crate(app: App, running: Running) -> Crate | None:
    """The package whose program runs; ``None`` where it is none that Cargo makes here."""
    name = running.words[0]
    folders = running.environment.get("PATH", "").split(":") if "/" not in name else [""]
    for folder in folders:
        place = running.trace(posixpath.join(folder, name))
        made = posixpath.basename(posixpath.dirname(place.path)) in {"release", "debug"} or place.path.startswith(
            CARGO_BIN
        )
        if not made:
            continue
        program = posixpath.basename(place.path)
        for ran in place.ran:
            if posixpath.basename(ran.words[0]) != "cargo" or ran.folder is None:
                continue
            crate = crate_of(app, ran.folder, program)
            if crate is not None and program in crate.programs:
                return crate
    return None


def server_of(app: App, running: Running) -> Server | None:
    """What a program serves, if Cargo makes it here."""
    crate = running_crate(app, running)
    if crate is None:
        return None
    return app.once(("rust server", crate.folder), lambda: _server(crate))


def _server(crate: Crate) -> Server:
    asked = set(crate.dependencies)
    framework = next((name for name in SERVERS if name in asked), "")
    listener = "" if framework else next((match[0].partition(":")[0] for match, _ in crate.matching(LISTENER)), "")
    port, bind = _listening(crate, framework or listener)
    writes = next(crate.matching(WRITING), None)
    handled = next((name for name in sorted(HANDLING) if name in asked), None)
    signal = next(crate.matching(SIGNALS), None)
    signals = Fact("handles signals itself", f"{handled}, {crate.origin}") if handled is not None else None
    if signal is not None:
        signals = Fact("handles signals itself", signal[1])
    return Server(
        kind="web" if framework or port is not None else "unknown",
        language="rust",
        name=framework or listener or "the program",
        framework=SERVERS.get(framework, ""),
        port=port,
        health=_health(crate) if framework else None,
        bind=bind,
        signals=signals,
        writes_unknown=Fact(writes[0][0], writes[1]) if writes is not None else None,
        tools=tuple(_tools(crate)),
        imports=tuple(Fact(name, crate.origin) for name in sorted(asked)),
        unread=not crate.sources,
    )


def _listening(crate: Crate, server: str) -> tuple[Fact[int] | None, Fact[str] | None]:
    """The one address that the sources name, unless a variable may name another; Rocket has settings of its own."""
    found: dict[tuple[str, int], str] = {}
    for match, origin in crate.matching(ADDRESS):
        host = next(match[name] for name in ("host", "host2", "host3") if match[name])
        number = next(match[name] for name in ("port", "port2", "port3") if match[name])
        found.setdefault((re.sub(r"\s*,\s*", ".", host), int(number)), origin)
    if len(found) != 1 or server in {"", "rocket"} or next(crate.matching(VARIABLE), None) is not None:
        return None, None
    (host, number), origin = next(iter(found.items()))
    return Fact(number, origin), Fact(host, origin)


def _health(crate: Crate) -> Fact[str] | None:
    """The health route, where routes are not put together from parts and no login stands before them."""
    if any(GUARD.search(name) for name in crate.dependencies):
        return None
    if next(crate.matching(re.compile(r"\.nest\(|\bweb::scope\(|\.mount\(|\.(?:wrap|layer)\([^)]*[Aa]uth")), None):
        return None
    found = [
        Fact(path, origin)
        for match, origin in crate.matching(ROUTE)
        if is_health(path := next((group for group in match.groups() if group), ""))
    ]
    return min(found, key=lambda fact: rank(fact.value)) if found else None


def _tools(crate: Crate) -> Iterator[Fact[str]]:
    """Programs that are called: ``Command`` is also clap's, so that only files that name the process's count."""
    for path, source in crate.sources:
        if "process::Command" not in source and "process::{" not in source:
            continue
        for match in COMMAND.finditer(source):
            yield Fact(match[1] or "", crate.app.origin(path, line_of(source, match.start())))
