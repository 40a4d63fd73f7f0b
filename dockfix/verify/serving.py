"""What two containers answer, compared: ports, paths, redirects, and what their pages take."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

from dockfix.verify import headers, normal
from dockfix.verify.answer import ANYWHERE, UNANSWERED

if TYPE_CHECKING:
    from dockfix.verify.answer import Answer
    from dockfix.verify.expectation import Expectation
    from dockfix.verify.observation import Observation

VARIES = "answers the same each time before, and otherwise each time after"
"""How a path is told of whose answers vary in the rewrite alone."""
OTHERWISE = "answers otherwise: "
"""How a path is told of whose body is another one after."""

_EPHEMERAL = 32768
"""From here on Linux deals out ports to whoever asks for any: ``net.ipv4.ip_local_port_range``."""
_REDIRECTED = 300
_FAILED = 500
_SYNONYMS = {
    # https://www.rfc-editor.org/rfc/rfc9239#section-6 and https://www.rfc-editor.org/rfc/rfc7303#section-9.2
    "application/javascript": "text/javascript",
    "application/x-javascript": "text/javascript",
    "text/xml": "application/xml",
    "image/x-icon": "image/vnd.microsoft.icon",
    # which says as much as none: https://www.rfc-editor.org/rfc/rfc9110#section-8.3
    "application/octet-stream": "",
}
"""Media types that programs give to the same files, by their registered names."""


def served(old: Observation, new: Observation, expected: Expectation) -> Iterator[str]:
    """What the rewrite answers otherwise than the original, beyond what *expected* tells, a line each."""
    if old.port is not None and new.port is None:
        yield f"the original answers on port {old.port}, the rewrite on none"
        return
    lost = {port for port in old.ports if port not in new.ports and port < _EPHEMERAL}
    if lost and not expected.other_server:
        yield f"nothing listens on {numbers(lost)} any more"
    silent = set(old.replies).difference(new.replies, lost) if new.port is None else set()
    if silent and not expected.other_server:
        yield f"something answers on {numbers(silent)} before, though not in HTTP, and nothing now"
    answers = {answer.question: answer for answer in new.answers}
    astray = {each.path for each in old.answers if not _leads_alike(each, answers.get(each.question))}
    for was in old.answers:
        is_ = answers.get(was.question)
        if was.follows in astray:
            continue  # whose redirect is the difference
        if is_ is None:
            yield f"{was.path} was answered with {was.status}, and is not answered"
        elif expected.other_server:
            yield from _elsewhere(was, is_, expected.asked)
        else:
            yield from _answer(was, is_)
            yield from _headers(was, is_)
    yield from _unserved(old, new)


def _leads_alike(was: Answer, is_: Answer | None) -> bool:
    """Whether both are redirects to the same place, or neither is one; what varies is left to the query."""
    if is_ is None:
        return not was.location
    if was.stable and is_.stable:
        return was.location == is_.location
    places = {each.location.partition("?")[0] for each in (was, is_)}
    return len(places) == 1 or ANYWHERE in places


def _elsewhere(was: Answer, is_: Answer, asked: Set[str]) -> Iterator[str]:
    """Another program serves: the page is the app's, what a person asks for theirs, everything else the server's."""
    home = was.question[0] == "/"
    if home and was.html:
        alike = (was.status, True, was.title) == (is_.status, is_.html, is_.title)
    elif was.question[0] in asked and was.status < _REDIRECTED:
        alike = (was.status, _kind(was)) == (is_.status, _kind(is_))
    elif (home or was.question[0] in asked) and was.location and is_.location:
        alike = True
    else:
        return
    if not alike:
        yield f"{was.path} was {_described(was)} and is {_described(is_)}"
    elif was.turned != is_.turned:
        yield _turned(was, is_)
    elif not _leads_alike(was, is_):
        yield _led(was, is_)


def _kind(answer: Answer) -> str:
    return _SYNONYMS.get(answer.type, answer.type)


def _answer(was: Answer, is_: Answer) -> Iterator[str]:
    if (was.status, was.type) != (is_.status, is_.type):
        yield f"{was.path} was {_described(was)} and is {_described(is_)}"
    elif was.turned != is_.turned:
        yield _turned(was, is_)
    elif not _leads_alike(was, is_):
        yield _led(was, is_)
    elif was.stable and was.lasting is not None:
        lost = normal.absent(was.lasting, is_.body)
        if lost is not None:
            piece, there = lost
            yield f"{was.path} {OTHERWISE}after each start it had …{piece[_window(there)]!r}, and has not"
    elif was.stable and not is_.stable:
        yield f"{was.path} {VARIES}"
    elif was.stable and was.body != is_.body:
        yield f"{was.path} {OTHERWISE}{_first_difference(was.body, is_.body)}"


def _headers(was: Answer, is_: Answer) -> Iterator[str]:
    """What an app sends along otherwise, where it answers at all and as before."""
    if was.status == is_.status < _FAILED and was.turned == is_.turned:
        for difference in headers.differences(was.headers, is_.headers):
            yield f"{was.path} {OTHERWISE}{difference}"


def _led(was: Answer, is_: Answer) -> str:
    return f"{was.path} led to {was.location or 'nowhere'}, and leads to {is_.location or 'nowhere'}"


def _unserved(old: Observation, new: Observation) -> Iterator[str]:
    """What the rewrite's pages need and do not get, where the original's lack it not.

    A development server may take its time for a piece; one that ends over it is found by asking the page once more.
    """
    if old.port is None:
        return
    known = {normal.body(path.encode()) for path in old.unserved}
    refused = ((path, how) for path, how in new.unserved.items() if how != UNANSWERED)
    lacking = [(path, how) for path, how in refused if normal.body(path.encode()) not in known]
    if lacking:
        (path, how), *others = lacking
        yield f"its page refers to {path}, which is {how}" + (f", and {len(others)} more" if others else "")


def _turned(was: Answer, is_: Answer) -> str:
    then, now = (each.status if each.turned is None else each.turned for each in (was, is_))
    return f"{was.path}, asked once more, was {then or 'not answered'} and is {now or 'not answered'}"


def _described(answer: Answer) -> str:
    title = f" “{answer.title}”" if answer.title else ""
    return f"{answer.status} {answer.type or 'without a type'}{title}"


def _first_difference(was: str, is_: str) -> str:
    start = next((at for at, (a, b) in enumerate(zip(was, is_, strict=False)) if a != b), min(len(was), len(is_)))
    window = _window(start)
    return f"was …{was[window]!r}, is …{is_[window]!r}"


def _window(place: int) -> slice:
    """So much of a body as is shown of a place in it."""
    return slice(max(0, place - 20), place + 60)


def numbers(ports: Set[int]) -> str:
    """Ports in words."""
    return "port " + ", ".join(map(str, sorted(ports)))
