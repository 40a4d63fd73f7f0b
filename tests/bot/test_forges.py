"""What holds on every forge, and through git as through its API."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Bot
from .forgejo_hub import ForgejoHub
from .gitlab_hub import GitLabHub
from .hub import Answer, Hub, Request
from .ondisk import GitLabHubOnDisk, HubOnDisk
from .rules import FIXED, NAIVE

NAME = "acme/shop"
BRANCH = "dockfix/dockerfile"
pytestmark = pytest.mark.parametrize("hub", [Hub, GitLabHub, ForgejoHub, HubOnDisk, GitLabHubOnDisk], indirect=True)


def test_requirement_14_skips_the_empty_and_the_missing(bot: Bot, hub: Hub) -> None:
    hub.add("acme/empty", {})
    records = bot.run("acme/empty", "acme/missing", "not a name", "acme/../x")
    assert records["acme/empty"].why == "is empty"
    assert records["acme/missing"].outcome == "skipped"
    assert records["not a name"].outcome == "failed"
    assert records["acme/../x"].outcome == "failed"
    assert not any(".." in request.path for request in hub.requests)


def test_requirement_15_proposes_from_a_fork_that_lags_behind(bot: Bot, hub: Hub) -> None:
    """By several commits: with the last one alone a fork cannot do anything."""
    upstream = hub.add(NAME, {"Dockerfile": NAIVE}, push=False)
    assert bot.run(NAME, fork=True)[NAME].outcome == "opened"
    fork = hub.repos["dockfix-bot/shop"]
    (pull,) = upstream.pulls
    assert (pull.head_owner, pull.head_ref) == ("dockfix-bot", BRANCH)
    assert fork.files(BRANCH)["Dockerfile"] == FIXED.encode()
    assert list(upstream.refs) == ["main"]
    bot.run(NAME, fork=True)
    assert hub.writes == []
    for number in range(3):
        upstream.commit({"README.md": f"{number}\n"})
    base = upstream.commit({"Dockerfile": "FROM busybox:1.37\nRUN echo old\n"})
    assert base not in fork.commits
    assert bot.run(NAME, fork=True)[NAME].outcome == "updated"
    assert fork.commits[fork.refs[BRANCH]]["parents"] == [base]
    assert len(upstream.pulls) == 1


def test_draft_stays_one_when_it_is_updated(bot: Bot, hub: Hub) -> None:
    repo = hub.add(NAME, {"Dockerfile": NAIVE})
    bot.run(draft=True)
    (pull,) = repo.pulls
    assert pull.draft
    title = pull.title
    assert title.startswith(hub.draft)
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert bot.run()[NAME].outcome == "updated"
    assert (pull.draft, pull.title) == (True, title)


def test_requirement_22_next_page_on_another_host_is_not_fetched(bot: Bot, hub: Hub) -> None:
    hub.add(NAME, {"Dockerfile": NAIVE})

    def linked(request: Request, proceed: Callable[[], Answer]) -> Answer:
        answer = proceed()
        if isinstance(answer.data, list):
            answer.headers["link"] = '<https://evil.example/next>; rel="next"'
        return answer

    hub.faults.append(linked)
    record = bot.run()[NAME]
    assert record.outcome == "failed"
    assert "a next page leads to another host, 'evil.example'" in record.why
