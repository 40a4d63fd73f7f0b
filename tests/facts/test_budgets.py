"""Sizes over which a build by Angular fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dockfix.facts.angular import Angular
from dockfix.facts.budgets import STYLES, WHOLE, budget, oversized
from dockfix.facts.files import Tree
from dockfix.facts.node import Node, read

BUILD = ("ng", "build")


def workspace(budgets: Any, files: dict[str, bytes] | None = None, **build: Any) -> Angular:
    production = {"budgets": budgets} if budgets is not None else {}
    target = {"defaultConfiguration": "production", "configurations": {"production": production}, **build}
    config = {"projects": {"front": {"projectType": "application", "architect": {"build": target}}}}
    contents = {"package.json": b"{}", "angular.json": json.dumps(config, indent=1).encode(), **(files or {})}
    found = read(Tree(contents))
    assert isinstance(found, Node)
    return Angular(found)


def style(error: str) -> list[dict[str, str]]:
    return [{"type": "anyComponentStyle", "maximumWarning": "1kb", "maximumError": error}]


def test_the_error_counts_and_not_the_warning() -> None:
    assert budget(workspace([{"type": "initial", "maximumWarning": "500kb"}]), BUILD, WHOLE) is None
    found = budget(workspace([{"type": "initial", "maximumError": "1mb"}]), BUILD, WHOLE)
    assert found is not None and found.value == "1mb" and found.origin.startswith("angular.json:")


def test_a_configuration_takes_the_place_of_the_options() -> None:
    options = {"budgets": [{"type": "initial", "maximumError": "1mb"}]}
    assert budget(workspace(None, options=options), BUILD, WHOLE) is not None
    assert budget(workspace([], options=options), BUILD, WHOLE) is None


def test_another_configuration_may_have_none() -> None:
    angular = workspace([{"type": "initial", "maximumError": "1mb"}])
    assert budget(angular, (*BUILD, "--configuration", "development"), WHOLE) is None


@pytest.mark.parametrize(("allowed", "over"), [("4kb", True), ("4.5KB", True), ("8 kb", False), ("1mb", False)])
def test_stylesheet_of_a_component(allowed: str, over: bool) -> None:
    files = {
        "src/app/a.component.ts": b"@Component({ styleUrls: ['./a.component.css', \"../shared.css\"] })",
        "src/app/a.component.css": b"a",
        "src/shared.css": b"x" * 5000,
        "src/global.css": b"x" * 2_000_000,
    }
    angular = workspace(style(allowed), files)
    found = oversized(angular, allowed)
    assert (found is not None) is over
    assert found is None or (found.value, found.origin) == (5000, "src/shared.css")


def test_a_size_that_is_none_lets_nothing_pass() -> None:
    angular = workspace(style("1.2.3kb"), {"src/a.ts": b"styleUrl: './a.css'", "src/a.css": b"a"})
    found = budget(angular, BUILD, STYLES)
    assert found is not None and oversized(angular, found.value) is not None
