"""Reports of which a field is not what it is in one that dockfix wrote."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from dockfix.verify import markdown, text
from dockfix.verify.answer import Answer
from dockfix.verify.comparison import Verdict
from dockfix.verify.image import ImageFacts
from dockfix.verify.json import document, read
from dockfix.verify.observation import Observation
from dockfix.verify.result import Layer, Stopped
from dockfix.verify.verification import Builds, Side, Step, Verification

RUN = Observation(
    True,
    exit_code=0,
    starved="ran out of memory",
    log="up",
    uid=1001,
    command=("node", "a.js"),
    ports=(80,),
    port=80,
    ready=0.5,
    answers=(Answer("/", 302, "text/html", "", turned=500, location="/in"), Answer("/in", 200, "", "", follows="/")),
    replies=(80,),
    unserved={"/a.js": "answered with 404"},
    health="healthy",
    healthy=1.5,
    stop=Stopped(0.2, 143),
    reaps=True,
    files={"a.js": True},
)
SIDE = Side(
    ImageFacts(9_000_000, 3, (Layer("RUN npm ci", 8_000_000),)),
    RUN,
    Builds(9.5, (1.5, 2.5), (4.5,), True, ("npm ci",)),
    "built",
)
WHOLE = Verification(
    "Dockerfile",
    Verdict("different", ("broken",), ("slow",)),
    SIDE,
    SIDE,
    ("a.js",),
    {"init": Step(Verdict("different", ("broken",)), 9)},
    ("init",),
    9.5,
    "f00",
)
CONTENT: Any = json.loads(document([WHOLE]))
Steps = tuple[str | int, ...]


def places(value: Any, before: Steps = ()) -> Iterator[Steps]:
    """The way to each value in a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in pairs:
        yield (*before, name)
        yield from places(each, (*before, name))


PLACES = tuple(places(CONTENT["files"]))


def with_value(place: Steps, value: Any) -> str:
    content = deepcopy(CONTENT)
    inner = content["files"]
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return json.dumps(content)


def shown(report: str) -> None:
    found = read(report)
    assert [*map(list, map(text.lines, found)), markdown.page(found)]


def test_a_report_is_what_it_is_taken_for() -> None:
    shown(json.dumps(CONTENT))
    assert len(PLACES) > 100


@pytest.mark.parametrize(
    "value", [None, "x", 7, -1.5, True, [], [7], ["x"], [None], {}, {"x": 7}, float("nan"), 10**400]
)
def test_no_value_of_another_type_is_more_than_a_complaint(value: Any) -> None:
    for place in PLACES:
        with suppress(ValueError):
            shown(with_value(place, value))


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ((0, "before", "image", "size"), "900", "files[0].before.image.size is no measured number"),
        ((0, "before", "image", "size"), None, "files[0].before.image.size is no measured number"),
        ((0, "after", "builds", "source", 1), [1], "files[0].after.builds.source[1] is no measured number"),
        ((0, "after", "run", "files", "a.js"), "x", "files[0].after.run.files.a.js is neither true nor false"),
        ((0, "after", "run", "command"), "x", "files[0].after.run.command is no list"),
        ((0, "after", "run"), 7, "files[0].after.run is no object"),
        ((0, "verdict"), "well", "files[0].verdict is no verdict"),
        ((0, "steps"), [], "files[0].steps is no object"),
        ((0, "path"), 7, "files[0].path is no text"),
    ],
)
def test_the_place_is_told(place: Steps, value: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        read(with_value(place, value))


def test_what_is_nested_without_end() -> None:
    with pytest.raises(ValueError, match="no report of dockfix verify"):
        read("[" * 100_000)
