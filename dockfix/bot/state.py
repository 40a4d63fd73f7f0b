"""What became of each repository, kept in a database, so that a run that was killed goes on where it stopped.

A run is about a *selection* of repositories. Shards share it out among machines; those that keep their state in one
database are parts of one run, with common caps, and one page tells of them all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dockfix.bot.database import StateError, opened
from dockfix.report.text import printable

VERSION = 3
DAY = 24 * 3600.0
"""Seconds for which a finished run is kept that is not the last of its selection, and after which a shard joins no
other's run any more."""
MONTH = 30 * DAY
"""Seconds for which every other run is kept."""
EVERY_SHARD = (0, 2**31 - 1)
_TABLES = """
CREATE TABLE dockfix_state (version INTEGER NOT NULL);
CREATE TABLE dockfix_run (
    id {numbered}, selection TEXT NOT NULL, shards INTEGER NOT NULL,
    started DOUBLE PRECISION NOT NULL, finished DOUBLE PRECISION
);
CREATE TABLE dockfix_part (
    run BIGINT NOT NULL REFERENCES dockfix_run, shard INTEGER NOT NULL,
    started DOUBLE PRECISION NOT NULL, finished DOUBLE PRECISION,
    PRIMARY KEY (run, shard)
);
CREATE TABLE dockfix_repository (
    run BIGINT NOT NULL REFERENCES dockfix_run, name TEXT NOT NULL, shard INTEGER NOT NULL,
    at DOUBLE PRECISION NOT NULL, outcome TEXT NOT NULL, record TEXT NOT NULL, waits BOOLEAN NOT NULL,
    PRIMARY KEY (run, name)
);
CREATE TABLE dockfix_opening (
    id {numbered}, run BIGINT NOT NULL REFERENCES dockfix_run, name TEXT NOT NULL, at DOUBLE PRECISION NOT NULL
);
CREATE INDEX dockfix_opening_at ON dockfix_opening (at)
"""


@dataclass(frozen=True, slots=True)
class Shard:
    """A machine's share of a selection.

    Attributes:
        index: which it is, from 0.
        count: how many there are.
    """

    index: int = 0
    count: int = 1


WHOLE = Shard()


class State:
    """The state of the bot. Every step is kept when its method returns.

    Args:
        place: the URL of a PostgreSQL database, or the path of a file; empty for one that is gone at the end.
        now: seconds since 1970.
        create: begin one where there is none.

    Raises:
        StateError: there is none, or it cannot be opened, or is something else.
    """

    def __init__(self, place: str, now: Callable[[], float] = time.time, *, create: bool = True) -> None:
        self._now = now
        self._database = opened(place, create=create)
        self.run = 0
        self._shards = EVERY_SHARD
        try:
            if create or self._database.has_tables():
                self._demand_tables()
            else:
                raise StateError(f"{self._database.place}: no run is kept there")
        except BaseException:
            self._database.close()
            raise

    def _demand_tables(self) -> None:
        with self._database.alone():
            if not self._database.has_tables():
                for statement in _TABLES.format(numbered=self._database.numbered).split(";"):
                    self._database.run(statement)
                self._database.run("INSERT INTO dockfix_state (version) VALUES (?)", VERSION)
        if self._one("SELECT max(version) FROM dockfix_state") != VERSION:
            raise StateError(f"{self._database.place}: made by another version of dockfix")

    def begin(self, selection: str = "", *, resume: bool, shard: Shard = WHOLE) -> None:
        """Start a run, or go on with the last one that was not finished, if that is wanted or it lacks this shard.

        Args:
            selection: names what the run is about; one that is about something else is not gone on with.
            resume: go on.
            shard: the share of the selection that this process deals with.
        """
        now = self._now()
        with self._database.alone():
            last = self._database.run(
                "SELECT id, finished FROM dockfix_run WHERE selection = ? AND shards = ? ORDER BY id DESC LIMIT 1",
                *(selection, shard.count),
            )
            if last and last[0][1] is None and (resume or self._lacks(last[0][0], shard)):
                self.run = last[0][0]
            else:
                self.run = self._database.insert(
                    "INSERT INTO dockfix_run (selection, shards, started) VALUES (?, ?, ?)",
                    *(selection, shard.count, now),
                )
            self._database.run(
                "INSERT INTO dockfix_part (run, shard, started) VALUES (?, ?, ?)"
                " ON CONFLICT (run, shard) DO UPDATE SET started = excluded.started, finished = NULL",
                *(self.run, shard.index, now),
            )
            self._prune(now)
        self._shards = (shard.index, shard.index)

    def _lacks(self, run: int, shard: Shard) -> bool:
        """Whether others have begun a run lately in which this shard is still missing."""
        if self._one("SELECT count(*) FROM dockfix_part WHERE run = ? AND shard = ?", run, shard.index):
            return False
        lately = self._now() - DAY
        begun = self._one("SELECT count(*) FROM dockfix_part WHERE run = ? AND started > ?", run, lately)
        return bool(begun or self._one("SELECT count(*) FROM dockfix_repository WHERE run = ? AND at > ?", run, lately))

    def _prune(self, now: float) -> None:
        """Forget what no run, cap or page asks for any more."""
        old = (
            "SELECT id FROM dockfix_run WHERE id <> ? AND (started < ? OR (finished < ?"
            " AND id NOT IN (SELECT max(id) FROM dockfix_run GROUP BY selection)))"
        )
        values = (self.run, now - MONTH, now - DAY)
        self._database.run(f"DELETE FROM dockfix_repository WHERE run IN ({old})", *values)  # noqa: S608
        self._database.run(f"DELETE FROM dockfix_part WHERE run IN ({old})", *values)  # noqa: S608
        self._database.run(f"DELETE FROM dockfix_opening WHERE at < ? AND run IN ({old})", now - 3600, *values)  # noqa: S608
        self._database.run(
            f"DELETE FROM dockfix_run WHERE id IN ({old}) AND id NOT IN (SELECT run FROM dockfix_opening)",  # noqa: S608
            *values,
        )

    def finish(self, *, run: int | None = None) -> bool:
        """Note that this shard has come to its end, unless repositories wait for another hour: those are left to the
        next run.

        Args:
            run: the most pull requests of the run; where they are opened, nothing waits any more.
        """
        waiting = self._one(
            "SELECT count(*) FROM dockfix_repository WHERE run = ? AND waits AND shard BETWEEN ? AND ?",
            *(self.run, *self._shards),
        )
        if waiting and (run is None or self._opened() < run):
            return False
        now = self._now()
        with self._database.alone():
            self._database.run(
                "UPDATE dockfix_part SET finished = ? WHERE run = ? AND shard BETWEEN ? AND ?",
                *(now, self.run, *self._shards),
            )
            self._database.run(
                "UPDATE dockfix_run SET finished = ? WHERE id = ? AND shards ="
                " (SELECT count(*) FROM dockfix_part WHERE run = ? AND finished IS NOT NULL)",
                *(now, self.run, self.run),
            )
        return True

    def look_back(self) -> tuple[int, int]:
        """Turn to the last run, with all of its shards; how many of them are finished, and how many there are.

        Raises:
            StateError: there was none.
        """
        last = self._database.run("SELECT id, shards FROM dockfix_run ORDER BY id DESC LIMIT 1")
        if not last:
            raise StateError("no run is kept there")
        ((self.run, shards),) = last
        self._shards = EVERY_SHARD
        done = self._one("SELECT count(*) FROM dockfix_part WHERE run = ? AND finished IS NOT NULL", self.run)
        return done, shards

    def is_done(self, name: str) -> bool:
        """Whether this run has dealt with a repository."""
        query = "SELECT count(*) FROM dockfix_repository WHERE run = ? AND name = ? AND NOT waits"
        return self._one(query, self.run, printable(name)) > 0

    def record(self, name: str, outcome: str, record: dict[str, Any], *, waits: bool = False) -> None:
        """Note what became of a repository; one that *waits* for room under a cap is not done."""
        self._database.run(
            "INSERT INTO dockfix_repository (run, name, shard, at, outcome, record, waits) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (run, name) DO UPDATE SET shard = excluded.shard, at = excluded.at,"
            " outcome = excluded.outcome, record = excluded.record, waits = excluded.waits",
            *(self.run, printable(name), self._shards[0], self._now(), outcome, json.dumps(record), waits),
        )

    def records(self) -> Iterator[dict[str, Any]]:
        """What became of each repository of this shard, one after the other; of all shards after :meth:`look_back`."""
        query = "SELECT record FROM dockfix_repository WHERE run = ? AND shard BETWEEN ? AND ? ORDER BY name"
        for (record,) in self._database.each(query, self.run, *self._shards):
            yield json.loads(record)

    def counts(self) -> dict[str, int]:
        """How many of these repositories came to each outcome."""
        rows = self._database.run(
            "SELECT outcome, count(*) FROM dockfix_repository WHERE run = ? AND shard BETWEEN ? AND ?"
            " GROUP BY outcome ORDER BY 2 DESC, 1",
            *(self.run, *self._shards),
        )
        return dict(rows)

    def reserve(self, name: str, *, hour: int, run: int | None) -> int | str:
        """Take one of the pull requests that may be opened; its number, or why there is none left."""
        with self._database.alone():
            spent = self.spent(hour=hour, run=run)
            if spent is not None:
                return spent
            return self._database.insert(
                "INSERT INTO dockfix_opening (run, name, at) VALUES (?, ?, ?)", self.run, printable(name), self._now()
            )

    def spent(self, *, hour: int, run: int | None) -> str | None:
        """Why no pull request may be opened now, if none may."""
        if run is not None and self._opened() >= run:
            return f"the cap of {run} in a run is reached"
        if self._one("SELECT count(*) FROM dockfix_opening WHERE at > ?", self._now() - 3600) >= hour:
            return f"the cap of {hour} in an hour is reached"
        return None

    def release(self, number: int) -> None:
        """Give back what :meth:`reserve` took: the pull request was not opened."""
        self._database.run("DELETE FROM dockfix_opening WHERE id = ?", number)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def _opened(self) -> int:
        return self._one("SELECT count(*) FROM dockfix_opening WHERE run = ?", self.run)

    def _one(self, query: str, *values: object) -> int:
        ((found,),) = self._database.run(query, *values)
        assert isinstance(found, int)
        return found
