"""Configuration files that are JavaScript: the options of the object that they export."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.facts.jssource import Source
from dockfix.facts.jssyntax import line, pairs, text
from dockfix.facts.jsvalue import Value

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax

    from dockfix.facts.node import Node


class Configuration:
    """The configuration files of a package.

    Args:
        node: the package.
    """

    def __init__(self, node: Node) -> None:
        self.node = node

    def source(self, names: tuple[str, ...]) -> Source | None:
        """The first of the files *names* that there is."""
        for name in names:
            data = self.node.files.read(self.node.path(name))
            if data is not None:
                return self._sources.setdefault(name, Source(name, data))
        return None

    @cached_property
    def _sources(self) -> dict[str, Source]:
        return {}

    def entry(self, names: tuple[str, ...], keys: tuple[str, ...]) -> tuple[Source, Syntax] | None:
        """The expression under *keys*, with the source that holds it."""
        source = self.source(names)
        node = _exported(source) if source is not None else None
        for key in keys:
            found = source.object(node) if source is not None and node is not None else None
            node = pairs(found).get(key) if found is not None else None
        return (source, node) if source is not None and node is not None else None

    def option(self, names: tuple[str, ...], *keys: str) -> Fact[str] | None:
        """The text of an option; of what is no plain value, its source text."""
        found = self.entry(names, keys)
        if found is None:
            return None
        source, node = found
        value = source.value(node)
        shown = value.text if value is not None and not value.open else text(node)
        return Fact(shown, self.node.origin_of(source.path, line(node)))

    def folder(self, names: tuple[str, ...], keys: tuple[str, ...], default: str) -> Fact[str] | None:
        """A folder option; None where it is computed, or where the configuration cannot be understood."""
        source = self.source(names)
        if source is None:
            return Fact(default, f"{self.node.origin} (the program's default)")
        found = self.entry(names, keys)
        if found is None:
            if keys[-1].encode() in source.data:
                return None
            return Fact(default, f"{self.node.origin_of(source.path)} (the program's default)")
        value: Value | None = source.value(found[1])
        if value is None or value.open or not value.defaulted:
            return None
        return Fact(join("", value.text.rstrip("/")), self.node.origin_of(source.path, line(found[1])))


def _exported(source: Source) -> Syntax | None:
    """The configuration object that a module exports."""
    for node in source.nodes["export_statement"]:
        value = node.child_by_field_name("value")
        if value is not None:
            return source.object(value)
    for node in source.nodes["assignment_expression"]:
        left = node.child_by_field_name("left")
        if left is not None and text(left) == "module.exports":
            return source.object(node.child_by_field_name("right"))
    return None
