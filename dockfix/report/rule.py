"""The documentation of a transform: its docstring, and as its example the diff or the advice of its fixture."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.transform import Transform

NOTES = "Good to know"
"""The section that a transform may have beside those that each of them has."""
SECTIONS = ("What it does", "Why", "Refuses when", "Example")
EXAMPLES = "examples"
"""The folder beside this module that holds each transform's example; ``dockfix.report.docs`` makes it."""


def sections(transform: Transform) -> dict[str, str]:
    """The text of each section of the docstring, in its order: ``Title:`` on a line of its own begins one."""
    heading = re.compile(rf"^({'|'.join((*SECTIONS, NOTES))}):?$", re.MULTILINE)
    _, *parts = heading.split(transform.doc)
    return {title: dedent(text.strip("\n")) for title, text in zip(parts[::2], parts[1::2], strict=True)}


def phase(transform: Transform) -> str:
    """The name of the transform's phase as people write it."""
    return transform.phase.name.lower().replace("_", "-")


@cache
def example(id: str) -> str | None:
    """The diff or advice that shows the transform *id* at work; ``None`` for a transform of another package."""
    place = files(__package__ or "dockfix.report") / EXAMPLES / f"{id}.diff"
    return place.read_text(encoding="utf-8") if place.is_file() else None


def page(transform: Transform) -> str:
    """What ``dockfix rule`` prints: id, phase and safety, then the documentation."""
    texts = sections(transform)
    shown = example(transform.id)
    if shown is not None:
        texts["Example"] = shown
    head = f"{transform.id} (phase {phase(transform)}, {transform.safety.value})\n\n{transform.summary}\n"
    return head + "".join(f"\n{title}\n{'-' * len(title)}\n{text.rstrip()}\n" for title, text in texts.items())
