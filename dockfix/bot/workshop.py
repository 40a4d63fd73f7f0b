"""Where plans are made while the event loop goes on: other threads, which ask the loop for the blobs that they need."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dockfix.bot.findings import findings
from dockfix.bot.tree import TreeFiles

if TYPE_CHECKING:
    from dockfix.bot.campaign import Fetch
    from dockfix.bot.findings import Findings
    from dockfix.bot.forge import Entry
    from dockfix.bot.settings import Settings


async def in_thread(entries: Mapping[str, Entry], settings: Settings, fetch: Fetch) -> Findings:
    """Plan in a thread of this process."""
    loop = asyncio.get_running_loop()

    def bridge(sha: str) -> bytes:
        async def fetched() -> bytes:
            return await fetch(sha)

        return asyncio.run_coroutine_threadsafe(fetched(), loop).result()

    return await asyncio.to_thread(findings, TreeFiles(entries, bridge), settings)
