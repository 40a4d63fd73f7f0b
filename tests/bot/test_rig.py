"""Whole runs against a GitHub and a checking proxy that others wrote; DOCKFIX_REQUIRE_RIG=1 sets them up with npm."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from . import rig as rigs
from .rig import Rig, RigError

NAIVE = "FROM node:20-alpine\nWORKDIR /app\nCOPY package.json ./\nCMD node server.js\n"


pytestmark = pytest.mark.skipif(
    os.environ.get("DOCKFIX_REQUIRE_RIG") != "1" and not (rigs.PLACE / "done").is_file(),
    reason="the rig of npm packages is set up with DOCKFIX_REQUIRE_RIG=1",
)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    try:
        commands = rigs.set_up()
    except RigError as error:
        if os.environ.get("DOCKFIX_REQUIRE_RIG") == "1":
            raise
        pytest.skip(str(error))
    with Rig(tmp_path_factory.mktemp("rig"), commands) as running:
        for name in ("ada/shop", "ada/till", "ada/stock"):
            running.write(name, {"Dockerfile": NAIVE, "package.json": "{}\n"})
        yield running


def bot(rig: Rig, *arguments: str) -> str:
    """What the command says; it must succeed."""
    state = str(rig.folder / "state.sqlite")
    done = subprocess.run(
        [sys.executable, "-m", "dockfix", "bot", "run", "--url", rig.address, "--state", state, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "DOCKFIX_TOKEN": rigs.TOKEN},
        cwd=rig.folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_pull_request_lives_its_whole_life(rig: Rig) -> None:
    assert "would be opened" in bot(rig, "--repo", "ada/shop", "--dry-run")
    assert rig.pulls("ada/shop") == []
    assert "opened dockerfile" in bot(rig, "--repo", "ada/shop", "--label", "docker", "--reviewer", "ada")
    (pull,) = rig.pulls("ada/shop")
    assert (pull["head"]["ref"], pull["base"]["ref"], pull["state"]) == ("dockfix/dockerfile", "main", "open")
    assert "dumb-init" in rig.read("ada/shop", "Dockerfile", "dockfix/dockerfile")
    assert "current dockerfile" in bot(rig, "--repo", "ada/shop")
    rig.write("ada/shop", {"Dockerfile": NAIVE.replace("20", "22")})
    assert "updated dockerfile" in bot(rig, "--repo", "ada/shop")
    assert rig.read("ada/shop", "Dockerfile", "dockfix/dockerfile").startswith("FROM node:22-alpine\n")
    rig.ask("PATCH", f"/repos/ada/shop/pulls/{pull['number']}", {"state": "closed"})
    assert "declined dockerfile" in bot(rig, "--repo", "ada/shop")
    assert len(rig.pulls("ada/shop")) == 1


def test_fix_on_the_base_closes_the_pull_request(rig: Rig) -> None:
    bot(rig, "--repo", "ada/till")
    rig.write("ada/till", {"Dockerfile": rig.read("ada/till", "Dockerfile", "dockfix/dockerfile")})
    assert "closed dockerfile" in bot(rig, "--repo", "ada/till")
    assert [pull["state"] for pull in rig.pulls("ada/till")] == ["closed"]


def test_organisation_and_split(rig: Rig, tmp_path: Path) -> None:
    said = bot(rig, "--org", "ada", "--split", "--only", "init,exec-form", "--per-repository", "5")
    assert "ada/stock: opened init" in said
    assert "ada/stock: opened exec-form" in said
    assert {pull["head"]["ref"] for pull in rig.pulls("ada/stock")} == {"dockfix/init", "dockfix/exec-form"}


def test_requirement_01_proxy_saw_no_violation_and_would_have_seen_one(rig: Rig) -> None:
    """The last test: what came before it went through the proxy, whose log comes late but in order."""
    assert "dockerfile" in bot(rig, "--repo", "ada/till", "--repo", "ada/stock")
    with pytest.raises(urllib.error.HTTPError) as caught:
        rig.ask("POST", "/repos/ada/shop/pulls", {"title": "no head", "base": "main", "draft": "yes"}, proxied=True)
    assert caught.value.code == 422
    end = time.monotonic() + 30
    while not rig.violations() and time.monotonic() < end:
        time.sleep(0.2)
    (provoked,) = rig.violations()
    assert rig.proxied() > 20
    assert "UNPROCESSABLE_ENTITY" in provoked
