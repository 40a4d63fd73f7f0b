"""The documentation of a transform, read from its docstring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.transform import Transform

SECTIONS = ("What it does", "Why", "Refuses when", "Example")

_HEADING = re.compile(
    rf"^(?:#+\s*|\*+)?(?P<title>{'|'.join(SECTIONS)})(?:\*+)?:?(?:\*+)?[ \t]*(?:\n[-=~^]{{3,}}[ \t]*)?$", re.MULTILINE
)


def sections(transform: Transform) -> dict[str, str]:
    """The text of each section of the documentation, in its order, without headings."""
    matches = list(_HEADING.finditer(transform.doc))
    ends = [match.start() for match in matches[1:]] + [len(transform.doc)]
    return {
        match["title"]: transform.doc[match.end() : end].strip("\n") for match, end in zip(matches, ends, strict=True)
    }


def page(transform: Transform) -> str:
    """What ``dockfix rule`` prints: id, phase and safety, then the documentation."""
    phase = transform.phase.name.lower().replace("_", "-")
    head = f"{transform.id}  (phase {phase}, {transform.safety.value})\n\n{transform.summary}\n"
    body = "".join(
        f"\n{title}\n{'-' * len(title)}\n{text.strip(chr(10))}\n" for title, text in sections(transform).items()
    )
    return head + body
