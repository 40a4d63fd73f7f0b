"""One Python source read through libcst: what it binds, imports, calls and defines, with the line of each."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dockfix.facts.pytree import children, dotted

if TYPE_CHECKING:
    import libcst as cst


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

    def bound(self, name: str) -> Sequence[cst.BaseExpression | None]:
        """What *name* is bound to as seen from here, once for each statement that binds it; empty where none does."""
        binder = self.binder(name)
        return binder.names[name] if binder is not None else ()

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
        self._codes: dict[int, str] = {}
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
        site = self._sites.get(id(call))
        return 1 if site is None else self.line(site.top, call)

    @cached_property
    def _sites(self) -> dict[int, Site]:
        """The calls by the identity of their node, which lives as long as the tree."""
        return {id(site.node): site for site in self.calls}

    def code(self, node: cst.CSTNode) -> str:
        """The source text of *node*, a part of this tree."""
        known = self._codes.get(id(node))
        if known is None:
            try:
                known = self._tree.code_for_node(node)
            except RecursionError:
                known = ""
            self._codes[id(node)] = known
        return known

    def line(self, top: int, node: cst.CSTNode) -> int:
        """The line of *node* inside the top-level statement *top*.

        libcst's position provider costs twice the parse; generating the top-level statements and looking the node's
        first line up among them costs a third of it.
        """
        line, code = self._start(top)
        wanted = next((part for part in self.code(node).splitlines() if part.strip()), "").strip()
        found = code.find(wanted)
        return line + (code.count("\n", 0, found) if found > 0 else 0)

    def _start(self, top: int) -> tuple[int, str]:
        """The line on which the top-level statement *top* begins, counted with what stands above it, and its text."""
        while len(self._starts) < top + 2:
            line, above = self._starts[-1]
            self._starts.append((line + above.count("\n"), self.code(self._tree.body[len(self._starts) - 1])))
        return self._starts[top + 1]

    @cached_property
    def _starts(self) -> list[tuple[int, str]]:
        """Line and text of the header, and of the top-level statements as far as they were asked for."""
        return [(1, "".join(self.code(item) for item in self._tree.header))]

    def _visit(self, node: cst.CSTNode, scope: Scope, main: bool, top: int) -> None:
        visit = _VISITS.get(type(node).__name__)
        if visit is None or visit(self, node, Site(node, scope, main, top)):
            for child in children(node):
                self._visit(child, scope, main, top)

    # Each of these notes what a kind of node tells, and answers whether its parts are still to be visited.

    def _class(self, node: cst.ClassDef, site: Site) -> bool:
        scope, main, top = site.scope, site.main, site.top
        inner = Scope("class", node.name.value, scope)
        scope.nodes[node.name.value] = node
        scope.inner[node.name.value] = inner
        self.definitions.append(site)
        for part in (*node.decorators, *node.bases, *node.keywords):
            self._visit(part, scope, main, top)
        self._visit(node.body, inner, main, top)
        return False

    def _if(self, node: cst.If, site: Site) -> bool:
        if not _is_main(node.test):
            return True
        self._visit(node.body, site.scope, True, site.top)
        if node.orelse is not None:
            self._visit(node.orelse, site.scope, site.main, site.top)
        return False

    def _string(self, node: cst.CSTNode, site: Site) -> bool:
        if _mentions_sqlite(node):
            self.strings.append(site)
        for child in children(node):
            if type(child).__name__ not in _STRINGS:
                self._visit(child, site.scope, site.main, site.top)
        return False

    def _call(self, node: cst.Call, site: Site) -> bool:
        self.calls.append(site)
        return True

    def _assign(self, node: cst.Assign, site: Site) -> bool:
        for target in node.targets:
            self._bind(target.target, node.value, site.scope)
        self.assignments.append(site)
        return True

    def _annotated(self, node: cst.AnnAssign, site: Site) -> bool:
        if node.value is not None:
            self._bind(node.target, node.value, site.scope)
            self.assignments.append(site)
        return True

    def _augmented(self, node: cst.AugAssign, site: Site) -> bool:
        self._bind(node.target, None, site.scope)
        return True

    def _for(self, node: cst.For | cst.CompFor, site: Site) -> bool:
        import libcst as cst

        self._bind(node.target, None, site.scope)
        if isinstance(node.target, cst.Name):
            site.scope.iterated.setdefault(node.target.value, []).append(node.iter)
        return True

    def _named(self, node: cst.NamedExpr, site: Site) -> bool:
        self._bind(node.target, node.value, site.scope)
        return True

    def _as_name(self, node: cst.AsName, site: Site) -> bool:
        self._bind(node.name, None, site.scope)
        return True

    def _while(self, node: cst.While, site: Site) -> bool:
        self.loops.append(site)
        return True

    def _dict(self, node: cst.Dict, site: Site) -> bool:
        self.dicts.append(site)
        return True

    def _function(self, node: cst.FunctionDef, site: Site) -> bool:
        scope, main, top = site.scope, site.main, site.top
        inner = Scope("function", node.name.value, scope)
        scope.nodes[node.name.value] = node
        scope.inner[node.name.value] = inner
        self.definitions.append(site)
        for decorator in node.decorators:
            self._visit(decorator, scope, main, top)
        for parameter in (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params):
            inner.bind(parameter.name.value, None)
            if parameter.default is not None:
                self._visit(parameter.default, scope, main, top)
        self._visit(node.body, inner, main, top)
        return False

    def _import(self, node: cst.Import | cst.ImportFrom, site: Site) -> bool:
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
            return False
        module = dotted(node.module)
        level = len(node.relative)
        if isinstance(node.names, cst.ImportStar):
            self.stars.append(Import(module, None, level))
            return False
        for alias in node.names:
            name = dotted(alias.name)
            asname = alias.asname.name if alias.asname is not None else None
            self.imports[asname.value if isinstance(asname, cst.Name) else name] = Import(module, name, level)
        return False

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


_STRINGS = ("SimpleString", "FormattedString", "ConcatenatedString")
_VISITS: dict[str, Callable[[Source, Any, Site], bool]] = {
    "FunctionDef": Source._function,
    "ClassDef": Source._class,
    "If": Source._if,
    "Import": Source._import,
    "ImportFrom": Source._import,
    **dict.fromkeys(_STRINGS, Source._string),
    "Call": Source._call,
    "Assign": Source._assign,
    "AnnAssign": Source._annotated,
    "AugAssign": Source._augmented,
    "For": Source._for,
    "CompFor": Source._for,
    "NamedExpr": Source._named,
    "AsName": Source._as_name,
    "While": Source._while,
    "Dict": Source._dict,
}


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
