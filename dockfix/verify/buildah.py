"""Buildah, which builds images and runs none."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar

from dockfix.verify import buildahlog
from dockfix.verify.engine import Engine, Kind
from dockfix.verify.podman import read_build
from dockfix.verify.result import BuildResult, EngineError, Layer

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Buildah(Engine):
    """Buildah: sizes, rounded as it rounds them, configurations and times of builds; nothing runs."""

    program: str = "buildah"

    runs: ClassVar[bool] = False

    def check(self) -> None:
        """Ask for its set-up, which needs a working storage."""
        self.call("info")

    def build_command(self) -> list[str]:
        """With the format that keeps HEALTHCHECK and SHELL, and the cache that it does without by default."""
        return ["build", "--format", "docker", "--layers"]

    def read_build(self, log: str, ok: bool, image: str, seconds: float) -> BuildResult:
        """As Buildah prints it."""
        return read_build(log, ok, image, seconds)

    def building(self, log: str) -> str:
        """As Buildah names it."""
        return buildahlog.current(log)

    def health_options(self, image: str) -> list[str]:
        """None, since nothing runs."""
        raise EngineError(f"{self.program} runs no containers")

    def without_proxies(self, env: Collection[str]) -> list[str]:
        """None, since nothing runs."""
        raise EngineError(f"{self.program} runs no containers")

    def create_network(self, name: str, *, internal: bool) -> None:
        """Nothing: no container needs one."""

    def demand_network(self, name: str) -> None:
        """Nothing, likewise."""

    def layers(self, image: str) -> tuple[Layer, ...]:
        """None: Buildah tells no layer's size."""
        return ()

    def image_record(self, image: str) -> dict[str, Any]:
        """What Buildah knows of an image, as ``docker image inspect`` shows it."""
        docker = json.loads(self.call("inspect", "--type", "image", image))["Docker"]
        size = json.loads(self.call("images", "--json", image))[0]["size"]
        return {
            "Id": image,
            "Size": _bytes(size),
            "Config": docker["config"],
            "RootFS": {"Layers": docker["rootfs"]["diff_ids"]},
        }

    def remove_image(self, image: str) -> None:
        """Remove an image; its layers may stay in the build cache."""
        self.call("rmi", "--force", image)

    def kinds(self) -> tuple[Kind, ...]:
        """Images alone."""
        return (Kind("images", ("images", "--all"), ("rmi", "--force")),)


def _bytes(size: str) -> int:
    """A size as Buildah prints it, such as ``143 MB``."""
    found = re.fullmatch(r"([\d.]+)\s*([KMGT]?B)", size.strip(), re.IGNORECASE)
    if found is None:
        raise EngineError(f"buildah tells a size as {size!r}")
    return round(float(found[1]) * _UNITS[found[2].upper()])
