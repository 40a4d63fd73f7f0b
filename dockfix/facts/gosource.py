"""One Go source file, read with tree-sitter: imports, embedded files, calls and the texts that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

_STRINGS = frozenset({"interpreted_string_literal", "raw_string_literal"})
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"'}
_SYSTEMS = "aix android darwin dragonfly freebsd illumos ios js netbsd openbsd plan9 solaris wasip1 windows"
_OTHER_SYSTEM = re.compile(rf"_(?:{'|'.join(_SYSTEMS.split())})(?:_\w+)?\.go$")
"""Names of files that are not built for Linux: https://pkg.go.dev/cmd/go#hdr-Build_constraints"""
_ENVIRONMENT = re.compile(r"(?:.*\.)?(?:\w*[eE]nv\w*|Getenv)$")
DEPTH = 8


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of an environment variable, with what stands in where it is not set; ``None``: nothing known."""

    name: str
    default: str | None


Value = str | Variable
"""What a piece of a text comes to."""


@dataclass(frozen=True)
class Call:
    """A call, or a composite literal, which is called by the name of its type.

    Attributes:
        name: as written, such as ``http.ListenAndServe``.
        line: where.
        arguments: the expressions.
        named: of a composite literal, the expressions by the name of their field.
    """

    name: str
    line: int
    arguments: tuple[Syntax, ...]
    named: Mapping[str, Syntax]

    @property
    def method(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    @property
    def receiver(self) -> str:
        """What stands before the last part of the name."""
        return self.name.rpartition(".")[0]


@cache
def _parser() -> Any:
    import tree_sitter_go
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_go.language()))


def built(path: str) -> bool:
    """Whether a file of this name belongs to a program for Linux."""
    return path.endswith(".go") and not path.endswith("_test.go") and _OTHER_SYSTEM.search(path) is None


class GoSource:
    """A parsed file.

    Args:
        path: its path, as reports name it.
        data: its bytes.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data

    @cached_property
    def root(self) -> Syntax:
        """The syntax tree."""
        node: Syntax = _parser().parse(self.data).root_node
        return node

    @cached_property
    def _nodes(self) -> Mapping[str, tuple[Syntax, ...]]:
        """Every node by its type, in order."""
        found: dict[str, list[Syntax]] = {}
        pending = [self.root]
        while pending:
            node = pending.pop()
            found.setdefault(node.type, []).append(node)
            pending += reversed(node.named_children)
        return {kind: tuple(nodes) for kind, nodes in found.items()}

    def of(self, *kinds: str) -> Iterator[Syntax]:
        """The nodes of some types."""
        for kind in kinds:
            yield from self._nodes.get(kind, ())

    def origin(self, node: Syntax) -> str:
        """Where a node stands, for reports."""
        return f"{self.path}:{node.start_point[0] + 1}"

    @cached_property
    def excluded(self) -> bool:
        """Whether a build constraint leaves the file out on Linux, or without tags that nobody gives."""
        for node in self.of("comment"):
            match = re.match(r"//(?:go:build|\s*\+build)\s+(.+)", text(node))
            if match is not None and node.start_byte < self._package_start:
                words = set(re.findall(r"!?\w+", match[1]))
                return "ignore" in words or "!linux" in words or bool(words & set(_SYSTEMS.split()) - {"linux"})
        return False

    @property
    def _package_start(self) -> int:
        return next((node.start_byte for node in self.of("package_clause")), 0)

    @cached_property
    def package(self) -> str:
        """The name in the package clause."""
        return next((text(node) for node in self.of("package_clause")), "").removeprefix("package").strip()

    @cached_property
    def imports(self) -> Mapping[str, str]:
        """The paths that are imported, each with its origin."""
        return {
            literal(path) or "": self.origin(node)
            for node in self.of("import_spec")
            if (path := node.child_by_field_name("path")) is not None
        }

    @cached_property
    def embedded(self) -> tuple[str, ...]:
        """The patterns of ``//go:embed``: https://pkg.go.dev/embed."""
        found: list[str] = []
        for node in self.of("comment"):
            if text(node).startswith("//go:embed "):
                words = text(node).split()[1:]
                found += [word.strip('"`').removeprefix("all:") for word in words]
        return tuple(found)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """All calls, and composite literals of types with a package."""
        found = []
        for node in self.of("call_expression"):
            function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if function is not None and arguments is not None:
                given = tuple(child for child in arguments.named_children if child.type != "comment")
                found.append(Call(_name(function), node.start_point[0] + 1, given, {}))
        for node in self.of("composite_literal"):
            kind, body = node.child_by_field_name("type"), node.child_by_field_name("body")
            if kind is not None and body is not None:
                found.append(Call(text(kind), node.start_point[0] + 1, (), dict(_fields(body))))
        return tuple(sorted(found, key=lambda call: call.line))

    @cached_property
    def literals(self) -> tuple[tuple[str, int, str], ...]:
        """The texts that the file names, imports left out: each with its line and the call that it stands in."""
        found = []
        for node in self.of(*_STRINGS):
            parent = node.parent
            if parent is None or parent.type == "import_spec":
                continue
            around = parent
            while around.parent is not None and around.type not in {"call_expression", "block", "var_spec"}:
                around = around.parent
            function = around.child_by_field_name("function") if around.type == "call_expression" else None
            name = _name(function) if function is not None else ""
            found.append((literal(node) or "", node.start_point[0] + 1, name))
        return tuple(found)

    @cached_property
    def assigned(self) -> Mapping[str, tuple[Syntax, ...]]:
        """The expressions that each name is given, wherever it is declared or assigned."""
        found: dict[str, list[Syntax]] = {}
        kinds = {"short_var_declaration": ("left", "right"), "assignment_statement": ("left", "right")}
        kinds |= {"const_spec": ("name", "value"), "var_spec": ("name", "value")}
        for kind, (left, right) in kinds.items():
            for node in self.of(kind):
                names = [n for part in node.children_by_field_name(left) for n in _listed(part)]
                values = [n for part in node.children_by_field_name(right) for n in _listed(part)]
                if len(values) == 1 and len(names) > 1:
                    values *= len(names)  # a call with several results: the first is what counts
                for name, value in zip(names, values, strict=False):
                    found.setdefault(text(name), []).append(value)
        return {name: tuple(values) for name, values in found.items()}

    def value(self, node: Syntax, depth: int = 0) -> tuple[Value, ...] | None:
        """What an expression comes to, piece by piece; ``None`` where that cannot be told."""
        if depth > DEPTH:
            return None
        plain = literal(node)
        if plain is not None:
            return (plain,)
        if node.type == "int_literal":
            return (text(node),)
        if node.type in {"parenthesized_expression", "unary_expression"}:
            return self.value(node.named_children[0], depth + 1) if node.named_children else None
        if node.type == "binary_expression" and text(node.child_by_field_name("operator")) == "+":
            sides = (node.child_by_field_name("left"), node.child_by_field_name("right"))
            values = [self.value(side, depth + 1) if side is not None else None for side in sides]
            return (*values[0], *values[1]) if values[0] is not None and values[1] is not None else None
        if node.type == "identifier":
            return self._settled([self.value(each, depth + 1) for each in self.assigned.get(text(node), ())])
        if node.type == "call_expression":
            return self._result(node, depth)
        return None

    def _settled(self, values: list[tuple[Value, ...] | None]) -> tuple[Value, ...] | None:
        """The value of a name that is given several: one of them, or a variable with the text that stands in."""
        known = [value for value in values if value is not None and value != ("",)]
        if not known or len(known) < len([value for value in values if value != ("",)]):
            return None
        variables = [v for value in known for v in value if isinstance(v, Variable)]
        texts = list(
            dict.fromkeys("".join(map(str, value)) for value in known if all(isinstance(v, str) for v in value))
        )
        if not variables:
            return (texts[0],) if len(texts) == 1 else None
        if len(known) == 1:
            return known[0]
        if len(variables) == 1 and len(texts) == 1:
            return (Variable(variables[0].name, texts[0]),)
        return None

    def _result(self, node: Syntax, depth: int) -> tuple[Value, ...] | None:
        """What a call returns: of those that read variables, flags or make texts of others."""
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return None
        name, given = _name(function), [child for child in arguments.named_children if child.type != "comment"]
        texts = [literal(each) for each in given]
        if name in {"os.Getenv", "os.LookupEnv"} and texts[:1] and texts[0]:
            return (Variable(texts[0], None),)
        if name in {"flag.String", "flag.Int"} and len(given) == 3:
            return self.value(given[1], depth + 1)
        if name in {"strconv.Itoa", "strconv.Atoi", "string", "strings.TrimSpace", "cast.ToString"} and given:
            return self.value(given[0], depth + 1)
        if name == "fmt.Sprintf" and texts[:1] and texts[0] is not None:
            parts = re.split(r"%[sdv]", texts[0])
            values = [self.value(each, depth + 1) for each in given[1:]]
            if "%" in "".join(parts) or len(parts) != len(values) + 1 or any(value is None for value in values):
                return None
            pieces: list[Value] = [parts[0]]
            for value, part in zip(values, parts[1:], strict=True):
                pieces += [*(value or ()), part]
            return tuple(piece for piece in pieces if piece != "")
        if _ENVIRONMENT.fullmatch(name) and texts[:1] and texts[0] and len(given) <= 2:
            default = self.value(given[1], depth + 1) if len(given) == 2 else None
            plain = default is not None and len(default) == 1 and isinstance(default[0], str)
            if len(given) == 2 and not plain:
                return None
            return (Variable(texts[0], str(default[0]) if plain and default is not None else None),)
        return None


def text(node: Syntax | None) -> str:
    """The source of a node."""
    data = node.text if node is not None else None
    return data.decode("utf-8", "replace") if data is not None else ""


def literal(node: Syntax) -> str | None:
    """The text that a literal stands for; ``None`` where the node is none."""
    if node.type == "raw_string_literal":
        return text(node)[1:-1]
    if node.type == "interpreted_string_literal":
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text(node)[1:-1])
    return None


def _name(function: Syntax) -> str:
    return re.sub(r"\s+", "", text(function)) if function.type in {"selector_expression", "identifier"} else ""


def _listed(node: Syntax) -> list[Syntax]:
    return list(node.named_children) if node.type == "expression_list" else [node]


def _fields(body: Syntax) -> Iterator[tuple[str, Syntax]]:
    for element in body.named_children:
        if element.type == "keyed_element" and len(element.named_children) == 2:
            key, value = element.named_children
            yield text(key), value.named_children[0] if value.named_children else value
