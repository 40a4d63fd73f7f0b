"""Which container engine there is: the one named, or the first that answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from dockfix.verify.buildah import Buildah
from dockfix.verify.docker import Docker
from dockfix.verify.engine import Engine
from dockfix.verify.podman import Podman
from dockfix.verify.process import execute
from dockfix.verify.result import EngineError

ENGINES: tuple[type[Engine], ...] = (Docker, Podman, Buildah)
"""In the order in which they are tried: the last builds alone."""

_VERSION_SECONDS = 20.0


def found(
    program: str | None = None, environment: Mapping[str, str] | None = None, *, builder: str | None = None
) -> Engine:
    """The engine to work with, which has answered.

    Args:
        program: its command; by default the first of docker, podman and buildah that works here.
        environment: that of the command; by default dockfix's own.
        builder: the buildx builder that builds, which Docker alone has.

    Raises:
        EngineError: it does not answer, or none does; with each one's reason.
    """
    environment = dict(os.environ if environment is None else environment)
    if program is not None:
        engine = _named(program, environment, builder)
        engine.check()
        return engine
    reasons = []
    for kind in ENGINES:
        if builder is not None and kind is not Docker:
            continue
        engine = _made(kind, None, environment, builder)
        try:
            engine.check()
        except EngineError as error:
            reasons.append(str(error))
        else:
            return engine
    raise EngineError("no container engine answers: " + "; ".join(reasons))


def _named(program: str, environment: Mapping[str, str], builder: str | None) -> Engine:
    """The engine of a command, by what it calls itself: Podman is installed as ``docker``, too."""
    try:
        said = execute((program, "--version"), environment, timeout=_VERSION_SECONDS).output
    except OSError as error:
        raise EngineError(f"{program}: {error.strerror or error}") from error
    kind = next((each for each in ENGINES[1:] if said.lower().startswith(each.__name__.lower())), Docker)
    if builder is not None and kind is not Docker:
        raise EngineError(f"{program} is {kind.__name__}, which has no builders")
    return _made(kind, program, environment, builder)


def _made(kind: type[Engine], program: str | None, environment: Mapping[str, str], builder: str | None) -> Engine:
    engine = Docker(environment, builder=builder) if kind is Docker else kind(environment)
    if program and os.sep in program:
        program = str(Path(program).absolute())  # it may run in another folder
    return replace(engine, program=program) if program else engine
