"""Three small transforms, so that the bot is tested apart from what the real ones decide."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.model import Model
from dockfix.text import Edit
from dockfix.transform import Change, Phase, Refusal, Result, Safety, Transform, transform

NAIVE = 'FROM busybox:1.36\nRUN echo old\nCMD ["sh"]\n'
FIXED = 'FROM busybox:1.36\nRUN echo new\nCMD ["sh"]\n'
IGNORED = "/.git\n"


@transform("freshen", phase=Phase.MODERNISE)
def freshen(model: Model) -> Iterator[Result]:
    """Replace what is old, so that it is new."""
    for instruction in model.document.instructions:
        if instruction.keyword == "RUN" and "old" in instruction.value:
            start = instruction.value.index("old")
            yield Change(instruction, (Edit(instruction.source(start, start + 3), "new"),), "old is not new (app.py:1)")


@transform("ignore-file", phase=Phase.IGNORE_FILE, safety=Safety.REVIEW)
def ignore_file(model: Model) -> Iterator[Result]:
    """Make a file of what is ignored, where the sources are copied."""
    path = model.app.ignore.path
    if "COPY" in model.document.text and not model.app.ignore.exists:
        yield Change(None, (), f"{path} is missing", Safety.REVIEW, files={path: IGNORED})


@transform("no-sudo", phase=Phase.USER)
def no_sudo(model: Model) -> Iterator[Result]:
    """Refuse sudo."""
    for instruction in model.document.instructions:
        if "sudo" in instruction.value:
            yield Refusal(instruction, f"sudo is needed here: {instruction.value}")


TRANSFORMS: tuple[Transform, ...] = (freshen, ignore_file, no_sudo)
