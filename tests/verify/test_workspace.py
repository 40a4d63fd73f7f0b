"""However a run ends, nothing that it made is left."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dockfix.verify.abandoned import LABEL
from dockfix.verify.docker import Docker
from dockfix.verify.engine import Engine
from dockfix.verify.result import EngineError, TimedOutError
from dockfix.verify.workspace import Interrupted, workspace


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def build(engine: Engine, folder: Path, text: str = "FROM a\n") -> str:
    (folder / "Dockerfile").write_text(text)
    return engine.build(folder).image


def test_everything_is_removed_at_the_end(engine: Engine, state: Path, temporary: Path) -> None:
    with workspace(engine) as place:
        image = build(place.engine, place.folder)
        (place.folder / "locked").mkdir(mode=0o500)
        with place.engine.run(image, network=place.network):
            assert {path.name.partition("-")[0] for path in state.iterdir()} == {"image", "container", "network"}
    assert list(state.iterdir()) == list(temporary.iterdir()) == []


def test_everything_is_removed_after_an_error(engine: Engine, state: Path, temporary: Path) -> None:
    def fail() -> None:
        with workspace(engine) as place:
            build(place.engine, place.folder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(state.iterdir()) == list(temporary.iterdir()) == []


def test_what_others_made_stays(engine: Engine, state: Path, temporary: Path, tmp_path: Path) -> None:
    with workspace(engine, run="first") as first:
        image = build(first.engine, first.folder)
        with workspace(engine, run="second") as second:
            build(second.engine, second.folder)
        assert (state / f"image-{image}").exists()


ENDING = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM),
    *(signal.SIGPROF, signal.SIGXCPU),
)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it_and_everything_is_removed(
    engine: Engine, state: Path, temporary: Path, number: signal.Signals
) -> None:
    inherited = signal.signal(number, signal.default_int_handler)
    before = signal.getsignal(number)

    def interrupt() -> None:
        with workspace(engine) as place:
            build(place.engine, place.folder)
            os.kill(os.getpid(), number)
            time.sleep(5)

    with pytest.raises(Interrupted, match=number.name):
        interrupt()
    assert list(state.iterdir()) == list(temporary.iterdir()) == []
    assert signal.getsignal(number) is before
    signal.signal(number, inherited)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are none")
def test_so_does_a_signal_without_a_name(engine: Engine, state: Path, temporary: Path) -> None:
    def interrupt(number: int) -> None:
        with workspace(engine) as place:
            build(place.engine, place.folder)
            os.kill(os.getpid(), number)
            time.sleep(5)

    for more in (1, 7):
        with pytest.raises(Interrupted, match=rf"^SIGRTMIN\+{more}$"):
            interrupt(signal.SIGRTMIN + more)
    with pytest.raises(Interrupted, match=r"^SIGRTMAX$"):
        interrupt(signal.SIGRTMAX)
    assert list(state.iterdir()) == list(temporary.iterdir()) == []


def test_a_signal_that_was_not_heard_is_obeyed_when_it_comes_again(
    engine: Engine, state: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()

    def interrupt() -> None:
        with workspace(engine) as place:
            build(place.engine, place.folder)
            with contextlib.suppress(Interrupted):
                os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)  # at once: what the first one stops is being stopped
            monkeypatch.setattr(time, "monotonic", lambda: now + 60)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="SIGTERM"):
        interrupt()
    assert list(state.iterdir()) == list(temporary.iterdir()) == []


def test_what_cannot_be_removed_is_told_with_what_removes_it(
    engine: Engine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinging = replace(engine, environment={**engine.environment, "FAKE_CLINGING": "image network"})
    left: list[str] = []
    with workspace(clinging, run="r1", tell=left.append) as place:
        image = build(place.engine, place.folder)
    listing = "--quiet --no-trunc --filter label=dockfix.verify=r1)"
    program = engine.program
    assert left == [
        f"networks left: dockfix-veri; remove with {program} network rm $({program} network ls {listing}",
        f"images left: {image}; remove with {program} image rm --force $({program} images --all {listing}",
    ]


def test_an_engine_that_is_gone_at_the_end_may_have_left_something(engine: Engine, state: Path) -> None:
    left: list[str] = []
    with workspace(engine, run="r1", tell=left.append):
        Path(engine.program).unlink()
    assert [words.partition(" that may be left (")[0] for words in left] == ["containers", "networks", "images"]
    assert "docker: No such file or directory) are removed by" in left[0]


def test_what_the_engine_makes_after_it_was_given_up_is_removed(
    engine: Engine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["dockfix.verify.workspace"], "_CALM_SECONDS", 0.1)
    late = json.dumps({"Config": {"Labels": {LABEL: "r1"}}})
    with workspace(engine, run="r1") as place:
        with pytest.raises(TimedOutError):
            place.engine.call("network", "create", "late", timeout=0.001)
        making = threading.Timer(0.5, lambda: state.joinpath("network-late").write_text(late))
        making.start()
    making.join()
    assert list(state.iterdir()) == []


def test_a_signal_that_is_ignored_stays_so(engine: Engine) -> None:
    was = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with workspace(engine):
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, was)


def test_a_network_that_exists_is_used_and_stays(engine: Engine, state: Path) -> None:
    engine.call("network", "create", "--label", "a=b", "theirs")
    theirs = list(state.iterdir())
    with workspace(engine, "theirs") as place:
        assert place.network == "theirs"
        assert list(state.iterdir()) == theirs
    assert list(state.iterdir()) == theirs


def test_a_network_that_does_not_exist_is_told_first(engine: Engine, state: Path, temporary: Path) -> None:
    with pytest.raises(EngineError, match=r"docker has no network gone$"), workspace(engine, "gone"):
        pass
    assert [*state.iterdir(), *temporary.iterdir()] == []


def test_an_engine_that_refuses_leaves_no_folder(temporary: Path) -> None:
    engine = Docker(dict(os.environ), program=str(temporary.parent / "nothing"))
    with pytest.raises(EngineError, match="No such file"), workspace(engine):
        pass
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("dockerfile", "seconds"), [("# slow", 0.2), ("# slow", 0.7), ("# slow", 1.5), ("# late", 1.5)]
)
def test_an_interrupted_command_leaves_nothing(
    program: str, state: Path, temporary: Path, tmp_path: Path, dockerfile: str, seconds: float, number: signal.Signals
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text(f"{dockerfile}\nFROM python:3.11\nCOPY . .\nRUN apt-get install -y curl\nCMD x\n")
    command = [sys.executable, "-m", "dockfix", "verify", "--isolated", "--engine", program, str(app)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 60
    while not list(temporary.iterdir()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)  # until it has begun: the interpreter itself loses signals while it imports
    time.sleep(seconds)
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode in {128 + number, -number}, output
    if dockerfile == "# late":
        time.sleep(1.5)
    assert [*state.iterdir(), *temporary.iterdir()] == []
