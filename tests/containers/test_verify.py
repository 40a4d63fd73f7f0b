"""``dockfix verify`` with a real engine: what it measures, what it finds, and that it leaves nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dockfix.verify.abandoned import LABEL, PREFIX

from .sequences import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine import Engine

pytestmark = pytest.mark.container

FLASK = next(case for case in cases() if case.name == "flask-backend")

ECHO = """\
FROM alpine:3.20
COPY . .
RUN apk update && apk add curl
EXPOSE 8000
CMD ["busybox", "httpd", "-f", "-p", "8000"]
"""


def _told(path: Path) -> bytes:
    """What the kernel says there; nothing of a process that has ended meanwhile."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _nobodys(group: Path) -> bool:
    """Whether a control group is there that no run has locked."""
    try:
        folder = os.open(group, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(folder)
    return group.exists()


class Run:
    """A run of the command with a temporary folder of its own, whose one subfolder tells the run's label."""

    def __init__(self, engine: Engine, temporary: Path, *arguments: str) -> None:
        self.engine = engine
        self.temporary = temporary
        self.temporary.mkdir()
        command = [sys.executable, "-m", "dockfix", "verify", "--isolated", "--engine", engine.program, *arguments]
        environment = {**engine.environment, "TMPDIR": str(temporary)}
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.name: str | None = None
        self.group: Path | None = None

    def watch(self, seconds: float, until: Callable[[Run], bool] = lambda run: False) -> None:
        """Let it run for some seconds, to a moment, or to its end."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            self.name = self.name or next((path.name for path in self.temporary.glob(f"{PREFIX}*")), None)
            self.group = self.group or self._group()
            if self.name is not None and until(self):
                break
            time.sleep(0.02)

    def made(self, *listing: str) -> bool:
        """Whether something that the engine lists bears the run's label."""
        label = f"{LABEL}={str(self.name).removeprefix(PREFIX)}"
        return bool(self.engine.call(*listing, "--quiet", "--filter", f"label={label}").split())

    def calls(self, command: str) -> bool:
        """Whether it waits for this command of the engine."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = [child.decode() for task in tasks for child in _told(task).split()]
        lines = [_told(Path(f"/proc/{child}/cmdline")).split(b"\0") for child in children]
        return any(command.encode() in line for line in lines)

    def _group(self) -> Path | None:
        """The control group that it has locked for its builds."""
        with suppress(OSError):  # it may have ended
            for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
                with suppress(OSError):
                    place = link.readlink()
                    if place.name.startswith("dockfix-") and "cgroup" in place.parts:
                        return place
        return None

    def end(self) -> tuple[int, str, str]:
        output, errors = self.process.communicate(timeout=900)
        return self.process.returncode, output, errors

    def left(self) -> list[str]:
        """What it made and is still there."""
        found = [path.name for path in self.temporary.iterdir()]
        if self.group is not None and _nobodys(self.group):
            found.append(str(self.group))
        if self.name is not None:
            label = f"{LABEL}={self.name.removeprefix(PREFIX)}"
            for listing in (("ps", "--all"), ("images", "--all"), ("network", "ls")):
                found += self.engine.call(*listing, "--quiet", "--filter", f"label={label}").split()
        return found


def test_the_table_of_the_flask_service(engine: Engine, tmp_path: Path) -> None:
    place = FLASK.lay_before(tmp_path / "app")
    texts = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    run = Run(engine, tmp_path / "tmp", "--format", "json", "--rebuilds", "1", str(place))
    run.watch(10)
    code, output, errors = run.end()
    assert code == 0, output + errors
    assert run.name is not None
    found: dict[str, Any] = json.loads(output)["files"][0]
    before, after = found["before"], found["after"]
    assert found["verdict"] == "same behaviour"
    assert after["image"]["size"] < 0.3 * before["image"]["size"]
    assert (before["run"]["uid"], after["run"]["uid"]) == (0, FLASK.uid)
    assert after["run"]["health"] == "healthy"
    assert after["run"]["stop"]["seconds"] < before["run"]["stop"]["seconds"]
    assert {answer["path"] for answer in after["run"]["answers"]} >= set(FLASK.paths[:1])
    assert (before["builds"]["dependencies_cached"], after["builds"]["dependencies_cached"]) == (False, True)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == texts
    assert run.left() == []


def test_neither_side_takes_a_changed_stage_from_the_other(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "app"
    place.mkdir()
    (place / ".git").mkdir()
    (place / ".dockerignore").write_text("Dockerfile\n")  # the copied stage is the same to the last byte
    stage = "FROM alpine:3.20 AS build\nCOPY app.js package.json /site/\nRUN sleep 3\n"
    (place / "Dockerfile").write_text(stage + ECHO.replace("COPY . .", "COPY --from=build /site ."))
    (place / "app.js").write_text(f"// {os.urandom(8).hex()}\n")
    (place / "package.json").write_text("{}\n")
    code, output, errors = Run(engine, tmp_path / "tmp", "--format", "json", "--rebuilds", "1", str(place)).end()
    assert code == 0, output + errors
    found = json.loads(output)["files"][0]
    assert found["changed"] == ["app.js", "package.json"]
    for side in ("before", "after"):
        assert min(*found[side]["builds"]["source"], *found[side]["builds"]["dependencies"]) > 3
        assert "sleep 3" in found[side]["builds"]["repeated"]


def test_a_base_that_cannot_be_had(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "app"
    place.mkdir()
    (place / "Dockerfile").write_text(ECHO.replace("alpine:3.20", "alpine:0.1"))
    code, output, _ = Run(engine, tmp_path / "tmp", "--quick", str(place)).end()
    assert code == 2
    assert "the original does not build\n  base alpine:0.1 cannot be had" in output


def test_a_proxy_starts_without_what_it_serves(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "app"
    place.mkdir()
    (place / ".git").mkdir()
    (place / "Dockerfile").write_text("FROM nginx:1.25\nCOPY default.conf /etc/nginx/conf.d/\n")
    upstream = "location / { root /usr/share/nginx/html; } location /api/ { proxy_pass http://backend:8000/; }"
    (place / "default.conf").write_text(f"server {{ listen 80; {upstream} }}\n")
    (place / "compose.yaml").write_text("services:\n  web:\n    build: .\n  backend:\n    image: backend\n")
    code, output, errors = Run(engine, tmp_path / "tmp", "--quick", "--path", "/api/", str(place)).end()
    assert code == 0, output + errors
    assert "/api/ is answered with 502 by both" in output


def test_an_original_that_ends_later_than_its_rewrite_ends_alike(engine: Engine, tmp_path: Path) -> None:
    place = tmp_path / "app"
    place.mkdir()
    (place / ".git").mkdir()
    (place / "Dockerfile").write_text('FROM python:3.11-slim\nCOPY app.py /srv/\nCMD ["python", "/srv/app.py"]\n')
    (place / "app.py").write_text("import os, time\ntime.sleep(0 if os.getuid() else 9)\nprint('done')\n")
    code, output, errors = Run(engine, tmp_path / "tmp", "--quick", str(place)).end()
    assert code == 0, output + errors
    assert "both print the same and end" in output


@pytest.mark.parametrize(("seconds", "number"), [(0.5, signal.SIGTERM), (2.0, signal.SIGINT), (8.0, signal.SIGTERM)])
def test_an_interruption_leaves_nothing(engine: Engine, tmp_path: Path, seconds: float, number: int) -> None:
    place = FLASK.lay_before(tmp_path / "app")
    run = Run(engine, tmp_path / "tmp", "--quick", str(place))
    run.watch(seconds)
    run.process.send_signal(number)
    code, output, errors = run.end()
    assert code in {128 + number, -number, os.EX_OK}, output + errors
    assert run.left() == []


MOMENTS: dict[str, tuple[signal.Signals, Callable[[Run], bool]]] = {
    "the network": (signal.SIGINT, lambda run: run.made("network", "ls")),
    "the copies": (signal.SIGTERM, lambda run: any(run.temporary.glob(f"{PREFIX}*/*/after"))),
    "a build": (signal.SIGINT, lambda run: run.calls("build")),
    "an image": (signal.SIGTERM, lambda run: run.made("images", "--all")),
    "a container": (signal.SIGINT, lambda run: run.made("ps", "--all")),
    "a look inside": (signal.SIGTERM, lambda run: run.calls("exec")),
    "a stop": (signal.SIGINT, lambda run: run.calls("stop")),
    "the removal": (signal.SIGTERM, lambda run: run.calls("rm")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interruption_at_each_step_leaves_nothing(engine: Engine, tmp_path: Path, moment: str) -> None:
    number, reached = MOMENTS[moment]
    place = tmp_path / "app"
    place.mkdir()
    (place / ".git").mkdir()
    (place / "Dockerfile").write_text(ECHO)
    (place / "index.html").write_text(os.urandom(8).hex())  # nothing of it is in the builder's cache
    run = Run(engine, tmp_path / "tmp", "--quick", str(place))
    run.watch(120, until=reached)
    assert run.process.poll() is None, run.end()
    run.process.send_signal(number)
    time.sleep(0.3)
    run.process.send_signal(number)  # of somebody who has no patience with the cleaning up
    code, output, errors = run.end()
    assert code == 128 + number, output + errors
    assert run.left() == []
