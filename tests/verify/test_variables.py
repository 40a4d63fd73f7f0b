"""Variables reach a container as they are, and a list of processes shows them as little as may be."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from dockfix.verify.buildah import Buildah
from dockfix.verify.docker import Docker
from dockfix.verify.engine import Engine
from dockfix.verify.podman import Podman
from dockfix.verify.variables import handed, passed
from tests.verify.test_engines import Stage, stage

__all__ = ["stage"]

KEY = "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"


def test_plain_ones_are_in_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    with handed({"TOKEN": "s3cr3t", "EMPTY": ""}, {"PATH"}, tmp_path) as found:
        option, name = found.options
        assert option == "--env-file"
        assert found.environment == {}
        assert Path(name).read_text() == "TOKEN=s3cr3t\nEMPTY=\n"
        assert stat.S_IMODE(Path(name).stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [KEY, "two words", '"quoted"', "a#b", " x", "$HOME", "a\\b", "é" * 5000, "x\r"])
def test_what_a_file_may_not_hold_is_in_the_environment(tmp_path: Path, value: str) -> None:
    with handed({"KEY": value}, {"PATH"}, tmp_path) as found:
        assert found == (["--env", "KEY"], {"KEY": value})


@pytest.mark.parametrize(("name", "value"), [("HOME", "/a b"), ("HTTP_PROXY", "http://p:1"), ("https_proxy", "x y")])
def test_what_would_change_the_command_stays_among_its_words(tmp_path: Path, name: str, value: str) -> None:
    with handed({name: value}, {"HOME", "https_proxy"}, tmp_path) as found:
        assert found == (["--env", f"{name}={value}"], {})


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("TOKEN", True),
        ("GO_VERSION", True),
        ("PATH", False),
        ("http_proxy", False),
        ("DOCKER_HOST", False),
        ("BUILDX_BUILDER", False),
        ("CONTAINERS_CONF", False),
        ("LD_PRELOAD", False),
        ("GODEBUG", False),
    ],
)
def test_build_arguments_are_named_alone_unless_they_would_change_the_command(name: str, hidden: bool) -> None:
    words, environment = ([name], {name: "a b"}) if hidden else ([f"{name}=a b"], {})
    assert passed({name: "a b"}, {"PATH"}) == (["--build-arg", *words], environment)


@pytest.mark.parametrize("kind", [Docker, Podman, Buildah])
def test_a_build_finds_its_arguments_in_its_environment(stage: Stage, kind: type[Engine], tmp_path: Path) -> None:
    program = tmp_path / "engine"
    program.write_text(
        '#!/bin/sh\nprintf "%s" "$TOKEN" >"$SPOKEN"\nwhile [ "$1" != --iidfile ]; do shift; done\necho i1 >"$2"\n'
    )
    program.chmod(0o755)
    kind(stage.environment, program=str(program)).build(tmp_path, build_args={"TOKEN": KEY})
    assert Path(stage.environment["SPOKEN"]).read_text() == KEY


def test_what_the_command_has_itself_may_be_in_the_file(tmp_path: Path) -> None:
    with handed({"PATH": "/app/bin:/bin"}, {"PATH"}, tmp_path) as found:
        assert found.options[0] == "--env-file"
        assert found.environment == {}


@pytest.mark.parametrize("kind", [Docker, Podman])
def test_the_command_that_makes_a_container_does_not_name_them(stage: Stage, kind: type[Engine]) -> None:
    name = kind.__name__.lower()
    stage.command(name, {"create": (0, "c1"), "image inspect": (0, '[{"Config": {}}]')})
    engine = kind(stage.environment, scratch=stage.folder)
    with engine.run("i1", network="n1", env={"TOKEN": "s3cr3t", "KEY": KEY}):
        pass
    create = next(words for words in stage.spoken() if words[1] == "create")
    assert "s3cr3t" not in str(create) and "BEGIN" not in str(create)
    assert create[create.index("--env") + 1] == "KEY"
    assert not Path(create[create.index("--env-file") + 1]).exists()


@pytest.mark.parametrize("kind", [Docker, Podman])
def test_what_a_container_prints_is_bounded(stage: Stage, kind: type[Engine]) -> None:
    name = kind.__name__.lower()
    stage.command(name, {"create": (0, "c1"), "image inspect": (0, '[{"Config": {}}]')})
    with kind(stage.environment).run("i1", network="n1"):
        pass
    create = " ".join(next(words for words in stage.spoken() if words[1] == "create"))
    assert f"--log-driver {'json-file' if kind is Docker else 'k8s-file'} --log-opt max-size=16m" in create
