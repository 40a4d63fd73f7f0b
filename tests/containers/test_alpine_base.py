"""What moved to a smaller base still builds there, answers as before, and is smaller."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .engine import Engine

pytestmark = pytest.mark.container

FOLDER = Path(__file__).parents[2] / "fixtures" / "alpine-base"
SMALLER = 0.6

# Each shows what only a container can: accounts in busybox's words, a shell that is bash, an init
# that lies elsewhere, a zone, tools that came for free, and the slim base with libraries that came for free.
SERVERS = {
    "2-02-crlf": 3000,
    "2-03-bash-entrypoint": 5000,
    "2-03-bash-shell-instruction": 3000,
    "2-05-accounts": 5000,
    "2-05-debian-adduser": 5000,
    "2-05-slim-with-www-data": 5000,
    "2-06-time-zone": 3000,
    "2-11-git-and-curl-are-installed": 5000,
    "2-11-nginx": 80,
    "2-11-tini-lies-elsewhere": 3000,
}
ON_THE_FULL_BASE = {"2-03-bash-entrypoint", "2-03-bash-shell-instruction", "2-05-debian-adduser"}


def laid(case: str, side: str, place: Path) -> Path:
    """Copy one side of a fixture into a new folder."""
    shutil.copytree(FOLDER / case / "before", place)
    if side == "after":
        shutil.copytree(FOLDER / case / "after", place, dirs_exist_ok=True)
    return place


def built(engine: Engine, folder: Path) -> str:
    result = engine.build(folder)
    assert result.ok, result.log
    return result.image


@pytest.mark.parametrize(("case", "port"), SERVERS.items(), ids=SERVERS)
def test_moved_app_answers_as_before(engine: Engine, case: str, port: int, tmp_path: Path) -> None:
    answers = {}
    images = {side: built(engine, laid(case, side, tmp_path / side)) for side in ("before", "after")}
    for side, image in images.items():
        with engine.run(image) as container:
            response = container.wait_http("/", port, timeout=60)
            answers[side] = response.status, container.uid() == 0
    assert answers["before"] == answers["after"]
    assert answers["after"][0] == 200
    if case in ON_THE_FULL_BASE:
        assert engine.image_size(images["after"]) < SMALLER * engine.image_size(images["before"])
