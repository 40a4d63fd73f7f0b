"""What a Java program writes: its log and its databases by its settings, and anything by its sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join, text
from dockfix.facts.javaproject import settings
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.facts.app import App
    from dockfix.facts.javaproject import JavaProject
    from dockfix.facts.server import Running

LOG_FILES = frozenset({"logging.file.name", "logging.file", "quarkus.log.file.path"})
LOG_FOLDERS = frozenset({"logging.file.path", "logging.path"})
"""https://docs.spring.io/spring-boot/reference/features/logging.html#features.logging.file-output,
https://quarkus.io/guides/logging#file-log-handler"""
DATABASE = re.compile(
    r"jdbc:(?:h2:(?!mem:|tcp:|ssl:|zip:)(?:file:|nio:)?|hsqldb:file:|derby:(?!memory:|//)|sqlite:(?!:memory))([^;?]+)"
)
"""A database in a file: https://www.h2database.com/html/features.html#database_url"""
STORE = re.compile(
    r"(?:.*[.-])?(?:upload|storage|store|data|files?|media|images?|photos?|documents?|export|backup|attachments?)s?"
    r"[\w.-]*(?:dir|directory|path|folder|location|root)",
    re.IGNORECASE,
)
"""The name of a setting that says where a program keeps files."""
FOLDER = re.compile(r"(?:/[\w.-]+)*/[\w-]+/?")
"""An absolute path that is likelier a folder's than a file's."""
LOGGED = re.compile(r"<[Ff]ile>\s*([^<]+?)\s*</[Ff]ile>|\bfileName=\"([^\"]+)\"|name=\"[Ff]ile\"\s+value=\"([^\"]+)\"")
"""Where an appender writes: https://logback.qos.ch/manual/appenders.html#FileAppender,
https://logging.apache.org/log4j/2.x/manual/appenders/file.html"""
_PROPERTY = re.compile(r"<[Pp]roperty\s+name=\"([\w.-]+)\"(?:\s+value=\"([^\"]*)\"\s*/>|\s*>([^<]*)</)")


@dataclass(frozen=True, slots=True)
class Writes:
    """What is written.

    Attributes:
        folders: folders, relative to the working directory or absolute.
        files: files, in the same terms.
        unknown: a place that writes where it cannot be told where.
    """

    folders: tuple[Fact[str], ...]
    files: tuple[Fact[str], ...]
    unknown: Fact[str] | None


def written(app: App, found: JavaProject, running: Running, by_sources: Fact[str] | None) -> Writes:
    """What the program of a project writes.

    Args:
        app: the app.
        found: the project.
        running: how its archive is run.
        by_sources: the first place in the sources that writes.
    """
    folders: list[Fact[str]] = []
    files: list[Fact[str]] = []
    unknown: list[Fact[str]] = []
    for name, value, origin in _given(app, found, running):
        database = DATABASE.match(value)
        path = database[1] if database is not None else value
        if name not in LOG_FILES | LOG_FOLDERS and database is None:
            if by_sources is not None and STORE.fullmatch(name) and FOLDER.fullmatch(value):
                folders.append(Fact(value.rstrip("/"), origin))
        elif _is_open(path):
            unknown.append(Fact(f"{name}={value}", origin))
        else:
            (folders if name in LOG_FOLDERS else files).append(Fact(path, origin))
    for path, origin in _logged(app, found):
        (unknown if _is_open(path) else files).append(Fact("FileAppender" if _is_open(path) else path, origin))
    return Writes(tuple(folders), tuple(files), unknown[0] if unknown else by_sources)


def _is_open(path: str) -> bool:
    """Whether a path is decided where the program runs, or is none of this system's."""
    return re.fullmatch(r"[\w./@+-]+", path) is None


def _given(app: App, found: JavaProject, running: Running) -> Iterator[tuple[str, str, str]]:
    """Every setting that may hold, those of all profiles among them: name, value and origin."""
    for name, value, origin in settings(app.root, found.folder, app.context):
        yield name.rpartition("|")[2], value, origin
    for word in running.words:
        name, equals, value = word.removeprefix("--").removeprefix("-D").partition("=")
        if equals and word.startswith(("--", "-D")):
            yield name, value, "the start command"
    for name, value in running.environment.items():
        # https://docs.spring.io/spring-boot/reference/features/external-config.html: relaxed binding
        yield name.lower().replace("_", "."), value, f"ENV {name}"


def _logged(app: App, found: JavaProject) -> Iterator[tuple[str, str]]:
    """The files of the appenders that logback's or log4j's settings name, each with its origin."""
    base = join(found.folder, "src/main/resources")
    for name in app.root.list(base):
        path = join(base, name)
        source = text(app.root, path) if re.fullmatch(r"(?:logback|log4j)[\w.-]*\.(?:xml|properties)", name) else None
        if source is None or not re.search(r"File(?:Appender)?\b", source):
            continue
        source = re.sub(r"<!--.*?-->", lambda match: re.sub(r"[^\n]", " ", match[0]), source, flags=re.DOTALL)
        names = {match[1]: (match[2] or match[3] or "").strip() for match in _PROPERTY.finditer(source)}
        appenders = list(LOGGED.finditer(source))
        for match in appenders:
            place = _resolved(next(filter(None, match.groups())), names)
            yield place, app.origin(path, line_of(source, match.start()))
        if not appenders and "FileAppender" in source:
            yield "$", app.origin(path)


def _resolved(value: str, names: dict[str, str]) -> str:
    """*value* with the properties that the same file gives, and the values that hold where nothing is given."""
    for _ in range(3):
        value = re.sub(
            r"\$\{([\w.-]+)(?::-?([^${}]*))?\}", lambda match: names.get(match[1]) or match[2] or match[0], value
        )
    return value
