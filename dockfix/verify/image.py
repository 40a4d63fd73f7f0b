"""An image that was built: what it weighs, what it is configured to do, and what of its build was cached."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dockfix.dockerfile.shell import parse_shell
from dockfix.model.commands import Purpose, invocation, purpose

if TYPE_CHECKING:
    from dockfix.verify.engine import Engine
    from dockfix.verify.result import BuildStep, Layer

_BIGGEST = 3

_FLAGS = re.compile(r"(?:--\S+\s+)*")
_REMOVING = frozenset({"prune", "dedupe", "audit", "clean"})
"""What package managers are asked for that fetches nothing."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What the engine says of an image.

    Attributes:
        size: with all its layers, uncompressed, in bytes.
        layers: how many layers have content.
        biggest: the biggest of them.
        config: its configuration as ``docker image inspect`` shows it.
    """

    size: int
    layers: int
    biggest: tuple[Layer, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """Its variables."""
        return dict(entry.partition("=")[::2] for entry in self.config.get("Env") or ())


def facts(engine: Engine, image: str) -> ImageFacts:
    """What *engine* says of *image*. Raises EngineError where it does not know it."""
    record = engine.image_record(image)
    layers = [layer for layer in engine.layers(image) if layer.size]
    biggest = sorted(layers, key=lambda layer: -layer.size)[:_BIGGEST]
    return ImageFacts(int(record["Size"]), len(record["RootFS"].get("Layers") or ()), tuple(biggest), record["Config"])


def dependencies_cached(steps: Iterable[BuildStep]) -> bool | None:
    """Whether every step of a build that installs dependencies came from the cache; ``None`` without such a step."""
    installing = [step for step in steps if installs(step.command)]
    return all(step.cached for step in installing) if installing else None


def installs(command: str) -> bool:
    """Whether a RUN command installs an app's dependencies."""
    script = parse_shell(_FLAGS.sub("", command, count=1))
    calls = [invocation(each) for each in script.commands if purpose(each) is Purpose.INSTALL]
    return any(called is None or called.verb not in _REMOVING for called in calls)
