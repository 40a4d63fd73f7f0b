"""Addresses that the pages of a browser app ask in development alone, or in a production build alone.

``import.meta.env.DEV``, ``PROD`` and ``MODE`` (https://vite.dev/guide/env-and-mode) and ``process.env.NODE_ENV`` tell
the pages which of the two they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.jssource import Source
from dockfix.facts.jssyntax import arguments, line, pairs, string, text
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node as Syntax

_MODE = re.compile(r"\benv\W{0,6}(?:NODE_ENV|DEV|PROD|MODE)\b")
_WORD = re.compile(rb"\b(?:NODE_ENV|import\.meta\.env)\b")
_TAKEN_APART = re.compile(r"\b(?:NODE_ENV|DEV|PROD|MODE)\b")
_FLAG = re.compile("dev|prod", re.IGNORECASE)
_SERVER = re.compile(rb"""["'](?:node:)?(?:express|koa|fastify|@hapi/hapi|https?|mongoose)["']""")
_SCRIPT = re.compile(rb"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?:[a-z]+:)?//|/|localhost\b|[\w.-]+:\d{2,5}\b|(?:[\w-]+\.){2,}[a-z]{2,}(?:[:/]|$)", re.IGNORECASE
)
_HOST_INSIDE = re.compile(r"//|:\d{2,5}\b")
_NAMED = re.compile(
    r"(?:ur[li]|host(?:name)?|origin|endpoint|api|server|backend|socket|base(?:url|path)?)s?$"
    r"|^(?:api|base|backend|server)(?:[_A-Z]|$)",
    re.IGNORECASE,
)
_SAYING = re.compile(
    r"^(?:console|logger|log)\b|^(?:import|require|\w*Error)$"
    r"|\.(?:register|startsWith|endsWith|includes|indexOf|match|test)$"
)
_COMPARING = frozenset({"===", "!==", "==", "!=", "in", "instanceof"})
_LOGICAL = frozenset({"&&", "||", "??"})


def flags(path: str, data: bytes) -> frozenset[str]:
    """The names by which a source tells others of the mode, such as ``isDev``.

    Args:
        path: its path, which tells the language.
        data: its bytes.
    """
    if _WORD.search(data) is None or b"export" not in data:
        return frozenset()
    return frozenset(name for name in _modes(path, data).names(frozenset()) if _FLAG.search(name))


def decided(path: str, data: bytes, known: frozenset[str] = frozenset()) -> int | None:
    """The line at which the mode decides what address a source asks; ``None`` where it decides none.

    What cannot be followed, as a name that another module gives, counts where it is called like an address. Sources of
    a server, which no browser runs, say nothing.

    Args:
        path: its path, which tells the language.
        data: its bytes.
        known: the names by which other sources tell of the mode.
    """
    told = frozenset(name for name in known if name.encode() in data)
    word = _WORD.search(data)
    if (word is None and not told) or _SERVER.search(data) is not None:
        return None
    try:
        return _modes(path, data).found(told)
    except RecursionError:  # as little told as what cannot be followed
        return line_of(data, word.start() if word is not None else 0)


def _modes(path: str, data: bytes) -> _Modes:
    if path.endswith((".vue", ".svelte")):
        data, path = _scripts(data), f"{path}.ts"
    return _Modes(Source(path, data))


def _scripts(data: bytes) -> bytes:
    """The scripts of a component, each in its place, so that lines stay what they are."""
    blank = bytearray(re.sub(rb"[^\n]", b" ", data))
    for match in _SCRIPT.finditer(data):
        blank[match.start(2) : match.end(2)] = match[2]
    return bytes(blank)


@dataclass(frozen=True)
class _Modes:
    """What depends on the mode in one source."""

    source: Source

    def found(self, known: frozenset[str]) -> int | None:
        """The line of the first choice between addresses."""
        names = self.names(known)
        for node in _below(self.source.root):
            if self._decides(node, names):
                return line(node)
        return None

    def names(self, known: frozenset[str]) -> frozenset[str]:
        """What is bound to the mode: constants, keys and functions that hand it back, and names that are *known*."""
        found = set(known)
        for node in _below(self.source.root):
            name = node.child_by_field_name("name") or node.child_by_field_name("key")
            value = node.child_by_field_name("value")
            if name is None:
                continue
            if node.type == "variable_declarator" and value is not None and name.type == "object_pattern":
                if re.search(r"\benv$", text(value)) and _TAKEN_APART.search(text(name)):
                    found |= {text(part) for part in _below(name) if "identifier" in part.type}
            elif node.type in {"variable_declarator", "pair", "public_field_definition"}:
                telling = node.type == "variable_declarator" or _FLAG.search(text(name))
                if telling and value is not None and _reads(value, found):
                    found.add(text(name))
            elif node.type in {"function_declaration", "method_definition"} and _reads(node, found):
                found.add(text(name))
        return frozenset(found)

    def _decides(self, node: Syntax, names: frozenset[str]) -> bool:
        """Whether the mode chooses between addresses at *node*."""
        if node.type == "ternary_expression":
            one, other = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
            return _tests(node, names) and self._values(one) != self._values(other)
        if node.type == "if_statement":
            if not _tests(node, names):
                return False
            one, other = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
            done, rest = self._doings(one), self._doings(other)
            if other is None and one is not None and _hands_back(one):
                rest = {each for part in _following(node) for each in self._handed_back(part)}
            return done != rest
        if node.type == "switch_statement":
            cases = [part for part in _below(node) if part.child_by_field_name("body") is not None]
            doings = [self._doings(part) for part in cases if part.type in {"switch_case", "switch_default"}]
            return _tests(node, names, "value") and any(each != doings[0] for each in doings)
        if node.type == "subscript_expression":
            index = node.child_by_field_name("index")
            return index is not None and _reads(index, names) and self._holds_addresses(node)
        if node.type == "binary_expression" and _sign(node) in _LOGICAL:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            in_test = node.parent is not None and node.parent.type in {"if_statement", "ternary_expression"}
            return not in_test and left is not None and _reads(left, names) and bool(self._values(right))
        return False

    def _values(self, node: Syntax | None, depth: int = 0) -> set[str]:
        """The addresses that a value is or holds."""
        if node is None or depth > 6:
            return set()
        if node.type in {"string", "template_string"}:
            return _address(node)
        if node.type in {"identifier", "member_expression"}:
            bound = self.source.constants.get(text(node)) if node.type == "identifier" else None
            if bound is not None:
                return self._values(bound, depth + 1)
            return {text(node)} if _NAMED.search(text(node).rpartition(".")[2]) else set()
        if node.type == "ternary_expression":
            sides = (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
            return {each for side in sides for each in self._values(side, depth + 1)}
        if node.type in {"arrow_function", "function_expression", "statement_block"}:
            return self._doings(node)
        if node.type in {"call_expression", "new_expression"}:
            return self._called(node)
        if node.type.startswith("jsx_") or _compares(node):
            return set()
        if node.type == "pair":
            return self._values(node.child_by_field_name("value"), depth + 1)
        return {each for part in node.named_children for each in self._values(part, depth + 1)}

    def _called(self, node: Syntax) -> set[str]:
        """The addresses that a call is given, or is called upon; what is only said, loaded or compared is none."""
        callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        if callee is None or _SAYING.search(self.source.dotted(callee)):
            return set()
        given = {each for part in arguments(node) for each in self._doings(part)}
        return given | (self._doings(callee) if callee.type == "member_expression" else set())

    def _doings(self, node: Syntax | None) -> set[str]:
        """The addresses that statements write, and what they assign to names that are called like addresses."""
        if node is None:
            return set()
        if node.type in {"string", "template_string"}:
            return _address(node)
        if node.type in {"call_expression", "new_expression"}:
            return self._called(node)
        if node.type.startswith("jsx_") or node.type == "import_statement" or _compares(node):
            return set()
        found: set[str] = set()
        if node.type == "assignment_expression":
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            if left is not None and right is not None:
                named = _NAMED.search(text(left).rpartition(".")[2])
                return self._values(right) or ({text(right)} if named else self._doings(right))
        if node.type == "return_statement" and node.named_children:
            found |= self._values(node.named_children[0])
        return found.union(*(self._doings(part) for part in node.named_children))

    def _handed_back(self, node: Syntax) -> set[str]:
        """The addresses that the statements of a function hand back."""
        if node.type == "return_statement":
            return self._doings(node)
        if "function" in node.type:
            return set()
        return {each for part in node.named_children for each in self._handed_back(part)}

    def _holds_addresses(self, node: Syntax) -> bool:
        """Whether the object that the mode is looked up in holds addresses, or cannot be seen."""
        whole = node.child_by_field_name("object")
        found = self.source.object(whole)
        if found is None:
            return whole is not None and not text(whole).endswith("env")
        return len({tuple(sorted(self._values(value))) for value in pairs(found).values()}) > 1


def _below(node: Syntax) -> Iterator[Syntax]:
    """All named nodes below one, in the order of the text."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.named_children))


def _reads(node: Syntax, names: frozenset[str] | set[str]) -> bool:
    """Whether an expression reads the mode; of a function, whether all that it does is to hand it back."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if part.type in {"member_expression", "subscript_expression"} and _MODE.search(text(part)):
            return True
        if part.type in {"identifier", "property_identifier"} and text(part) in names:
            return True
        alone = len(part.named_children) == 1 and part.named_children[0].type == "return_statement"
        if not part.type.startswith("jsx_") and (part.type != "statement_block" or alone):
            waiting.extend(part.named_children)
    return False


def _tests(node: Syntax, names: frozenset[str], field: str = "condition") -> bool:
    test = node.child_by_field_name(field)
    return test is not None and _reads(test, names)


def _sign(node: Syntax) -> str:
    operator = node.child_by_field_name("operator")
    return text(operator) if operator is not None else ""


def _compares(node: Syntax) -> bool:
    return node.type == "binary_expression" and _sign(node) in _COMPARING


def _address(node: Syntax) -> set[str]:
    """The text of a literal, where it is an address or the path of one."""
    written = string(node)
    if written is not None:
        return {written} if _ADDRESS.match(written) else set()
    first, *_ = node.named_children
    pieces = [text(part) for part in node.named_children if part.type == "string_fragment"]
    begins = first.type == "string_fragment" and _ADDRESS.match(text(first))
    return {text(node)} if begins or any(_HOST_INSIDE.search(piece) for piece in pieces) else set()


def _hands_back(node: Syntax) -> bool:
    """Whether a branch ends by handing a value back."""
    last = node.named_children[-1] if node.type == "statement_block" and node.named_children else node
    return last.type == "return_statement" and bool(last.named_children)


def _following(node: Syntax) -> Iterator[Syntax]:
    """The statements behind one in its block."""
    following = node.next_named_sibling
    while following is not None:
        yield following
        following = following.next_named_sibling
