"""Cache mounts: ``RUN --mount=type=cache`` in place of emptied caches.

https://docs.docker.com/build/cache/optimize/#use-cache-mounts
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.recipes import caches, chain, lists
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.dockerfile import Document
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, StageModel, Step

KEEP_PACKAGES = "rm -f /etc/apt/apt.conf.d/docker-clean"
"""Debian's and Ubuntu's images delete packages behind every install, which would empty the mount."""
APT = ("target=/var/cache/apt,sharing=locked", "target=/var/lib/apt,sharing=locked")


@dataclass(frozen=True, slots=True)
class Mounting:
    """What mounting caches in a RUN takes.

    Attributes:
        managers: whose caches they are.
        edits: to the RUN.
    """

    managers: tuple[str, ...]
    edits: tuple[Edit, ...]


def mounted(model: Model, stage: StageModel, position: int, before: list[str]) -> Mounting | None:
    """The caches that a RUN fills as mounts of its own; ``None`` where there are none to mount.

    Args:
        model: the Dockerfile.
        stage: the stage.
        position: the number of the RUN in it.
        before: commands of earlier RUNs of apt that are to run in this one.
    """
    document, step = model.document, stage.steps[position]
    script = step.script
    if script is None or not chain.understood(step) or step.instruction.heredocs or chain.cached(step):
        return None
    owner = _owner(stage, step)
    if owner is None:
        return None
    home, ids = owner
    targets: list[str] = []
    managers: list[str] = []
    removals: list[ShellCommand] = []
    edits: list[Edit] = []
    pips = [called for called in step.calls("pip", "install") if caches.is_pip(called)]
    if pips and "PIP_NO_CACHE_DIR" not in {*step.before.env, *step.arguments}:
        targets.append(f"target={home}/.cache/pip{ids}")
        managers.append("pip")
        for called in pips:
            edits += [
                _gone(document, word.span) for word in called.options if word.text in {"--no-cache-dir", "--no-cache"}
            ]
        removals += [called.command for called in step.calls("pip", "cache")]
    if any(called.verb in caches.FILLING for called in step.calls("npm")):
        targets.append(f"target={home}/.npm{ids}")
        managers.append("npm")
        removals += [called.command for called in step.calls("npm", "cache")]
    in_front: list[str] = []
    fetches = bool(before) or lists.use(step) == "fetches"
    if not ids and fetches and step.calls("apt", "install") and lists.needing(model, stage, position) is None:
        targets += APT
        managers.append("apt")
        removals += [command for command in script.commands if lists.is_removal(command)]
        in_front = [KEEP_PACKAGES]
    if not targets:
        return None
    for command in removals:
        edit = _cut(document, step, command)
        if edit is None:
            return None
        edits.append(edit)
    edits += _front(document, step, targets, [*in_front, *before])
    return Mounting(tuple(managers), tuple(edits))


def _owner(stage: StageModel, step: Step) -> tuple[str, str] | None:
    """The home of the user who runs a step, and the mount's options that give him the cache."""
    user = step.before.user.partition(":")[0]
    if user in {"", "root", "0"}:
        return "/root", ""
    for account in stage.accounts:
        if user in {account.name, str(account.uid)} and account.home:
            return account.home, f",uid={account.uid},gid={account.gid}"
    return None


def _front(document: Document, step: Step, targets: list[str], commands: list[str]) -> Iterator[Edit]:
    """The flags behind the keyword, each on its line where there are several, and *commands* before the first."""
    start = step.instruction.value_span.start
    broken = f" {document.broken}"
    one = len(targets) == 1 and not commands
    flags = (" " if one else broken).join(f"--mount=type=cache,{target}" for target in targets)
    joint = f" &&{broken}"
    place = step.instruction.flags[0].span.start if step.instruction.flags else start
    if place == start:
        yield Edit(
            Span(start, start), f"{flags}{' ' if one else broken}{''.join(f'{each}{joint}' for each in commands)}"
        )
        return
    yield Edit(Span(place, place), f"{flags} ")
    if commands:
        yield Edit(Span(start, start), "".join(f"{each}{joint}" for each in commands))


def _gone(document: Document, span: Span) -> Edit:
    """A word taken out with the blanks before it."""
    start = span.start
    while document.text[start - 1] in " \t":
        start -= 1
    return Edit(Span(start, span.end), "")


def _cut(document: Document, step: Step, command: ShellCommand) -> Edit | None:
    """A command taken out with the ``&&`` before it; ``None`` where it stands otherwise."""
    assert step.script is not None
    commands = step.script.commands
    at = commands.index(command)
    following = commands[at + 1] if at + 1 < len(commands) else None
    if (
        not at
        or command.depth
        or command.joiner not in {"&&", ";"}
        or (following and following.joiner not in {"&&", ";"})
    ):
        return None
    previous = commands[at - 1]
    if "#" in document.text[previous.span.end : command.span.start]:
        return None
    return Edit(Span(previous.span.end, command.span.end), "")
