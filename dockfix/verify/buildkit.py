"""What BuildKit prints with ``--progress plain``, read."""

from __future__ import annotations

import re

from dockfix.verify.result import BuildStep, MissingBase

_STEP = re.compile(r"^#(\d+) \[[^\]]*\] RUN (.*)$", re.MULTILINE)
_BEGUN = re.compile(r"^#(\d+) (\[.+?\] .*|exporting to image)$", re.MULTILINE)
_REACHING = re.compile(r"\[internal\] (?:waiting for connection|booting buildkit)")
_CACHED = re.compile(r"^#(\d+) CACHED$", re.MULTILINE)
_OVER = re.compile(r"^#(\d+) (?:CACHED|DONE .*)$", re.MULTILINE)
_LOST = re.compile(
    r"^ERROR: .*(?:code = Unavailable|closed network connection|Cannot connect to the Docker daemon).*$"
    r"|^.*no space left on device.*$",
    re.MULTILINE,
)
_NO_BASE = re.compile(r"(?:ERROR: failed to solve: )(\S+): failed to resolve source metadata")
UNREACHABLE = re.compile(
    r"no such host|dial tcp|i/o timeout|connection refused|TLS handshake|network is unreachable|toomanyrequests"
    r"|failed to do request|unexpected status.*5\d\d",
    re.IGNORECASE,
)
"""How a registry that does not answer sounds, unlike one that answers that it has no such image."""


def steps(log: str) -> tuple[BuildStep, ...]:
    """The RUNs of a build."""
    cached = set(_CACHED.findall(log))
    return tuple(BuildStep(command, number in cached) for number, command in _STEP.findall(log))


def cached_steps(log: str) -> int:
    """How many steps came from the cache, copies included."""
    return len(_CACHED.findall(log))


def current(log: str) -> str:
    """The step that a build is at, as BuildKit names it: of those that run at once, the one that began last."""
    over = set(_OVER.findall(log))
    return next((name for number, name in reversed(_BEGUN.findall(log)) if number not in over), "")


def fault(log: str) -> str:
    """Why a build that failed tells nothing of its Dockerfile: the builder is at fault; empty where it is not."""
    lost = _LOST.search(log)
    if lost is not None:
        return lost[0].strip().removeprefix("ERROR: ")
    begun = any(not _REACHING.match(name) for _, name in _BEGUN.findall(log))
    return "" if begun else reason(log)


def missing_base(log: str) -> MissingBase | None:
    """The base image that a failed build could not get."""
    found = _NO_BASE.search(log)
    if found is None:
        return None
    return MissingBase(found[1], UNREACHABLE.search(log[found.start() :]) is None)


def reason(log: str) -> str:
    """Why a build failed, in one line."""
    errors = [line for line in log.splitlines() if line.startswith("ERROR:")]
    if not errors:
        return next((line for line in reversed(log.splitlines()) if line.strip()), "no reason given")
    step = re.search(r'process "(?:/bin/sh -c )?(.*)" did not complete successfully: exit code: (\d+)', errors[-1])
    if step is None:
        return errors[-1].removeprefix("ERROR: ").removeprefix("failed to solve: ")
    said = _said(log)
    return f"RUN {short(step[1])} ended with {step[2]}" + (f": {said}" if said else "")


def _said(log: str) -> str:
    """What the failed step said of its failure."""
    block = re.search(r"^------\n > .*?:\n(.*?)^------$", log, re.MULTILINE | re.DOTALL)
    if block is None:
        return ""
    return last_words([re.sub(r"^[\d.]+ ", "", line).strip() for line in block[1].splitlines()])


def last_words(lines: list[str]) -> str:
    """The line of a command's output that tells best why it failed."""
    said = [
        line
        for line in lines
        if line and not re.search(r"npm (?:notice|error|ERR!)? ?(?:A complete log|New )|\.log$", line)
    ]
    telling = [
        line for line in said if re.search(r"error|not found|cannot|unable|failed|denied|no such", line, re.IGNORECASE)
    ]
    return short((telling or said or [""])[-1])


def short(text: str, width: int = 160) -> str:
    """*text*, cut where it is long."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
