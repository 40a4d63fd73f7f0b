"""Where the tests' engine and its base images come from: ``setup/setup.sh``, run when something is missing.

Environment: ``DOCKFIX_NO_ENGINE=1`` forbids an engine, ``DOCKFIX_ENGINE_DIR`` says where it lives.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .engine import Engine

SETUP = Path(__file__).with_name("setup") / "setup.sh"

# The last of the images that the set-up makes, and the last of those that it learnt to make later.
IMAGES = (
    "nginx:1.25-alpine",
    "rust:1.83",
    "maven:3.9.9-eclipse-temurin-17",
    "ruby:3.1-slim",
    "php:8.2-cli-bookworm",
    "gcr.io/distroless/static-debian12",
)


class UnavailableError(Exception):
    """There is no engine, and none can be started; the message says why."""


def engine(*, set_up: bool = False) -> Engine:
    """The engine with all base images: one that runs, or one that was set up and only has to be started.

    With ``set_up`` it is made from nothing where needed: a quarter of an hour, as root, on Debian 12. Raises
    UnavailableError with the reason where there is no engine to be had.
    """
    if os.environ.get("DOCKFIX_NO_ENGINE") == "1":
        raise UnavailableError("DOCKFIX_NO_ENGINE is set")
    found = Engine(_environment())
    # the set-up also looks whether an engine that answers is whole
    if not set_up and found.answers() and all(map(found.has_image, IMAGES)):
        return found
    if not set_up and not (folder() / "env.sh").exists():
        raise UnavailableError(f"none is set up; {SETUP} does it")
    done = subprocess.run(
        [str(SETUP), "all" if set_up else "engine"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnavailableError("\n".join(done.stdout.splitlines()[-15:]))
    found = Engine(_environment())
    if not all(map(found.has_image, IMAGES)):
        raise UnavailableError(f"its base images are not complete; {SETUP} makes them")
    return found


def folder() -> Path:
    """Where the engine lives."""
    named = os.environ.get("DOCKFIX_ENGINE_DIR")
    return Path(named) if named else Path.home() / ".cache" / "dockfix-engine"


def _environment() -> dict[str, str]:
    """The environment in which ``docker`` reaches the engine: what ``env.sh`` says, if the set-up wrote one."""
    settings = folder() / "env.sh"
    if not settings.exists():
        return dict(os.environ)
    done = subprocess.run(
        ["bash", "-c", '. "$0" && env --null', str(settings)], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)
