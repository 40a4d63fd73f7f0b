"""Passwords reach neither containers nor reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dockfix.cli import main
from dockfix.verify.comparison import Verdict
from dockfix.verify.credentials import masked
from dockfix.verify.docker import Docker
from dockfix.verify.engine import Engine
from dockfix.verify.podman import Podman
from dockfix.verify.result import TimedOutError
from dockfix.verify.variables import PROXIES
from tests.verify.test_command import NAIVE
from tests.verify.test_engines import Stage, stage

__all__ = ["stage"]

SECRET = "http://user:s3cr3t@proxy.example:3128"
HIDDEN = "http://***@proxy.example:3128"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"HTTP_PROXY={SECRET}", f"HTTP_PROXY={HIDDEN}"),
        ("postgres://app:p@ss:w@db/shop?a=b", "postgres://***@db/shop?a=b"),
        ("https://ghp_0123456789@github.com/acme/shop", "https://***@github.com/acme/shop"),
        ("postgres://app:p/w@db/shop and http://db:8080/vue@3", "postgres://***@db/shop and http://db:8080/vue@3"),
        ("https://npm.example/x.tgz?v=1&token=s3cr3t&a=b", "https://npm.example/x.tgz?v=1&token=***&a=b"),
        ("//npm.example/:_authToken=s3cr3t", "//npm.example/:_authToken=***"),
        (f"'{SECRET}' and \"{SECRET}\"", f"'{HIDDEN}' and \"{HIDDEN}\""),
        ("GET https://registry.npmjs.org/@types/node 404", "GET https://registry.npmjs.org/@types/node 404"),
        (
            "https://cdn.example/vue@3/x.js // mail ada@example.org",
            "https://cdn.example/vue@3/x.js // mail ada@example.org",
        ),
    ],
)
def test_credentials_of_urls_are_left_out(said: str, shown: str) -> None:
    assert masked(said) == shown


@pytest.mark.parametrize("kind", [Docker, Podman])
def test_a_container_without_a_way_out_gets_no_proxies(stage: Stage, kind: type[Engine]) -> None:
    name = kind.__name__.lower()
    stage.command(name, {"create": (0, "c1"), "image inspect": (0, '[{"Config": {}}]')})
    engine = kind(stage.environment)
    for proxies in (False, True):
        with engine.run("i1", network="n1", env={"no_proxy": "db"}, proxies=proxies):
            pass
    sealed, open_ = (words for words in stage.spoken() if words[1] == "create")
    if kind is Podman:
        assert "--http-proxy=false" in sealed
    else:
        given = {word for word, option in zip(sealed[1:], sealed, strict=False) if option == "--env"}
        names = {*PROXIES, *map(str.lower, PROXIES)} - {"no_proxy"}
        assert given == {"no_proxy=db", *(f"{each}=" for each in names)}
    assert "proxy" not in " ".join(open_).lower().replace("no_proxy=db", "")


def test_what_the_engine_says_is_masked(stage: Stage, tmp_path: Path) -> None:
    history = f"10\t|1 INDEX={SECRET} /bin/sh -c pip install"
    checked = json.dumps([{"State": {"Health": {"Status": "unhealthy", "Log": [{"Output": SECRET}]}}}])
    answers = {
        "build": (1, f"#1 [1/1] RUN env\n#1 0.1 HTTP_PROXY={SECRET}\nERROR: failed to solve: {SECRET} refused"),
        "logs": (0, SECRET),
        "history": (0, history),
        "container inspect": (0, checked),
        "pull": (1, SECRET),
    }
    stage.command("docker", answers)
    engine = Docker(stage.environment)
    container = engine.container("c1")
    built = engine.build(tmp_path)
    said = [built.log, built.reason, container.logs(), container.last_check(), engine.layers("i1")[0].created_by]
    with pytest.raises(Exception, match="proxy") as refused:
        engine.call("pull", "x")
    said += [str(refused.value), TimedOutError("build", 1, SECRET.encode()).output]
    for each in said:
        assert HIDDEN in each
        assert "s3cr3t" not in each


def test_no_reason_quotes_a_password(
    tmp_path: Path, state: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dockfix.verify import verification

    said = f"the environment's DATABASE_URL was None and is '{SECRET}'"
    monkeypatch.setattr(verification._Work, "_judge", lambda *_: Verdict("different", (said,), (SECRET,)))
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text(f"# exits 0\n{NAIVE}")
    (tmp_path / "app" / "app.py").write_text("print()\n")
    words = ["verify", "--isolated", "--quick", "--engine", program, "--format", "json", str(tmp_path / "app")]
    result = CliRunner().invoke(main, words, prog_name="dockfix")
    assert HIDDEN in result.stdout
    assert "s3cr3t" not in result.output
