"""A signal at any moment of a run: at each command of the engine, and between any two lines of the code."""

from __future__ import annotations

import contextlib
import dis
import io
import itertools
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from dockfix.trials import Means, Request, run
from dockfix.verify import Trial, engine
from dockfix.verify.process import Done
from tests.verify.kernel import Kernel

SIGNAL = signal.SIGTERM
ENDED = 128 + SIGNAL
NAIVE = "FROM python:3.11\nCOPY . .\nRUN apt-get update && apt-get install -y curl\nCMD python app.py\n"
LINES = 60
"""How many moments between lines are tried."""
NOTHING = dis.opmap["NOP"]
"""What a `try:` within another is: signals are heard after calls and jumps alone, and Python 3.11 leaves it out of
what the outer one guards: https://docs.python.org/3/library/dis.html#opcode-NOP"""


@pytest.fixture
def app(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An app whose engine is in this process, so that a run takes no time, with a folder for temporary files."""
    from tests.verify import docker

    def execute(command: Sequence[str], *_: Any, **__: Any) -> Done:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            code = docker.main(list(command[1:]))
        return Done(code, output.getvalue(), "")

    monkeypatch.setattr(docker, "STATE", state)
    monkeypatch.setattr(engine, "execute", execute)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folder = tmp_path / "app"
    (folder / ".git").mkdir(parents=True)
    (folder / "Dockerfile").write_text(NAIVE)
    (folder / "app.py").write_text("print('hello')\n")
    yield folder
    assert [*state.iterdir(), *temporary.iterdir()] == []


def verify(app: Path) -> int:
    means = Means(Trial(rebuilds=1), engine=sys.executable)
    request = Request((str(app),), isolated=True, means=means, quiet=True)
    return run(request, dict(os.environ))


def left(app: Path, state: Path) -> list[Path]:
    return [*state.iterdir(), *(app.parent / "tmp").iterdir()]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_at_each_command(app: Path, state: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    execute: Callable[..., Done] = vars(engine)["execute"]
    calls: Iterator[int] = itertools.count()
    last, wanted, spoken = 0, -1, ""

    def interrupting(command: Sequence[str], *arguments: Any, **options: Any) -> Done:
        nonlocal last, spoken
        last = next(calls)
        if last == wanted:
            spoken = " ".join(command[1:3])
        if last == wanted and moment == "before":
            os.kill(os.getpid(), SIGNAL)
        done = execute(command, *arguments, **options)
        if last == wanted and moment == "after":
            os.kill(os.getpid(), SIGNAL)
        return done

    monkeypatch.setattr(engine, "execute", interrupting)
    whole = verify(app)
    total = last + 1
    assert total > 40
    sweeping = 2 * 3 + 1  # at the end three kinds of things are looked for, twice since there is a network to remove
    for wanted in range(2, total):  # the first two ask whether there is an engine, and nothing is made by then
        calls = itertools.count()
        code = verify(app)
        assert left(app, state) == [], f"interrupted {moment} {spoken}"
        assert code == ENDED or (code == whole and wanted >= total - sweeping), f"{code} {moment} {spoken}"


# a signal as a `with` is entered or left leaves its file or folder to the garbage collector, which closes it as well
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("version", [None, 1, 2], ids=["elsewhere", "v1", "v2"])
def test_between_any_two_lines(
    app: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int | None
) -> None:
    kernel = Kernel(version, tmp_path / "cgroups" / "root", monkeypatch) if version is not None else None
    # a module's own file: that of a decorated function's code is its decorator's
    folder = str(Path(engine.__file__).parent)
    places: list[str] = []
    wanted = -1

    def traced(frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        if not frame.f_code.co_filename.startswith(folder):
            return None
        if event == "line" and frame.f_code.co_code[frame.f_lasti] != NOTHING:
            places.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
            if len(places) == wanted + 1:
                os.kill(os.getpid(), SIGNAL)
        return traced

    def tried() -> int:
        places.clear()
        sys.settrace(traced)
        try:
            return verify(app)
        finally:
            sys.settrace(None)

    tracing = sys.gettrace()
    previous = signal.signal(SIGNAL, signal.SIG_IGN)  # before and after the workspace it is not dockfix's
    try:
        whole = tried()
        total = len(places)
        assert total > 1000
        assert {"engine.py", "verification.py", "workspace.py"} <= {place.partition(":")[0] for place in places}
        codes = set()
        caging = [at for at, place in enumerate(places) if place.startswith(("cage.py", "cgroup.py"))]
        for wanted in sorted({*range(0, total, total // LINES), *caging[:: len(caging) // LINES + 1]}):
            codes.add(tried())
            assert left(app, state) == [], f"interrupted at {places[wanted]}"
            assert kernel is None or kernel.groups() == [], f"interrupted at {places[wanted]}"
        assert codes <= {whole, ENDED}
        assert ENDED in codes
    finally:
        signal.signal(SIGNAL, previous)
        sys.settrace(tracing)
