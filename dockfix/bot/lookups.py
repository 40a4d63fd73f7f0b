"""What a forge's module looks for around a write, whatever its API is like."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from dockfix.bot.forge import ForgeError, MovedError, NewPull, Pull, RefusedError, Remote
from dockfix.bot.http import Http
from dockfix.bot.pace import Clock

T = TypeVar("T")

_TRIES = 10


async def first_list(http: Http, *lists: tuple[str, Mapping[str, str]]) -> AsyncIterator[Any]:
    """The items of the first list that there is: an organisation's, say, else a person's.

    Args:
        http: the client.
        lists: the path and the query of each.

    Raises:
        RefusedError: there is none.
    """
    for number, (path, query) in enumerate(lists, 1):
        try:
            async for item in http.pages(path, query):
                yield item
        except RefusedError as error:
            if error.status != 404 or number == len(lists):
                raise
        else:
            return


async def sent_or_found(send: Awaitable[T], look: Callable[[], Awaitable[T | None]], taken: int) -> T:
    """What *send* gives, or *look* where the forge says that it is there already.

    A request whose answer got lost before this run may have made it.

    Args:
        send: a write.
        look: looks for its result.
        taken: the status with which the forge says so.

    Raises:
        RefusedError: the forge refuses for another reason.
    """
    try:
        return await send
    except RefusedError as error:
        found = await look() if error.status == taken else None
        if found is None:
            raise
        return found


def titled(pull: Pull, title: str, draft: str) -> str:
    """*title* for a pull request that stays a draft if it is one, which is what its title tells by beginning so."""
    return f"{draft}{title}" if pull.title.startswith(draft) else title


def opened(pulls: Iterable[Pull], new: NewPull) -> Pull | None:
    """Of the pull requests from the branch of *new*, the one that is open for its base."""
    return next((pull for pull in pulls if pull.state == "open" and pull.base == new.base), None)


async def said(comments: AsyncIterator[str], text: str) -> bool | None:
    """Whether *text* is among the comments."""
    return True if text in [each async for each in comments] else None


async def delete_branch(
    http: Http, path: str, standing: Callable[[], Awaitable[str | None]], expected: str, branch: str
) -> None:
    """Delete a branch through an API that knows no condition: it is looked at just before.

    Args:
        http: the client.
        path: the branch, for a request.
        standing: tells where it stands.
        expected: where it must still stand.
        branch: what to call it.

    Raises:
        MovedError: it stands elsewhere.
    """
    if await standing() != expected:
        raise MovedError(f"{branch} has moved")

    async def gone() -> bool | None:
        return True if await standing() is None else None

    await http.write("DELETE", path, None, lambda reply: True, gone)


async def own_fork(
    remote: Remote, account: str, find: Callable[[str], Awaitable[Remote | None]]
) -> tuple[Remote | None, str]:
    """The fork of a repository that an account has, and its name without the account's, or one that is free for it.

    Args:
        remote: the repository.
        account: the account.
        find: gives the repository of a name.

    Raises:
        ForgeError: there is no fork, and no name is free.
    """
    short = remote.name.rpartition("/")[2]
    free = ""
    for name in (short, f"{remote.owner.replace('/', '-')}-{short}"):
        found = await find(f"{account}/{name}")
        if found is None:
            free = free or name
        elif (found.parent or "").lower() == remote.name.lower():
            return found, name
    if not free:
        raise ForgeError(f"{remote.name}: {account} has other repositories under the names that its fork would have")
    return None, free


async def when_ready(fork: str, look: Callable[[], Awaitable[T | None]], clock: Clock) -> T:
    """What *look* gives once a fork is there, which a forge makes after it has answered.

    Raises:
        ForgeError: it is not there after minutes.
    """
    for attempt in range(_TRIES):
        found = await look()
        if found is not None:
            return found
        await clock.sleep(min(30.0, 2.0**attempt))
    raise ForgeError(f"{fork}: the fork is not ready")
