"""An image that was built: what it weighs, what it is configured to do, and how its build went."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dockfix.verify.engine import Engine, Layer

_BIGGEST = 3

_INSTALL = re.compile(
    r"\b(?:npm (?:ci|i|install|add)|pnpm (?:i|install|fetch)|bun (?:i|install)"
    r"|yarn(?: --\S+)*(?: install)?(?: --\S+)*\s*(?:$|&|;)"
    r"|pip3? install|poetry install|uv (?:sync|pip install)|pipenv (?:install|sync)|pdm (?:install|sync)"
    r"|conda (?:env|install)|bundle install|composer install|go mod download|cargo fetch|mvn \S*dependency)"
)
_STEP = re.compile(r"^#(\d+) \[[^\]]*\] RUN (.*)$", re.MULTILINE)
_CACHED = re.compile(r"^#(\d+) CACHED$", re.MULTILINE)
_PIP_ITSELF = re.compile(
    r"pip3? install (?:(?:-U|--upgrade|--no-cache-dir|-q|--quiet|pip|setuptools|wheel)\s*)+(?:$|&&)"
)

_NO_BASE = re.compile(r"(?:ERROR: failed to solve: )(\S+): failed to resolve source metadata")
_UNREACHABLE = re.compile(
    r"no such host|dial tcp|i/o timeout|connection refused|TLS handshake|network is unreachable|toomanyrequests"
    r"|failed to do request|unexpected status.*5\d\d",
    re.IGNORECASE,
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


def dependencies_cached(log: str) -> bool | None:
    """Whether every step of a build that installs dependencies came from the cache; ``None`` without such a step.

    Args:
        log: what the builder printed with ``--progress plain``.
    """
    cached = set(_CACHED.findall(log))
    steps = [number for number, command in _STEP.findall(log) if installs(command)]
    return all(number in cached for number in steps) if steps else None


def installs(command: str) -> bool:
    """Whether a RUN command installs an app's dependencies."""
    return _INSTALL.search(_PIP_ITSELF.sub("", command)) is not None


def missing_base(log: str) -> tuple[str, bool] | None:
    """The base image that a failed build could not get, and whether its registry answered at all."""
    found = _NO_BASE.search(log)
    if found is None:
        return None
    return found[1], _UNREACHABLE.search(log[found.start() :]) is None


def reason(log: str) -> str:
    """Why a build failed, in one line."""
    errors = [line for line in log.splitlines() if line.startswith("ERROR:")]
    if not errors:
        return next((line for line in reversed(log.splitlines()) if line.strip()), "no reason given")
    step = re.search(r'process "(?:/bin/sh -c )?(.*)" did not complete successfully: exit code: (\d+)', errors[-1])
    if step is None:
        return errors[-1].removeprefix("ERROR: ").removeprefix("failed to solve: ")
    said = _last_words(log)
    return f"RUN {_short(step[1])} ended with {step[2]}" + (f": {said}" if said else "")


def _last_words(log: str) -> str:
    """What the failed step said of its failure."""
    block = re.search(r"^------\n > .*?:\n(.*?)^------$", log, re.MULTILINE | re.DOTALL)
    if block is None:
        return ""
    said = [re.sub(r"^[\d.]+ ", "", line).strip() for line in block[1].splitlines()]
    said = [
        line
        for line in said
        if line and not re.search(r"npm (?:notice|error|ERR!)? ?(?:A complete log|New )|\.log$", line)
    ]
    telling = [
        line for line in said if re.search(r"error|not found|cannot|unable|failed|denied|no such", line, re.IGNORECASE)
    ]
    return _short((telling or said or [""])[-1])


def _short(text: str, width: int = 160) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
