"""What Buildah prints as it builds, read; Podman builds with it, too."""

from __future__ import annotations

import re

from dockfix.verify.buildkit import UNREACHABLE, last_words, short
from dockfix.verify.result import BuildStep, MissingBase

_STEP = re.compile(r"^(?:\[\d+/\d+\] )?STEP \d+/\d+: (.*)$")
_CACHED = "--> Using cache "
_FAILED = re.compile(r'building at STEP "(?:RUN )?(.*)": while running runtime: exit status (\d+)')
_NO_BASE = re.compile(r"^Error: creating build container: (.*)", re.MULTILINE)
_ERROR = re.compile(r"^Error: (.*)", re.MULTILINE)


def steps(log: str) -> tuple[BuildStep, ...]:
    """The RUNs of a build."""
    found: list[BuildStep] = []
    for line in log.splitlines():
        step = _STEP.match(line)
        if step is not None:
            found.append(BuildStep(step[1], False))
        elif found and line.startswith(_CACHED):
            found[-1] = BuildStep(found[-1].command, True)
    return tuple(
        BuildStep(step.command.removeprefix("RUN "), step.cached) for step in found if step.command.startswith("RUN ")
    )


def current(log: str) -> str:
    """The step that a build is at."""
    return next((step[1] for step in map(_STEP.match, reversed(log.splitlines())) if step is not None), "")


def cached_steps(log: str) -> int:
    """How many steps came from the cache, copies included."""
    return sum(line.startswith(_CACHED) for line in log.splitlines())


def missing_base(log: str) -> MissingBase | None:
    """The base image that a failed build could not get: that of the last FROM before the error."""
    found = _NO_BASE.search(log)
    if found is None:
        return None
    bases = [step[1].split()[1] for line in log.splitlines() if (step := _STEP.match(line)) and step[1][:5] == "FROM "]
    unasked = UNREACHABLE.search(found[1]) or "did not resolve to an alias" in found[1]
    return MissingBase(bases[-1] if bases else "", not unasked)


def reason(log: str) -> str:
    """Why a build failed, in one line."""
    errors = _ERROR.findall(log)
    if not errors:
        return next((line for line in reversed(log.splitlines()) if line.strip()), "no reason given")
    step = _FAILED.search(errors[-1])
    if step is None:
        return short(errors[-1])
    said = last_words(_output(log))
    return f"RUN {short(step[1])} ended with {step[2]}" + (f": {said}" if said else "")


def _output(log: str) -> list[str]:
    """What the last step printed."""
    lines = log.splitlines()
    start = max((number for number, line in enumerate(lines) if _STEP.match(line)), default=0)
    return [line.strip() for line in lines[start + 1 :] if not line.startswith(("Error: ", "error ", "time="))]
