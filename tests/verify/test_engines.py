"""Which engine is taken, and the words in which each is spoken to."""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from dockfix.verify.buildah import Buildah
from dockfix.verify.docker import Docker
from dockfix.verify.engine import Engine
from dockfix.verify.engines import found
from dockfix.verify.limits import Limits
from dockfix.verify.podman import Podman
from dockfix.verify.result import EngineError, Layer

RECORDER = """\
import json, os, sys
from pathlib import Path
arguments = sys.argv[1:]
with open(os.environ["SPOKEN"], "a") as spoken:
    spoken.write(json.dumps([NAME, *arguments]) + "\\n")
if "--iidfile" in arguments:
    Path(arguments[arguments.index("--iidfile") + 1]).write_text("sha256:1234")
answers = ANSWERS
line = " ".join(arguments)
code, text = next((answer for start, answer in answers.items() if line.startswith(start)), (0, ""))
print(text)
sys.exit(code)
"""

Answers = dict[str, tuple[int, str]]


class Stage:
    """A folder on the PATH with commands that write down how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"PATH": str(folder), "SPOKEN": str(folder / "spoken"), "DOCKER_HOST": "tcp://far:2376"}

    def command(self, name: str, answers: Answers | None = None) -> str:
        path = self.folder / name
        script = RECORDER.replace("NAME", repr(name)).replace("ANSWERS", repr(answers or {}))
        path.write_text(f"#!{sys.executable}\n{script}")
        path.chmod(0o755)
        return str(path)

    def spoken(self) -> list[list[str]]:
        path = self.folder / "spoken"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(tmp_path)
    # the program itself is looked for along dockfix's own PATH
    monkeypatch.setenv("PATH", str(tmp_path))
    return made


def test_docker_comes_first(stage: Stage) -> None:
    for name in ("docker", "podman", "buildah"):
        stage.command(name, {"info --format": (0, "false")})
    assert type(found(environment=stage.environment)) is Docker


def test_docker_without_buildkit_gives_way_to_podman(stage: Stage) -> None:
    stage.command("docker", {"buildx version": (1, "unknown command")})
    stage.command("podman", {"info --format": (0, "false")})
    assert type(found(environment=stage.environment)) is Podman


def test_podman_without_root_gives_way_to_buildah(stage: Stage) -> None:
    stage.command("docker", {"version": (1, "Cannot connect to the Docker daemon")})
    stage.command("podman", {"info --format": (0, "true")})
    stage.command("buildah")
    engine = found(environment=stage.environment)
    assert type(engine) is Buildah
    assert not engine.runs


def test_each_ones_reason_is_told_where_none_answers(stage: Stage) -> None:
    stage.command("podman", {"info": (125, "no storage")})
    with pytest.raises(EngineError, match=r"docker: No such file or directory; podman info .*no storage; buildah: No"):
        found(environment=stage.environment)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Docker version 28.2.2, build 1", Docker),
        ("podman version 4.3.1", Podman),
        ("buildah version 1.28.2 (image-spec 1)", Buildah),
        ("nerdctl version 2.0.0", Docker),
    ],
)
def test_a_command_is_what_it_says_it_is(stage: Stage, said: str, kind: type[Engine]) -> None:
    program = stage.command("engine", {"--version": (0, said), "info --format": (0, "false")})
    engine = found(program, stage.environment)
    assert type(engine) is kind
    assert engine.program == program


def test_podman_installed_as_docker_has_no_builders(stage: Stage) -> None:
    stage.command("docker", {"--version": (0, "podman version 4.3.1")})
    with pytest.raises(EngineError, match="docker is Podman, which has no builders"):
        found("docker", stage.environment, builder="far")


def test_a_builder_is_asked_for_and_no_other_engine_taken(stage: Stage) -> None:
    stage.command("docker", {"buildx inspect": (1, 'ERROR: no builder "far" found')})
    stage.command("podman", {"info --format": (0, "false")})
    with pytest.raises(EngineError, match=r'builder far does not answer: no builder "far" found$'):
        found(environment=stage.environment, builder="far")


def test_a_builder_that_has_gone_is_told_before_anything_is_built(stage: Stage) -> None:
    log = "#1 [internal] waiting for connection\n#1 ERROR: context deadline exceeded\nERROR: context deadline exceeded"
    stage.command("docker", {"buildx inspect --bootstrap": (1, log)})
    with pytest.raises(EngineError, match=r"^builder far does not answer: context deadline exceeded$"):
        found("docker", stage.environment, builder="far")


def build(engine: Engine, folder: Path) -> None:
    engine.build(folder, target="runtime", build_args={"A": "b c"}, no_cache=True)


TAIL = ["--label", "a=b", "--target", "runtime", "--build-arg", "A", "--no-cache"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Docker, ["docker", "build", "--progress", "plain"]),
        (Podman, ["podman", "build", "--format", "docker"]),
        (Buildah, ["buildah", "build", "--format", "docker", "--layers"]),
    ],
)
def test_a_build(stage: Stage, kind: type[Engine], words: list[str]) -> None:
    stage.command(words[0])
    build(kind(stage.environment, "a=b"), stage.folder)
    spoken = stage.spoken()[-1]
    assert spoken[: len(words)] == words
    assert spoken[len(words)] == "--iidfile"
    assert spoken[-len(TAIL) - 1 :] == [*TAIL, str(stage.folder)]


def test_a_build_by_a_builder_is_loaded_and_named(stage: Stage) -> None:
    stage.command("docker", {"image inspect": (0, '[{"Id": "sha256:loaded"}]'), "version --format": (0, "linux/arm64")})
    engine = Docker(stage.environment, builder="far")
    assert engine.build(stage.folder).image == "sha256:loaded"
    spoken = next(words for words in stage.spoken() if words[1] == "buildx")
    assert spoken[1:8] == ["buildx", "build", "--progress", "plain", "--load", "--builder", "far"]
    # the engine runs it, whatever kind of machine builds
    assert spoken[8:10] == ["--platform", "linux/arm64"]
    assert spoken[spoken.index("--tag") + 1].startswith("dockfix-verify:")


@pytest.mark.parametrize("kind", [Docker, Podman])
def test_a_container_is_bounded_labelled_and_removed(stage: Stage, kind: type[Engine]) -> None:
    name = kind.__name__.lower()
    stage.command(name, {"create": (0, "c1"), "image inspect": (0, '[{"Config": {}}]')})
    engine = kind(stage.environment, "a=b", limits=Limits("512m", 99))
    with engine.run("i1", network="n1", env={"KEY": "value"}):
        pass
    create = next(words for words in stage.spoken() if words[1] == "create")
    text = " ".join(word for word in create if word not in kind.log_options)
    assert "--network n1 --label a=b --memory 512m --memory-swap 512m --pids-limit 99 --env-file " in text
    assert stage.spoken()[-1] == [name, "rm", "--force", "--volumes", "c1"]


@pytest.mark.parametrize(
    ("kind", "memory", "complaint"),
    [
        (Docker, "5m", "--memory 5m is less than the 6m that docker allows"),
        (Docker, "6m", ""),
        (Docker, "0", ""),
        (Podman, "5m", ""),
    ],
)
def test_the_least_that_a_container_may_be_limited_to(kind: type[Engine], memory: str, complaint: str) -> None:
    engine = kind(limits=Limits(memory))
    if not complaint:
        engine.demand_limits()
        return
    with pytest.raises(EngineError) as raised:
        engine.demand_limits()
    assert str(raised.value) == complaint


@pytest.mark.parametrize(
    ("kind", "name", "there"),
    [
        (Docker, "bridge", False),  # asked for as any other
        (Podman, "bridge", True),
        (Podman, "theirs", False),
        (Buildah, "theirs", True),
    ],
)
def test_a_network_is_asked_for(stage: Stage, kind: type[Engine], name: str, there: bool) -> None:
    stage.command(kind.__name__.lower(), {"network inspect": (1, "no such network")})
    with nullcontext() if there else pytest.raises(EngineError, match=f"has no network {name}$"):
        kind(stage.environment).demand_network(name)


@pytest.mark.parametrize("kind", [Docker, Podman])
@pytest.mark.parametrize(("name", "why"), [("none", "no address"), ("host", "open to the host")])
def test_a_network_in_which_nothing_can_be_told_apart_is_refused(
    stage: Stage, kind: type[Engine], name: str, why: str
) -> None:
    stage.command(kind.__name__.lower(), {"network inspect": (0, "[]")})  # it has one of this name
    with pytest.raises(EngineError, match=f"^--network {name} is a network in which .*{why}"):
        kind(stage.environment).demand_network(name)


@pytest.mark.parametrize(
    ("told", "soon"),
    [
        ("1.45 1.45", True),
        ("1.44 1.52", True),
        ("1.43 1.45", False),  # the client keeps to an older one: DOCKER_API_VERSION
        ("1.43 1.43", False),
        ("1.45 1.9", False),
        ("", False),
        ("Server: 20.10", False),
    ],
)
def test_docker_runs_the_health_check_as_soon_as_its_api_can(stage: Stage, told: str, soon: bool) -> None:
    checked = '[{"Config": {"Healthcheck": {"Test": ["CMD", "true"]}}}]'
    stage.command("docker", {"image inspect": (0, checked), "version --format": (0, told)})
    engine = Docker(stage.environment)
    for _ in range(2):
        options = engine.health_options("i1")
        assert options[:2] == ["--health-interval", "2s"]
        assert ("--health-start-interval" in options) is soon
    assert len([words for words in stage.spoken() if words[1] == "version"]) == 1


def test_podman_is_told_to_run_the_health_check(stage: Stage) -> None:
    record = json.dumps([{"Config": {"Healthcheck": {"Test": ["CMD", "true"]}}, "State": {"Health": {"Log": None}}}])
    answers = {"container inspect": (0, record), "healthcheck run": (0, "")}
    stage.command("podman", answers)
    container = Podman(stage.environment).container("c1")
    assert container.health() == "healthy"
    assert container.last_check() == "never run"
    stage.command("podman", {**answers, "healthcheck run": (1, "unhealthy")})
    assert Podman(stage.environment).container("c1").health() == "starting"


def test_podman_tells_layers_and_health_checks_where_docker_does_not(stage: Stage) -> None:
    history = '[{"CreatedBy": "CMD x", "size": 0}, {"CreatedBy": "RUN npm ci", "size": 4100}]'
    image = '[{"Config": {"Cmd": ["x"]}, "Healthcheck": {"Test": ["CMD", "true"]}}]'
    stage.command("podman", {"history": (0, history), "image inspect": (0, image)})
    engine = Podman(stage.environment)
    assert engine.layers("i1") == (Layer("RUN npm ci", 4100), Layer("CMD x", 0))
    assert engine.image_config("i1") == {"Cmd": ["x"], "Healthcheck": {"Test": ["CMD", "true"]}}


@pytest.mark.parametrize(
    ("told", "size"), [("143 MB", 143_000_000), ("4.1 kB", 4100), ("0 B", 0), ("1.02 GB", 1_020_000_000)]
)
def test_buildah_tells_sizes_for_people(stage: Stage, told: str, size: int) -> None:
    inspected = '{"Docker": {"config": {"Cmd": ["x"]}, "rootfs": {"diff_ids": ["a", "b"]}}}'
    stage.command("buildah", {"inspect": (0, inspected), "images --json": (0, json.dumps([{"size": told}]))})
    record = Buildah(stage.environment).image_record("i1")
    assert record["Size"] == size
    assert record["RootFS"]["Layers"] == ["a", "b"]


@pytest.mark.parametrize(("kind", "removals"), [(Podman, ["rm", "network", "image"]), (Buildah, ["rmi"])])
def test_a_sweep(stage: Stage, kind: type[Engine], removals: list[str]) -> None:
    name = kind.__name__.lower()
    listed = dict.fromkeys(("ps", "network ls", "images"), (0, "x1"))
    stage.command(name, listed)
    assert kind(stage.environment, "a=b").sweep() == len(removals)
    removed = [words[1] for words in stage.spoken() if words[-1] == "x1"]
    assert removed == removals


def test_the_environment_reaches_the_command(stage: Stage) -> None:
    path = stage.folder / "docker"
    path.write_text(f"#!{sys.executable}\nimport os\nprint(os.environ['DOCKER_HOST'], os.environ['DOCKER_BUILDKIT'])\n")
    path.chmod(0o755)
    assert Docker(stage.environment).call("version") == "tcp://far:2376 1\n"
    assert "DOCKER_BUILDKIT" not in os.environ
