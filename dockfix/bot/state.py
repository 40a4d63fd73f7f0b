"""What became of each repository, kept in SQLite, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

VERSION = 1
_TABLES = """
CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, started REAL NOT NULL, finished REAL);
CREATE TABLE repository (
    run INTEGER NOT NULL REFERENCES run, name TEXT NOT NULL, outcome TEXT NOT NULL, record TEXT NOT NULL,
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
            # Several shards on one machine may share a file.
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

    def begin(self, *, resume: bool) -> None:
        """Start a run, or go on with the last one if it was not finished and *resume* is wanted."""
        last = self._database.execute("SELECT id, finished FROM run ORDER BY id DESC LIMIT 1").fetchone()
        if resume and last is not None and last[1] is None:
            self.run = last[0]
            return
        done = self._database.execute("INSERT INTO run (started) VALUES (?)", (self._now(),))
        assert done.lastrowid is not None
        self.run = done.lastrowid

    def finish(self) -> None:
        """Note that the run has come to its end."""
        self._database.execute("UPDATE run SET finished = ? WHERE id = ?", (self._now(), self.run))

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
        return self._one("SELECT count(*) FROM repository WHERE run = ? AND name = ?", self.run, name) > 0

    def record(self, name: str, outcome: str, record: dict[str, Any]) -> None:
        """Note what became of a repository."""
        self._database.execute(
            "INSERT INTO repository (run, name, outcome, record) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (run, name) DO UPDATE SET outcome = excluded.outcome, record = excluded.record",
            (self.run, name, outcome, json.dumps(record)),
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
            if self._one("SELECT count(*) FROM opening WHERE at > ?", self._now() - 3600) >= hour:
                return f"{hour} pull requests were opened in an hour"
            if run is not None and self._one("SELECT count(*) FROM opening WHERE run = ?", self.run) >= run:
                return f"{run} pull requests were opened in this run"
            done = self._database.execute(
                "INSERT INTO opening (run, name, at) VALUES (?, ?, ?)", (self.run, name, self._now())
            )
            assert done.lastrowid is not None
            return done.lastrowid
        finally:
            self._database.execute("COMMIT")

    def release(self, number: int) -> None:
        """Give back what :meth:`reserve` took: the pull request was not opened."""
        self._database.execute("DELETE FROM opening WHERE id = ?", (number,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _one(self, query: str, *values: object) -> int:
        found: tuple[int] = self._database.execute(query, values).fetchone()
        return found[0]
