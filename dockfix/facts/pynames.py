"""What names mean in Python sources: where each is defined, through imports, classes and what functions return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockfix.facts.pysource import Import, Place, Scope, Source
from dockfix.facts.pysources import Sources
from dockfix.facts.pytree import dotted, returns

if TYPE_CHECKING:
    import libcst as cst

_ANCESTORS = 8


class Names:
    """Looks names up over :class:`~dockfix.facts.pysources.Sources`.

    Attributes:
        sources: the sources.
        roots: folders in which modules are looked up.
    """

    def __init__(self, sources: Sources, roots: Sequence[str]) -> None:
        self.sources = sources
        self.roots = tuple(dict.fromkeys(roots))
        self._depth = 0

    def canonical(self, source: Source, expression: cst.BaseExpression | None) -> str:
        """The full name of what *expression* refers to, import aliases undone: ``flask.Flask``, ``os.path.join``."""
        name = dotted(expression)
        if not name:
            return ""
        head, _, rest = name.partition(".")
        imported = source.imports.get(head)
        if imported is None:
            return name
        if imported.attribute is None:
            base = imported.module
        else:
            base = f"{imported.module}.{imported.attribute}" if imported.module else imported.attribute
            base = "." * imported.level + base
        return f"{base}.{rest}" if rest else base

    def look(self, source: Source, scope: Scope, expression: cst.BaseExpression | None) -> Place | None:
        """Where *expression*, a plain or dotted name, is defined; imports of this tree are followed."""
        import libcst as cst

        if self._depth > 24:
            return None
        self._depth += 1
        try:
            if isinstance(expression, cst.Name):
                return self._name(source, scope, expression.value)
            if isinstance(expression, cst.Attribute):
                if isinstance(expression.value, cst.Name) and expression.value.value in ("self", "cls"):
                    owner = scope.owner()
                    return self._member(source, owner, expression.attr.value) if owner is not None else None
                place = self._direct(source, scope, dotted(expression))
                if place is not None:
                    return place
                base = self.look(source, scope, expression.value)
                return self.attribute(base, expression.attr.value) if base is not None else None
            return None
        finally:
            self._depth -= 1

    def attribute(self, base: Place, name: str) -> Place | None:
        """The attribute *name* of a module, a class, or an instance of a local class."""
        import libcst as cst

        if base.node is None and base.expression is None:
            return self.global_name(base.source, name)
        if isinstance(base.node, cst.ClassDef):
            return self._member(base.source, base.scope.inner.get(base.name), name)
        if isinstance(base.expression, cst.Call):
            made = self.look(base.source, base.scope, base.expression.func)
            if made is not None and isinstance(made.node, cst.FunctionDef):
                made = self.returned(made)
            if made is not None and isinstance(made.node, cst.ClassDef):
                return self._member(made.source, made.scope.inner.get(made.name), name)
        return None

    def returned(self, function: Place) -> Place | None:
        """What the local *function* returns, where its one ``return`` names it or makes it."""
        import libcst as cst

        if not isinstance(function.node, cst.FunctionDef):
            return None
        inner = function.scope.inner.get(function.name)
        values = [item.value for item in returns(function.node.body) if item.value is not None]
        if inner is None or not values:
            return None
        value = values[-1]
        if isinstance(value, cst.Call):
            return self.look(function.source, inner, value.func)
        return self.look(function.source, inner, value)

    def global_name(self, source: Source, name: str) -> Place | None:
        """The module-level *name* of *source*."""
        return self._name(source, source.scope, name)

    def _member(self, source: Source, scope: Scope | None, name: str, depth: int = 0) -> Place | None:
        """The name *name* of a class body or of one that it inherits from."""
        if scope is None or depth > _ANCESTORS:
            return None
        found = self._direct(source, scope, name)
        if found is not None:
            return found
        node = scope.parent.nodes.get(scope.name) if scope.parent is not None else None
        for base in getattr(node, "bases", ()):
            parent = self.look(source, scope.parent or source.scope, base.value)
            if parent is not None and parent.node is not None:
                inherited = self._member(parent.source, parent.scope.inner.get(parent.name), name, depth + 1)
                if inherited is not None:
                    return inherited
        return None

    def _direct(self, source: Source, scope: Scope, name: str) -> Place | None:
        values = scope.names.get(name)
        if values:
            known = [value for value in values if value is not None]
            return Place(source, scope, name, expression=known[0]) if len(values) == 1 and known else None
        node = scope.nodes.get(name)
        return Place(source, scope, name, node=node) if node is not None else None

    def _name(self, source: Source, scope: Scope, name: str) -> Place | None:
        current: Scope | None = scope
        while current is not None:
            if name in current.names or name in current.nodes:
                # A name bound twice, or by a parameter, has no one value.
                return self._direct(source, current, name) or self._agreeing(source, current, name)
            current = current.parent
            while current is not None and current.kind == "class":
                current = current.parent
        imported = source.imports.get(name)
        if imported is not None:
            return self._imported(source, imported)
        for star in source.stars:
            path = self.sources.module(star.module, star.level, source.path, self.roots)
            module = self.sources.source(path) if path is not None and path != source.path else None
            found = self.global_name(module, name) if module is not None and self._depth < 20 else None
            if found is not None:
                return found
        return None

    def _agreeing(self, source: Source, scope: Scope, name: str) -> Place | None:
        """A name bound more than once is still an object of one kind where every binding calls the same thing."""
        import libcst as cst

        values = scope.names.get(name, [])
        calls = [value for value in values if isinstance(value, cst.Call)]
        if calls and len(calls) == len(values) and len({dotted(call.func) for call in calls}) == 1:
            return Place(source, scope, name, expression=calls[0])
        return None

    def _imported(self, source: Source, imported: Import) -> Place | None:
        if imported.attribute is None:
            path = self.sources.module(imported.module, imported.level, source.path, self.roots)
            module = self.sources.source(path) if path is not None else None
            return Place(module, module.scope, "") if module is not None else None
        inner = ".".join(filter(None, (imported.module, imported.attribute)))
        path = self.sources.module(imported.module, imported.level, source.path, self.roots)
        module = self.sources.source(path) if path is not None else None
        if module is not None and module is not source:
            found = self.global_name(module, imported.attribute)
            if found is not None:
                return found
        path = self.sources.module(inner, imported.level, source.path, self.roots)
        module = self.sources.source(path) if path is not None else None
        return Place(module, module.scope, "") if module is not None else None
