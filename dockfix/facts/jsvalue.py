"""What an expression of a JavaScript source comes to, as far as it can be told."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tree_sitter import Node as Syntax


Base = Literal["", "cwd", "module"]


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression comes to, as far as it can be told.

    Attributes:
        text: the known text; of a path, its known beginning.
        base: what a path counts from: nothing said, the working directory, or the module's folder.
        open: whether something unknown follows.
        variable: the environment variable that overrides it.
        defaulted: whether there is a text at all, where a variable overrides it.
    """

    text: str
    base: Base = ""
    open: bool = False
    variable: str | None = None
    defaulted: bool = True


@dataclass(frozen=True, slots=True)
class Bound:
    """What a name inside a function is taken to be.

    Attributes:
        value: what it comes to; None where that cannot be told.
        node: the expression, where it is one of the same source.
    """

    value: Value | None
    node: Syntax | None


def from_environment(name: str, fallback: Value | None) -> Value:
    """The variable *name* of the environment, with what stands in for it."""
    if fallback is None:
        return Value("", open=True, variable=name, defaulted=False)
    return replace(fallback, variable=name)


def concatenated(left: Value | None, right: Value | None) -> Value | None:
    """One text behind the other, as far as the first is known."""
    if left is None:
        return None
    if left.open:
        return left
    if right is None or not right.defaulted:
        return replace(left, open=True)
    return replace(left, text=left.text + right.text, base=left.base or right.base, open=right.open)


def joined(parts: list[Value | None], function: str) -> Value | None:
    """What ``path.join`` or ``path.resolve`` makes of its arguments."""
    result: Value | None = None
    for index, part in enumerate(parts):
        if part is None or not part.defaulted:
            return None if result is None or not index else replace(result, text=f"{result.text}/", open=True)
        if result is None or part.base or (function == "resolve" and part.text.startswith("/")):
            result = part
        else:
            result = replace(result, text=posixpath.join(result.text or ".", part.text.lstrip("/")), open=part.open)
        if result.open:
            return result
    return result
