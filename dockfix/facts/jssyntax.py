"""The syntax trees of JavaScript and TypeScript: how they are parsed, and what their nodes hold."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax


@cache
def parser(kind: str) -> Any:
    """tree-sitter's parser for *kind*: ``javascript``, ``typescript`` or ``tsx``."""
    from tree_sitter import Language, Parser

    if kind == "javascript":
        import tree_sitter_javascript

        return Parser(Language(tree_sitter_javascript.language()))
    import tree_sitter_typescript

    language = tree_sitter_typescript.language_tsx if kind == "tsx" else tree_sitter_typescript.language_typescript
    return Parser(Language(language()))


def language_of(path: str) -> str:
    """What a file of the name *path* is written in."""
    if path.endswith((".ts", ".mts", ".cts")):
        return "typescript"
    return "tsx" if path.endswith(".tsx") else "javascript"


def text(node: Syntax) -> str:
    """The source text of a node."""
    return (node.text or b"").decode("utf-8", "replace")


def line(node: Syntax) -> int:
    """The 1-based line of a node."""
    return int(node.start_point[0]) + 1


def string(node: Syntax) -> str | None:
    """The text of a string literal without expressions in it; None for anything else."""
    if node.type == "string" or (
        node.type == "template_string" and not any(part.type == "template_substitution" for part in node.named_children)
    ):
        return re.sub(r"\\(.)", r"\1", text(node)[1:-1])
    return None


def arguments(node: Syntax) -> list[Syntax]:
    """The arguments of a call, without comments."""
    found = node.child_by_field_name("arguments")
    return [part for part in found.named_children if part.type != "comment"] if found is not None else []


def pairs(node: Syntax) -> dict[str, Syntax]:
    """Key → expression of an object literal; methods and shorthand keys included."""
    found: dict[str, Syntax] = {}
    for part in node.named_children:
        key = part.child_by_field_name("key") or part.child_by_field_name("name")
        value = part.child_by_field_name("value")
        if part.type == "pair" and key is not None and value is not None:
            found[(string(key) or text(key)) if key.type == "string" else text(key)] = value
        elif part.type == "shorthand_property_identifier":
            found[text(part)] = part
        elif part.type == "method_definition" and key is not None:
            found[text(key)] = part
    return found
