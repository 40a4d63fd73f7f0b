"""What compose lends to the containers of both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dockfix.api import Repository
from dockfix.dockerfile import Document
from dockfix.engine import Plan
from dockfix.facts import App, Tree
from dockfix.options import Options
from dockfix.verify.expectation import Expectation, expectation

COMPOSE = """\
services:
  web:
    build: web
    environment:
      MODE: production
      HOST: ${HOST:-0.0.0.0}
      TOKEN: ${TOKEN}
      FROM_THE_HOST:
  api:
    build: api
  data_base:
    image: postgres:16
"""


def expected(folder: Path, dockerfile: str, compose: str = COMPOSE) -> Expectation:
    (folder / "compose.yaml").write_text(compose)
    for name in ("web", "api", "tools"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text('FROM node:20\nCOPY . .\nCMD ["node", "app.js"]\n')
    repository = Repository(folder)
    plan = repository.plan(folder / dockerfile, Options())
    return expectation(plan, repository.app(Document.parse(plan.before, dockerfile)), Options())


def test_variables_whose_values_compose_tells(tmp_path: Path) -> None:
    assert expected(tmp_path, "web/Dockerfile").env == {"MODE": "production", "HOST": "0.0.0.0"}


STAGES = """\
FROM node:20 AS tests
ENV MODE=test
EXPOSE 9000
FROM node:20
ARG LEVEL=info
ENV LEVEL=$LEVEL
EXPOSE 3000
CMD ["node", "app.js"]
"""


def of_stages(**options: Any) -> Expectation:
    after = STAGES.replace("MODE=test", "MODE=test ONLY=tests").replace("LEVEL=info", "LEVEL=warn")
    plan = Plan("Dockerfile", STAGES, after)
    return expectation(plan, App(Tree({"Dockerfile": STAGES}), "Dockerfile"), Options(), **options)


def test_the_last_stage_is_built_where_nobody_names_another() -> None:
    found = of_stages()
    assert (found.told("LEVEL"), found.told("ONLY"), found.ports) == ("warn", None, ((3000,), (3000,)))


@pytest.mark.parametrize("target", ["tests", "Tests", "0"])
def test_what_is_expected_is_of_the_stage_that_is_built(target: str) -> None:
    found = of_stages(target=target)
    assert (found.told("LEVEL"), found.told("ONLY"), found.ports) == (None, "tests", ((9000,), (9000,)))


def test_what_arguments_of_the_build_make_of_a_variable_is_not_told() -> None:
    found = of_stages(build_args={"LEVEL": "debug"})
    assert (found.told("LEVEL"), found.build_args) == (None, {"LEVEL": "debug"})


def test_neighbours_are_the_other_services(tmp_path: Path) -> None:
    assert expected(tmp_path, "web/Dockerfile").neighbours == {"api", "data_base"}


def test_a_dockerfile_that_no_service_builds_may_be_any_of_them(tmp_path: Path) -> None:
    found = expected(tmp_path, "tools/Dockerfile")
    assert found.env == {}
    assert found.neighbours == {"web", "api", "data_base"}


def test_a_name_that_is_no_host_is_left_out(tmp_path: Path) -> None:
    compose = COMPOSE.replace("data_base", '"$NAME"')
    assert expected(tmp_path, "web/Dockerfile", compose).neighbours == {"api"}
