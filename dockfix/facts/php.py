"""PHP: what the program that runs the app serves and writes."""

from __future__ import annotations

import re
from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.facts.server import Server
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.facts.app import App
    from dockfix.facts.server import Running

LANGUAGE = "php"
LARGEST, MOST = 200_000, 3000
WRITES = re.compile(
    rb"\bfile_put_contents\s*\(|\bfopen\s*\([^\n;]*,\s*[\"'][waxc]|\bmove_uploaded_file\s*\(|\bmkdir\s*\(|\btouch\s*\("
    rb"|\bcopy\s*\(|new\s+\\?SQLite3|sqlite:|\berror_log\s*\([^\n;]*,\s*3|imagepng\s*\([^\n;]*,|imagejpeg\s*\([^\n;]*,"
    rb"|RotatingFileHandler|StreamHandler"
)


def server_of(app: App, running: Running) -> Server | None:
    """What a program of PHP serves; ``None`` where it is none, or a web server of another language.

    Args:
        app: the facts of the build context.
        running: the program.
    """
    words = running.words
    name = basename(words[0])
    if name not in {"php", "symfony", "artisan"}:
        return None
    folder = running.folder
    served = _address(words)
    laravel = folder is not None and app.root.exists(join(folder, "artisan"))
    worker = any(word.startswith(("queue:", "schedule:work", "horizon", "messenger:consume")) for word in words)
    return Server(
        kind="web" if served is not None else "worker" if worker else "unknown",
        language=LANGUAGE,
        name=name,
        framework="laravel" if laravel else "",
        port=served[0] if served is not None else None,
        bind=served[1] if served is not None else None,
        health=_up(app, folder) if laravel and folder is not None and served is not None else None,
        writes=tuple(_folders(app, folder)) if laravel and folder is not None else (),
        writes_unknown=_written(app, folder) if folder is not None else None,
        unread=folder is None,
    )


def _address(words: tuple[str, ...]) -> tuple[Fact[int] | None, Fact[str] | None] | None:
    """The port and the address of PHP's own web server, or of a framework's that starts it; ``None`` of others.

    https://www.php.net/manual/features.commandline.webserver.php, https://laravel.com/docs/installation
    """
    origin = "the start command"
    if "-S" in words:
        host, _, port = _after(words, "-S").rpartition(":")
        return (Fact(int(port), origin), Fact(host, origin)) if port.isdigit() and host else (None, None)
    if "serve" in words and any(basename(word) == "artisan" for word in words):
        host, port = _after(words, "--host") or "127.0.0.1", _after(words, "--port")
        if port and not port.isdigit():
            return None, Fact(host, origin)
        return Fact(int(port) if port else 8000, origin if port else "artisan's default"), Fact(host, origin)
    if any(word in {"server:run", "server:start", "serve"} for word in words):
        return None, None
    return None


def _after(words: tuple[str, ...], name: str) -> str:
    """The value of an option, behind it or after ``=``."""
    for word, following in pairwise((*words, "")):
        option, equals, value = word.partition("=")
        if option == name:
            return value if equals else following
    return ""


def _folders(app: App, folder: str) -> Iterator[Fact[str]]:
    """The folders that every app of Laravel writes to: https://laravel.com/docs/deployment#directory-permissions"""
    origin = app.origin(join(folder, "artisan"))
    yield Fact("storage", origin)
    yield Fact("bootstrap/cache", origin)


def _up(app: App, folder: str) -> Fact[str] | None:
    """The route of Laravel's own health check: https://laravel.com/docs/deployment#the-health-route"""
    path = join(folder, "bootstrap/app.php")
    data = app.root.read(path) or b""
    match = re.search(rb"\bhealth:\s*[\"'](/[\w/-]+)[\"']", data)
    if match is None:
        return None
    return Fact(match[1].decode(), app.origin(path, line_of(data, match.start())))


def _written(app: App, folder: str) -> Fact[str] | None:
    """A place of the sources that writes."""
    for number, path in enumerate(app.root.walk(folder)):
        inner = path[len(folder) :].lstrip("/")
        if number > MOST or not path.endswith((".php", ".inc")) or inner.startswith(("tests/", "vendor/")):
            continue
        data = app.root.read(path)
        match = WRITES.search(data) if data is not None and len(data) <= LARGEST else None
        if data is not None and match is not None:
            return Fact("the path that is written to", app.origin(path, line_of(data, match.start())))
    return None
