"""What compose lends to the containers of both sides."""

from __future__ import annotations

from pathlib import Path

from dockfix.api import Repository
from dockfix.dockerfile import Document
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


def test_neighbours_are_the_other_services(tmp_path: Path) -> None:
    assert expected(tmp_path, "web/Dockerfile").neighbours == {"api", "data_base"}


def test_a_dockerfile_that_no_service_builds_may_be_any_of_them(tmp_path: Path) -> None:
    found = expected(tmp_path, "tools/Dockerfile")
    assert found.env == {}
    assert found.neighbours == {"web", "api", "data_base"}


def test_a_name_that_is_no_host_is_left_out(tmp_path: Path) -> None:
    compose = COMPOSE.replace("data_base", '"$NAME"')
    assert expected(tmp_path, "web/Dockerfile", compose).neighbours == {"api"}
