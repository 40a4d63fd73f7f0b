"""What a smaller base says of itself."""

from __future__ import annotations

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
