"""Which repositories are visited, and what holds there: requirements 3, 12, 14, 15, 16, 18 and 19."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any

import pytest

from dockfix import registry
from dockfix.bot.findings import EVERYTHING
from dockfix.bot.forge import ForgeError
from dockfix.bot.github import address
from dockfix.bot.http import Http
from dockfix.bot.proposal import ONBOARDING, branch_names, topic_of
from dockfix.bot.report import preview
from dockfix.bot.settings import Caps

from . import faults
from .conftest import Bot
from .hub import Hub
from .rules import FIXED, NAIVE

REAL = registry.transforms


def test_requirement_03_every_topic_makes_a_valid_branch() -> None:
    topics = [each.id for each in REAL()] + [EVERYTHING, ONBOARDING]
    for name in (name for topic in topics for name in branch_names(topic)):
        subprocess.run(["git", "check-ref-format", "--branch", name], check=True, capture_output=True)
        assert topic_of(name) in topics
    assert branch_names("init") == ("dockfix/init", "dockfix-init")


def test_requirement_12_dry_run_reads_alone_and_shows_the_diff(bot: Bot, hub: Hub) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    record = bot.run(dry_run=True)["acme/shop"]
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}
    assert record.outcome == "planned"
    ((difference, reasons),) = preview(record)
    assert "--- a/acme/shop/Dockerfile\n+++ b/acme/shop/Dockerfile\n" in difference
    assert "-RUN echo old\n+RUN echo new\n" in difference
    assert reasons == ["acme/shop/Dockerfile:2: freshen applied (safe): old is not new (app.py:1)"]
    assert repo.pulls == []


@pytest.mark.parametrize("situation", ["open", "foreign", "fixed", "onboarding", "fork"])
def test_requirement_12_dry_run_reads_alone_in_every_situation(bot: Bot, hub: Hub, situation: str) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE}, push=situation != "fork")
    settings: dict[str, Any] = {"fork": situation == "fork", "onboard": situation == "onboarding"}
    if situation in {"open", "foreign", "fixed"}:
        bot.run()
        repo.commit({"Dockerfile": FIXED if situation == "fixed" else NAIVE + "RUN echo old again\n"})
    if situation == "foreign":
        repo.commit({"mine": "mine"}, "dockfix/dockerfile")
    bot.run(dry_run=True, labels=("x",), reviewers=("y",), **settings)
    assert hub.writes == []


def test_requirement_12_client_of_a_dry_run_cannot_write(bot: Bot) -> None:
    http = bot.github(read_only=True).http
    with pytest.raises(ForgeError, match="dry run"):
        asyncio.run(http.write("POST", "/repos/acme/shop/pulls", {}, lambda reply: reply))


@pytest.mark.parametrize(
    ("flags", "extra", "why"),
    [
        ({"archived": True}, {}, "is archived"),
        ({"disabled": True}, {}, "is disabled"),
        ({"fork": True}, {}, "is a fork"),
        ({}, {"push": False}, "may not push"),
        ({"allow_forking": False}, {"push": False}, "neither push to it nor fork it"),
    ],
    ids=str,
)
def test_requirement_14_skips_with_a_reason(
    bot: Bot, hub: Hub, flags: dict[str, Any], extra: dict[str, Any], why: str
) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE}, flags=flags, **extra)
    record = bot.run(fork="neither" in why)["acme/shop"]
    assert record.outcome == "skipped"
    assert why in record.why
    assert hub.writes == []


def test_requirement_15_other_repository_of_the_same_name_is_no_fork(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE}, push=False)
    own = hub.add("dockfix-bot/shop", {"Dockerfile": "FROM scratch\n"})
    assert bot.run("acme/shop", fork=True)["acme/shop"].outcome == "opened"
    assert list(own.refs) == ["main"]
    assert "dockfix/dockerfile" in hub.repos["dockfix-bot/acme-shop"].refs
    bot.run("acme/shop", fork=True)
    assert hub.writes == []


@pytest.mark.parametrize(
    ("given", "address_"),
    [
        (None, "https://api.github.com"),
        ("github.com", "https://api.github.com"),
        ("https://ghe.example.com", "https://ghe.example.com/api/v3"),
        ("ghe.example.com/", "https://ghe.example.com/api/v3"),
        ("https://ghe.example.com/api/v3/", "https://ghe.example.com/api/v3"),
        ("https://api.acme.ghe.com", "https://api.acme.ghe.com"),
        ("http://127.0.0.1:4000", "http://127.0.0.1:4000"),
    ],
)
def test_requirement_15_custom_addresses(given: str | None, address_: str) -> None:
    assert address(given) == address_


def test_requirement_15_requests_go_to_the_custom_address(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.base = "https://ghe.example.com"
    assert bot.run()["acme/shop"].outcome == "opened"
    assert {request.headers["host"] for request in hub.requests} == {"ghe.example.com"}


CONFIG = ".dockfix.toml"


def test_requirement_16_configuration_switches_the_bot_off(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE, CONFIG: "[bot]\nenabled = false\n"})
    assert bot.run()["acme/shop"].outcome == "skipped"
    assert hub.writes == []


@pytest.mark.parametrize("path", [CONFIG, "pyproject.toml"])
def test_requirement_16_configuration_is_obeyed(bot: Bot, hub: Hub, path: str) -> None:
    head = "[tool.dockfix]\n" if path == "pyproject.toml" else ""
    hub.add("acme/shop", {"Dockerfile": NAIVE, path: f'{head}skip = ["freshen"]\n'})
    assert bot.run()["acme/shop"].outcome == "clean"


def test_requirement_16_nearest_configuration_and_exclusions_hold(bot: Bot, hub: Hub) -> None:
    repo = hub.add(
        "acme/shop",
        {
            "Dockerfile": NAIVE,
            CONFIG: 'exclude = ["old/"]\n',
            "old/Dockerfile": NAIVE,
            "api/Dockerfile": NAIVE,
            f"api/{CONFIG}": 'skip = ["freshen"]\n',
            "tests/Dockerfile": NAIVE,
        },
    )
    record = bot.run()["acme/shop"]
    changed = {path for path, data in repo.files("dockfix/dockerfile").items() if data == FIXED.encode()}
    assert changed == {"Dockerfile"}
    assert {each.path for each in record.findings.omissions} == {"old/Dockerfile", "tests/Dockerfile"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bot]\nenabeld = false\n", ".dockfix.toml:2: unknown key 'bot.enabeld'; did you mean 'enabled'?"),
        ("[bot]\n\nlimit = -1\n", ".dockfix.toml:3: bot.limit is a number from 0, not -1"),
        ("[bot]\nlabels = 'x'\n", ".dockfix.toml:2: bot.labels is a list of strings, not 'x'"),
        ("uid = 0\n", ".dockfix.toml:1: uid is a number"),
        ("bot = 1\n", ".dockfix.toml:1: bot is a table"),
        ("= \n", ".dockfix.toml:1: not TOML"),
    ],
)
def test_requirement_16_wrong_configuration_stops_the_repository(bot: Bot, hub: Hub, text: str, message: str) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE, CONFIG: text})
    record = bot.run()["acme/shop"]
    assert record.outcome == "failed"
    assert message.split(";", maxsplit=1)[0] in record.why
    assert hub.writes == []


def test_requirement_16_only_the_default_branch_counts(bot: Bot, hub: Hub) -> None:
    """Whoever can push a branch, or to the bot's own, cannot configure the bot."""
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    repo.refs["mine"] = repo.refs["main"]
    repo.commit({CONFIG: "[bot]\nenabled = false\n"}, "mine")
    assert bot.run()["acme/shop"].outcome == "opened"


def test_requirement_16_repository_cannot_widen_the_limits(bot: Bot, hub: Hub) -> None:
    asks = (
        'skip = []\nonly = ["freshen", "ignore-file"]\nsafe = false\n[bot]\nlimit = 50\nsplit = true\ndraft = false\n'
    )
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE + "COPY . .\n", CONFIG: asks})
    settings: dict[str, Any] = {
        "draft": True,
        "overrides": {"only": frozenset({"freshen"})},
        "caps": Caps(repository=1),
    }
    bot.run(**settings)
    (pull,) = repo.pulls
    assert pull.draft
    assert pull.head_ref == "dockfix/freshen"
    repo.commit({CONFIG: 'only = ["ignore-file"]\n'})
    assert bot.run(**settings)["acme/shop"].outcome in {"closed", "clean"}  # nothing is left that both want
    assert len(repo.pulls) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param({"skip": frozenset({"ignore-file"})}, id="skip"),
        pytest.param({"only": frozenset({"freshen"})}, id="only"),
        pytest.param({"safe": True}, id="safe"),
        pytest.param({"safe": True, "skip": frozenset({"no-sudo"})}, id="both"),
    ],
)
def test_requirement_16_repository_brings_nothing_back(bot: Bot, hub: Hub, overrides: dict[str, Any]) -> None:
    asks = 'skip = []\nonly = ["freshen", "ignore-file", "no-sudo"]\nsafe = false\n'
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE + "COPY . .\n", CONFIG: asks})
    bot.run(overrides=overrides)
    changed = {path for path, data in repo.files("dockfix/dockerfile").items() if repo.files("main").get(path) != data}
    assert changed == {"Dockerfile"}


def test_requirement_16_repository_can_narrow_the_limits(bot: Bot, hub: Hub) -> None:
    text = "[bot]\nlimit = 1\nsplit = true\nlabels = ['infra']\nreviewers = ['ada']\n"
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE + "COPY . .\n", CONFIG: text})
    assert bot.run(labels=("docker",))["acme/shop"].outcome == "opened"
    (pull,) = repo.pulls
    assert pull.labels == ["docker", "infra"]
    assert pull.reviewers == ["ada"]


@pytest.mark.parametrize("ending", ["/labels", "/requested_reviewers"])
@pytest.mark.parametrize("status", [403, 404, 422, 500])
def test_requirement_18_failing_label_or_reviewer_keeps_the_pull_request(
    bot: Bot, hub: Hub, ending: str, status: int
) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("POST", ending, faults.answered(status, "no"), times=99))
    record = bot.run(labels=("docker",), reviewers=("ada",))["acme/shop"]
    assert record.outcome == "opened"
    assert str(status) in record.results[0].remarks[0]
    (pull,) = repo.pulls
    assert (pull.labels, pull.reviewers) == (([], ["ada"]) if ending == "/labels" else (["docker"], []))


def test_requirement_19_commits_name_no_author(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    bot.run()
    (body,) = [json.loads(request.body) for request in hub.writes if request.path.endswith("/git/commits")]
    assert set(body) == {"message", "tree", "parents"}


def test_http_is_refused_except_on_this_machine(bot: Bot) -> None:
    forge = bot.github()
    with pytest.raises(ForgeError, match="https://"):
        Http("http://ghe.example.com", forge.http.credential, forge.http.pace)
    with pytest.raises(ForgeError, match="without user"):
        Http("https://me:secret@ghe.example.com", forge.http.credential, forge.http.pace)
