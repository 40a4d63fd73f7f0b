"""``dockfix verify`` with a real engine: what it measures, what it finds, and that it leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dockfix.verify.workspace import LABEL, PREFIX

from .sequences import cases

if TYPE_CHECKING:
    from .engine import Engine

pytestmark = pytest.mark.container

FLASK = next(case for case in cases() if case.name == "flask-backend")

ECHO = """\
FROM alpine:3.20
COPY . .
RUN apk add curl
EXPOSE 8000
CMD ["busybox", "httpd", "-f", "-p", "8000"]
"""


def verify(engine: Engine, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dockfix", "verify", "--isolated", "--engine", engine.program, *arguments]
    return subprocess.run(command, env=dict(engine.environment), capture_output=True, text=True, check=False)


def left(engine: Engine) -> list[str]:
    found = []
    for listing in (("ps", "--all"), ("images", "--all"), ("network", "ls")):
        found += engine.call(*listing, "--quiet", "--filter", f"label={LABEL}").split()
    return found + [path.name for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*")]


def test_the_table_of_the_flask_service(engine: Engine, tmp_path: Path) -> None:
    place = FLASK.lay_before(tmp_path / "app")
    texts = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    done = verify(engine, "--format", "json", "--rebuilds", "1", str(place))
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["files"][0]
    before, after = found["before"], found["after"]
    assert found["verdict"] == "same behaviour"
    assert after["image"]["size"] < 0.3 * before["image"]["size"]
    assert (before["run"]["uid"], after["run"]["uid"]) == (0, FLASK.uid)
    assert after["run"]["health"] == "healthy"
    assert after["run"]["stop"]["seconds"] < before["run"]["stop"]["seconds"]
    assert {answer["path"] for answer in after["run"]["answers"]} >= set(FLASK.paths[:1])
    assert (before["builds"]["dependencies_cached"], after["builds"]["dependencies_cached"]) == (False, True)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == texts
    assert left(engine) == []


def test_a_base_that_cannot_be_had(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(ECHO.replace("alpine:3.20", "alpine:0.1"))
    done = verify(engine, "--quick", str(tmp_path))
    assert done.returncode == 2
    assert "the original does not build\n  base alpine:0.1 cannot be had" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.0, 8.0, 16.0])
def test_an_interruption_leaves_nothing(engine: Engine, tmp_path: Path, seconds: float, number: int) -> None:
    place = FLASK.lay_before(tmp_path / "app")
    command = [sys.executable, "-m", "dockfix", "verify", "--quick", "--engine", engine.program, str(place)]
    process = subprocess.Popen(command, env=dict(engine.environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(seconds)
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode in {128 + number, -number, os.EX_OK}
    assert left(engine) == []
