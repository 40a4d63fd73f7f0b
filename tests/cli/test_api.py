"""Plans from Python, without the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dockfix.api import fix
from dockfix.dockerfile import DockerfileError
from dockfix.options import Options


def test_a_plan_holds_the_new_texts_and_writes_nothing(app: Path) -> None:
    plan = fix("Dockerfile")
    assert plan.changed
    assert "new" in plan.after
    assert plan.files == {".dockerignore": "/.git\n"}
    assert not (app / ".dockerignore").exists()
    assert plan.before == (app / "Dockerfile").read_text()


def test_options_are_those_given_alone(app: Path) -> None:
    (app / ".dockfix.toml").write_text('skip = ["freshen"]\n')
    plan = fix(app / "Dockerfile", options=Options(only=frozenset({"freshen"})))
    assert {outcome.transform for outcome in plan.outcomes} == {"freshen"}


def test_context_and_root_can_be_given(app: Path) -> None:
    (app / "api").mkdir()
    (app / "Dockerfile").rename(app / "api" / "Dockerfile")
    assert set(fix("api/Dockerfile").files) == {"api/.dockerignore"}
    assert set(fix("api/Dockerfile", context="").files) == {".dockerignore"}
    assert fix("api/Dockerfile", root=app / "api").path == "Dockerfile"


def test_outside_of_the_root_is_an_error(app: Path) -> None:
    (app / "api").mkdir()
    with pytest.raises(DockerfileError, match="Dockerfile:1: lies outside of "):
        fix("Dockerfile", root=app / "api")


def test_a_reader_that_stops_early_is_no_error(app: Path) -> None:
    command = f"{sys.executable} -m dockfix --only exec-form . | true"
    done = subprocess.run(["bash", "-c", command], cwd=app, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
