"""An image that was built: what it weighs, what it is configured to do, and what of its build was cached."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockfix.verify.engine import Engine
    from dockfix.verify.result import BuildStep, Layer

_BIGGEST = 3

_INSTALL = re.compile(
    r"\b(?:npm (?:ci|i|install|add)|pnpm (?:i|install|fetch)|bun (?:i|install)"
    r"|yarn(?: --\S+)*(?: install)?(?: --\S+)*\s*(?:$|&|;)"
    r"|pip3? install|poetry install|uv (?:sync|pip install)|pipenv (?:install|sync)|pdm (?:install|sync)"
    r"|conda (?:env|install)|bundle install|composer install|go mod download|cargo fetch|mvn \S*dependency)"
)
_PIP_ITSELF = re.compile(
    r"pip3? install (?:(?:-U|--upgrade|--no-cache-dir|-q|--quiet|pip|setuptools|wheel)\s*)+(?:$|&&)"
)


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
    return _INSTALL.search(_PIP_ITSELF.sub("", command)) is not None
