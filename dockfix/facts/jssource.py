"""One JavaScript or TypeScript source: its calls and names, and what an expression comes to without running it."""

from __future__ import annotations

import copy
import posixpath
import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.facts.jsimports import Import, imports_of
from dockfix.facts.jssyntax import arguments, language_of, pairs, parser, string, text
from dockfix.facts.jsvalue import Bound, Value, concatenated, from_environment, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node as Syntax


_DEPTH = 12
_WRAPPING = frozenset({
    "parenthesized_expression", "as_expression", "satisfies_expression", "non_null_expression", "await_expression",
    "type_assertion",
})  # fmt: skip
_NUMBERS = frozenset({"Number", "parseInt", "parseFloat", "String", "BigInt", "Math.floor", "Number.parseInt"})
_ENVIRONMENTS = frozenset({"process.env", "import.meta.env", "Bun.env"})


class Source:
    """A parsed source file.

    Args:
        path: its path from the package's folder.
        data: its bytes.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self.typed = language_of(path) != "javascript"
        self.bound: Mapping[str, Bound] = {}

    def with_names(self, names: Mapping[str, Bound]) -> Source:
        """The same source where *names*, parameters and variables of functions, are taken to be something."""
        if not names:
            return self
        other = copy.copy(self)
        other.bound = {**self.bound, **names}
        return other

    @cached_property
    def root(self) -> Syntax:
        """The syntax tree."""
        tree = parser(language_of(self.path)).parse(self.data)
        self._tree = tree  # nodes do not keep their tree alive in every version of the binding
        root: Syntax = tree.root_node
        return root

    @cached_property
    def nodes(self) -> Mapping[str, list[Syntax]]:
        """All nodes of the sorts that facts are read from, by sort, in the order of the text."""
        wanted = {
            "call_expression", "new_expression", "variable_declarator", "assignment_expression", "pair",
            "import_statement",
            "export_statement", "binary_expression", "decorator", "class_declaration", "method_definition",
            "identifier",
            "shorthand_property_identifier", "function_declaration", "switch_case", "augmented_assignment_expression",
        }  # fmt: skip
        found: dict[str, list[Syntax]] = {kind: [] for kind in wanted}
        cursor = self.root.walk()
        while True:
            node = cursor.node
            if node is not None and node.type in wanted:
                found[node.type].append(node)
            if cursor.goto_first_child() or cursor.goto_next_sibling():
                continue
            while cursor.goto_parent():
                if cursor.goto_next_sibling():
                    break
            else:
                return found

    def calls(self) -> Iterator[tuple[str, list[Syntax], Syntax]]:
        """Every call and ``new``: the callee's text without blanks, the arguments, the node."""
        for node in sorted((*self.nodes["call_expression"], *self.nodes["new_expression"]), key=lambda n: n.start_byte):
            callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
            if callee is not None:
                yield self.dotted(callee), arguments(node), node

    def dotted(self, node: Syntax) -> str:
        """The text of a callee: ``a.b.c``; calls inside are shown as ``()``, anything else as ``?``."""
        if node.type in ("identifier", "property_identifier", "this", "import", "private_property_identifier"):
            return text(node)
        if node.type == "member_expression":
            owner, name = node.child_by_field_name("object"), node.child_by_field_name("property")
            return f"{self.dotted(owner)}.{text(name)}" if owner is not None and name is not None else "?"
        if node.type == "call_expression":
            callee = node.child_by_field_name("function")
            return f"{self.dotted(callee)}()" if callee is not None else "?"
        if node.type in _WRAPPING and node.named_children:
            return self.dotted(node.named_children[0])
        return text(node) if node.type == "meta_property" else "?"

    # -- names ---------------------------------------------------------------------------------------------------

    @cached_property
    def constants(self) -> Mapping[str, Syntax]:
        """Name → the expression that it is declared with; names that are assigned again are left out.

        Of several declarations the module's own counts; several inside functions say nothing.
        """
        found: dict[str, list[tuple[bool, Syntax]]] = {}
        for node in self.nodes["variable_declarator"]:
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is not None and value is not None and name.type == "identifier":
                found.setdefault(text(name), []).append((_is_outermost(node), value))
        lefts = (node.child_by_field_name("left") for node in self.nodes["assignment_expression"])
        changed = {text(left) for left in lefts if left is not None and left.type == "identifier"}
        outermost = {name: [value for outer, value in items if outer] for name, items in found.items()}
        return {
            name: (outermost[name] or [items[0][1]])[0]
            for name, items in found.items()
            if name not in changed and (len(items) == 1 or len(outermost[name]) == 1)
        }

    @cached_property
    def destructured(self) -> Mapping[str, tuple[Syntax, str, Syntax | None]]:
        """Name → (expression taken apart, key in it, default)."""
        found: dict[str, tuple[Syntax, str, Syntax | None]] = {}
        for node in self.nodes["variable_declarator"]:
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if name is None or value is None or name.type != "object_pattern":
                continue
            for part in name.named_children:
                key, default = part, None
                local = part
                if part.type == "pair_pattern":
                    key, local = part.child_by_field_name("key") or part, part.child_by_field_name("value") or part
                if local.type in ("object_assignment_pattern", "assignment_pattern"):
                    default = local.child_by_field_name("right")
                    local = local.child_by_field_name("left") or local
                    key = local if part.type != "pair_pattern" else key
                found[text(local)] = (value, text(key), default)
        return found

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """What the source loads: import and export … from, require, import()."""
        return imports_of(self)

    @cached_property
    def imported(self) -> Mapping[str, tuple[str, str]]:
        """Local name → (module, name in it)."""
        return {local: (found.module, name) for found in self.imports for local, name in found.names.items()}

    # -- values --------------------------------------------------------------------------------------------------

    def value(self, node: Syntax | None, depth: int = 0) -> Value | None:
        """What an expression comes to; None where nothing can be told.

        Names that come from other modules are not looked up here, see :class:`dockfix.facts.jsgraph.Graph`.
        """
        if node is None or depth > _DEPTH:
            return None
        kind = node.type
        if kind in ("string", "number"):
            return Value(string(node) or "" if kind == "string" else text(node).replace("_", ""))
        if kind == "template_string":
            return self._template(node, depth)
        if kind in _WRAPPING and node.named_children:
            return self.value(node.named_children[0], depth + 1)
        if kind == "unary_expression" and text(node).startswith("+"):
            return self.value(node.child_by_field_name("argument"), depth + 1)
        if kind == "identifier":
            return self.name(text(node), depth)
        if kind in ("member_expression", "subscript_expression"):
            return self._member(node, depth)
        if kind == "binary_expression":
            return self._binary(node, depth)
        if kind in ("call_expression", "new_expression"):
            return self._call(node, depth)
        return None

    def _template(self, node: Syntax, depth: int) -> Value | None:
        result: Value | None = Value("")
        for part in node.named_children:
            piece = Value(text(part)) if part.type == "string_fragment" else None
            if part.type == "template_substitution" and part.named_children:
                piece = self.value(part.named_children[0], depth + 1)
            result = concatenated(result, piece)
        return result

    def name(self, name: str, depth: int = 0) -> Value | None:
        """What a name comes to."""
        if name in self.bound:
            return self.bound[name].value
        if name == "__dirname":
            return Value("", "module")
        if name == "__filename":
            return Value(posixpath.basename(self.path), "module")
        if name in self.constants:
            return self.value(self.constants[name], depth + 1)
        if name in self.destructured:
            whole, key, default = self.destructured[name]
            fallback = self.value(default, depth + 1)
            if self.dotted(whole) in _ENVIRONMENTS:
                return from_environment(key, fallback)
            return self.property(whole, key, depth + 1) or fallback
        return None

    def _member(self, node: Syntax, depth: int) -> Value | None:
        owner = node.child_by_field_name("object")
        name = node.child_by_field_name("property") or node.child_by_field_name("index")
        if owner is None or name is None:
            return None
        key = (string(name) or "") if name.type == "string" else text(name)
        whole = self.dotted(owner)
        if f"{whole}.{key}" in self.bound:
            return self.bound[f"{whole}.{key}"].value
        if whole in _ENVIRONMENTS:
            return Value("", "cwd") if key in ("PWD", "INIT_CWD") else from_environment(key, None)
        if whole == "import.meta":
            return {
                "dirname": Value("", "module"),
                "dir": Value("", "module"),
                "url": Value(posixpath.basename(self.path), "module"),
                "filename": Value(posixpath.basename(self.path), "module"),
            }.get(key)
        return self.property(owner, key, depth + 1)

    def property(self, owner: Syntax, key: str, depth: int = 0) -> Value | None:
        """The value under *key* of the object that *owner* comes to."""
        given = self.entry(owner, key, depth)
        found = self.value(given, depth + 1)
        if found is None or given is None or found.variable is not None or given.type != "call_expression":
            return found
        # a schema of the environment: z.object({PORT: z.coerce.number().default(3000)}).parse(process.env)
        return replace(found, variable=key) if re.fullmatch(r"[A-Z][A-Z0-9_]*", key) else found

    def entry(self, owner: Syntax, key: str, depth: int = 0) -> Syntax | None:
        """The expression under *key* of the object that *owner* comes to."""
        found = self.object(owner, depth)
        return pairs(found).get(key) if found is not None else None

    def object(self, node: Syntax | None, depth: int = 0) -> Syntax | None:
        """The object literal that an expression comes to."""
        if node is None or depth > _DEPTH:
            return None
        if node.type == "object":
            return node
        if node.type == "identifier":
            known = self.bound.get(text(node))
            return self.object(self.constants.get(text(node)) if known is None else known.node, depth + 1)
        if node.type in _WRAPPING and node.named_children:
            return self.object(node.named_children[0], depth + 1)
        if node.type == "member_expression":
            owner, name = node.child_by_field_name("object"), node.child_by_field_name("property")
            if owner is not None and name is not None:
                given = self.entry(owner, text(name), depth + 1)
                return self.object(owner if given is None and text(name) == "data" else given, depth + 1)
        if node.type == "call_expression":  # defineConfig({…}), Object.freeze({…}), cleanEnv(process.env, {…})
            callee = node.child_by_field_name("function")
            if callee is not None and re.search(r"\.(?:parse|safeParse|validateSync|validate)$", self.dotted(callee)):
                return self.object(callee.child_by_field_name("object"), depth + 1)
            return next((found for part in arguments(node) if (found := self.object(part, depth + 1))), None)
        if node.type == "arrow_function":
            return self.object(node.child_by_field_name("body"), depth + 1)
        if node.type == "statement_block":
            returned = [part for part in node.named_children if part.type == "return_statement"]
            return (
                self.object(returned[-1].named_children[0], depth + 1)
                if returned and returned[-1].named_children
                else None
            )
        return None

    def _binary(self, node: Syntax, depth: int) -> Value | None:
        operator = node.child_by_field_name("operator")
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        sign = text(operator) if operator is not None else ""
        if sign == "+":
            return concatenated(self.value(left, depth + 1), self.value(right, depth + 1))
        if sign in ("||", "??"):
            first, second = self.value(left, depth + 1), self.value(right, depth + 1)
            if first is not None and first.variable is not None and not first.defaulted and second is not None:
                return replace(second, variable=first.variable)
            return first if first is not None else second
        return None

    def _call(self, node: Syntax, depth: int) -> Value | None:
        callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        values = arguments(node)
        if callee is None:
            return None
        name = self.dotted(callee)
        last = name.rpartition(".")[2]
        first = values[0] if values else None
        if name == "process.cwd":
            return Value("", "cwd")
        if last in ("join", "resolve", "normalize") and name in self._path_functions:
            return joined([self.value(part, depth + 1) for part in values], last)
        if last == "dirname" and values:
            inner = self.value(first, depth + 1)
            return replace(inner, text=posixpath.dirname(inner.text)) if inner is not None and not inner.open else None
        if last in ("fileURLToPath", "pathToFileURL", "URL") and values:
            inner = self.value(first, depth + 1)
            if last == "URL" and len(values) > 1 and inner is not None and "import.meta.url" in text(values[1]):
                return replace(inner, base="module")
            return inner
        if (name in _NUMBERS or re.search(r"port", last, re.IGNORECASE)) and values and last != "import":
            return self.value(first, depth + 1) or self._default(node, depth)
        if last in ("toString", "trim", "replace", "pathname") and callee.type == "member_expression":
            return self.value(callee.child_by_field_name("object"), depth + 1)
        if last in ("get", "getOrThrow", "getNumber", "getString") and values:
            return self._setting(node, values, depth)
        return self._default(node, depth)

    @cached_property
    def _path_functions(self) -> frozenset[str]:
        """How this source calls ``path.join`` and ``path.resolve``."""
        found = {
            "path.join",
            "path.resolve",
            "path.normalize",
            "path.posix.join",
            "Path.join",
            "Path.resolve",
            "join",
            "resolve",
        }
        for local, (module, name) in self.imported.items():
            if module in ("path", "node:path"):
                found |= (
                    {f"{local}.join", f"{local}.resolve", f"{local}.normalize"} if name in ("*", "default") else {local}
                )
        return frozenset(found)

    def _setting(self, node: Syntax, values: list[Syntax], depth: int) -> Value | None:
        """``app.get('port')`` after ``app.set('port', …)``, and Nest's ``config.get('PORT', 3000)``."""
        key = string(values[0])
        if key is None:
            return None
        for callee, given, _ in self.calls():
            if callee.endswith(".set") and len(given) == 2 and string(given[0]) == key:
                return self.value(given[1], depth + 1)
        if re.fullmatch(r"[A-Z][A-Z0-9_]*", key):
            return from_environment(key, self.value(values[1], depth + 1) if len(values) > 1 else None)
        return self.value(values[1], depth + 1) if len(values) > 1 else None

    def _default(self, node: Syntax, depth: int) -> Value | None:
        """The default of a schema: envalid's ``port({default: 3000})``, zod's ``….default(3000)``."""
        callee, values = node.child_by_field_name("function"), arguments(node)
        if callee is not None and values and callee.type == "member_expression":
            name = callee.child_by_field_name("property")
            if name is not None and text(name) in ("default", "prefault"):
                return self.value(values[0], depth + 1)
            owner = callee.child_by_field_name("object")
            return self._default(owner, depth + 1) if owner is not None and owner.type == "call_expression" else None
        for part in values:
            if part.type == "object" and "default" in pairs(part):
                return self.value(pairs(part)["default"], depth + 1)
        return None


def _is_outermost(node: Syntax) -> bool:
    """Whether a declaration stands outside any function."""
    parent = node.parent
    while parent is not None:
        if "function" in parent.type or parent.type == "method_definition":
            return False
        parent = parent.parent
    return True
