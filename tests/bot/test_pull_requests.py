"""One repository, and what may have happened to its pull request: requirements 2 to 8 and 17."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Bot
from .forgejo_hub import ForgejoHub
from .gitlab_hub import GitLabHub
from .hub import Answer, Hub, Repo, Request
from .ondisk import GitLabHubOnDisk, HubOnDisk
from .rules import FIXED, NAIVE

BRANCH = "dockfix/dockerfile"
pytestmark = pytest.mark.parametrize("hub", [Hub, GitLabHub, ForgejoHub, HubOnDisk, GitLabHubOnDisk], indirect=True)


def naive(hub: Hub, name: str = "acme/shop") -> Repo:
    return hub.add(name, {"Dockerfile": NAIVE, "app.py": "print()\n"})


def test_first_run_opens_one_pull_request(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    records = bot.run()
    assert records["acme/shop"].outcome == "opened"
    (pull,) = repo.pulls
    assert (pull.state, pull.head_ref, pull.base) == ("open", BRANCH, "main")
    assert repo.files(BRANCH) == {"Dockerfile": FIXED.encode(), "app.py": b"print()\n"}
    commit = repo.commits[repo.refs[BRANCH]]
    assert commit["parents"] == [repo.refs["main"]]


def test_requirement_02_second_run_writes_nothing(bot: Bot, hub: Hub) -> None:
    naive(hub)
    bot.run()
    assert hub.writes
    records = bot.run()
    assert records["acme/shop"].outcome == "current"
    assert hub.writes == []


def test_requirement_03_branch_survives_a_blocking_parent(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    repo.refs["dockfix"] = repo.refs["main"]
    bot.run()
    assert [pull.head_ref for pull in repo.pulls] == ["dockfix-dockerfile"]
    bot.run()
    assert hub.writes == []


def test_requirement_03_branch_survives_a_blocking_child(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    repo.refs[f"{BRANCH}/mine"] = repo.refs["main"]
    bot.run()
    assert [pull.head_ref for pull in repo.pulls] == ["dockfix-dockerfile"]


def test_requirement_03_open_pull_request_outlives_the_blocking_branch(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    repo.refs["dockfix"] = repo.refs["main"]
    bot.run()
    del repo.refs["dockfix"]
    repo.commit({"Dockerfile": "FROM busybox:1.37\nRUN echo old\n"})
    bot.run()
    assert [pull.head_ref for pull in repo.pulls] == ["dockfix-dockerfile"]
    assert repo.files("dockfix-dockerfile")["Dockerfile"] == b"FROM busybox:1.37\nRUN echo new\n"


def test_requirement_04_open_pull_request_is_updated(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    records = bot.run()
    assert records["acme/shop"].outcome == "updated"
    assert len(repo.pulls) == 1
    assert repo.files(BRANCH)["Dockerfile"] == (FIXED + "RUN echo new again\n").encode()
    bot.run()
    assert hub.writes == []


def test_requirement_05_what_a_person_closed_stays_closed(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.pulls[0].state = "closed"
    del repo.refs[BRANCH]
    repo.commit({"Dockerfile": "# a comment that changes nothing\n" + NAIVE})
    records = bot.run()
    assert records["acme/shop"].outcome == "declined"
    assert hub.writes == []
    repo.commit({"Dockerfile": "FROM busybox:1.36\nRUN echo old and more\n"})
    assert bot.run()["acme/shop"].outcome == "opened"
    assert [pull.state for pull in repo.pulls] == ["closed", "open"]


def test_requirement_05_closed_without_a_mark_counts_as_declined(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.pulls[0].state = "closed"
    repo.pulls[0].body = "no"
    assert bot.run()["acme/shop"].outcome == "declined"
    assert hub.writes == []


def test_requirement_05_what_was_merged_and_taken_back_is_not_proposed_again(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.merge(repo.pulls[0])
    assert bot.run()["acme/shop"].outcome in {"clean", "current"}
    repo.commit({"Dockerfile": NAIVE})
    assert bot.run()["acme/shop"].outcome == "reverted"
    assert len(repo.pulls) == 1


def test_requirement_06_foreign_commits_are_kept_and_told_once(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    theirs = repo.commit({"README.md": "by a person\n"}, BRANCH)
    assert bot.run()["acme/shop"].outcome == "foreign"
    assert hub.writes == []  # nothing to say as long as there is nothing new
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    for _ in range(3):
        assert bot.run()["acme/shop"].outcome == "foreign"
    assert repo.refs[BRANCH] == theirs
    assert len(repo.pulls[0].comments) == 1


def test_requirement_06_amended_commit_is_foreign(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    ours = repo.commits[repo.refs[BRANCH]]
    files = {**repo.trees[ours["tree"]], "Dockerfile": ("100644", repo.blob(b"FROM scratch\n"))}
    repo.refs[BRANCH] = amended = repo.commit_tree(repo.tree(files), ours["message"], ours["parents"])
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert bot.run()["acme/shop"].outcome == "foreign"
    assert repo.refs[BRANCH] == amended


def test_requirement_06_foreign_branch_without_pull_request_is_left(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    repo.commit({"Dockerfile": NAIVE, "mine": "mine"}, BRANCH)
    assert bot.run()["acme/shop"].outcome == "foreign"
    assert hub.writes == []


def test_requirement_06_push_between_reading_and_writing_is_kept(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    pushed: list[str] = []

    def push(request: Request, proceed: Callable[[], Answer]) -> Answer | None:
        method, ending = hub.before_push
        if request.path.endswith(ending) and request.method == method and not pushed:
            pushed.append(repo.commit({"README.md": "by a person\n"}, BRANCH))
        return None

    hub.faults.append(push)
    assert bot.run()["acme/shop"].outcome == "foreign"
    assert [repo.refs[BRANCH]] == pushed


def test_requirement_07_conflict_is_made_anew_as_one_commit(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    before = repo.refs[BRANCH]
    base = repo.commit({"Dockerfile": "FROM busybox:1.37\nRUN echo old\n"})
    assert bot.run()["acme/shop"].outcome == "updated"
    commit = repo.commits[repo.refs[BRANCH]]
    assert commit["parents"] == [base]
    assert repo.refs[BRANCH] != before
    assert repo.files(BRANCH)["Dockerfile"] == b"FROM busybox:1.37\nRUN echo new\n"


def test_requirement_07_conflict_with_part_of_the_fix_is_made_anew(bot: Bot, hub: Hub) -> None:
    """The result stays the same file, but not the change that leads to it."""
    repo = hub.add("acme/shop", {"Dockerfile": "FROM busybox:1.36\nRUN echo old\nRUN echo old\n"})
    bot.run()
    base = repo.commit({"Dockerfile": "FROM busybox:1.36\nRUN echo new\nRUN echo old\n"})
    assert bot.run()["acme/shop"].outcome == "updated"
    assert repo.commits[repo.refs[BRANCH]]["parents"] == [base]
    bot.run()
    assert hub.writes == []


def test_requirement_07_work_elsewhere_causes_no_push(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.commit({"app.py": "print(1)\n"})
    assert bot.run()["acme/shop"].outcome == "current"
    assert hub.writes == []


def test_requirement_08_fix_on_the_base_closes_and_deletes(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.commit({"Dockerfile": FIXED})
    assert bot.run()["acme/shop"].outcome == "closed"
    assert repo.pulls[0].state == "closed"
    assert BRANCH not in repo.refs
    bot.run()
    assert hub.writes == []


def test_requirement_08_what_the_bot_closed_may_be_proposed_again(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.commit({"Dockerfile": FIXED})
    bot.run()
    repo.commit({"Dockerfile": NAIVE})
    assert bot.run()["acme/shop"].outcome == "opened"
    assert [pull.state for pull in repo.pulls] == ["closed", "open"]


def test_requirement_08_modified_branch_is_kept(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    theirs = repo.commit({"README.md": "by a person\n"}, BRANCH)
    repo.commit({"Dockerfile": FIXED})
    assert bot.run()["acme/shop"].outcome == "foreign"
    assert repo.pulls[0].state == "open"
    assert repo.refs[BRANCH] == theirs


def test_requirement_08_unreadable_dockerfile_closes_nothing(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.commit({"Dockerfile": "NONSENSE\n"})
    bot.run()
    assert repo.pulls[0].state == "open"
    assert hub.writes == []


def test_requirement_17_onboarding_comes_first_and_closing_it_opts_out(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    assert bot.run(onboard=True)["acme/shop"].outcome == "opened"
    (welcome,) = repo.pulls
    assert welcome.head_ref == "dockfix/onboarding"
    assert set(repo.files("dockfix/onboarding")) == {"Dockerfile", "app.py", ".dockfix.toml"}
    bot.run(onboard=True)
    assert hub.writes == []
    welcome.state = "closed"
    assert bot.run(onboard=True)["acme/shop"].outcome == "skipped"
    assert bot.run()["acme/shop"].outcome == "declined"  # without being asked about onboarding, too
    assert len(repo.pulls) == 1


def test_requirement_17_merged_onboarding_lets_the_bot_begin(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run(onboard=True)
    repo.merge(repo.pulls[0])
    assert bot.run(onboard=True)["acme/shop"].outcome == "opened"
    assert [pull.head_ref for pull in repo.pulls] == ["dockfix/onboarding", BRANCH]


def test_requirement_17_open_onboarding_waits_for_its_answer(bot: Bot, hub: Hub) -> None:
    """Also in a run that does not ask for onboarding."""
    repo = naive(hub)
    bot.run(onboard=True)
    bot.run()
    assert [(pull.head_ref, pull.state) for pull in repo.pulls] == [("dockfix/onboarding", "open"), (BRANCH, "open")]


def test_description_that_a_person_rewrote_is_theirs(bot: Bot, hub: Hub) -> None:
    repo = naive(hub)
    bot.run()
    repo.pulls[0].body = "Reviewed, and described better."
    assert bot.run()["acme/shop"].outcome == "current"
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert bot.run()["acme/shop"].outcome == "updated"
    assert repo.files(BRANCH)["Dockerfile"] == (FIXED + "RUN echo new again\n").encode()
    assert repo.pulls[0].body == "Reviewed, and described better."
    bot.run()
    assert hub.writes == []
