"""Folders that a Python app writes to while it runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dockfix.facts import pywriters
from dockfix.facts.fact import Fact, fact_list
from dockfix.facts.pyresult import ROOT, UNKNOWN, WILD, Variable
from dockfix.facts.pysource import Source
from dockfix.facts.pytools import takes_line
from dockfix.facts.pytrace import Trace
from dockfix.facts.pytree import argument, dotted
from dockfix.facts.pyvalue import Evaluator
from dockfix.facts.words import parse

if TYPE_CHECKING:
    import libcst as cst

    from dockfix.facts.pysource import Site

_STREAM: Final = re.compile(r"(?:^|\.)(?:BytesIO|StringIO|\w*TemporaryFile|\w*Response)$")
"""Calls that make what is written to in place of a file."""
_SETTINGS: Final = re.compile(
    r"^(?:[A-Z_]*UPLOAD[A-Z_]*(?:FOLDER|DIR|PATH|DEST|DIRECTORY)|UPLOAD_?(?:FOLDER|DIR|PATH)|MEDIA_ROOT|SESSION_FILE_DIR|CACHE_DIR)$"
)
_TRANSIENT: Final = re.compile(r"^/(?:tmp|dev|proc|sys|var/tmp|run/user)(?:/|$)")


@dataclass(frozen=True, slots=True)
class Writes:
    """What was found.

    Attributes:
        folders: folders written to, relative to the working directory, ``.`` for that itself, or absolute.
        files: files written, in the same terms.
        unknown: the first place that writes to a path which is decided only at run time.
    """

    folders: tuple[Fact[str], ...]
    files: tuple[Fact[str], ...]
    unknown: Fact[str] | None


@dataclass(frozen=True, slots=True)
class _Write:
    path: str
    origin: str
    folder: bool


def writes(
    evaluator: Evaluator, sources: Sequence[Source], paths: Sequence[str], folder: str, instance: str | None
) -> Writes:
    """Where *sources* write.

    Args:
        paths: every source that the entry reaches, where functions of *sources* may be called from.
        folder: the folder of the context that is the working directory.
        instance: Flask's instance folder where Flask-SQLAlchemy puts relative databases there; ``None`` without it.
    """
    folders: list[Fact[str]] = []
    files: list[Fact[str]] = []
    unknown: Fact[str] | None = None
    trace = Trace(evaluator, sources, paths)
    for source in sources:
        for item in _found(trace, evaluator, source, instance):
            place = located(item.path, folder)
            if place is None:
                unknown = unknown or Fact(item.path.replace(WILD, "…").replace(ROOT, ""), item.origin)
                continue
            if _TRANSIENT.match(place) or place.startswith("~"):
                continue
            decided, whole = _decided(place)
            if not whole or item.folder:
                folders.append(Fact(decided or ".", item.origin))
            else:
                folders.append(Fact(posixpath.dirname(decided) or ".", item.origin))
                files.append(Fact(decided, item.origin))
    return Writes(fact_list(folders), fact_list(files), unknown)


def located(path: str, folder: str) -> str | None:
    """*path* relative to *folder*, or absolute; ``None`` where its beginning is not decided or outside both."""
    if not path or path.startswith(WILD):
        return None
    if path.startswith(ROOT):
        inside = posixpath.normpath(path[1:].lstrip("/") or ".")
        relative = posixpath.relpath(inside, folder or ".")
        return None if relative.startswith("..") else relative
    if ROOT in path:
        return None
    clean = posixpath.normpath(path)
    return None if clean.startswith("..") else clean


def _decided(path: str) -> tuple[str, bool]:
    """*path* up to its first undecided part, and whether there is none."""
    if WILD not in path:
        return path, True
    parts: list[str] = []
    for part in path.split("/"):
        if WILD in part:
            break
        parts.append(part)
    return "/".join(parts), False


def _found(trace: Trace, evaluator: Evaluator, source: Source, instance: str | None) -> Iterator[_Write]:
    masked = _overridden(evaluator, source)
    for site in source.calls:
        yield from _called(trace, evaluator, source, site)
    for site in source.assignments:
        yield from _setting(evaluator, source, site)
    for site in source.dicts:
        yield from _handler(evaluator, source, site)
    for site in source.strings:
        if id(site.node) not in masked:
            yield from _database(evaluator, source, site, instance)


def _called(trace: Trace, evaluator: Evaluator, source: Source, site: Site) -> Iterator[_Write]:
    import libcst as cst

    call: cst.Call = site.node
    name = evaluator.canonical(source, call.func)

    def paths(given: cst.BaseExpression | None) -> Iterator[str]:
        for value in trace.values(source, site.scope, given):
            yield WILD if value is None else evaluator.text(value)

    if name in pywriters.FOLDER_CALLS:
        given = argument(call, pywriters.FOLDER_CALLS[name], *pywriters.FOLDER_NAMES)
        for path in paths(given) if given is not None else ():
            if path != ":memory:" and "://" not in path:
                yield _Write(path, source.origin(site), True)
    elif name in pywriters.FILE_CALLS:
        given = argument(call, pywriters.FILE_CALLS[name], *pywriters.FILE_KEYWORDS)
        for path in paths(given) if given is not None and not _is_stream(evaluator, source, site, given) else ():
            if _is_file(name, path):
                yield _Write(path, source.origin(site), False)
    elif name in pywriters.BY_MODE:
        logs = name.startswith("logging")
        given = argument(call, None, "filename") if logs else argument(call, 0, "file", "name", "f")
        if given is not None and (logs or _writing(evaluator, source, site, argument(call, 1, "mode"))):
            yield from (_Write(path, source.origin(site), False) for path in paths(given) if path != WILD)
    elif name in ("open", "builtins.open", "io.open", "codecs.open", "aiofiles.open", *pywriters.COMPRESSED):
        if _writing(evaluator, source, site, argument(call, 1, "mode")):
            given = argument(call, 0, "file", "filename")
            yield from (_Write(path, source.origin(site), False) for path in paths(given))
    elif name == "ultralytics.YOLO":  # weights by a bare name are fetched: https://docs.ultralytics.com/models/
        weights = (path for path in paths(argument(call, 0, "model")) if not {"/", WILD} & set(path))
        yield from (_Write(path, source.origin(site), False) for path in weights)
    elif takes_line(name, call):
        for line in paths(argument(call, 0, "args", "cmd", "command")):
            yield from (_Write(path, source.origin(site), False) for path in parse(line).outputs if "$" not in path)
    elif name in pywriters.LOGGING:
        if not isinstance(evaluator.value(source, site.scope, argument(call, 0, pywriters.LOGGING[name])), dict):
            yield _Write(WILD, source.origin(site), False)
    elif isinstance(call.func, cst.Attribute):
        yield from _method(trace, evaluator, source, site, call.func)
        if (
            call.func.attr.value in ("update", "from_mapping")
            and dotted(call.func.value).rpartition(".")[2] == "config"
        ):
            for item in call.args:
                if item.keyword is not None:
                    yield from _told(evaluator, source, site, item.keyword.value, item.value)
    if name in pywriters.FOLDER_USERS:
        yield _Write(".", source.origin(site), True)
    for keywords in (pywriters.FOLDER_KEYWORDS, pywriters.FETCHED) if name not in pywriters.FOLDER_CALLS else ():
        told = argument(call, None, *keywords)
        for path in paths(told) if told is not None else ():
            if not path.startswith(WILD):
                yield _Write(path, source.origin(site), keywords is pywriters.FOLDER_KEYWORDS or path.startswith("/"))


def _is_file(name: str, path: str) -> bool:
    """Whether a call of :data:`~dockfix.facts.pywriters.FILE_CALLS` writes *path*."""
    if name == "loguru.logger.add":
        return not path.startswith(WILD)  # sys.stderr and the like
    if name.endswith(("connect", "Database")):
        return path != ":memory:" and not path.startswith("file:")
    if name.startswith(("pymilvus.", "pdfkit.", "wget.", "gdown.", "requests_cache.", "telegram.")):
        return path not in {"", "False"} and not path.startswith(WILD) and "://" not in path
    return not (name.startswith(("shutil.", "os.")) and path.startswith(WILD))


def _is_stream(evaluator: Evaluator, source: Source, site: Site, given: cst.BaseExpression) -> bool:
    """Whether a buffer, a temporary file or an answer is given in place of a path."""
    import libcst as cst

    made = (isinstance(given, cst.Name) and site.scope.bound(given.value)) or (given,)
    return any(isinstance(one, cst.Call) and _STREAM.search(evaluator.canonical(source, one.func)) for one in made)


def _method(
    trace: Trace, evaluator: Evaluator, source: Source, site: Site, function: cst.Attribute
) -> Iterator[_Write]:
    call: cst.Call = site.node
    method = function.attr.value
    if method == "mkdir":
        for value in trace.values(source, site.scope, function.value):
            yield _Write(WILD if value is None else evaluator.text(value), source.origin(site), True)
    elif method == "open":
        if _writing(evaluator, source, site, argument(call, 0, "mode")):
            for value in trace.values(source, site.scope, function.value):
                if isinstance(value, str):
                    yield _Write(value, source.origin(site), False)
    elif method in pywriters.METHODS or any(
        library in source.text for library in pywriters.COMMON_METHODS.get(method, ())
    ):
        position = pywriters.METHODS.get(method, 0)
        given = function.value if position is None else argument(call, position, *pywriters.METHOD_KEYWORDS)
        for value in trace.values(source, site.scope, given):
            # The names are common: only what is plainly a path counts.
            folder = method in pywriters.FOLDER_METHODS
            if isinstance(value, str) and not value.startswith(WILD) and (folder or re.search(r"/|\.\w{2,7}$", value)):
                yield _Write(value, source.origin(site), folder)


def _writing(evaluator: Evaluator, source: Source, site: Site, mode: cst.BaseExpression | None) -> bool:
    value = evaluator.settled(evaluator.value(source, site.scope, mode)) if mode is not None else "r"
    return isinstance(value, str) and bool(set(value) & set("wax+"))


def _setting(evaluator: Evaluator, source: Source, site: Site) -> Iterator[_Write]:
    """Settings that name a folder for uploads or media, wherever they are made."""
    import libcst as cst

    target = site.node.targets[0].target if isinstance(site.node, cst.Assign) else site.node.target
    yield from _told(evaluator, source, site, _setting_name(evaluator, source, site, target), site.node.value)


def _told(
    evaluator: Evaluator, source: Source, site: Site, name: str, given: cst.BaseExpression | None
) -> Iterator[_Write]:
    """What a setting has the app write."""
    if not _SETTINGS.match(name) and name != "SESSION_TYPE":
        return
    value = evaluator.settled(evaluator.value(source, site.scope, given))
    if name == "SESSION_TYPE":
        if value == "filesystem":  # Flask-Session's default folder
            yield _Write("flask_session", source.origin(site), True)
        return
    if isinstance(value, str) and value and not re.match(r"^\w+://", value):
        yield _Write(value, source.origin(site), True)


def _setting_name(evaluator: Evaluator, source: Source, site: Site, target: cst.CSTNode) -> str:
    import libcst as cst

    if isinstance(target, cst.Name):
        return target.value
    if not isinstance(target, cst.Subscript) or dotted(target.value).rpartition(".")[2] != "config":
        return ""
    index = target.slice[0].slice
    key = evaluator.value(source, site.scope, index.value) if isinstance(index, cst.Index) else UNKNOWN
    return key if isinstance(key, str) else ""


def _handler(evaluator: Evaluator, source: Source, site: Site) -> Iterator[_Write]:
    """File handlers of ``logging.config.dictConfig`` and Django's LOGGING; Django's databases and caches in files.

    And folders that settings name, or yt-dlp's template of names: https://github.com/yt-dlp/yt-dlp#output-template
    """
    entries = _entries(site)
    for key, given in entries.items():
        yield from _told(evaluator, source, site, key, given)
        template = evaluator.text(evaluator.value(source, site.scope, given)) if key == "outtmpl" else ""
        folder = posixpath.dirname(template.partition("%(")[0])
        if folder and not folder.startswith(WILD):
            yield _Write(folder, source.origin(site), True)
    keys = entries.keys()
    value = evaluator.value(source, site.scope, site.node) if keys & {"filename", "ENGINE", "LOCATION"} else UNKNOWN
    if not isinstance(value, dict):
        return
    kind = evaluator.text(value.get("class", value.get("ENGINE", value.get("BACKEND", ""))))
    if "FileHandler" in kind and "filename" in value:
        yield _Write(evaluator.text(value["filename"]), source.origin(site), False)
    elif "sqlite3" in kind and "NAME" in value and evaluator.text(value["NAME"]) != ":memory:":
        yield _Write(evaluator.text(value["NAME"]), source.origin(site), False)
    elif "FileBasedCache" in kind and "LOCATION" in value:
        yield _Write(evaluator.text(value["LOCATION"]), source.origin(site), True)


def _entries(site: Site) -> dict[str, cst.BaseExpression]:
    import libcst as cst

    return {
        key: element.value
        for element in site.node.elements
        if isinstance(element, cst.DictElement)
        and isinstance(element.key, cst.SimpleString)
        and isinstance(key := element.key.evaluated_value, str)
    }


def _database(evaluator: Evaluator, source: Source, site: Site, instance: str | None) -> Iterator[_Write]:
    """The file of an ``sqlite:///`` address."""
    value = evaluator.text(evaluator.value(source, site.scope, site.node))
    if value.startswith("sqlite") and value.rstrip(WILD).rstrip("/").endswith(":") and value.endswith(WILD):
        joined = _joined_database(evaluator, source, site)
        value = joined or value
    # Tortoise has the path behind two slashes: https://tortoise.github.io/databases.html#sqlite
    match = re.match(r"^sqlite(?:\+\w+)?://(?:/|(?=[^/:]))(.*?)(?:\?.*)?$", value, re.DOTALL)
    path = match[1] if match is not None else ""
    if match is None or path in ("", ":memory:") or "/:memory:" in path:
        path = _joined_database(evaluator, source, site) if value.startswith("sqlite") and not path else ""
        if not path:
            return
    if instance is not None and not path.startswith(("/", ROOT, WILD)):
        path = posixpath.join(instance, path)
    yield _Write(path, source.origin(site), False)


def _joined_database(evaluator: Evaluator, source: Source, site: Site) -> str:
    """The path in ``"sqlite:///" + os.path.join(folder, "x.db")``."""
    import libcst as cst

    for other in (*source.assignments, *source.calls):
        candidates: list[cst.BaseExpression] = []
        if isinstance(other.node, cst.Call):
            candidates = [item.value for item in other.node.args]
        elif other.node.value is not None:
            candidates = [other.node.value]
        for item in candidates:
            while isinstance(item, cst.BooleanOperation):
                item = item.right
            if isinstance(item, cst.BinaryOperation) and item.left is site.node:
                value = evaluator.text(evaluator.value(source, other.scope, item))
                match = re.match(r"^sqlite(?:\+\w+)?:///(.+)$", value, re.DOTALL)
                return match[1] if match is not None else ""
    return ""


def _overridden(evaluator: Evaluator, source: Source) -> set[int]:
    """String literals that are the default of a variable which the environment sets."""
    import libcst as cst

    found: set[int] = set()
    for site in source.calls:
        value = evaluator.value(source, site.scope, site.node) if source.strings else UNKNOWN
        if isinstance(value, Variable) and value.name in evaluator.environment:
            found |= {id(item.value) for item in site.node.args if isinstance(item.value, cst.BaseExpression)}
    return found
