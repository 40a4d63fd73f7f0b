"""The HTTP client that the forges' modules share.

Why not a library for each forge: PyGithub and python-gitlab block a thread for each request, of which thousands of
repositories would need hundreds; PyGithub repeats every POST after a 5xx by default, and none lets its caller look
whether a write took place before it is repeated. What is needed beside httpx is this module, and about 20 requests.

What it promises: a request goes to the forge's own host or nowhere; the token is in one header and nothing else; a read
is repeated after a failure; a write whose answer got lost is repeated only after its caller has looked for its result.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urljoin

import anyio
import httpx

from dockfix import __version__
from dockfix.bot.forge import ForgeError, RefusedError
from dockfix.bot.pace import Pace
from dockfix.bot.secret import Secret
from dockfix.report.text import printable

T = TypeVar("T")

READS = frozenset({"GET", "HEAD"})
TRIES = 4
"""How often a request is sent before it is given up, waits that the forge asks for aside."""
WAITS = 8
"""How often a forge may say that it is busy before a request is given up."""
LONGEST_WAIT = 2 * 3600.0
DEADLINE = 120.0
"""Seconds that one answer may take as a whole; a server may send a byte a second for ever."""
LARGEST_ANSWER = 96_000_000
REDIRECTS = 3
SECRETS = 256
"""The last tokens that are taken out of what a server says; more than there are requests at a time."""
_TIMEOUT = httpx.Timeout(30.0, pool=None)
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
# Nothing has been sent when these are raised.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers, and what its JSON holds."""

    status: int
    headers: Mapping[str, str]
    data: Any = None


class Credential(Protocol):
    """What a request is authorised with."""

    async def secret(self, owner: str | None) -> Secret | None:
        """What a request shows that is about something of *owner*; ``None`` for nothing."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


@dataclass(frozen=True)
class Http:
    """A client for one forge.

    Attributes:
        base: the address that every path is put behind, without a slash at the end.
        credential: what requests are authorised with.
        pace: how fast it may go.
        headers: sent with every request.
        read_only: refuse to send anything but reads, so that a dry run is one.
        transport: what carries requests; by default httpx's own.
    """

    base: str
    credential: Credential
    pace: Pace
    headers: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False
    transport: httpx.AsyncBaseTransport | None = None
    client: httpx.AsyncClient = field(init=False, repr=False)
    _secrets: deque[Secret] = field(default_factory=lambda: deque(maxlen=SECRETS), init=False, repr=False)

    def __post_init__(self) -> None:
        demand_safe(self.base)
        client = httpx.AsyncClient(
            headers={"User-Agent": f"dockfix/{__version__}", **self.headers},
            timeout=_TIMEOUT,
            follow_redirects=False,
            transport=self.transport,
        )
        object.__setattr__(self, "client", client)

    async def get(self, path: str, params: Mapping[str, str] | None = None, owner: str | None = None) -> Reply:
        """Read *path*.

        Args:
            path: what to read.
            params: the query.
            owner: whose it is, where the path does not tell.

        Raises:
            RefusedError: the forge answers with a status from 400 to 499.
            ForgeError: it cannot be reached, or fails again and again.
        """
        return await self._read(str(httpx.URL(self.base + path, params=params)), path, owner)

    async def find(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """What *path* holds; ``None`` where there is nothing. Arguments and errors as of :meth:`get`."""
        try:
            return (await self.get(path, params)).data
        except RefusedError as error:
            if error.status == 404:
                return None
            raise

    async def pages(
        self, path: str, params: Mapping[str, str] | None = None, key: str | None = None, owner: str | None = None
    ) -> AsyncIterator[Any]:
        """The items of a list, or of the list *key* of an object, through all of its pages; arguments as of `get`."""
        reply = await self.get(path, params, owner)
        while True:
            for item in reply.data if key is None else reply.data.get(key, ()):
                yield item
            following = _next(reply.headers.get("link", ""))
            if following is None:
                return
            reply = await self._read(self._own(following, "a next page"), path, owner)

    async def write(
        self,
        method: str,
        path: str,
        body: object,
        read: Callable[[Reply], T],
        settled: Callable[[], Awaitable[T | None]] | None = None,
        *,
        paced: bool = True,
    ) -> T:
        """Send a write, and never twice unless that is harmless.

        Args:
            method: POST, PATCH, PUT or DELETE.
            path: where to.
            body: what is sent as JSON; ``None`` sends nothing.
            read: makes the result of the answer.
            settled: looks whether the write took place although its answer got lost, and gives its result; ``None``
                where repeating it is harmless.
            paced: keep it to the rates of writes.

        Raises:
            RefusedError: the forge answers with a status from 400 to 499, or with a redirect that is not followed.
            ForgeError: it cannot be reached, or fails again and again.
        """
        if self.read_only:
            raise ForgeError(f"{method} {path}: nothing is written in a dry run")
        failure = ""
        url = self.base + path
        redirects = 0
        attempt = 0
        while attempt < TRIES:
            try:
                reply = await self._patient(method, url, path, body, paced=paced)
            except httpx.TransportError as error:
                failure = self._clean(_told(error))
                clear = isinstance(error, _UNSENT)
            else:
                if 200 <= reply.status < 300:
                    return read(reply)
                # 301 to 303 ask for a GET: https://www.rfc-editor.org/rfc/rfc9110#section-15.4
                if reply.status in (307, 308) and redirects < REDIRECTS:
                    redirects += 1
                    url = self._own(urljoin(url, reply.headers.get("location", "")), "a redirect")
                    continue
                if reply.status < 500:
                    raise self._refusal(method, path, reply)
                failure, clear = f"the server answered {reply.status}", False
            await self.pace.clock.sleep(2.0**attempt)
            attempt += 1
            if settled is not None and not clear:
                result = await settled()
                if result is not None:
                    return result
        raise ForgeError(f"{method} {path}: {failure}, {TRIES} times")

    async def entrusted(self, url: str, owner: str) -> Secret | None:
        """The token for a program that goes to *url*, which belongs to *owner*.

        Raises:
            ForgeError: it lies on another host than the API.
        """
        api, web = httpx.URL(self.base).host, httpx.URL(url).host
        if web not in {api, api.removeprefix("api.")}:
            raise ForgeError(f"{url}: lies on another host than the API, {api!r}, and gets no token")
        return await self.credential.secret(owner)

    async def close(self) -> None:
        """Close all connections, those of the credential too."""
        await self.client.aclose()
        await self.credential.close()

    async def _read(self, url: str, path: str, owner: str | None) -> Reply:
        failure = ""
        redirects = 0
        attempt = 0
        while attempt < TRIES:
            try:
                reply = await self._patient("GET", url, path, None, owner)
            except httpx.TransportError as error:
                failure = self._clean(_told(error))
            else:
                if reply.status in (301, 302, 307, 308) and redirects < REDIRECTS:
                    redirects += 1
                    url = self._own(urljoin(url, reply.headers.get("location", "")), "a redirect")
                    continue
                if 300 <= reply.status < 500:
                    raise self._refusal("GET", path, reply)
                if reply.status < 300:
                    return reply
                failure = f"the server answered {reply.status}"
            await self.pace.clock.sleep(2.0**attempt)
            attempt += 1
        raise ForgeError(f"GET {path}: {failure}, {TRIES} times")

    async def _patient(
        self, method: str, url: str, path: str, body: object, owner: str | None = None, *, paced: bool = True
    ) -> Reply:
        """Send a request, again where the forge says that it was not looked at because of a limit."""
        for count in range(WAITS):
            if method in READS or not paced:
                await self.pace.reading()
                reply = await self._send(method, url, body, owner or _owner(path))
            else:
                async with self.pace.writing():
                    reply = await self._send(method, url, body, owner or _owner(path))
            if not _limited(reply):
                if _limit(reply, "remaining") == "0":
                    self._pause(reply, count)
                return reply
            self._pause(reply, count)
        raise self._refusal(method, path, reply)

    def _pause(self, reply: Reply, count: int) -> None:
        seconds = _wait(reply, self.pace.clock.epoch(), count)
        if seconds > LONGEST_WAIT:
            raise ForgeError(f"the forge asks to wait {seconds:.0f} s")
        self.pace.pause(seconds, "the forge's limit of requests is reached")

    async def _send(self, method: str, url: str, body: object, owner: str | None) -> Reply:
        headers = {}
        secret = await self.credential.secret(owner)
        if secret is not None:
            if secret not in self._secrets:
                self._secrets.append(secret)
            headers["Authorization"] = f"Bearer {secret.reveal()}"
        request = self.client.build_request(method, url, json=body, headers=headers)
        try:
            # asyncio.wait_for of Python 3.11 may swallow the cancellation of a run: python/cpython#86296
            with anyio.fail_after(DEADLINE):
                return await self._receive(request)
        except TimeoutError:
            raise httpx.ReadTimeout("no whole answer in time", request=request) from None

    async def _receive(self, request: httpx.Request) -> Reply:
        response = await self.client.send(request, stream=True)
        try:
            parts: list[bytes] = []
            size = 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise ForgeError(
                        f"{request.method} {request.url.path}: an answer of more than {LARGEST_ANSWER:,} bytes"
                    )
                parts.append(part)
        finally:
            await response.aclose()
        data = b"".join(parts)
        if response.status_code >= 400:  # a server may quote what it was sent
            data = self._clean(data.decode("utf-8", "replace")).encode()
        return Reply(response.status_code, response.headers, _parsed(data, response.status_code, request))

    def _refusal(self, method: str, path: str, reply: Reply) -> RefusedError:
        return RefusedError(f"{method} {path}: {reply.status} {_message(reply.data)}".rstrip(), reply.status)

    def _clean(self, text: str) -> str:
        """*text*, which somebody else wrote, without any secret."""
        for secret in self._secrets:
            text = secret.scrub(text)
        return text

    def _own(self, url: str, what: str) -> str:
        """*url*, if it lies below the forge's own address: the token goes nowhere else."""
        here, there = httpx.URL(self.base), httpx.URL(url)
        if (here.scheme, here.host, _port(here)) != (there.scheme, there.host, _port(there)) or there.userinfo:
            raise ForgeError(f"{what} leads to another host, {there.host!r}, and is not followed")
        return url


def demand_safe(base: str) -> None:
    """Accept an address only where a token may be sent.

    Raises:
        ForgeError: it is not HTTPS, this machine aside, or holds a user name or a query.
    """
    url = httpx.URL(base)
    if url.userinfo or url.query or url.fragment or not url.host:
        raise ForgeError("the forge's address is a plain one, without user, query and fragment")
    if url.scheme != "https" and not (url.scheme == "http" and url.host in _LOCAL):
        raise ForgeError(
            f"the forge's address begins with https://, not {url.scheme}://: a token would be sent in the clear"
        )


def quoted(*parts: str, last: str = "") -> str:
    """A path of *parts*, each of which may hold slashes, and of *last*, whose slashes are quoted: a branch's, say."""
    path = "/" + "/".join(quote(part, safe="/:") for part in parts)
    return f"{path}/{quote(last, safe='')}" if last else path


def _owner(path: str) -> str | None:
    """Whose account or organisation a path is about, in the paths of GitHub and its likes."""
    parts = path.split("/")
    return parts[2] if len(parts) > 2 and parts[1] in {"repos", "orgs", "users"} else None


def _port(url: httpx.URL) -> int | None:
    return url.port or {"https": 443, "http": 80}.get(url.scheme)


def _parsed(data: bytes, status: int, request: httpx.Request) -> Any:
    if not data:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        if status < 300:  # half an answer is none
            raise httpx.RemoteProtocolError("the answer is not JSON", request=request) from None
        return None


def _limited(reply: Reply) -> bool:
    if reply.status == 429:
        return True
    if reply.status != 403:
        return False
    return (
        "retry-after" in reply.headers
        or _limit(reply, "remaining") == "0"
        or "rate limit" in _message(reply.data).lower()
    )


def _limit(reply: Reply, name: str) -> str:
    """What a header tells of the limit of requests; GitLab's names have no ``x-``:
    https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers
    """
    return reply.headers.get(f"x-ratelimit-{name}", "") or reply.headers.get(f"ratelimit-{name}", "")


def _wait(reply: Reply, epoch: float, count: int) -> float:
    """How long to wait, in the order of
    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
    """
    after = reply.headers.get("retry-after", "")
    if after.isdecimal():
        return float(after)
    if after:
        try:
            return max(0.0, parsedate_to_datetime(after).timestamp() - epoch)
        except ValueError:
            pass
    reset = _limit(reply, "reset")
    if _limit(reply, "remaining") == "0" and reset.isdecimal():
        return max(1.0, float(reset) - epoch + 1)
    return 60.0 * float(2**count)


def _next(link: str) -> str | None:
    """The address of the next page: https://www.rfc-editor.org/rfc/rfc8288"""
    for part in link.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest:
            return address.strip().removeprefix("<").removesuffix(">")
    return None


def _message(data: object) -> str:
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    texts = [data.get("message") or data.get("error")]
    texts += (
        error.get("message") or error.get("code") if isinstance(error, dict) else error
        for error in (errors if isinstance(errors, list) else ())
    )
    return printable("; ".join(str(text) for text in texts if text))[:300]


def _told(error: httpx.TransportError) -> str:
    return f"{type(error).__name__} {error}".strip()
