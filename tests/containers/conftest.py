"""The engine for the tests in this folder; where there is none they are skipped, or fail where one is required."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from . import standins

if TYPE_CHECKING:
    from .engine import Engine


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "container: builds and runs images with a container engine")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """An engine that has the base images."""
    required = os.environ.get("DOCKFIX_REQUIRE_ENGINE") == "1"
    try:
        return standins.engine(set_up=required)
    except standins.UnavailableError as error:
        if required:
            pytest.fail(f"DOCKFIX_REQUIRE_ENGINE is set, but there is no container engine: {error}")
        pytest.skip(f"no container engine: {error}")
