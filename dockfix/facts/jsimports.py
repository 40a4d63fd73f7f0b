"""What a JavaScript or TypeScript source loads: import and export … from, require, import()."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.jssyntax import arguments, line, string, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node as Syntax

    from dockfix.facts.jssource import Source


@dataclass(frozen=True, slots=True)
class Import:
    """A module that a source loads.

    Attributes:
        module: the path as written.
        names: local name → name in that module; ``*`` for all of it, ``default`` for the default.
        line: its 1-based line.
        erased: whether only types are taken, so that nothing is loaded at run time.
    """

    module: str
    names: Mapping[str, str]
    line: int
    erased: bool


def imports_of(source: Source) -> tuple[Import, ...]:
    """What *source* loads, in the order of the text."""
    found = [*_statements(source), *_requires(source)]
    return tuple(sorted(found, key=lambda item: item.line))


def _statements(source: Source) -> Iterator[Import]:
    used = {text(node) for node in source.nodes["identifier"] if not _inside_import(node)}
    used |= {text(node) for node in source.nodes["shorthand_property_identifier"]}
    for node in (*source.nodes["import_statement"], *source.nodes["export_statement"]):
        literal = node.child_by_field_name("source")
        if literal is None:
            continue
        names, erased = _bindings(node)
        if source.typed and node.type == "import_statement" and names and not erased:
            # TypeScript leaves an import out of which only types are used.
            erased = not used & names.keys()
        yield Import(string(literal) or "", names, line(node), erased)
    for node in source.nodes["import_statement"]:
        clause = next((child for child in node.named_children if child.type == "import_require_clause"), None)
        literal = clause.child_by_field_name("source") if clause is not None else None
        if clause is not None and literal is not None and node.child_by_field_name("source") is None:
            yield Import(string(literal) or "", {text(clause.named_children[0]): "*"}, line(node), False)


def _requires(source: Source) -> Iterator[Import]:
    for node in source.nodes["call_expression"]:
        callee, values = node.child_by_field_name("function"), arguments(node)
        if callee is None or not values or text(callee) not in ("require", "import", "require.resolve"):
            continue
        module = string(values[0])
        if module is not None:
            yield Import(module, _required_names(node), line(node), False)


def _inside_import(node: Syntax) -> bool:
    parent = node.parent
    while parent is not None and parent.type in (
        "import_specifier",
        "named_imports",
        "import_clause",
        "namespace_import",
    ):
        parent = parent.parent
    return parent is not None and parent.type == "import_statement"


def _bindings(node: Syntax) -> tuple[dict[str, str], bool]:
    """The local names of an import or re-export, and whether it is for types alone."""
    erased = any(child.type == "type" for child in node.children)
    names: dict[str, str] = {}
    typed = 0
    clauses = [
        part for part in node.named_children if part.type in ("import_clause", "export_clause", "namespace_export")
    ]
    for clause in clauses:
        for part in clause.named_children if clause.type == "import_clause" else [clause]:
            if part.type == "identifier":
                names[text(part)] = "default"
            elif part.type in ("namespace_import", "namespace_export"):
                names[text(part.named_children[-1])] = "*"
            elif part.type in ("named_imports", "export_clause"):
                for item in part.named_children:
                    name, alias = item.child_by_field_name("name"), item.child_by_field_name("alias")
                    if name is None:
                        continue
                    if any(child.type == "type" for child in item.children):
                        typed += 1
                        continue
                    names[text(alias or name)] = text(name)
    return names, erased or (typed > 0 and not names)


def _required_names(node: Syntax) -> dict[str, str]:
    """The names that ``const x = require(…)`` and ``const {x} = require(…)`` declare."""
    parent = node.parent
    suffix = "*"
    while parent is not None and parent.type in (
        "await_expression",
        "member_expression",
        "parenthesized_expression",
        "call_expression",
    ):
        if parent.type == "call_expression" and parent.child_by_field_name("function") != node:
            return {}
        if parent.type == "member_expression":
            name = parent.child_by_field_name("property")
            suffix = text(name) if name is not None and suffix == "*" else suffix
        node, parent = parent, parent.parent
    if parent is None or parent.type != "variable_declarator":
        return {}
    name = parent.child_by_field_name("name")
    if name is None:
        return {}
    if name.type == "identifier":
        return {text(name): suffix}
    found: dict[str, str] = {}
    for part in name.named_children:
        key, value = part.child_by_field_name("key"), part.child_by_field_name("value")
        found[text(value) if value is not None else text(part)] = text(key) if key is not None else text(part)
    return found
