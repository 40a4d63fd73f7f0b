"""Where an answer leads: its redirect, and what a page takes from its own server to be shown."""

from __future__ import annotations

from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from dockfix.verify import normal

_HERE = "localhost"
_ALIASES = frozenset({_HERE, "127.0.0.1", "0.0.0.0", "[::1]", "[::]"})  # noqa: S104
"""How apps call their own server in what they answer; some take the address on which they listen for it."""
_LONGEST = 50_000
"""Characters of a page that are read: its parser takes time by the square of what is left open."""
_SAFE = "/?:@!$&'()*+,;=-._~%[]"


class Reference(NamedTuple):
    """A script or style sheet of a page: its path, and the media types that a browser asks for."""

    path: str
    accept: str


@dataclass(frozen=True, slots=True)
class Origin:
    """A server as its own answers name it.

    Attributes:
        port: where it was asked.
        names: what it may be called beside ``localhost``.
    """

    port: int
    names: Set[str] = frozenset()

    def path(self, target: str, page: str) -> str | None:
        """The path and query of *target*, a link of *page*; ``None`` where it leads to another server."""
        split = self._resolved(target, page)
        if split is None or split.scheme != "http" or not self._own(split):
            return None
        return quote(split.path or "/", safe=_SAFE) + (f"?{quote(split.query, safe=_SAFE)}" if split.query else "")

    def location(self, target: str, page: str) -> str:
        """Where a redirect of *page* leads, as two containers of one app would both say it."""
        path = self.path(target, page)
        split = self._resolved(target, page)
        if path is None and split is not None and self._own(split):
            # another scheme of the same host
            path = split._replace(netloc=_HERE, fragment="").geturl()
        return normal.body((path or target).encode())

    def _own(self, split: SplitResult) -> bool:
        host = split.netloc.rpartition("@")[2].removesuffix(f":{self.port}").lower()
        return host in _ALIASES or host in self.names

    def _resolved(self, target: str, page: str) -> SplitResult | None:
        with suppress(ValueError):  # an address that no browser takes either
            return urlsplit(urljoin(f"http://{_HERE}:{self.port}{page}", target.strip()))
        return None


def references(page: str, path: str, origin: Origin) -> Iterator[Reference]:
    """The scripts and style sheets that the HTML *page* at *path* takes from its own server, each once.

    They are those that a browser would fetch on its own accord: nothing behind a comment or in a template of a script.
    """
    parser = _Parser()
    base = path
    with suppress(AssertionError):  # by which it stops at a declaration that it does not know
        parser.feed(page[:_LONGEST])
    with suppress(ValueError):  # an address that no browser takes either
        base = urljoin(path, parser.base)
    found = ((origin.path(target, base), accept) for target, accept in parser.found)
    return (Reference(path, accept) for path, accept in dict.fromkeys(found) if path is not None)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kinds = given.get("rel", "").lower().split()
        if tag == "base":
            self.base = self.base or given.get("href", "")
        elif tag == "script" and given.get("src") and _runs(given.get("type", "")):
            self.found.append((given["src"], "*/*"))
        elif tag == "link" and given.get("href") and "stylesheet" in kinds:
            self.found.append((given["href"], "text/css,*/*;q=0.1"))
        elif tag == "link" and given.get("href") and "modulepreload" in kinds:
            self.found.append((given["href"], "*/*"))


def _runs(kind: str) -> bool:
    kind = kind.strip().lower()
    return kind in {"", "module"} or kind.endswith(("javascript", "ecmascript"))
