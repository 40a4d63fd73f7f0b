"""The image of dockfix, built from the tree and run on a mounted folder as its users do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .engine import Engine

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[2]
APP = ROOT / "fixtures/sequence/flask-backend/before"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("own")
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("dockfix", "transforms"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    result = engine.build(folder)
    assert result.ok, result.log
    return result.image


@pytest.fixture(scope="module")
def run(engine: Engine, image: str) -> Run:
    """Runs the image to its end with arguments, in the engine of these tests."""

    def ran(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        command = [engine.program, "run", "--rm", "--network", "none", "--read-only", *options, image, *arguments]
        return subprocess.run(command, env=engine.environment, capture_output=True, text=True, check=False)

    return ran


def test_it_shows_the_diff_of_a_mounted_folder(run: Run) -> None:
    mounted = ("--volume", f"{APP}:/work:ro")
    done = run("--diff", options=mounted)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("--- a/Dockerfile\n+++ b/Dockerfile\n")
    assert run("--check", options=mounted).returncode == 1


def test_the_bot_is_in_it_and_runs_as_an_account_of_its_own(run: Run) -> None:
    assert "--repos-file" in run("bot", "run", "--help").stdout
    assert run("-c", "id -u", options=("--entrypoint", "sh")).stdout == "1001\n"
    imports = "import dockfix.bot.http, dockfix.bot.app, dockfix.bot.postgres, dockfix.bot.workshop"
    assert run("-c", imports, options=("--entrypoint", "python")).returncode == 0
    assert run("--version", options=("--entrypoint", "git")).stdout.startswith("git version ")
