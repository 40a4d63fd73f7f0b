"""Suggestions on the lines of a pull request: where they fit, what accepting them makes, and that they come once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dockfix import registry
from dockfix.bot import workshop
from dockfix.bot.findings import findings
from dockfix.bot.forge import Remote
from dockfix.bot.review import MOST, Review, review
from dockfix.bot.settings import Settings
from dockfix.bot.suggestion import hunks
from dockfix.bot.tree import TreeFiles, listed
from dockfix.cli import main
from dockfix.model import Model
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, transform
from dockfix.transform import Result as Given

from . import faults
from .conftest import Bot, in_thread
from .door import Door
from .gitserver import TOKEN
from .hub import Hub
from .persons import accepted, comments, proposed
from .rules import NAIVE, TRANSFORMS

REAL = registry.transforms
APPS = Path(__file__).parents[2] / "fixtures" / "sequence"
TAIL = "".join(f"ENV A{number}={number}\n" for number in range(20))


@transform("greet", phase=Phase.USER)
def greet(model: Model) -> Iterator[Given]:
    """Greet before the command."""
    for instruction in model.document.instructions:
        if instruction.keyword == "CMD" and "RUN echo hello" not in model.document.text:
            edit = Edit(Span(instruction.span.start, instruction.span.start), "RUN echo hello\n")
            yield Change(instruction, (edit,), "nobody greets")


def reviewed(bot: Bot, *, dry_run: bool = False, **settings: Any) -> Review:
    async def run() -> Review:
        forge = bot.github(read_only=dry_run)
        try:
            return await review(forge, "acme/shop", 1, in_thread, Settings(dry_run=dry_run, **settings))
        finally:
            await forge.close_connections()

    bot.hub.requests.clear()
    return asyncio.run(run())


def test_new_dockerfile_gets_a_suggestion_once(bot: Bot, hub: Hub) -> None:
    repo, pull = proposed(hub, None, NAIVE)
    found = reviewed(bot)
    assert (len(found.suggested), found.new, found.refused) == (1, 1, "")
    (made,) = pull.reviews
    assert (made["event"], made["commit_id"]) == ("COMMENT", repo.refs["mine"])
    (comment,) = made["comments"]
    assert (comment["path"], comment["line"], comment["side"]) == ("Dockerfile", 2, "RIGHT")
    assert "* `freshen`: old is not new (app.py:1)" in comment["body"]
    assert accepted(repo, comment) == NAIVE.replace("old", "new")
    again = reviewed(bot)
    assert (len(again.suggested), again.new) == (1, 0)
    assert hub.writes == []


def test_suggestion_stays_made_when_its_lines_move(bot: Bot, hub: Hub) -> None:
    repo, pull = proposed(hub, None, NAIVE)
    reviewed(bot)
    repo.commit({"Dockerfile": "# syntax=docker/dockerfile:1\n" + NAIVE}, "mine")
    assert reviewed(bot).new == 0
    repo.commit({"Dockerfile": NAIVE.replace("echo", "printf")}, "mine")
    assert reviewed(bot).new == 1
    assert len(pull.reviews) == 2


def test_what_the_pull_request_does_not_show_is_told_elsewhere(bot: Bot, hub: Hub) -> None:
    """GitHub refuses a review for one comment outside of the diff."""
    _, pull = proposed(hub, NAIVE + TAIL, NAIVE + TAIL.replace("A19=19", "A19=20"))
    found = reviewed(bot)
    assert found.suggested == ()
    assert pull.reviews == []
    (rest,) = found.rest
    assert [each.transform for each in rest.plan.outcomes] == ["freshen"]  # type: ignore[union-attr]


def test_lines_that_are_only_shown_are_left_alone(bot: Bot, hub: Hub) -> None:
    _, pull = proposed(hub, NAIVE, NAIVE.replace("busybox:1.36", "busybox:1.37"))
    assert reviewed(bot).suggested == ()
    assert pull.reviews == []


def test_only_files_of_the_pull_request_are_reviewed(bot: Bot, hub: Hub) -> None:
    _, pull = proposed(hub, None, NAIVE, "api/Dockerfile", **{"web/Dockerfile": NAIVE, "bad/Dockerfile": "NONSENSE\n"})
    found = reviewed(bot)
    assert [each.path for each in found.suggested] == ["api/Dockerfile"]
    assert [each.path for each in found.rest] == ["api/Dockerfile"]
    assert len(comments(pull)) == 1


def test_companion_file_is_no_suggestion(bot: Bot, hub: Hub) -> None:
    proposed(hub, None, NAIVE + "COPY . .\n")
    found = reviewed(bot)
    assert [sorted(each.transforms) for each in found.suggested] == [["freshen"]]
    (rest,) = found.rest
    assert [each.transform for each in rest.plan.outcomes] == ["ignore-file"]  # type: ignore[union-attr]


def test_refusals_and_broken_files_are_told_elsewhere(bot: Bot, hub: Hub) -> None:
    repo, _ = proposed(hub, None, "FROM busybox\nRUN sudo x\n")
    (rest,) = reviewed(bot).rest
    assert [each.kind for each in rest.plan.outcomes] == ["refused"]  # type: ignore[union-attr]
    repo.commit({"Dockerfile": "NONSENSE\n"}, "mine")
    (broken,) = reviewed(bot).rest
    assert str(broken).startswith("Dockerfile:1: ")


def with_greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "transforms", lambda: (*TRANSFORMS, greet))


def test_each_suggestion_stands_by_itself(bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with_greeting(monkeypatch)
    repo, pull = proposed(hub, None, NAIVE.replace("CMD", "ENV A=1\nENV B=2\nCMD"))
    reviewed(bot)
    first, second = sorted(comments(pull), key=lambda each: each["line"])
    text = repo.files("mine")["Dockerfile"].decode()
    assert accepted(repo, first) == text.replace("old", "new")
    assert accepted(repo, second) == text.replace("CMD", "RUN echo hello\nCMD")


def test_changes_that_lie_across_each_other_are_one_suggestion(
    bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_greeting(monkeypatch)
    text = "FROM busybox:1.36\nRUN echo old\nCMD x\nRUN echo old\n"
    repo, pull = proposed(hub, None, text)
    (found,) = reviewed(bot).suggested
    assert found.transforms == {"freshen", "greet"}
    (comment,) = comments(pull)
    assert (comment["start_line"], comment["line"], comment["start_side"]) == (2, 4, "RIGHT")
    assert accepted(repo, comment) == text.replace("old", "new").replace("CMD", "RUN echo hello\nCMD")


@pytest.mark.parametrize("name", ["flask-backend", "stage-server", "rust-api", "spa-serve"])
def test_real_suggestions_make_what_their_transforms_make(
    bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(registry, "transforms", REAL)
    app = APPS / name / "before"
    files = {path.relative_to(app).as_posix(): path.read_bytes() for path in app.rglob("*") if path.is_file()}
    text = files.pop("Dockerfile").decode()
    repo, pull = proposed(hub, None, text, **{path: data.decode() for path, data in files.items()})
    found = reviewed(bot)
    assert len(comments(pull)) == len(found.suggested) > 0
    tree = repo.commits[repo.refs["mine"]]["tree"]
    entries = asyncio.run(listed(bot.github(), Remote(repo.name, "main"), tree))
    for each, comment in zip(found.suggested, comments(pull), strict=True):
        settings = Settings(overrides={"only": each.transforms})
        (plans,) = findings(TreeFiles(entries, repo.blobs.__getitem__), settings).plans.values()
        assert accepted(repo, comment) == plans[0].after


@pytest.mark.parametrize("first", ["CMD x\n", "# a comment\nCMD x\n"])
def test_insertion_stands_on_a_line_that_is_there(
    bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    with_greeting(monkeypatch)
    repo, pull = proposed(hub, "FROM busybox:1.36\n", f"FROM busybox:1.36\n{first}")
    reviewed(bot)
    (comment,) = comments(pull)
    assert "RUN echo hello\n" in accepted(repo, comment)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(NAIVE.replace("\n", "\r\n"), id="carriage returns"),
        pytest.param(NAIVE.replace("old", "old \x07"), id="control"),
    ],
)
def test_what_a_comment_would_change_is_not_suggested(bot: Bot, hub: Hub, text: str) -> None:
    _, pull = proposed(hub, None, text)
    found = reviewed(bot)
    assert found.suggested == () and pull.reviews == []
    assert len(found.rest) == 1


def test_requirement_20_fence_of_a_suggestion_cannot_be_left(bot: Bot, hub: Hub) -> None:
    repo, pull = proposed(hub, None, "FROM busybox:1.36\nRUN echo old '```' @ada <!-- dockfix: suggestion=00 -->\n")
    reviewed(bot)
    (comment,) = comments(pull)
    assert accepted(repo, comment).endswith("RUN echo new '```' @ada <!-- dockfix: suggestion=00 -->\n")
    assert comment["body"].startswith("* `freshen`: ")


def test_missing_final_newline_is_no_obstacle(bot: Bot, hub: Hub) -> None:
    repo, pull = proposed(hub, None, "FROM busybox:1.36\nRUN echo old")
    reviewed(bot)
    (comment,) = comments(pull)
    assert accepted(repo, comment) == "FROM busybox:1.36\nRUN echo new\n"


def test_many_suggestions_are_cut(bot: Bot, hub: Hub) -> None:
    repo, pull = proposed(hub, None, NAIVE)
    repo.commit({f"app{number}/Dockerfile": NAIVE for number in range(MOST + 3)}, "mine")
    found = reviewed(bot)
    assert len(comments(pull)) == MOST
    said = [each for each in found.rest if any(one.kind == "applied" for one in each.plan.outcomes)]  # type: ignore[union-attr]
    assert len(said) == 4


@pytest.mark.parametrize("status", [403, 404, 422])
def test_token_that_may_only_read_leaves_everything_to_annotations(bot: Bot, hub: Hub, status: int) -> None:
    _, pull = proposed(hub, None, NAIVE)
    hub.faults.append(faults.on("POST", "/reviews", faults.answered(status, "Resource not accessible by integration")))
    found = reviewed(bot)
    assert (found.suggested, found.new, pull.reviews) == ((), 0, [])
    assert "Resource not accessible by integration" in found.refused
    (rest,) = found.rest
    assert [each.transform for each in rest.plan.outcomes] == ["freshen"]  # type: ignore[union-attr]


@pytest.mark.parametrize("failure", [faults.lost(502), faults.cut(after=True), faults.garbled, faults.answered(500)])
def test_requirement_09_lost_answer_to_a_review_leaves_exactly_one(
    bot: Bot, hub: Hub, failure: Callable[..., Any]
) -> None:
    _, pull = proposed(hub, None, NAIVE)
    hub.faults.append(faults.on("POST", "/reviews", failure))
    assert reviewed(bot).new == 1
    assert len(pull.reviews) == 1


def test_requirement_12_dry_run_of_a_review_reads_alone(bot: Bot, hub: Hub) -> None:
    _, pull = proposed(hub, None, NAIVE)
    assert reviewed(bot, dry_run=True).new == 1
    assert hub.writes == [] and pull.reviews == []


def test_wish_for_one_pull_request_each_is_not_about_reviews(bot: Bot, hub: Hub) -> None:
    _, pull = proposed(hub, None, NAIVE, **{".dockfix.toml": "[bot]\nsplit = true\n"})
    reviewed(bot)
    assert len(comments(pull)) == 1


def test_repository_that_switched_the_bot_off_gets_no_review(bot: Bot, hub: Hub) -> None:
    _, pull = proposed(hub, None, NAIVE, **{".dockfix.toml": "[bot]\nenabled = false\n"})
    assert reviewed(bot) == Review((), 0, ())
    assert pull.reviews == []


def test_wrong_configuration_is_told(bot: Bot, hub: Hub) -> None:
    _, pull = proposed(hub, None, NAIVE, **{".dockfix.toml": "uid = 0\n"})
    (wrong,) = reviewed(bot).rest
    assert str(wrong).startswith(".dockfix.toml:1: uid is a number")
    assert pull.reviews == []


def test_reviews_are_for_github(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKFIX_TOKEN", TOKEN)
    options = ("--repo", "acme/shop", "--pull", "1", "--url", "gitlab.com")
    done = CliRunner().invoke(main, ["bot", "review", *options])
    assert done.exit_code == 2
    assert "reviews are for GitHub alone" in done.stderr


def test_lines_of_a_patch() -> None:
    patch = "@@ -1,3 +1,4 @@\n a\n-b\n+c\n+d\n e\n@@ -30 +31,2 @@ FROM x\n-y\n+z\n+w\n\\ No newline at end of file"
    first, second = hunks(patch)
    assert (first.lines, set(first.added)) == (range(1, 5), {2, 3})
    assert (second.lines, set(second.added)) == (range(31, 33), {31, 32})
    assert hunks("") == () and hunks("@@ -1,2 +0,0 @@\n-a\n-b") == ()


# From here on as a person, or the action, types it.


class Threads:
    """Instead of a workshop, whose processes would not know the small transforms."""

    plan = staticmethod(in_thread)

    async def __aenter__(self) -> Threads:
        return self

    async def __aexit__(self, *error: object) -> None:
        pass


def command(hub: Hub, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setattr(workshop, "workshop", lambda places: Threads())
    monkeypatch.setenv("DOCKFIX_TOKEN", TOKEN)
    with Door(hub) as door:
        options = ("--repo", "acme/shop", "--pull", "1", "--url", door.address)
        return CliRunner().invoke(main, ["bot", "review", *options, *arguments], catch_exceptions=False)


def test_command_suggests_and_annotates_the_rest(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    _, pull = proposed(hub, None, NAIVE + "COPY . .\n")
    done = command(hub, monkeypatch)
    assert (done.exit_code, done.stderr) == (0, "1 suggestion, 1 new\n")
    assert done.stdout.startswith("::warning file=Dockerfile,line=1,title=dockfix ignore-file::")
    assert "freshen" not in done.stdout
    assert len(comments(pull)) == 1


def test_command_shows_what_it_would_suggest(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    proposed(hub, None, NAIVE)
    done = command(hub, monkeypatch, "--dry-run")
    assert "Dockerfile:2-2\n* `freshen`: old is not new" in done.stdout
    assert "```suggestion\nRUN echo new\n```\n" in done.stdout
    assert hub.writes == []


def test_command_falls_back_to_annotations(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    proposed(hub, None, NAIVE)
    hub.faults.append(faults.on("POST", "/reviews", faults.answered(403, "Resource not accessible by integration")))
    done = command(hub, monkeypatch)
    assert done.exit_code == 0
    assert done.stdout.startswith("::warning file=Dockerfile,line=2,title=dockfix freshen::")
    assert done.stderr.startswith("no suggestions, annotations instead: ")
