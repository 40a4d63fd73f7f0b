"""YAML with the line of every node, without constructing anything: unknown tags and templates do no harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.nodes import Node

_TRUE = frozenset({"true", "yes", "on", "y"})
_MERGE = "<<"
_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Yaml:
    """A node of a YAML document.

    Attributes:
        path: the file, as origins name it.
        node: PyYAML's node.
        line: the 1-based line where it begins; in a mapping, that of its key.
    """

    path: str
    node: Node
    line: int

    @property
    def _kind(self) -> str:
        return str(getattr(self.node, "id", ""))

    @property
    def origin(self) -> str:
        """``path:line``."""
        return f"{self.path}:{self.line}"

    @property
    def scalar(self) -> str | None:
        """The text of a scalar; None for a list, a mapping and an explicit or empty null."""
        if self._kind != "scalar" or self.node.tag.endswith(":null"):
            return None
        return str(self.node.value)

    @property
    def is_null(self) -> bool:
        """Whether nothing is written, or ``null``."""
        return self._kind == "scalar" and self.scalar is None

    @property
    def is_list(self) -> bool:
        return self._kind == "sequence"

    @property
    def is_mapping(self) -> bool:
        return self._kind == "mapping"

    @property
    def truth(self) -> bool:
        """Whether the scalar is one of YAML's words for true."""
        return (self.scalar or "").lower() in _TRUE

    def items(self) -> dict[str, Yaml]:
        """The entries of a mapping with merges (``<<``) carried out; empty for anything else."""
        return self._entries(0)

    def _entries(self, depth: int) -> dict[str, Yaml]:
        if not self.is_mapping or depth > _DEPTH:
            return {}
        merged: dict[str, Yaml] = {}
        own: dict[str, Yaml] = {}
        for key, value in self.node.value:
            node = Yaml(self.path, value, key.start_mark.line + 1)
            if key.id == "scalar" and key.value == _MERGE:
                for source in reversed(node.values() if node.is_list else [node]):
                    merged |= source._entries(depth + 1)
            elif key.id == "scalar":
                own[str(key.value)] = node
        return merged | own

    def keys(self) -> dict[str, Fact[str]]:
        """The keys of a mapping, each with the line of the key."""
        if not self.is_mapping:
            return {}
        return {
            str(key.value): Fact(str(key.value), f"{self.path}:{key.start_mark.line + 1}")
            for key, _ in self.node.value
            if key.id == "scalar" and key.value != _MERGE
        }

    def values(self) -> list[Yaml]:
        """The elements of a list; empty for anything else."""
        return [_yaml(self.path, node) for node in self.node.value] if self.is_list else []

    def at(self, *keys: str) -> Yaml | None:
        """The node under *keys*."""
        node: Yaml | None = self
        for key in keys:
            node = node.items().get(key) if node is not None else None
        return node

    def text(self, *keys: str) -> Fact[str] | None:
        """The scalar under *keys*."""
        node = self.at(*keys)
        value = node.scalar if node is not None else None
        return Fact(value, node.origin) if node is not None and value is not None else None


def _yaml(path: str, node: Node) -> Yaml:
    return Yaml(path, node, node.start_mark.line + 1)


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(source: str, path: str) -> list[Yaml] | Problem:
    """The documents of a YAML text, empty ones left out; or the problem with it."""
    import yaml

    try:
        nodes = list(yaml.compose_all(source, Loader=_loader()))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark is not None else ""
        return Problem(f"{path}{line}", f"is not valid YAML: {error.problem or error.context}")
    except UnicodeEncodeError as error:
        return Problem(f"{path}:{source.count(chr(10), 0, error.start) + 1}", "is not valid YAML: it is not in UTF-8")
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Problem(path, f"is not valid YAML: {str(error).splitlines()[0]}")
    return [_yaml(path, node) for node in nodes]


def read(files: Files, path: str) -> list[Yaml] | Problem:
    """The documents of the YAML file at *path*; none where there is no such file."""
    source = text(files, path)
    return [] if source is None else parse(source, path)


def scalars(node: Yaml | None) -> Iterator[Fact[str]]:
    """The scalar elements of a list, or the scalar itself."""
    if node is None:
        return
    for element in node.values() if node.is_list else [node]:
        if element.scalar is not None:
            yield Fact(element.scalar, element.origin)
