"""A forge that fails, and one that asks for patience: requirements 9, 10, 11 and 13."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from dockfix.bot.forge import RefusedError
from dockfix.bot.names import selection
from dockfix.bot.pace import Pace, Rates
from dockfix.bot.settings import Caps
from dockfix.bot.state import State

from . import faults
from .conftest import Bot, Time
from .hub import Answer, Fault, Hub, Request
from .rules import NAIVE

WRITES = [("POST", "/git/trees"), ("POST", "/git/commits"), ("POST", "/git/refs"), ("POST", "/pulls")]
FAILURES = {
    "500 after the write": faults.lost(500),
    "502 after the write": faults.lost(502),
    "cut after the write": faults.cut(after=True),
    "half an answer": faults.garbled,
    "500 instead": faults.answered(500),
    "503 instead": faults.answered(503),
    "cut before": faults.cut(after=False),
}


@pytest.mark.parametrize("write", WRITES, ids=str)
@pytest.mark.parametrize("failure", FAILURES)
def test_requirement_09_lost_answer_leaves_exactly_one(
    bot: Bot, hub: Hub, write: tuple[str, str], failure: str
) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(faults.on(*write, FAILURES[failure]))
    assert bot.run()["acme/shop"].outcome == "opened"
    assert len(repo.pulls) == 1
    assert sorted(repo.refs) == ["dockfix/dockerfile", "main"]
    bot.run()
    assert hub.writes == []


@pytest.mark.parametrize("write", [("PATCH", "/git/refs/heads/dockfix/dockerfile"), ("PATCH", "/pulls/1")], ids=str)
@pytest.mark.parametrize("failure", FAILURES)
def test_requirement_09_lost_answer_to_an_update(bot: Bot, hub: Hub, write: tuple[str, str], failure: str) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    bot.run()
    repo.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    hub.faults.append(faults.on(*write, FAILURES[failure]))
    assert bot.run()["acme/shop"].outcome == "updated"
    bot.run()
    assert hub.writes == []
    assert len(repo.pulls) == 1


def test_requirement_09_state_is_read_before_a_repeat(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("POST", "/pulls", faults.lost(502)))
    bot.run()
    posts = [request for request in hub.requests if request.path.endswith("/pulls") and request.is_write]
    assert len(posts) == 1
    assert hub.requests[hub.requests.index(posts[0]) + 1].method == "GET"


def test_requirement_09_duplicate_found_by_the_forge_is_taken_over(bot: Bot, hub: Hub) -> None:
    """Another run opened it in the very moment: GitHub answers 422."""
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})

    def race(request: Request, proceed: Callable[[], Answer]) -> Answer:
        proceed()
        return proceed()

    hub.faults.append(faults.on("POST", "/pulls", race))
    assert bot.run()["acme/shop"].outcome == "opened"
    assert len(repo.pulls) == 1


def test_requirement_09_gives_up_in_the_end(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.add("acme/till", {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("POST", "acme/shop/pulls", faults.answered(500), times=99))
    records = bot.run()
    assert records["acme/shop"].outcome == "failed"
    assert "answered 500, 4 times" in records["acme/shop"].why
    assert records["acme/till"].outcome == "opened"
    hub.faults.clear()
    assert bot.run()["acme/shop"].outcome == "opened"  # what was reserved has been given back


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        pytest.param(faults.answered(429, retry_after="17"), 17, 17, id="seconds"),
        pytest.param(
            faults.answered(403, retry_after="Fri, 15 Jan 2027 08:02:00 GMT", x_ratelimit_remaining="0"),
            118,
            120,
            id="date",
        ),
        pytest.param(
            faults.answered(403, x_ratelimit_remaining="0", x_ratelimit_reset="1800000300"), 299, 301, id="reset"
        ),
        pytest.param(faults.answered(403, "You have exceeded a secondary rate limit."), 60, 60, id="secondary"),
        pytest.param(faults.answered(429), 60, 60, id="nothing said"),
    ],
)
@pytest.mark.parametrize("place", [("GET", "/branches/main"), ("POST", "/git/trees")], ids=str)
def test_requirement_10_waits_as_long_as_the_forge_asks(
    bot: Bot,
    hub: Hub,
    place: tuple[str, str],
    answer: Callable[[Request, faults.Proceed], Answer],
    least: int,
    most: int,
) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(faults.on(*place, answer))
    assert bot.run()["acme/shop"].outcome == "opened"
    assert least <= max(bot.time.slept) <= most
    assert any("limit" in message for message in bot.messages)


def test_requirement_10_backs_off_further_when_nothing_is_said(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("GET", "/branches/main", faults.answered(429), times=3))
    bot.run()
    assert [seconds for seconds in bot.time.slept if seconds >= 60] == [60, 120, 240]


def test_requirement_10_forbidden_is_not_a_limit(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("POST", "/git/trees", faults.answered(403, "Resource not accessible")))
    assert bot.run()["acme/shop"].outcome == "failed"
    assert bot.time.slept == []


def test_requirement_10_other_requests_wait_as_well(bot: Bot, hub: Hub) -> None:
    for name in ("a", "b", "c"):
        hub.add(f"acme/{name}", {"Dockerfile": NAIVE})
    times: list[float] = []

    def note(request: Request, proceed: Callable[[], Answer]) -> Answer | None:
        times.append(bot.time.seconds)
        return None

    hub.faults += [note, faults.on("GET", "acme/a/branches/main", faults.answered(429, retry_after="1000"))]
    start = bot.time.seconds
    bot.run(jobs=1)
    assert not any(start < time < start + 1000 for time in times)


def test_requirement_10_writes_keep_to_the_rates() -> None:
    time = Time()
    pace = Pace(Rates(), time.clock)
    written: list[float] = []

    async def write() -> None:
        async with pace.writing():
            written.append(time.seconds)

    async def run() -> None:
        await asyncio.gather(*(write() for _ in range(1100)))

    asyncio.run(run())
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(written))
    for span, most in ((60, 80), (3600, 500)):
        for start in range(len(written)):
            assert sum(written[start] <= each < written[start] + span for each in written[start:]) <= most


def test_requirement_11_caps_hold_under_concurrency(bot: Bot, hub: Hub) -> None:
    hub.validate = False  # other tests do, and it takes its time
    for number in range(30):
        hub.add(f"acme/app{number}", {"Dockerfile": NAIVE})
    bot.run(jobs=16, caps=Caps(run=7))
    assert sum(len(repo.pulls) for repo in hub.repos.values()) == 7
    records = bot.run(jobs=16, caps=Caps(hour=10))
    assert sum(len(repo.pulls) for repo in hub.repos.values()) == 10
    assert sum(record.outcome == "deferred" for record in records.values()) == 20
    bot.time.seconds += 3700
    bot.run(jobs=16, caps=Caps(hour=10))
    assert sum(len(repo.pulls) for repo in hub.repos.values()) == 20


def test_requirement_11_what_waits_for_an_hour_is_resumed(bot: Bot, hub: Hub) -> None:
    hub.validate = False  # other tests do, and it takes its time
    for number in range(6):
        hub.add(f"acme/app{number}", {"Dockerfile": NAIVE})

    def pass_an_hour(request: Request, proceed: Callable[[], Answer]) -> Answer:
        bot.time.seconds += 3700
        return proceed()

    # An hour that begins meanwhile has room again.
    hub.faults.append(faults.on("GET", "acme/app4/branches/main", pass_an_hour))
    records = bot.run(jobs=1, caps=Caps(hour=2))
    assert [name[-1] for name, record in records.items() if record.outcome == "deferred"] == ["2", "3"]
    bot.time.seconds += 3700
    records = bot.run(jobs=1, caps=Caps(hour=2), resume=True)
    assert {name[-1]: record.outcome for name, record in records.items()} == {"2": "opened", "3": "opened"}
    assert set(bot.run(resume=True)) == set(hub.repos)  # that run was finished: a new one


def test_requirement_11_cap_of_the_run_ends_it(bot: Bot, hub: Hub) -> None:
    for number in range(3):
        hub.add(f"acme/app{number}", {"Dockerfile": NAIVE})
    bot.run(jobs=1, caps=Caps(run=1))
    records = bot.run(jobs=1, caps=Caps(run=1), resume=True)
    assert sorted(record.outcome for record in records.values()) == ["current", "deferred", "opened"]


def test_requirement_13_only_a_run_of_the_same_selection_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("acme/a\n")
    first = selection("", (), (str(tmp_path / "names"),), ())
    (tmp_path / "names").write_text("acme/b\n")
    second = selection("", (), (str(tmp_path / "names"),), ())
    assert len({first, second, selection("", ("acme/a",), (), ()), selection("", (), (), ("acme/a",))}) == 4
    runs = []
    for name in (first, second, first):
        state = State(str(tmp_path / "state"))
        state.begin(name, resume=True)
        runs.append(state.run)
        state.close()
    assert runs[0] == runs[2] != runs[1]


def test_requirement_11_cap_of_a_repository(bot: Bot, hub: Hub) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE + "COPY . .\n"})
    bot.run(split=True, caps=Caps(repository=1))
    assert [pull.head_ref for pull in repo.pulls] == ["dockfix/freshen"]
    bot.run(split=True, caps=Caps(repository=1))
    assert hub.writes == []
    bot.run(split=True)
    assert [pull.head_ref for pull in repo.pulls] == ["dockfix/freshen", "dockfix/ignore-file"]
    assert b"old" in repo.files("dockfix/ignore-file")["Dockerfile"]
    bot.run(split=True)
    assert hub.writes == []


def test_requirement_13_killed_run_goes_on_where_it_stopped(bot: Bot, hub: Hub) -> None:
    hub.validate = False  # other tests do, and it takes its time
    for number in range(40):
        hub.add(f"acme/app{number:02}", {"Dockerfile": NAIVE})

    class Killed(BaseException):
        pass

    def kill(count: int) -> Fault:
        left = [count]

        def fault(request: Request, proceed: Callable[[], Answer]) -> Answer | None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return None

        return fault

    for count in (97, 61, 150):
        hub.faults[:] = [kill(count)]
        with pytest.raises(Killed):
            bot.run(resume=True)
    hub.faults.clear()
    records = bot.run(resume=True)
    assert 0 < len(records) < 40  # the others were not visited again
    assert all([pull.state for pull in repo.pulls] == ["open"] for repo in hub.repos.values())


def test_requirement_13_one_bad_repository_never_stops_the_rest(
    bot: Bot, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("acme/a", "acme/bad", "acme/c"):
        hub.add(name, {"Dockerfile": NAIVE})
    hub.faults.append(faults.on("GET", "acme/bad", lambda request, proceed: Answer(200, ["not", "a repository"])))
    records = bot.run()
    assert {name: record.outcome for name, record in records.items()} == {
        "acme/a": "opened",
        "acme/bad": "failed",
        "acme/c": "opened",
    }


def test_requirement_13_unknown_account_stops_at_once(bot: Bot, hub: Hub) -> None:
    for number in range(30):
        hub.add(f"acme/app{number}", {"Dockerfile": NAIVE})
    hub.faults.append(lambda request, proceed: Answer(401, {"message": "Bad credentials"}))
    with pytest.raises(RefusedError, match="Bad credentials"):
        bot.run(jobs=2)
    assert len(hub.requests) < 10
