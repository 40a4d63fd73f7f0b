"""Dataclasses as JSON and back, for answers of a process that is not trusted: only what a type says is ever made.

Neither cattrs, which turns any value into a string where one is expected, nor msgspec and pydantic, which take no text
with bytes that are no UTF-8, as Dockerfiles may hold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def dumped(value: object) -> bytes:
    """A dataclass as JSON, which names its fields but not its class."""
    return json.dumps(_plain(value)).encode()


def loaded(kind: type[T], data: bytes) -> T:
    """The *kind* that JSON holds.

    Args:
        kind: a dataclass, whose fields are of dataclasses, mappings, tuples, unions with ``None`` and plain values.
        data: the JSON.

    Raises:
        ValueError: it is no JSON, or not that of such a value.
    """
    try:
        made: T = _made(kind, json.loads(data))
    except RecursionError:
        raise ValueError("too deep") from None
    return made


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def _made(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        _demand(isinstance(value, dict) and set(value) == set(hints), kind)
        return kind(**{name: _made(hint, value[name]) for name, hint in hints.items()})
    if origin in (Union, UnionType):
        (present,) = (each for each in arguments if each is not NoneType)
        return None if value is None else _made(present, value)
    if origin is Mapping:
        _demand(isinstance(value, dict), kind)
        return {key: _made(arguments[1], each) for key, each in value.items()}
    if origin is tuple:
        _demand(isinstance(value, list), kind)
        kinds = arguments[:1] * len(value) if arguments[1:] == (...,) else arguments
        _demand(len(kinds) == len(value), kind)
        return tuple(_made(*pair) for pair in zip(kinds, value, strict=True))
    if origin is Literal:
        _demand(value in arguments, kind)
        return value
    if issubclass(kind, Enum):
        return kind(value)
    _demand(type(value) is kind, kind)
    return value


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _demand(fits: bool, kind: object) -> None:
    if not fits:
        raise ValueError(f"not what {kind} is made of")
