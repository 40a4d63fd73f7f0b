"""What is seen of a container from outside: who reaps orphans, and whether the files of its command are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dockfix.verify.observation import Patience, observe

from .fixtures import built

if TYPE_CHECKING:
    from pathlib import Path

    from dockfix.verify.container import Container
    from dockfix.verify.engine import Engine as ContainerEngine
    from dockfix.verify.observation import Observation

    from .engine import Engine

pytestmark = pytest.mark.container

PATIENCE = Patience(port=5.0, idle=1.0, stop=1)


VARIABLES = {
    "TOKEN": "s3cr3t=x",
    "KEY": "-----BEGIN KEY-----\nabc\n-----END KEY-----\n",
    "JSON": '{"a b": "$HOME # \\\\n"}',
    "EMPTY": "",
    "PATH": "/app/bin:/usr/local/bin:/usr/bin:/bin",
    "HOME": "/a b",
}
CHATTY = "head -c 60000000 /dev/zero | tr '\\0' 'y' | fold -w 100"


def variables(container: Container) -> dict[str, str]:
    """The variables of a container's first process."""
    environ = (container.process() / "environ").read_text()
    return dict(each.split("=", 1) for each in environ.split("\0") if each)


def test_variables_reach_a_container_as_they_are(engine: Engine) -> None:
    with engine.run("alpine:3.20", "sleep", "60", env=VARIABLES) as container:
        assert variables(container).items() >= VARIABLES.items()


ARGUMENTS = """\
FROM {}
ARG KEY JSON PATH_TO=/x EMPTY=x
RUN printf '%s|' "$KEY" "$JSON" "$PATH_TO" "$EMPTY" >/told
"""


def tell(engine: ContainerEngine, place: Path, base: str) -> None:
    """Build with arguments, and look whether they have come as they are."""
    (place / "Dockerfile").write_text(ARGUMENTS.format(base))
    given = {name: VARIABLES[name] for name in ("KEY", "JSON", "EMPTY")}
    made = engine.build(place, build_args=given)
    assert made.ok, made.log
    with engine.run(made.image, "cat", "/told") as container:
        engine.call("wait", container.identity)
        assert container.logs() == f"{given['KEY']}|{given['JSON']}|/x||"


def test_build_arguments_reach_a_build_as_they_are(engine: Engine, tmp_path: Path) -> None:
    tell(engine, tmp_path, "alpine:3.20")


def test_a_container_that_prints_without_end_does_not_fill_the_disk(engine: Engine) -> None:
    with engine.run("alpine:3.20", "sh", "-c", CHATTY) as container:
        assert container.wait(120) == 0
        assert 0 < len(container.logs()) < 40_000_000


def observed(engine: Engine, place: Path, lines: str) -> Observation:
    (place / "Dockerfile").write_text(f"FROM python:3.11-alpine\nWORKDIR /app\n{lines}\n")
    (place / "app.py").write_text("import signal\nsignal.pause()\n")
    image = built(engine, place)
    return observe(
        engine, image, network=engine._network(), env={}, hosts={}, ports=(), paths=("/",), patience=PATIENCE
    )


def test_orphans_stay_under_an_app_and_are_reaped_under_an_init(engine: Engine, tmp_path: Path) -> None:
    command = 'COPY app.py ./\nCMD ["python", "app.py"]'
    alone = observed(engine, tmp_path, command)
    assert (alone.running, alone.command[0], alone.reaps) == (True, "python", False)
    under = observed(engine, tmp_path, f'RUN apk add --no-cache dumb-init\n{command}\nENTRYPOINT ["dumb-init", "--"]')
    assert (under.running, under.command[0], under.reaps) == (True, "dumb-init", True)


def test_the_files_of_the_command_are_looked_for_also_where_it_has_ended(engine: Engine, tmp_path: Path) -> None:
    there = observed(engine, tmp_path, 'COPY app.py ./\nCMD ["python", "/app/app.py", "conf/later.toml"]')
    assert there.files == {"/app/app.py": True, "conf/later.toml": False}
    gone = observed(engine, tmp_path, 'CMD ["python", "app.py"]')
    assert (gone.running, gone.files) == (False, {"app.py": False})


def test_an_image_without_a_shell_shows_its_files(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "static.html").write_text("")
    (tmp_path / "Dockerfile").write_text(
        "FROM alpine:3.20 AS tools\nFROM scratch\nCOPY --from=tools /bin/busybox /tail\nCOPY static.html /srv/a.conf\n"
        'ENTRYPOINT ["/tail"]\nCMD ["tail", "-f", "/srv/a.conf"]\n'
    )
    image = built(engine, tmp_path)
    seen = observe(
        engine, image, network=engine._network(), env={}, hosts={}, ports=(), paths=("/",), patience=PATIENCE
    )
    assert (seen.files, seen.reaps) == ({"/srv/a.conf": True}, None)


def answered(engine: Engine, place: Path, program: str) -> Observation:
    (place / "Dockerfile").write_text('FROM python:3.11-alpine\nCOPY app.py ./\nCMD ["python", "app.py"]\n')
    (place / "app.py").write_text(program)
    image = built(engine, place)
    return observe(
        engine, image, network=engine._network(), env={}, hosts={}, ports=(8000,), paths=("/",), patience=PATIENCE
    )


GUARDED = """\
from http.server import BaseHTTPRequestHandler, HTTPServer

PAGE = b"<title>Sign in</title><script src=/gone.js></script><link rel=stylesheet href=/login>"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({"/": 302, "/login": 200}.get(self.path, 404))
        self.send_header("Location", f"http://{self.headers['Host']}/login")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)


HTTPServer(("", 8000), Handler).serve_forever()
"""


def test_a_page_behind_a_redirect_is_looked_at(engine: Engine, tmp_path: Path) -> None:
    seen = answered(engine, tmp_path, GUARDED)
    assert [(each.path, each.status, each.location, each.title) for each in seen.answers] == [
        ("/", 302, "/login", "Sign in"),
        ("/login", 200, "", "Sign in"),
    ]
    assert seen.unserved == {"/gone.js": "answered with 404 text/html", "/login": "answered with 200 text/html"}


RAW = """\
import socket

server = socket.create_server(("", 8000))
connections = []
while True:
    connections.append(server.accept()[0])
    {reply}
"""


@pytest.mark.parametrize(
    ("reply", "replies"),
    [('connections[-1].sendall(b"+OK\\r\\n")', (8000,)), ("connections.pop().close()", (8000,)), ("pass", ())],
    ids=["another language", "hangs up", "silent"],
)
def test_what_does_not_speak_http_is_told_from_what_is_silent(
    engine: Engine, tmp_path: Path, reply: str, replies: tuple[int, ...]
) -> None:
    seen = answered(engine, tmp_path, RAW.format(reply=reply))
    assert (seen.ports, seen.port, seen.replies) == ((8000,), None, replies)
