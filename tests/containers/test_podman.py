"""``dockfix verify`` with the engines of Debian beside Docker: Podman runs what it builds, Buildah builds alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dockfix.verify.comparison import KILLED
from dockfix.verify.limits import Limits
from dockfix.verify.podman import Podman
from tests.containers.engine import Engine
from tests.containers.test_observation import CHATTY, VARIABLES, tell, variables

BASE = "python:3.11-alpine"
DOCKERFILE = f"""\
FROM {BASE}
WORKDIR /site
COPY . .
RUN echo built
EXPOSE 8080
HEALTHCHECK CMD wget -q --spider http://127.0.0.1:8080/
CMD python -m http.server 8080
"""

# what a container without systemd, without a journal and without the right to raise limits needs
CONTAINERS = """\
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
default_ulimits = []
log_driver = "k8s-file"
"""
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


def skip_without(*programs: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if os.geteuid() != 0:
        pytest.skip("needs root, for the containers' addresses")


@pytest.fixture(scope="module")
def storage(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a storage of the tests' own, which holds the base."""
    skip_without("podman", "runc")
    folder = tmp_path_factory.mktemp("podman")
    (folder / "containers.conf").write_text(CONTAINERS)
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'
    )
    environment = {
        **os.environ,
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
    }
    archive = folder / "base.tar"
    engine.call("save", "--output", str(archive), BASE)
    command = ["podman", "load", "--input", str(archive)]
    loaded = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if loaded.returncode:
        pytest.skip(f"podman does not work here: {loaded.stderr.strip().splitlines()[-1]}")
    yield environment
    subprocess.run(["podman", "system", "reset", "--force"], env=environment, capture_output=True, check=False)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / ".git").mkdir(parents=True)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "index.html").write_text("<title>Here</title>\n")
    return folder


def verify(app: Path, environment: Mapping[str, str], *options: str) -> tuple[int, dict[str, object], str]:
    command = [sys.executable, "-m", "dockfix", "verify", "--isolated", "--format", "json", *options, str(app)]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    files = json.loads(done.stdout)["files"] if done.stdout else []
    return done.returncode, files[0] if files else {}, done.stderr


def left(program: str, environment: Mapping[str, str]) -> str:
    command = [program, "images", "--all", "--noheading", "--filter", "label=dockfix.verify"]
    return subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=True).stdout


def test_podman_builds_runs_and_leaves_nothing(storage: Mapping[str, str], app: Path) -> None:
    code, found, said = verify(app, storage, "--engine", "podman", "--rebuilds", "1")
    assert (code, found.get("verdict")) == (0, "same behaviour"), (found, said)
    after = found["after"]
    assert isinstance(after, dict)
    assert after["run"]["health"] == "healthy"
    assert after["run"]["answers"][0]["status"] == 200
    assert after["builds"]["cold"] > 0
    assert after["image"]["size"] > 1_000_000
    assert left("podman", storage) == ""
    names = subprocess.run(["podman", "network", "ls"], env=dict(storage), capture_output=True, text=True, check=True)
    assert "dockfix-verify" not in names.stdout


def test_podman_hands_variables_over_and_bounds_what_is_printed(storage: Mapping[str, str]) -> None:
    podman = Podman(storage)
    with podman.run(BASE, "sleep", "60", env=VARIABLES) as container:
        assert variables(container).items() >= VARIABLES.items()
    with podman.run(BASE, "sh", "-c", CHATTY) as container:
        assert podman.call("wait", container.identity, timeout=120).strip() == "0"
        assert 0 < len(container.logs()) < 40_000_000


def test_podman_passes_build_arguments_on(storage: Mapping[str, str], tmp_path: Path) -> None:
    tell(Podman(storage), tmp_path, BASE)


def test_podman_tells_what_the_kernel_ended_for_memory(storage: Mapping[str, str]) -> None:
    podman = Podman(storage, limits=Limits("96m"))
    with podman.run(BASE, "python", "-c", "bytearray(300 << 20)") as container:
        assert podman.call("wait", container.identity).strip() == str(KILLED)
        assert container.shortage("") == "ran out of the 96m of memory that a container is given (--memory)"
    assert not Path("oom").exists()  # which conmon leaves where it is started


def test_buildah_builds_alone(storage: Mapping[str, str], app: Path) -> None:
    skip_without("buildah")
    code, found, said = verify(app, storage, "--engine", "buildah", "--quick")
    assert (code, found.get("verdict")) == (2, "not comparable"), said
    assert found["reasons"] == ["both build, and buildah runs no containers"]
    assert left("buildah", storage) == ""


def test_a_base_that_is_not_there_is_told(storage: Mapping[str, str], app: Path) -> None:
    (app / "Dockerfile").write_text(DOCKERFILE.replace(BASE, "python:3.11"))
    code, found, said = verify(app, storage, "--engine", "podman", "--quick")
    assert (code, found.get("verdict")) == (2, "the original does not build"), said
    assert found["reasons"] == ["base python:3.11 cannot be had"]


@pytest.mark.parametrize("program", ["podman", "buildah"])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "python -c 'bytearray(300 << 20)'",
            "ran out of the 96m of memory that a build is given (--build-memory): RUN ",
        ),
        ("sh -c 'for i in $(seq 100); do sleep 2 & done; wait'", "ran out of the 40 processes that a build is given"),
    ],
    ids=["memory", "processes"],
)
def test_a_build_that_had_not_enough(
    storage: Mapping[str, str], app: Path, program: str, line: str, reason: str
) -> None:
    skip_without(program)
    (app / "Dockerfile").write_text(DOCKERFILE.replace("echo built", line))
    code, found, said = verify(
        app, storage, "--engine", program, "--quick", "--build-memory", "96m", "--build-pids", "40"
    )
    if "limited in time alone" in said:
        pytest.skip(said)
    assert (code, found.get("verdict")) == (2, "not comparable"), said
    reasons = found["reasons"]
    assert isinstance(reasons, list)
    assert reasons[0].startswith(f"the build of the original {reason}")
