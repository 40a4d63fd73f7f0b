"""The sources of a Node app that its entry file leads to."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dockfix.facts.files import join, normal
from dockfix.facts.jsontext import Json
from dockfix.facts.jsontext import read as read_json
from dockfix.facts.jssource import Source
from dockfix.facts.jssyntax import text
from dockfix.facts.jsvalue import Value, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node as Syntax

    from dockfix.facts.node import Node

FILE_LIMIT = 200
BYTE_LIMIT = 2_000_000
_FILE_SIZE = 400_000
_EXTENSIONS = (".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx")
_BUILT = ("dist", "build", "out", "lib", ".build", "output", "target", "compiled", "dist-server", "bin", "js")
_DEPTH = 4
_FIELDS = {"outDir": "output", "rootDir": "root", "baseUrl": "base", "outFile": "bundle"}


@dataclass(frozen=True, slots=True)
class Compiler:
    """What tsconfig.json says.

    Attributes:
        output: ``outDir``; None where the output lies beside the sources.
        root: ``rootDir``; None where it is worked out from the sources.
        base: ``baseUrl``.
        paths: ``paths``: pattern → replacements.
        origin: where ``outDir``, or the file, is written.
        bundle: ``outFile``, into which all goes in place of ``outDir``; None where there is none.
    """

    output: str | None
    root: str | None
    base: str | None
    paths: Mapping[str, tuple[str, ...]]
    origin: str
    bundle: str | None = None


def compiler(node: Node, path: str = "tsconfig.json", depth: int = 0) -> Compiler | None:
    """Read a tsconfig.json with what it extends; None where there is none that can be read."""
    config = read_json(node.files, node.path(path), node.prefix, comments=True)
    if not isinstance(config, Json) or depth > _DEPTH:
        return None
    folder = posixpath.dirname(path)
    extends = config.get("extends")
    base: Compiler | None = None
    for name in extends if isinstance(extends, list) else [extends]:
        if isinstance(name, str) and name.startswith("."):
            name = name if name.endswith(".json") else f"{name}.json"
            base = compiler(node, join(folder, name), depth + 1) or base

    def option(name: str) -> str | None:
        fact = config.text("compilerOptions", name)
        return join(folder, fact.value) if fact is not None else getattr(base, _FIELDS[name], None)

    listed = config.get("compilerOptions", "paths")
    paths = {
        key: tuple(item for item in value if isinstance(item, str))
        for key, value in (listed.items() if isinstance(listed, dict) else ())
        if isinstance(value, list)
    }
    own = config.text("compilerOptions", "outDir")
    return Compiler(
        option("outDir"),
        option("rootDir"),
        option("baseUrl"),
        paths or (base.paths if base else {}),
        own.origin if own else base.origin if base else config.path,
        option("outFile"),
    )


class Graph:
    """Sources reached from an entry, in breadth-first order.

    Args:
        node: the package.
        entry: the file that is run, from the package's folder; a compiled one is traced back to its source.
    """

    def __init__(self, node: Node, entry: str) -> None:
        self.node = node
        self.built_entry = entry
        self._sources: dict[str, Source | None] = {}

    @cached_property
    def compiler(self) -> Compiler | None:
        """What tsconfig.json says."""
        for name in ("tsconfig.build.json", "tsconfig.json", "tsconfig.server.json", "tsconfig.app.json"):
            found = compiler(self.node, name)
            if found is not None and (found.output or name == "tsconfig.json"):
                return found
        return None

    @cached_property
    def entry(self) -> str | None:
        """The source file of the entry; None where there is none."""
        found = (path for path in self._candidates(self.built_entry) if self._is_file(path))
        return next((path for path in found if self.source(path) is not None), None)

    @cached_property
    def roots(self) -> tuple[str, str] | None:
        """The folder of the sources and the folder where they lie when they run, if these differ."""
        if self.entry is None or self.entry == self.built_entry:
            return None
        source, built = _stem(self.entry).split("/"), _stem(self.built_entry).split("/")
        while len(source) > 1 and len(built) > 1 and source[-1] == built[-1]:
            source.pop()
            built.pop()
        if source[-1] == built[-1]:
            return "/".join(source[:-1]), "/".join(built[:-1])
        return posixpath.dirname(self.entry), posixpath.dirname(self.built_entry)

    def run_folder(self, path: str) -> str:
        """The folder in which a source lies when it runs: where the compiler puts it."""
        folder = posixpath.dirname(path)
        if self.roots is None:
            return folder
        source, built = self.roots
        if not source:
            return join(built, folder)
        if folder == source or folder.startswith(f"{source}/"):
            return join(built, folder[len(source) + 1 :])
        return folder

    def _is_file(self, path: str) -> bool:
        return self.node.has(path) and not self.node.files.is_dir(self.node.path(path))

    def _candidates(self, path: str) -> Iterator[str]:
        """Sources that may compile to *path*, likeliest first."""
        folder = path.split("/", maxsplit=1)[0] if "/" in path else ""
        output = self.compiler.output if self.compiler else None
        built = [
            item for item in (output, folder if folder in _BUILT else None) if item and path.startswith(f"{item}/")
        ]
        committed = self._is_file(path)
        if committed and not built:
            yield path
        for place in dict.fromkeys(built):
            rest = _stem(path[len(place) + 1 :])
            root = self.compiler.root if self.compiler and self.compiler.root else None
            for base in dict.fromkeys(
                item for item in (root, "src", "", "server", "app", "source") if item is not None
            ):
                for extension in _EXTENSIONS:
                    candidate = join(base, f"{rest}{extension}")
                    if not candidate.startswith(f"{place}/"):
                        yield candidate
                if not rest.endswith("index"):
                    yield from (join(base, f"{rest}/index{extension}") for extension in _EXTENSIONS[:5])
        if built and not committed:
            yield from self._named_in_build()
        yield path
        yield from (f"{_stem(path)}{extension}" for extension in _EXTENSIONS)
        yield from (f"{path}{extension}" for extension in _EXTENSIONS)
        yield from (join(path, f"index{extension}") for extension in _EXTENSIONS)

    def _named_in_build(self) -> Iterator[str]:
        """A bundler's entry: the source that the build script names."""
        script = self.node.scripts.get("build")
        for word in script.value.split() if script else ():
            clean = normal(word) if re.fullmatch(r"[\w./-]+\.(?:[cm]?[jt]sx?)", word) and "config" not in word else None
            if clean:
                yield clean
        yield from ("src/index.ts", "src/main.ts", "src/server.ts", "src/app.ts", "src/index.js", "src/server.js")

    def source(self, path: str) -> Source | None:
        """The parsed source at *path*; None where there is no such file, or it is too long to be written by hand."""
        if path not in self._sources:
            data = self.node.files.read(self.node.path(path)) if path.endswith((*_EXTENSIONS, "/www", "cli")) else None
            if data is None and "." not in posixpath.basename(path) and self._is_file(path):
                data = self.node.files.read(self.node.path(path))
            long = data is not None and (
                len(data) > _FILE_SIZE or (len(data) > 20_000 and data.count(b"\n") * 500 < len(data))
            )
            self._sources[path] = None if data is None or long else Source(path, data)
        return self._sources[path]

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """The sources, the entry first; at most 200 files and 2 MB."""
        pending = [self.entry] if self.entry else []
        found: list[Source] = []
        size = 0
        for path in pending:
            source = self.source(path)
            if source is None:
                continue
            size += len(source.data)
            if len(found) >= FILE_LIMIT or size > BYTE_LIMIT:
                break
            found.append(source)
            for item in source.imports:
                target = None if item.erased else self.resolve(source, item.module)
                if target is not None and target not in pending:
                    pending.append(target)
            pending += [path for path in self._listed(source) if path not in pending]
        return tuple(found)

    @property
    def truncated(self) -> bool:
        """Whether there are more sources than are read."""
        return len(self.sources) >= FILE_LIMIT or sum(len(source.data) for source in self.sources) > BYTE_LIMIT * 0.95

    def _listed(self, source: Source) -> Iterator[str]:
        """The modules of a folder that is listed to load what lies in it, as Sequelize's models/index.js does."""
        if (b"readdirSync" not in source.data and b"glob" not in source.data) or (
            b"require(" not in source.data and b"import(" not in source.data
        ):
            return
        for callee, given, _ in source.calls():
            if callee.rpartition(".")[2] == "readdirSync" and given:
                value = source.value(given[0])
                if value is not None and value.base == "module" and not value.open:
                    folder = join(posixpath.dirname(source.path), value.text)
                    for name in self.node.files.list(self.node.path(folder)):
                        if name.endswith(_EXTENSIONS) and not name.endswith(".d.ts"):
                            yield join(folder, name)

    def resolve(self, source: Source, module: str) -> str | None:
        """The source file that *module* names in *source*; None for packages and what is not there."""
        if module.startswith("."):
            return self._file(join(posixpath.dirname(source.path), module))
        for place in self._aliased(module):
            found = self._file(place)
            if found is not None:
                return found
        return None

    def _aliased(self, module: str) -> Iterator[str]:
        config = self.compiler
        if config is not None:
            for pattern, targets in config.paths.items():
                head, star, tail = pattern.partition("*")
                if module == pattern or (star and module.startswith(head) and module.endswith(tail)):
                    rest = module[len(head) : len(module) - len(tail)] if star else ""
                    yield from (join(config.base or "", target.replace("*", rest)) for target in targets)
            if config.base is not None:
                yield join(config.base, module)
        for name, place in self._package_aliases.items():
            if module == name or module.startswith(f"{name}/"):
                yield join(place, module[len(name) + 1 :])

    @cached_property
    def _package_aliases(self) -> Mapping[str, str]:
        """``_moduleAliases`` (module-alias) and plain ``imports`` of package.json."""
        found: dict[str, Any] = {}
        for key in ("_moduleAliases", "imports"):
            listed = self.node.manifest.get(key)
            found |= listed if isinstance(listed, dict) else {}
        return {
            name.removesuffix("/*"): value.removesuffix("/*") for name, value in found.items() if isinstance(value, str)
        }

    def _file(self, path: str) -> str | None:
        if path.startswith(".."):
            return None
        if self._is_file(path) and path.endswith(_EXTENSIONS):
            return path
        stem = _stem(path)
        tries = [f"{path}{extension}" for extension in _EXTENSIONS]
        tries += [f"{stem}{extension}" for extension in _EXTENSIONS] if stem != path else []
        tries += [join(path, f"index{extension}") for extension in _EXTENSIONS]
        found = next((candidate for candidate in tries if self._is_file(candidate)), None)
        if found is None and self.roots is not None and path.startswith(f"{self.roots[1]}/"):
            return next((candidate for candidate in self._candidates(path) if self._is_file(candidate)), None)
        return found

    # -- values across modules -----------------------------------------------------------------------------------

    def value(self, source: Source, node: Syntax | None) -> Value | None:
        """What an expression comes to, names of other sources of the app included."""
        found = source.value(node)
        return (
            found
            if found is not None and (found.defaulted or found.variable)
            else self._foreign(source, node, 0) or found
        )

    def _foreign(self, source: Source, node: Syntax | None, depth: int) -> Value | None:
        if node is None or depth > _DEPTH:
            return None
        if node.type == "identifier":
            name = text(node)
            if name in source.bound:
                return None
            if name in source.constants and name not in source.imported:
                return source.value(source.constants[name]) or self._foreign(source, source.constants[name], depth + 1)
            if name in source.destructured:
                whole, key, default = source.destructured[name]
                return self._through(source, text(whole), (key,), depth) or source.value(default)
            return self._through(source, name, (), depth)
        if node.type in ("member_expression", "subscript_expression"):
            dotted = source.dotted(node).split(".")
            return self._through(source, dotted[0], tuple(dotted[1:]), depth)
        if node.type == "binary_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            first = self._foreign(source, left, depth + 1)
            return (
                first
                if first is not None and first.defaulted
                else source.value(right) or self._foreign(source, right, depth + 1)
            )
        if node.type in (
            "call_expression",
            "as_expression",
            "parenthesized_expression",
            "non_null_expression",
            "await_expression",
        ):
            inner = node.child_by_field_name("arguments") if node.type == "call_expression" else node
            parts = inner.named_children if inner is not None else []
            values = [self.value(source, part) for part in parts]
            if node.type != "call_expression":
                return values[0] if values else None
            callee = node.child_by_field_name("function")
            name = source.dotted(callee).rpartition(".")[2] if callee is not None else ""
            if name in ("join", "resolve") and values:
                return joined(values, name)
            return values[0] if values and name in ("Number", "parseInt", "String") else None
        return None

    def through(self, source: Source, name: str) -> Value | None:
        """What a name that another source exports comes to."""
        return self._through(source, name, (), 0)

    def _through(self, source: Source, name: str, keys: tuple[str, ...], depth: int) -> Value | None:
        """The value of an imported name, or of a property of an imported object."""
        if name in source.constants and name not in source.imported and keys:
            given = source.constants[name]
            for key in keys:
                entry = source.entry(given, key)
                if entry is None:
                    return None
                given = entry
            return source.value(given) or self._foreign(source, given, depth + 1)
        if name not in source.imported or depth > _DEPTH:
            return None
        module, original = source.imported[name]
        path = self.resolve(source, module)
        other = self.source(path) if path is not None else None
        if other is None:
            return None
        wanted = keys if original in ("default", "*") else (original, *keys)
        return self._exported(other, wanted, original, depth + 1)

    def _exported(self, source: Source, keys: tuple[str, ...], original: str, depth: int) -> Value | None:
        for given in _exports(source, default=original in ("default", "*")):
            node: Syntax | None = given
            for key in keys:
                node = source.entry(node, key) if node is not None else None
            if node is not None and (keys or node.type != "object"):
                found = self.value(source, node) if depth <= _DEPTH else None
                if found is not None:
                    return found
        if keys and keys[0] in source.constants:
            node = source.constants[keys[0]]
            for key in keys[1:]:
                entry = source.entry(node, key)
                if entry is None:
                    return None
                node = entry
            return self.value(source, node)
        if keys and keys[0] in source.destructured:
            return source.name(keys[0])
        return None


def _exports(source: Source, *, default: bool) -> Iterator[Syntax]:
    """The expressions that a module exports as a whole."""
    for node in source.nodes["assignment_expression"]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None and text(left) in ("module.exports", "exports"):
            yield right
    for node in source.nodes["export_statement"]:
        value = node.child_by_field_name("value")
        if value is not None and default:
            yield value


def _stem(path: str) -> str:
    return re.sub(r"\.[cm]?[jt]sx?$", "", path)
