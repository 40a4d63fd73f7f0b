"""What builds say of themselves."""

from __future__ import annotations

import pytest

from dockfix.verify.buildkit import fault, missing_base, reason, steps
from dockfix.verify.image import dependencies_cached, installs

UNREACHABLE = (
    "ERROR: failed to solve: node:99-alpine: failed to resolve source metadata for docker.io/library/node:99-alpine: "
    'failed to do request: Head "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such '
    "host\n"
)
FAILED = """\
#8 [4/5] RUN npm ci
#8 1.2 npm ERR! missing script
------
 > [4/5] RUN npm ci:
0.512 npm error The `npm ci` command can only install with an existing package-lock.json
0.513 npm error A complete log of this run can be found in: /root/.npm/_logs/x.log
------
ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
"""


@pytest.mark.parametrize(
    "command",
    [
        "npm ci",
        "npm ci --omit=dev && npm cache clean --force",
        "--mount=type=cache,target=/root/.npm npm install",
        "yarn",
        "yarn install --frozen-lockfile",
        "yarn --frozen-lockfile",
        "corepack enable && pnpm i",
        "pip install --user --no-cache-dir -r requirements.txt",
        "pip install --upgrade pip && pip install -r requirements.txt",
        "poetry install --no-root",
        "uv sync",
        "dotnet restore",
        "mvn -B dependency:go-offline",
    ],
)
def test_installs(command: str) -> None:
    assert installs(command)


@pytest.mark.parametrize(
    "command",
    [
        "npm run build",
        "yarn build",
        "pip install --upgrade pip",
        "pip install -U pip setuptools",
        "apt-get install -y git",
        "npm prune --omit=dev",
        "npm install -g pnpm@9.15.9",
    ],
)
def test_installs_not(command: str) -> None:
    assert not installs(command)


def test_dependencies_cached() -> None:
    log = "#7 [deps 3/3] RUN npm ci\n#7 CACHED\n\n#8 [runtime 2/4] RUN pip install -r r.txt\n#8 DONE 1.0s\n"
    assert dependencies_cached(steps(log)) is False
    assert dependencies_cached(steps(log.replace("#8 DONE 1.0s", "#8 CACHED"))) is True
    assert dependencies_cached(steps("#7 [1/2] RUN make\n#7 CACHED\n")) is None


def test_missing_base_and_whether_the_registry_was_asked() -> None:
    assert missing_base(UNREACHABLE) == ("node:99-alpine", False)
    assert missing_base(UNREACHABLE.partition("failed to do")[0] + "docker.io/library/node:99-alpine: not found\n") == (
        "node:99-alpine",
        True,
    )
    assert missing_base(FAILED) is None


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (FAILED, ""),
        (f"#1 [internal] load build definition from Dockerfile\n{UNREACHABLE}", ""),
        (
            "#8 [4/5] RUN make\nERROR: failed to receive status: rpc error: code = Unavailable desc = EOF\n",
            "Unavailable",
        ),
        ("#1 [internal] waiting for connection\nERROR: context deadline exceeded\n", "context deadline exceeded"),
        ("#8 [4/5] RUN make\n#8 1.2 write /a: no space left on device\nERROR: failed to solve\n", "no space left"),
        ('ERROR: use `docker --context=far buildx` to switch to context "far"\n', "use `docker"),
        ("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?\n", "Cannot connect"),
    ],
)
def test_a_builder_that_is_at_fault(log: str, why: str) -> None:
    assert why in fault(log)
    assert bool(fault(log)) == bool(why)


def test_reason() -> None:
    assert reason(FAILED) == (
        "RUN npm ci ended with 1: npm error The `npm ci` command can only install with an existing package-lock.json"
    )
    assert reason("ERROR: failed to solve: dockerfile parse error\n") == "dockerfile parse error"
