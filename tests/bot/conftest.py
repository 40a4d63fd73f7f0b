"""A forge in memory, a clock that does not take time, and the bot between them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from dockfix import registry
from dockfix.bot.campaign import Campaign, Enter, Fetch, Record
from dockfix.bot.credentials import Token
from dockfix.bot.findings import Findings, findings
from dockfix.bot.forge import Entry, Forge
from dockfix.bot.github import GitHub
from dockfix.bot.http import Credential, Http
from dockfix.bot.pace import Clock, Pace
from dockfix.bot.secret import Secret
from dockfix.bot.settings import Settings
from dockfix.bot.state import State
from dockfix.bot.throughgit import through_git
from dockfix.bot.tree import TreeFiles

from .gitserver import TOKEN
from .hub import Answer, CutError, Hub
from .rules import TRANSFORMS


def forms(secret: str) -> Iterator[str]:
    """The secret as it is, and within base64 wherever it may begin."""
    yield secret
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + secret.encode()).decode()
        yield encoded[4:-4]


@dataclass
class Time:
    """Seconds that pass only by sleeping."""

    seconds: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda: self.seconds, self.sleep)


def transport(hub: Hub) -> httpx.MockTransport:
    """What carries requests to *hub*."""

    async def handle(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        target = request.url.raw_path.decode()
        try:
            answer: Answer = hub.answer(request.method, target, dict(request.headers), await request.aread())
        except CutError:
            raise httpx.ReadError("the connection was cut", request=request) from None
        content = answer.data if isinstance(answer.data, bytes) else json.dumps(answer.data).encode()
        return httpx.Response(answer.status, headers=answer.headers, content=b"" if answer.data is None else content)

    return httpx.MockTransport(handle)


async def in_thread(entries: Mapping[str, Entry], settings: Settings, fetch: Fetch) -> Findings:
    """Plan in a thread of this process, which is quicker to start and knows the small transforms."""
    loop = asyncio.get_running_loop()

    def bridge(sha: str) -> bytes:
        async def fetched() -> bytes:
            return await fetch(sha)

        return asyncio.run_coroutine_threadsafe(fetched(), loop).result()

    return await asyncio.to_thread(findings, TreeFiles(entries, bridge), settings)


@dataclass
class Bot:
    """Runs of the bot against one hub with one state."""

    hub: Hub
    time: Time
    state: str
    credential: Credential = field(default_factory=lambda: Token(Secret(TOKEN)))
    as_app: bool = False
    messages: list[str] = field(default_factory=list)

    def forge(self, *, read_only: bool = False) -> Forge:
        pace = Pace(clock=self.time.clock, report=self.messages.append)
        http = Http(
            self.hub.base, self.credential, pace, self.hub.headers, read_only=read_only, transport=transport(self.hub)
        )
        return self.hub.connect(http, as_app=self.as_app)

    def github(self, *, read_only: bool = False) -> GitHub:
        forge = self.forge(read_only=read_only)
        assert isinstance(forge, GitHub)
        return forge

    def run(
        self, *names: str, jobs: int = 4, resume: bool = False, enter: Enter | None = None, **settings: Any
    ) -> dict[str, Record]:
        """A run over the repositories, all of the hub's if none is named; what became of each that was visited."""
        records: dict[str, Record] = {}

        def report(record: Record) -> None:
            records[record.name] = record

        async def run() -> None:
            forge = self.forge(read_only=bool(settings.get("dry_run")))
            state = State(self.state, lambda: self.time.seconds)
            try:
                state.begin(resume=resume)
                way = enter or (partial(through_git, forge) if self.hub.through_git else None)
                campaign = Campaign(forge, Settings(**settings), in_thread, state, report, jobs, way)
                await campaign.run(each(names or tuple(self.hub.repos)))
                state.finish(run=campaign.settings.caps.run)
            finally:
                state.close()
                await forge.close_connections()

        self.hub.requests.clear()
        asyncio.run(run())
        return records


async def each(names: tuple[str, ...]) -> AsyncIterator[str]:
    for name in names:
        yield name


@pytest.fixture(autouse=True)
def transforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "transforms", lambda: TRANSFORMS)


@pytest.fixture
def hub(request: pytest.FixtureRequest) -> Iterator[Hub]:
    """A forge, to which no request may be sent that its description does not allow: GitHub, or what a test asks for."""
    made: Hub = getattr(request, "param", Hub)()
    try:
        yield made
        assert made.violations == []
    finally:
        made.close()


@pytest.fixture
def bot(hub: Hub, tmp_path: Path) -> Bot:
    return Bot(hub, Time(), str(tmp_path / "state.sqlite"))
