"""``dockfix verify --builder``: images that another buildx builder made, than the engine's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dockfix.trials import Request, run
from dockfix.verify import Trial
from dockfix.verify.docker import Docker
from dockfix.verify.result import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

WORKER = """\
FROM alpine:3.20
WORKDIR /app
ADD tick.sh .
CMD ["/bin/sh", "tick.sh"]
"""


# the one that each docker context has by its name; to make others, images of BuildKit would have to be pulled
BUILDER = "default"


def test_a_builder_builds_and_the_engine_runs(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_text(WORKER)
    (tmp_path / "tick.sh").write_text("while :; do echo tick; sleep 1; done\n")
    request = Request(
        (str(tmp_path),), {"only": frozenset({"add-copy"})}, isolated=True, engine="docker", builder=BUILDER,
        trial=Trial(rebuilds=1), form="json",
    )  # fmt: skip
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
