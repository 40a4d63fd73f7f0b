"""The nodes of libcst's trees: their parts, and what calls and functions hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import libcst as cst


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


class _Fields(dict[type[object], tuple[str, ...]]):
    """The fields of each kind of node that carry meaning."""

    def __missing__(self, kind: type[Any]) -> tuple[str, ...]:
        names = (item.name for item in dataclasses.fields(kind))
        self[kind] = tuple(name for name in names if name not in _SKIPPED and not name.startswith("whitespace"))
        return self[kind]


class _Nodes(dict[type[object], bool]):
    """Which types are libcst's nodes: those are an ``ABC``, which ``isinstance`` asks at great length."""

    def __missing__(self, kind: type[object]) -> bool:
        import libcst as cst

        self[kind] = issubclass(kind, cst.CSTNode)
        return self[kind]


_fields, _nodes = _Fields(), _Nodes()


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of *node* that carry meaning, in source order; libcst's own walk also visits every blank."""
    for name in _fields[type(node)]:
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            for item in value:
                if _nodes[type(item)]:
                    yield item
        elif _nodes[type(value)]:
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
