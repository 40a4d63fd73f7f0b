"""npm packages that write files when an app uses them: logs, databases, sessions and uploads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix.facts.jssyntax import arguments, string, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node as Syntax

    from dockfix.facts.jssource import Source


@dataclass(frozen=True, slots=True)
class Writer:
    """How a package is told what it writes.

    Attributes:
        calls: names of calls that are given what is written; ``default`` is what the package itself stands for.
        argument: the number of the argument that names it.
        folder: whether these name a folder, not a file. What apps fetch where it is not there yet counts
            as a file, so that nobody makes it for them.
        files: names of such calls that are given a file all the same.
        options: keys that name what is written, in any object that its calls are given; whether that is a folder.
        settings: names of calls that may be given such options where these cannot be read, by a file for example.
        only: a word of the objects whose options name files; any other object is a server's.
        scheme: how an address begins that is a file; where this is given, any other address is a server's.
        default: the folder that it writes to where nothing names another, from the working directory; empty: none.
        besides: a folder that it writes to in any case.
        asked: the key that has it write to its default; empty where using it is enough.
    """

    calls: frozenset[str] = frozenset()
    argument: int = 0
    folder: bool = False
    files: frozenset[str] = frozenset()
    options: Mapping[str, bool] = field(default_factory=dict)
    settings: frozenset[str] = frozenset()
    only: str = ""
    scheme: str = ""
    default: str = ""
    besides: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Something written by a package.

    Attributes:
        package: its name.
        given: the expression that names it.
        node: the call.
        folder: whether it is a folder.
        scheme: that of :class:`Writer`.
        known: whether the expression names the place itself, and not settings that may.
    """

    package: str
    given: Syntax
    node: Syntax
    folder: bool
    scheme: str = ""
    known: bool = True


def _calls(*names: str) -> frozenset[str]:
    return frozenset(names)


_NEDB = Writer(_calls("default", "create", "Datastore"), options={"filename": False})
_PINO = Writer(_calls("destination"), options={"destination": False, "file": False})
_BAILEYS = Writer(_calls("useMultiFileAuthState"), folder=True)
_BROWSER = Writer(_calls("screenshot", "pdf", "saveAs"), options={"path": False})
_MIKRO = Writer(options={"dbName": False})
_LEVEL = Writer(_calls("default", "Level", "ClassicLevel"), folder=True)
_FORMIDABLE = Writer(options={"uploadDir": True})

WRITERS: Mapping[str, Writer] = {
    "@adiwajshing/baileys": _BAILEYS,
    "@google-cloud/storage": Writer(_calls("download"), options={"destination": False}),
    "@keyv/sqlite": Writer(_calls("default", "KeyvSqlite"), options={"uri": False}, scheme="sqlite:"),
    "@libsql/client": Writer(options={"url": False}, scheme="file:"),
    "@mikro-orm/better-sqlite": _MIKRO,
    "@mikro-orm/libsql": _MIKRO,
    "@mikro-orm/sqlite": _MIKRO,
    "@nestjs/platform-express": Writer(options={"dest": True}),
    "@nestjs/sequelize": Writer(options={"storage": False}),
    "@nestjs/typeorm": Writer(options={"database": False}, only="sqlite"),
    "@open-wa/wa-automate": Writer(options={"sessionDataPath": True}, default="."),
    "@seald-io/nedb": _NEDB,
    "@strapi/strapi": Writer(default=".tmp"),
    "@whiskeysockets/baileys": _BAILEYS,
    "@wppconnect-team/wppconnect": Writer(options={"folderNameToken": True}, default="tokens"),
    "acebase": Writer(options={"path": True}, default="."),
    "adm-zip": Writer(
        _calls("extractAllTo", "extractAllToAsync", "writeZip", "writeZipPromise"),
        folder=True,
        files=_calls("writeZip", "writeZipPromise"),
    ),
    "baileys": _BAILEYS,
    "basic-ftp": Writer(_calls("downloadTo", "downloadToDir"), folder=True, files=_calls("downloadTo")),
    "better-sqlite3": Writer(_calls("default")),
    "bunyan": Writer(options={"path": False}),
    "classic-level": _LEVEL,
    "connect-sqlite3": Writer(options={"dir": True}, default="."),
    "croxydb": Writer(default="."),
    "csv-writer": Writer(_calls("createObjectCsvWriter", "createArrayCsvWriter"), options={"path": False}),
    "decompress": Writer(_calls("default"), 1, folder=True),
    "download": Writer(_calls("default"), 1, folder=True),
    "easy-json-database": Writer(_calls("default")),
    "enmap": Writer(options={"dataDir": True}, default="data"),
    "express-fileupload": Writer(options={"tempFileDir": True}, default="tmp", asked="useTempFiles"),
    "extract-zip": Writer(options={"dir": True}),
    "fastify": _PINO,
    "file-stream-rotator": Writer(options={"filename": False}, besides="."),
    "fluent-ffmpeg": Writer(_calls("save", "saveToFile", "output", "mergeToFile")),
    "formidable": _FORMIDABLE,
    "fs-jetpack": Writer(_calls("write", "append", "file", "dir")),
    "gm": Writer(_calls("write")),
    "greenlock-express": Writer(options={"configDir": True}, default="greenlock.d"),
    "gtts": Writer(_calls("save")),
    "gun": Writer(options={"file": True}, default="."),
    "heapdump": Writer(_calls("writeSnapshot")),
    "hnswlib-node": Writer(_calls("writeIndex", "writeIndexSync")),
    "hypercore": Writer(_calls("default"), folder=True),
    "jimp": Writer(_calls("write", "writeAsync")),
    "json-server": Writer(_calls("router")),
    "keyv": Writer(_calls("default", "Keyv"), options={"uri": False}, scheme="sqlite:"),
    "keyv-file": Writer(options={"filename": False}),
    "knex": Writer(options={"filename": False}),
    "koa-body": _FORMIDABLE,
    "level": _LEVEL,
    "leveldown": _LEVEL,
    "log4js": Writer(options={"filename": False}, settings=_calls("configure")),
    "lokijs": Writer(_calls("default", "Loki")),
    "mkdirp": Writer(_calls("default", "sync", "mkdirp", "mkdirpSync"), folder=True),
    "nedb": _NEDB,
    "nedb-promises": _NEDB,
    "nestjs-pino": _PINO,
    "newrelic": Writer(default="."),
    "next": Writer(default=".next/cache"),
    "node-downloader-helper": Writer(_calls("DownloaderHelper"), 1, folder=True),
    "node-edge-tts": Writer(_calls("ttsPromise"), 1),
    "node-html-to-image": Writer(options={"output": False}),
    "node-json-db": Writer(_calls("Config")),
    "node-persist": Writer(options={"dir": True}, default=".node-persist"),
    "node-red": Writer(options={"userDir": True}),
    "parse-server": Writer(options={"logsFolder": True}, default="logs"),
    "pino": _PINO,
    "pino-http": _PINO,
    "playwright": _BROWSER,
    "playwright-chromium": _BROWSER,
    "playwright-core": _BROWSER,
    "pouchdb": Writer(_calls("default", "PouchDB"), folder=True),
    "puppeteer": _BROWSER,
    "puppeteer-core": _BROWSER,
    "puppeteer-extra": _BROWSER,
    "quick.db": Writer(options={"filePath": False}, default="."),
    "rotating-file-stream": Writer(_calls("default", "createStream"), options={"path": True}),
    "sails": Writer(default=".tmp"),
    "sequelize": Writer(_calls("default", "Sequelize"), scheme="sqlite:"),
    "simple-git": Writer(_calls("clone"), 1),
    "simple-json-db": Writer(_calls("default", "JSONdb")),
    "simple-node-logger": Writer(
        _calls("createSimpleLogger", "createSimpleFileLogger"), options={"logFilePath": False, "logDirectory": True}
    ),
    "ssh2-sftp-client": Writer(_calls("fastGet", "downloadDir"), 1, folder=True, files=_calls("fastGet")),
    "strapi": Writer(default=".tmp"),
    "tar": Writer(options={"cwd": True, "C": True}),
    "telegraf-session-local": Writer(options={"database": False}, default="."),
    "tesseract.js": Writer(options={"cachePath": True}, default="."),
    "tracer": Writer(options={"root": True}),
    "unzipper": Writer(options={"path": True}),
    "venom-bot": Writer(options={"folderNameToken": True}, default="tokens"),
    "webtorrent": Writer(options={"path": True}),
    "whatsapp-web.js": Writer(options={"dataPath": True}, default="."),
    "wio.db": Writer(options={"databasePath": False}, default="."),
    "wkhtmltopdf": Writer(options={"output": False}),
    "write-file-atomic": Writer(_calls("default", "sync")),
    "youtube-dl-exec": Writer(options={"output": False}),
}
"""What is known of packages that are used often in servers, from their own pages: ``https://www.npmjs.com/package/NAME``.

Of most it was tried as well, in November 2026: an app of two lines was run, and its folder looked at afterwards.
"""


_NO_PLACE = re.compile(r"\d+|true|false|null|undefined|.*\.(?:stdout|stderr)(?:\.fd)?")
"""What is given in place of a file: the number of a stream, or a stream."""


def packages(source: Source) -> Iterator[tuple[str, int]]:
    """The packages of :data:`WRITERS` that a source loads, with the line that does."""
    for item in source.imports:
        if not item.erased and item.module in WRITERS:
            yield item.module, item.line


def places(source: Source) -> Iterator[Place]:
    """What the calls of a source have these packages write."""
    loaded = dict.fromkeys(name for name, _ in packages(source))
    if not loaded:
        return
    for callee, given, node in source.calls():
        owner, own = _owner(source, callee, node)
        last = callee.rpartition(".")[2]
        for package in loaded:
            writer = WRITERS[package]
            name = own or last
            if not given or not (owner == package or (last in writer.calls and last != "default")):
                continue
            objects = [found for part in given if (found := source.object(part)) is not None]
            files = [found for found in objects if writer.only in text(found)]
            named = [pair for found in files for pair in _pairs(found) if pair[0] in writer.options]
            for key, value in named:
                if not _NO_PLACE.fullmatch(text(value)):
                    yield Place(package, value, node, writer.options[key], writer.scheme)
            if named or source.object(given[0]) is not None:
                continue
            if name in writer.calls:
                if writer.argument < len(given) and not _NO_PLACE.fullmatch(text(given[writer.argument])):
                    folder = writer.folder and name not in writer.files
                    yield Place(package, given[writer.argument], node, folder, writer.scheme)
            elif last in writer.settings:
                yield Place(package, given[0], node, folder=False, known=False)


def is_asked(source: Source, key: str) -> bool:
    """Whether a source has an object with *key* that is not false."""
    for node in source.nodes["pair"]:
        name, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if name is not None and value is not None and _key(name) == key and value.type != "false":
            return True
    return False


def _owner(source: Source, callee: str, node: Syntax) -> tuple[str | None, str]:
    """The package that a call belongs to, and the name of what is called in it where that is told."""
    root, _, rest = callee.partition(".")
    if root in source.imported:
        module, name = source.imported[root]
        return module, rest.rpartition(".")[2] or ("default" if name in ("*", "default") else name)
    if root == "require()":
        function = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        match = re.match(r"""\(?require\(\s*["']([^"']+)["']\s*\)""", text(function) if function is not None else "")
        return (match[1] if match is not None else None), rest.rpartition(".")[2] or "default"
    return None, ""


def _pairs(found: Syntax) -> Iterator[tuple[str, Syntax]]:
    """The keys of an object and of the objects and calls within it, with their values."""
    pending = [found]
    while pending:
        node = pending.pop()
        if node.type == "pair":
            key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
            if key is not None and value is not None:
                yield _key(key), value
                pending.append(value)
        elif node.type in ("arrow_function", "function_expression", "method_definition"):
            pending += filter(None, (node.child_by_field_name("body"),))
        elif node.type in ("object", "array", "parenthesized_expression", "statement_block", "return_statement"):
            pending += reversed(node.named_children)
        elif node.type in ("call_expression", "new_expression"):
            pending += reversed(arguments(node))


def _key(node: Syntax) -> str:
    return string(node) or text(node)
