"""The stand-ins behave as the official images do, as far as the other tests rely on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

PYTHONS = ("python:3.11", "python:3.11-slim", "python:3.11-alpine")
NODES = ("node:18", "node:18-slim", "node:20", "node:20-slim", "node:20-alpine", "node:22-alpine")
NGINXES = ("nginx:1.25", "nginx:1.25-alpine")


def output(engine: Engine, image: str, *command: str) -> str:
    """What a command prints in a fresh container of the image; it must succeed."""
    with engine.run(image, *command) as container:
        code = container.wait()
        assert code == 0, container.logs()
        return container.logs().strip()


def built(engine: Engine, folder: Path, *lines: str) -> str:
    """The image that these lines of a Dockerfile make."""
    folder.joinpath("Dockerfile").write_text("\n".join(lines) + "\n")
    result = engine.build(folder)
    assert result.ok, result.log
    return result.image


@pytest.mark.parametrize("image", PYTHONS)
def test_python_runs_with_its_usual_modules(engine: Engine, image: str) -> None:
    code = "import sys, ssl, sqlite3, ctypes, zlib, bz2, lzma; print(*sys.version_info[:2], sys.prefix)"
    assert output(engine, image, "python", "-c", code) == "3 11 /usr/local"
    config = engine.image_config(image)
    assert config["Cmd"] == ["python3"]
    assert "LANG=C.UTF-8" in config["Env"]


@pytest.mark.parametrize("image", PYTHONS)
def test_python_installs_platform_wheels(engine: Engine, image: str, tmp_path: Path) -> None:
    made = built(engine, tmp_path, f"FROM {image}", "RUN pip install --no-cache-dir psycopg2-binary==2.9.9")
    output(engine, made, "python", "-c", "import psycopg2")


@pytest.mark.parametrize("image", NODES)
def test_node_runs_as_root_and_has_the_user_node(engine: Engine, image: str) -> None:
    printed = output(engine, image, "-p", "process.versions.node.split('.')[0] + ' ' + process.getuid()")
    assert printed == f"{image[5:7]} 0"
    assert output(engine, image, "id", "-u", "node") == "1000"
    config = engine.image_config(image)
    assert (config["Entrypoint"], config["Cmd"]) == (["docker-entrypoint.sh"], ["node"])


@pytest.mark.parametrize("image", NODES)
def test_node_installs_packages_and_has_yarn(engine: Engine, image: str, tmp_path: Path) -> None:
    made = built(
        engine,
        tmp_path,
        f"FROM {image}",
        "WORKDIR /app",
        "RUN npm install --no-save left-pad@1.3.0 && yarn --version",
        """CMD ["node", "-p", "require('left-pad')('x', 3, '.')"]""",
    )
    assert output(engine, made) == "..x"


@pytest.mark.parametrize("image", NGINXES)
def test_nginx_serves_on_port_80_with_unprivileged_workers(engine: Engine, image: str) -> None:
    config = engine.image_config(image)
    assert config["StopSignal"] == "SIGQUIT"
    assert "80/tcp" in config["ExposedPorts"]
    with engine.run(image) as container:
        answer = container.wait_http("/", 80)
        assert answer.status == 200
        assert b"nginx" in answer.body
        assert container.exec("id", "-u", "nginx").output.strip() == "101"
        assert container.uid() == 0
        assert container.stop().exit_code == 0


@pytest.mark.parametrize("image", NGINXES)
def test_nginx_fills_in_its_templates(engine: Engine, image: str, tmp_path: Path) -> None:
    template = "server { listen ${PORT}; location / { return 200 $request_uri; } }"
    tmp_path.joinpath("site.conf.template").write_text(template)
    made = built(engine, tmp_path, f"FROM {image}", "COPY site.conf.template /etc/nginx/templates/site.conf.template")
    with engine.run(made, env={"PORT": "8080"}) as container:
        assert container.wait_http("/here", 8080).body == b"/here"


@pytest.mark.parametrize("base", ["python:3.11-slim", "python:3.11-alpine"])
def test_dumb_init_passes_signals_to_a_user_made_for_the_app(engine: Engine, base: str, tmp_path: Path) -> None:
    install = {
        "python:3.11-slim": "apt-get update && apt-get install -y --no-install-recommends dumb-init",
        "python:3.11-alpine": "apk add --no-cache dumb-init",
    }
    account = {
        "python:3.11-slim": "groupadd -g 1001 app && useradd -u 1001 -g app app",
        "python:3.11-alpine": "addgroup -g 1001 -S app && adduser -S app -u 1001 -G app",
    }
    image = built(
        engine,
        tmp_path,
        f"FROM {base}",
        f"RUN {install[base]} && {account[base]}",
        "USER app",
        "HEALTHCHECK CMD python -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:8000/')\"",
        'ENTRYPOINT ["dumb-init", "--"]',
        'CMD ["python", "-m", "http.server", "8000"]',
    )
    options = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    with engine.run(image, options=options) as container:
        container.wait_healthy()
        assert container.uid() == 1001
        assert container.pid1_cmdline()[:2] == ("dumb-init", "--")
        assert container.http("/", 8000).status == 200
        assert container.stop().seconds < 2


def test_debian_slim_finds_its_packages_where_dockerfiles_expect_them(engine: Engine) -> None:
    assert "bookworm" in output(engine, "debian:bookworm-slim", "cat", "/etc/apt/sources.list.d/debian.sources")


def test_apk_refuses_what_its_repository_does_not_have(engine: Engine, tmp_path: Path) -> None:
    tmp_path.joinpath("Dockerfile").write_text("FROM alpine:3.19\nRUN apk add --no-cache dumb-init build-essential\n")
    result = engine.build(tmp_path)
    assert not result.ok
    assert "unable to select packages" in result.log
    assert "build-essential (no such package)" in result.log


def test_apk_needs_an_index(engine: Engine, tmp_path: Path) -> None:
    tmp_path.joinpath("Dockerfile").write_text("FROM alpine:3.19\nRUN apk add dumb-init\n")
    assert not engine.build(tmp_path).ok


def test_apk_deletes_a_virtual_package_with_what_it_brought(engine: Engine, tmp_path: Path) -> None:
    image = built(
        engine,
        tmp_path,
        "FROM alpine:3.19",
        "RUN apk add --no-cache libpq",
        "RUN apk add --no-cache --virtual .build libpq-dev && pg_config --version && apk del .build",
    )
    installed = output(engine, image, "apk", "info").split()
    assert "libpq" in installed
    assert "libpq-dev" not in installed
    output(engine, image, "test", "!", "-e", "/usr/bin/pg_config")


@pytest.mark.parametrize(
    ("package", "command"),
    [
        ("bash", "bash -c 'a=(1 2); test ${#a[@]} = 2'"),
        ("curl", "curl --version"),
        ("git", "git init /tmp/repository"),
        ("make", "printf 'all:\\n\\t@echo made\\n' | make -f - all"),
        ("openssl", "openssl rand 4"),
        ("postgresql-client", "pg_isready --version"),
        ("python3", "python3 -c 'import ssl, ctypes, sqlite3'"),
        ("tini", "tini -- true"),
        ("tzdata", "test $(TZ=Asia/Tokyo date +%Z) = JST"),
    ],
)
def test_apk_lays_down_programs_that_run(engine: Engine, package: str, command: str, tmp_path: Path) -> None:
    built(engine, tmp_path, "FROM alpine:3.19", f"RUN apk add --no-cache {package} && {command}")


def test_alpine_compiles_an_extension_module(engine: Engine, tmp_path: Path) -> None:
    lines = (
        "FROM python:3.11-alpine",
        "RUN apk add --no-cache gcc musl-dev libpq-dev",
        "RUN pip install --no-cache-dir --no-binary psycopg2 psycopg2==2.9.9",
    )
    image = built(engine, tmp_path, *lines)
    assert output(engine, image, "python", "-c", "import psycopg2; print(psycopg2.__version__[:5])") == "2.9.9"


def test_a_container_has_no_way_out(engine: Engine) -> None:
    with engine.run("alpine:3.19", "wget", "-T", "2", "-q", "-O", "-", "http://deb.debian.org/") as container:
        assert container.wait() != 0


def test_a_syntax_line_is_not_pulled(engine: Engine, tmp_path: Path) -> None:
    tmp_path.joinpath("Dockerfile").write_text("# syntax=docker/dockerfile:1\nFROM alpine:3.19\nCOPY Dockerfile /\n")
    result = engine.build(tmp_path)
    assert result.ok, result.log
    assert engine.layers(result.image)[-1].size > 0
