"""What is GitLab's own: names with groups, drafts, reviewers by id, forks, limits, lost answers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dockfix.bot.credentials import token
from dockfix.bot.forge import FileEdit, ForgeError, Head, MovedError, Push
from dockfix.bot.forges import KINDS, name_of
from dockfix.bot.gitlab import address, demand_name, inert

from . import faults
from .conftest import Bot
from .contract import path_of
from .gitlab_hub import DESCRIPTION, GitLabHub
from .hub import Answer, Hub, Request
from .rules import FIXED, NAIVE
from .test_faults import FAILURES

NAME = "acme/web/shop"
BRANCH = "dockfix/dockerfile"
pytestmark = pytest.mark.parametrize("hub", [GitLabHub], indirect=True)


def test_requirement_01_every_described_request_is_sent_and_valid(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE, "latin": b"\xff"})
    hub.add("other/shop", {"Dockerfile": NAIVE}, push=False)
    sent: set[tuple[str, str]] = set()

    def run(*names: str, **settings: Any) -> None:
        bot.run(*names, **settings)
        sent.update((request.method, path_of(request.path, DESCRIPTION)) for request in hub.requests)

    run(NAME, labels=("docker",), reviewers=("ada", "acme/platform"))
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    run(NAME)
    repo.commit({"README.md": "theirs\n"}, BRANCH)
    repo.commit({"Dockerfile": NAIVE})
    run(NAME)
    till = hub.add("acme/till", {"Dockerfile": NAIVE})
    run("acme/till")
    till.commit({"Dockerfile": FIXED})
    run("acme/till")
    run("other/shop", fork=True)

    hub.requests.clear()
    assert asyncio.run(_names(bot)) == ["acme/till", NAME]
    sent.update((request.method, path_of(request.path, DESCRIPTION)) for request in hub.requests)
    paths = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    assert sent == {(method.upper(), path) for path, methods in paths.items() for method in methods}


async def _names(bot: Bot) -> list[str]:
    forge = bot.forge()
    names: list[str] = []
    for owner in ("acme", "nobody"):
        names += [name async for name in forge.remotes(owner)]
    return names


@pytest.mark.parametrize("write", [("POST", "/repository/commits"), ("POST", "/merge_requests")], ids=str)
@pytest.mark.parametrize("failure", FAILURES)
def test_requirement_09_lost_answer_leaves_exactly_one(
    bot: Bot, hub: Hub, write: tuple[str, str], failure: str
) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    hub.faults.append(faults.on(*write, FAILURES[failure]))
    assert bot.run()[NAME].outcome == "opened"
    assert len(repo.pulls) == 1
    assert len(repo.commits) == 2
    bot.run()
    assert hub.writes == []


def test_requirement_09_push_of_another_after_a_lost_answer_is_kept(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    bot.run()
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    theirs: list[str] = []

    def fail(request: Request, proceed: faults.Proceed) -> Answer:
        theirs.append(repo.commit({"README.md": "theirs\n"}, BRANCH))
        return Answer(502)

    hub.faults.append(faults.on("POST", "/repository/commits", fail))
    assert bot.run()[NAME].outcome == "foreign"
    assert [repo.refs[BRANCH]] == theirs


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        pytest.param(faults.answered(429, retry_after="17"), 17, 17, id="seconds"),
        pytest.param(faults.answered(429, ratelimit_remaining="0", ratelimit_reset="1800000300"), 299, 301, id="reset"),
    ],
)
def test_requirement_10_limits_are_told_by_headers_of_gitlab(
    bot: Bot, hub: Hub, answer: Any, least: int, most: int
) -> None:
    hub.add(NAME, {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("GET", "/repository/tree", answer))
    assert bot.run()[NAME].outcome == "opened"
    assert least <= max(bot.time.slept) <= most


def test_requirement_12_dry_run_reads_alone(bot: Bot, hub: Hub) -> None:
    hub.add(NAME, {"Dockerfile": NAIVE})
    assert bot.run(dry_run=True)[NAME].results[0].state == "planned"
    assert hub.writes == []


@pytest.mark.parametrize(
    ("flags", "extra", "why"),
    [
        ({"archived": True}, {}, "is archived"),
        ({"merge_requests_access_level": "disabled"}, {}, "is disabled"),
        ({"marked_for_deletion_on": "2026-12-01"}, {}, "is disabled"),
        ({"forked_from_project": {"path_with_namespace": "other/shop"}}, {}, "is a fork"),
        ({}, {"push": False}, "may not push"),
        ({"forking_access_level": "disabled"}, {"push": False}, "neither push to it nor fork it"),
    ],
    ids=str,
)
def test_requirement_14_skips_with_a_reason(
    bot: Bot, hub: Hub, flags: dict[str, Any], extra: dict[str, Any], why: str
) -> None:
    hub.add(NAME, {"Dockerfile": NAIVE}, flags=flags, **extra)
    record = bot.run(fork="neither" in why)[NAME]
    assert record.outcome == "skipped"
    assert why in record.why
    assert hub.writes == []


@pytest.mark.parametrize(
    ("given", "address_"),
    [
        (None, "https://gitlab.com/api/v4"),
        ("gitlab.com", "https://gitlab.com/api/v4"),
        ("https://git.example.com/", "https://git.example.com/api/v4"),
        ("https://example.com/gitlab", "https://example.com/gitlab/api/v4"),
        ("https://git.example.com/api/v4/", "https://git.example.com/api/v4"),
    ],
)
def test_requirement_15_custom_addresses(hub: Hub, given: str | None, address_: str) -> None:
    assert address(given) == address_


def test_forge_is_told_by_the_host_or_named(hub: Hub) -> None:
    assert name_of(None, None) == name_of(None, "https://git.example.com") == "github"
    assert name_of(None, "gitlab.com") == name_of(None, "https://gitlab.com/") == "gitlab"
    assert name_of("gitlab", "https://git.example.com") == "gitlab"
    assert name_of(None, "https://gitlab.com.example.com") == "github"
    assert set(KINDS) >= {"github", "gitlab"}


def test_requirement_18_unknown_reviewers_are_told_and_the_others_asked(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    record = bot.run(labels=("docker", "infra"), reviewers=("nobody", "bob"))[NAME]
    assert record.outcome == "opened"
    assert "nobody" in record.results[0].remarks[0]
    assert (repo.pulls[0].labels, repo.pulls[0].reviewers) == (["docker", "infra"], ["bob"])


@pytest.mark.parametrize("status", [403, 404, 422, 500])
def test_requirement_18_failing_label_keeps_the_merge_request(bot: Bot, hub: Hub, status: int) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("PUT", "/merge_requests/1", faults.answered(status, "no"), times=4))
    record = bot.run(labels=("docker",))[NAME]
    assert record.outcome == "opened"
    assert str(status) in record.results[0].remarks[0]
    assert repo.pulls[0].state == "open"


def test_requirement_20_quick_actions_do_nothing(hub: Hub) -> None:
    text = "/merge\n  /close is none\n```sh\n/approve\n```\n/etc/passwd\n~~~~\n```\n/label ~x\n~~~~\n/assign me"
    assert inert(text).split("\n") == [
        "\\/merge",
        "  /close is none",
        "```sh",
        "/approve",
        "```",
        "\\/etc/passwd",
        "~~~~",
        "```",
        "/label ~x",
        "~~~~",
        "\\/assign me",
    ]


def test_requirement_21_token_of_another_forge_is_never_taken(hub: Hub) -> None:
    assert token(None, {"GITHUB_TOKEN": "github"}, "gitlab") is None
    found = token(None, {"GITHUB_TOKEN": "github", "GITLAB_TOKEN": "mine"}, "gitlab")
    assert found is not None
    assert found.value.reveal() == "mine"


def test_pages_are_followed(bot: Bot, hub: Hub) -> None:
    hub.page = 1
    repo = hub.add(NAME, {"Dockerfile": NAIVE, "a": "", "b/c": ""})
    bot.run()
    assert len(repo.pulls) == 1
    bot.run()
    assert hub.writes == []


@pytest.mark.parametrize("change", ["file", "submodule", "removal", "mode"])
def test_requirement_06_amended_commit_is_foreign(bot: Bot, hub: Hub, change: str) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE, "app.py": "print()\n"})
    bot.run()
    ours = repo.commits[repo.refs[BRANCH]]
    files = dict(repo.trees[ours["tree"]])
    if change == "removal":
        del files["app.py"]
    elif change == "mode":
        files["Dockerfile"] = ("100755", files["Dockerfile"][1])
    else:
        files["theirs"] = ("160000", "1" * 40) if change == "submodule" else ("100644", repo.blob(b"theirs\n"))
    repo.refs[BRANCH] = amended = repo.commit_tree(repo.tree(files), ours["message"], ours["parents"])
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert bot.run()[NAME].outcome == "foreign"
    assert repo.refs[BRANCH] == amended


def test_commit_that_a_person_rebased_as_it_was_is_made_anew(bot: Bot, hub: Hub) -> None:
    """GitLab has a button for that; nothing of theirs is in it."""
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    bot.run()
    base = repo.commit({"app.py": "print()\n"})
    ours = repo.commits[repo.refs[BRANCH]]
    files = {**repo.trees[repo.commits[base]["tree"]], **repo.trees[ours["tree"]]}
    repo.refs[BRANCH] = repo.commit_tree(repo.tree(files), ours["message"], [base])
    assert bot.run()[NAME].outcome == "current"
    assert hub.writes == []
    base = repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert bot.run()[NAME].outcome == "updated"
    assert repo.commits[repo.refs[BRANCH]]["parents"] == [base]


def test_file_that_is_executable_and_one_that_becomes_so(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"run.sh": "old\n"})
    entries = {"run.sh": ("100755", repo.blob(b"old\n"))}
    repo.refs["main"] = repo.commit_tree(repo.tree(entries), "executable", [repo.refs["main"]])
    base = repo.refs["main"]
    edits = (
        FileEdit("run.sh", b"new\n", "100755", entries["run.sh"][1]),
        FileEdit("made.sh", b"made\n", "100755", None),
    )

    async def pushed() -> bool:
        forge = bot.forge()
        remote = await forge.remote(NAME)
        push = Push(BRANCH, remote, Head(base, base), "Make it\n\nDockfix-Content: abc\n", edits, None)
        sha = await forge.push(remote, push)
        with pytest.raises(MovedError):
            await forge.push(remote, push)
        return (await forge.commit(remote, sha)).untouched

    assert asyncio.run(pushed())
    tree = repo.trees[repo.commits[repo.refs[BRANCH]]["tree"]]
    assert {path: mode for path, (mode, _) in tree.items()} == {"run.sh": "100755", "made.sh": "100755"}


@pytest.mark.parametrize("name", ["shop", "acme//shop", "acme/..", "acme/x.git", "a b/c", "acme/shop?x", "/acme/shop"])
def test_wrong_names_are_refused(hub: Hub, name: str) -> None:
    with pytest.raises(ForgeError, match="GROUP/NAME"):
        demand_name(name)
