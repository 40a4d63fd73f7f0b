"""The engine of the tests: the product's own, with what stand-ins for official images ask for."""

from __future__ import annotations

import http.client
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockfix.verify import container
from dockfix.verify.container import POLL_SECONDS
from dockfix.verify.docker import Docker
from dockfix.verify.result import BuildResult, EngineError, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NETWORK", "OFFLINE", "BuildResult", "Container", "Engine", "EngineError"]

# Containers get an address on it, but no way out: a test that needs the internet says so.
NETWORK = "dockfix-internal"

OFFLINE = str(Path(__file__).with_name("docker-offline"))


@dataclass(frozen=True)
class Container(container.Container):
    """A container for which a test waits."""

    def wait_healthy(self, timeout: float = 30) -> float:
        """Wait until the health check passes; the seconds it took.

        Raises EngineError where there is no health check, it fails, the container ends, or ``timeout`` seconds pass.
        """
        started = time.monotonic()
        while (status := self.health()) != "healthy":
            if status is None:
                raise EngineError("the image has no health check")
            if status == "unhealthy" or not self.running() or time.monotonic() - started > timeout:
                waited = time.monotonic() - started
                raise EngineError(f"{status} after {waited:.1f} s: {self.last_check()}\n{self.logs()}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - started

    def wait_http(self, path: str, port: int, timeout: float = 30) -> Response:
        """Wait for the first HTTP answer, whatever its status.

        Raises EngineError where the container ends or ``timeout`` seconds are over.
        """
        started = time.monotonic()
        while True:
            try:
                return self.http(path, port)
            except (OSError, http.client.HTTPException) as error:
                if not self.running():
                    raise EngineError(f"ended before it answered:\n{self.logs()}") from error
                if time.monotonic() - started > timeout:
                    raise EngineError(f"no answer on port {port} in {timeout:.0f} s: {error}\n{self.logs()}") from error
            time.sleep(POLL_SECONDS)

    def wait(self, timeout: float = 60) -> int:
        """Wait until the container ends; its exit code."""
        return int(self.engine.call("wait", self.identity, timeout=timeout))


@dataclass(frozen=True)
class Engine(Docker):
    """An engine that pulls nothing and whose containers have no way out unless a network is named.

    It takes ``# syntax=`` lines out of the Dockerfiles that it builds: they have to be copies.
    """

    program: str = OFFLINE

    @contextmanager
    def run(self, image: str, *command: str, network: str | None = None, **options: Any) -> Iterator[Container]:
        """As the product's engine runs an image, by default in a network of the tests."""
        with Docker.run(self, image, *command, network=network or self._network(), **options) as running:
            assert isinstance(running, Container)
            yield running

    def container(self, identity: str) -> Container:
        """The container *identity*."""
        return Container(self, identity)

    def answers(self) -> bool:
        """Whether there is an engine at the other end."""
        try:
            self.check()
        except EngineError:
            return False
        return True

    def image_size(self, image: str) -> int:
        """The size of an image with all its layers, uncompressed, in bytes."""
        return int(self.image_record(image)["Size"])

    def has_image(self, image: str) -> bool:
        """Whether the engine has an image of this name."""
        return bool(self.call("images", "--quiet", image).strip())

    def _network(self) -> str:
        if NETWORK not in self._networks():
            try:
                self.create_network(NETWORK, internal=True)
            except EngineError:
                # another process may have been first
                if NETWORK not in self._networks():
                    raise
        return NETWORK

    def _networks(self) -> frozenset[str]:
        return frozenset(self.call("network", "ls", "--format", "{{.Name}}").split())
