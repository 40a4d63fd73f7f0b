"""Cases made from a few files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dockfix import registry
from dockfix.api import Repository
from dockfix.dockerfile import Document
from dockfix.engine import plan
from dockfix.explanation import Case
from dockfix.facts import App, Tree
from dockfix.options import Options

ROOT = Path(__file__).parent.parent.parent
SEQUENCE = ROOT / "fixtures" / "sequence"

Make = Callable[..., Case]


@pytest.fixture
def case() -> Make:
    """A case of files given by name; those of a service in its compose file."""

    def make(files: dict[str, str], *, options: Options | None = None, path: str = "Dockerfile") -> Case:
        options = options or Options()
        app = App(Tree(files), path)
        made = plan(Document.parse(files[path], path), app, options, registry.transforms())
        return Case(path, made, App(Tree(files), path), options)

    return make


@pytest.fixture
def service() -> Make:
    """The case of a fixture of all transforms together."""

    def make(name: str) -> Case:
        folder = SEQUENCE / name / "before"
        repository = Repository(folder)
        dockerfile = min(folder.rglob("Dockerfile"))
        made = repository.plan(dockerfile, Options())
        app = Repository(folder).app(Document.parse(made.before, made.path))
        return Case(f"{name}/{dockerfile.relative_to(folder)}", made, app, Options())

    return make
