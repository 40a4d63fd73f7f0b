"""What runs as an account of its own writes where it has to, and nowhere else; numbers of stages mean the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from .fixtures import built, built_after, rewrite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .engine import Container, Engine

pytestmark = pytest.mark.container

DOCKERFILE = """\
FROM alpine:3.20
RUN echo 42 >/number

FROM python:3.11-alpine
WORKDIR /app
COPY --from=0 /number /number
COPY app.py ./
VOLUME /app/data
CMD python app.py
"""
APP = """\
import http.server
import os
import pathlib

DATA = pathlib.Path("data")
DATA.mkdir(exist_ok=True)
(DATA / "started").write_text(str(os.getuid()))


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(pathlib.Path("/number").read_bytes())


http.server.HTTPServer(("", 8080), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("app")
    folder.joinpath("Dockerfile").write_text(DOCKERFILE)
    folder.joinpath("app.py").write_text(APP)
    rewrite(folder, "exec-form", "user", "init")
    assert "USER appuser" in folder.joinpath("Dockerfile").read_text()
    return built(engine, folder)


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[Container]:
    with engine.run(image) as running:
        running.wait_http("/", 8080)
        yield running


def test_a_stage_is_still_found_by_its_number(container: Container) -> None:
    assert container.http("/", 8080).body == b"42\n"


def test_the_app_writes_as_itself(container: Container) -> None:
    assert container.uid() == 1001
    assert container.exec("cat", "/app/data/started").output == "1001"


@pytest.mark.parametrize("path", ["/etc/new", "/usr/local/bin/new", "/new", "/app/new"])
def test_it_writes_nowhere_else(container: Container, path: str) -> None:
    assert container.exec("touch", path).exit_code != 0


def test_its_home_is_its_own(container: Container) -> None:
    assert container.exec("sh", "-c", 'cd ~ && touch new && echo "$HOME"').output == "/home/appuser\n"


def test_a_folder_that_only_a_developers_machine_has_is_the_apps_too(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-alpine\nWORKDIR /app\nCOPY . .\nCMD python app.py\n")
    (tmp_path / "app.py").write_text(APP.replace("/number", "/etc/hostname"))
    rewrite(tmp_path, "exec-form", "user")
    written = (tmp_path / "Dockerfile").read_text()
    # an edit of the sources does not make the folder again
    assert written.index("RUN mkdir -p data") < written.index("COPY --chown")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "started").write_text("0")
    with engine.run(built(engine, tmp_path)) as container:
        container.wait_http("/", 8080)
        assert container.exec("stat", "-c", "%U", "/app/data", "/app/data/started").output == "appuser\nappuser\n"
        assert container.exec("cat", "/app/data/started").output == "1001"


def test_a_new_volume_belongs_to_the_app(engine: Engine, image: str) -> None:
    volume = f"dockfix-test-{os.urandom(4).hex()}"
    try:
        with engine.run(image, options=["--volume", f"{volume}:/app/data"]) as container:
            container.wait_http("/", 8080)
            assert container.exec("stat", "-c", "%u:%g", "/app/data").output == "1001:1001\n"
            assert container.exec("cat", "/app/data/started").output == "1001"
    finally:
        engine.call("volume", "rm", "--force", volume)


def test_an_old_volume_stays_roots_until_it_is_given_away(engine: Engine, image: str) -> None:
    volume = f"dockfix-test-{os.urandom(4).hex()}"
    try:
        with engine.run("alpine:3.20", "touch", "/data/old", options=["--volume", f"{volume}:/data"]) as before:
            before.wait()
        with engine.run(image, options=["--volume", f"{volume}:/app/data"]) as container:
            assert container.wait() == 1
            assert "PermissionError" in container.logs()
        give = ("chown", "-R", "1001:1001", "/app/data")
        options = ["--volume", f"{volume}:/app/data", "--user", "root", "--entrypoint", give[0]]
        with engine.run(image, *give[1:], options=options) as chown:
            assert chown.wait() == 0
        with engine.run(image, options=["--volume", f"{volume}:/app/data"]) as container:
            container.wait_http("/", 8080)
    finally:
        engine.call("volume", "rm", "--force", volume)


def test_a_number_runs_what_stands_on_scratch(engine: Engine, tmp_path: Path) -> None:
    image = built_after(engine, "user/3-01-number-on-scratch", tmp_path / "app")
    with engine.run(image) as container:
        assert container.wait_http("/", 8080).body == b"hello\n"
        assert container.uid() == 65532
