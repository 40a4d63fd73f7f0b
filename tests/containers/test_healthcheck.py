"""The health checks that dockfix writes pass in the images that they are written for, while the app answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .engine import EngineError
from .fixtures import built, built_after, rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

CASES = (
    "example",
    "6-01-python-http",
    "6-01-python-tcp",
    "6-01-django-answers-to-its-hosts",
    "6-01-nginx-on-alpine",
    "6-01-nginx-on-debian",
    "6-03-nginx-health-location",
    "6-03-no-route-invented",
    "6-03-port-of-a-dotenv-file",
    "6-03-start-in-a-shell-line",
    "6-03-start-script",
    "6-05-inherited-cmd",
    "6-05-path-of-compose",
)


@pytest.mark.parametrize("case", CASES)
def test_becomes_healthy(engine: Engine, case: str, tmp_path: Path) -> None:
    with engine.run(built_after(engine, f"healthcheck/{case}", tmp_path / "app")) as container:
        container.wait_healthy()


@pytest.mark.parametrize("case", ["example", "6-03-port-variable-without-default", "6-03-start-in-a-shell-line"])
def test_obeys_the_port_variable(engine: Engine, case: str, tmp_path: Path) -> None:
    image = built_after(engine, f"healthcheck/{case}", tmp_path / "app")
    with engine.run(image, env={"PORT": "4321"}) as container:
        container.wait_healthy()


def test_a_failing_route_is_unhealthy(engine: Engine, tmp_path: Path) -> None:
    tmp_path.joinpath("Dockerfile").write_text('FROM node:20-alpine\nWORKDIR /app\nCOPY . .\nCMD ["node", "app.js"]\n')
    tmp_path.joinpath("package.json").write_text('{"name": "broken", "version": "1.0.0"}\n')
    tmp_path.joinpath("app.js").write_text(
        "const http = require('http')\n"
        "http.createServer((request, response) => {\n"
        "  if (request.url === '/health') response.statusCode = 503\n"
        "  response.end()\n"
        "}).listen(3000)\n"
    )
    rewrite(tmp_path, "healthcheck")
    text = tmp_path.joinpath("Dockerfile").read_text()
    if "/health" not in text:
        text = text.replace("require('net').connect(3000, '127.0.0.1').on('connect', () => process.exit(0))", "?")
        pytest.fail(f"the route was not found:\n{text}")
    with engine.run(built(engine, tmp_path)) as container, pytest.raises(EngineError):
        container.wait_healthy(8)
