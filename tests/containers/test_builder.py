"""``dockfix verify --builder``: images that another buildx builder made, than the engine's own."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dockfix.trials import Means, Request, run
from dockfix.verify import Trial
from dockfix.verify.docker import Docker
from dockfix.verify.result import EngineError

from . import remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine import Engine
    from .remote import Remote

pytestmark = pytest.mark.container

WORKER = """\
FROM alpine:3.20
WORKDIR /app
ADD tick.sh .
CMD ["/bin/sh", "tick.sh"]
"""

TICK = "trap exit TERM\nwhile :; do echo tick; sleep 1; done\n"

# the one that each docker context has by its name
BUILDER = "default"


def test_a_builder_builds_and_the_engine_runs(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_text(WORKER)
    (tmp_path / "tick.sh").write_text(TICK)
    means = Means(Trial(rebuilds=1), engine="docker", builder=BUILDER)
    request = Request((str(tmp_path),), {"only": frozenset({"add-copy"})}, isolated=True, means=means, form="json")
    docker = Docker(engine.environment)
    code = run(request, engine.environment)
    found = json.loads(capsys.readouterr().out)["files"][0]
    assert (code, found["verdict"]) == (0, "same behaviour"), found
    assert all(found[side]["run"]["running"] for side in ("before", "after"))
    assert all(found[side]["builds"]["source"] for side in ("before", "after"))
    # what a builder makes has a name, by which others' images of the label are told apart
    assert docker.call("images", "--all", "--quiet", "--filter", "reference=dockfix-verify") == ""


def test_a_build_that_fails_there_is_told_as_any_other(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM alpine:3.20\nRUN echo so && exit 7\n")
    result = Docker(engine.environment, builder=BUILDER).build(tmp_path)
    assert (result.ok, result.reason) == (False, "RUN echo so && exit 7 ended with 7: so")


def test_a_builder_that_nobody_made(engine: Engine) -> None:
    with pytest.raises(EngineError, match='no builder "dockfix-nobody" found'):
        Docker(engine.environment, builder="dockfix-nobody").check()


@pytest.fixture(scope="module")
def far(engine: Engine) -> Iterator[Remote]:
    try:
        with remote.builder(engine, "alpine:3.20") as made:
            yield made
    except remote.UnavailableError as error:
        pytest.skip(str(error))


def test_a_remote_builder_builds_and_the_engine_runs(
    far: Remote, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_text(WORKER.replace("ADD", "RUN --network=none npm install || true\nADD"))
    (tmp_path / "tick.sh").write_text(TICK)
    there = Docker(far.own)
    before = there.call("images", "--all", "--quiet")
    means = Means(Trial(quick=True, rebuilds=1), engine="docker", builder=remote.NAME)
    request = Request((str(tmp_path),), {"only": frozenset({"add-copy"})}, isolated=True, means=means, form="json")
    code = run(request, far.environment)
    found = json.loads(capsys.readouterr().out)["files"][0]
    assert (code, found["verdict"]) == (0, "same behaviour"), found
    for side in ("before", "after"):
        assert found[side]["run"]["running"]
        assert found[side]["builds"]["source"]
        # told by its cache, which is another than the engine's
        assert found[side]["builds"]["dependencies_cached"] is True
    # what is left there is the cache, as after any build
    assert there.call("images", "--all", "--quiet") == before
    assert there.call("ps", "--all", "--quiet") == ""
    assert Docker(far.environment).call("images", "--all", "--quiet", "--filter", "reference=dockfix-verify") == ""


def test_a_remote_builder_does_not_see_the_engines_images(
    far: Remote, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_text(WORKER.replace("alpine:3.20", "alpine:3.19"))
    (tmp_path / "tick.sh").write_text(TICK)
    means = Means(Trial(quick=True), engine="docker", builder=remote.NAME)
    request = Request((str(tmp_path),), isolated=True, means=means)
    assert run(request, far.environment) == 2
    assert f"base alpine:3.19 cannot be had by builder {remote.NAME}" in capsys.readouterr().out


def test_a_build_that_takes_too_long_is_called_off_there(far: Remote, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM alpine:3.20\nRUN --network=none sleep 1000.25\n")
    result = Docker(far.environment, builder=remote.NAME).build(tmp_path, timeout=3)
    assert (result.ok, result.timed_out) == (False, True)
    deadline = time.monotonic() + 10
    while _runs("1000.25") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not _runs("1000.25")


def _runs(word: str) -> bool:
    """Whether a process has *word* among its arguments."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if word in file.read_text(errors="replace").split("\0"):
                return True
    return False
