"""Build arguments and variables that change with every commit, and where in a stage they are needed first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, StageModel, Step
from dockfix.recipes.prefetch import Prefetch
from dockfix.text import Edit, Span, apply

LATE = re.compile(
    r"(?:(?:APP|APPLICATION|BUILD|CI|IMAGE|PROJECT|RELEASE|SERVICE|SOURCE|VCS)_)?(?:VERSION|REVISION|HASH)"
    r"|(?:\w+_)?(?:COMMIT|SHA|SHA1|BUILD_DATE|BUILD_TIME|BUILD_ID|BUILD_NUMBER|VCS_REF)"
    r"|GIT_(?:SHA1?|COMMIT(?:_\w+)?|REF|REV|REVISION|HASH|BRANCH|TAG|DESCRIBE|VERSION)"
    r"|(?:VITE|REACT_APP|NEXT_PUBLIC|NUXT_PUBLIC|VUE_APP|GATSBY)_\w+"
)
"""Build arguments that change with every commit or environment, and that no install reads. The version of anything
else may be that of what a package fetches or is built with, as ``CHROMEDRIVER_VERSION`` is of
https://github.com/giggio/node-chromedriver#custom-binaries-url, and ``PROJ_VERSION`` of
https://pyproj4.github.io/pyproj/stable/installation.html."""

OTHERS = re.compile(r"\w+_(?:VERSION|REVISION|HASH)")
"""Those that may be of anything: ``go mod download`` and ``cargo fetch`` run no code that could read them."""
FETCHING = frozenset({"go", "cargo"})

TOOL_VERSIONS = re.compile(r"(?:NODE|NPM|YARN|PNPM|BUN|PYTHON|PIP|POETRY|UV|PIPENV|DEBIAN|ALPINE|UBUNTU)_\w+")
"""Versions of tools, which an install is made with."""


def stamps(stage: StageModel, items: Sequence[Item], fetched: Prefetch | None) -> list[Step]:
    """Build arguments, and variables set from them, above an install that does not need them, but a later RUN may.

    Args:
        stage: the stage.
        items: what it is to consist of; a RUN that installs and builds is taken apart there.
        fetched: where a RUN that fetches is put into it.
    """
    installs = [number for number, step in enumerate(stage.steps) if Purpose.INSTALL in step.purposes]
    kept = [item for item in items if isinstance(item, Keep)]
    cut = {item.instruction.index: _edited(item) for item in kept if item.edits}
    if not installs and fetched is None:
        return []
    above = stage.steps[: fetched.boundary if fetched is not None else installs[-1] + 1]
    found: list[Step] = []
    for number, step in enumerate(above):
        if step.instruction.keyword in {"ARG", "ENV"}:
            runs = [other for other in above[number + 1 :] if other.instruction.keyword == "RUN"]
            plain = all(called.manager in FETCHING for other in runs for called in other.invocations)
            if all(_is_late(name, plain) for name in names([step])) and all(
                other.instruction.index in cut or _is_plain(other) for other in runs
            ):
                found.append(step)
    while True:
        # one that something else above still names stays, and then so does what that one is made of
        staying = [step for step in above if step not in found]
        text = "\n".join(cut.get(step.instruction.index, step.instruction.text) for step in staying)
        moving = [step for step in found if not _mentions([step]).search(text) and _changes(step, found)]
        if moving == found:
            break
        found = moving
    if _target(stage, items, found, fetched) is None:
        return []
    return found


def names(steps: Sequence[Step]) -> list[str]:
    """The names that *steps* declare or set, in order."""
    return list(dict.fromkeys(name for step in steps for name, *_ in step.instruction.pairs()))


def _mentions(steps: Sequence[Step]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, names(steps)))})\b")


def _changes(step: Step, moving: Sequence[Step]) -> bool:
    """Whether a value comes from outside: that of an ENV does where it is made of what moves too."""
    others = [other for other in moving if other is not step]
    return step.instruction.keyword == "ARG" or (
        bool(others) and _mentions(others).search(step.instruction.text) is not None
    )


def _is_late(name: str, plain: bool) -> bool:
    """Whether a variable is late above installs; *plain*: they run no code of what they fetch."""
    late = LATE.fullmatch(name) or (plain and OTHERS.fullmatch(name))
    return bool(late) and TOOL_VERSIONS.fullmatch(name) is None


def _is_plain(step: Step) -> bool:
    """Whether a RUN installs or sets up, and so does not look at variables of the app."""
    plain = {Purpose.INSTALL, Purpose.SETTINGS, Purpose.PACKAGES, Purpose.TOOLS, Purpose.CLEANUP, Purpose.FOLDERS}
    return step.script is not None and step.script.ok and not step.purposes - plain - {Purpose.ACCOUNT}


def _edited(item: Keep) -> str:
    start = item.instruction.span.start
    inside = [edit for edit in item.edits if edit.span.start >= start]
    return apply(
        item.instruction.text,
        [Edit(Span(edit.span.start - start, edit.span.end - start), edit.text) for edit in inside],
    )


def _target(stage: StageModel, items: Sequence[Item], late: Sequence[Step], fetched: Prefetch | None) -> int | None:
    """The number of the first item behind the last install that runs something or names a late variable."""
    if not late:
        return None
    start = fetched.end if fetched is not None else _behind_install(stage, items)
    mentions = _mentions(late)
    for number in range(start, len(items)):
        item = items[number]
        text = item.text if isinstance(item, New) else item.instruction.text if isinstance(item, Keep) else ""
        if text[:3].upper() == "RUN" or mentions.search(text):
            return number
    return None


def _behind_install(stage: StageModel, items: Sequence[Item]) -> int:
    """The number of the first item behind the last install."""
    install = [step for step in stage.steps if Purpose.INSTALL in step.purposes][-1].instruction.index
    kept = (number for number, item in enumerate(items) if isinstance(item, Keep) and item.instruction.index == install)
    return max(kept) + 1


def delayed(
    stage: StageModel, items: Sequence[Item], late: Sequence[Step], fetched: Prefetch | None
) -> tuple[Item, ...]:
    """*items* with the steps *late* where they are needed first."""
    target = _target(stage, items, late, fetched)
    assert target is not None
    moving = {step.instruction.index for step in late}

    def staying(part: Sequence[Item]) -> Iterator[Item]:
        return (item for item in part if not (isinstance(item, Keep) and item.instruction.index in moving))

    moved = (Keep(step.instruction) for step in late)
    return (*staying(items[:target]), *moved, *staying(items[target:]))
