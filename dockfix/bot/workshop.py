"""Where plans are made: in processes of their own, which are given no token and need no network.

Planning is work for a processor, reads what strangers wrote, and parses it with libraries written in C. So a file that
takes for ever, or all memory, or brings a parser down, costs its own repository and no other; and several processors
work at a time. A process asks for each blob of its repository that it needs, and is given it; its answers are data of
known types, nothing else.

It is no sandbox: a parser that a file has taken over may do what the account that runs the bot may do, and the network
is not closed to it. `concealment` keeps the token in this process's memory and environment from it.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from dockfix.bot.bench import WIDTH, Answer, Blob, Job
from dockfix.bot.forge import ForgeError
from dockfix.bot.plaindata import loaded
from dockfix.bot.tree import TreeError

if TYPE_CHECKING:
    from dockfix.bot.campaign import Fetch
    from dockfix.bot.findings import Findings
    from dockfix.bot.forge import Entry
    from dockfix.bot.settings import Settings

SECONDS = 120.0
"""How long a process may think without asking for anything."""
JOBS = 200
"""After so many repositories a process is replaced by a fresh one, so that no library's memory grows for ever."""
LARGEST_ANSWER = 100_000_000
_KEPT = frozenset({"PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"})


class WorkshopError(Exception):
    """dockfix itself failed; ``str()`` is what a process had to say of it."""


@dataclass
class _Worker:
    process: asyncio.subprocess.Process
    jobs: int = 0

    async def send(self, message: object) -> None:
        data = pickle.dumps(message)
        assert self.process.stdin is not None
        self.process.stdin.write(len(data).to_bytes(WIDTH, "big") + data)
        await self.process.stdin.drain()

    async def receive(self) -> Answer:
        """The next answer.

        Raises:
            TimeoutError: it does not come.
            EOFError: the process has died.
            ForgeError: it is none, or too large.
        """
        assert self.process.stdout is not None
        with anyio.fail_after(SECONDS):
            try:
                length = int.from_bytes(await self.process.stdout.readexactly(WIDTH), "big")
                if length > LARGEST_ANSWER:
                    raise ForgeError(f"planning answered with {length:,} bytes; at most {LARGEST_ANSWER:,} are read")
                data = await self.process.stdout.readexactly(length)
            except asyncio.IncompleteReadError:
                raise EOFError from None
        try:
            return loaded(Answer, data)
        except ValueError as error:
            raise ForgeError(f"planning gave an answer that is none: {error}") from None

    async def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@dataclass
class Workshop:
    """Processes that make plans, started when they are needed.

    Attributes:
        places: how many work at a time.
    """

    places: asyncio.Queue[_Worker | None]

    async def plan(self, entries: Mapping[str, Entry], settings: Settings, fetch: Fetch) -> Findings:
        """The findings of a repository.

        Args:
            entries: its tree.
            settings: what the operator asks for.
            fetch: gives the bytes of a blob.

        Raises:
            ForgeError: too much would have to be read or thought, or *fetch* fails.
            WorkshopError: dockfix itself failed.
        """
        worker = await self.places.get()
        kept: _Worker | None = None
        try:
            if worker is None:
                worker = await _start()
            found = await _planned(worker, Job(dict(entries), settings), fetch)
            worker.jobs += 1
            kept = worker if worker.jobs < JOBS else None
            return found
        except TreeError:
            kept = worker
            raise
        finally:
            self.places.put_nowait(kept)
            if worker is not None and kept is None:
                await worker.end()


@asynccontextmanager
async def workshop(places: int) -> AsyncIterator[Workshop]:
    """A :class:`Workshop`, whose processes end with it."""
    queue: asyncio.Queue[_Worker | None] = asyncio.Queue()
    for _ in range(places):
        queue.put_nowait(None)
    try:
        yield Workshop(queue)
    finally:
        while not queue.empty():
            worker = queue.get_nowait()
            if worker is not None:
                await worker.end()


async def _start() -> _Worker:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dockfix.bot.bench",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name in _KEPT},
        cwd=os.sep,  # Python would import modules from the current folder first
        start_new_session=True,
    )
    return _Worker(process)


async def _planned(worker: _Worker, job: Job, fetch: Fetch) -> Findings:
    blobs = {entry.sha for entry in job.entries.values()}
    try:
        await worker.send(job)
        while True:
            answer = await worker.receive()
            if answer.refused is not None:
                raise TreeError(answer.refused)
            if answer.broken is not None:
                raise WorkshopError(answer.broken)
            if answer.done is not None:
                return answer.done
            if answer.wanted not in blobs:  # it becomes part of an address that the token goes to
                raise ForgeError("planning asked for a blob that the tree does not hold")
            await worker.send(Blob(await fetch(answer.wanted)))
    except TimeoutError:
        raise ForgeError(f"planning took more than {SECONDS:.0f} s") from None
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise ForgeError("planning came to an unexpected end, or took too much memory") from None
