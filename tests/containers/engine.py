"""The engine of the tests: the product's own, with what stand-ins for official images ask for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockfix.verify.container import Container
from dockfix.verify.docker import Docker
from dockfix.verify.result import BuildResult, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NETWORK", "OFFLINE", "BuildResult", "Container", "Engine", "EngineError"]

# Containers get an address on it, but no way out: a test that needs the internet says so.
NETWORK = "dockfix-internal"

OFFLINE = str(Path(__file__).with_name("docker-offline"))


@dataclass(frozen=True)
class Engine(Docker):
    """An engine that pulls nothing and whose containers have no way out unless a network is named.

    It takes ``# syntax=`` lines out of the Dockerfiles that it builds: they have to be copies.
    """

    program: str = OFFLINE

    @contextmanager
    def run(self, image: str, *command: str, network: str | None = None, **options: Any) -> Iterator[Container]:
        """As the product's engine runs an image, by default in a network of the tests."""
        with Docker.run(self, image, *command, network=network or self._network(), **options) as container:
            yield container

    def _network(self) -> str:
        if NETWORK not in self.networks():
            try:
                self.create_network(NETWORK, internal=True)
            except EngineError:
                # another process may have been first
                if NETWORK not in self.networks():
                    raise
        return NETWORK
