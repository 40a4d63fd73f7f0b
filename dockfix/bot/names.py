"""Which repositories a campaign is about, and how they are shared out among machines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.bot.forge import ForgeError

if TYPE_CHECKING:
    from dockfix.bot.forge import Forge
    from dockfix.bot.state import Shard


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


async def share(names: AsyncIterator[str], shard: Shard) -> AsyncIterator[str]:
    """Of *names*, those that belong to a shard."""
    async for name in names:
        if shard_of(name, shard.count) == shard.index:
            yield name


def selection(url: str, repositories: Sequence[str], files: Sequence[str], organisations: Sequence[str]) -> str:
    """What names the selection of a campaign, all of its shards together, so that no other one's run is resumed.

    Args:
        url: the forge.
        repositories: names.
        files: files with names, told apart by what they hold, or by their paths where they can be read but once.
        organisations: names of organisations or accounts.
    """
    parts = [
        url,
        "",
        *sorted(repositories),
        "",
        *sorted(organisations),
        "",
        *map(_told, files),
    ]
    return sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _told(path: str) -> str:
    with suppress(OSError):  # is told by who reads the names
        if Path(path).is_file():
            return sha256(Path(path).read_bytes()).hexdigest()
    return path


def shard_of(name: str, count: int) -> int:
    """Which of *count* shards a repository belongs to: always the same, on every machine."""
    return int.from_bytes(sha256(name.lower().encode()).digest()[:8], "big") % count
