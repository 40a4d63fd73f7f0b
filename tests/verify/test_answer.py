"""What a port answers, asked of a server of our own in a container's place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from dockfix.verify.answer import Answer, ask, compared, unserved
from dockfix.verify.container import Container
from dockfix.verify.headers import VARIES
from dockfix.verify.links import Reference

PAGE = """
<title>Sign in</title><link rel=stylesheet href=/app.css><script src=app.js></script><script src=/gone.js></script>
"""
FILES = {
    "/": (302, {"Location": "login?next=%2F"}, ""),
    "/home": (301, {"Location": "/login?next=%2F"}, ""),
    "/out": (302, {"Location": "https://accounts.example.com/"}, ""),
    "/again": (302, {"Location": "/again"}, ""),
    "/strange": (302, {"Location": "http://[::1/"}, ""),
    "/login?next=%2F": (200, {"Content-Type": "text/html; charset=utf-8"}, PAGE),
    "/app.css": (200, {"Content-Type": "text/css"}, "a {}"),
    "/app.js": (200, {"Content-Type": "text/html"}, PAGE),
    "/cart": (200, {"Set-Cookie": "sid=1", "set-cookie": "cart=2; Expires=Thu, 26 Nov 2026 12:00:00 GMT"}, ""),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, body = FILES.get(self.path, (404, {}, ""))
        if self.path == "/app.css" and not self.headers["Accept"].startswith("text/css"):
            status = 406
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *words: Any) -> None:
        pass


@dataclass(frozen=True)
class Local(Container):
    """A container at this machine's own address."""

    def address(self) -> str:
        return "127.0.0.1"


@contextmanager
def serving() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as found:
        yield found


CONTAINER = Local(cast("Any", None), "c0ffee1234567890")


def test_a_redirect_is_followed_once_on_its_own_server(port: int) -> None:
    found = ask(CONTAINER, port, ("/", "/home", "/out", "/again", "/strange"))
    assert [(each.path, each.follows, each.status, each.location) for each in found.values()] == [
        ("/", "", 302, "/login?next=%2F"),
        ("/login?next=%2F", "/", 200, ""),
        ("/home", "", 301, "/login?next=%2F"),
        ("/out", "", 302, "https://accounts.example.com/"),
        ("/again", "", 302, "/again"),
        ("/strange", "", 302, "http://[::1/"),
    ]
    assert found["/", True].title == "Sign in"


def test_a_redirect_to_what_is_asked_anyway_is_not_followed(port: int) -> None:
    found = ask(CONTAINER, port, ("/", "/login?next=%2F"))
    assert list(found) == [("/", False), ("/login?next=%2F", False)]


def test_what_its_pages_take_and_do_not_get(port: int) -> None:
    found = ask(CONTAINER, port, ("/",))
    assert unserved(CONTAINER, port, found.values()) == {
        "/app.js": "answered with 200 text/html",
        "/gone.js": "answered with 404",
    }
    assert Reference("/app.css", "text/css,*/*;q=0.1") in found["/", True].pieces


def test_of_its_cookies_the_names_are_known(port: int) -> None:
    found = ask(CONTAINER, port, ("/cart", "/app.css"))
    assert [each.headers for each in found.values()] == [{"set-cookie": "cart, sid"}, {}]


def test_headers_that_vary_are_told_from_those_that_last() -> None:
    policy = {"content-security-policy": "script-src 'nonce-aGVsbG8'", "x-frame-options": "DENY"}
    was, is_ = (Answer("/", 200, "", "", headers=each) for each in (policy, {**policy, "content-security-policy": ""}))
    assert compared(was, is_).headers == {"content-security-policy": VARIES, "x-frame-options": "DENY"}
    assert compared(was, is_).stable
    assert compared(was, None).headers == policy


def test_nothing_is_asked_of_a_port_that_does_not_answer() -> None:
    with serving() as port:
        answers = ask(CONTAINER, port, ("/",)).values()
    assert ask(CONTAINER, port, ("/",)) == {}
    assert set(unserved(CONTAINER, port, answers).values()) == {"not answered"}
    assert (ask(CONTAINER, None, ("/",)), unserved(CONTAINER, None, answers)) == ({}, {})


@pytest.mark.parametrize(
    ("first", "second", "location"),
    [
        ("/in?next=/", "/in?next=/", "/in?next=/"),
        ("/in?state=1", "/in?state=2", "/in"),
        ("/p/1", "/p/2", "#"),
        ("", "/in", ""),
    ],
)
def test_what_of_a_redirect_lasts(first: str, second: str, location: str) -> None:
    was, is_ = (Answer("/", 302 if place else 200, "", "", location=place) for place in (first, second))
    found = compared(was, is_)
    assert (found.location, found.stable) == (location, first == second)
    assert compared(was, None).location == first
