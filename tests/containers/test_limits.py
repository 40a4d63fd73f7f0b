"""What a build may use, held to by the kernel."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dockfix.trials import Means, Request, run
from dockfix.verify import Trial
from dockfix.verify.comparison import KILLED
from dockfix.verify.docker import Docker
from dockfix.verify.limits import Limits
from dockfix.verify.workspace import Workspace, workspace

from .test_observation import observed
from .test_verify import Run

if TYPE_CHECKING:
    from .engine import BuildResult, Engine

pytestmark = pytest.mark.container

BASE = "python:3.11-alpine"
MEMORY, PIDS = "96m", 40
GREEDY = "RUN python -c 'bytearray(300 << 20)'"
SERVER = f"FROM {BASE}\nWORKDIR /site\nADD . .\nRUN {{}}\nEXPOSE 8080\nCMD python -m http.server 8080\n"


@pytest.fixture(scope="module")
def place(engine: Engine) -> Iterator[Workspace]:
    """A run with little memory and few processes for builds."""
    docker = Docker(engine.environment, program=engine.program, build_limits=Limits(MEMORY, PIDS))
    with workspace(docker) as made:
        if made.unheld:
            pytest.skip(made.unheld)
        yield made


def build(place: Workspace, line: str) -> tuple[bool, bool, str]:
    (place.folder / "Dockerfile").write_text(f"FROM {BASE}\n{line}\n")
    result = place.engine.build(place.folder, no_cache=True)
    return result.ok, result.starved, result.reason


def test_a_build_without_memory(place: Workspace) -> None:
    ok, starved, reason = build(place, GREEDY)
    assert (ok, starved) == (False, True)
    assert reason.startswith(f"ran out of the {MEMORY} of memory that a build is given (--build-memory): RUN python")


def test_memory_that_a_step_was_short_of_is_why_a_later_one_fails(place: Workspace) -> None:
    assert build(place, f"{GREEDY} || touch /late\nRUN test ! -e /late")[:2] == (False, True)


def test_a_build_without_processes(place: Workspace) -> None:
    ok, starved, reason = build(place, "RUN for i in $(seq 100); do sleep 3 & done; wait")
    assert (ok, starved) == (False, True)
    assert reason.startswith(f"ran out of the {PIDS} processes that a build is given (--build-pids): RUN for")


def test_files_are_no_memory(place: Workspace) -> None:
    assert build(place, "RUN head -c 300000000 /dev/zero >/big && cat /big >/dev/null") == (True, False, "")


def test_a_build_that_fails_for_itself_does_so_after_one_that_had_not_enough(place: Workspace) -> None:
    assert build(place, GREEDY)[1]
    assert build(place, "RUN exit 3") == (False, False, "RUN exit 3 ended with 3")


def test_what_the_original_had_memory_for_is_not_compared(
    engine: Engine,
    place: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Dockerfile").write_text(SERVER.format("true"))
    plain = Docker.build

    def build(self: Docker, context: Path, dockerfile: str | Path = "Dockerfile", **options: Any) -> BuildResult:
        path = context / dockerfile
        if "COPY . ." in path.read_text():  # in the rewrite, as ADD is in the original
            path.write_text(f"{path.read_text()}{GREEDY}\n")
        return plain(self, context, dockerfile, **options)

    monkeypatch.setattr(Docker, "build", build)
    means = Means(Trial(quick=True), engine=engine.program, build_limits=Limits(MEMORY, PIDS))
    request = Request((str(tmp_path),), {"only": frozenset({"add-copy"})}, isolated=True, means=means, form="json")
    code = run(request, engine.environment)
    told = json.loads(capsys.readouterr().out)
    assert (code, told["build_limits"]) == (2, {"memory": MEMORY, "pids": PIDS})
    assert told["files"][0]["verdict"] == "not comparable"
    assert f"unlike the original's, ran out of the {MEMORY} of memory" in told["files"][0]["reasons"][0]


@pytest.mark.parametrize("stays", [False, True], ids=["the first process", "a child"])
def test_a_container_from_which_the_kernel_took_memory(engine: Engine, tmp_path: Path, stays: bool) -> None:
    greedy = "python -c 'bytearray(300 << 20)'"
    command = f"{greedy}; exec sleep 60" if stays else f"exec {greedy}"
    line = f'CMD ["sh", "-c", "{command}"]'
    seen = observed(replace(engine, limits=Limits(MEMORY)), tmp_path, line)
    assert (seen.running, seen.exit_code) == (stays, None if stays else KILLED)
    assert seen.starved == f"ran out of the {MEMORY} of memory that a container is given (--memory)"
    assert observed(engine, tmp_path, line).starved == ""


def test_an_interruption_ends_the_step_and_leaves_no_group(engine: Engine, place: Workspace, tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text(SERVER.format("sleep 600"))
    verification = Run(engine, tmp_path / "tmp", "--quick", "--only", "add-copy", str(app))
    verification.watch(60, until=lambda run: bool(processes(run)))
    left = processes(verification)
    assert left, verification.end()
    verification.process.send_signal(signal.SIGTERM)
    code, output, errors = verification.end()
    assert code == 128 + signal.SIGTERM, output + errors
    assert verification.left() == []
    deadline = time.monotonic() + 5
    while any(map(lives, left)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(lives, left))


def processes(run: Run) -> list[str]:
    """The processes in the group of a run."""
    files = run.group.rglob("cgroup.procs") if run.group is not None else ()
    return [process for file in files for process in file.read_text().split()]


def lives(process: str) -> bool:
    return Path("/proc", process).exists()
