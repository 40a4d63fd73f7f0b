"""apt's lists: which RUN fetches them, which ones need them, and where they can be removed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from dockfix.recipes import chain

if TYPE_CHECKING:
    from dockfix.dockerfile import Document
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, StageModel, Step

REMOVE = "rm -rf /var/lib/apt/lists/*"
NEEDING = frozenset({"install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep", "source", "download"})
FETCHERS = re.compile(r"\b(?:deb|rpm)\.nodesource\.com/setup|\bget\.docker\.com\b")
"""Downloaded scripts that fetch the lists themselves: https://github.com/nodesource/distributions,
https://github.com/docker/docker-install"""
HARMLESS = re.compile(
    r"sh\.rustup\.rs|install\.python-poetry\.org|astral\.sh/uv|nvm-sh/nvm|bun\.sh/install|get\.pnpm\.io"
)
"""Downloaded scripts that call no package manager of the system."""
BETWEEN = frozenset({"ARG", "ENV", "LABEL", "MAINTAINER", "EXPOSE"})
"""What may stand between two RUNs of apt that become one."""

_INSTALLS = re.compile(r"\b(?:apt|apt-get|aptitude)\b[^&|;\n]*\b(?:install|upgrade|build-dep)\b")
_FETCHES = re.compile(r"\b(?:apt|apt-get|aptitude)\b[^&|;\n]*\bupdate\b")
_SHELLS = frozenset({"sh", "bash", "dash", "zsh"})

Use = Literal["fetches", "needs"]


@dataclass
class Tidying:
    """What becomes of the RUNs of a stage that call apt.

    Attributes:
        before: by the position of a RUN, the commands of earlier RUNs that go in front of its own.
        dropped: the positions of those earlier RUNs, and of RUNs that only removed lists, with the reason.
        cleaned: the positions of RUNs that shall remove the lists.
        refused: positions with the reason why the lists stay.
    """

    before: dict[int, list[str]] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    cleaned: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)


def tidy(model: Model, stage: StageModel, ships: bool) -> Tidying:
    """What to do with the lists in *stage*; where it does not ship, only a lone ``apt-get update`` is joined."""
    result = Tidying()
    document, steps = model.document, stage.steps
    position = 0
    while position < len(steps):
        group = _group(document, steps, position, ships)
        if len(group) > 1 and needing(model, stage, group[-1]) is not None:
            # the lists stay in any case, so only a lone `apt-get update` is worth a change
            group = group[: 2 if _lone(steps[position]) else 1]
        last = group[-1]
        if len(group) > 1:
            result.before[last] = [chain.text(document, steps[index]) for index in group[:-1]]
            result.dropped |= dict.fromkeys(group[:-1], "its commands run in the next RUN of apt")
        if ships and use(steps[position]) == "fetches" and not any(_removes(steps[index]) for index in group):
            reason = _why_kept(model, stage, last, lone=len(group) == 1 and _lone(steps[last]))
            if reason == "":
                result.cleaned.add(last)
            elif reason is not None:
                result.refused[last] = reason
        position = last + 1
    _fold(steps, result)
    return result


def use(step: Step) -> Use | None:
    """Whether a RUN fetches lists before it needs any, needs those of an earlier one, or neither."""
    keyword, value = step.instruction.keyword, step.instruction.value
    if keyword in {"CMD", "ENTRYPOINT", "ONBUILD"}:
        return "needs" if _INSTALLS.search(value) and not _FETCHES.search(value) else None
    if keyword != "RUN":
        return None
    if any(flag.name == "mount" and "/var/lib/apt" in flag.value for flag in step.instruction.flags):
        return None
    if step.script is None or not step.script.ok:
        found = min(
            (m for m in (_FETCHES.search(value), _INSTALLS.search(value)) if m), key=lambda m: m.start(), default=None
        )
        return None if found is None else "fetches" if found.re is _FETCHES else "needs"
    events: list[tuple[int, Use]] = [
        (called.command.span.start, "fetches" if called.verb == "update" else "needs")
        for called in step.calls("apt")
        if called.verb == "update" or called.verb in NEEDING
    ]
    if match := FETCHERS.search(step.instruction.text):
        events.append((step.instruction.span.start + match.start(), "fetches"))
    return min(events)[1] if events else None


def needing(model: Model, stage: StageModel, position: int) -> Step | None:
    """The first later step, here or in a stage built on this one, that needs the lists as they are."""
    for step in stage.steps[position + 1 :]:
        match use(step):
            case "fetches":
                return None
            case "needs":
                return step
        if _downloads_script(step):
            return step
    for other in model.stages:
        if other.parent is not None and other.parent.index == stage.index:
            found = needing(model, other, -1)
            if found is not None:
                return found
    return None


def _downloads_script(step: Step) -> bool:
    """Whether a RUN hands a script to a shell that may install packages."""
    if step.script is None or HARMLESS.search(step.instruction.value):
        return False
    return any(
        command.joiner == "|" and (command.name in _SHELLS or (command.name == "sudo" and set(command.args) & _SHELLS))
        for command in step.script.commands
    )


def _why_kept(model: Model, stage: StageModel, position: int, *, lone: bool) -> str | None:
    """Why the lists that a RUN leaves behind stay; empty where they go, ``None`` where there is nothing to say."""
    step = stage.steps[position]
    if chain.cached(step):
        return None
    step_after = needing(model, stage, position)
    if step_after is not None:
        how = "installs from" if use(step_after) == "needs" else "runs a downloaded script that may install from"
        return f"apt's lists stay in the layer: line {step_after.instruction.line} {how} them without fetching its own"
    if lone:
        return None
    if not chain.understood(step) or chain.open_end(model.document, step) is None:
        return "apt's lists stay in the layer: this RUN is no plain chain of commands to add to"
    return ""


def _group(document: Document, steps: tuple[Step, ...], position: int, ships: bool) -> list[int]:
    """The positions of RUNs that become one: the first fetches lists, the others install from them."""
    group = [position]
    if use(steps[position]) != "fetches":
        return group
    while _pure(steps[group[-1]]):
        following = _following(steps, group[-1], lone=_lone(steps[group[-1]]))
        if following is None or use(steps[following]) != "needs" or not _joinable(document, steps[following]):
            break
        if not ships and not _lone(steps[group[-1]]):
            break
        group.append(following)
    return group


def _following(steps: tuple[Step, ...], position: int, *, lone: bool) -> int | None:
    rest = steps[position + 1 :]
    skipped = len(list(takewhile(lambda step: lone and step.instruction.keyword in BETWEEN, rest)))
    at = position + 1 + skipped
    return at if at < len(steps) and steps[at].instruction.keyword == "RUN" else None


def _joinable(document: Document, step: Step) -> bool:
    return not step.instruction.flags and chain.open_end(document, step) is not None


def _pure(step: Step) -> bool:
    """Whether a RUN does nothing but call apt, so that its commands can run at the head of another."""
    if not chain.understood(step) or step.instruction.flags or step.instruction.heredocs or step.script is None:
        return False
    if step.instruction.inner_comments or not step.script.flat:
        return False
    plain = all(command.joiner in {"", "&&"} and not command.redirects for command in step.script.commands)
    called = [invocation.command for invocation in step.calls("apt")]
    return plain and all(command in called for command in step.script.commands)


def _lone(step: Step) -> bool:
    """Whether a RUN fetches lists and does nothing else."""
    return _pure(step) and [called.verb for called in step.invocations] == ["update"]


def _removes(step: Step) -> bool:
    return (
        re.search(r"/var/lib/apt/lists|\b(?:apt|apt-get)\b[^&|;]*\bdist-?clean\b", step.instruction.value) is not None
    )


def _fold(steps: tuple[Step, ...], result: Tidying) -> None:
    """Drop a RUN that only removes lists, where none is left for it."""
    fetched, removed = False, True
    for position, step in enumerate(steps):
        if fetched and removed and _only_removes(step):
            result.dropped[position] = "the RUN that fetches the lists removes them"
        elif position not in result.dropped and (used := use(step)) is not None:
            fetched = True
            removed = removed and (position in result.cleaned or (used == "fetches" and _removes(step)))


def _only_removes(step: Step) -> bool:
    if not chain.understood(step) or step.instruction.flags or step.instruction.comments or step.script is None:
        return False
    return _removes(step) and all(is_removal(command) for command in step.script.commands)


def is_removal(command: ShellCommand) -> bool:
    """Whether a command does nothing but remove apt's lists and packages."""
    words = [word.text for word in command.words if word.text != "sudo"]
    if words[:1] == ["rm"]:
        targets = [word for word in words[1:] if not word.startswith("-")]
        return all(target.startswith(("/var/lib/apt/lists", "/var/cache/apt")) for target in targets)
    verbs = [word for word in words[1:] if not word.startswith("-")]
    return words[:1] in (["apt"], ["apt-get"], ["aptitude"]) and verbs in (
        ["clean"],
        ["autoclean"],
        ["dist-clean"],
        ["distclean"],
    )
