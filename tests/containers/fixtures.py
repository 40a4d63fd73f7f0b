"""Apps of ``fixtures/<transform>``, laid out as they are before or after dockfix."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engine import Engine

FOLDER = Path(__file__).parents[2] / "fixtures"


def built(engine: Engine, folder: Path) -> str:
    """The image that the Dockerfile of a folder makes; it must build."""
    result = engine.build(folder)
    assert result.ok, result.log
    return result.image


def built_after(engine: Engine, case: str, place: Path) -> str:
    """The image of a fixture, such as ``init/example``, as it is expected to be rewritten."""
    shutil.copytree(FOLDER / case / "before", place)
    shutil.copytree(FOLDER / case / "after", place, dirs_exist_ok=True)
    return built(engine, place)


def rewrite(place: Path, *transforms: str) -> None:
    """Run *transforms* alone over the app in *place*. Raises RuntimeError where dockfix fails."""
    command = [sys.executable, "-m", "dockfix", "--write", "--only", ",".join(transforms), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stderr}")
