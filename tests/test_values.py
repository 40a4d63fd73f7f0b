"""Values behave as the standard library's frozen dataclasses do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from dockfix.values import dataclass


def made(decorator: Callable[..., Any]) -> tuple[Any, Any]:
    @decorator(frozen=True, slots=True, order=True)
    class Place:
        line: int
        path: str = "Dockerfile"
        words: tuple[str, ...] = dataclasses.field(default=(), compare=False)
        seen: list[str] = dataclasses.field(default_factory=list, compare=False, repr=False)

    @decorator(frozen=True)
    class Other:
        line: int
        path: str = "Dockerfile"

        def __repr__(self) -> str:
            return "an own one"

    return Place, Other


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda place, _: place(1) == place(1), id="equal"),
        pytest.param(lambda place, _: place(1) == place(2), id="different"),
        pytest.param(lambda place, _: place(1, words=("a",)) == place(1), id="not compared"),
        pytest.param(lambda place, other: place(1) == other(1), id="of another class"),
        pytest.param(lambda place, _: len({place(1), place(1), place(2)}), id="hashed"),
        pytest.param(lambda place, _: sorted([place(2), place(1, "b"), place(1, "a")]), id="ordered"),
        pytest.param(lambda place, _: place(1) <= place(1) and not place(1) > place(1), id="compared"),
        pytest.param(lambda place, _: repr(place(1, words=("a", "b"))), id="shown"),
        pytest.param(lambda _, other: repr(other(1)), id="shown in its own way"),
        pytest.param(lambda place, _: dataclasses.replace(place(1), path="x"), id="replaced"),
        pytest.param(lambda place, _: dataclasses.asdict(place(1, words=("a",))), id="as a dictionary"),
        pytest.param(lambda place, _: [field.name for field in dataclasses.fields(place)], id="its fields"),
        pytest.param(lambda place, _: hasattr(place(1), "__dict__"), id="with slots"),
        pytest.param(lambda _, other: hasattr(other(1), "__dict__"), id="without slots"),
        pytest.param(lambda place, _: place.__match_args__, id="matched by place"),
    ],
)
def test_as_the_standard_library(ask: Callable[[Any, Any], object]) -> None:
    assert repr(ask(*made(dataclass))) == repr(ask(*made(dataclasses.dataclass)))


def test_default_factories_make_one_for_each() -> None:
    place, _ = made(dataclass)
    assert place(1).seen is not place(1).seen


def test_another_class_cannot_be_compared() -> None:
    place, other = made(dataclass)
    with pytest.raises(TypeError):
        sorted([place(1), other(1)])
