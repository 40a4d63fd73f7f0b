"""What builds by Buildah say of themselves, as Buildah 1.28 prints it."""

from __future__ import annotations

import pytest

from dockfix.verify.buildahlog import cached_steps, missing_base, reason, steps
from dockfix.verify.image import dependencies_cached
from dockfix.verify.result import MissingBase

BUILT = """\
[1/2] STEP 1/4: FROM python:3.11-slim AS builder
[1/2] STEP 2/4: COPY requirements.txt ./
--> Using cache 72386bd6460be19ee1895650192db9ccb16e86dc864f91d688353f2b62fe01b6
--> 72386bd6460
[1/2] STEP 3/4: RUN pip install -r requirements.txt
--> Using cache 7433a5fb04940c3ac8288635ad478a93c054df8c90fc85163bdf0b3ad7708f1f
--> 7433a5fb049
[2/2] STEP 1/2: FROM python:3.11-slim
[2/2] STEP 2/2: RUN echo done
done
--> b2cb3e0baa3
"""
FAILED = """\
STEP 1/2: FROM python:3.11-slim
STEP 2/2: RUN echo hello; echo "bad: not found" >&2; exit 3
hello
bad: not found
error running container: exit status 3
Error: building at STEP "RUN echo hello; echo "bad: not found" >&2; exit 3": while running runtime: exit status 3
"""
NO_COPY = """\
[2/2] STEP 2/2: COPY --from=a /nope /x
Error: building at STEP "COPY --from=a /nope /x": checking on sources under "/m": copier: stat: "/nope": no such file
"""


def test_steps() -> None:
    assert [(step.command, step.cached) for step in steps(BUILT)] == [
        ("pip install -r requirements.txt", True),
        ("echo done", False),
    ]
    assert cached_steps(BUILT) == 2
    assert dependencies_cached(steps(BUILT)) is True
    assert dependencies_cached(steps(BUILT.replace("--> Using cache 7433a5", "--> 7433a5"))) is False


def test_reason() -> None:
    assert reason(FAILED) == 'RUN echo hello; echo "bad: not found" >&2; exit 3 ended with 3: bad: not found'
    assert reason(NO_COPY).startswith('building at STEP "COPY --from=a /nope /x": checking on sources')
    assert reason("") == "no reason given"
    assert missing_base(FAILED) is None


@pytest.mark.parametrize(
    ("error", "denied"),
    [
        ('short-name "nowhere:9" did not resolve to an alias and no unqualified-search registries are defined', False),
        ("initializing source docker://nowhere:9: pinging container registry: dial tcp: no such host", False),
        ("initializing source docker://nowhere:9: reading manifest 9 in docker.io/nowhere: manifest unknown", True),
    ],
)
def test_missing_base_and_whether_the_registry_was_asked(error: str, denied: bool) -> None:
    log = f"STEP 1/2: FROM nowhere:9\nTrying to pull nowhere:9...\nError: creating build container: {error}\n"
    assert missing_base(log) == MissingBase("nowhere:9", denied)
