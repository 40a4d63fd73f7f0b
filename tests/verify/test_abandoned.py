"""What a run that was killed has left is removed by the next one, and nothing of anybody else's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dockfix.verify.abandoned import LABEL, PREFIX, remove
from dockfix.verify.engine import Engine
from dockfix.verify.workspace import workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing shows that a run is at an end")

KILLED = """
import os, signal, sys
from dockfix.verify.docker import Docker
from dockfix.verify.workspace import workspace
with workspace(Docker(dict(os.environ), program=sys.argv[1])) as place:
    (place.folder / "Dockerfile").write_text("FROM a\\n")
    place.engine.build(place.folder)
    (place.folder / "locked").mkdir(mode=0o500)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def left(temporary: Path, state: Path, program: str) -> Path:
    """The folder of a run that was killed after it had made a network and an image."""
    done = subprocess.run([sys.executable, "-c", KILLED, program], check=False)
    assert done.returncode == -signal.SIGKILL
    assert sorted(path.name.partition("-")[0] for path in state.iterdir()) == ["image", "network"]
    (folder,) = temporary.iterdir()
    return folder


@pytest.fixture
def asking(left: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command of the run that has outlived it."""
    label = f"{LABEL}={left.name.removeprefix(PREFIX)}"
    command = [sys.executable, "-c", "print(flush=True); input()", label]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_it_is_removed(left: Path, engine: Engine, state: Path, temporary: Path) -> None:
    with workspace(engine) as place:
        assert list(temporary.iterdir()) == [place.folder]
        assert len(list(state.iterdir())) == 1
    assert [*state.iterdir(), *temporary.iterdir()] == []


def test_a_run_that_goes_on_keeps_all_that_it_has(engine: Engine, state: Path, temporary: Path) -> None:
    with workspace(engine) as first, workspace(engine) as second:
        assert sorted(temporary.iterdir()) == sorted([first.folder, second.folder])
        assert len(list(state.iterdir())) == 2


def test_it_is_left_to_the_engine_that_was_asked(left: Path, engine: Engine, state: Path) -> None:
    other = replace(engine, environment={**engine.environment, "DOCKER_HOST": "ssh://far"})
    with workspace(other):
        assert left.exists()
        assert len(list(state.iterdir())) == 3


@pytest.mark.parametrize("mark", [{"boot": "another"}, {"engine": "another"}, None], ids=str)
def test_what_is_not_known_to_be_at_an_end_stays(left: Path, engine: Engine, state: Path, mark: object) -> None:
    file = left / "run.json"
    if isinstance(mark, dict):
        file.write_text(json.dumps({**json.loads(file.read_text()), **mark}))
    else:
        file.unlink()
    with workspace(engine):
        assert left.exists()
        assert len(list(state.iterdir())) == 3


def test_what_others_may_write_to_is_not_its_own(left: Path, engine: Engine) -> None:
    left.chmod(0o777)
    with workspace(engine):
        assert left.exists()


def test_a_command_that_is_at_work_yet_is_waited_for(
    left: Path, engine: Engine, asking: subprocess.Popen[bytes]
) -> None:
    with workspace(engine):
        assert left.exists()
    asking.kill()
    asking.wait()
    with workspace(engine):
        assert not left.exists()


def test_what_cannot_be_removed_is_left_to_the_next_run(left: Path, engine: Engine, state: Path) -> None:
    clinging = replace(engine, environment={**engine.environment, "FAKE_CLINGING": "image"})
    with workspace(clinging):
        assert left.exists()
    with workspace(engine):
        assert not left.exists()
    assert list(state.iterdir()) == []


def test_a_link_leads_nowhere(left: Path, engine: Engine, temporary: Path, tmp_path: Path) -> None:
    real = left.rename(tmp_path / "kept")
    temporary.joinpath(left.name).symlink_to(real)
    with workspace(engine):
        assert (real / "Dockerfile").exists()


@pytest.mark.parametrize("mode", [0o700, 0o777])
def test_a_mark_that_nobody_writes_to_is_not_waited_for(left: Path, engine: Engine, mode: int) -> None:
    (left / "run.json").unlink()
    os.mkfifo(left / "run.json")
    left.chmod(mode)
    signal.alarm(30)  # ends the workspace where it waits
    with workspace(engine):
        signal.alarm(0)
    assert left.exists()


def test_a_mark_that_leads_elsewhere_is_not_read(left: Path, engine: Engine, tmp_path: Path) -> None:
    mark = left / "run.json"
    mark.symlink_to(shutil.move(mark, tmp_path / "elsewhere"))
    with workspace(engine):
        assert left.exists()


def test_the_mark_goes_last(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rmtree = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", lambda path, **how: None if path.name == "locked" else rmtree(path, **how))
    remove(left)
    assert sorted(path.name for path in left.iterdir()) == ["locked", "run.json"]
    monkeypatch.undo()
    remove(left)
    assert not left.exists()
