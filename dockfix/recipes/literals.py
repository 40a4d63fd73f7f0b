"""Paths outside of the app that its sources name and a base has to have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.catalog.fullpaths import behind
from dockfix.facts import files
from dockfix.model import SOURCES
from dockfix.recipes.dialect import FOREIGN
from dockfix.recipes.needs import OWN
from dockfix.recipes.split import UnfitError
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.model import Model, StageModel

LITERAL = re.compile(r"""["'`](/(?:usr/(?:share|lib)|etc|lib|var/lib)/[\w./+@-]+)["'`]""")
FONTS = re.compile(r"^/usr/share/fonts/(?:truetype|opentype|type1)/")
"""Where Debian's packages put fonts: https://wiki.debian.org/Fonts"""

ELSEWHERE = frozenset({"test", "tests", "__tests__", "node_modules", "venv", ".venv", "docs"})
_FILES = 5_000


def packages(model: Model, stage: StageModel) -> Iterator[str]:
    """The packages of the full image of *stage* whose files the sources open by their path."""
    for path, _ in _named(model, stage):
        package = behind(path, stage.image) if stage.image is not None else None
        if package is not None:
            yield package


def check(model: Model, stage: StageModel) -> None:
    """Refuse Alpine where the sources open what lies at that place on Debian alone.

    Raises:
        UnfitError: with the path and the line that names it.
    """
    for path, origin in _named(model, stage):
        package = behind(path, stage.image) if stage.image is not None else None
        if package is not None:
            raise UnfitError(None, f"the sources name {path} ({origin}), which is of Debian's {package}")
        if FONTS.search(path) or FOREIGN.search(path):
            raise UnfitError(None, f"the sources name {path} ({origin}), a place that Debian alone has")


def _named(model: Model, stage: StageModel) -> Iterator[tuple[str, str]]:
    """Each path outside of the app that its sources name and no instruction makes, with its first place."""
    # what a web server has been given are sources of pages, which run elsewhere
    if stage is not model.final or stage.image is None or stage.image.name not in OWN:
        return
    made = "\n".join(step.instruction.text for other in stage.lineage for step in other.steps)
    seen: set[str] = set()
    for name in model.app.root.walk("", _FILES):
        if not name.endswith(SOURCES) or ELSEWHERE & set(name.split("/")) or model.app.ignore.ignores(name):
            continue
        source = files.text(model.app.root, name) or ""
        for match in LITERAL.finditer(source):
            path = match[1]
            if path not in seen and path not in made:
                seen.add(path)
                yield path, model.app.origin(name, line_of(source, match.start()))
