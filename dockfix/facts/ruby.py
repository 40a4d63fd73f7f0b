"""Ruby: what a Gemfile asks for, and what the app behind a command serves and writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.facts.health import is_health, rank
from dockfix.facts.server import Server
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockfix.facts.app import App
    from dockfix.facts.server import Running

LANGUAGE = "ruby"
WORKERS = frozenset({"sidekiq", "resque", "karafka", "good_job", "shoryuken", "sneakers", "clockwork", "delayed_job"})
PROGRAMS = frozenset({"ruby", "bundle", "bundler", "rails", "rake", "puma", "rackup", "thin", "unicorn", "thrust"})
PUMA = "config/puma.rb"
SIGNALS = Fact("ends at SIGTERM by itself", "Ruby's default")
"""https://docs.ruby-lang.org/en/master/Signal.html: the interpreter turns it into an exception of the main thread"""
LARGEST, MOST = 200_000, 3000

PORT = re.compile(
    r"^\s*port\s*\(?\s*(?:ENV\.fetch\(\s*[\"'](\w+)[\"']\s*(?:,\s*[\"']?(\d+)[\"']?\s*\)|\)\s*\{\s*[\"']?(\d+)[\"']?\s*\})"
    r"|ENV\[[\"'](\w+)[\"']\]\s*\|\|\s*[\"']?(\d+)[\"']?|(\d+))",
    re.MULTILINE,
)
"""https://puma.io/puma/Puma/DSL.html#port-instance_method"""
BIND = re.compile(r"^\s*(?:bind|ssl_bind)\b", re.MULTILINE)
SINATRA = re.compile(rb"^\s*require\s*\(?\s*[\"']sinatra(?:/base)?[\"']", re.MULTILINE)
SETTING = re.compile(rb"^\s*set\s*\(?\s*:(port|bind)\s*,\s*([^\n#]+)", re.MULTILINE)
UP = re.compile(rb"^  get\s*\(?\s*[\"']/?([\w/-]+)[\"']\s*(?:=>|,\s*to:)\s*[\"']rails/health#show[\"']", re.MULTILINE)
ROUTE = re.compile(rb"^\s*get\s*\(?\s*[\"'](/[\w./-]*)[\"']", re.MULTILINE)
TURNS_AWAY = re.compile(rb"^\s*config\.(?:force_ssl\s*=\s*true|hosts\b|assume_ssl\s*=\s*true)", re.MULTILINE)
WRITES = re.compile(
    rb"\b(?:File|IO)\.(?:write|binwrite|rename)|\bFile\.(?:open|new)\s*\(?[^\n]*[\"'](?:[waA]|r\+)b?\+?[\"']"
    rb"|\bFileUtils\.|\bDir\.mkdir|CSV\.open\s*\([^\n]*[\"'][wa]|storage\s+:file\b|PStore\.new|SQLite3::Database"
    rb"|Logger\.new\s*\(?\s*[\"'](?!/dev/)|File\.open\([^)]*,\s*[\"'][wa]"
)


@dataclass(frozen=True)
class Gemfile:
    """A Gemfile with its lock.

    Attributes:
        path: its path in the build context.
        reads: other files of the app that it reads, as paths of the build context.
        unknown: a line that may read more than can be told.
        local: a gem that lies among the sources.
        gems: the gems of the lock, or those that the Gemfile names where there is none.
    """

    path: str
    reads: tuple[str, ...]
    unknown: Fact[str] | None
    local: Fact[str] | None
    gems: frozenset[str]

    @property
    def lock(self) -> str:
        """The path of the lock."""
        return f"{self.path}.lock"


_READS = re.compile(
    r"\b(?:File|Dir|IO|Pathname)\b|require_relative|__dir__|instance_eval|eval_gemfile|\bgemspec\b|`|%x"
)
_VERSION_FILE = re.compile(r"[\"'](?:\./)?(\.ruby-version|\.tool-versions)[\"']")


def gemfile(app: App, folder: str) -> Gemfile | None:
    """The Gemfile in a folder of the build context; ``None`` where there is none."""
    path = join(folder, "Gemfile")
    data = app.root.read(path)
    if data is None:
        return None
    reads: list[str] = []
    unknown = local = None
    gems: set[str] = set()
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        code = re.sub(r"(?<![\"'\w&])#.*", "", line)
        version = _VERSION_FILE.search(code)
        if version is not None:
            reads.append(join(folder, version[1]))
        elif _READS.search(code):
            unknown = unknown or Fact(code.strip(), app.origin(path, number))
        if re.search(r"\bpath:|:path\s*=>|^\s*path\s", code):
            local = local or Fact(code.strip(), app.origin(path, number))
        named = re.match(r"\s*gem\s*\(?\s*[\"']([\w-]+)[\"']", code)
        gems |= {named[1]} if named is not None else set()
    lock = (app.root.read(f"{path}.lock") or b"").decode("utf-8", "replace")
    for number, line in enumerate(lock.splitlines(), 1):
        if line == "PATH":
            local = local or Fact("PATH", app.origin(f"{path}.lock", number))
        elif locked := re.match(r" {4}([\w.-]+) \(", line):
            gems.add(locked[1])
    return Gemfile(path, tuple(dict.fromkeys(reads)), unknown, local, frozenset(gems))


def server_of(app: App, running: Running) -> Server | None:
    """What a program of Ruby serves; ``None`` where it is none.

    Args:
        app: the facts of the build context.
        running: the program.
    """
    words = without_bundler(running.words)
    name = basename(words[0]) if words else ""
    if basename(running.words[0]) not in PROGRAMS | WORKERS and name not in PROGRAMS | WORKERS:
        return None
    folder = running.folder
    if folder is None:
        return Server(language=LANGUAGE, name=name, signals=SIGNALS, unread=True)
    if name == "thrust" and len(words) > 1:
        port = Fact(80, "Thruster's default")
        return _server(app, folder, words, "rails", port, Fact("HTTP_PORT", "Thruster"), None, web=True)
    found = _served(app, running, words, folder)
    return found if found is not None else _server(app, folder, words, "", None, None, None, web=False)


def without_bundler(words: tuple[str, ...]) -> tuple[str, ...]:
    """The command that ``bundle exec`` starts, or *words* themselves."""
    if basename(words[0]) in {"bundle", "bundler"} and words[1:2] == ("exec",):
        return words[2:]
    return words


def _served(app: App, running: Running, words: tuple[str, ...], folder: str) -> Server | None:
    """The server that a command starts; ``None`` where it starts none that is known."""
    name, environment = basename(words[0]), running.environment
    if name == "rails" and words[1:2] in (("s",), ("server",)):
        return _rails(app, words, folder, environment)
    if name == "puma":
        return _puma(app, words, folder)
    if name == "rackup":
        port = _number(_option(words, "-p", "--port") or "9292", "rackup's default")
        given = _option(words, "-o", "--host")
        quiet = environment.get("RACK_ENV", "development") == "development"
        bind = Fact(given, "the start command") if given else Fact("localhost", "rackup's default") if quiet else None
        return _server(app, folder, words, "rack", port, None, bind, web=True)
    if name == "ruby" and len(words) > 1:
        return _sinatra(app, words, folder, environment)
    return None


def _rails(app: App, words: tuple[str, ...], folder: str, environment: Mapping[str, str]) -> Server:
    """``rails server``: https://guides.rubyonrails.org/command_line.html#bin-rails-server"""
    given, host = _option(words, "-p", "--port"), _option(words, "-b", "--binding")
    mode = _option(words, "-e", "--environment") or environment.get("RAILS_ENV") or environment.get("RACK_ENV")
    port, variable = _configured(app, folder) or (Fact(3000, "Rails' default"), Fact("PORT", "Rails"))
    if given:
        port, variable = _number(given, "the start command"), None
    bind = Fact(host, "the start command") if host else None
    if not host and environment.get("BINDING"):
        bind = Fact(environment["BINDING"], "ENV BINDING")
    elif not host and mode == "development":
        bind = Fact("localhost", "Rails' default in development")
    return _server(app, folder, words, "rails", port, variable, bind, web=True, production=mode == "production")


def _puma(app: App, words: tuple[str, ...], folder: str) -> Server:
    given, bound = _option(words, "-p", "--port"), _option(words, "-b", "--bind")
    file = _option(words, "-C", "--config")
    port: Fact[int] | None
    port, variable = _configured(app, folder, file or PUMA) or (Fact(9292, "Puma's default"), None)
    bind = None
    if bound:
        match = re.fullmatch(r"tcp://([^:]+|\[[^]]+\]):(\d+)", bound)
        port, variable = (_number(match[2], "the start command") if match else None), None
        bind = Fact(match[1], "the start command") if match else None
    elif given:
        port, variable = _number(given, "the start command"), None
    framework = "rails" if app.root.exists(join(folder, "config/application.rb")) else "rack"
    return _server(app, folder, words, framework, port, variable, bind, web=True)


def _configured(app: App, folder: str, file: str = PUMA) -> tuple[Fact[int] | None, Fact[str] | None] | None:
    """The port and its variable in the settings of Puma; ``None`` where they name none."""
    path = join(folder, file)
    data = app.root.read(path)
    if data is None:
        return None
    text = re.sub(r"^\s*#.*$", "", data.decode("utf-8", "replace"), flags=re.MULTILINE)
    found = list(PORT.finditer(text))
    if BIND.search(text) or len(found) > 1 or (not found and re.search(r"^\s*port\b", text, re.MULTILINE)):
        return None, None
    if not found:
        return None
    match = found[0]
    origin = app.origin(path, line_of(text, match.start(0) + len(match[0]) - len(match[0].lstrip())))
    number = next(group for group in (match[2], match[3], match[5], match[6]) if group)
    name = match[1] or match[4]
    return Fact(int(number), origin), Fact(name, origin) if name else None


def _sinatra(app: App, words: tuple[str, ...], folder: str, environment: Mapping[str, str]) -> Server | None:
    """A script that starts Sinatra: https://sinatrarb.com/configuration.html"""
    file = next((word for word in words[1:] if word.endswith(".rb")), None)
    path = join(folder, file) if file else ""
    data = app.root.read(path) if file else None
    if data is None or not SINATRA.search(data):
        return None
    settings = {match[1]: match for match in SETTING.finditer(data)}
    port: Fact[int] | None = Fact(4567, "Sinatra's default")
    variable: Fact[str] | None = Fact("PORT", "Sinatra")
    if b"port" in settings:
        match = settings[b"port"]
        port, variable = (
            _number(match[2].decode("utf-8", "replace").strip(" \"')"), _line(app, path, data, match)),
            None,
        )
    given, host = _option(words, "-p"), _option(words, "-o")
    if given:
        port, variable = _number(given, "the start command"), None
    bind = Fact(host, "the start command") if host else None
    if not host and b"bind" in settings:
        match = settings[b"bind"]
        text = match[2].decode("utf-8", "replace").strip()
        plain = re.fullmatch(r"[\"']([^\"']+)[\"']\)?", text)
        bind = Fact(plain[1], _line(app, path, data, match)) if plain else None
    elif not host and environment.get("APP_ENV", environment.get("RACK_ENV", "development")) == "development":
        bind = Fact("localhost", "Sinatra's default in development")
    found = min(ROUTE.finditer(data), key=lambda match: rank(match[1].decode()), default=None)
    asked = found is not None and is_health(found[1].decode())
    health = Fact(found[1].decode(), _line(app, path, data, found)) if found is not None and asked else None
    return _server(app, folder, words, "sinatra", port, variable, bind, web=True, health=health)


def _server(
    app: App,
    folder: str,
    words: tuple[str, ...],
    framework: str,
    port: Fact[int] | None,
    variable: Fact[str] | None,
    bind: Fact[str] | None,
    *,
    web: bool,
    production: bool = False,
    health: Fact[str] | None = None,
) -> Server:
    name = basename(words[0]) if words else "bundle"
    worker = name in WORKERS or "jobs:work" in words
    rails = app.root.exists(join(folder, "config/application.rb"))
    if rails and web and health is None:
        health = _up(app, folder, production=production)
    return Server(
        kind="web" if web else "worker" if worker else "unknown",
        language=LANGUAGE,
        name=name,
        framework=framework,
        port=port,
        variable=variable,
        health=health,
        bind=bind,
        signals=SIGNALS,
        writes=tuple(_folders(app, folder)) if rails else (),
        writes_unknown=_written(app, folder),
    )


def _up(app: App, folder: str, *, production: bool) -> Fact[str] | None:
    """The route of Rails' own health check: https://api.rubyonrails.org/classes/Rails/HealthController.html"""
    settings = app.root.read(join(folder, "config/environments/production.rb")) or b""
    if not production or TURNS_AWAY.search(settings):
        return None
    path = join(folder, "config/routes.rb")
    data = app.root.read(path)
    match = UP.search(data) if data is not None else None
    return Fact(f"/{match[1].decode()}", _line(app, path, data, match)) if data is not None and match else None


def _folders(app: App, folder: str) -> Iterator[Fact[str]]:
    """The folders that every app of Rails writes to."""
    origin = app.origin(join(folder, "config/application.rb"))
    yield Fact("log", origin)
    yield Fact("tmp", origin)
    if app.root.exists(join(folder, "config/storage.yml")):
        yield Fact("storage", app.origin(join(folder, "config/storage.yml")))
    found = gemfile(app, folder)
    if found is not None and "sqlite3" in found.gems:
        yield Fact("db", app.origin(found.path))


def _written(app: App, folder: str) -> Fact[str] | None:
    """A place of the sources that writes elsewhere."""
    for number, path in enumerate(app.root.walk(folder)):
        inner = path[len(folder) :].lstrip("/")
        if number > MOST or not path.endswith((".rb", ".rake", ".ru")):
            continue
        if inner.startswith(("test/", "spec/", "db/", "vendor/", "bin/", "features/", "config/environments/")):
            continue
        data = app.root.read(path)
        match = WRITES.search(data) if data is not None and len(data) <= LARGEST else None
        if data is not None and match is not None:
            return Fact("the path that is written to", _line(app, path, data, match))
    return None


def _line(app: App, path: str, data: bytes, match: re.Match[bytes]) -> str:
    text = match[0]
    return app.origin(path, line_of(data, match.start() + len(text) - len(text.lstrip())))


def _option(words: tuple[str, ...], *names: str) -> str | None:
    """The value of an option, behind it, after ``=`` or joined to its letter."""
    for word, following in pairwise((*words, "")):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else following
        for short in names:
            if len(short) == 2 and word.startswith(short) and len(word) > 2 and not word.startswith("--"):
                return word[2:].strip()
    return None


def _number(text: str, origin: str) -> Fact[int] | None:
    return Fact(int(text), origin) if text.isdigit() else None
