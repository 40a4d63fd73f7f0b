"""What an expression inside a function may be worth: parameters traced to the calls, loops to what they run over."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dockfix.facts.pyresult import UNKNOWN, Value
from dockfix.facts.pysource import Scope, Source
from dockfix.facts.pysources import LONGEST
from dockfix.facts.pytree import argument, children, dotted, returns

if TYPE_CHECKING:
    import libcst as cst

    from dockfix.facts.pysource import Site
    from dockfix.facts.pyvalue import Evaluator

_HOPS: Final = 4
_MOST: Final = 32
# Decorators under which a function is still only called by its name.
_HARMLESS: Final = frozenset(
    {"staticmethod", "classmethod", "functools.lru_cache", "functools.cache", "functools.wraps",
     "contextlib.contextmanager", "typing.no_type_check", "lru_cache", "cache", "contextmanager", "dataclass",
     "dataclasses.dataclass"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Term:
    """An expression that a name may stand for, one of its *elements* if so; without an expression it is not told."""

    source: Source
    scope: Scope
    expression: cst.BaseExpression | None
    element: bool = False


class Trace:
    """Traces names through the functions of sources.

    Args:
        evaluator: works out what expressions are worth.
        sources: the sources in which everything is looked at.
        paths: every source that the entry reaches: one of them that names a function is searched for its calls too.
    """

    def __init__(self, evaluator: Evaluator, sources: Sequence[Source], paths: Sequence[str]) -> None:
        self._evaluator = evaluator
        self._sources = sources
        self._paths = paths
        self._calls: dict[str, list[tuple[Source, Site]]] = {}
        self._handed: dict[str, set[str]] = {}
        self._known: dict[tuple[int, str], tuple[Value, ...]] = {}

    def values(
        self, source: Source, scope: Scope, expression: cst.BaseExpression | None, hops: int = 0
    ) -> tuple[Value, ...]:
        """Everything that *expression* may be worth; ``UNKNOWN`` among it where one of these is not decided."""
        import libcst as cst

        if expression is None:
            return (UNKNOWN,)
        evaluator = self._evaluator
        if isinstance(expression, cst.IfExp):
            branches = (expression.body, expression.orelse)
            return _once(one for part in branches for one in self.values(source, scope, part, hops))
        names: dict[tuple[int, str], tuple[Value, ...]] = {}
        for node, name in _uses(expression):
            if isinstance(node, cst.Call):
                returned = self._returned(source, scope, node, hops)
                if returned:
                    names[id(node), "()"] = returned
                continue
            bound = scope.owner() if isinstance(node, cst.Attribute) else scope.binder(name)
            key = (id(bound), name)
            if bound is not None and key not in names and key not in evaluator.bound and _is_own(bound, name):
                names[key] = self._own_values(source, bound, name, hops)
        found: list[Value] = []
        for choice in itertools.islice(itertools.product(*names.values()), _MOST + 1):
            with evaluator.binding(dict(zip(names, choice, strict=True))):
                found.append(evaluator.settled(evaluator.value(source, scope, expression)))
        return _once(found) if len(found) <= _MOST else (UNKNOWN,)

    def _returned(self, source: Source, scope: Scope, call: cst.Call, hops: int) -> tuple[Value, ...]:
        """What a function of the app may return, where one look finds no one value."""
        import libcst as cst

        made = self._evaluator.look(source, scope, call.func)
        inner = made.scope.inner.get(made.name) if made is not None else None
        if made is None or inner is None or not isinstance(made.node, cst.FunctionDef) or hops >= _HOPS:
            return ()
        if self._evaluator.value(source, scope, call) is not UNKNOWN:
            return ()
        given = (item.value for item in returns(made.node.body) if item.value is not None)
        return _once(one for item in given for one in self.values(made.source, inner, item, hops + 1))

    def _own_values(self, source: Source, scope: Scope, name: str, hops: int) -> tuple[Value, ...]:
        key = (id(scope), name)
        if key not in self._known:
            terms = self._terms(source, scope, name, hops)
            again = [term for term in terms if term.expression is not None and _mentions(term.expression, scope, name)]
            with self._evaluator.binding({key: UNKNOWN}):  # a function that calls itself with its own parameter
                found = _once(one for term in terms if term not in again for one in self._worth(term, hops))
            for start in found if again else ():  # d = d or "cache"
                with self._evaluator.binding({key: start}):
                    found = _once((*found, *(one for term in again for one in self._worth(term, hops))))
            if again:
                found = tuple(one for one in found if one is not None)
            if hops:
                return found
            self._known[key] = found
        return self._known[key]

    def _worth(self, term: _Term, hops: int) -> Iterator[Value]:
        if term.expression is None or hops >= _HOPS:
            yield UNKNOWN
            return
        for value in self.values(term.source, term.scope, term.expression, hops + 1):
            if not term.element:
                yield value
            elif isinstance(value, (tuple, dict)):
                yield from value
            else:
                yield UNKNOWN

    # -- what a name stands for

    def _terms(self, source: Source, scope: Scope, name: str, hops: int) -> list[_Term]:
        found: list[_Term] = []
        parameter = _parameter(scope, name)
        iterated = scope.iterated.get(name, [])
        unread = 0
        for expression, where in zip(scope.names.get(name, ()), scope.where.get(name, ()), strict=True):
            if expression is not None:
                found.append(_Term(source, where, expression))
            else:
                unread += 1
        if parameter is not None:
            unread -= 1
            found += self._given(source, scope, parameter, hops)
        found += [_Term(source, scope, expression, element=True) for expression in iterated]
        if unread > len(iterated) or not found:
            found.append(_Term(source, scope, None))
        return found

    def _given(self, source: Source, scope: Scope, parameter: _Parameter, hops: int) -> Iterator[_Term]:
        """What the calls of a function give for a parameter."""
        function = scope.name
        owner = scope.parent
        if owner is None or hops >= _HOPS or not self._only_called(source, scope, parameter.function):
            yield _Term(source, scope, None)
            return
        label = owner.name if function == "__init__" and owner.kind == "class" else function
        calls = self._calls_of(label)
        if not calls or label in self._handed.get(label, ()):
            yield _Term(source, scope, None)
        for caller, site in calls:
            call: cst.Call = site.node
            given = argument(call, parameter.position, parameter.name)
            if given is not None:
                yield _Term(caller, site.scope, given)
            elif any(item.star for item in call.args) or parameter.default is None:
                yield _Term(source, scope, None)
            else:
                yield _Term(source, owner, parameter.default)

    def _only_called(self, source: Source, scope: Scope, function: cst.FunctionDef) -> bool:
        """Whether the function is run by calls alone: no framework, subclass or thread is handed it."""
        owner = scope.parent
        if owner is not None and owner.kind == "class":
            if any(_inherits(other, owner.name) for other in self._sources):
                return False
            if scope.name.startswith("__") and scope.name != "__init__":
                return False
        decorators = (getattr(item.decorator, "func", item.decorator) for item in function.decorators)
        return all(self._evaluator.canonical(source, item) in _HARMLESS for item in decorators)

    def _calls_of(self, label: str) -> list[tuple[Source, Site]]:
        """Every call of what has that name; notes where it is handed to something instead."""
        if label not in self._calls:
            found: list[tuple[Source, Site]] = []
            handed: set[str] = set()
            for source in self._naming(label):
                own = {label} | {local for local, item in source.imports.items() if item.attribute == label}
                for site in source.calls:
                    if _tail(site.node.func) in own:
                        found.append((source, site))
                    if any(_tail(item.value) in own for item in site.node.args):
                        handed.add(label)
                for site in source.assignments:
                    if site.node.value is not None and _tail(site.node.value) in own:
                        handed.add(label)
            self._calls[label], self._handed[label] = found, handed
        return self._calls[label]

    def _naming(self, label: str) -> Iterator[Source]:
        """The sources whose text has the name *label*."""
        mention = re.compile(rf"\b{re.escape(label)}\b")
        known = {source.path: source for source in self._sources}
        for path in dict.fromkeys((*known, *self._paths)):
            content = self._evaluator.sources.text(path) or ""
            if label not in content or not mention.search(content):
                continue
            source = known.get(path)
            if source is None and content.count("\n") <= LONGEST:
                source = self._evaluator.sources.source(path)
            if source is not None:
                yield source


@dataclass(frozen=True, slots=True)
class _Parameter:
    function: cst.FunctionDef
    name: str
    position: int | None
    default: cst.BaseExpression | None


def _parameter(scope: Scope, name: str) -> _Parameter | None:
    """The parameter that *name* is in the function of *scope*; ``self`` and ``cls`` do not count as positions."""
    import libcst as cst

    node = scope.parent.nodes.get(scope.name) if scope.kind == "function" and scope.parent is not None else None
    if not isinstance(node, cst.FunctionDef):
        return None
    method = scope.parent is not None and scope.parent.kind == "class"
    static = any(dotted(item.decorator) == "staticmethod" for item in node.decorators)
    positional = [*node.params.posonly_params, *node.params.params][1 if method and not static else 0 :]
    for index, item in enumerate((*positional, *node.params.kwonly_params)):
        if item.name.value == name:
            return _Parameter(node, name, index if index < len(positional) else None, item.default)
    return None


def _is_own(scope: Scope, name: str) -> bool:
    """Whether one look is not enough: a function's or object's own name, or one bound more than once or by a loop."""
    bound = scope.names.get(name, ())
    return bool(bound) and (scope.kind != "module" or len(bound) > 1 or name in scope.iterated)


def _uses(expression: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, str]]:
    """The plain names in an expression, the names ``x`` of ``self.x``, and the calls."""
    import libcst as cst

    pending: list[cst.CSTNode] = [expression]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.Name):
            yield node, node.value
        elif isinstance(node, cst.Attribute):
            if isinstance(node.value, cst.Name) and node.value.value == "self":
                yield node, node.attr.value
            pending.append(node.value)
        elif isinstance(node, cst.Arg):
            pending.append(node.value)
        elif not isinstance(node, (cst.Lambda, cst.BaseComp)):
            if isinstance(node, cst.Call):
                yield node, ""
            pending.extend(children(node))


def _once(values: Iterable[Value]) -> tuple[Value, ...]:
    found: list[Value] = []
    for value in values:  # some are dicts, which no set takes
        if value not in found:
            found.append(value)
    return tuple(found)


def _mentions(expression: cst.CSTNode, scope: Scope, name: str) -> bool:
    """Whether the *name* of *scope*, of a class ``self.name``, is in an expression."""
    import libcst as cst

    owned = scope.kind == "class"
    return any(used == name and isinstance(node, cst.Attribute) == owned for node, used in _uses(expression))


def _tail(expression: Any) -> str:
    import libcst as cst

    return expression.attr.value if isinstance(expression, cst.Attribute) else dotted(expression)


def _inherits(source: Source, name: str) -> bool:
    return any(_tail(base.value) == name for site in source.definitions for base in getattr(site.node, "bases", ()))
