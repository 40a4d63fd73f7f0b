"""Where the state of the bot can lie: a file of SQLite, or PostgreSQL, which several machines share.

Both are told the same SQL with ``?`` for each value; what they differ in is the protocol below. SQLAlchemy would take
longer to import than the bot, for a dozen queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol


class StateError(Exception):
    """The state cannot be used; ``str()`` says why, without any secret."""


class Database(Protocol):
    """A database with the tables of the bot.

    Every method may raise :class:`StateError`.
    """

    @property
    def place(self) -> str:
        """What a person is told of where it lies."""
        ...

    @property
    def numbered(self) -> str:
        """The type of a column that numbers its rows."""
        ...

    def has_tables(self) -> bool:
        """Whether the bot's tables are there; :class:`StateError` where others are in the way."""
        ...

    def run(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query, all at once."""
        ...

    def insert(self, query: str, *values: object) -> int:
        """The number of the row that a query inserts."""
        ...

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one after the other, however many they are."""
        ...

    def alone(self) -> AbstractContextManager[None]:
        """A transaction beside which nobody else is in one."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def opened(place: str, *, create: bool) -> Database:
    """The database at *place*.

    Args:
        place: the URL of a PostgreSQL database, or the path of a file; empty for a file that is gone at the end.
        create: make the file where there is none.

    Raises:
        StateError: it cannot be reached, or psycopg is not installed.
    """
    if place.partition("://")[0] in {"postgresql", "postgres"}:
        try:
            from dockfix.bot.postgres import Postgres
        except ImportError as error:
            missing = error.name or "libpq"
            raise StateError(f"{missing} is missing: pip install 'dockfix[postgres]'") from None
        return Postgres(place)
    from dockfix.bot.sqlite import Sqlite

    return Sqlite(place, create=create)
