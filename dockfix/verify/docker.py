"""Docker, whose images BuildKit builds: the engine's own, or any that buildx knows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from dockfix.verify import buildkit
from dockfix.verify.engine import Engine
from dockfix.verify.result import BuildResult, EngineError

# docker's classic builder knows neither heredocs nor mounts
_BUILDKIT = {"DOCKER_BUILDKIT": "1"}


@dataclass(frozen=True)
class Docker(Engine):
    """A Docker engine, or another whose command takes Docker's words.

    Attributes:
        builder: the buildx builder that builds; by default the engine's own.
    """

    program: str = "docker"
    builder: str | None = None

    def check(self) -> None:
        """Ask the engine, not the client alone, and BuildKit's client, without which ``docker build`` fails."""
        self.call("version")
        if self.attempt("buildx", "version").exit_code:
            raise EngineError(f"{self.program} has no buildx, and so cannot build with BuildKit")
        if self.builder is not None:
            self.call("buildx", "inspect", self.builder)

    def build_command(self) -> list[str]:
        """``build``, or ``buildx build`` with a builder, whose image has to be loaded."""
        if self.builder is None:
            return ["build", "--progress", "plain"]
        return ["buildx", "build", "--progress", "plain", "--load", "--builder", self.builder]

    def name(self, tag: str | None) -> str | None:
        """A name in any case with a builder, which calls an image as it exported it, not as the engine took it in."""
        return tag if tag is not None or self.builder is None else f"dockfix-verify:{os.urandom(6).hex()}"

    def image_of(self, identity: str, tag: str | None) -> str:
        """The image as the engine calls it."""
        return identity if self.builder is None or tag is None else str(self.image_record(tag)["Id"])

    def read_build(self, log: str, ok: bool, image: str, seconds: float) -> BuildResult:
        """As BuildKit prints it. Raises EngineError where the builder is at fault, and not what it was to build."""
        steps, cached = buildkit.steps(log), buildkit.cached_steps(log)
        if ok:
            return BuildResult(True, image, seconds, log, steps, cached)
        fault = buildkit.fault(log)
        if fault:
            raise EngineError(f"{self.program} cannot build: {fault}")
        return BuildResult(False, "", seconds, log, steps, cached, buildkit.reason(log), buildkit.missing_base(log))

    def building(self, log: str) -> str:
        """As BuildKit names it."""
        return buildkit.current(log)

    def health_options(self, image: str) -> list[str]:
        """Every second while it starts and every other second then.

        More often, a check that starts an interpreter would slow the app down.
        """
        if (self.image_config(image).get("Healthcheck") or {}).get("Test", ["NONE"]) == ["NONE"]:
            return []
        return ["--health-interval", "2s", "--health-start-interval", "1s"]

    def _environment(self) -> Mapping[str, str]:
        return {**self.environment, **_BUILDKIT}
