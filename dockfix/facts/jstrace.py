"""What an expression inside a function may come to: parameters traced to the calls, loops to what they run over."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.jssyntax import arguments, pairs, text
from dockfix.facts.jsvalue import Bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node as Syntax

    from dockfix.facts.jsgraph import Graph
    from dockfix.facts.jssource import Source
    from dockfix.facts.jsvalue import Value

_OWN = re.compile(r"this\.[#\w$]+")
_HOPS = 4
_MOST = 32
_FUNCTIONS = frozenset({
    "function_declaration", "function_expression", "function", "arrow_function", "method_definition",
    "generator_function", "generator_function_declaration",
})  # fmt: skip
_OVER_ELEMENTS = frozenset({"forEach", "map", "flatMap", "filter", "some", "every", "find", "each", "mapSeries"})
_SAME_ELEMENTS = frozenset({"filter", "slice", "sort", "reverse", "concat", "values", "from", "freeze", "flat"})


@dataclass(frozen=True, slots=True)
class _Term:
    """An expression that a name may stand for; without a node it cannot be told."""

    source: Source
    node: Syntax | None


class Trace:
    """Traces names through the functions of a graph's sources.

    Args:
        graph: the sources.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._calls: dict[str, list[tuple[Source, str, list[Syntax], Syntax]]] | None = None
        self._handed: dict[str, list[tuple[Source, Syntax]]] = {}

    def values(self, source: Source, node: Syntax, hops: int = 0) -> tuple[Value | None, ...]:
        """Everything that *node* may come to; None among it where one of these cannot be told."""
        if node.type == "ternary_expression":
            parts = (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
            return tuple(
                dict.fromkeys(one for part in parts if part is not None for one in self.values(source, part, hops))
            )
        names: dict[str, list[Bound]] = {}
        for name, use in _uses(node):
            terms = None if name in names or name in source.bound else self._terms(source, name, use, hops)
            if terms is not None:
                names[name] = [bound for term in terms for bound in self._bound(term, source, hops)]
        found: dict[Value | None, None] = {}
        for choice in itertools.islice(itertools.product(*names.values()), _MOST + 1):
            if len(found) >= _MOST:
                return (None,)
            found[self._graph.value(source.with_names(dict(zip(names, choice, strict=True))), node)] = None
        return tuple(found)

    def _bound(self, term: _Term, source: Source, hops: int) -> Iterator[Bound]:
        if term.node is None or hops >= _HOPS:
            yield Bound(None, None)
            return
        own = term.node if term.source.path == source.path else None
        for value in self.values(term.source, term.node, hops + 1):
            yield Bound(_rebased(value, term.source, source, self._graph), own)

    # -- what a name stands for ----------------------------------------------------------------------------------

    def _terms(self, source: Source, name: str, use: Syntax, hops: int) -> list[_Term] | None:
        """What *name*, used at *use*, stands for; None where it is none of a function's own names."""
        if name.startswith("this."):
            return self._field(source, name, use, hops)
        inner, outer = use, use.parent
        while outer is not None and outer.type != "program":
            if outer.type in _FUNCTIONS and inner.type != "formal_parameters":
                index = _position(outer, name)
                if index is not None:
                    return self._parameter(source, outer, index, name, hops)
            elif outer.type == "for_in_statement":
                left, operator = outer.child_by_field_name("left"), outer.child_by_field_name("operator")
                if left is not None and name in _names(left):
                    plain = left.type == "identifier" and operator is not None and text(operator) == "of"
                    return (
                        self._elements(source, outer.child_by_field_name("right"), hops)
                        if plain
                        else [_Term(source, None)]
                    )
            elif outer.type in ("statement_block", "for_statement", "switch_case"):
                found = _local(source, outer, name)
                if found is not None:
                    return found
            inner, outer = outer, outer.parent
        constant = source.constants.get(name)
        return [_Term(source, constant)] if constant is not None and constant.type == "ternary_expression" else None

    def _field(self, source: Source, name: str, use: Syntax, hops: int) -> list[_Term]:
        """``this.x``: what the class assigns to it."""
        body = use.parent
        while body is not None and body.type != "class_body":
            body = body.parent
        if body is None:
            return [_Term(source, None)]
        found: list[_Term] = []
        key = name.removeprefix("this.")
        for part in body.named_children:
            label = part.child_by_field_name("property") or part.child_by_field_name("name")
            value = part.child_by_field_name("value")
            if (
                part.type in ("field_definition", "public_field_definition")
                and label is not None
                and text(label) == key
            ):
                found += [_Term(source, value)] if value is not None else []
            elif part.type == "method_definition" and label is not None and text(label) == "constructor":
                index = _position(part, key)
                if index is not None and _is_field(part, index):
                    found += self._parameter(source, part, index, key, hops)
        for node in source.nodes["assignment_expression"]:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            inside = body.start_byte <= node.start_byte < body.end_byte
            if inside and left is not None and right is not None and text(left) == name:
                found.append(_Term(source, right))
        return found or [_Term(source, None)]

    def _parameter(self, source: Source, function: Syntax, index: int, name: str, hops: int) -> list[_Term]:
        """What the calls of *function* give for a parameter."""
        parameter = _parameters(function)[index]
        pattern, default = _taken_apart(parameter)
        parent = function.parent
        if parent is not None and parent.type == "arguments":
            return self._callback(source, parent, index, pattern, hops)
        label = _label(function)
        if label is None or hops >= _HOPS:
            return [_Term(source, None)]
        found: list[_Term] = []
        for caller, given, node in self._callers(source, label):
            if given is None:  # handed to another function: ['logs', 'uploads'].forEach(makeFolder)
                found += self._callback(caller, node, index, pattern, hops)
            elif index < len(given) and not any(part.type == "spread_element" for part in given[: index + 1]):
                found.append(self._part(caller, given[index], pattern, name))
            elif default is not None:
                found.append(_Term(source, default))
            elif index < len(given):
                found.append(_Term(source, None))
        return found or [_Term(source, None)]

    def _part(self, caller: Source, given: Syntax, pattern: Syntax, name: str) -> _Term:
        """The argument, or its entry where the parameter is ``{name}``."""
        if pattern.type == "identifier":
            return _Term(caller, given)
        found = caller.object(given) if pattern.type == "object_pattern" else None
        return _Term(caller, pairs(found).get(name) if found is not None else None)

    def _callback(self, source: Source, given: Syntax, index: int, pattern: Syntax, hops: int) -> list[_Term]:
        """The first parameter of a function that is called for each element of an array."""
        call = given.parent
        callee = call.child_by_field_name("function") if call is not None else None
        holder = callee.child_by_field_name("object") if callee is not None else None
        if holder is None or callee is None or index or pattern.type != "identifier":
            return [_Term(source, None)]
        if source.dotted(callee).rpartition(".")[2] not in _OVER_ELEMENTS:
            return [_Term(source, None)]
        return self._elements(source, holder, hops)

    # -- the elements of an array --------------------------------------------------------------------------------

    def _elements(self, source: Source, node: Syntax | None, hops: int) -> list[_Term]:
        unknown = [_Term(source, None)]
        if node is None or hops >= _HOPS:
            return unknown
        if node.type == "array":
            found: list[_Term] = []
            for part in node.named_children:
                if part.type == "spread_element":
                    found += self._elements(source, part.named_children[0], hops + 1)
                elif part.type != "comment":
                    found.append(_Term(source, part))
            return found
        if node.type in ("as_expression", "parenthesized_expression", "satisfies_expression", "await_expression"):
            return self._elements(source, node.named_children[0], hops)
        if node.type == "identifier":
            terms = self._terms(source, text(node), node, hops)
            terms = self._outer(source, text(node)) if terms is None else terms
            return [one for term in terms for one in self._elements(term.source, term.node, hops + 1)] or unknown
        if node.type == "call_expression":
            return self._made(source, node, hops) or unknown
        return unknown

    def _made(self, source: Source, node: Syntax, hops: int) -> list[_Term]:
        """The elements of an array that a call makes of another, or of an object's values."""
        callee, given = node.child_by_field_name("function"), arguments(node)
        name = source.dotted(callee) if callee is not None else ""
        if name == "Object.values" and given:
            found = source.object(given[0])
            return [_Term(source, item) for item in pairs(found).values()] if found is not None else []
        last = name.rpartition(".")[2]
        holder = callee.child_by_field_name("object") if callee is not None else None
        if last == "map" and given and given[0].type == "arrow_function":
            body = given[0].child_by_field_name("body")
            return [_Term(source, body)] if body is not None and body.type != "statement_block" else []
        if last in _SAME_ELEMENTS and name not in ("Array.from", "Object.freeze"):
            others = given if last == "concat" else []
            return [item for part in (holder, *others) for item in self._elements(source, part, hops + 1)]
        return self._elements(source, given[0], hops + 1) if last in ("from", "freeze") and given else []

    def _outer(self, source: Source, name: str) -> list[_Term]:
        """What a name of the module, or one that it imports, is declared with."""
        if name in source.constants and name not in source.imported:
            return [_Term(source, source.constants[name])]
        module, original = source.imported.get(name, ("", ""))
        path = self._graph.resolve(source, module) if module else None
        other = self._graph.source(path) if path is not None else None
        if other is None or original not in other.constants:
            return [_Term(source, None)]
        return [_Term(other, other.constants[original])]

    # -- calls ---------------------------------------------------------------------------------------------------

    def _callers(self, source: Source, label: str) -> Iterator[tuple[Source, list[Syntax] | None, Syntax]]:
        """Every call of a function: the arguments; without them where it is handed on, with what it is handed in."""
        index = self._by_name()
        yield from ((caller, None, node) for caller, node in self._handed.get(label, ()))
        for other in self._graph.sources:
            local = {label} | {
                alias
                for alias, (module, name) in other.imported.items()
                if name == label or (name in ("default", "*") and self._graph.resolve(other, module) == source.path)
            }
            for name in sorted(local):
                for caller, callee, given, node in index.get(name, ()):
                    if caller.path == other.path and (name == label or callee == name):
                        yield caller, given, node
            for node in other.nodes["identifier"]:
                parent = node.parent
                if parent is None or text(node) not in local:
                    continue
                if parent.type == "arguments":
                    yield other, None, parent
                elif parent.type in ("array", "variable_declarator") and parent.child_by_field_name("name") != node:
                    yield other, None, node

    def _by_name(self) -> dict[str, list[tuple[Source, str, list[Syntax], Syntax]]]:
        """Every call of every source by the last part of what is called; notes the methods handed to something."""
        if self._calls is None:
            self._calls = {}
            for source in self._graph.sources:
                for callee, given, node in source.calls():
                    head, _, last = callee.rpartition(".")
                    self._calls.setdefault(last, []).append((source, callee, given, node))
                    if last == "bind":
                        self._handed.setdefault(head.rpartition(".")[2], []).append((source, node))
                    for part in given:
                        name = part.child_by_field_name("property") if part.type == "member_expression" else None
                        if name is not None:
                            self._handed.setdefault(text(name), []).append((source, node))
        return self._calls


def _rebased(value: Value | None, origin: Source, user: Source, graph: Graph) -> Value | None:
    """A path that counts from another module's folder says nothing here, unless both run in the same folder."""
    if value is None or value.base != "module" or graph.run_folder(origin.path) == graph.run_folder(user.path):
        return value
    return None


def _uses(node: Syntax) -> Iterator[tuple[str, Syntax]]:
    """The names in an expression, ``this.x`` among them; what stands in functions inside is left out."""
    whole = text(node)
    if node.type == "identifier" or (node.type == "member_expression" and _OWN.fullmatch(whole)):
        yield whole, node
    elif node.type not in _FUNCTIONS:
        for part in node.named_children:
            yield from _uses(part)


def _names(pattern: Syntax) -> set[str]:
    if pattern.type in ("identifier", "shorthand_property_identifier_pattern"):
        return {text(pattern)}
    return {name for part in pattern.named_children for name in _names(part)}


def _local(source: Source, block: Syntax, name: str) -> list[_Term] | None:
    """What a block's own variable is given; None where it declares no such one."""
    for statement in block.named_children:
        if statement.type not in ("lexical_declaration", "variable_declaration"):
            continue
        for part in statement.named_children:
            target = part.child_by_field_name("name")
            if target is None or name not in _names(target):
                continue
            if target.type != "identifier":
                return None
            value = part.child_by_field_name("value")
            terms = [_Term(source, value)] if value is not None else []
            return terms + _assigned(source, block, name) or [_Term(source, None)]
    return None


def _assigned(source: Source, block: Syntax, name: str) -> list[_Term]:
    found: list[_Term] = []
    for kind in ("assignment_expression", "augmented_assignment_expression"):
        for node in source.nodes[kind]:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and text(left) == name and block.start_byte <= node.start_byte < block.end_byte:
                found.append(_Term(source, right if kind == "assignment_expression" else None))
    return found


def _parameters(function: Syntax) -> list[Syntax]:
    single = function.child_by_field_name("parameter")
    listed = function.child_by_field_name("parameters")
    if single is not None:
        return [single]
    return [part for part in listed.named_children if part.type != "comment"] if listed is not None else []


def _position(function: Syntax, name: str) -> int | None:
    """Which parameter of *function* binds *name*."""
    for index, parameter in enumerate(_parameters(function)):
        if name in _names(_taken_apart(parameter)[0]):
            return index
    return None


def _taken_apart(parameter: Syntax) -> tuple[Syntax, Syntax | None]:
    """The pattern of a parameter, without its type, and its default."""
    if parameter.type in ("required_parameter", "optional_parameter"):
        return parameter.child_by_field_name("pattern") or parameter, parameter.child_by_field_name("value")
    if parameter.type == "assignment_pattern":
        return parameter.child_by_field_name("left") or parameter, parameter.child_by_field_name("right")
    return parameter, None


def _is_field(constructor: Syntax, index: int) -> bool:
    """``constructor(private readonly dir: string)``"""
    parts = _parameters(constructor)[index].children
    return any(part.type in ("accessibility_modifier", "readonly") for part in parts)


def _label(function: Syntax) -> str | None:
    """The name that *function* is called by; a constructor's is that of its class."""
    name = function.child_by_field_name("name")
    parent = function.parent
    if name is None and parent is not None:
        if parent.type == "assignment_expression":
            left = parent.child_by_field_name("left")
            label = text(left).rpartition(".")[2] if left is not None else ""
            return label if label.isidentifier() and label != "exports" else None
        name = parent.child_by_field_name("key") or parent.child_by_field_name("property")
        name = name or parent.child_by_field_name("name")
    if name is not None and text(name) == "constructor" and parent is not None and parent.parent is not None:
        name = parent.parent.child_by_field_name("name")
    return text(name) if name is not None else None
