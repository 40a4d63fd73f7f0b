"""An engine of files in place of a real one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dockfix.verify.docker import Docker
from dockfix.verify.engine import Engine
from tests.verify.kernel import Kernel

SCRIPT = Path(__file__).with_name("docker.py")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the engine keeps what it has made."""
    folder = tmp_path / "engine"
    folder.mkdir()
    monkeypatch.setenv("FAKE_DOCKER", str(folder))
    return folder


@pytest.fixture
def program(tmp_path: Path) -> str:
    """The engine's command."""
    path = tmp_path / "docker"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SCRIPT}" "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def engine(state: Path, program: str) -> Engine:
    return Docker(dict(os.environ), program=program)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def kernel(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Control groups of either version, in which the engine makes those of builds."""
    return Kernel(request.param, tmp_path / "cgroups" / "root", monkeypatch)
