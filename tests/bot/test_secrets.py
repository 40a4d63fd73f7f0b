"""The token goes into one header of requests to the forge's own host, and nowhere else: requirements 19, 21 and 22."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dockfix.bot import http
from dockfix.bot.app import AppKey, Installations
from dockfix.bot.credentials import token
from dockfix.bot.forge import ForgeError, RefusedError
from dockfix.bot.github import HEADERS
from dockfix.bot.http import Http
from dockfix.bot.pace import Pace
from dockfix.bot.secret import Secret

from . import faults
from .conftest import Bot, forms, transport
from .contract import demand_valid
from .door import Door
from .forgejo_hub import ForgejoHub
from .gitlab_hub import GitLabHub
from .gitserver import TOKEN
from .hub import Answer, Hub, Request
from .ondisk import GitLabHubOnDisk, HubOnDisk, OnDisk
from .rules import NAIVE


def assert_clean(text: str) -> None:
    for form in forms(TOKEN):
        assert form not in text


@pytest.fixture
def door(hub: Hub) -> Iterator[Door]:
    with Door(hub) as opened:
        yield opened


def command(*arguments: str, folder: Path, **environment: str) -> subprocess.Popen[str]:
    """The real command in a process of its own, with as much logging as there is, and little patience between tries."""
    start = "import logging; logging.basicConfig(level=1); from dockfix.cli import main; main()"
    hurry = "asyncio.sleep = lambda seconds, sleep=asyncio.sleep: sleep(min(seconds, 0.1))"
    start = f"import asyncio; {hurry}; {start}"
    if sys.platform == "linux":  # at its end it tells whether others may read its memory: PR_GET_DUMPABLE
        tell = "print('dumpable', ctypes.CDLL(None).prctl(3), file=sys.stderr)"
        start = f"import atexit, ctypes, sys; atexit.register(lambda: {tell}); {start}"
    clean = {name: value for name, value in os.environ.items() if name not in {"GITHUB_TOKEN", "GH_TOKEN"}}
    return subprocess.Popen(
        [sys.executable, "-c", start, "bot", "run", *arguments],
        env={**clean, "HOME": str(folder), "PYTHONDEVMODE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def noting_git(folder: Path) -> tuple[Path, str]:
    """A git that notes its arguments in a file before it does what it is told; the file, and a path to find it on."""
    notes, tools = folder / "arguments of git", folder / "tools"
    notes.touch()
    tools.mkdir()
    git = shutil.which("git") or "git"
    (tools / "git").write_text(f"#!/bin/sh\necho \"$@\" >>'{notes}'\nexec '{git}' \"$@\"\n")
    (tools / "git").chmod(0o755)
    return notes, os.pathsep.join((str(tools), os.environ["PATH"]))


@pytest.mark.parametrize("hub", [Hub, GitLabHub, ForgejoHub, HubOnDisk, GitLabHubOnDisk], indirect=True)
@pytest.mark.parametrize("failure", ["", "refusal that echoes", "cut"])
def test_requirement_21_token_appears_nowhere(hub: Hub, door: Door, tmp_path: Path, failure: str) -> None:
    """A whole run as a person starts it: arguments, output, logs, and every file that is left."""
    repo = hub.add(
        "acme/shop", {"Dockerfile": "FROM node:20-alpine\nCMD node server.js\n", "server.js": "let a = 1;\n"}
    )
    if failure == "refusal that echoes":
        echo = f"bad token {TOKEN} {base64.b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"
        for ending in ("/git/trees", "/repository/commits", "/pulls", "/merge_requests"):
            hub.faults.append(faults.on("POST", ending, faults.answered(403, echo), times=9))
    elif failure == "cut":
        for ending in ("/branches/main", "/pulls", "/merge_requests"):
            hub.faults.append(faults.on("GET", ending, faults.answered(500), times=9))
    arguments = [
        "--repo",
        "acme/shop",
        "--forge",
        hub.kind,
        "--url",
        door.address,
        "--report",
        "report.json",
        "--label",
        "docker",
        *(["--git"] if hub.through_git else []),
    ]
    arguments_of_git, tools = noting_git(tmp_path)
    running = command(*arguments, folder=tmp_path, DOCKFIX_TOKEN=TOKEN, PATH=tools)
    assert_clean(Path(f"/proc/{running.pid}/cmdline").read_text() if Path("/proc").is_dir() else "")
    output, errors = running.communicate(timeout=120)
    assert running.returncode == (1 if failure else 0), errors
    assert sys.platform != "linux" or "dumpable 0\n" in errors
    assert bool(repo.pulls) == (not failure)
    assert_clean(output + errors)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert_clean(path.read_bytes().decode("latin-1"))
    assert (tmp_path / "report.json").is_file()
    pushed = [line for line in arguments_of_git.read_text().splitlines() if " push " in line]
    assert bool(pushed) == (isinstance(hub, OnDisk) and failure != "cut")
    basic = base64.b64encode(f"{hub.git_user}:{TOKEN}".encode()).decode()
    for request in hub.requests:
        expected = f"Basic {basic}" if request.method == "PUSH" else f"Bearer {TOKEN}"
        assert request.headers["authorization"] == expected
        rest = {**request.headers, "authorization": ""}
        assert_clean(f"{request.path} {dict(request.query)} {rest} {request.body!r}")


def test_requirement_21_token_is_not_in_tracebacks_and_representations(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(lambda request, proceed: Answer(401, {"message": f"no such token: {TOKEN}"}))
    with pytest.raises(RefusedError) as caught:
        bot.run()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert_clean("".join(shown.format()))
    assert_clean(repr(bot.github()) + str(bot.credential) + repr(bot.github().http.client.headers))


def test_requirement_21_secret_is_not_pickled_and_scrubs_itself() -> None:
    secret = Secret(TOKEN)
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    for prefix in ("", "a", "ab", "abc"):
        basic = base64.b64encode(f"{prefix}{TOKEN}:x".encode()).decode()
        assert_clean(secret.scrub(f"Authorization: Basic {basic}, token={TOKEN}"))


@pytest.mark.parametrize(
    ("content", "message"), [("", "holds no token"), ("two words", "holds no token"), (None, "cannot be read")]
)
def test_token_file_that_holds_none(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(ForgeError, match=message) as caught:
        token(str(tmp_path / "token"), {})
    assert "two words" not in str(caught.value)


def test_token_is_looked_for_in_the_environment() -> None:
    found = token(None, {"GH_TOKEN": "second", "DOCKFIX_TOKEN": "first\n"})
    assert found is not None
    assert found.value.reveal() == "first"
    assert token(None, {}) is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/x",
        "http://api.github.com/repos/acme/shop",
        "https://api.github.com:444/x",
        "//evil.example/x",
        "https://me@api.github.com/x",
        "https://api.github.com.evil.example/x",
    ],
)
def test_requirement_22_redirect_to_another_host_is_not_followed(bot: Bot, hub: Hub, status: int, target: str) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    hub.faults.append(
        faults.on("GET", "/repos/acme/shop", lambda request, proceed: Answer(status, None, {"location": target}))
    )
    record = bot.run()["acme/shop"]
    assert record.outcome == "failed"
    assert "leads to another host" in record.why
    assert len(hub.requests) == 1


def test_requirement_22_redirect_within_the_host_is_followed(bot: Bot, hub: Hub) -> None:
    """A repository that was renamed."""
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    moved = {"location": "https://api.github.com/repos/acme/shop"}
    hub.faults.append(faults.on("GET", "/repos/acme/old", lambda request, proceed: Answer(301, None, moved)))
    assert bot.run("acme/old")["acme/old"].outcome == "opened"
    assert len(repo.pulls) == 1
    assert not any("acme/old" in request.path for request in hub.writes)


@pytest.mark.parametrize("place", ["/git/trees", "/git/refs", "/pulls"])
@pytest.mark.parametrize(
    ("status", "target"),
    [
        (301, "https://api.github.com/repos/moved/shop"),
        (302, "https://api.github.com/repos/moved/shop"),
        (303, "https://api.github.com/repos/moved/shop"),
        (304, ""),
        (307, "https://evil.example/repos/moved/shop"),
        (308, "//evil.example/moved"),
    ],
)
def test_requirement_22_redirected_write_did_not_succeed(
    bot: Bot, hub: Hub, place: str, status: int, target: str
) -> None:
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    answer = Answer(status, None, {"location": target})
    hub.faults.append(faults.on("POST", place, lambda request, proceed: answer, times=9))
    assert bot.run()["acme/shop"].outcome == "failed"
    assert repo.pulls == []
    assert not any("moved" in request.path for request in hub.requests)


@pytest.mark.parametrize("status", [307, 308])
def test_requirement_22_redirect_of_a_write_within_the_host_is_followed(bot: Bot, hub: Hub, status: int) -> None:
    """A repository that is renamed meanwhile."""
    repo = hub.add("acme/shop", {"Dockerfile": NAIVE})
    moved = {"location": "/repos/acme/shop/git/trees"}
    hub.faults.append(faults.on("POST", "/git/trees", lambda request, proceed: Answer(status, None, moved)))
    assert bot.run()["acme/shop"].outcome == "opened"
    assert len(repo.pulls) == 1


def test_requirement_22_redirects_of_a_write_end(bot: Bot, hub: Hub) -> None:
    hub.add("acme/shop", {"Dockerfile": NAIVE})
    circle = {"location": "/repos/acme/shop/git/trees"}
    hub.faults.append(faults.on("POST", "/git/trees", lambda request, proceed: Answer(307, None, circle), times=99))
    assert "307" in bot.run()["acme/shop"].why
    assert len(hub.writes) == 4


def test_requirement_22_next_pages_of_the_host_are_fetched(bot: Bot, hub: Hub) -> None:
    for number in range(7):
        hub.add(f"acme/app{number}", {"Dockerfile": NAIVE})
    hub.page = 3

    async def names() -> list[str]:
        return [name async for name in bot.github().remotes("acme")]

    assert asyncio.run(names()) == sorted(hub.repos)


@pytest.fixture(scope="module")
def pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class Apps:
    """The part of the hub that knows apps: answers for :attr:`Hub.faults`."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.handed: list[object] = []

    def __call__(self, request: Request, proceed: Callable[[], Answer]) -> Answer | None:
        demand_valid(request.method, request.path, request.query, request.body)
        bearer = request.headers["authorization"].removeprefix("Bearer ")
        if request.path == "/orgs/acme/installation":
            assert bearer.count(".") == 2, "an installation is looked up with the app's own token"
            return Answer(200, {"id": 7})
        if request.path.endswith("/installation"):
            return Answer(404, {"message": "Not Found"})
        if request.path == "/app/installations/7/access_tokens":
            self.handed.append(json.loads(request.body) if request.body else None)
            end = datetime.fromtimestamp(self.bot.time.seconds + 3600, timezone.utc)
            return Answer(201, {"token": f"ghs_{len(self.handed):036}", "expires_at": f"{end:%Y-%m-%dT%H:%M:%SZ}"})
        assert bearer == f"ghs_{len(self.handed):036}"
        return None


class Lasting(Installations):
    """Installations that several runs share."""

    async def close(self) -> None:
        pass


@pytest.fixture
def app(bot: Bot, hub: Hub, pem: str) -> Apps:
    hub.add("acme/shop", {"Dockerfile": NAIVE}, flags={"permissions": {"push": False}})
    clock = bot.time.clock
    http = Http(hub.base, AppKey("12345", Secret(pem), clock), Pace(clock=clock), HEADERS, transport=transport(hub))
    bot.credential = Lasting(http)
    bot.as_app = True
    apps = Apps(bot)
    hub.faults.append(apps)
    return apps


def test_requirement_19_app_works_with_tokens_of_its_installations(bot: Bot, hub: Hub, app: Apps) -> None:
    assert bot.run("acme/shop")["acme/shop"].outcome == "opened"
    (body,) = [json.loads(request.body) for request in hub.writes if request.path.endswith("/git/commits")]
    assert set(body) == {"message", "tree", "parents"}  # an author would leave the commit unsigned
    assert app.handed == [None]
    bot.run("acme/shop")
    assert len(app.handed) == 1
    bot.time.seconds += 3400  # shortly before its end
    bot.run("acme/shop")
    assert len(app.handed) == 2


def test_requirement_19_dry_run_asks_for_a_token_that_cannot_write(bot: Bot, hub: Hub, app: Apps) -> None:
    assert isinstance(bot.credential, Installations)
    bot.credential.read_only = True
    assert bot.run("acme/shop", dry_run=True)["acme/shop"].outcome == "planned"
    assert app.handed == [{"permissions": {"contents": "read", "pull_requests": "read"}}]
    assert [request.path for request in hub.writes] == ["/app/installations/7/access_tokens"]


def test_tokens_of_installations_are_fetched_side_by_side(bot: Bot, hub: Hub, pem: str) -> None:
    """No owner waits for another one, nor for the pace of writes; but two requests about one owner share a token."""
    under_way: list[str] = []
    most: list[int] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"id": request.url.path.split("/")[2]})
        under_way.append(request.url.path)
        for _ in range(50):
            await asyncio.sleep(0)
        most.append(len(under_way))
        return httpx.Response(201, json={"token": "ghs_x", "expires_at": "2099-01-01T00:00:00Z"})

    async def run() -> None:
        clock = bot.time.clock
        client = Http(
            hub.base, AppKey("1", Secret(pem), clock), Pace(clock=clock), HEADERS, transport=httpx.MockTransport(handle)
        )
        installations = Installations(client)
        await asyncio.gather(*(installations.secret(owner) for owner in ("a", "b", "c", "A", "b")))
        await Http(hub.base, installations, Pace(clock=clock)).close()
        assert client.client.is_closed

    asyncio.run(run())
    assert len(under_way) == 3
    assert max(most) == 3
    assert bot.time.slept == []


@pytest.fixture
def few_secrets(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many secrets those who come after this remember."""
    monkeypatch.setattr(http, "SECRETS", 8)
    return 8


def test_secrets_that_are_kept_are_bounded(few_secrets: int, bot: Bot, hub: Hub, app: Apps) -> None:
    assert isinstance(bot.credential, Installations)
    client = bot.credential.app

    async def run() -> None:
        for _ in range(few_secrets + 10):
            await client.get("/orgs/acme/installation")

    asyncio.run(run())
    assert len(client._secrets) == few_secrets


def test_app_that_is_not_installed_skips(bot: Bot, hub: Hub, app: Apps) -> None:
    hub.add("other/shop", {"Dockerfile": NAIVE})
    record = bot.run("other/shop")["other/shop"]
    assert record.outcome == "skipped"
    assert "not installed at other" in record.why


def test_wrong_app_key_is_told_without_it(bot: Bot, hub: Hub) -> None:
    wrong = TOKEN.join(("-----BEGIN PRIVATE KEY-----\n", "\n"))
    with pytest.raises(ForgeError, match="no RSA key") as caught:
        asyncio.run(AppKey("1", Secret(wrong)).secret(None))
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
