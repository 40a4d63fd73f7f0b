"""How a build sounds that could not download what it asked for, which says nothing of its Dockerfile."""

from __future__ import annotations

import re

from dockfix.verify.buildkit import short

_OUTAGE = re.compile(
    # the C library, in whose words apt, apk, Ruby and Python tell: https://www.man7.org/linux/man-pages/man3/errno.3.html
    r"Connection (?:timed out|reset(?: by peer)?|refused)|(?:Network is|Host is) unreachable|No route to host"
    r"|Temporary failure (?:in name resolution|resolving)|Name or service not known"
    # Node: https://nodejs.org/api/errors.html#common-system-errors; Yarn's own name for a socket's time-out
    r"|\b(?:ESOCKETTIMEDOUT|ETIMEDOUT|ECONNRESET|ECONNREFUSED|EAI_AGAIN|ENOTFOUND|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b"
    r"|socket hang up"
    # curl, and what is made with it, as Cargo, Composer and Git: https://curl.se/libcurl/c/libcurl-errors.html
    r"|Could not resolve host|(?:Operation|Resolving|Connection) timed out after"
    # BusyBox's wget, that of Alpine: https://git.busybox.net/busybox/tree/networking/wget.c
    r"|can't connect to remote host|wget: download timed out"
    # urllib3, with which pip downloads: https://urllib3.readthedocs.io/en/stable/reference/urllib3.exceptions.html
    r"|Read timed out|IncompleteRead|Failed to establish a new connection"
    # apk-tools: https://gitlab.alpinelinux.org/alpine/apk-tools/-/blob/master/src/print.c
    r"|temporary error \(try again later\)|transient error \(try again later\)|DNS lookup error|network error \(check"
    # Go: https://pkg.go.dev/net#pkg-variables; the JVM; Bundler; NuGet
    r"|i/o timeout|TLS handshake timeout|no such host|UnknownHostException|Connect timed out|Net::OpenTimeout"
    r"|Could not reach host|\bNU1301\b"
    # a server that answers that it cannot now: https://www.rfc-editor.org/rfc/rfc9110#section-15.6
    r"|429 Too Many Requests|502 Bad Gateway|503 +Service Unavailable|504 Gateway Time-?out",
    re.IGNORECASE,
)


def outage(log: str) -> str:
    """The last line of a failed build's output that tells of a download that was lost; empty where none does.

    A program may say such a thing of something else, a database, say: whoever judges by it tries again.

    Args:
        log: what the builder printed.
    """
    told = [line for line in log.splitlines() if _OUTAGE.search(line)]
    return short(re.sub(r"^#\d+ (?:[\d.]+ )?", "", told[-1]).strip()) if told else ""
