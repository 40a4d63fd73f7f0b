"""Files that name by its absolute path what pip installs, and so would lose it when it is installed elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.recipes.needs import OWN, lines
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.model import Model, Step

PLACES = re.compile(r"/usr/local/(?:bin/(?P<program>[\w.@+-]+)|lib/python[\d.]*/(?:site|dist)-packages)")
"""Where pip puts console scripts and packages in the images of Python."""

SUFFIXES = (".sh", ".bash", ".conf", ".ini", ".cfg", ".toml", ".service", ".cron", ".crontab", ".py")
"""Ends of the names of files that start programs; one without a suffix may be a script, a crontab or a Procfile."""

LARGEST = 200_000
FILES = 3000
PROGRAMS = "/usr/local/bin/"
PLACING = frozenset({"ln", "cp", "mv", "install"})
OUTPUT = re.compile(r"-\w*[oO]|--output(?:-document)?")
"""The option behind which curl and wget want a file."""


@dataclass(frozen=True, slots=True)
class _Text:
    """Something that may start a program.

    Attributes:
        text: its text.
        origin: what a report calls it.
        at: the instruction that it is, if it is one.
        numbered: whether a report names the line, too.
    """

    text: str
    origin: str
    at: Instruction | None = None
    numbered: bool = False


def check_moved(model: Model, *, interpreter: bool) -> None:
    """Refuse where something names pip's own folders, which the packages leave.

    Args:
        model: the model.
        interpreter: whether even the image's own Python would not find the packages any more.

    Raises:
        UnfitError: with the place.
    """
    made = {name for step in model.final.steps for name in _made(step)}
    for each in _texts(model, shebangs=interpreter):
        for match in PLACES.finditer(each.text):
            program = match["program"]
            own = program is not None and not interpreter and OWN["python"].fullmatch(program)
            if own or program in made or _is_copied(model, match[0]):
                continue
            line = f":{each.text.count(chr(10), 0, match.start()) + 1}" if each.numbered else ""
            raise UnfitError(each.at, f"{each.origin}{line} names {match[0]}, which the packages would leave")


def _is_copied(model: Model, path: str) -> bool:
    """Whether a COPY from the build context brings *path*."""
    source = model.final.context_path(path)
    return source is not None and model.app.root.exists(source)


def _texts(model: Model, *, shebangs: bool) -> Iterator[_Text]:
    """Everything in the image, in the file and in compose that may start a program."""
    for step in model.final.steps:
        if step.instruction.copy is None or step.instruction.heredocs:
            yield _Text(step.instruction.text, f"this {step.instruction.keyword}", step.instruction)
    for line, origin in lines(model):
        yield _Text(line, origin)
    for path in model.app.root.walk("", FILES):
        if not _may_start(path) or model.app.ignore.ignores(path) or model.final.image_path(path) is None:
            continue
        data = model.app.root.read(path) or b""
        if b"/usr/local/" in data and len(data) <= LARGEST:
            text = data.decode("utf-8", "surrogateescape")
            yield _Text(text if shebangs else re.sub(r"\A#!.*", "", text), model.app.origin(path), numbered=True)


def _may_start(path: str) -> bool:
    name = basename(path)
    return name.endswith(SUFFIXES) or ("." not in name and "dockerfile" not in name.lower())


def _made(step: Step) -> Iterator[str]:
    """Names of the programs that a step itself puts among those of the image."""
    copy = step.instruction.copy
    if copy is not None and f"{copy.destination}/".startswith(PROGRAMS):
        yield from (basename(path) for path in (copy.destination, *copy.sources))
    for command in step.script.commands if step.script else ():
        words = [word.text for word in command.words]
        targets = words[-1:] if command.name in PLACING else []
        targets += [second for first, second in pairwise(words) if OUTPUT.fullmatch(first)]
        targets += [word.text.lstrip("&0123456789<> ") for word in command.redirects]
        yield from (basename(target) for target in targets if target.startswith(PROGRAMS))
