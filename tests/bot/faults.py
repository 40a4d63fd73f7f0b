"""What goes wrong between the bot and a forge, for :attr:`Hub.faults`."""

from __future__ import annotations

from collections.abc import Callable

from .hub import Answer, CutError, Fault, Request

Proceed = Callable[[], Answer]


def on(method: str, ending: str, act: Callable[[Request, Proceed], Answer | None], times: int = 1) -> Fault:
    """*act* at the first *times* requests of a method whose paths end so."""
    left = [times]

    def fault(request: Request, proceed: Proceed) -> Answer | None:
        if left[0] == 0 or request.method != method or not request.path.endswith(ending):
            return None
        left[0] -= 1
        return act(request, proceed)

    return fault


def answered(status: int, message: str = "", **headers: str) -> Callable[[Request, Proceed], Answer]:
    """Answer without letting the request take place."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request, proceed: Answer(status, {"message": message}, dict(names))


def lost(status: int) -> Callable[[Request, Proceed], Answer]:
    """Let the request take place, and answer as though it had failed."""

    def act(request: Request, proceed: Proceed) -> Answer:
        proceed()
        return Answer(status, {"message": "Server Error"})

    return act


def cut(*, after: bool) -> Callable[[Request, Proceed], Answer]:
    """Break the connection before an answer, after the request took place or before."""

    def act(request: Request, proceed: Proceed) -> Answer:
        if after:
            proceed()
        raise CutError

    return act


def garbled(request: Request, proceed: Proceed) -> Answer:
    """Let the request take place, and send half of an answer."""
    proceed()
    return Answer(200, b'{"number": 1, "st')
