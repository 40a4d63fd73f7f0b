"""What is Forgejo's and Gitea's own: commits by git, trees in pages, labels by id, drafts by title, older versions."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from dockfix.bot.credentials import token
from dockfix.bot.forge import FileEdit, ForgeError, Head, MovedError, Push
from dockfix.bot.forgejo import address, demand_name
from dockfix.bot.forges import name_of
from dockfix.bot.git import Git

from . import faults
from .conftest import Bot
from .contract import path_of
from .forgejo_hub import DESCRIPTION, ForgejoHub, described
from .hub import Answer, Hub, Pull, Request
from .rules import FIXED, NAIVE
from .test_faults import FAILURES

NAME = "acme/shop"
BRANCH = "dockfix/dockerfile"
pytestmark = pytest.mark.parametrize("hub", [ForgejoHub], indirect=True)


def test_requirement_01_every_described_request_is_sent_and_valid(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE, "latin": b"\xff"})
    hub.add("other/shop", {"Dockerfile": NAIVE}, push=False)
    sent: set[tuple[str, str]] = set()

    def note() -> None:
        requests = [request for request in hub.requests if request.method != "PUSH"]
        sent.update((request.method, path_of(described(request.path), DESCRIPTION)) for request in requests)

    def run(*names: str, **settings: Any) -> None:
        bot.run(*names, **settings)
        note()

    run(NAME, labels=("docker", "infra"), reviewers=("ada", "acme/platform"))
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    run(NAME)
    repo.commit({"README.md": "theirs\n"}, BRANCH)
    repo.commit({"Dockerfile": NAIVE})
    run(NAME)
    run("other/shop", fork=True)
    hub.requests.clear()
    asyncio.run(_names(bot, "acme"))
    with pytest.raises(ForgeError, match="404"):
        asyncio.run(_names(bot, "nobody"))
    note()
    paths = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    assert sent == {(method.upper(), path) for path, methods in paths.items() for method in methods}


async def _names(bot: Bot, owner: str) -> list[str]:
    return [name async for name in bot.forge().remotes(owner)]


@pytest.mark.parametrize("failure", FAILURES)
def test_requirement_09_lost_answer_leaves_exactly_one(bot: Bot, hub: Hub, failure: str) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("POST", "/pulls", FAILURES[failure]))
    assert bot.run()[NAME].outcome == "opened"
    assert len(repo.pulls) == 1
    bot.run()
    assert hub.writes == []


def test_requirement_09_lost_answer_to_a_push_leaves_exactly_one(
    bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    run = Git.run

    async def cut(
        self: Git, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> bytes:
        output = await run(self, *arguments, stdin=stdin, environment=environment)
        if arguments[0] == "push":
            raise ForgeError("git push: the connection was cut")
        return output

    monkeypatch.setattr(Git, "run", cut)
    assert bot.run()[NAME].outcome == "opened"
    assert len(repo.pulls) == 1
    assert set(repo.refs) == {"main", BRANCH}


def test_requirement_06_push_while_git_fetches_is_kept(bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later than any look of the bot's: only the lease, which the server itself sees to, can tell."""
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    bot.run()
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    run = Git.run
    theirs: list[str] = []

    async def late(
        self: Git, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> bytes:
        if arguments[0] == "push" and not theirs:
            theirs.append(repo.commit({"README.md": "by a person\n"}, BRANCH))
        return await run(self, *arguments, stdin=stdin, environment=environment)

    monkeypatch.setattr(Git, "run", late)
    assert bot.run()[NAME].outcome == "foreign"
    assert [repo.refs[BRANCH]] == theirs


def test_requirement_07_base_that_moves_meanwhile_is_looked_at_again(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    moved: list[str] = []

    def push(request: Request, proceed: faults.Proceed) -> Answer | None:
        if request.path == "/user" and not moved:
            moved.append(repo.commit({"Dockerfile": "FROM busybox:1.37\nRUN echo old\n"}))
        return None

    hub.faults.append(push)
    assert bot.run()[NAME].outcome == "opened"
    assert repo.commits[repo.refs[BRANCH]]["parents"] == moved
    assert repo.files(BRANCH)["Dockerfile"] == b"FROM busybox:1.37\nRUN echo new\n"


def test_requirement_12_dry_run_reads_alone_and_needs_no_git(
    bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(NAME, {"Dockerfile": NAIVE})
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert bot.run(dry_run=True)[NAME].results[0].state == "planned"
    assert hub.writes == []
    record = bot.run()[NAME]
    assert (record.outcome, record.why) == ("failed", "git is not installed")


@pytest.mark.parametrize(
    ("flags", "extra", "why"),
    [
        ({"archived": True}, {}, "is archived"),
        ({"has_pull_requests": False}, {}, "is disabled"),
        ({"mirror": True}, {}, "is disabled"),
        ({"fork": True}, {}, "is a fork"),
        ({}, {"push": False}, "may not push"),
    ],
    ids=str,
)
def test_requirement_14_skips_with_a_reason(
    bot: Bot, hub: Hub, flags: dict[str, Any], extra: dict[str, Any], why: str
) -> None:
    hub.add(NAME, {"Dockerfile": NAIVE}, flags=flags, **extra)
    record = bot.run()[NAME]
    assert record.outcome == "skipped"
    assert why in record.why
    assert hub.writes == []


def test_requirement_15_fork_on_another_host_gets_no_token(bot: Bot, hub: Hub) -> None:
    hub.add(NAME, {"Dockerfile": NAIVE}, push=False)
    flags = {"html_url": "http://localhost:1/dockfix-bot/shop"}
    hub.add("dockfix-bot/shop", {"Dockerfile": NAIVE}, parent=NAME, flags=flags)
    record = bot.run(NAME, fork=True)[NAME]
    assert record.outcome == "failed"
    assert "gets no token" in record.why


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("codeberg.org", "https://codeberg.org/api/v1"),
        ("https://git.example.com/", "https://git.example.com/api/v1"),
        ("https://example.com/forgejo", "https://example.com/forgejo/api/v1"),
        ("https://git.example.com/api/v1/", "https://git.example.com/api/v1"),
    ],
)
def test_requirement_15_custom_addresses(hub: Hub, given: str, expected: str) -> None:
    assert address(given) == expected


def test_no_server_is_everybodys(hub: Hub) -> None:
    """The token of one's own must not go to another one because an option was forgotten."""
    with pytest.raises(ForgeError, match="--url names the server"):
        address(None)
    assert name_of(None, "https://codeberg.org") == "forgejo"


def test_requirement_18_unknown_labels_are_told_and_the_others_added(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    record = bot.run(labels=("docker", "missing", "infra"), reviewers=("bob",))[NAME]
    assert record.outcome == "opened"
    assert record.results[0].remarks == ("there are no such labels: missing",)
    assert (repo.pulls[0].labels, repo.pulls[0].reviewers) == (["docker", "infra"], ["bob"])


def test_requirement_18_labels_of_a_person_who_is_no_organisation(bot: Bot, hub: Hub) -> None:
    repo = hub.add("ada/shop", {"Dockerfile": NAIVE})
    record = bot.run(labels=("infra",), reviewers=("nobody",))["ada/shop"]
    assert record.outcome == "opened"
    assert "infra" in record.results[0].remarks[0]
    assert "404" in record.results[0].remarks[1]
    assert repo.pulls[0].labels == []


def test_requirement_21_token_of_another_forge_is_never_taken(hub: Hub) -> None:
    assert token(None, {"GITHUB_TOKEN": "github", "GITLAB_TOKEN": "gitlab"}, "forgejo") is None
    for name in ("FORGEJO_TOKEN", "GITEA_TOKEN"):
        found = token(None, {"GITHUB_TOKEN": "github", name: "mine"}, "forgejo")
        assert found is not None
        assert found.value.reveal() == "mine"


@pytest.mark.parametrize("place", ["file", "folder"])
def test_requirement_23_links_are_not_written_through(bot: Bot, hub: Hub, place: str) -> None:
    repo = hub.add(NAME, {"other/Dockerfile": NAIVE})
    path, target = ("Dockerfile", b"other/Dockerfile") if place == "file" else ("app", b"other")
    repo.special(path, "120000", repo.blob(target))
    bot.run()
    tree = repo.trees[repo.commits[repo.refs[BRANCH]]["tree"]]
    assert tree[path][0] == "120000"
    assert repo.files(BRANCH)["other/Dockerfile"] == FIXED.encode()


def test_requirement_24_submodules_are_no_folders(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    repo.special("vendored", "160000", "1" * 40)
    assert bot.run()[NAME].outcome == "opened"
    assert repo.trees[repo.commits[repo.refs[BRANCH]]["tree"]]["vendored"] == ("160000", "1" * 40)


def test_requirement_24_tree_is_read_to_its_end(bot: Bot, hub: Hub) -> None:
    assert isinstance(hub, ForgejoHub)
    hub.trees = 2
    repo = hub.add(NAME, {"a": "", "b/c": "", "b/d": "", "z/Dockerfile": NAIVE})
    bot.run()
    assert repo.files(BRANCH)["z/Dockerfile"] == FIXED.encode()
    pages = [request.query["page"] for request in hub.requests if "/git/trees/" in request.path]
    assert pages == ["1", "2", "3"]


def test_pages_are_followed_and_older_versions_do_without_the_filter(bot: Bot, hub: Hub) -> None:
    assert isinstance(hub, ForgejoHub)
    hub.page = 1
    hub.knows_head = False
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    repo.commit({"theirs": ""}, "theirs")
    repo.pulls += [Pull(number, "theirs", "", "acme", "theirs", "main", draft=False) for number in (1, 2)]
    bot.run()
    assert [pull.head_ref for pull in repo.pulls] == ["theirs", "theirs", BRANCH]
    bot.run()
    assert hub.writes == []


def test_closed_pull_request_without_its_branch_is_known(bot: Bot, hub: Hub) -> None:
    """Its *ref* is another one then."""
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    bot.run()
    repo.pulls[0].state = "closed"
    del repo.refs[BRANCH]
    assert bot.run()[NAME].outcome == "declined"
    assert hub.writes == []


def test_token_of_a_workflow_is_nobodys(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("GET", "/user", faults.answered(403, "no"), times=9))
    assert bot.run()[NAME].outcome == "opened"
    assert BRANCH in repo.refs


def test_commit_bears_the_account_and_keeps_modes(bot: Bot, hub: Hub) -> None:
    assert isinstance(hub, ForgejoHub)
    repo = hub.add(NAME, {"run.sh": "old\n"})
    entries = {"run.sh": ("100755", repo.blob(b"old\n"))}
    base = repo.refs["main"] = repo.commit_tree(repo.tree(entries), "executable", [repo.refs["main"]])
    edits = (FileEdit("run.sh", b"new\n", "100755", entries["run.sh"][1]),)

    async def pushed() -> bool:
        forge = bot.forge()
        remote = await forge.remote(NAME)
        push = Push(BRANCH, remote, Head(base, base), "Make it\n\nDockfix-Content: abc\n", edits, None)
        sha = await forge.push(remote, push)
        with pytest.raises(MovedError):
            await forge.push(remote, replace(push, message="Make another\n\nDockfix-Content: abc\n"))
        return (await forge.commit(remote, sha)).untouched

    assert asyncio.run(pushed())
    assert repo.trees[repo.commits[repo.refs[BRANCH]]["tree"]]["run.sh"][0] == "100755"
    assert {user for method, _, user in hub.server.seen if method == "POST"} == {"dockfix-bot"}


@pytest.mark.parametrize("name", ["shop", "a/b/c", "acme/..", "acme/x.git", "a b/c", "acme/shop?x", "/acme", "-a/b"])
def test_wrong_names_are_refused(hub: Hub, name: str) -> None:
    with pytest.raises(ForgeError, match="OWNER/NAME"):
        demand_name(name)
