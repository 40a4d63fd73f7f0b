"""Docker, whose images BuildKit builds: the engine's own, or any that buildx knows."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

from dockfix.verify import buildkit
from dockfix.verify.engine import Engine
from dockfix.verify.result import BuildResult, EngineError
from dockfix.verify.variables import PROXIES

# docker's classic builder knows neither heredocs nor mounts
_BUILDKIT = {"DOCKER_BUILDKIT": "1"}

_VERSION = re.compile(r"\d+(?:\.\d+)+")
_START_INTERVAL = (1, 44)
"""The API that knows an interval while a container starts: https://docs.docker.com/reference/api/engine/version-history/"""

_BOOT_SECONDS = 600.0
"""A builder may first have to be started: its image pulled, its pod placed."""


@dataclass(frozen=True)
class Docker(Engine):
    """A Docker engine, or another whose command takes Docker's words.

    Attributes:
        builder: the buildx builder that builds; by default the engine's own.
    """

    program: str = "docker"
    builder: str | None = None

    # https://docs.docker.com/engine/containers/resource_constraints/#limit-a-containers-access-to-memory
    least_memory = "6m"
    # a driver that has a limit and that ``docker logs`` reads, whatever is the daemon's own:
    # https://docs.docker.com/engine/logging/drivers/json-file/
    log_options = ("--log-driver", "json-file", "--log-opt", "max-size=16m", "--log-opt", "max-file=2")

    def check(self) -> None:
        """Ask the engine, not the client alone, and BuildKit's client, without which ``docker build`` fails.

        A builder is asked as well: of one that is gone, buildx knows the name all the same.
        """
        self.call("version")
        if self.attempt("buildx", "version").exit_code:
            raise EngineError(f"{self.program} has no buildx, and so cannot build with BuildKit")
        if self.builder is not None:
            started = self.attempt("buildx", "inspect", "--bootstrap", self.builder, timeout=_BOOT_SECONDS)
            if started.exit_code:
                raise EngineError(f"builder {self.builder} does not answer: {buildkit.reason(started.output)}")

    def build_command(self) -> list[str]:
        """``build``, or ``buildx build`` with a builder, whose image has to be loaded."""
        if self.builder is None:
            return ["build", "--progress", "plain"]
        return ["buildx", "build", "--progress", "plain", "--load", "--builder", self.builder, *self._platform()]

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
            who = self.program if self.builder is None else f"builder {self.builder}"
            raise EngineError(f"{who} cannot build: {fault}")
        return BuildResult(False, "", seconds, log, steps, cached, buildkit.reason(log), buildkit.missing_base(log))

    def apart(self) -> str:
        """A builder, as any other machine, is."""
        if self.builder is not None:
            return f"builder {self.builder} has limits of its own making"
        return self._elsewhere("{{.Name}} {{.KernelVersion}}")

    def without(self, base: str) -> str:
        """Told of a builder as well, which does not see the images that the engine has."""
        whose = "" if self.builder is None else f" by builder {self.builder}"
        return f"base {base} cannot be had{whose}"

    def building(self, log: str) -> str:
        """As BuildKit names it."""
        return buildkit.current(log)

    def health_options(self, image: str) -> list[str]:
        """Every second while it starts and every other second then, or always where the engine is older than that.

        More often, a check that starts an interpreter would slow the app down.
        """
        if (self.image_config(image).get("Healthcheck") or {}).get("Test", ["NONE"]) == ["NONE"]:
            return []
        soon = ["--health-start-interval", "1s"] if self._api >= _START_INTERVAL else []
        return ["--health-interval", "2s", *soon]

    def without_proxies(self, env: Collection[str]) -> list[str]:
        """Variables without a value, since the client has no option to leave them out."""
        names = [each for name in PROXIES for each in (name, name.lower()) if each not in env]
        return [word for name in names for word in ("--env", f"{name}=")]

    @cached_property
    def _api(self) -> tuple[int, ...]:
        """The version of the API that client and engine both speak; none where they do not tell."""
        told = self.attempt("version", "--format", "{{.Client.APIVersion}} {{.Server.APIVersion}}").output.split()
        versions = [tuple(map(int, each.split("."))) for each in told if _VERSION.fullmatch(each)]
        return min(versions) if len(versions) == len(told) == 2 else ()

    def _platform(self) -> list[str]:
        """The engine's, which is to run what a builder on another kind of machine makes."""
        if "DOCKER_DEFAULT_PLATFORM" in self.environment:
            return []
        return ["--platform", self.call("version", "--format", "{{.Server.Os}}/{{.Server.Arch}}").strip()]

    def _environment(self) -> Mapping[str, str]:
        return {**self.environment, **_BUILDKIT}
