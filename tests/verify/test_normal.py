"""What varies from run to run is masked, and nothing else."""

from __future__ import annotations

import random
import time

import pytest

from dockfix.verify import normal

SAME = [
    ('{"at": "2026-11-23T08:36:00.123Z"}', '{"at": "2027-01-02T00:00:00Z"}'),
    ("Mon, 23 Nov 2026 08:36:00 GMT", "Tue, 24 Nov 2026 11:36:07 GMT"),
    ('{"uptime": 1.25, "pid": 7}', '{"uptime": 17.5, "pid": 1}'),
    ('{"hostname":"3f2504e04f89"}', '{"hostname":"my-machine"}'),
    ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301", "id 00000000-4f89-11d3-9a0c-0305e82c3301"),
    ('<script src="/static/main.3f2a1b9c.js">', '<script src="/static/main.0d1e2f3a.js">'),
    (r"{\"b\":\"qhaq9AMlf0KdNLBhZWTC7\",\"p\":\"\"}", r"{\"b\":\"3_vmHpnT2u9ePsI6HtVe2\",\"p\":\"\"}"),
    ("/_next/static/qhaq9AMlf0KdNLBhZWTC7/_ssgManifest.js", "/_next/static/3_vmHpnT2u9ePsI6HtVe2/_ssgManifest.js"),
    ("__sveltekit_1rd5e9d = {", "__sveltekit_1w4raer = {"),
    ('<script src="/assets/index-B1xYz_9a.js">', '<script src="/assets/index-Zq09_aBc.js">'),
]
DIFFERENT = [
    ('{"status": "ok"}', '{"status": "degraded"}'),
    ('{"items": 3}', '{"items": 4}'),
    ("<title>Shop</title>", "<title>Welcome to nginx!</title>"),
    ("Python 3.11", "Python 3.12"),
    ('<a href="/settings-of-the-shop-1/">', '<a href="/settings-of-the-shop-2/">'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_masked(one: str, other: str) -> None:
    assert normal.body(one.encode()) == normal.body(other.encode())


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_kept(one: str, other: str) -> None:
    assert normal.body(one.encode()) != normal.body(other.encode())


def test_paths_and_numbers_of_logs_are_the_images_own() -> None:
    one = (
        "File /usr/local/lib/python3.11/site-packages/flask/app.py, line 12\n\x1b[31mKeyError\x1b[0m: 'DATABASE_URL'\n"
    )
    other = "File /home/app/.local/lib/python3.11/site-packages/flask/app.py, line 13\nKeyError: 'DATABASE_URL'\n"
    assert normal.lines(one) == normal.lines(other)
    assert normal.told(one) == ("KeyError: 'DATABASE_URL'",)


def test_last_line_tells_where_no_line_complains() -> None:
    assert normal.told("starting\nbye\n") == ("bye",)


@pytest.mark.parametrize(
    "line",
    [
        "Error: EACCES: permission denied, mkdir '/app/uploads'",
        "/bin/sh: bash: not found",
        "Error loading shared library libstdc++.so.6: No such file or directory",
        "Error: Cannot find module 'express'",
        "ModuleNotFoundError: No module named 'flask'",
        "sqlite3.OperationalError: unable to open database file",
        "sqlite3.OperationalError: attempt to write a readonly database",
        "[Error: SQLITE_CANTOPEN: unable to open database file]",
    ],
)
def test_what_is_missing_is_recognised(line: str) -> None:
    assert list(normal.broken(f"listening\n{line}\n")) == [line]


def test_plain_logs_are_not_broken() -> None:
    assert list(normal.broken("GET /favicon.ico 404 Not Found\nServer listening on 3000\n")) == []
    nginx = (
        "10-listen-on-ipv6-by-default.sh: info: can not modify /etc/nginx/conf.d/default.conf (read-only file system?)"
    )
    assert list(normal.broken(nginx)) == []


def traceback(line: str) -> str:
    return f'Traceback (most recent call last):\n  File "/app/a.py", line 1, in <module>\n    {line}\n{line}'


@pytest.mark.parametrize(
    ("log", "kind", "line"),
    [
        ("Segmentation fault (core dumped)", "Segmentation fault", "Segmentation fault (core dumped)"),
        ("[ERROR] Worker (pid:7) was sent SIGSEGV!", "SIGSEGV", "[ERROR] Worker (pid:7) was sent SIGSEGV!"),
        (traceback("KeyError: 'HOME'"), "KeyError", "KeyError: 'HOME'"),
        (f"[error] {traceback('socket.gaierror: [Errno -2]')}", "socket.gaierror", "socket.gaierror: [Errno -2]"),
        ("panic: open x: denied\n\ngoroutine 1", "panic: ", "panic: open x: denied"),
        (
            "thread 'main' panicked at src/main.rs:7",
            "thread 'main' panicked at",
            "thread 'main' panicked at src/main.rs:7",
        ),
        (
            "a.rb:12:in `initialize': Failed to open (Redis::CannotConnectError)",
            "Redis::CannotConnectError",
            "a.rb:12:in `initialize': Failed to open (Redis::CannotConnectError)",
        ),
    ],
)
def test_crashes_are_recognised(log: str, kind: str, line: str) -> None:
    assert normal.crashes(f"starting\n{log}\nrestarting\n") == {kind: line}


@pytest.mark.parametrize(
    "log",
    [
        "GET /panic: 200\nno segmentation\nError: x\nKeyError: 'not raised'\n",
        "handled: Traceback (most recent call last):\n",
        "  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: x\nINFO: up\n",
        "Server listening (port 3000)\nTraceback (most recent call last):\n  File a\n2026-11-26 all is well\n",
    ],
)
def test_what_is_no_crash(log: str) -> None:
    assert normal.crashes(log) == {}


@pytest.mark.parametrize(
    "log",
    [
        "[dumb-init] Unable to fork. Exiting.",
        "[FATAL tini (1)] fork failed: Resource temporarily unavailable",
        "/bin/sh: 1: Cannot fork",
        "sh: can't fork: Resource temporarily unavailable",
        "bash: fork: retry: Resource temporarily unavailable",
        'nginx: [alert] fork() failed while spawning "worker process" (11: Resource temporarily unavailable)',
        "    pid = os.fork()\n          ^^^^^^^^^\nBlockingIOError: [Errno 11] Resource temporarily unavailable",
        "RuntimeError: can't start new thread",
        "runtime: failed to create new OS thread (have 5 already; errno=11)",
        "Error: spawn /usr/bin/git EAGAIN",
    ],
)
def test_a_process_that_was_refused_is_told(log: str) -> None:
    assert normal.unforked(f"starting\n{log}\n")


def test_a_socket_that_has_nothing_yet_is_no_process() -> None:
    assert not normal.unforked("  sock.recv(1)\nBlockingIOError: [Errno 11] Resource temporarily unavailable")


def chosen(start: int) -> str:
    """A table of which each row has a token that is chosen anew at each start."""
    tokens = random.Random(start)
    rows = (f"<tr><td>{row}</td><td>name{row:0>100}</td><td>{tokens.random()}</td></tr>" for row in range(300))
    return "<table>" + "".join(rows) + "</table>"


def test_large_bodies_take_no_time() -> None:
    one, other = chosen(1), chosen(2)
    assert min(len(one), len(other)) > 45_000
    began = time.process_time()
    found = normal.common((one,), other)
    assert time.process_time() - began < 2
    assert len(found) > 300
    assert normal.absent(found, other) is None


def test_of_what_is_too_large_the_ends_are_known() -> None:
    begin, end = "<h1>all that there is</h1>" * 100, "<footer>that is all</footer>" * 100
    one, other = (f"{begin}{chosen(start) * 2}{end}" for start in (1, 2))
    first, last = normal.common((one,), other)
    assert (first[: len(begin)], last[-len(end) :]) == (begin, end)
