"""What a smaller base says of itself."""

from __future__ import annotations

import json

import pytest

from dockfix import registry
from dockfix.dockerfile import Document
from dockfix.engine import plan
from dockfix.facts import App, Tree
from dockfix.options import Options

STAGE = """\
FROM node:20 AS {name}
WORKDIR /app
COPY package.json ./
RUN npm install
COPY . .
CMD ["node", "index.js"]
"""


def test_what_holds_of_two_stages_is_said_once() -> None:
    dockerfile = STAGE.format(name="development") + STAGE.format(name="production")
    files = {"Dockerfile": dockerfile, "package.json": '{"dependencies": {"express": "4.19.2"}}', "index.js": "1\n"}
    options = Options(only=frozenset({"alpine-base"}))
    found = plan(Document.parse(dockerfile), App(Tree(files)), options, registry.transforms())
    (outcome,) = [outcome for outcome in found.outcomes if outcome.kind == "applied"]
    assert found.after.count("FROM node:20-alpine") == 2
    assert outcome.why.count("node:20") == 1


@pytest.mark.parametrize(
    ("install", "sources", "dev", "given"),
    [
        ("npm ci --omit=dev", "1", True, False),
        ("npm ci --omit=dev", "1", False, True),
        ("npm ci", "1", True, True),
        ("npm ci --omit=dev", "require('release')", True, True),  # a bundler would have taken it in
    ],
)
@pytest.mark.parametrize(("base", "debian"), [("alpine", ""), ("slim", "dpkg --list && ")])
def test_what_a_package_calls(base: str, debian: str, install: str, sources: str, dev: bool, given: bool) -> None:
    """git for simple-git, unless that comes with the dev dependencies alone, which the end does without."""
    known = {"version": "1.0.0", "dev": dev}
    lock = {"node_modules/release": known, "node_modules/simple-git": known}
    manifest = {"devDependencies" if dev else "dependencies": {"release": "1.0.0"}}
    dockerfile = (
        STAGE.format(name="app").replace("package.json", "package*.json").replace("npm install", debian + install)
    )
    files = {
        "Dockerfile": dockerfile,
        "package.json": json.dumps(manifest),
        "package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"": manifest, **lock}}),
        "index.js": sources,
    }
    options = Options(only=frozenset({"alpine-base"}))
    found = plan(Document.parse(dockerfile), App(Tree(files)), options, registry.transforms())
    assert f"FROM node:20-{base} " in found.after
    assert (" git" in found.after) is given
