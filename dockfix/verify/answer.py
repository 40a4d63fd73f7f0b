"""What a container's port answers: a path, where its redirect leads, and what its pages take from the same server."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from dockfix.verify import headers, normal
from dockfix.verify.container import Container
from dockfix.verify.links import Origin, Reference, references
from dockfix.verify.result import Response

_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_DOCUMENTS = ("text/html", "application/xhtml+xml")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAILED = 400
ANYWHERE = "#"
"""The location of a redirect that leads elsewhere each time."""
UNANSWERED = "not answered"
"""How a piece of a page is answered that does not come, in time or at all."""
_FOLLOWING_SECONDS = 30.0
"""For a page that nobody waits for before: a development server makes it only then."""
_PIECES = 8
"""So many scripts and style sheets of a page are asked for; those that start the app come first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a path was answered.

    Attributes:
        path: the path asked for.
        status: the HTTP status.
        type: the media type, without parameters.
        body: the body with what varies from run to run masked.
        title: the title of an HTML page.
        stable: whether the same question got the same answer a second later.
        turned: the status that it got then, where that was another one; 0 where it was not answered any more.
        location: where a redirect leads, a path if to the same server, with what varies from run to run masked.
        follows: the path of which the redirect led here; empty where it was asked for itself.
        lasting: the pieces of the body that it has after every start; ``None`` where it is known of one alone.
        headers: those that tell of the app, as :mod:`dockfix.verify.headers` has them.
        target: the path to which a redirect leads on the same server, as it says it.
        pieces: the scripts and style sheets that a page takes from the same server.
    """

    path: str
    status: int
    type: str
    body: str
    title: str = ""
    stable: bool = True
    turned: int | None = None
    location: str = ""
    follows: str = ""
    lasting: tuple[str, ...] | None = field(default=None, compare=False)
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    target: str = field(default="", compare=False)
    pieces: tuple[Reference, ...] = field(default=(), compare=False)

    @property
    def html(self) -> bool:
        """Whether it is a page for a browser."""
        return self.type in _DOCUMENTS

    @property
    def question(self) -> tuple[str, bool]:
        """What was asked: a path, or wherever the redirect of one leads."""
        return self.follows or self.path, bool(self.follows)


def ask(container: Container, port: int | None, paths: Sequence[str]) -> dict[tuple[str, bool], Answer]:
    """The answers to *paths*, and where one redirects to a path that is not among them, that one's after it."""
    if port is None:
        return {}
    found = []
    asked = set(paths)
    for path in paths:
        answer = _answered(container, port, path)
        found.append(answer)
        if answer is not None and answer.target and answer.target not in asked:
            asked.add(answer.target)
            found.append(_answered(container, port, answer.target, follows=answer))
    return {answer.question: answer for answer in found if answer is not None}


def _answered(container: Container, port: int, path: str, follows: Answer | None = None) -> Answer | None:
    with suppress(OSError, http.client.HTTPException):
        origin = Origin(port, {container.address(), container.identity[:12]})
        if follows is None:
            return _answer(path, container.http(path, port), origin)
        answer = _answer(path, container.http(path, port, timeout=_FOLLOWING_SECONDS), origin)
        return replace(answer, path=follows.location, follows=follows.path)
    return None


def unserved(container: Container, port: int | None, answers: Iterable[Answer]) -> dict[str, str]:
    """The pieces of pages that are answered with an error, or with a page, as servers of one-page apps answer."""
    if port is None:
        return {}
    found = {}
    for path, accept in dict.fromkeys(piece for answer in answers for piece in answer.pieces):
        try:
            response = container.http(path, port, accept=accept)
        except (OSError, http.client.HTTPException):
            found[path] = UNANSWERED
        else:
            if response.status >= _FAILED or _type(response) in _DOCUMENTS:
                found[path] = f"answered with {response.status} {_type(response)}".strip()
    return found


def compared(first: Answer, second: Answer | None) -> Answer:
    """An answer with what asking once more has told."""
    status = second.status if second is not None else 0
    location = _lasting(first.location, second.location) if second is not None else first.location
    turned = status if status != first.status else None
    sent = headers.lasting(first.headers, second.headers) if second is not None else first.headers
    return replace(first, stable=first == second, turned=turned, location=location, headers=sent)


def restarted(first: Answer, second: Answer | None) -> Answer:
    """An answer with what that of another start of the same image has told, which may have chosen what it says anew."""
    if second is not None:
        first = replace(first, headers=headers.lasting(first.headers, second.headers))
    if second is not None and first.stable and first == replace(second, body=first.body, title=first.title):
        if first.body == second.body:
            return first
        known = (first.body,) if first.lasting is None else first.lasting
        return replace(first, lasting=normal.common(known, second.body))
    return replace(first, stable=False)


def _lasting(first: str, second: str) -> str:
    """What two redirects of one path have in common: all of it, all but the query, or nothing that lasts."""
    if first == second or not first:
        return first
    place = first.partition("?")[0]
    return place if place == second.partition("?")[0] else ANYWHERE


def _answer(path: str, response: Response, origin: Origin) -> Answer:
    title = _TITLE.search(response.body)
    text = title[1].decode("utf-8", "replace").strip() if title is not None else ""
    answer = Answer(path, response.status, _type(response), normal.body(response.body), text)
    answer = replace(answer, headers=headers.telling(response.headers))
    if answer.status in _REDIRECTS and (target := response.headers.get("location")):
        return replace(answer, location=origin.location(target, path), target=origin.path(target, path) or "")
    if answer.html and answer.status < _FAILED:
        page = response.body.decode("utf-8", "replace")
        return replace(answer, pieces=tuple(islice(references(page, path, origin), _PIECES)))
    return answer


def _type(response: Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()
