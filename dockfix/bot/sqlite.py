"""The state in a file of SQLite, which several processes of one machine may share."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from dockfix.bot.database import StateError

SECONDS = 30
"""How long another process may keep the file to itself."""


class Sqlite:
    """A file of SQLite. Every step is on disk when its method returns.

    Args:
        place: the file; empty for a temporary one.
        create: make it where there is none.

    Raises:
        StateError: it cannot be opened.
    """

    numbered = "INTEGER PRIMARY KEY AUTOINCREMENT"

    def __init__(self, place: str, *, create: bool) -> None:
        self.place = place
        if not create and not Path(place).is_file():
            raise StateError(f"{place}: there is no such file")
        with self._told():
            self._connection = sqlite3.connect(place, isolation_level=None, timeout=SECONDS)

    def has_tables(self) -> bool:
        tables = {name for (name,) in self.run("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and "dockfix_state" not in tables:
            raise StateError(f"{self.place}: a database of something else, or of another version of dockfix")
        return bool(tables)

    def run(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._told():
            return self._connection.execute(query, values).fetchall()

    def insert(self, query: str, *values: object) -> int:
        with self._told():
            number = self._connection.execute(query, values).lastrowid
        assert number is not None
        return number

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with self._told(), closing(self._connection.execute(query, values)) as cursor:
            yield from cursor

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"{self.place}: {error}") from None
