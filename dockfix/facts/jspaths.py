"""The files and folders that JavaScript sources write and read at run time."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts import jswriters
from dockfix.facts.files import join
from dockfix.facts.jscalls import outputs
from dockfix.facts.jssettings import databases
from dockfix.facts.jssyntax import line, pairs, string, text
from dockfix.facts.jstrace import Trace
from dockfix.facts.jsvalue import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node as Syntax

    from dockfix.facts.jsgraph import Graph
    from dockfix.facts.jssource import Source

_FOLDER_WRITERS = frozenset({
    "mkdir", "mkdirSync", "mkdirp", "mkdirpSync", "ensureDir", "ensureDirSync", "mkdirs", "mkdirsSync", "emptyDir",
    "emptyDirSync",
})  # fmt: skip
_FILE_WRITERS = frozenset({
    "createWriteStream", "writeFile", "writeFileSync", "appendFile", "appendFileSync", "outputFile", "outputFileSync",
    "outputJson", "outputJsonSync", "writeJson", "writeJsonSync", "writeJSON", "writeJSONSync", "ensureFile",
    "ensureFileSync", "truncate", "truncateSync",
})  # fmt: skip
_SECOND_WRITERS = frozenset({"copyFile", "copyFileSync", "rename", "renameSync", "cp", "cpSync"})
_READERS = frozenset({
    "readFile", "readFileSync", "readdir", "readdirSync", "createReadStream", "sendFile", "readJson",
    "readJsonSync", "readJSON",
    "readJSONSync", "loadSync", "loadPackageDefinition", "opendir", "scandir",
})  # fmt: skip
_STATIC = re.compile(r"(?:^|\.)(?:static|serveStatic|koaStatic|staticServe|serve|staticFiles|serveFavicon|favicon)$")
#: Options that name a folder or a file that is written: package's call → key.
_WRITTEN_OPTIONS = {
    "multer": (("dest", True),),
    "upload": (("dest", True),),
    "diskStorage": (("destination", True),),
    "DailyRotateFile": (("dirname", True), ("filename", False)),
    "File": (("dirname", True), ("filename", False)),
    "RotatingFileStream": (("path", True),),
    "createStream": (("path", True),),
    "fileUpload": (("tempFileDir", True),),
    "formidable": (("uploadDir", True),),
    "IncomingForm": (("uploadDir", True),),
    "FileStore": (("path", True),),
    "Datastore": (("filename", False),),
    "Sequelize": (("storage", False),),
    "knex": (("filename", False),),
    "DataSource": (("database", False),),
    "forRoot": (("database", False),),
    "createConnection": (("database", False),),
    "destination": (("dest", False),),
    "open": (("filename", False),),
}  # fmt: skip
#: Options by which a schema of GraphQL is written when the server starts: https://docs.nestjs.com/graphql/quick-start,
#: https://typegraphql.com/docs/emit-schema.html, https://nexusjs.org/docs/api/make-schema
_SCHEMAS = {
    "forRoot": ("autoSchemaFile",), "buildSchema": ("emitSchemaFile",), "buildSchemaSync": ("emitSchemaFile",),
    "makeSchema": ("schema", "typegen"),
}  # fmt: skip
_SQLITE = re.compile(
    r"(?:^|\.)(?:Database|DatabaseSync|JSONFile|JSONFileSync|JSONFilePreset|JSONFileSyncPreset|FileSync|FileAsync|LocalStorage)$"
)


@dataclass(frozen=True, slots=True)
class Access:
    """A place that is written or read.

    Attributes:
        path: the file or folder from the package's folder, or absolute; None where it cannot be told.
        folder: the folder that is meant: *path* itself, or the folder around a file; ``.`` for the package's own.
        written: whether it is written.
        shown: the expression as written, shortened.
        origin: where.
    """

    path: str | None
    folder: str | None
    written: bool
    shown: str
    origin: str


class Accesses:
    """What the sources of a graph write and read."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.trace = Trace(graph)
        self._declared: dict[str, frozenset[str]] = {}

    def all(self) -> tuple[Access, ...]:
        """Every place, in the order of the sources, without the system's temporary folder."""
        found = [access for source in self.graph.sources for access in self._of(source)]
        return tuple(dict.fromkeys([*found, *self._of_packages(), *self._of_shells(), *self._of_settings()]))

    def _of_settings(self) -> Iterator[Access]:
        """Databases in files that settings in JSON name."""
        loaded = (item.module for source in self.graph.sources for item in source.imports if not item.erased)
        for fact in databases(self.graph.node, dict.fromkeys(loaded)):
            place = posixpath.normpath(fact.value)
            yield Access(place, posixpath.dirname(place) or ".", True, fact.value, fact.origin)

    def _of_shells(self) -> Iterator[Access]:
        """Files to which the shell lines that are started redirect: ``execSync('date > built.txt')``."""
        for source in self.graph.sources:
            for path, given, node in outputs(self.trace, source):
                yield self._made(source, Value(path) if path is not None else None, node, True, False, text(given))

    def _of_packages(self) -> Iterator[Access]:
        """What packages write: where they are told to, and in the folder of their own where nobody tells them."""
        told = set()
        for source in self.graph.sources:
            for place in jswriters.places(source):
                told.add(place.package)
                if not place.known:
                    yield self._made(source, None, place.node, True, False, text(place.given))
                elif not _in_memory(source, place.given):
                    yield from self._addressed(source, place)
        for source in self.graph.sources:
            for package, number in jswriters.packages(source):
                writer = jswriters.WRITERS[package]
                asked = not writer.asked or any(jswriters.is_asked(each, writer.asked) for each in self.graph.sources)
                folders = (writer.besides, writer.default if package not in told and asked else "")
                for folder in filter(None, folders):
                    origin = self.graph.node.origin_of(source.path, number)
                    yield Access(folder, folder, True, f"{package}'s default", origin)

    def _addressed(self, source: Source, place: jswriters.Place) -> Iterator[Access]:
        """A place that may be written as an address: ``sqlite:data/app.db``, ``file:///data/app.db``."""
        if not place.scheme:
            yield from self._access(source, place.given, place.node, written=True, folder=place.folder)
            return
        for value in self.trace.values(source, place.given):
            if value is not None and value.text.startswith(place.scheme):
                path = re.sub(r"^//(?=/|[^/]+/)", "", value.text.removeprefix(place.scheme)).partition("?")[0]
                if not path.startswith(":memory:"):
                    file = Value(path, value.base, value.open)
                    yield self._made(source, file, place.node, True, place.folder, text(place.given))

    def _of(self, source: Source) -> Iterator[Access]:
        for callee, given, node in source.calls():
            last = callee.rpartition(".")[2]
            if self._is_own(source, callee):
                continue
            if last == "FileStore" and b"session-file-store" in source.data and not self._has_path(source, given):
                yield self._made(source, Value("sessions", "cwd"), node, True, True, "session-file-store's default")
            if not given:
                continue
            if last in _FOLDER_WRITERS:
                named = [part for part in given if not (string(part) or "").startswith("-")]  # options of shelljs
                for part in named[:1]:
                    yield from self._access(source, part, node, written=True, folder=True)
            elif last in _FILE_WRITERS or callee == "Bun.write":
                yield from self._access(source, given[0], node, written=True, folder=False)
            elif last in _SECOND_WRITERS and len(given) > 1 and self._is_fs(source, callee):
                yield from self._access(source, given[1], node, written=True, folder=False)
            elif (
                (last in ("openSync", "open") and len(given) > 1 and re.match(r"[wa]", string(given[1]) or ""))
                or (last in ("mv", "toFile") and not self._is_fs(source, callee) and len(given) <= 2)
                or (_SQLITE.search(callee) and given[0].type != "object" and not _in_memory(source, given[0]))
            ):
                yield from self._access(source, given[0], node, written=True, folder=False)
            elif last in _READERS and not (last == "readFile" and callee.startswith("reader.")):
                yield from self._access(source, given[0], node, written=False, folder=False, rest=given)
            elif _STATIC.search(callee) and node.type == "call_expression":
                yield from self._static(source, given, node)
            elif last == "set" and len(given) == 2 and string(given[0]) == "views":
                yield from self._access(source, given[1], node, written=False, folder=True)
            elif last in ("render", "useStaticAssets", "setBaseViewsDir", "setViewsDir") and last != "render":
                yield from self._access(source, given[0], node, written=False, folder=True)
            elif last == "register" and len(given) > 1:
                yield from self._options(source, given[1], node, ("root", "directory"), written=False)
            elif last in ("fork", "Worker", "Piscina", "execFile") and last != "execFile":
                yield from self._access(source, given[0], node, written=False, folder=False)
            if last in _WRITTEN_OPTIONS:
                yield from self._written_options(source, last, given, node)
            if last in _SCHEMAS:
                yield from self._schemas(source, last, given[0], node)
            if (last in ("forRoot", "configure", "config", "init") and b"i18n" in source.data) or last == "forRoot":
                for part in given:
                    yield from self._options(
                        source, part, node, ("rootPath", "directory", "localesPath", "loadPath", "path"), written=False
                    )
        yield from self._settings_of_knex(source)
        if b"view engine" in source.data and b"'views'" not in source.data and b'"views"' not in source.data:
            for callee, given, node in source.calls():
                if callee.endswith(".set") and len(given) == 2 and string(given[0]) == "view engine":
                    yield self._made(source, Value("views", "cwd"), node, False, True, "view engine")

    def _has_path(self, source: Source, given: list[Syntax]) -> bool:
        """Whether a store of sessions is told its folder: https://github.com/valery-barysok/session-file-store#options"""
        found = source.object(given[0]) if given else None
        return found is not None and "path" in pairs(found)

    def _is_own(self, source: Source, callee: str) -> bool:
        """Whether the app declares what is called, so that what it does is read there and not told by its name."""
        if callee in source.imported:
            return source.imported[callee][0].startswith(".")
        declared = source.constants.get(callee)
        return callee in self._functions(source) or (
            declared is not None and declared.type in ("arrow_function", "function_expression")
        )

    def _functions(self, source: Source) -> frozenset[str]:
        if source.path not in self._declared:
            nodes = (*source.nodes["function_declaration"], *source.nodes["class_declaration"])
            names = (node.child_by_field_name("name") for node in nodes)
            self._declared[source.path] = frozenset(text(name) for name in names if name is not None)
        return self._declared[source.path]

    def _is_fs(self, source: Source, callee: str) -> bool:
        root = callee.partition(".")[0]
        module = source.imported.get(root, ("", ""))[0].removeprefix("node:")
        return module in ("fs", "fs/promises", "fs-extra", "graceful-fs") or root in ("fs", "fsp", "fse", "fsPromises")

    def _static(self, source: Source, given: list[Syntax], node: Syntax) -> Iterator[Access]:
        if given[0].type == "object":
            yield from self._options(source, given[0], node, ("root",), written=False)
        elif given[0].type not in ("arrow_function", "function_expression"):
            yield from self._access(source, given[0], node, written=False, folder=True)

    def _written_options(self, source: Source, name: str, given: list[Syntax], node: Syntax) -> Iterator[Access]:
        for part in given[:2]:
            found = source.object(part)
            if found is None:
                continue
            entries = pairs(found)
            connection = entries.get("connection")
            if name == "knex" and connection is not None and connection.type == "object":
                entries = pairs(connection)
            if name in ("DataSource", "forRoot", "createConnection") and not _is_sqlite(entries):
                continue
            for key, folder in _WRITTEN_OPTIONS[name]:
                value = entries.get(key)
                if value is None or (key == "filename" and "dirname" in entries and name != "Datastore"):
                    continue
                if value.type in ("arrow_function", "function_expression", "method_definition"):
                    yield from self._callback(source, value, node)
                elif not _in_memory(source, value):
                    yield from self._access(source, value, node, written=True, folder=folder)

    def _settings_of_knex(self, source: Source) -> Iterator[Access]:
        """A database in a file, in settings that stand apart: https://knexjs.org/guide/#configuration-options"""
        for node in source.nodes["pair"] if b"sqlite" in source.data else ():
            key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
            if key is None or value is None or text(key) != "client" or "sqlite" not in (string(value) or ""):
                continue
            connection = pairs(node.parent).get("connection") if node.parent is not None else None
            entries = pairs(connection) if connection is not None and connection.type == "object" else {}
            file = entries.get("filename", connection)
            if file is not None and file.type != "object" and not _in_memory(source, file):
                yield from self._access(source, file, node, written=True, folder=False)

    def _schemas(self, source: Source, name: str, given: Syntax, node: Syntax) -> Iterator[Access]:
        """Schemas that are written as files; ``autoSchemaFile: true`` keeps the schema in memory."""
        found = source.object(given)
        entries = pairs(found) if found is not None else {}
        outputs = entries.get("outputs")
        if name == "makeSchema":
            entries = pairs(outputs) if outputs is not None and outputs.type == "object" else {}
        for key in _SCHEMAS[name]:
            value = entries.get(key)
            if value is not None and value.type == "object":
                value = pairs(value).get("path")
            if value is None or value.type == "false":
                continue
            if value.type != "true":
                yield from self._access(source, value, node, written=True, folder=False)
            elif key == "emitSchemaFile":
                yield self._made(source, Value("schema.gql", "cwd"), node, True, False, key)

    def _callback(self, source: Source, function: Syntax, node: Syntax) -> Iterator[Access]:
        """``destination: (req, file, cb) => cb(null, 'uploads/')``"""
        for callee, given, call in source.calls():
            inside = function.start_byte <= call.start_byte < function.end_byte
            if inside and len(given) == 2 and "." not in callee and text(given[0]) == "null":
                yield from self._access(source, given[1], call, written=True, folder=True)

    def _options(
        self, source: Source, part: Syntax, node: Syntax, keys: tuple[str, ...], *, written: bool
    ) -> Iterator[Access]:
        found = source.object(part)
        entries = pairs(found) if found is not None else {}
        for key in keys:
            if key in entries and (key != "path" or "fallbackLanguage" in text(part)):
                yield from self._access(source, entries[key], node, written=written, folder=True)

    def _access(
        self,
        source: Source,
        given: Syntax,
        node: Syntax,
        *,
        written: bool,
        folder: bool,
        rest: list[Syntax] | None = None,
    ) -> Iterator[Access]:
        shown = text(given)
        if re.search(r"\btmpdir\(\)|^['\"`]/(?:tmp|dev|proc|sys)(?:/|['\"`])|^['\"`]https?:", shown):
            return
        root = self._root(source, node, rest) if rest is not None and len(rest) > 1 else None
        for value in self.trace.values(source, given):
            if value is not None and root is not None:
                value = Value(posixpath.join(root.text or ".", value.text), root.base, value.open)
            yield self._made(source, value, node, written, folder, shown)

    def _root(self, source: Source, node: Syntax, given: list[Syntax]) -> Value | None:
        """The folder that ``res.sendFile(name, {root: …})`` names."""
        if not text(node).startswith(("res.", "reply.", "response.")) or given[1].type != "object":
            return None
        root = source.entry(given[1], "root")
        base = self.graph.value(source, root) if root is not None else None
        return base if base is not None and not base.open else None

    def _made(
        self, source: Source, value: Value | None, node: Syntax, written: bool, folder: bool, shown: str
    ) -> Access:
        origin = self.graph.node.origin_of(source.path, line(node))
        shown = re.sub(r"\s+", " ", shown)[:80]
        if value is None or not value.defaulted or (value.open and not value.text and value.base == ""):
            return Access(None, None, written, shown, origin)
        path = value.text
        if value.open and not path.endswith("/"):
            path = posixpath.dirname(path)
            if not path and not value.text.startswith(".") and value.base == "":
                return Access(None, None, written, shown, origin)
        base = self.graph.run_folder(source.path) if value.base == "module" else ""
        place = path if path.startswith("/") and value.base == "" else join(base, path.lstrip("/"))
        place = posixpath.normpath(place) if place.startswith("/") else place
        around = place if folder or value.open else posixpath.dirname(place)
        return Access(place or ".", around or ".", written, shown, origin)


def _in_memory(source: Source, node: Syntax) -> bool:
    value = source.value(node)
    return value is not None and ((value.text in (":memory:", "") and not value.open) or "mode=memory" in value.text)


def _is_sqlite(entries: dict[str, Syntax]) -> bool:
    kind = entries.get("type") or entries.get("dialect")
    return kind is not None and "sqlite" in text(kind)
