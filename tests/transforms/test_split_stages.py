"""What splitting says of itself: why it is done, and how far it reaches."""

from __future__ import annotations

import pytest

from dockfix import registry
from dockfix.dockerfile import Document
from dockfix.engine import Outcome, plan
from dockfix.facts import App, Tree
from dockfix.options import Options
from dockfix.transform import Safety

DOCKERFILE = """\
FROM python:3.11-slim
RUN apt-get update && apt-get install -y {packages}
WORKDIR /app
COPY . .
RUN pip install -r requirements.txt
CMD ["python", "app.py"]
"""


def applied(dockerfile: str, requirements: str) -> Outcome:
    app = App(Tree({"Dockerfile": dockerfile, "requirements.txt": requirements, "app.py": "print(1)\n"}))
    options = Options(only=frozenset({"split-stages"}))
    found = plan(Document.parse(dockerfile), app, options, registry.transforms())
    return next(outcome for outcome in found.outcomes if outcome.kind == "applied")


@pytest.mark.parametrize(
    ("packages", "why"),
    [
        ("gcc", "gcc is needed only while packages are built; the image that runs does not carry it"),
        ("gcc make", "gcc and make are needed only while packages are built; the image that runs does not carry them"),
    ],
)
def test_reason_agrees_in_number(packages: str, why: str) -> None:
    assert applied(DOCKERFILE.format(packages=packages), "flask==3.0.3\n").why == why


def test_reason_names_the_package_that_is_compiled() -> None:
    dockerfile = DOCKERFILE.format(packages="curl").replace("-slim", "")
    assert applied(dockerfile, "psycopg2==2.9.9\n").why == (
        "psycopg2 is compiled while it is installed (requirements.txt:1); the image that runs needs no compiler"
    )


def test_reaches_as_far_as_the_list_of_transforms_says() -> None:
    outcome = applied(DOCKERFILE.format(packages="gcc"), "flask==3.0.3\n")
    assert outcome.safety is Safety.REVIEW
    assert outcome.safety is next(each.safety for each in registry.transforms() if each.id == "split-stages")


@pytest.mark.parametrize("dev_dependencies", ["{}", '{"typescript": "5.5.4"}'])
def test_what_the_rewrite_added_is_no_reason_to_refuse(dev_dependencies: str) -> None:
    manifest = '{"scripts": {"build": "tsc"}, "dependencies": {"express": "4.19.2"}, "devDependencies": %s}'
    files = {
        "Dockerfile": "FROM node:20\nWORKDIR /app\nCOPY package.json ./\nRUN npm install\nCOPY . .\n"
        + ("RUN npm run build\n" if "typescript" in dev_dependencies else "")
        + 'CMD ["node", "server.js"]\n',
        "package.json": manifest % dev_dependencies,
        "server.js": "require('express')().listen(3000)\nrequire('fs').writeFileSync('app.log', '')\n",
    }
    first = plan(Document.parse(files["Dockerfile"]), App(Tree(files)), Options(), registry.transforms())
    files |= {"Dockerfile": first.after, **first.files}
    second = plan(Document.parse(first.after), App(Tree(files)), Options(), registry.transforms())
    assert "adduser" in first.after
    assert not [outcome for outcome in second.outcomes if outcome.kind == "refused"]
