"""An ordinary line to the internet: an HTTP proxy that passes bytes on as slowly and as late as the line would.

    python benchmarks/line.py --mbit 50 --rtt 30 --address 172.17.0.1

All connections share the line, each way has the whole rate, and what was sent arrives half a round trip later; the
answer to CONNECT takes a whole one, as TCP's handshake would. Slow start and loss are left out, so that a real line is
rather worse. Docker hands a build ``HTTP_PROXY`` and its like without an ARG, and they do not count in its cache
(https://docs.docker.com/reference/dockerfile/#predefined-args).
"""

from __future__ import annotations

import argparse
import asyncio
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")
"""Programs differ in which they look at."""

_CHUNK = 8192
_AHEAD = 0.005
"""Seconds' worth of bytes that wait in a modem: without them the line would idle while asyncio oversleeps."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line: megabits a second each way, and milliseconds there and back."""

    mbit: float
    rtt: float

    def __str__(self) -> str:
        return f"{self.mbit:g} Mbit/s, {self.rtt:g} ms"


@contextmanager
def opened(line: Line, address: str = "127.0.0.1", port: int = 0) -> Iterator[dict[str, str]]:
    """The variables that send a program over *line*, as long as they are needed.

    Args:
        line: the line.
        address: where the proxy listens, which the program has to reach.
        port: its port; by default a free one.

    Raises:
        OSError: it cannot listen there.
    """
    loop = asyncio.new_event_loop()
    proxy = _Proxy(line)
    server = loop.run_until_complete(asyncio.start_server(proxy.serve, address, port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield dict.fromkeys(VARIABLES, f"http://{address}:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_called_off(asyncio.all_tasks(loop)))
        loop.close()


async def _called_off(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Way:
    """One way of the line: bytes leave one after another at its rate."""

    def __init__(self, line: Line) -> None:
        self.bytes_per_second = line.mbit * 1e6 / 8
        self.late = line.rtt / 1000 / 2
        self.free = 0.0

    async def sent(self, size: int) -> float:
        """Wait until *size* bytes are on their way; the moment at which they arrive."""
        self.free = free = max(self.free, time.monotonic()) + size / self.bytes_per_second
        await asyncio.sleep(max(0.0, free - _AHEAD - time.monotonic()))
        return free + self.late


class _Proxy:
    def __init__(self, line: Line) -> None:
        self.line = line
        self.up, self.down = _Way(line), _Way(line)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client, until either end closes."""
        # cancelled: the line was closed, and asyncio would complain of whoever still used it
        unanswered = (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
        with suppress(*unanswered, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            tunnel = method == "CONNECT"
            address = urlsplit(f"//{target}" if tunnel else target)
            far, away = await asyncio.open_connection(address.hostname, address.port or 80)
            await asyncio.sleep(self.line.rtt / 1000)
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                away.write(_origin_form(head, target))
            await asyncio.gather(_pass(reader, away, self.up), _pass(far, writer, self.down))
        writer.close()


def _origin_form(head: bytes, target: str) -> bytes:
    """A request as a server wants it, which is to close the connection: the next one may be for another server."""
    first, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    _, _, path = target.partition("://")[2].partition("/")
    kept = [field for field in fields if not field.lower().startswith((b"proxy-", b"connection:"))]
    line = first.replace(target.encode("latin-1"), f"/{path}".encode("latin-1"))
    return b"\r\n".join([line, *kept, b"Connection: close", b"", b""])


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: _Way) -> None:
    """Carry bytes from one end to the other until there are no more, and close that end then."""
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            arrival, chunk = await under_way.get()
            await asyncio.sleep(max(0.0, arrival - time.monotonic()))
            if not chunk:
                break
            sink.write(chunk)
            await sink.drain()
        sink.close()

    delivery = asyncio.create_task(deliver())
    with suppress(OSError):
        while chunk := await source.read(_CHUNK):
            under_way.put_nowait((await way.sent(len(chunk)), chunk))
    under_way.put_nowait((time.monotonic() + way.late, b""))
    await delivery


def main() -> None:
    """Keep a line open until interrupted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mbit", type=float, default=50, help="megabits a second, each way (default: %(default)s)")
    parser.add_argument("--rtt", type=float, default=30, help="milliseconds there and back (default: %(default)s)")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="by default a free one")
    given = parser.parse_args()
    with opened(Line(given.mbit, given.rtt), given.address, given.port) as variables:
        print(*(f"--build-arg {name}={value}" for name, value in variables.items()), sep="\n", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
