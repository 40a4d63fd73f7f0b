"""The state in PostgreSQL, which the shards of a campaign share from wherever they run.

psycopg does the work: https://www.psycopg.org/psycopg3/docs/. A password that is not in the URL is found where every
program finds it that is built on libpq: ``PGPASSWORD``, a password file, a service file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dockfix.bot.database import StateError
from dockfix.bot.secret import Secret

T = TypeVar("T")

LOCK = 0x646F636B
"""The number of the lock that whoever is alone holds; it is no table's, since they may not be there yet."""
SECONDS = 30
"""How long somebody else may be alone."""


class Postgres:
    """A connection with a PostgreSQL database, made anew where it broke while nothing depended on it.

    Args:
        url: the database: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS

    Raises:
        StateError: it is no such URL, or the server cannot be reached.
    """

    numbered = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"

    def __init__(self, url: str) -> None:
        try:
            parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        except psycopg.Error:  # whose words are the URL, with its password
            raise StateError("the state is not at a URL of PostgreSQL: postgresql://USER@HOST/DATABASE") from None
        self.place = f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}"
        self._url = Secret(url)
        self._hidden = [Secret(parts[name]) for name in ("password", "sslpassword") if name in parts]
        self._alone = False
        with self._told():
            self._connection = self._connected()

    def has_tables(self) -> bool:
        return self.run("SELECT to_regclass('dockfix_state')") != [(None,)]

    def run(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._asked(lambda cursor: cursor.fetchall() if cursor.description else [], query, values)

    def insert(self, query: str, *values: object) -> int:
        ((number,),) = self.run(f"{query} RETURNING id", *values)
        assert isinstance(number, int)
        return number

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with self._told(), self._connection.transaction(), self._connection.cursor("each") as cursor:
            cursor.execute(_asked(query), values)
            yield from cursor

    @contextmanager
    def alone(self) -> Iterator[None]:
        self.run("BEGIN")
        self._alone = True
        try:
            self.run(f"SET LOCAL lock_timeout = '{SECONDS}s'")
            self.run(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield
            self.run("COMMIT")
        except BaseException:
            if not self._connection.closed:
                self.run("ROLLBACK")
            raise
        finally:
            self._alone = False

    def close(self) -> None:
        self._connection.close()

    def _asked(self, answer: Callable[[psycopg.Cursor[Any]], T], query: str, values: tuple[object, ...]) -> T:
        """What is made of the answer to a query, which is repeated once where the connection turns out to be gone: a
        campaign waits for hours at times, and outside of a transaction every query may take place twice.
        """
        with self._told():
            try:
                return answer(self._connection.execute(_asked(query), values))
            except psycopg.OperationalError:
                if self._alone or not self._connection.closed:
                    raise
            self._connection = self._connected()
            return answer(self._connection.execute(_asked(query), values))

    def _connected(self) -> psycopg.Connection[Any]:
        # prepared statements would keep poolers out: https://www.psycopg.org/psycopg3/docs/advanced/prepare.html
        return psycopg.connect(
            self._url.reveal(), autocommit=True, prepare_threshold=None, fallback_application_name="dockfix"
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            message = " ".join(str(error).split())
            for secret in (self._url, *self._hidden):
                message = secret.scrub(message)
            raise StateError(f"{self.place}: {message}") from None


def _asked(query: str) -> bytes:
    """*query* as psycopg takes it: https://www.psycopg.org/psycopg3/docs/basic/params.html"""
    return query.replace("?", "%s").encode()
