"""What two runs of the same app may differ in, taken out of what they print and answer."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

_TIMES = (
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d:?\d\d)?",
    (
        r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? (?:\d{1,2} [A-Z][a-z]{2}|[A-Z][a-z]{2} \d{1,2}),?(?: \d{4})?"
        r"[\d: ]*(?:GMT|UTC)?"
    ),
    r"\b\d{1,2}/(?:[A-Z][a-z]{2}|\d{1,2})/\d{4}(?:[:, ]+\d\d:\d\d(?::\d\d)?)?",
    r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?: [AP]M)?",
    r"\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b",
)
_IDENTITIES = (
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b",
    r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b",
    # the hash in the name of a bundle's file
    r"(?<=[.-])[\w-]{8}(?=\.(?:js|css|mjs|map)\b)",
    # Next.js names each build at random: https://nextjs.org/docs/app/api-reference/config/next-config-js/generateBuildId
    r"(?<=[\"/])(?=[\w-]*\d)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{21}(?=[\\\"/])",
    # SvelteKit's builds are named after the moment: https://svelte.dev/docs/kit/configuration#version
    r"__sveltekit_\w+",
    r"\b(?:172|10|192\.168|127)(?:\.\d{1,3}){2,3}\b",
)
_VARYING = re.compile("|".join(f"(?:{each})" for each in (*_TIMES, *_IDENTITIES)))
_MEASURED = re.compile(
    r"""(["']?\b(?:up_?time|timestamp|time|date|now|pid|ppid|memory|rss|heap_?(?:total|used)|external|array_?buffers|host_?name"""
    r"""|cpu|load|duration|elapsed|latency|request_?id)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|-?[\d.]+(?:e[+-]?\d+)?)""",
    re.IGNORECASE,
)
_TOLD = re.compile(
    r"\b(?:\w*(?:error|exception)|cannot|can't|could not|unable|not found|no such|denied|refused|failed|failure|fatal"
    r"|missing|eacces|eperm|enoent|erofs|econnrefused|enotfound)\b",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"EACCES|EPERM|EROFS|permission denied|operation not permitted|read-only file system"
    r"|cannot find module|MODULE_NOT_FOUND|ModuleNotFoundError|ImportError|ERR_DLOPEN_FAILED"
    r"|cannot open shared object|error loading shared|error relocating|symbol not found|invalid ELF|exec format error"
    r"|command not found|: not found$|no such file or directory|ENOENT|unknown user|getpwuid"
    # what SQLite says of a folder or a file that is another user's: https://www.sqlite.org/rescode.html
    r"|unable to open (?:the )?database file|readonly database|SQLITE_(?:CANTOPEN|READONLY)",
    re.IGNORECASE,
)
_CRASHES = re.compile(
    # signals as shells name them, and as programs that start others: https://man7.org/linux/man-pages/man7/signal.7.html
    r"Segmentation fault|Bus error|Illegal instruction|core dumped|\bSIG(?:SEGV|BUS|ILL)\b"
    # https://nodejs.org/api/process.html#event-unhandledrejection; .NET and Java
    r"|triggerUncaughtException|ERR_UNHANDLED_REJECTION|UnhandledPromiseRejection"
    r"|^Unhandled exception|^Exception in thread"
    # https://go.dev/ref/spec#Handling_panics and https://doc.rust-lang.org/std/macro.panic.html
    r"|^panic: |^fatal error: |^thread '[^']*' panicked at|^(?:PHP )?Fatal error: +Uncaught"
)
_UNFORKED = re.compile(
    # dash, bash and busybox, dumb-init, tini, nginx, Python
    r"(?:can(?:no|')t|unable to) fork\b|\bfork(?: failed)?: (?:retry: )?Resource temporarily unavailable"
    r"|\bfork\(\).{0,60}Resource temporarily unavailable"
    r"|fork(?:_exec)?\(.*\n(?:.*\n){0,4}?BlockingIOError: \[Errno 11\]"
    # threads of Python, of the JVM, of Go and of C
    r"|can't start new thread|unable to create (?:new )?native thread|failed to create new OS thread"
    r"|pthread_create(?:\(\))? failed"
    # https://nodejs.org/api/errors.html#common-system-errors
    r"|\bspawn \S+ EAGAIN\b",
    re.IGNORECASE,
)
# that of a group is indented to its end
_TRACEBACK = re.compile(r"(?<!Exception Group )Traceback \(most recent call last\):")
# both name the exception's class: https://docs.python.org/3/library/traceback.html and
# https://docs.ruby-lang.org/en/3.1/Exception.html#method-i-full_message
_RAISED = re.compile(r"([A-Za-z_][\w.]*)(?::|$)")
_RAISED_IN_RUBY = re.compile(r"\.rb:\d+:in .*: .*\(([A-Z]\w*(?:::\w+)*)\)$")
# the official nginx image says so whenever it does not run as root, and starts all the same:
# https://github.com/nginx/docker-nginx/blob/master/entrypoint/10-listen-on-ipv6-by-default.sh
_HARMLESS = re.compile(r"10-listen-on-ipv6-by-default\.sh: info:")
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PATHS = re.compile(r"(?:/[\w.@+-]+)+/(?=[\w.@+-])")
_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
_WORDS = re.compile(r"(?:[^\s<>\"'&;,(){}\[\]]+|.)\s*", re.DOTALL)
"""What is chosen as a whole, a token say, is one word: parts of two tokens are alike by accident."""
_LASTING = 16
"""The fewest characters that two bodies have in common not by accident."""
_LARGEST = 10_000
"""The most words that are looked through for them, which takes the square of the time for twice as many."""


def body(data: bytes) -> str:
    """The body of an answer with moments, identities and measurements masked."""
    text = data.decode("utf-8", "backslashreplace")
    return _VARYING.sub("#", _MEASURED.sub(r"\1#", text))


def common(pieces: Sequence[str], other: str) -> tuple[str, ...]:
    """What another body of the same app has of *pieces* in their order; if it is too large, how it begins and ends."""
    # a word that no body has keeps the end of a piece and the beginning of the next apart
    words = [word for piece in pieces for word in ("", *_WORDS.findall(piece))][1:]
    others = _WORDS.findall(other)
    start = _alike(words, others)
    end = _alike(words[start:][::-1], others[start:][::-1])
    between, among = words[start : len(words) - end], others[start : len(others) - end]
    found = [words[:start]]
    if max(len(between), len(among)) <= _LARGEST:
        blocks = SequenceMatcher(None, between, among).get_matching_blocks()
        found += (between[block.a : block.a + block.size] for block in blocks)
    found.append(words[len(words) - end :])
    return tuple(piece for piece in map("".join, found) if len(piece) >= _LASTING)


def _alike(words: Sequence[str], others: Sequence[str]) -> int:
    """With how many words both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(words, others, strict=False)))


def absent(pieces: Sequence[str], body: str) -> tuple[str, int] | None:
    """The first of *pieces* that *body* has not, after those before it, and how much of it there is."""
    at = 0
    for piece in pieces:
        found = body.find(piece, at)
        if found < 0:
            return piece, bisect_left(range(1, len(piece)), True, key=lambda length: piece[:length] not in body[at:])
        at = found + len(piece)
    return None


def lines(log: str) -> tuple[str, ...]:
    """The lines of a log as two runs of one app in different images would both print them."""
    found = (_line(line) for line in log.splitlines())
    return tuple(line for line in found if line)


def told(log: str) -> tuple[str, ...]:
    """Of :func:`lines`, those that tell what went wrong, each once; the last line where none does."""
    every = lines(log)
    telling = tuple(dict.fromkeys(line for line in every if _TOLD.search(line)))
    return telling or every[-1:]


def broken(log: str) -> Iterator[str]:
    """The lines of a log as printed that say that a file, a module, a program or a permission is missing."""
    return (line for line in map(plain, log.splitlines()) if _BROKEN.search(line) and not _HARMLESS.search(line))


def unforked(log: str) -> bool:
    """Whether a log says that a process or a thread could not be started for want of a place."""
    return _UNFORKED.search(log) is not None


def crashes(log: str) -> dict[str, str]:
    """The ways in which a log says that something crashed, each with the first line as printed that says so.

    Exceptions are told apart by their classes alone: what they say of a host that is not there is the C library's.
    """
    found: dict[str, str] = {}
    tracing = False
    for line in (_CODES.sub("", line).rstrip() for line in log.splitlines()):
        if tracing and line[:1].strip():
            tracing = False
            if raised := _RAISED.match(line):
                found.setdefault(raised[1], line)
        tracing = tracing or _TRACEBACK.search(line) is not None
        if raised := _RAISED_IN_RUBY.search(line):
            found.setdefault(raised[1], line)
        elif crash := _CRASHES.search(line.strip()):
            found.setdefault(_NUMBERS.sub("#", crash[0]), line.strip())
    return found


def plain(line: str) -> str:
    """A line without what steers a terminal."""
    return _CODES.sub("", line).strip()


def _line(line: str) -> str:
    return _NUMBERS.sub("#", _PATHS.sub("", _VARYING.sub("#", plain(line))))
