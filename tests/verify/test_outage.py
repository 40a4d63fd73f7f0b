"""How package managers tell of a download that was lost, as they printed it in builds."""

from __future__ import annotations

import pytest

from dockfix.verify.outage import outage

LOST = [
    "#14 133.9 error https://npm.example/@next/swc-linux-x64-gnu/-/swc-linux-x64-gnu-14.2.5.tgz: ESOCKETTIMEDOUT",
    "#9 61.0 npm error network request to https://npm.example/vite failed, reason: read ECONNRESET",
    "#9 61.0 npm ERR! code EAI_AGAIN",
    "#7 12.1 urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='pip.example', port=443): Read timed out.",
    "#7 3.0 E: Failed to fetch http://apt.example/debian/InRelease  Temporary failure resolving 'apt.example'",
    "#7 3.0 WARNING: fetching https://apk.example/alpine/v3.20/main: temporary error (try again later)",
    "#9 134.2 wget: can't connect to remote host (192.0.2.1): Operation timed out",
    '#7 3.0 go: example.org/a@v1.0.0: Get "https://go.example/a": dial tcp: lookup go.example: i/o timeout',
    "#7 3.0 curl: (6) Could not resolve host: example.org",
    "curl error 28 while downloading https://composer.example/packages.json: Operation timed out after 10000 ms",
    "Could not transfer artifact org.a:b:jar:1 from/to central: Connect timed out",
]
OTHER = [
    "#7 3.0 npm error code E404",
    "#7 3.0 ERROR: Could not find a version that satisfies the requirement nothing==9",
    "#7 3.0 src/app.ts(3,1): error TS2304: Cannot find name 'timeout'.",
    "#7 3.0 E: Unable to locate package lib-of-nobody",
]


@pytest.mark.parametrize("line", LOST)
def test_is_heard(line: str) -> None:
    found = outage(f"#1 DONE 0.0s\n{line}\n#7 ERROR: exit code: 1\n")
    assert found
    assert not found.startswith("#")
    assert found in line


@pytest.mark.parametrize("line", OTHER)
def test_what_fails_for_its_own_sake_is_none(line: str) -> None:
    assert outage(f"{line}\nERROR: failed to solve: exit code: 1\n") == ""
