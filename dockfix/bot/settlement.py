"""Bringing one pull request to the state that a proposal asks for, whatever happened to it before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dockfix.bot import seal
from dockfix.bot.body import FOREIGN, foreign_comment, mark_of, withdrawn
from dockfix.bot.forge import Forge, ForgeError, Head, NewPull, Objects, Pull, Push, Remote
from dockfix.bot.proposal import ONBOARDING, Proposal, branch_name, branch_names
from dockfix.bot.settings import Settings

State = Literal[
    "opened",
    "updated",
    "current",
    "closed",
    "declined",
    "reverted",
    "foreign",
    "deferred",
    "planned",
    "failed",
]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one proposal.

    Attributes:
        topic: what it is about.
        state: what was done: ``opened``, ``updated`` or ``closed``; or why nothing was: it is ``current``, a person
            ``declined`` or ``reverted`` it, the branch holds ``foreign`` commits, a cap ``deferred`` it, it is only
            ``planned`` in a dry run, or it ``failed``.
        why: more of it, for a person.
        link: the pull request.
        remarks: what went wrong beside it, without harm to the pull request.
    """

    topic: str
    state: State
    why: str = ""
    link: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where a proposal goes.

    Attributes:
        forge: the forge.
        objects: what holds its git objects: the same, or plain git.
        remote: the repository that is proposed to.
        source: the repository that holds the branches: the same one, or a fork of it.
        base: the end of its default branch.
        branches: the bot's branches in *source*, each with its commit.
        settings: what holds for the repository.
        allow: asked before a pull request is opened; why it may not be, or ``None``.
        undo: told that an allowed pull request was not opened after all.
    """

    forge: Forge
    objects: Objects
    remote: Remote
    source: Remote
    base: Head
    branches: Mapping[str, str]
    settings: Settings
    allow: Callable[[], Awaitable[str | None]]
    undo: Callable[[], Awaitable[None]]


async def settle(place: Place, proposal: Proposal, body: str) -> Result:
    """Open or update the pull request of *proposal*, unless a person has decided otherwise.

    Args:
        place: where it goes.
        proposal: what to propose.
        body: its description, with its mark.

    Raises:
        ForgeError: the forge fails, or somebody pushes at the same time.
    """
    branch, pulls = await _found(place, proposal.topic)
    current = next((pull for pull in pulls if pull.state == "open"), None)
    if current is not None and current.base != place.remote.default_branch:
        return Result(proposal.topic, "foreign", f"proposed to {current.base} by a person", current.link)
    refused = _refused(proposal, pulls) if current is None else None
    if refused is not None:
        return refused
    standing = place.branches.get(branch)
    commit = None if standing is None else await place.forge.commit(place.source, standing)
    if commit is not None and not commit.untouched:
        return await _leave(place, proposal, branch, current)
    fresh = commit is not None and seal.content(commit.message) == proposal.content
    marked = mark_of(current.body) if current is not None else None
    # A description without a mark is a person's: it is theirs from then on.
    if current is not None and fresh and (marked is None or marked.content == proposal.content):
        return Result(proposal.topic, "current", link=current.link)
    if current is None and proposal.topic != ONBOARDING and await opted_out(place):
        return Result(proposal.topic, "declined", f"the onboarding {place.forge.noun} was closed by a person")
    if place.settings.dry_run:
        return Result(proposal.topic, "planned", "would be updated" if current else "would be opened")
    if current is None:
        return await _open(place, proposal, body, branch, standing, fresh=fresh)
    if not fresh:
        await _push(place, proposal, branch, standing)
    if marked is not None:
        await place.forge.edit(place.remote, current, title=proposal.title, body=body)
    return Result(proposal.topic, "updated", link=current.link)


async def withdraw(place: Place, topic: str) -> Result | None:
    """Close the pull request of a topic that there is nothing to propose for any more; ``None`` where there is none."""
    branch, pulls = await _found(place, topic)
    standing = place.branches.get(branch)
    if standing is None:
        return None
    current = next((pull for pull in pulls if pull.state == "open"), None)
    commit = await place.forge.commit(place.source, standing)
    if not commit.untouched:
        return None if current is None else Result(topic, "foreign", "others have pushed to its branch", current.link)
    if current is None and pulls:
        return None  # closed or merged: its branch is a person's to keep
    if place.settings.dry_run:
        return Result(topic, "planned", "would be closed", current.link if current else "")
    if current is not None and mark_of(current.body) is not None:
        why = f"{place.remote.default_branch} needs none of this any more."
        await place.forge.close(place.remote, current, body=withdrawn(current.body, why))
    elif current is not None:
        return Result(topic, "foreign", "a person has rewritten its description", current.link)
    await place.objects.delete_branch(place.source, branch, standing)
    return Result(topic, "closed", link=current.link if current else "")


async def opted_out(place: Place) -> bool:
    """Whether a person has closed the onboarding pull request."""
    _, pulls = await _found(place, ONBOARDING)
    return bool(pulls) and pulls[0].state == "closed" and not _is_withdrawn(pulls[0])


async def _found(place: Place, topic: str) -> tuple[str, Sequence[Pull]]:
    """The branch of a topic, and the pull requests from it and from the other name that it may have had."""
    branch = branch_name(topic, place.branches)
    pulls: list[Pull] = []
    for name in sorted(branch_names(topic), key=branch.__ne__):
        if name == branch or name in place.branches or not pulls:
            pulls += await place.forge.pulls(place.remote, name, place.source)
    return branch, pulls


def _refused(proposal: Proposal, pulls: Sequence[Pull]) -> Result | None:
    """Whether a person has said no to this very proposal."""
    for pull in pulls:
        mark = mark_of(pull.body)
        if mark is None and pull.state == "closed":
            return Result(proposal.topic, "declined", "closed by a person, who rewrote its description", pull.link)
        if mark is None or mark.key != proposal.key or mark.withdrawn:
            continue
        if pull.state == "merged":
            return Result(proposal.topic, "reverted", "merged before, and taken back", pull.link)
        return Result(proposal.topic, "declined", "closed by a person", pull.link)
    return None


def _is_withdrawn(pull: Pull) -> bool:
    mark = mark_of(pull.body)
    return mark is not None and mark.withdrawn


async def _leave(place: Place, proposal: Proposal, branch: str, current: Pull | None) -> Result:
    """Leave a branch alone that others have pushed to, and say so on its pull request, once."""
    if current is None:
        return Result(proposal.topic, "foreign", f"the branch {branch} holds commits of others")
    mark = mark_of(current.body)
    wanted = mark is None or mark.content != proposal.content
    if wanted and not place.settings.dry_run:
        said = [text async for text in place.forge.comments(place.remote, current)]
        if not any(FOREIGN in text for text in said):
            await place.forge.comment(place.remote, current, foreign_comment(place.forge.noun))
    return Result(proposal.topic, "foreign", "others have pushed to its branch", current.link)


async def _open(
    place: Place, proposal: Proposal, body: str, branch: str, standing: str | None, *, fresh: bool
) -> Result:
    denied = await place.allow()
    if denied is not None:
        return Result(proposal.topic, "deferred", denied)
    try:
        if not fresh:
            await _push(place, proposal, branch, standing)
        new = NewPull(
            proposal.title, body, branch, place.source, place.remote.default_branch, draft=place.settings.draft
        )
        pull = await place.forge.open(place.remote, new)
    except BaseException:
        await place.undo()
        raise
    return Result(proposal.topic, "opened", link=pull.link, remarks=await _adorn(place, pull))


async def _push(place: Place, proposal: Proposal, branch: str, standing: str | None) -> None:
    message = seal.message(proposal.text, proposal.content, place.settings.signer)
    push = Push(branch, place.remote, place.base, message, proposal.edits, standing)
    source = place.source
    if source.name != place.remote.name:
        source = await place.forge.fork(place.remote, create=True) or source
    await place.objects.push(source, push)


async def _adorn(place: Place, pull: Pull) -> tuple[str, ...]:
    """Labels and reviewers; a label that is missing must not cost the pull request."""
    remarks: list[str] = []
    settings = place.settings
    for wanted, add in ((settings.labels, place.forge.label), (settings.reviewers, place.forge.ask)):
        if not wanted:
            continue
        try:
            await add(place.remote, pull, wanted)
        except ForgeError as error:
            remarks.append(str(error))
    return tuple(remarks)
