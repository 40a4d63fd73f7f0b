"""The commands as a person types them, against the forge in memory behind a real socket."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dockfix.bot import workshop
from dockfix.bot.names import shard_of
from dockfix.cli import main

from .conftest import in_thread
from .door import Door
from .forgejo_hub import ForgejoHub
from .gitlab_hub import GitLabHub
from .gitserver import TOKEN
from .hub import Hub
from .ondisk import GitLabHubOnDisk
from .rules import FIXED, NAIVE

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.parametrize("missing", ["anyio", "httpx"])
def test_a_package_that_is_not_installed_is_named(missing: str, tmp_path: Path) -> None:
    run = f"import sys; sys.modules[{missing!r}] = None; from dockfix.cli import main; main()"
    command = [sys.executable, "-c", run, "bot", "run", "--repo", "owner/name", "--dry-run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith(f"Error: {missing} is missing: pip install 'dockfix[bot]'\n")


@pytest.fixture
def door(hub: Hub) -> Iterator[Door]:
    with Door(hub) as opened:
        yield opened


class Threads:
    """Instead of a workshop, whose processes would not know the small transforms."""

    plan = staticmethod(in_thread)


@asynccontextmanager
async def threads(places: int) -> AsyncIterator[Threads]:
    yield Threads()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workshop, "workshop", threads)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_STATE_HOME", "GITHUB_TOKEN", "GH_TOKEN", "DOCKFIX_URL", "DOCKFIX_APP_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKFIX_TOKEN", TOKEN)


def dockfix(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, prog_name="dockfix")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_commands_of_the_readme_lead_to_a_pull_request(hub: Hub, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKFIX_URL", door.address)
    repo = hub.add("OWNER/NAME", {"Dockerfile": NAIVE})
    section = README.read_text(encoding="utf-8").partition("## The bot\n")[2].partition("\n## ")[0]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    install, preview, run = (shlex.split(line, comments=True) for line in block[1].splitlines())
    assert install[:2] == ["pip", "install"]
    seen = dockfix(*preview[1:])
    assert "-RUN echo old\n+RUN echo new\n" in seen.stdout
    assert "would be opened" in seen.stderr
    assert seen.stderr.endswith("1 repository: 1 planned\n")
    assert repo.pulls == []
    done = dockfix(*run[1:])
    assert "OWNER/NAME: opened dockerfile: https://github.com/OWNER/NAME/pull/1\n" in done.stderr
    assert repo.files("dockfix/dockerfile")["Dockerfile"] == FIXED.encode()


def test_table_of_the_readme_is_a_valid_configuration(hub: Hub, door: Door) -> None:
    section = README.read_text(encoding="utf-8").partition("## The bot\n")[2].partition("\n## ")[0]
    table = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert table is not None
    hub.add("acme/shop", {"Dockerfile": NAIVE, ".dockfix.toml": table[1]})
    assert dockfix("bot", "run", "--repo", "acme/shop", "--url", door.address).exit_code == 0
    assert len(hub.repos["acme/shop"].pulls) == 1


def test_report_and_organisation(hub: Hub, door: Door) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE + "RUN sudo x\n", "tests/Dockerfile": NAIVE})
    hub.add("acme/old", {"Dockerfile": NAIVE}, flags={"archived": True})
    hub.add("acme/bad", {"Dockerfile": "NONSENSE\n"})
    done = dockfix("bot", "run", "--org", "acme", "--url", door.address, "--report", "out.json")
    assert done.exit_code == 1
    report = json.loads(Path("out.json").read_text())
    assert report["outcomes"] == {"failed": 1, "opened": 1, "skipped": 1}
    bad, old, shop = report["repositories"]
    assert (bad["name"], bad["outcome"], old["why"]) == ("acme/bad", "failed", "is archived")
    assert bad["failures"][0].startswith("Dockerfile:1: ")
    assert shop["applied"] == {"freshen": 1}
    assert shop["refusals"][0]["transform"] == "no-sudo"
    assert shop["pull_requests"][0]["link"].endswith("/pull/1")
    assert shop["left_out"] == ["tests/Dockerfile: skipped: belongs to tests"]


@pytest.mark.parametrize("hub", [GitLabHub], indirect=True)
def test_group_on_gitlab(hub: Hub, door: Door) -> None:
    repo = hub.add("acme/web/shop", {"Dockerfile": NAIVE})
    done = dockfix("bot", "run", "--org", "acme", "--forge", "gitlab", "--url", door.address)
    assert "opened dockerfile: https://gitlab.com/acme/web/shop/-/merge_requests/1\n" in done.stderr
    assert repo.files("dockfix/dockerfile")["Dockerfile"] == FIXED.encode()


@pytest.mark.parametrize("hub", [ForgejoHub], indirect=True)
def test_organisation_on_forgejo(hub: Hub, door: Door) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    arguments = ("bot", "run", "--org", "acme", "--forge", "forgejo", "--url", door.address)
    assert "would be opened" in dockfix(*arguments, "--dry-run").stderr
    assert hub.writes == []
    done = dockfix(*arguments)
    assert f"acme/shop: opened dockerfile: {hub.link(repo)}/pulls/1\n" in done.stderr
    assert repo.files("dockfix/dockerfile")["Dockerfile"] == FIXED.encode()
    assert "acme/shop: current dockerfile" in dockfix(*arguments, "--git").stderr


@pytest.mark.parametrize("hub", [GitLabHubOnDisk], indirect=True)
def test_git_for_gitlab(hub: Hub, door: Door) -> None:
    """What git pushes the API recognises."""
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    arguments = ("bot", "run", "--repo", "acme/shop", "--forge", "gitlab", "--url", door.address)
    assert "opened dockerfile" in dockfix(*arguments, "--git").stderr
    assert [request.path for request in hub.requests if request.method == "PUSH"] == ["/acme/shop"]
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert "updated dockerfile" in dockfix(*arguments).stderr
    assert len(repo.pulls) == 1


@pytest.mark.parametrize(
    ("hub", "words"),
    [(Hub, "pull request"), (GitLabHub, "merge request"), (ForgejoHub, "pull request")],
    indirect=["hub"],
)
def test_texts_call_it_what_the_forge_does(hub: Hub, door: Door, words: str) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    arguments = ("bot", "run", "--repo", "acme/shop", "--forge", hub.kind, "--url", door.address)
    dockfix(*arguments, "--onboard")
    dockfix(*arguments)
    repo.commit({"README.md": "theirs\n"}, "dockfix/dockerfile")
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    dockfix(*arguments)
    welcome, pull = repo.pulls
    texts = [welcome.body, repo.commits[repo.refs["dockfix/onboarding"]]["message"]]
    texts += [repo.files("dockfix/onboarding")[".dockfix.toml"].decode(), pull.body, *pull.comments]
    assert len(texts) == 5
    for text in texts:
        assert words in text
        assert ({"pull request", "merge request"} - {words}).pop() not in text


def test_names_in_a_file(hub: Hub, door: Door) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    Path("names").write_text("# ours\nacme/shop  # the shop\n\nacme/shop\nACME/Shop\n")
    dockfix("bot", "run", "--repos-file", "names", "--url", door.address)
    assert len(hub.repos["acme/shop"].pulls) == 1
    assert sum(request.path == "/repos/acme/shop" for request in hub.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "name repositories with"),
        (["run", "--repos-file", "missing"], "missing: cannot be read"),
        (["run", "--repo", "a/b", "--only", "nothing"], "no transform is called"),
        (["run", "--repo", "a/b", "--unpaced"], "for a server of your own"),
        (["run", "--repo", "a/b", "--unpaced", "--url", "gitlab.com"], "for a server of your own"),
        (["run", "--repo", "a/b", "--unpaced", "--url", "https://codeberg.org/"], "for a server of your own"),
        (["run", "--repo", "a/b", "--forge", "forgejo"], "--url names the server"),
        (["run", "--repo", "a/b", "--url", "gitlab.com", "--app-id", "1"], "--app-id is for GitHub alone"),
        (["run", "--repo", "a/b", "--forge", "svn"], "'svn' is not one of"),
        (["run", "--repo", "a/b", "--url", "http://ghe.example.com"], "begins with https://"),
        (["run", "--repo", "a/b", "--state", "missing/state"], "missing/state: "),
        (["run", "--repo", "a/b", "--token-file", "missing"], "missing: cannot be read"),
        (["shard", "--repo", "a/b", "--count", "2", "--index", "2"], "from 0 to 1"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], message: str) -> None:
    done = dockfix("bot", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_state_that_is_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite3.connect("other") as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    assert "a database of something else" in dockfix("bot", "run", "--repo", "a/b", "--state", "other").stderr
    Path("text").write_text("no database at all, but long enough to be looked at as one" * 20)
    assert "not a database" in dockfix("bot", "run", "--repo", "a/b", "--state", "text").stderr


def test_no_token_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKFIX_TOKEN")
    assert "no token: set DOCKFIX_TOKEN" in dockfix("bot", "run", "--repo", "a/b").stderr


def test_shards_are_a_partition_and_stay() -> None:
    names = [f"acme/app{number}" for number in range(500)]
    Path("names").write_text("\n".join(names))
    shards = [
        dockfix("bot", "shard", "--repos-file", "names", "--count", "4", "--index", str(index)).stdout.split()
        for index in range(4)
    ]
    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert all(90 < len(shard) < 160 for shard in shards)
    # the same on every machine, and in every version
    assert [shard_of("acme/shop", 10), shard_of("ACME/Shop", 10), shard_of("acme/till", 10)] == [3, 3, 1]
