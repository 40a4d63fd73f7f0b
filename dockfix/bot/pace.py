"""How fast the bot may go: GitHub's advice to integrators, and waiting when a forge asks for it.

Writes one after the other, at least a second apart, no more than 80 a minute and 500 an hour:
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api and
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, so that a test need not wait for it.

    Attributes:
        now: seconds that only ever grow.
        epoch: seconds since 1970, which is how forges tell when a limit ends.
        sleep: waits.
    """

    now: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Rates:
    """The most writes.

    Attributes:
        gap: seconds between two writes.
        minute: writes in any minute.
        hour: writes in any hour.
    """

    gap: float = 1.0
    minute: int = 80
    hour: int = 500


UNLIMITED = Rates(gap=0, minute=1_000_000_000, hour=1_000_000_000)
"""For a server of one's own: GitHub Enterprise Server has no limits unless its administrator sets some."""


@dataclass(slots=True)
class Pace:
    """Holds requests back: all of them while the forge asks for it, writes so that they keep to the rates.

    Attributes:
        rates: the most writes.
        clock: the time.
        report: told of every long wait.
    """

    rates: Rates = field(default_factory=Rates)
    clock: Clock = field(default_factory=Clock)
    report: Callable[[str], None] = lambda message: None
    _resume: float = 0.0
    _written: deque[float] = field(default_factory=deque)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def pause(self, seconds: float, why: str) -> None:
        """Let no request through for *seconds*."""
        until = self.clock.now() + seconds
        if until > self._resume:
            self._resume = until
            self.report(f"waiting {seconds:.0f} s: {why}")

    async def reading(self) -> None:
        """Wait until a request may be sent."""
        while (left := self._resume - self.clock.now()) > 0:
            await self.clock.sleep(left)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """One write, alone, once the rates allow it."""
        async with self._writing:
            while (left := self._until_write() - self.clock.now()) > 0:
                await self.clock.sleep(left)
            try:
                yield
            finally:
                self._written.append(self.clock.now())

    def _until_write(self) -> float:
        now = self.clock.now()
        while self._written and self._written[0] <= now - 3600:
            self._written.popleft()
        times = [self._resume]
        if self._written:
            times.append(self._written[-1] + self.rates.gap)
        for most, span in ((self.rates.minute, 60.0), (self.rates.hour, 3600.0)):
            if len(self._written) >= most:
                times.append(self._written[-most] + span)
        return max(times)
