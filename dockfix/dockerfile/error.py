"""The errors of this package."""

from __future__ import annotations


class DockerfileError(Exception):
    """A Dockerfile that no builder would accept, with the place that is wrong.

    Attributes:
        path: the file as the caller named it.
        line: the 1-based line.
        message: what is wrong there.
    """

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(path, line, message)
        self.path = path
        self.line = line
        self.message = message

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class LedgerError(ValueError):
    """An instruction or a comment of the original would be lost or doubled."""
