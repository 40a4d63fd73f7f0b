"""Builds that are held to limits: by whom, by what name, and that nothing of it is left."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from dockfix.verify.cage import Cage, caged
from dockfix.verify.cgroup import CgroupError
from dockfix.verify.docker import Docker
from dockfix.verify.engine import Engine
from dockfix.verify.limits import Limits
from dockfix.verify.result import BuildResult, EngineError
from dockfix.verify.workspace import workspace
from tests.verify.kernel import Kernel

LIMITS = Limits("64m", 50)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def engine(kernel: Kernel, state: Path, program: str) -> Engine:
    """An engine on the machine of *kernel*."""
    return Docker(dict(os.environ), program=program)


def build(engine: Engine, folder: Path, text: str = "FROM a\n") -> tuple[bool, bool, str]:
    (folder / "Dockerfile").write_text(text)
    result = engine.build(folder)
    return result.ok, result.starved, result.reason


def test_a_build_is_held_and_nothing_is_left(engine: Engine, kernel: Kernel) -> None:
    with workspace(replace(engine, build_limits=LIMITS)) as place:
        assert place.unheld == ""
        assert build(place.engine, place.folder) == (True, False, "")
        assert all("dockfix-0" in group for group in kernel.groups())
    assert kernel.groups() == []


def test_an_interruption_before_a_group_has_its_name_leaves_the_others_alone(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Signal:
        def format(self, number: int) -> str:
            raise KeyboardInterrupt

    before = [[*place.iterdir()] for place in kernel.hierarchies]
    made = Cage(LIMITS)
    monkeypatch.setattr("dockfix.verify.cage._NAME", Signal())
    with pytest.raises(KeyboardInterrupt):
        made.take()
    assert (made.clear(), made.remains()) == (0, ())
    assert [[*place.iterdir()] for place in kernel.hierarchies] == before
    assert before


def test_a_build_that_had_not_enough_says_so(engine: Engine, kernel: Kernel) -> None:
    with workspace(replace(engine, build_limits=LIMITS)) as place:
        ok, starved, reason = build(place.engine, place.folder, "# starves\nFROM a\n")
        assert (ok, starved) == (False, True)
        assert reason.startswith("ran out of the 50 processes that a build is given (--build-pids): ")
        assert build(place.engine, place.folder, "# breaks\nFROM a\n") == (False, False, "RUN make ended with 2")


def test_runs_at_once_have_a_name_each_and_later_ones_the_first(kernel: Kernel) -> None:
    first, second, third = (Cage(LIMITS) for _ in range(3))
    first.take()
    second.take()
    with first.cell() as one, second.cell() as two:
        assert (one.parent, two.parent) == ("/dockfix-0/build/steps/step", "/dockfix-1/build/steps/step")
    first.clear()
    third.take()
    with third.cell() as three:
        assert three.parent == one.parent
        assert first.clear() == 0  # it is somebody else's by now
        assert (kernel.pids / "dockfix-0/build/pids.max").read_text() == "50"
    for each in (first, second, third):
        each.clear()
        each.release()
    assert kernel.groups() == []


def test_what_a_killed_run_has_left_is_taken_over(kernel: Kernel) -> None:
    stale = kernel.memory / "dockfix-0/build/steps/step"
    stale.mkdir(parents=True)
    cage = Cage(LIMITS)
    cage.take()
    with cage.cell() as cell:
        assert cell.parent.startswith("/dockfix-0/")
        assert not stale.exists()
    cage.clear()
    assert kernel.groups() == []


def test_a_group_whose_taking_was_interrupted_is_removed(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    cage = Cage(LIMITS)

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", interrupt)
        with pytest.raises(KeyboardInterrupt):
            cage.take()
    assert kernel.groups() != []
    cage.clear()
    cage.release()
    assert kernel.groups() == []


def test_an_engine_elsewhere_is_not_held(engine: Engine, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAKE_CGROUPS")
    away = replace(engine, environment=dict(os.environ), build_limits=LIMITS)
    with workspace(away) as place:
        assert place.unheld == "the engine is on another machine (far, Linux 1.0)"
        assert place.engine.cage is None
        assert build(place.engine, place.folder) == (True, False, "")
        assert kernel.groups() == []


def test_an_engine_whose_groups_are_not_seen_here_is_not_held(
    engine: Engine, kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = replace(engine, environment={**os.environ, "FAKE_CGROUPS": str(tmp_path / "inside")}, build_limits=LIMITS)
    with workspace(inside) as place:
        assert place.unheld == "the engine's control groups are not this machine's"
        assert place.engine.cage is None
    assert kernel.groups() == []


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (EngineError("docker cannot build: no space left on device"), "docker cannot build: no space left on device"),
        (BuildResult(False, "", 60.0, "", reason="not done after 60 seconds", timed_out=True), "not done after 60 sec"),
        (BuildResult(False, "", 1.0, "ERROR: no", reason="builder is shutting down"), "builder is shutting down"),
    ],
)
def test_why_it_could_not_be_tried_whether_builds_are_held_is_told(
    engine: Engine, kernel: Kernel, monkeypatch: pytest.MonkeyPatch, outcome: EngineError | BuildResult, reason: str
) -> None:
    def build(*_: object, **__: object) -> BuildResult:
        if isinstance(outcome, EngineError):
            raise outcome
        return outcome

    monkeypatch.setattr(Docker, "build", build)
    cage = Cage(LIMITS)
    with pytest.raises(CgroupError, match=f"^the build that tries whether they can be held failed: {reason}"):
        caged(engine, cage)
    cage.clear()
    cage.release()


def test_a_builder_is_not_held(kernel: Kernel) -> None:
    with pytest.raises(CgroupError, match=r"^builder far has limits of its own making$"):
        caged(Docker(dict(os.environ), builder="far"), Cage(LIMITS))


def test_a_kernel_that_refuses_is_told(engine: Engine, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr("dockfix.verify.cgroup._write", refuse)
    if kernel.version == 2:
        monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(CgroupError, match=r"control groups cannot be used \(Device or resource busy\)"):
        caged(engine, Cage(LIMITS))


def test_nobody_who_wants_no_limit_gets_a_cage(engine: Engine, kernel: Kernel) -> None:
    with workspace(replace(engine, build_limits=Limits("0", 0))) as place:
        assert (place.engine.cage, place.unheld) == (None, "")
        assert kernel.groups() == []
