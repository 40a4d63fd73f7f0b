"""Services of compose that run what is built here by its name alone."""

from __future__ import annotations

import pytest

from dockfix.facts import App, Tree
from dockfix.recipes.namesakes import namesakes


@pytest.mark.parametrize(
    ("image", "built", "runs"),
    [
        ("docker.io/shop/web", "shop/web:latest", True),
        ("shop/web:1.2", "shop/web:${VERSION}", True),
        ("shop/web:api", "shop/web:web", False),
        ("${REGISTRY}/web", "${REGISTRY}/web", False),
        ("localhost:5000/web", "localhost:5000/api", False),
    ],
)
def test_services_without_a_build_run_what_is_built_by_their_name(image: str, built: str, runs: bool) -> None:
    files = {
        "compose.yml": f"services: {{a: {{image: '{image}'}}}}",
        "Makefile": f"b:\n\tdocker build --target prod -t {built} .\n",
    }
    assert [(each.name, each.target) for each in namesakes(App(Tree(files)))] == ([("a", "prod")] if runs else [])
