"""Podman, which builds as Buildah does and leaves health checks to systemd."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dockfix.verify import buildahlog
from dockfix.verify.container import Container
from dockfix.verify.credentials import masked
from dockfix.verify.engine import Engine
from dockfix.verify.result import BuildResult, EngineError, Layer

_MODES = frozenset({"bridge", "private"})
"""What it takes for a network's name without having a network of that name:
https://docs.podman.io/en/latest/markdown/podman-create.1.html#network-mode-net"""

_CHECK_SECONDS = 1.0
"""Between two health checks: more often, one that starts an interpreter would slow the app down."""


@dataclass(frozen=True)
class Checked(Container):
    """A container whose health check nobody runs on a machine without systemd, so that whoever asks does."""

    asked: list[float] = field(default_factory=list)
    place: Path | None = None

    def starved(self) -> bool:
        """Whether the kernel has ended a process of it for memory, of which conmon leaves an empty file as its word.

        It leaves that in the folder in which it was started, and before Podman 5 nobody looks for it there:
        https://github.com/containers/podman/pull/21523
        """
        return super().starved() or (self.place is not None and (self.place / "oom").exists())

    def health(self) -> str | None:
        """``starting``, ``healthy`` or ``unhealthy``; None where the image has no health check."""
        if not (self.record()["Config"].get("Healthcheck") or {}).get("Test"):
            return None
        now = time.monotonic()
        if not self.asked or now - self.asked[-1] > _CHECK_SECONDS:
            self.asked.append(now)
            # 0 passes, 1 fails, more says that it could not be run
            if self.engine.attempt("healthcheck", "run", self.identity).exit_code == 0:
                return "healthy"
        status = self._checks().get("Status")
        return str(status) if status in {"healthy", "unhealthy"} else "starting"

    def last_check(self) -> str:
        """What the last run of the health check printed."""
        checks = self._checks().get("Log") or []
        return masked(str(checks[-1]["Output"])).strip() if checks else "never run"

    def _checks(self) -> dict[str, Any]:
        state = self.record()["State"]
        # the key was Healthcheck before Podman 4
        checks: dict[str, Any] = state.get("Health") or state.get("Healthcheck") or {}
        return checks


@dataclass(frozen=True)
class Podman(Engine):
    """Podman, run by root: the addresses of containers are out of reach otherwise."""

    program: str = "podman"

    # https://docs.podman.io/en/latest/markdown/podman-create.1.html#log-driver-driver
    log_options = ("--log-driver", "k8s-file", "--log-opt", "max-size=16m")

    def check(self) -> None:
        """Ask for what it runs as, which needs a working set-up."""
        if self.call("info", "--format", "{{.Host.Security.Rootless}}").strip() == "true":
            raise EngineError(
                f"{self.program} runs without root here, so that its containers cannot be reached; "
                "run dockfix as root, or build alone with --engine buildah"
            )

    def build_command(self) -> list[str]:
        """With the format that keeps HEALTHCHECK and SHELL."""
        return ["build", "--format", "docker"]

    def apart(self) -> str:
        """Another machine is."""
        return self._elsewhere("{{.Host.Hostname}} {{.Host.Kernel}}")

    def read_build(self, log: str, ok: bool, image: str, seconds: float) -> BuildResult:
        """As Buildah prints it."""
        return read_build(log, ok, image, seconds)

    def building(self, log: str) -> str:
        """As Buildah names it."""
        return buildahlog.current(log)

    def health_options(self, image: str) -> list[str]:
        """None: whoever asks for the health runs the check."""
        return []

    def without_proxies(self, env: Collection[str]) -> list[str]:
        """The option by which it keeps those of its own environment to itself."""
        return ["--http-proxy=false"]

    def demand_network(self, name: str) -> None:
        """Raise EngineError where containers cannot join the network *name*, or cannot be asked there."""
        if name not in _MODES:
            super().demand_network(name)

    def container(self, identity: str) -> Container:
        """The container *identity*."""
        return Checked(self, identity)

    @contextmanager
    def running(self, identity: str) -> Iterator[Container]:
        """Started in a folder of its own, since conmon may leave a file there, and nothing is written to a checkout."""
        with tempfile.TemporaryDirectory(prefix="dockfix-run-", dir=self.scratch) as folder:
            replace(self, place=Path(folder))._started("start", identity)
            yield Checked(self, identity, place=Path(folder))

    def layers(self, image: str) -> tuple[Layer, ...]:
        """The layers of an image, the oldest first; sizes are rounded everywhere but in JSON."""
        entries = json.loads(self.call("history", "--no-trunc", "--format", "json", image))
        return tuple(
            Layer(masked(str(entry.get("CreatedBy") or "")), int(entry["size"])) for entry in reversed(entries)
        )

    def image_record(self, image: str) -> dict[str, Any]:
        """What Podman knows of an image, with the health check where Docker has it."""
        record = self.inspect("image", image)
        if record.get("Healthcheck"):
            record["Config"] = {**record["Config"], "Healthcheck": record["Healthcheck"]}
        return record


def read_build(log: str, ok: bool, image: str, seconds: float) -> BuildResult:
    """What the output of a build by Buildah says of it."""
    steps, cached = buildahlog.steps(log), buildahlog.cached_steps(log)
    if ok:
        return BuildResult(True, image, seconds, log, steps, cached)
    return BuildResult(False, "", seconds, log, steps, cached, buildahlog.reason(log), buildahlog.missing_base(log))
