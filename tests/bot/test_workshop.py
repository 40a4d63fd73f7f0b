"""Plans made in processes of their own, and what happens to a repository that brings one down."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from dockfix.bot import tree
from dockfix.bot import workshop as module
from dockfix.bot.bench import WIDTH, Answer
from dockfix.bot.findings import EVERYTHING, Findings
from dockfix.bot.forge import Entry, ForgeError
from dockfix.bot.plaindata import dumped, loaded
from dockfix.bot.proposal import blob_sha
from dockfix.bot.settings import Settings
from dockfix.bot.tree import TreeError
from dockfix.bot.workshop import Workshop, WorkshopError, workshop
from dockfix.engine import Outcome, Plan
from dockfix.transform import Safety

from .gitserver import TOKEN

T = TypeVar("T")
FILES = {
    "Dockerfile": b"FROM node:20-alpine\nWORKDIR /app\nCOPY package.json ./\nCMD node server.js\n",
    "package.json": b"{}\n",
    "server.js": b"require('http').createServer().listen(3000)\n",
}
ENTRIES = {path: Entry(path, "100644", blob_sha(data), len(data)) for path, data in FILES.items()}
BLOBS = {blob_sha(data): data for data in FILES.values()}


async def fetch(sha: str) -> bytes:
    return BLOBS[sha]


def within(work: Callable[[Workshop], Awaitable[T]], places: int = 1) -> T:
    async def run() -> T:
        async with workshop(places) as planners:
            return await work(planners)

    return asyncio.run(run())


def demand_plan(found: Findings) -> None:
    (plan,) = found.plans[EVERYTHING]
    assert plan.before == FILES["Dockerfile"].decode()
    assert 'CMD ["node", "server.js"]' in plan.after


async def process_of(planners: Workshop) -> asyncio.subprocess.Process:
    worker = await planners.places.get()
    planners.places.put_nowait(worker)
    assert worker is not None
    return worker.process


def test_several_repositories_share_processes() -> None:
    async def work(planners: Workshop) -> None:
        found = await asyncio.gather(*(planners.plan(ENTRIES, Settings(), fetch) for _ in range(6)))
        for each in found:
            demand_plan(each)
        assert planners.places.qsize() == 2

    within(work, places=2)


def test_requirement_21_processes_are_given_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DOCKFIX_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "DOCKFIX_APP_KEY", "HOME", "SOMETHING"):
        monkeypatch.setenv(name, TOKEN)

    async def work(planners: Workshop) -> None:
        await planners.plan(ENTRIES, Settings(), fetch)
        place = Path(f"/proc/{(await process_of(planners)).pid}")
        if place.is_dir():
            assert TOKEN.encode() not in (place / "environ").read_bytes() + (place / "cmdline").read_bytes()

    within(work)


def test_requirement_13_endless_planning_costs_its_own_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(planners: Workshop) -> None:
        monkeypatch.setattr(module, "SECONDS", 0.0)
        with pytest.raises(ForgeError, match="planning took more than"):
            await planners.plan(ENTRIES, Settings(), fetch)
        monkeypatch.undo()
        demand_plan(await planners.plan(ENTRIES, Settings(), fetch))

    within(work)


def test_requirement_13_death_of_a_process_costs_its_own_repository() -> None:
    async def work(planners: Workshop) -> None:
        await planners.plan(ENTRIES, Settings(), fetch)
        process = await process_of(planners)

        async def kill(sha: str) -> bytes:
            process.kill()
            await process.wait()
            return b""

        with pytest.raises(ForgeError, match="unexpected end"):
            await planners.plan(ENTRIES, Settings(), kill)
        demand_plan(await planners.plan(ENTRIES, Settings(), fetch))

    within(work)


class Trap:
    """What unpickling would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("taken-over",)


def answer(**parts: object) -> bytes:
    return json.dumps({"wanted": None, "done": None, "refused": None, "broken": None, **parts}).encode()


@pytest.mark.parametrize(
    ("crafted", "length", "message"),
    [
        pytest.param(pickle.dumps(Trap()), None, "an answer that is none", id="pickle"),
        pytest.param(b"", module.LARGEST_ANSWER + 1, "answered with 100,000,001 bytes", id="too large"),
        pytest.param(b"{}", None, "an answer that is none", id="nothing"),
        pytest.param(b"[" * 100_000, None, "an answer that is none", id="deep"),
        pytest.param(answer(done={"plans": {}}), None, "an answer that is none", id="half of it"),
        pytest.param(answer(refused=["no", "text"]), None, "an answer that is none", id="wrong type"),
        pytest.param(answer(refused="x", more=1), None, "an answer that is none", id="more"),
        pytest.param(answer(wanted="../../../../user"), None, "that the tree does not hold", id="blob"),
        pytest.param(answer(), None, "that the tree does not hold", id="empty"),
    ],
)
def test_requirement_21_crafted_answer_is_refused(
    crafted: bytes, length: int | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a process that a file has taken over."""
    monkeypatch.chdir(tmp_path)
    data = (len(crafted) if length is None else length).to_bytes(WIDTH, "big") + crafted
    start = module._start

    async def crafty() -> module._Worker:
        code = f"import sys; sys.stdout.buffer.write({data!r}); sys.stdout.flush(); sys.stdin.buffer.read()"
        pipe = asyncio.subprocess.PIPE
        return module._Worker(await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdin=pipe, stdout=pipe))

    async def work(planners: Workshop) -> None:
        monkeypatch.setattr(module, "_start", crafty)
        with pytest.raises(ForgeError, match=message):
            await planners.plan(ENTRIES, Settings(), fetch)
        monkeypatch.setattr(module, "_start", start)
        demand_plan(await planners.plan(ENTRIES, Settings(), fetch))

    within(work)
    assert list(tmp_path.iterdir()) == []


def test_answer_arrives_as_it_was_sent() -> None:
    outcome = Outcome("user", "applied", None, "why", Safety.REVIEW)
    plan = Plan("a", "\udcff", "b", {"c": "d"}, {"c": None}, (outcome,), (), (("user", "b"),), {"c": ("user",)})
    sent = Answer(done=Findings({EVERYTHING: (plan,)}, {EVERYTHING: ("text",)}, (plan,)))
    assert loaded(Answer, dumped(sent)) == sent


@pytest.mark.skipif(sys.platform != "linux", reason="is done on Linux alone")
def test_requirement_21_environment_is_concealed() -> None:
    code = "from dockfix.bot.concealment import conceal; conceal(); import ctypes; print(ctypes.CDLL(None).prctl(3))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"  # what PR_GET_DUMPABLE answers


def test_refusal_and_failed_blob_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    large = {"Dockerfile": Entry("Dockerfile", "100644", "1", tree.LARGEST_BLOB + 1)}

    async def fail(sha: str) -> bytes:
        raise ForgeError("no blob today")

    async def work(planners: Workshop) -> None:
        with pytest.raises(TreeError, match="more than 5,000,000 are not read"):
            await planners.plan(large, Settings(), fetch)
        with pytest.raises(ForgeError, match="no blob today"):
            await planners.plan(ENTRIES, Settings(), fail)
        with pytest.raises(WorkshopError, match="AttributeError"):
            await planners.plan(ENTRIES, Settings(overrides=None), fetch)  # type: ignore[arg-type]
        demand_plan(await planners.plan(ENTRIES, Settings(), fetch))

    within(work)
