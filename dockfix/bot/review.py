"""A review of a pull request on GitHub: suggestions on the lines that it shows, and what is left to say elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dockfix.bot.forge import RefusedError, Remote
from dockfix.bot.github import demand_name
from dockfix.bot.http import quoted
from dockfix.bot.suggestion import Hunk, Ids, Suggestion, hunks, keys, suggestions
from dockfix.bot.tree import LARGEST_BLOB, listed
from dockfix.config import NAME, PYPROJECT
from dockfix.report.record import Record, Rewrite

if TYPE_CHECKING:
    from dockfix.bot.campaign import Planner
    from dockfix.bot.findings import Findings
    from dockfix.bot.forge import Entry
    from dockfix.bot.github import GitHub
    from dockfix.bot.settings import Settings
    from dockfix.engine import Plan

MOST = 30
"""Suggestions in one review; more would bury a pull request."""
CONFIGURATIONS = frozenset({NAME, PYPROJECT})
_PAGE = {"per_page": "100"}
_BODY = (
    "Each of these suggestions leaves a working image by itself. What cannot be suggested on the lines of this pull "
    "request is told by its check."
)


@dataclass(frozen=True)
class Review:
    """What came of a review.

    Attributes:
        suggested: what stands on the pull request now, or would in a dry run.
        new: how many of these were not there before.
        rest: what is to be said elsewhere.
        refused: why the suggestions could not be made, if they could not.
    """

    suggested: tuple[Suggestion, ...]
    new: int
    rest: tuple[Record, ...]
    refused: str = ""


@dataclass
class _Desk:
    """Plans for the tree that a pull request proposes, each of which is made once.

    Attributes:
        forge: GitHub.
        remote: the repository.
        entries: the tree.
        planner: makes plans.
        settings: what is asked for.
    """

    forge: GitHub
    remote: Remote
    entries: Mapping[str, Entry]
    planner: Planner
    settings: Settings
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _found: dict[Ids, Findings] = field(default_factory=dict)

    async def findings(self, ids: Ids = frozenset()) -> Findings:
        """What these transforms alone find; without any, what all of them do."""
        if ids not in self._found:
            chosen = {"only": ids} if ids else {}
            settings = replace(self.settings, together=True, overrides={**self.settings.overrides, **chosen})
            self._found[ids] = await self.planner(self.entries, settings, self._blob)
        return self._found[ids]

    async def suggestions(self, plan: Plan, shown: tuple[Hunk, ...]) -> list[Suggestion]:
        """The suggestions that a plan amounts to."""

        async def planned(ids: Ids) -> Plan | None:
            return _plans(await self.findings(ids)).get(plan.path)

        ids = frozenset(each.transform for each in plan.outcomes if each.kind == "applied")
        return await suggestions(plan.path, ids, planned, shown)

    async def _blob(self, sha: str) -> bytes:
        if sha not in self._blobs:
            self._blobs[sha] = await self.forge.blob(self.remote, sha, LARGEST_BLOB)
        return self._blobs[sha]


async def review(forge: GitHub, name: str, number: int, planner: Planner, settings: Settings) -> Review:
    """Review the Dockerfiles that a pull request changes.

    Args:
        forge: GitHub.
        name: the repository.
        number: the pull request.
        planner: makes plans for a tree.
        settings: what is asked for.

    Raises:
        ForgeError: the pull request cannot be read.
    """
    remote = Remote(demand_name(name), "")
    pull = (await forge.http.get(_path(remote, f"pulls/{number}"))).data
    head = str(pull["head"]["sha"])
    tree = str((await forge.http.get(_path(remote, f"git/commits/{head}"))).data["tree"]["sha"])
    shown = await _shown(forge, remote, number)
    desk = _Desk(forge, remote, await listed(forge, remote, tree), planner, settings)
    found = await desk.findings()
    plans = {path: plan for path, plan in _plans(found).items() if path in shown}
    wanted = [each for path, plan in plans.items() for each in await desk.suggestions(plan, shown[path])][:MOST]
    there = await _there(forge, remote, number)
    new = [each for each in wanted if each.key not in there]
    refused = ""
    if new and not settings.dry_run:
        refused = await _comment(forge, remote, number, head, new)
    if refused:
        wanted, new = [each for each in wanted if each.key in there], []
    # A wrong configuration keeps everything from being reviewed, whether or not the pull request brings it.
    failures = (
        each for each in found.failures if each.path in shown or PurePosixPath(each.path).name in CONFIGURATIONS
    )
    rest = (Rewrite(path, Path(), _without(plan, wanted)) for path, plan in plans.items())
    return Review(tuple(wanted), len(new), (*failures, *rest), refused)


def _plans(found: Findings) -> dict[str, Plan]:
    return {plan.path: plan for plan in (*found.quiet, *(each for plans in found.plans.values() for each in plans))}


def _without(plan: Plan, suggested: Sequence[Suggestion]) -> Plan:
    """*plan* with what no suggestion says."""
    said = {id for each in suggested if each.path == plan.path for id in each.transforms}
    left = (each for each in plan.outcomes if each.kind != "applied" or each.transform not in said)
    return replace(plan, outcomes=tuple(left))


async def _shown(forge: GitHub, remote: Remote, number: int) -> dict[str, tuple[Hunk, ...]]:
    """What a pull request shows of each file that it leaves behind; of a file that is too large, nothing."""
    files = [each async for each in forge.http.pages(_path(remote, f"pulls/{number}/files"), _PAGE)]
    return {each["filename"]: hunks(each.get("patch") or "") for each in files if each["status"] != "removed"}


async def _there(forge: GitHub, remote: Remote, number: int) -> set[str]:
    """The keys of the suggestions that were made before, whether or not anybody has taken them up."""
    comments = [each async for each in forge.http.pages(_path(remote, f"pulls/{number}/comments"), _PAGE)]
    return {key for each in comments for key in keys(each.get("body") or "")}


async def _comment(forge: GitHub, remote: Remote, number: int, head: str, suggested: Sequence[Suggestion]) -> str:
    """Make one review with all comments; why GitHub refuses it, if it does: the token of a fork's pull request may only
    read."""

    async def made() -> bool | None:
        there = await _there(forge, remote, number)
        return True if all(each.key in there for each in suggested) else None

    body = {"commit_id": head, "event": "COMMENT", "body": _BODY, "comments": [_told(each) for each in suggested]}
    try:
        await forge.http.write("POST", _path(remote, f"pulls/{number}/reviews"), body, lambda reply: True, made)
    except RefusedError as error:
        if error.status == 401:
            raise
        return str(error)
    return ""


def _told(each: Suggestion) -> dict[str, Any]:
    """https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request"""
    comment: dict[str, Any] = {"path": each.path, "body": each.body, "line": each.change.last, "side": "RIGHT"}
    if each.change.first < each.change.last:
        comment |= {"start_line": each.change.first, "start_side": "RIGHT"}
    return comment


def _path(remote: Remote, rest: str) -> str:
    return quoted("repos", remote.name, rest)
