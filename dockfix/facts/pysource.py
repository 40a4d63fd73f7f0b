"""Python sources read through libcst: what names mean, what expressions are worth, and which calls are made.

Nothing is ever executed. A value that cannot be decided is :data:`UNKNOWN`; an undecided part of a string is the
character :data:`WILD`; the build context's root, as ``__file__`` sees it, is the character :data:`ROOT`. Paths are
therefore plain strings that ``posixpath`` can join and split.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files

if TYPE_CHECKING:
    import libcst as cst

ROOT: Final = "\x00"
WILD: Final = "\x01"
LONGEST: Final = 1500
"""Lines above which a source is read only where it is the entry: libcst takes some quarter of a millisecond a line."""


class Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable as a value, with what it is where the environment does not set it."""

    name: str
    default: Value = UNKNOWN


Value: TypeAlias = "str | int | float | bool | Variable | Unknown | tuple[Value, ...] | dict[str, Value] | None"


@dataclass(slots=True, eq=False)
class Scope:
    """The names bound in a module, class or function body; ``None`` stands for a binding without a readable value.

    Attributes:
        where: the scope of each binding in *names*: of ``self.x = …`` the method's.
        iterated: names that a loop runs through something, and what it runs over.
    """

    kind: str
    name: str
    parent: Scope | None = None
    names: dict[str, list[cst.BaseExpression | None]] = field(default_factory=dict)
    where: dict[str, list[Scope]] = field(default_factory=dict)
    iterated: dict[str, list[cst.BaseExpression]] = field(default_factory=dict)
    nodes: dict[str, cst.FunctionDef | cst.ClassDef] = field(default_factory=dict)
    inner: dict[str, Scope] = field(default_factory=dict)

    def bind(self, name: str, value: cst.BaseExpression | None, scope: Scope | None = None) -> None:
        self.names.setdefault(name, []).append(value)
        self.where.setdefault(name, []).append(scope or self)

    def binder(self, name: str) -> Scope | None:
        """The scope that binds *name* as seen from here; a class binds for its own body alone."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope.kind != "class" or scope is self):
                return scope
            scope = scope.parent
        return None

    def owner(self) -> Scope | None:
        """The class in whose method this scope lies."""
        scope: Scope | None = self
        while scope is not None and scope.kind != "class":
            scope = scope.parent
        return scope


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: ``from module import attribute``, with *level* leading dots."""

    module: str
    attribute: str | None
    level: int


@dataclass(frozen=True, slots=True)
class Site:
    """A node in its surroundings: *main* tells that it lies under ``if __name__ == "__main__"``."""

    node: Any
    scope: Scope
    main: bool
    top: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name comes from: an assigned *expression*, a function or class *node*, or a whole module (neither)."""

    source: Source
    scope: Scope
    name: str
    expression: cst.BaseExpression | None = None
    node: cst.FunctionDef | cst.ClassDef | None = None

    @property
    def key(self) -> tuple[str, int, str]:
        """Equal for two places that are the same name of the same scope."""
        return (self.source.path, id(self.scope), self.name)


_SKIPPED = frozenset(
    [
        "leading_lines",
        "lines_after_decorators",
        "lpar",
        "rpar",
        "header",
        "footer",
        "comma",
        "semicolon",
        "newline",
        "trailing_whitespace",
        "lbracket",
        "rbracket",
        "lbrace",
        "rbrace",
        "equal",
        "colon",
        "dot",
        "operator",
        "asynchronous",
        "annotation",
        "returns",
        "indent",
        "encoding",
    ]
)
_fields: dict[type[object], tuple[str, ...]] = {}


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of *node* that carry meaning, in source order; libcst's own walk also visits every blank."""
    import libcst as cst

    kind = type(node)
    names = _fields.get(kind)
    if names is None:
        names = tuple(
            item.name
            for item in dataclasses.fields(kind)
            if item.name not in _SKIPPED and not item.name.startswith("whitespace")
        )
        _fields[kind] = names
    for name in names:
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            for item in value:
                if isinstance(item, cst.CSTNode):
                    yield item
        elif isinstance(value, cst.CSTNode):
            yield value


def dotted(node: cst.BaseExpression | None) -> str:
    """``a.b.c`` as a text, or nothing where *node* is not such a name."""
    import libcst as cst

    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ""
    parts.append(node.value)
    return ".".join(reversed(parts))


def arguments(call: cst.Call) -> tuple[list[cst.BaseExpression], dict[str, cst.BaseExpression]]:
    """The positional and the named arguments of *call*; what follows a ``*`` argument is left out."""
    positional: list[cst.BaseExpression] = []
    named: dict[str, cst.BaseExpression] = {}
    open_ended = False
    for argument in call.args:
        if argument.star:
            open_ended = True
        elif argument.keyword is not None:
            named[argument.keyword.value] = argument.value
        elif not open_ended:
            positional.append(argument.value)
    return positional, named


def argument(call: cst.Call, position: int | None, *names: str) -> cst.BaseExpression | None:
    """The argument at *position* or under one of *names*."""
    positional, named = arguments(call)
    for name in names:
        if name in named:
            return named[name]
    return positional[position] if position is not None and position < len(positional) else None


class Source:
    """One parsed module.

    Attributes:
        path: the file, relative to the build context.
        scope: the module's own names.
        imports: imported names, those of function bodies included.
        stars: modules imported by ``from x import *``.
        calls, assignments, definitions: every such node of the file in source order.
        strings: string literals that name an SQLite database.
    """

    def __init__(self, path: str, text: str, tree: cst.Module, prefix: str) -> None:
        self.path = path
        self.text = text
        self.scope = Scope("module", "")
        self.imports: dict[str, Import] = {}
        self.stars: list[Import] = []
        self.calls: list[Site] = []
        self.assignments: list[Site] = []
        self.definitions: list[Site] = []
        self.strings: list[Site] = []
        self.dicts: list[Site] = []
        self.loops: list[Site] = []
        self._tree = tree
        self._prefix = prefix
        self._starts: list[tuple[int, str]] | None = None
        for index, statement in enumerate(tree.body):
            self._visit(statement, self.scope, False, index)

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)

    @property
    def package(self) -> bool:
        return posixpath.basename(self.path) == "__init__.py"

    def origin(self, site: Site, node: cst.CSTNode | None = None) -> str:
        """``file:line`` of *node*, or of the site's own node."""
        return f"{self._prefix}{self.path}:{self.line(site.top, node or site.node)}"

    @property
    def prefix(self) -> str:
        """What goes before the path in origins."""
        return self._prefix

    @property
    def statements(self) -> Sequence[cst.CSTNode]:
        """The module's top-level statements."""
        return self._tree.body

    def line_of(self, call: cst.Call) -> int:
        """The line of a call of this source."""
        return next((self.line(site.top, call) for site in self.calls if site.node is call), 1)

    def code(self, node: cst.CSTNode) -> str:
        """The source text of *node*."""
        try:
            return self._tree.code_for_node(node)
        except RecursionError:
            return ""

    def line(self, top: int, node: cst.CSTNode) -> int:
        """The line of *node* inside the top-level statement *top*.

        libcst's position provider costs twice the parse; generating the top-level statements and looking the node's
        first line up among them costs a third of it.
        """
        if self._starts is None:
            self._starts = []
            line = 1 + sum(self.code(item).count("\n") for item in self._tree.header)
            for statement in self._tree.body:
                code = self.code(statement)
                self._starts.append((line, code))
                line += code.count("\n")
        line, code = self._starts[top]
        wanted = next((part for part in self.code(node).splitlines() if part.strip()), "").strip()
        found = code.find(wanted)
        return line + (code.count("\n", 0, found) if found > 0 else 0)

    def _visit(self, node: cst.CSTNode, scope: Scope, main: bool, top: int) -> None:
        import libcst as cst

        if isinstance(node, cst.FunctionDef):
            self._function(node, scope, main, top)
        elif isinstance(node, cst.ClassDef):
            inner = Scope("class", node.name.value, scope)
            scope.nodes[node.name.value] = node
            scope.inner[node.name.value] = inner
            self.definitions.append(Site(node, scope, main, top))
            for decorator in node.decorators:
                self._visit(decorator, scope, main, top)
            for base in (*node.bases, *node.keywords):
                self._visit(base, scope, main, top)
            self._visit(node.body, inner, main, top)
        elif isinstance(node, cst.If) and _is_main(node.test):
            self._visit(node.body, scope, True, top)
            if node.orelse is not None:
                self._visit(node.orelse, scope, main, top)
        elif isinstance(node, (cst.Import, cst.ImportFrom)):
            self._import(node, scope)
        elif isinstance(node, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
            site = Site(node, scope, main, top)
            if _mentions_sqlite(node):
                self.strings.append(site)
            for child in children(node):
                if not isinstance(child, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)):
                    self._visit(child, scope, main, top)
        else:
            site = Site(node, scope, main, top)
            if isinstance(node, cst.Call):
                self.calls.append(site)
            elif isinstance(node, cst.Assign):
                for target in node.targets:
                    self._bind(target.target, node.value, scope)
                self.assignments.append(site)
            elif isinstance(node, cst.AnnAssign):
                if node.value is not None:
                    self._bind(node.target, node.value, scope)
                    self.assignments.append(site)
            elif isinstance(node, (cst.AugAssign, cst.For, cst.CompFor)):
                self._bind(node.target, None, scope)
                if isinstance(node, (cst.For, cst.CompFor)) and isinstance(node.target, cst.Name):
                    scope.iterated.setdefault(node.target.value, []).append(node.iter)
            elif isinstance(node, cst.NamedExpr):
                self._bind(node.target, node.value, scope)
            elif isinstance(node, cst.AsName):
                self._bind(node.name, None, scope)
            elif isinstance(node, cst.While):
                self.loops.append(site)
            elif isinstance(node, cst.Dict):
                self.dicts.append(site)
            for child in children(node):
                self._visit(child, scope, main, top)

    def _function(self, node: cst.FunctionDef, scope: Scope, main: bool, top: int) -> None:
        inner = Scope("function", node.name.value, scope)
        scope.nodes[node.name.value] = node
        scope.inner[node.name.value] = inner
        self.definitions.append(Site(node, scope, main, top))
        for decorator in node.decorators:
            self._visit(decorator, scope, main, top)
        for parameter in (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params):
            inner.bind(parameter.name.value, None)
            if parameter.default is not None:
                self._visit(parameter.default, scope, main, top)
        self._visit(node.body, inner, main, top)

    def _import(self, node: cst.Import | cst.ImportFrom, scope: Scope) -> None:
        import libcst as cst

        if isinstance(node, cst.Import):
            for alias in node.names:
                module = dotted(alias.name)
                if alias.asname is not None and isinstance(alias.asname.name, cst.Name):
                    self.imports[alias.asname.name.value] = Import(module, None, 0)
                else:
                    top = module.partition(".")[0]
                    self.imports[top] = Import(top, None, 0)
                    self.imports.setdefault(module, Import(module, None, 0))
            return
        module = dotted(node.module)
        level = len(node.relative)
        if isinstance(node.names, cst.ImportStar):
            self.stars.append(Import(module, None, level))
            return
        for alias in node.names:
            name = dotted(alias.name)
            asname = alias.asname.name if alias.asname is not None else None
            self.imports[asname.value if isinstance(asname, cst.Name) else name] = Import(module, name, level)

    def _bind(self, target: cst.CSTNode, value: cst.BaseExpression | None, scope: Scope) -> None:
        import libcst as cst

        if isinstance(target, cst.Name):
            scope.bind(target.value, value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._bind(element.value, None, scope)
        elif isinstance(target, cst.Attribute):
            owner = scope.owner()
            if isinstance(target.value, cst.Name) and target.value.value in ("self", "cls") and owner is not None:
                owner.bind(target.attr.value, value, scope)
            elif name := dotted(target):
                scope.bind(name, value)


def _is_main(test: cst.BaseExpression) -> bool:
    import libcst as cst

    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    sides = (test.left, test.comparisons[0].comparator)
    return any(isinstance(side, cst.Name) and side.value == "__name__" for side in sides) and isinstance(
        test.comparisons[0].operator, cst.Equal
    )


def _mentions_sqlite(node: cst.CSTNode) -> bool:
    import libcst as cst

    if isinstance(node, cst.SimpleString):
        return "sqlite" in node.value
    if isinstance(node, cst.ConcatenatedString):
        return _mentions_sqlite(node.left) or _mentions_sqlite(node.right)
    return isinstance(node, cst.FormattedString) and any(
        isinstance(part, cst.FormattedStringText) and "sqlite" in part.value for part in node.parts
    )


_STRING_OR_COMMENT = re.compile(
    r"#[^\n]*|(?:\b[rbfuRBFU]{1,2})?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\""
    r"|'(?:\\.|[^\\'\n])*'|\"(?:\\.|[^\\\"\n])*\")",
    re.DOTALL,
)
# Where CPython stops too; libcst's native parser overruns its stack at some 1,500 and takes the process with it.
_DEEPEST = 200


def _bracket_depth(text: str) -> int:
    depth = deepest = 0
    if sum(map(text.count, "([{")) <= _DEEPEST:
        return 0
    for match in re.finditer(r"[(\[{]|[)\]}]", _STRING_OR_COMMENT.sub("", text)):
        depth += 1 if match[0] in "([{" else -1
        deepest = max(deepest, depth)
    return deepest


_IMPORT = re.compile(
    r"^(?P<indent>[ \t]*)(?:from[ \t]+(?P<dots>\.*)[ \t]*(?P<module>[\w.]*)[ \t]+import[ \t]*"
    r"(?P<names>\([^)]*\)|[^\n;]*)|import[ \t]+(?P<modules>[\w., \t]+))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class ImportLine:
    """An import statement found without a parse; *names* are those after ``import``, empty for a plain import."""

    module: str
    level: int
    names: tuple[str, ...]
    line: int
    guarded: bool


def import_lines(text: str) -> Iterator[ImportLine]:
    """The imports of *text*, found at a hundredth of the price of a parse.

    *guarded* tells that the statement is indented: inside a function, a ``try`` or an ``if TYPE_CHECKING``.
    """
    bare = _STRING_OR_COMMENT.sub(lambda match: "\n" * match[0].count("\n") or " ", text).replace("\\\n", "  ")
    for match in _IMPORT.finditer(bare):
        line = bare.count("\n", 0, match.start()) + 1
        guarded = bool(match["indent"])
        if match["modules"] is not None:
            for part in match["modules"].split(","):
                if module := part.split(" as ")[0].strip():
                    yield ImportLine(module, 0, (), line, guarded)
        else:
            names = (part.split(" as ")[0].strip() for part in match["names"].strip("() \t\r\n").split(","))
            yield ImportLine(match["module"], len(match["dots"]), tuple(name for name in names if name), line, guarded)


class Sources:
    """The Python sources of a build context, parsed when first asked for.

    Attributes:
        files: the build context.
        problems: the files that could not be read, each once.
        packages: names under which the image holds the tree itself, as in ``COPY . ./backend`` for ``backend.main``.
    """

    def __init__(self, files: Files, prefix: str = "") -> None:
        self.files = files
        self.prefix = f"{prefix}/" if prefix not in ("", ".") else ""
        self._texts: dict[str, str | None] = {}
        self._sources: dict[str, Source | None] = {}
        self.packages: set[str] = set()
        self._problems: dict[str, Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self._problems.values())

    def text(self, path: str) -> str | None:
        """The text of *path* in its declared encoding; ``None`` where there is no such file or it is not text."""
        if path not in self._texts:
            self._texts[path] = self._decode(path)
        return self._texts[path]

    def _decode(self, path: str) -> str | None:
        import io
        import tokenize

        data = self.files.read(path)
        if data is None:
            return None
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except (SyntaxError, UnicodeDecodeError, LookupError) as error:
            self._problem(path, f"not read: {error}")
            return None

    def source(self, path: str) -> Source | None:
        """The parsed module at *path*; ``None``, with a problem noted, where it cannot be parsed."""
        if path not in self._sources:
            self._sources[path] = self._parse(path)
        return self._sources[path]

    def _parse(self, path: str) -> Source | None:
        import libcst as cst

        text = self.text(path)
        if text is None:
            return None
        if _bracket_depth(text) > _DEEPEST:
            self._problem(path, "not read: it is nested too deeply")
            return None
        try:
            return Source(path, text, cst.parse_module(text), self.prefix)
        except cst.ParserSyntaxError as error:
            self._problem(f"{path}:{error.raw_line}", "not read: it is no Python 3 source")
        except RecursionError:
            self._problem(path, "not read: it is nested too deeply")
        except (cst.CSTValidationError, UnicodeError) as error:
            # what a codec such as UTF-7 decodes may hold halves of a pair, which libcst does not take
            self._problem(path, f"not read: {error}")
        return None

    def _problem(self, place: str, message: str) -> None:
        self._problems.setdefault(place, Problem(f"{self.prefix}{place}", message))

    def module(self, name: str, level: int, importer: str, roots: Sequence[str]) -> str | None:
        """The file of the module *name*, as imported by the file *importer*; ``None`` where it is not of this tree."""
        relative = name.replace(".", "/")
        if level:
            base = posixpath.dirname(importer)
            for _ in range(level - 1):
                base = posixpath.dirname(base)
            return self._module_at(posixpath.join(base, relative) if relative else base)
        if not relative:
            return None
        for root in (*roots, posixpath.dirname(importer)):
            found = self._module_at(posixpath.join(root, relative))
            if found is not None:
                return found
        package, _, inner = relative.partition("/")
        return self._module_at(inner) if inner and package in self.packages else None

    def _module_at(self, path: str) -> str | None:
        path = posixpath.normpath(path) if path else ""
        if path in ("", "."):
            return "__init__.py" if self.files.exists("__init__.py") else None
        if path.startswith(".."):
            return None
        for candidate in (f"{path}/__init__.py", f"{path}.py"):  # a package hides a module of its name
            if self.files.exists(candidate) and not self.files.is_dir(candidate):
                return candidate
        return None


def returns(body: cst.BaseSuite) -> Iterator[cst.Return]:
    """The ``return`` statements of a function's own body."""
    import libcst as cst

    pending: list[cst.CSTNode] = [body]
    while pending:
        node = pending.pop(0)
        if isinstance(node, cst.Return):
            yield node
        elif not isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.BaseExpression)):
            pending.extend(children(node))


def fact_list(items: Iterator[Fact[str]] | Sequence[Fact[str]]) -> tuple[Fact[str], ...]:
    """*items* with each value once, at its first origin."""
    first: dict[str, Fact[str]] = {}
    for item in items:
        first.setdefault(item.value, item)
    return tuple(first.values())
