"""Sorted tables in files: read on first use, searched without parsing what is not asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from pathlib import Path


class Table:
    """A tab-separated file, sorted by the bytes of its first column.

    The first line is a comment with origin and date of the facts, the second names the columns.
    A look-up bisects the raw bytes, so that a table of a megabyte costs one read and a dozen comparisons.

    Args:
        name: file name in this folder.
    """

    def __init__(self, name: str) -> None:
        self.path = Path(__file__).with_name(name)
        self._data: bytes | None = None
        self._start = 0
        self._found: dict[str, dict[str, str] | None] = {}
        self.origin = ""
        self.columns: tuple[str, ...] = ()

    def _load(self) -> bytes:
        if self._data is None:
            data = self.path.read_bytes()
            comment, columns, _ = data.split(b"\n", 2)
            self.origin = comment.decode().removeprefix("# origin: ")
            self.columns = tuple(columns.decode().split("\t"))
            self._start = len(comment) + len(columns) + 2
            self._data = data
        return self._data

    def _line_start(self, position: int) -> int:
        return max(self._start, self._load().rfind(b"\n", 0, position) + 1)

    def _key_at(self, position: int) -> bytes:
        data = self._load()
        start = self._line_start(position)
        return data[start : data.index(b"\n", start)].split(b"\t", 1)[0]

    def row(self, key: str) -> dict[str, str] | None:
        """The row whose first column is *key*, by column name; None when there is none."""
        if key not in self._found:
            row = next(self.prefixed(key), None)
            self._found[key] = row if row is not None and row[self.columns[0]] == key else None
        return self._found[key]

    def prefixed(self, prefix: str) -> Iterator[dict[str, str]]:
        """The rows whose first column begins with *prefix*, in order."""
        wanted = prefix.encode()
        data = self._load()
        found = bisect_left(range(len(data)), wanted, lo=self._start, key=self._key_at)
        position = self._line_start(found) if found < len(data) else found
        while data.startswith(wanted, position) and position < len(data):
            end = data.index(b"\n", position)
            yield dict(zip(self.columns, data[position:end].decode().split("\t"), strict=True))
            position = end + 1

    def rows(self) -> Iterator[dict[str, str]]:
        """Every row, in order."""
        return self.prefixed("")


@cache
def table(name: str) -> Table:
    """The one :class:`Table` of the file ``name.tsv``; nothing is read before its first look-up."""
    return Table(f"{name}.tsv")
