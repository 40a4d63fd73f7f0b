"""Shapes of JSON values: how what dockfix has found is written, and read again from a document that lies on a disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, get_args

from dockfix.verify.comparison import Kind

_LARGEST = 2.0**63


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Shape:
    """How values of one kind stand in JSON.

    Attributes:
        read: makes a value of what stands at the place that its second argument tells. Raises ValueError where that is
            something else.
        write: what is to stand there.
        kept: whether a value is written at all.
    """

    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any] = _same
    kept: Callable[[Any], bool] = lambda _: True


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{place} is no text")
    return value


def _kind(value: Any, place: str) -> Kind:
    if value not in get_args(Kind):
        raise ValueError(f"{place} is no verdict")
    kind: Kind = value
    return kind


def _truth(value: Any, place: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{place} is neither true nor false")
    return value


def _number(value: Any, place: str) -> float:
    # JSON as Python reads it knows NaN and Infinity, which no measurement comes to, and numbers of any length
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
        raise ValueError(f"{place} is no measured number")
    return value


TEXT = Shape(_text)
KIND = Shape(_kind)
TRUTH = Shape(_truth)
NUMBER = Shape(_number)


def maybe(shape: Shape, otherwise: Any = None) -> Shape:
    """A value that may be missing, too, or null, which both are read as *otherwise*."""

    def read(value: Any, place: str) -> Any:
        return otherwise if value is None else shape.read(value, place)

    return Shape(read, lambda value: None if value is None else shape.write(value))


def rarely(shape: Shape, otherwise: Any = None) -> Shape:
    """A value that is written only where it is another than *otherwise*."""
    return Shape(maybe(shape, otherwise).read, shape.write, lambda value: value != otherwise)


def listed(shape: Shape) -> Shape:
    """A tuple."""

    def read(value: Any, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f"{place} is no list")
        return tuple(shape.read(each, f"{place}[{number}]") for number, each in enumerate(value))

    return Shape(read, lambda value: list(map(shape.write, value)))


def mapped(shape: Shape) -> Shape:
    """A mapping from names of any kind."""

    def read(value: Any, place: str) -> dict[str, Any]:
        return {name: shape.read(each, f"{place}.{name}") for name, each in _object(value, place).items()}

    return Shape(read, lambda value: {name: shape.write(each) for name, each in value.items()})


def record(make: Callable[..., Any], names: Mapping[str, str] | None = None, /, **shapes: Shape) -> Shape:
    """An object of known keys.

    Args:
        make: makes the value of its attributes.
        names: where an attribute is called otherwise than its key; dots lead to one of a value's own.
        shapes: what stands by each key.
    """
    called = {key: (names or {}).get(key, key) for key in shapes}
    keywords = {key: name.rpartition(".")[2] for key, name in called.items()}
    takes = {key: attrgetter(name) for key, name in called.items()}

    def read(value: Any, place: str) -> Any:
        found = _object(value, place)
        return make(**{keywords[key]: shape.read(found.get(key), f"{place}.{key}") for key, shape in shapes.items()})

    def write(value: Any) -> dict[str, Any]:
        taken = {key: take(value) for key, take in takes.items()}
        return {key: shapes[key].write(each) for key, each in taken.items() if shapes[key].kept(each)}

    return Shape(read, write)


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is no object")
    return value
