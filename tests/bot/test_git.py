"""Real git, against git's own server: requirement 25."""

from __future__ import annotations

import asyncio
import base64
import shutil
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from dockfix.bot import git as module
from dockfix.bot.forge import Access, FileEdit, ForgeError, MovedError, Objects, Push, Remote
from dockfix.bot.git import Git, connected
from dockfix.bot.proposal import blob_sha
from dockfix.bot.secret import Secret
from dockfix.bot.throughgit import through_git
from dockfix.bot.tree import TreeError

from .conftest import Bot
from .gitserver import TOKEN, GitServer, git
from .hub import Answer, Hub, Request
from .rules import FIXED, NAIVE

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
T = TypeVar("T")

ACCESS = Access(Secret(TOKEN), ("dockfix-bot", "bot@example.com"), "x-access-token")


class Server(GitServer):
    """The server with one repository, and a person's clone of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.bare = self.create("shop")
        self.link = f"{self.address}/shop"
        self.work = folder / "work"
        git("init", "-q", "-b", "main", str(self.work), place=folder)

    def git(self, *arguments: str, place: Path | None = None) -> str:
        return git(*arguments, place=place or self.work).decode().strip()

    def commit(self, files: Mapping[str, str], branch: str = "main") -> str:
        """A person's commit, pushed."""
        for path, text in files.items():
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            (self.work / path).write_text(text)
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "-m", "work")
        self.git("push", "-q", "-f", str(self.bare), f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")

    def at(self, branch: str) -> str | None:
        listed = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", place=self.bare)
        return listed or None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.close()


def with_git(server: Server, work: Callable[[Git], Awaitable[T]]) -> T:
    async def run() -> T:
        async with connected(f"{server.link}.git", ACCESS) as git:
            return await work(git)

    return asyncio.run(run())


def edit(text: str, path: str = "Dockerfile") -> FileEdit:
    return FileEdit(path, text.encode(), "100644", None)


def test_requirement_25_reads_commits_and_pushes(server: Server) -> None:
    server.commit({"Dockerfile": "FROM scratch\n"})
    base = server.commit({"Dockerfile": NAIVE, "app/x": "x"})

    async def work(git: Git) -> str:
        head = await git.fetch("main")
        assert head.commit == base
        entries = {entry.path: entry for entry in await git.entries(head.tree)}
        assert set(entries) == {"Dockerfile", "app", "app/x"}
        assert entries["Dockerfile"].sha == blob_sha(NAIVE.encode())
        assert await git.blob(entries["Dockerfile"].sha, 1000) == NAIVE.encode()
        with pytest.raises(TreeError, match="more than 3 are not read"):
            await git.blob(entries["Dockerfile"].sha, 3)
        assert (git.folder / "objects.git" / "shallow").is_file(), "only the last commit is fetched"
        assert not [*git.folder.rglob("Dockerfile")], "nothing is checked out"
        assert not [*git.folder.rglob("hooks/*")]
        commit = await git.commit(
            head.commit, [edit(FIXED), edit("/.git\n", "new/.dockerignore")], lambda tree: f"m {tree}"
        )
        await git.push(commit, "dockfix/dockerfile", None)
        return commit

    commit = with_git(server, work)
    assert server.at("dockfix/dockerfile") == commit
    changed = server.git("diff-tree", "-r", "--name-only", base, commit, place=server.bare)
    assert changed.split() == ["Dockerfile", "new/.dockerignore"]
    assert server.git("show", "-s", "--format=%an %P", commit, place=server.bare) == f"dockfix-bot {base}"


def test_requirement_25_push_never_overwrites(server: Server) -> None:
    base = server.commit({"Dockerfile": NAIVE})
    theirs = server.commit({"mine": "mine"}, "dockfix/dockerfile")

    async def work(git: Git) -> None:
        head = await git.fetch("main")
        commit = await git.commit(head.commit, [edit(FIXED)], lambda tree: "m")
        for expected in (None, base):
            with pytest.raises(MovedError):
                await git.push(commit, "dockfix/dockerfile", expected)
        with pytest.raises(MovedError):
            await git.delete("dockfix/dockerfile", base)
        assert server.at("dockfix/dockerfile") == theirs
        await git.delete("dockfix/dockerfile", theirs)

    with_git(server, work)
    assert server.at("dockfix/dockerfile") is None


def test_requirement_09_lost_answer_to_a_deletion(server: Server) -> None:
    server.commit({"Dockerfile": NAIVE})

    class Cut(Git):
        async def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
            output = await super().run(*arguments, stdin=stdin, environment=environment)
            if arguments[0] == "push":
                raise ForgeError("the connection was cut")
            return output

    async def work(git: Git) -> None:
        head = await git.fetch("main")
        await git.push(head.commit, "dockfix/dockerfile", None)
        await Cut(git.folder, git.url, git.access).delete("dockfix/dockerfile", head.commit)
        assert await git.branch("dockfix/dockerfile") is None

    with_git(server, work)


def test_requirement_25_edits_outside_of_the_plan_abort(server: Server) -> None:
    server.commit({"Dockerfile": NAIVE})

    class Sabotaged(Git):
        async def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
            if arguments[0] == "write-tree":
                blob = (await super().run("hash-object", "-w", "--stdin", stdin=b"x")).decode().strip()
                await super().run(
                    "update-index", "--add", "--cacheinfo", f"100644,{blob},extra", environment=environment
                )
            return await super().run(*arguments, stdin=stdin, environment=environment)

    async def work(git: Git) -> None:
        head = await git.fetch("main")
        with pytest.raises(ForgeError, match="not what was planned"):
            await git.commit(head.commit, [edit(NAIVE)], lambda tree: "m")  # changes nothing
        for path in ("../x", ".git/config", "/x"):
            with pytest.raises(ForgeError, match="no path"):
                await git.commit(head.commit, [edit("x", path)], lambda tree: "m")
        sabotaged = Sabotaged(git.folder, git.url, git.access)
        with pytest.raises(ForgeError, match="extra"):
            await sabotaged.commit(head.commit, [edit(FIXED)], lambda tree: "m")

    with_git(server, work)


def test_requirement_25_nothing_of_anybody_runs(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Canaries in the repository, in the user's and the environment's configuration: none of them sings."""
    sung = tmp_path / "sung"
    canary = tmp_path / "canary"
    canary.write_text(f'#!/bin/sh\necho "$0 $*" >>{sung}\ncat\n')
    canary.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in (
        "pre-push",
        "post-checkout",
        "reference-transaction",
        "pre-commit",
        "post-index-change",
        "prepare-commit-msg",
    ):
        shutil.copy(canary, hooks / name)
    template = tmp_path / "template"
    shutil.copytree(hooks, template / "hooks")
    home = tmp_path / "home"
    home.mkdir()
    settings = (
        f"[core]\nhooksPath = {hooks}\nfsmonitor = {canary}\nsshCommand = {canary}\naskPass = {canary}\n"
        f"[init]\ntemplateDir = {template}\n[credential]\nhelper = !{canary}\n"
        f'[filter "x"]\nclean = {canary}\nsmudge = {canary}\nprocess = {canary}\n[gpg]\nprogram = {canary}\n'
        f"[commit]\ngpgSign = true\n[push]\ngpgSign = true\n[alias]\nfetch = !{canary}\n"
        f'[url "ext::{canary} "]\ninsteadOf = http://127.0.0.1\n'
    )
    (home / ".gitconfig").write_text(settings)
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_SYSTEM": str(home / ".gitconfig"),
        "GIT_TEMPLATE_DIR": str(template),
        "GIT_SSH_COMMAND": str(canary),
        "GIT_ASKPASS": str(canary),
        "GIT_EXTERNAL_DIFF": str(canary),
        "GIT_PROXY_COMMAND": str(canary),
        "GIT_EXEC_PATH": str(tmp_path),
        "GIT_CONFIG_PARAMETERS": f"'core.hooksPath'='{hooks}'",
        "GIT_DIR": str(server.bare),
        "EDITOR": str(canary),
        "PAGER": str(canary),
    }.items():
        monkeypatch.setenv(name, value)
    (server.work / "link").symlink_to("/etc/passwd")
    base = server.commit(
        {
            "Dockerfile": NAIVE,
            ".gitattributes": "* filter=x diff=x merge=x\n",
            ".gitmodules": f'[submodule "s"]\npath = s\nurl = ext::{canary}\n',
            ".githooks/pre-push": canary.read_text(),
        }
    )

    async def work(git: Git) -> None:
        head = await git.fetch("main")
        assert head.commit == base
        commit = await git.commit(head.commit, [edit(FIXED)], lambda tree: "m")
        await git.push(commit, "dockfix/dockerfile", None)
        modes = {entry.path: entry.mode for entry in await git.entries(head.tree)}
        assert modes["link"] == "120000"

    with_git(server, work)
    assert server.at("dockfix/dockerfile") is not None
    assert not sung.exists(), sung.read_text()
    assert stat.S_IMODE(canary.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "url", ["ext::sh -c id", "file:///etc", "ssh://host/x", "http://evil.example/x", "/etc", "-uX"]
)
def test_requirement_25_other_protocols_are_refused(url: str) -> None:
    async def run() -> None:
        async with connected(url, ACCESS) as git:
            await git.fetch("main")

    with pytest.raises(ForgeError):
        asyncio.run(run())


def test_requirement_25_protocols_are_forbidden_to_git_itself(server: Server, tmp_path: Path) -> None:
    server.commit({"Dockerfile": NAIVE})

    async def work(git: Git) -> None:
        with pytest.raises(ForgeError, match="not allowed"):
            await replace(git, url=str(server.bare)).fetch("main")

    with_git(server, work)


def test_requirement_25_slow_command_is_ended(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.commit({"Dockerfile": NAIVE})
    monkeypatch.setattr(module, "SECONDS", 0.0)

    async def work(git: Git) -> None:
        await git.fetch("main")

    with pytest.raises(ForgeError, match="took more than"):
        with_git(server, work)


def test_requirement_21_git_is_given_the_token_by_its_environment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in an argument, the address or a file; and a failing command does not tell it."""
    server.commit({"Dockerfile": NAIVE})
    secret = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    told: list[str] = []
    start = asyncio.create_subprocess_exec

    async def noted(*arguments: str, **options: object) -> asyncio.subprocess.Process:
        told.extend(arguments)
        return await start(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)

    async def work(git: Git) -> None:
        head = await git.fetch("main")
        await git.push(await git.commit(head.commit, [edit(FIXED)], lambda tree: "m"), "dockfix/dockerfile", None)
        with pytest.raises(ForgeError) as caught:
            await git.fetch("missing")
        everything = " ".join((*told, str(caught.value), repr(git), repr(server.seen)))
        files = b" ".join(path.read_bytes() for path in git.folder.rglob("*") if path.is_file()).decode("latin-1")
        for form in (TOKEN, secret, secret[4:-4]):
            assert form not in everything
            assert form not in files
        keys = [value for key, value in git.environment().items() if key.startswith("GIT_CONFIG_KEY_")]
        assert f"http.{server.link.rpartition('/')[0]}/.extraHeader" in keys  # for this host alone
        assert {"core.hooksPath", "protocol.allow", "http.followRedirects", "credential.helper"} <= set(keys)

    with_git(server, work)
    assert told


def test_who_signs_commits_off_is_their_author(bot: Bot, hub: Hub, server: Server) -> None:
    """As those who check sign-offs want it."""
    server.commit({"Dockerfile": NAIVE})
    hub.base = "http://127.0.0.1:1"

    async def run() -> str:
        remote = Remote("acme/shop", "main", link=server.link)
        async with through_git(bot.forge(), remote, signer="Ada Lovelace <ada@example.org>") as objects:
            head = await objects.head(remote, "main")
            assert head is not None
            return await objects.push(remote, Push("mine", remote, head, "m", (edit(FIXED),), None))

    commit = asyncio.run(run())
    assert server.git("show", "-s", "--format=%an <%ae>", commit, place=server.bare) == "Ada Lovelace <ada@example.org>"


def test_whole_run_through_git(bot: Bot, hub: Hub, server: Server) -> None:
    """Files through git, the pull request through the API, which is told what git did."""
    base = server.commit({"Dockerfile": NAIVE, "app.py": "print()\n"})
    repo = hub.add("acme/shop", {"Dockerfile": "FROM scratch\n"}, flags={"html_url": server.link})

    def mirror(request: Request, proceed: Callable[[], Answer]) -> Answer | None:
        for line in server.git(
            "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", place=server.bare
        ).splitlines():
            sha, name = line.split()
            tree, parents, message = server.git("show", "-s", "--format=%T%x00%P%x00%B", sha, place=server.bare).split(
                "\0"
            )
            repo.refs[name] = sha
            repo.commits[sha] = {"message": message, "tree": tree, "parents": parents.split()}
        assert "/git/trees" not in request.path
        assert "/git/blobs" not in request.path
        return None

    hub.faults.append(mirror)
    hub.base = "http://127.0.0.1:1"
    enter: Callable[[Remote], AbstractAsyncContextManager[Objects]] = partial(through_git, bot.github())
    assert bot.run(enter=enter)["acme/shop"].outcome == "opened"
    (pull,) = repo.pulls
    ours = server.at("dockfix/dockerfile")
    assert server.git("show", f"{ours}:Dockerfile", place=server.bare) == FIXED.strip()
    assert server.git("rev-parse", f"{ours}^", place=server.bare) == base
    assert bot.run(enter=enter)["acme/shop"].outcome == "current"
    server.commit({"Dockerfile": NAIVE + "RUN echo old again\n"})
    assert bot.run(enter=enter)["acme/shop"].outcome == "updated"
    assert server.at("dockfix/dockerfile") != ours
    assert pull.state == "open"


def test_requirement_22_git_shows_no_token_to_another_host(bot: Bot, hub: Hub, server: Server) -> None:
    server.commit({"Dockerfile": NAIVE})
    hub.add("acme/shop", {"Dockerfile": NAIVE}, flags={"html_url": server.link})
    record = bot.run(enter=partial(through_git, bot.github()))["acme/shop"]
    assert record.outcome == "failed"
    assert "gets no token" in record.why
    assert server.seen == []
