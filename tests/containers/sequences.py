"""The apps of ``fixtures/sequence``: each as its author wrote it, and as dockfix rewrites it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .engine import Container, Engine

FOLDER = Path(__file__).parents[2] / "fixtures" / "sequence"
VARIANTS = ("alpine", "slim")


@dataclass(frozen=True, slots=True)
class Build:
    """One image of a case: the Dockerfile's path in its context, and the context's folder in the case."""

    dockerfile: str
    context: str


@dataclass(frozen=True, slots=True)
class Case:
    """What ``case.toml`` says of an app.

    ``port`` is the one that the app listens on before it is rewritten, ``paths`` must answer alike before and after,
    and ``uid`` is the user of the rewritten image's first process. ``variants`` are the bases that the app is rewritten
    for: one is left out where it shows nothing that another case does not.
    """

    folder: Path
    port: int
    paths: tuple[str, ...]
    uid: int
    env: Mapping[str, str]
    builds: tuple[Build, ...]
    variants: tuple[str, ...] = VARIANTS

    @property
    def name(self) -> str:
        return self.folder.name

    def lay_before(self, place: Path) -> Path:
        """Copy the app as its author wrote it into a new folder."""
        return Path(shutil.copytree(self.folder / "before", place))

    def lay_after(self, place: Path) -> Path:
        """Copy the app as the fixture says that dockfix leaves it into a new folder; without ``after/`` ask dockfix."""
        if not (self.folder / "after").is_dir():
            return self.lay_rewritten(place)
        self.lay_before(place)
        return Path(shutil.copytree(self.folder / "after", place, dirs_exist_ok=True))

    def lay_rewritten(self, place: Path, *options: str) -> Path:
        """Copy the app into a new folder and run dockfix over it. Raises RuntimeError where it fails."""
        self.lay_before(place)
        command = [sys.executable, "-m", "dockfix", "--write", *options, str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command[1:])}: exit code {done.returncode}\n{done.stderr}")
        return place


def cases() -> tuple[Case, ...]:
    """Every case that is built."""
    files = sorted(FOLDER.glob("*/case.toml"))
    return tuple(_case(file.parent, settings) for file in files if "builds" in (settings := _settings(file)))


def unbuilt() -> dict[str, str]:
    """Why each of the other cases is not built, an empty text where its ``case.toml`` does not say."""
    files = [folder / "case.toml" for folder in sorted(FOLDER.iterdir())]
    every = {file.parent.name: _settings(file) if file.exists() else {} for file in files}
    return {name: settings.get("unbuilt", "") for name, settings in every.items() if "builds" not in settings}


def port_of(engine: Engine, image: str, otherwise: int) -> int:
    """The one port that an image exposes, or ``otherwise`` where it exposes none or several."""
    ports = [int(port.partition("/")[0]) for port in engine.image_config(image).get("ExposedPorts") or ()]
    return ports[0] if len(ports) == 1 else otherwise


def statuses(container: Container, paths: tuple[str, ...], port: int) -> dict[str, int]:
    """The status with which each path is answered, once the app answers at all."""
    container.wait_http(paths[0], port, timeout=60)
    return {path: container.http(path, port).status for path in paths}


def _settings(file: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    settings: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return settings


def _case(folder: Path, settings: Mapping[str, Any]) -> Case:
    return Case(
        folder=folder,
        port=settings["port"],
        paths=tuple(settings["paths"]),
        uid=settings["uid"],
        env={name: str(value) for name, value in settings.get("env", {}).items()},
        builds=tuple(Build(each["dockerfile"], each["context"]) for each in settings["builds"]),
        variants=tuple(settings.get("variants", VARIANTS)),
    )
