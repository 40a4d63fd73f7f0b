"""The configuration for single-page apps, asked through nginx itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockfix.recipes import nginx

from .fixtures import built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .engine import Container, Engine

pytestmark = pytest.mark.container

PORT = 8080
SITE = {
    "index.html": "the page",
    "robots.txt": "plain",
    "assets/index-4f2a.js": "script",
    "about/picture.txt": "a file in a folder",
}


@pytest.fixture(scope="module")
def site(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder: Path = tmp_path_factory.mktemp("site")
    for name, text in SITE.items():
        place = folder / "dist" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "nginx.conf").write_text(nginx.conf(PORT, "assets"))
    (folder / "Dockerfile").write_text(
        f"FROM nginx:stable-alpine\nCOPY nginx.conf {nginx.CONF}\nCOPY dist {nginx.ROOT}\n"
    )
    with engine.run(built(engine, folder)) as container:
        container.wait_http("/", PORT)
        yield container


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/", 200, b"the page"),
        ("/cart/7", 200, b"the page"),
        ("/about", 200, b"the page"),  # a folder of the output, and a page of the app
        ("/robots.txt", 200, b"plain"),
        ("/assets/index-4f2a.js", 200, b"script"),
    ],
)
def test_paths_of_the_app_are_answered(site: Container, path: str, status: int, body: bytes) -> None:
    answer = site.http(path, PORT)
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize("path", ["/assets/index-0000.js", "/api/items"])
def test_page_is_never_taken_for_a_script_or_data(site: Container, path: str) -> None:
    assert site.http(path, PORT).status == 404


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "no-cache"),
        ("/cart/7", "no-cache"),
        ("/robots.txt", "no-cache"),
        ("/assets/index-4f2a.js", "public, max-age=31536000, immutable"),
    ],
)
def test_one_cache_header(site: Container, path: str, expected: str) -> None:
    headers = site.exec("wget", "-S", "-O", "/dev/null", f"http://127.0.0.1:{PORT}{path}").output
    found = [line.partition(":")[2].strip() for line in headers.splitlines() if "cache-control" in line.lower()]
    assert found == [expected]


def test_ipv6_is_served(site: Container) -> None:
    listening = site.exec("cat", "/proc/net/tcp6").output
    assert f":{PORT:04X} " in listening
