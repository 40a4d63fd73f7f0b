"""A run over many repositories: each by itself, within the caps, and nothing lost when the run is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dockfix.bot.body import description
from dockfix.bot.database import StateError
from dockfix.bot.forge import Forge, ForgeError, MovedError, Objects, RefusedError, Remote
from dockfix.bot.proposal import ONBOARDING, PREFIX, onboarding, proposal, topic_of
from dockfix.bot.settings import Settings, granted
from dockfix.bot.settlement import Place, Result, settle, withdraw
from dockfix.bot.tree import LARGEST_BLOB, listed
from dockfix.bot.workshop import WorkshopError

if TYPE_CHECKING:
    from dockfix.bot.findings import Findings
    from dockfix.bot.forge import Entry
    from dockfix.bot.state import State

Fetch = Callable[[str], Awaitable[bytes]]
Planner = Callable[["Mapping[str, Entry]", "Settings", Fetch], Awaitable["Findings"]]
Enter = Callable[[Remote], AbstractAsyncContextManager[Objects]]

ORDER = ("failed", "opened", "updated", "closed", "planned", "deferred", "foreign", "reverted", "declined", "current")
"""Which of several results a repository is counted under."""


@dataclass(frozen=True)
class Record:
    """What became of a repository.

    Attributes:
        name: the repository.
        outcome: ``skipped``, ``failed``, ``clean`` where there is nothing to propose, or the state of a pull request.
        why: the reason, where there is one.
        results: its pull requests.
        findings: what dockfix had to say of it.
        waits: a pull request of it waits for room under the caps of the hour or the run.
    """

    name: str
    outcome: str
    why: str = ""
    results: tuple[Result, ...] = ()
    findings: Findings | None = None
    waits: bool = False

    def plain(self) -> dict[str, Any]:
        """What is kept of it, for JSON."""
        found = self.findings
        plans = [plan for each in found.plans.values() for plan in each] if found else []
        outcomes = [outcome for plan in (*plans, *(found.quiet if found else ())) for outcome in plan.outcomes]
        return {
            "name": self.name,
            "outcome": self.outcome,
            "why": self.why,
            "pull_requests": [asdict(result) for result in self.results],
            "applied": Counter(each.transform for each in outcomes if each.kind == "applied"),
            "refused": Counter(each.transform for each in outcomes if each.kind == "refused"),
            "refusals": [
                {"path": plan.path, "line": each.line, "transform": each.transform, "why": each.why}
                for plan in (*plans, *(found.quiet if found else ()))
                for each in plan.outcomes
                if each.kind == "refused"
            ],
            "failures": [str(each) for each in found.failures] if found else [],
            "left_out": [str(each) for each in found.omissions] if found else [],
        }


class SkipError(Exception):
    """A repository is not for the bot; ``str()`` says why."""


@dataclass
class Campaign:
    """A run over repositories.

    Attributes:
        forge: where they are.
        settings: what the operator asks for.
        planner: makes plans for a tree.
        state: where the run is kept.
        report: told of each repository when it is done.
        jobs: how many are worked on at a time.
        enter: gives what holds the objects of one repository, where that is not the forge's API.
    """

    forge: Forge
    settings: Settings
    planner: Planner
    state: State
    report: Callable[[Record], None]
    jobs: int = 8
    enter: Enter | None = None
    _busy: set[str] = field(default_factory=set)

    async def run(self, names: AsyncIterable[str]) -> None:
        """Deal with every repository of *names* that this run has not dealt with yet.

        Raises:
            ForgeError: the list cannot be read, or the forge does not know the account.
            StateError: what became of a repository cannot be kept.
        """
        queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=2 * self.jobs)
        workers = [asyncio.create_task(self._work(queue)) for _ in range(self.jobs)]
        feeder = asyncio.create_task(self._feed(names, queue))
        try:
            await asyncio.gather(feeder, *workers)
        finally:
            for task in (feeder, *workers):
                task.cancel()
            await asyncio.gather(feeder, *workers, return_exceptions=True)

    async def _feed(self, names: AsyncIterable[str], queue: asyncio.Queue[str | None]) -> None:
        async for name in names:
            if name.lower() not in self._busy and not self.state.is_done(name.lower()):
                self._busy.add(name.lower())
                await queue.put(name)
        for _ in range(self.jobs):
            await queue.put(None)

    async def _work(self, queue: asyncio.Queue[str | None]) -> None:
        while (name := await queue.get()) is not None:
            record = await self._attempt(name)
            self.state.record(name.lower(), record.outcome, record.plain(), waits=record.waits)
            self._busy.discard(name.lower())
            self.report(record)

    async def _attempt(self, name: str) -> Record:
        """Visit a repository; whatever goes wrong there is its own affair, unless the account itself is refused."""
        try:
            try:
                return await self.visit(name)
            except MovedError:  # somebody pushed between our looking and our writing: look again, once
                return await self.visit(name)
        except SkipError as skip:
            return Record(name, "skipped", str(skip))
        except RefusedError as error:
            if error.status == 401:
                raise
            return Record(name, "failed", str(error))
        except ForgeError as error:
            return Record(name, "failed", str(error))
        except StateError:
            raise
        except Exception as error:  # one bad repository never stops the rest
            what = str(error) if isinstance(error, WorkshopError) else f"{type(error).__name__}: {error}"
            return Record(name, "failed", f"dockfix itself failed, please report it: {what}")

    async def visit(self, name: str) -> Record:
        """Deal with one repository.

        Raises:
            SkipError: it is not for the bot.
            ForgeError: the forge fails.
        """
        try:
            remote = await self.forge.remote(name)
        except RefusedError as error:
            if error.status in (404, 451):
                raise SkipError(f"is not there, or not for this account ({error})") from None
            raise
        self._demand_suitable(remote)
        async with nullcontext(self.forge) if self.enter is None else self.enter(remote) as objects:
            return await self._deal(objects, remote, name)

    async def _deal(self, objects: Objects, remote: Remote, name: str) -> Record:
        forge = self.forge
        head = await objects.head(remote, remote.default_branch)
        if head is None:
            raise SkipError("is empty")
        source, exists = await self._source(remote)
        branches = await forge.branches(source, PREFIX) if exists else {}
        spent = self.state.spent(hour=self.settings.caps.hour, run=self.settings.caps.run)
        if spent is not None and not branches:
            return Record(name, "deferred", spent, waits=True)

        async def fetch(sha: str) -> bytes:
            return await objects.blob(remote, sha, LARGEST_BLOB)

        entries = await listed(objects, remote, head.tree)
        found = await self.planner(entries, self.settings, fetch)
        if not found.wishes.enabled:
            return Record(name, "skipped", "its configuration switches the bot off", findings=found)
        proposals = {topic: proposal(topic, plans, entries) for topic, plans in found.plans.items()}
        held = granted(self.settings, found.wishes)
        taken = _Openings(self, name, held)
        place = Place(forge, objects, remote, source, head, branches, held, taken.allow, taken.undo)
        if self.settings.onboard and not found.configured and proposals:
            welcome = onboarding(forge.noun)
            result = await settle(place, welcome, description(welcome, forge.noun, template=found.template))
            if result.state == "declined":
                return Record(name, "skipped", f"the onboarding {forge.noun} was closed by a person", (result,), found)
            if result.state != "reverted":
                return Record(name, result.state, "onboarding", (result,), found, taken.waits)
        standing = {topic for branch in branches if (topic := topic_of(branch)) is not None}
        results: list[Result] = []
        # What is open counts towards the repository's cap, so it comes before what is new.
        for topic in sorted(proposals, key=lambda topic: topic not in standing):
            each = proposals[topic]
            result = await settle(
                place,
                each,
                description(each, forge.noun, found.chapters[topic], found.omissions, found.failures, found.template),
            )
            results.append(result)
            taken.open += result.state in {"opened", "updated", "current", "foreign"} and bool(result.link)
        if not found.configured:
            standing.discard(ONBOARDING)  # still waits for its answer
        # A Dockerfile that could not be planned tells nothing of what is needed.
        for topic in sorted(standing - set(proposals)) if not found.failures else ():
            gone = await withdraw(place, topic)
            if gone is not None:
                results.append(gone)
        return Record(name, _outcome(results, found), _why(results, found), tuple(results), found, taken.waits)

    def _demand_suitable(self, remote: Remote) -> None:
        if remote.archived:
            raise SkipError("is archived")
        if remote.disabled:
            raise SkipError("is disabled")
        if remote.is_fork and not self.settings.forks:
            raise SkipError("is a fork (--forks visits those, too)")

    async def _source(self, remote: Remote) -> tuple[Remote, bool]:
        """Where branches are pushed to, and whether it is there already."""
        if remote.can_push:
            return remote, True
        if not self.settings.fork:
            raise SkipError("the account may not push to it (--fork proposes from a fork)")
        if not remote.can_fork:
            raise SkipError("the account may neither push to it nor fork it")
        found = await self.forge.fork(remote, create=False)
        if found is not None:
            return found, True
        name = f"{await self.forge.account()}/{remote.name.rpartition('/')[2]}"
        return replace(remote, name=name, is_fork=True, parent=remote.name), False


@dataclass
class _Openings:
    """The pull requests that may be opened for one repository."""

    campaign: Campaign
    name: str
    settings: Settings
    open: int = 0
    waits: bool = False
    _number: int = 0

    async def allow(self) -> str | None:
        caps = self.settings.caps
        if self.open >= caps.repository:
            return f"{self.open} {self.campaign.forge.noun}s are open here"
        got = self.campaign.state.reserve(self.name, hour=caps.hour, run=caps.run)
        if isinstance(got, str):
            self.waits = True
            return got
        self._number = got
        return None

    async def undo(self) -> None:
        self.campaign.state.release(self._number)


def _outcome(results: list[Result], found: Findings) -> str:
    states = {result.state for result in results}
    if not states and found.failures:
        return "failed"
    return next((state for state in ORDER if state in states), "clean")


def _why(results: list[Result], found: Findings) -> str:
    if found.failures:
        return str(found.failures[0])
    return next((result.why for result in results if result.why), "")
