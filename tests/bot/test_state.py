"""What is kept of a campaign, in SQLite and in PostgreSQL by the same code, and the shards that share it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dockfix.bot.database import StateError
from dockfix.bot.state import DAY, MONTH, WHOLE, Shard, State

from .conftest import Bot, Time, forms
from .door import Door
from .gitserver import TOKEN
from .hub import Hub
from .postgres import PASSWORD, PostgresError, Server
from .rules import NAIVE

START = """
import logging, os
if "TEST_LOG" in os.environ:
    logging.basicConfig(level=1)
from dockfix.cli import main
main()
"""
NODE = "FROM node:20-alpine\nWORKDIR /app\nCOPY package.json ./\nCMD node server.js\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL server; DOCKFIX_REQUIRE_POSTGRES=1 demands that there is one."""
    pytest.importorskip("psycopg")
    try:
        started = Server().__enter__()
    except PostgresError as error:
        if os.environ.get("DOCKFIX_REQUIRE_POSTGRES") == "1":
            raise
        pytest.skip(str(error))
    yield started
    started.__exit__(None, None, None)


@pytest.fixture
def database(server: Server) -> str:
    """The URL of an empty schema, with the password."""
    return server.schema(f"test-{uuid.uuid4()}")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a state is kept."""
    if request.param == "sqlite":
        return str(tmp_path / "state.sqlite")
    found: str = request.getfixturevalue("database")
    return found


class Machines:
    """Processes of a campaign, one after the other, on machines with one clock."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.time = Time()

    def run(self, *, shard: Shard = WHOLE, resume: bool = False, finish: bool = True, done: str = "") -> int:
        """A process that begins, deals with one repository, and finishes unless it is killed; its run."""
        state = State(self.place, lambda: self.time.seconds)
        try:
            state.begin("selection", resume=resume, shard=shard)
            if done:
                state.record(done, "opened", {"name": done})
            if finish:
                state.finish()
            return state.run
        finally:
            state.close()


@pytest.fixture
def machines(place: str) -> Machines:
    return Machines(place)


def test_only_a_run_that_was_killed_is_resumed(machines: Machines) -> None:
    first = machines.run(finish=False)
    assert machines.run(resume=True) == first
    second = machines.run(resume=True)
    assert second != first
    assert machines.run() not in {first, second}


def test_requirement_13_what_was_done_is_known_after_a_kill(place: str) -> None:
    state = State(place)
    state.begin("a", resume=False)
    state.record("acme/shop", "opened", {"name": "acme/shop"})
    state.record("acme/late", "deferred", {"name": "acme/late"}, waits=True)
    state.close()
    state = State(place)
    state.begin("a", resume=True)
    assert [state.is_done(name) for name in ("acme/shop", "acme/late", "acme/other")] == [True, False, False]
    assert not state.finish()
    state.record("acme/late", "opened", {"name": "acme/late", "why": "Grüße\0\udcff"})
    assert state.finish()
    assert state.counts() == {"opened": 2}
    assert list(state.records()) == [{"name": "acme/late", "why": "Grüße\0\udcff"}, {"name": "acme/shop"}]
    state.close()


def test_name_that_no_database_would_take_is_kept(place: str) -> None:
    state = State(place)
    state.begin(resume=False)
    state.record("a\0\udcff\n", "failed", {})
    assert state.is_done("a\0\udcff\n")
    state.close()


def test_shards_are_parts_of_one_run(machines: Machines) -> None:
    shards = [Shard(index, 3) for index in range(3)]
    first = [machines.run(shard=shard, done=f"acme/{shard.index}") for shard in shards]
    assert len(set(first)) == 1
    # the next week, in another order, one after the other or at once
    machines.time.seconds += 7 * DAY
    second = [machines.run(shard=shard) for shard in reversed(shards)]
    assert len(set(second)) == 1
    assert second[0] != first[0]


def test_killed_shard_resumes_its_part(machines: Machines) -> None:
    first = machines.run(shard=Shard(0, 2), done="acme/0")
    assert machines.run(shard=Shard(1, 2), finish=False) == first
    assert machines.run(shard=Shard(1, 2), resume=True) == first
    assert machines.run(shard=Shard(1, 2), resume=True) != first


def test_finished_shard_that_is_started_again_waits_for_the_others(machines: Machines) -> None:
    """As a pod that is lost after its work: it has nothing to do, and begins no run that the others are not in."""
    first = machines.run(shard=Shard(0, 2))
    assert machines.run(shard=Shard(0, 2), resume=True) == first
    assert machines.run(shard=Shard(1, 2)) == first
    assert machines.run(shard=Shard(1, 2), resume=True) != first


def test_shard_that_was_lost_does_not_stagger_the_next_campaign(machines: Machines) -> None:
    first = machines.run(shard=Shard(0, 2))
    machines.time.seconds += 7 * DAY
    second = machines.run(shard=Shard(1, 2))  # of the next week, ahead of the other
    assert second != first
    assert machines.run(shard=Shard(0, 2)) == second


def test_another_number_of_shards_is_another_run(machines: Machines) -> None:
    assert machines.run(shard=Shard(0, 2)) != machines.run(shard=Shard(1, 3))


def test_each_shard_tells_of_its_own_and_the_last_look_of_all(place: str) -> None:
    states = [State(place) for _ in range(2)]
    for index, state in enumerate(states):
        state.begin(resume=False, shard=Shard(index, 2))
        state.record(f"acme/{index}", ("opened", "failed")[index], {"name": f"acme/{index}"})
    assert [state.counts() for state in states] == [{"opened": 1}, {"failed": 1}]
    assert [list(state.records()) for state in states] == [[{"name": "acme/0"}], [{"name": "acme/1"}]]
    states[0].finish()
    for state in states:
        state.close()
    whole = State(place, create=False)
    assert whole.look_back() == (1, 2)
    assert whole.counts() == {"failed": 1, "opened": 1}
    assert list(whole.records()) == [{"name": "acme/0"}, {"name": "acme/1"}]
    whole.close()


def test_last_run_of_each_selection_is_kept_for_a_month(place: str) -> None:
    time = Time()

    def begin(selection: str) -> int:
        state = State(place, lambda: time.seconds)
        state.begin(selection, resume=False)
        state.record("acme/shop", "opened", {})
        state.reserve("acme/shop", hour=99, run=None)
        state.finish()
        runs = state._one("SELECT count(*) FROM dockfix_run")
        state.close()
        return runs

    assert [begin(name) for name in ("weekly", "weekly", "daily")] == [1, 2, 3]
    time.seconds += 2 * DAY
    assert begin("daily") == 2  # all but the last of each are gone
    time.seconds += MONTH
    assert begin("daily") == 1


def test_requirement_11_caps_hold_over_everybody_who_shares_a_state(place: str) -> None:
    def reserve(number: int) -> int:
        state = State(place)
        state.begin(resume=False, shard=Shard(number, 4))
        got = [state.reserve(f"acme/{number}-{each}", hour=1000, run=10) for each in range(10)]
        state.close()
        return sum(isinstance(each, int) for each in got)

    State(place).close()
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(reserve, range(4))) == 10


def test_what_was_reserved_is_given_back(place: str) -> None:
    state = State(place)
    state.begin(resume=False)
    first = state.reserve("acme/a", hour=1, run=None)
    assert isinstance(first, int)
    assert state.reserve("acme/b", hour=1, run=None) == "the cap of 1 in an hour is reached"
    state.release(first)
    assert isinstance(state.reserve("acme/b", hour=9, run=1), int)
    assert state.reserve("acme/c", hour=9, run=1) == "the cap of 1 in a run is reached"
    state.close()


def test_several_create_the_tables_at_once(place: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda _: State(place).close(), range(6))) == [None] * 6


def test_nothing_is_created_by_looking(database: str) -> None:
    with pytest.raises(StateError, match="no run is kept there"):
        State(database, create=False)
    with pytest.raises(StateError, match="no run is kept there"):
        State(database, create=False)


def test_another_version_is_refused(place: str) -> None:
    state = State(place)
    state._database.run("UPDATE dockfix_state SET version = 99")
    state.close()
    with pytest.raises(StateError, match="made by another version of dockfix"):
        State(place)


def test_connection_that_broke_is_made_anew(database: str) -> None:
    import psycopg

    def hang_up() -> None:
        with psycopg.connect(database, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'dockfix' AND datname = current_database()"
            )

    state = State(database)
    state.begin(resume=False)
    for step in (
        lambda: state.record("acme/shop", "opened", {}),
        lambda: state.is_done("acme/shop"),
        lambda: state.reserve("acme/shop", hour=1, run=None),
        state.finish,
    ):
        hang_up()
        step()
    assert state.counts() == {"opened": 1}

    def lose_it_within_a_transaction() -> None:
        with state._database.alone():
            hang_up()
            state.counts()

    with pytest.raises(StateError, match="connection"):
        lose_it_within_a_transaction()  # it is not repeated outside of it
    assert state.counts() == {"opened": 1}
    state.close()


def test_transaction_that_fails_leaves_nothing(place: str) -> None:
    state = State(place)
    state.begin(resume=False)

    def fail() -> None:
        with state._database.alone():
            state.record("acme/shop", "opened", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not state.is_done("acme/shop")
    state.close()


def test_requirement_13_run_goes_on_in_either_database(bot: Bot, hub: Hub, place: str) -> None:
    bot.state = place
    for name in ("acme/a", "acme/b"):
        hub.add(name, {"Dockerfile": NAIVE})
    assert {record.outcome for record in bot.run().values()} == {"opened"}
    bot.run()
    assert hub.writes == []


# From here on processes of their own, as machines would run them.


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GITHUB_", "DOCKFIX_"))}
    return subprocess.Popen(
        [sys.executable, "-c", START, "bot", *arguments],
        env={**clean, "HOME": str(folder), "DOCKFIX_TOKEN": TOKEN, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def said(running: subprocess.Popen[str], code: int = 0) -> tuple[str, str]:
    output, errors = running.communicate(timeout=120)
    assert running.returncode == code, errors
    return output, errors


@pytest.fixture
def door(hub: Hub) -> Iterator[Door]:
    with Door(hub) as opened:
        yield opened


def test_shards_at_once_open_one_pull_request_each_and_are_one_campaign(
    hub: Hub, door: Door, server: Server, database: str, tmp_path: Path
) -> None:
    hub.validate = False  # other tests do, and it takes its time
    repos = [hub.add(f"acme/app{number}", {"Dockerfile": NODE, "package.json": "{}\n"}) for number in range(9)]
    hub.add("acme/bad", {"Dockerfile": "NONSENSE\n"})
    bare = database.replace(f":{PASSWORD}@", "@")

    def start(index: int, *more: str) -> subprocess.Popen[str]:
        options = ("--org", "acme", "--url", door.address, "--unpaced", "--count", "3", "--index", str(index), *more)
        # where the state is, and its password, stand in the environment alone
        return command("run", *options, folder=tmp_path, DOCKFIX_STATE=bare, PGPASSWORD=PASSWORD)

    running = [start(index) for index in range(3)]
    end = time.monotonic() + 60
    while not any(repo.pulls for repo in repos) and time.monotonic() < end:
        time.sleep(0.02)
    running[0].kill()
    said(running[0], -9)
    endings = [each.communicate(timeout=120)[1].splitlines()[-1] for each in running[1:]]
    endings.append(start(0, "--resume", "--report", "own.json").communicate(timeout=120)[1].splitlines()[-1])
    assert sum(int(ending.split()[0]) for ending in endings) == 10
    assert [len(repo.pulls) for repo in repos] == [1] * 9
    assert len(json.loads((tmp_path / "own.json").read_text())["repositories"]) == int(endings[-1].split()[0])

    shared = {"DOCKFIX_STATE": bare, "PGPASSWORD": PASSWORD}
    told, _ = said(command("summary", "--report", "all.json", folder=tmp_path, **shared), 1)
    assert re.fullmatch(r"10 repositories: \d+ opened(, 1 current)?, 1 failed\n", told)  # killed before it was kept
    names = Counter(each["name"] for each in json.loads((tmp_path / "all.json").read_text())["repositories"])
    assert names == Counter([*(repo.name for repo in repos), "acme/bad"])
    page, _ = said(command("dashboard", folder=tmp_path, **shared))
    assert all(repo.name in page for repo in repos)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or PASSWORD not in path.read_bytes().decode("latin-1")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda url: url, "1 repository: 1 opened", id="as it should be"),
        pytest.param(lambda url: url.replace("/postgres?", "/gone?"), 'database "gone"', id="no database"),
        pytest.param(lambda url: url.replace("dockfix:", "nobody:"), "password authentication failed", id="no user"),
        pytest.param(lambda url: url.replace("127.0.0.1", "127.0.0.1:x"), "postgresql://", id="no port"),
        pytest.param(lambda url: f"{url}&nonsense=1", "not at a URL of PostgreSQL", id="no parameter"),
        pytest.param(lambda url: url.replace("127.0.0.1", "[127.0.0.1"), "not at a URL of PostgreSQL", id="no host"),
        pytest.param(lambda url: url.replace("127.0.0.1", "gone.invalid"), "gone.invalid", id="no such host"),
    ],
)
def test_requirement_21_password_of_the_state_is_told_nobody(
    hub: Hub, door: Door, database: str, tmp_path: Path, spoil: Callable[[str], str], message: str
) -> None:
    hub.add("acme/shop", {"Dockerfile": NODE, "package.json": "{}\n"})
    running = command(
        *("run", "--repo", "acme/shop", "--url", door.address, "--report", "report.json"),
        folder=tmp_path,
        PYTHONASYNCIODEBUG="1",
        TEST_LOG="1",
        DOCKFIX_STATE=spoil(database),
    )
    output, errors = running.communicate(timeout=120)
    assert running.returncode == (0 if spoil(database) == database else 2)
    assert message in errors
    assert "Traceback" not in errors
    everything = output + errors + "".join(f"{request.headers} {request.body!r}" for request in hub.requests)
    everything += "".join(path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())
    for form in forms(PASSWORD):
        assert form not in everything


def test_server_that_goes_away_stops_the_run_with_a_word(
    hub: Hub, door: Door, server: Server, database: str, tmp_path: Path
) -> None:
    for number in range(4):
        hub.add(f"acme/app{number}", {"Dockerfile": NODE, "package.json": "{}\n"})
    options = ("run", "--org", "acme", "--url", door.address, "--unpaced", "--jobs", "1", "--resume")
    running = command(*options, folder=tmp_path, DOCKFIX_STATE=database)
    end = time.monotonic() + 60
    while not hub.writes and time.monotonic() < end:
        time.sleep(0.02)
    server.stop()
    try:
        _, errors = said(running, 2)
        assert errors.splitlines()[-1].startswith("dockfix: postgresql://127.0.0.1/postgres: ")
        assert "Traceback" not in errors
    finally:
        server.start()
    said(command(*options, folder=tmp_path, DOCKFIX_STATE=database))
    assert [len(repo.pulls) for repo in hub.repos.values()] == [1] * 4


def test_psycopg_that_is_not_installed_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['psycopg'] = None; from dockfix.cli import main; main()"
    command = [sys.executable, "-c", code, "bot", "summary", "--state", "postgresql://127.0.0.1/x"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "dockfix: psycopg is missing: pip install 'dockfix[postgres]'\n"
