"""Which repositories a campaign is about, and how they are shared out among machines."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.bot.forge import ForgeError

if TYPE_CHECKING:
    from dockfix.bot.forge import Forge


async def names(
    forge: Forge | None, repositories: Sequence[str], files: Sequence[str], organisations: Sequence[str]
) -> AsyncIterator[str]:
    """The names of repositories: those given, those in files, then those of organisations.

    Args:
        forge: asked for the repositories of organisations.
        repositories: names.
        files: files with a name a line; ``#`` begins a comment.
        organisations: names of organisations or accounts.

    Raises:
        ForgeError: a file cannot be read, or the forge does not answer.
    """
    for name in repositories:
        yield name
    for path in files:
        try:
            with Path(path).open(encoding="utf-8") as file:
                for line in file:
                    name = line.partition("#")[0].strip()
                    if name:
                        yield name
        except (OSError, UnicodeDecodeError) as error:
            raise ForgeError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    for organisation in organisations:
        assert forge is not None
        async for name in forge.remotes(organisation):
            yield name


def shard_of(name: str, count: int) -> int:
    """Which of *count* shards a repository belongs to: always the same, on every machine."""
    return int.from_bytes(hashlib.sha256(name.lower().encode()).digest()[:8], "big") % count
