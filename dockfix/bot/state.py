"""What became of each repository, kept in SQLite, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

VERSION = 2
KEPT = 24 * 3600.0
"""Seconds for which a finished run is kept; one that was killed, for thirty times as long."""
_TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, selection TEXT NOT NULL, started REAL NOT NULL, finished REAL
);
CREATE TABLE repository (
    run INTEGER NOT NULL REFERENCES run, name TEXT NOT NULL, outcome TEXT NOT NULL, record TEXT NOT NULL,
    waits INTEGER NOT NULL,
    PRIMARY KEY (run, name)
);
CREATE TABLE opening (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES run, name TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX opening_at ON opening (at);
"""


class StateError(Exception):
    """The file is not a state of the bot, or cannot be used."""


class State:
    """The state of the bot. Every step is on disk when its method returns.

    Args:
        path: the file; empty for a temporary one, which is gone at the end.
        now: seconds since 1970.

    Raises:
        StateError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        self._now = now
        try:
            self._database = sqlite3.connect(path, isolation_level=None, timeout=30)
            # Several campaigns, or shards of one, may share a file; each resumes runs of its own selection.
            self._database.execute("PRAGMA busy_timeout = 30000")
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._create()
            elif version != VERSION:
                raise StateError(f"{path}: made by another version of dockfix")
        except sqlite3.Error as error:
            raise StateError(f"{path}: {error}") from None
        self.run = 0

    def _create(self) -> None:
        if self._database.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            raise StateError("the file is a database of something else")
        self._database.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {VERSION};COMMIT;")

    def begin(self, selection: str = "", *, resume: bool) -> None:
        """Start a run, or go on with the last one if it was not finished and *resume* is wanted.

        Args:
            selection: names what the run is about; one that is about something else is not gone on with.
            resume: go on.
        """
        last = self._database.execute(
            "SELECT id, finished FROM run WHERE selection = ? ORDER BY id DESC LIMIT 1", (selection,)
        ).fetchone()
        if resume and last is not None and last[1] is None:
            self.run = last[0]
        else:
            done = self._database.execute(
                "INSERT INTO run (selection, started) VALUES (?, ?)", (selection, self._now())
            )
            assert done.lastrowid is not None
            self.run = done.lastrowid
        self._prune()

    def _prune(self) -> None:
        """Forget what no run, cap or page asks for any more."""
        now = self._now()
        old = "SELECT id FROM run WHERE id != ? AND (finished < ? OR started < ?)"
        values = (self.run, now - KEPT, now - 30 * KEPT)
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute(f"DELETE FROM repository WHERE run IN ({old})", values)  # noqa: S608
        self._database.execute(f"DELETE FROM opening WHERE at < ? AND run IN ({old})", (now - 3600, *values))  # noqa: S608
        self._database.execute(
            "DELETE FROM run WHERE id != ? AND (finished < ? OR started < ?)"
            " AND id NOT IN (SELECT run FROM opening UNION SELECT run FROM repository)",
            values,
        )
        self._database.execute("COMMIT")

    def finish(self, *, run: int | None = None) -> bool:
        """Note that the run has come to its end, unless repositories wait for another hour: those are left to the next.

        Args:
            run: the most pull requests of the run; where they are opened, nothing waits any more.
        """
        waiting = self._one("SELECT count(*) FROM repository WHERE run = ? AND waits", self.run)
        if waiting and (run is None or self._opened() < run):
            return False
        self._database.execute("UPDATE run SET finished = ? WHERE id = ?", (self._now(), self.run))
        return True

    def look_back(self) -> None:
        """Turn to the last run.

        Raises:
            StateError: there was none.
        """
        last = self._database.execute("SELECT max(id) FROM run").fetchone()[0]
        if last is None:
            raise StateError("no run is kept there")
        self.run = last

    def is_done(self, name: str) -> bool:
        """Whether this run has dealt with a repository."""
        query = "SELECT count(*) FROM repository WHERE run = ? AND name = ? AND NOT waits"
        return self._one(query, self.run, name) > 0

    def record(self, name: str, outcome: str, record: dict[str, Any], *, waits: bool = False) -> None:
        """Note what became of a repository; one that *waits* for room under a cap is not done."""
        self._database.execute(
            "INSERT INTO repository (run, name, outcome, record, waits) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (run, name) DO UPDATE"
            " SET outcome = excluded.outcome, record = excluded.record, waits = excluded.waits",
            (self.run, name, outcome, json.dumps(record), waits),
        )

    def records(self) -> Iterator[dict[str, Any]]:
        """What became of each repository of this run, one after the other."""
        with closing(self._database.cursor()) as cursor:
            cursor.execute("SELECT record FROM repository WHERE run = ? ORDER BY name", (self.run,))
            for (record,) in cursor:
                yield json.loads(record)

    def counts(self) -> dict[str, int]:
        """How many repositories of this run came to each outcome."""
        rows = self._database.execute(
            "SELECT outcome, count(*) FROM repository WHERE run = ? GROUP BY outcome ORDER BY 2 DESC", (self.run,)
        )
        return dict(rows.fetchall())

    def reserve(self, name: str, *, hour: int, run: int | None) -> int | str:
        """Take one of the pull requests that may be opened; its number, or why there is none left."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            spent = self.spent(hour=hour, run=run)
            if spent is not None:
                return spent
            done = self._database.execute(
                "INSERT INTO opening (run, name, at) VALUES (?, ?, ?)", (self.run, name, self._now())
            )
            assert done.lastrowid is not None
            return done.lastrowid
        finally:
            self._database.execute("COMMIT")

    def spent(self, *, hour: int, run: int | None) -> str | None:
        """Why no pull request may be opened now, if none may."""
        if run is not None and self._opened() >= run:
            return f"{run} pull requests were opened in this run"
        if self._one("SELECT count(*) FROM opening WHERE at > ?", self._now() - 3600) >= hour:
            return f"{hour} pull requests were opened in an hour"
        return None

    def release(self, number: int) -> None:
        """Give back what :meth:`reserve` took: the pull request was not opened."""
        self._database.execute("DELETE FROM opening WHERE id = ?", (number,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _opened(self) -> int:
        return self._one("SELECT count(*) FROM opening WHERE run = ?", self.run)

    def _one(self, query: str, *values: object) -> int:
        found: tuple[int] = self._database.execute(query, values).fetchone()
        return found[0]
