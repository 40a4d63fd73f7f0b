"""What bun serves by itself: https://bun.com/docs/runtime/http/server"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.facts.jssyntax import pairs
from dockfix.facts.jsvalue import Value, from_environment

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

    from dockfix.facts.jssource import Source

PORT = from_environment("PORT", Value("3000"))
"""Where neither the code nor BUN_PORT says otherwise."""

_APPS = ("Hono", "OpenAPIHono", "Elysia")
"""Classes of frameworks whose apps have a ``fetch`` method, which bun serves where a module exports one."""


def exported(source: Source) -> Syntax | None:
    """What the module that is started hands to bun to serve, by ``export default``; None where it is nothing such."""
    for statement in source.nodes["export_statement"]:
        value = statement.child_by_field_name("value")
        if value is None:
            continue
        found = source.object(value)
        if found is not None and "fetch" in pairs(found):
            return found
        made = source.constants.get((value.text or b"").decode()) if value.type == "identifier" else value
        return made if made is not None and _is_app(source, made) else None
    return None


def _is_app(source: Source, node: Syntax) -> bool:
    while node.type == "call_expression":  # routes are added by calls one behind the other
        callee = node.child_by_field_name("function")
        owner = callee.child_by_field_name("object") if callee is not None else None
        if owner is None:
            return False
        node = owner
    constructor = node.child_by_field_name("constructor") if node.type == "new_expression" else None
    return constructor is not None and source.dotted(constructor) in _APPS
