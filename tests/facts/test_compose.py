from __future__ import annotations

import pytest

from dockfix.facts import App, Tree, contexts
from dockfix.facts.compose import Volume, interpolate, role, words

COMPOSE = """\
x-base: &base
  init: true
  environment:
    A: one
services:
  api:
    <<: *base
    build:
      context: .
      dockerfile: backend/Dockerfile
      target: runtime
      args: [VERSION=1]
    command: ["npm", "start"]
    user: "1000:1000"
    read_only: yes
    ports: ["${PORT:-8080}:3000", "127.0.0.1:9229:9229/udp", {target: 80, published: "81"}, "53"]
    volumes:
      - ./backend:/app
      - /app/node_modules
      - data:/data:ro
      - {type: bind, source: ../outside, target: /x}
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost/"]
    env_file: [.env, {path: backend/.env}]
    develop:
      watch:
        - {path: ., action: sync, target: /app}
        - {path: nginx.conf, action: sync+restart, target: /etc/nginx/nginx.conf}
        - {path: package.json, action: rebuild}
  web:
    build: ./web
    command: sh -c "npm run dev"
    depends_on:
      api: {condition: service_healthy}
    healthcheck: {disable: true}
  db:
    image: postgres:16
volumes: {data: {}}
"""
FILES = {"docker-compose.yml": COMPOSE, "backend/Dockerfile": "", "web/Dockerfile": "", "web/a": ""}


def test_a_service_is_read_with_lines() -> None:
    app = App.discover(Tree(FILES), "backend/Dockerfile")
    assert app.context == ""
    [service] = app.compose
    assert (service.target, service.command, service.user) == ("runtime", ("npm", "start"), "1000:1000")
    assert (service.init, service.read_only, service.develop_watch) == (True, True, True)
    assert [fact.value for fact in service.synced] == ["/app", "/etc/nginx"]
    assert [fact.value for fact in service.env_files] == [".env", "backend/.env"]
    assert dict(service.environment) == {"A": "one"}
    assert dict(service.build_args) == {"VERSION": "1"}
    assert service.healthcheck
    assert service.healthcheck_test == ("curl", "-f", "http://localhost/")
    assert service.healthy_dependents == ("web",)
    assert [(port.published, port.target, port.protocol) for port in service.ports] == [
        ("8080", 3000, "tcp"),
        ("127.0.0.1:9229", 9229, "udp"),
        ("81", 80, "tcp"),
        (None, 53, "tcp"),
    ]
    assert [service.origin(name) for name in ("name", "target", "command", "init", "image")] == [
        "docker-compose.yml:6",
        "docker-compose.yml:11",
        "docker-compose.yml:13",
        "docker-compose.yml:2",
        "docker-compose.yml:6",
    ]


def test_volumes_tell_what_hides_a_folder() -> None:
    [service] = App.discover(Tree(FILES), "backend/Dockerfile").compose
    assert service.volumes == (
        Volume("bind", "./backend", "/app", "backend", False, "docker-compose.yml:18"),
        Volume("anonymous", None, "/app/node_modules", None, False, "docker-compose.yml:19"),
        Volume("named", "data", "/data", None, True, "docker-compose.yml:20"),
        Volume("bind", "../outside", "/x", None, False, "docker-compose.yml:21"),
    )
    assert [volume.target for volume in service.binds_over("/app/dist")] == ["/app"]
    assert service.binds_over("/application") == ()


def test_a_disabled_probe_and_a_command_in_one_string() -> None:
    app = App.discover(Tree(FILES), "web/Dockerfile")
    [service] = app.compose
    assert (app.context, service.healthcheck, service.healthcheck_disabled) == ("web", False, True)
    assert words(service.command) == ("sh", "-c", "npm run dev")


def test_an_override_without_a_build_belongs_to_the_service_below_it() -> None:
    override = "services:\n  web:\n    volumes: ['./web:/app']\n"
    app = App.discover(Tree({**FILES, "docker-compose.override.yml": override}), "web/Dockerfile")
    assert [(item.role, len(item.volumes)) for item in app.compose] == [
        ("main", 0),
        ("override", 1),
    ]


def test_extends_takes_the_other_service_along() -> None:
    main = "services:\n  a:\n    extends: {file: base.yml, service: b}\n    user: x\n"
    base = "services:\n  b:\n    build: .\n    init: true\n"
    [service, *_] = App(Tree({"compose.yaml": main, "base.yml": base, "Dockerfile": ""})).compose
    assert (service.user, service.init) == ("x", True)


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        ("services:\n  a: [\n", 3, "is not valid YAML"),
        ("a: b: c", 1, "is not valid YAML"),
        ("services: {a: *nowhere}", 1, "is not valid YAML"),
        ("\t- x", 1, "is not valid YAML"),
        ("services:\n  \udcb0: {}\n", 2, "is not valid YAML: it is not in UTF-8"),
        ("services:\n  a: {build: ., ports: 3}\n", 2, "has ports of service a that are no list"),
        ("services:\n  a:\n    volumes: {x: y}\n", 3, "has volumes of service a that are no list"),
        ("services:\n  - a\n", 1, "names services that are no mapping"),
        ("services:\n  a: web\n", 2, "says nothing of service a, which is no mapping"),
        ("- 1", 1, "is no mapping, so that it names no services"),
    ],
)
def test_broken_files_are_problems_and_never_errors(source: str, line: int, message: str) -> None:
    app = App(Tree({"docker-compose.yml": source, "Dockerfile": ""}))
    assert isinstance(app.compose, tuple)
    [problem] = app.problems
    assert problem.origin == f"docker-compose.yml:{line}"
    assert problem.message.startswith(message)


@pytest.mark.parametrize("source", ["", "---\n", "services:\n", "services:\n  a:\n    build: .\n    ports:\n"])
def test_what_is_left_empty_is_no_problem(source: str) -> None:
    app = App(Tree({"docker-compose.yml": source, "Dockerfile": ""}))
    assert len(app.compose) == source.count("  a:")
    assert app.problems == ()


def test_a_problem_names_the_line() -> None:
    app = App(Tree({"docker-compose.yml": "services:\n  a: b: c\n"}))
    assert app.compose == ()
    assert app.problems[0].origin == "docker-compose.yml:2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("compose.yaml", "main"),
        ("docker-compose.dev.yml", "development"),
        ("docker-compose-prod.yml", "production"),
        ("compose.override.yaml", "override"),
        ("docker-compose.ci.yml", "test"),
        ("docker-compose.devices.yml", "other"),
    ],
)
def test_role(name: str, expected: str) -> None:
    assert role(name) == expected


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A:-b}", "b"),
        ("$$A", "$A"),
        ("${A}", "${A}"),
        ("${A-}", ""),
        ("x${A:?needed}", "x${A:?needed}"),
        ("${A:+b}", ""),
    ],
)
def test_interpolation_uses_defaults_alone(written: str, value: str) -> None:
    assert interpolate(written) == value


def test_the_context_is_compose_then_ci_then_the_own_folder() -> None:
    files = {
        "api/Dockerfile": "",
        "Makefile": "image:\n\tdocker build -t x \\\n\t  -f api/Dockerfile --target prod .\n",
    }
    assert contexts(Tree({"api/Dockerfile": ""}), "api/Dockerfile").value == "api"
    by_make = contexts(Tree(files), "api/Dockerfile")
    assert (by_make.value, by_make.origin) == ("", "Makefile:2")
    compose = {"compose.yml": "services: {a: {build: ./api}}"}
    assert contexts(Tree(files | compose), "api/Dockerfile").value == "api"


def test_devices_are_those_of_the_host() -> None:
    listed = "devices: [nvidia.com/gpu=all, /dev/a:/dev/b:rw, {source: /dev/c}], device_cgroup_rules: [c 1:3 mr]"
    source = f"services: {{a: {{build: ., {listed}}}}}"
    [service] = App(Tree({"compose.yml": source})).compose
    assert [fact.value for fact in service.devices] == ["/dev/a", "/dev/c", "c 1:3 mr"]
