"""Whether the account that runs an app may write to the app's own files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile import expand
from dockfix.explanation.arrivals import ARCHIVE
from dockfix.explanation.shape import uid
from dockfix.model import Purpose, named
from dockfix.model.accounts import option_value
from dockfix.model.config import covers, join
from dockfix.model.stages import FOLDERS

if TYPE_CHECKING:
    from dockfix.dockerfile.instruction import CopySpec
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, StageModel, Step

_LASTING_NOTHING = frozenset({Purpose.FOLDERS, Purpose.CLEANUP, Purpose.ACCOUNT, Purpose.NEUTRAL, Purpose.SETTINGS})
_PROGRAMS = ("/usr/bin", "/usr/lib", "/usr/local/bin", "/usr/local/lib")
"""Where programs and their libraries lie, without which an app is not the same."""
_TOOLS = frozenset({"chown", "chmod", "chgrp"})
_GIVING = frozenset({"-g", "-m", "-o", "--"})
"""How the options of install begin that set an owner or a mode."""
_OCTAL = re.compile(r"0?[0-7]?([0-7])([0-7])([0-7])")
GIVES = "gives it its files"


@dataclass(frozen=True, slots=True)
class Given:
    """What makes files that an account may write to, or may do so.

    Attributes:
        step: the instruction.
        certain: whether it does for certain.
        how: how, as words that follow its line.
    """

    step: Step
    certain: bool
    how: str


def given(model: Model, user: str) -> Iterator[Given]:
    """What in the final stage gives files of the app to the account *user*, or may do so."""
    stage = model.final
    places = _places(stage)
    made = {stage.lineage[0].steps[0].before.workdir}
    for step in stage.all_steps:
        for certain, how in _of(model, stage, step, user, places, made):
            yield Given(step, certain, how)
        if step.before.user.partition(":")[0] in {"", "0", "root"}:
            made |= {step.after.workdir}


def _of(
    model: Model, stage: StageModel, step: Step, user: str, places: frozenset[str], made: set[str]
) -> Iterator[tuple[bool, str]]:
    copy = step.instruction.copy
    running = _same(stage, step.before.user.partition(":")[0], user)
    if copy is not None:
        yield from _of_copy(model, stage, step, copy, user)
    elif step.instruction.keyword == "WORKDIR":
        if running and step.after.workdir not in made and any(covers(step.after.workdir, each) for each in places):
            yield False, "may make the folder of its files as this account"
    elif step.instruction.keyword == "RUN":
        for command in step.script.commands if step.script is not None else ():
            yield from _of_command(stage, step, command, user, places)
        if running and step.purposes - _LASTING_NOTHING:
            yield True, "runs as this account, whose files it leaves behind"
        elif Purpose.UNKNOWN in step.purposes or step.script is None or not step.script.ok:
            yield False, "may change who may write to them"


def _of_copy(model: Model, stage: StageModel, step: Step, copy: CopySpec, user: str) -> Iterator[tuple[bool, str]]:
    if copy.chown is not None:
        owner = _value(step, copy.chown)
        if owner is None:
            yield False, "gives its files to whom a variable names"
        elif (same := _same(stage, owner.partition(":")[0], user)) is not False:
            yield same is True, GIVES if same else "may be giving it its files"
    if copy.chmod is not None:
        mode = _value(step, copy.chmod)
        writes = None if mode is None else _writable(mode)
        if writes is not False:
            yield writes is True, "lets everybody write" if writes else "may let it write"
    if step.instruction.keyword == "ADD" and any(ARCHIVE.search(source) for source in copy.sources):
        yield False, "unpacks files with owners of their own"
    other = model.document.stage(copy.from_) if copy.from_ is not None else None
    if other is not None and any(
        basename(command.name) == "chmod" and _writable(_mode(command)) is not False
        for each in model.stages[other.index].all_steps
        for command in (each.script.commands if each.script is not None else ())
    ):
        yield False, "may take files that everybody may write to"


def _of_command(
    stage: StageModel, step: Step, command: ShellCommand, user: str, places: frozenset[str]
) -> Iterator[tuple[bool, str]]:
    words = [named(word, step) for word in command.words]
    if words and words[0] == "sudo":
        words = words[1:]
    tool = basename(words[0] or "") if words else ""
    args = [word for word in words[1:] if word is None or not word.startswith("-") or word[1:2] in set("rwxXst")]
    options = [word for word in words[1:] if word is not None and word not in args]
    if tool in {"useradd", "adduser", "usermod"}:
        home = option_value(command.args, "-d", "--home", "--home-dir", "-h")
        if home is not None and any(covers(home, place) for place in places):
            yield False, "makes the folder of its files the home of an account"
    if tool == "install" and _GIVING & {word[:2] for word in options} and not {"-d", "--directory"} & set(options):
        yield False, "may give it its files"
    if tool not in _TOOLS:
        return
    whole = any(re.fullmatch(r"-[A-Za-z]*R[A-Za-z]*|--recursive", word) for word in options)
    if any(word.startswith("--reference") for word in options):
        yield False, "gives files to whom another one belongs"
        return
    first, targets = (args[0], args[1:]) if args else (None, [])
    if tool == "chmod":
        gives = None if first is None else _writable(first)
    elif tool == "chgrp":
        gives = False
    else:
        owner = None if first is None else re.split(r"[:.]", first)[0]
        gives = None if owner is None else owner != "" and _same(stage, owner, user)
    if gives is False:
        return
    where = [_touches(stage, step, target, places, whole=whole) for target in targets] or [None]
    if any(each is not False for each in where):
        certain = gives is True and True in where
        yield certain, ("changes who may write to its files" if certain else "may change who may write to its files")


def _touches(stage: StageModel, step: Step, target: str | None, places: frozenset[str], *, whole: bool) -> bool | None:
    """Whether a path is a file of the app, or a folder of such; ``None`` where that is not known."""
    if target is None or any(sign in target for sign in "*?[~$`"):
        return None
    moved = step.script is not None and any(command.name == "cd" for command in step.script.commands)
    if moved and not target.startswith("/"):
        return None
    path = join(step.before.workdir, target)
    if any(covers(path, place) for place in places):
        return True  # what lies in a folder that one may write to can be replaced
    inside = any(covers(place, path) for place in places)
    if not inside:
        return False
    source = stage.context_path(path)
    if source is not None and stage.files.exists(source):
        return True
    return None if path not in stage.folders else False


def _places(stage: StageModel) -> frozenset[str]:
    """Where the app's files lie: what the copies of a stage make."""
    found = {placement.target for each in stage.lineage for placement in each.placements}
    for step in stage.all_steps:
        copy = step.instruction.copy
        if Purpose.INSTALL in step.purposes:
            found |= {join(step.before.workdir, "node_modules")}
        if copy is None or (copy.from_ is None and not copy.heredocs):
            continue
        target = join(step.before.workdir, expand(copy.destination, {**step.arguments, **step.before.env}) or "")
        found |= {join(target, basename(source)) for source in copy.sources} if target in FOLDERS else {target}
    return frozenset({*found, *_PROGRAMS})


def _same(stage: StageModel, owner: str, user: str) -> bool | None:
    """Whether two names or numbers are one account; ``None`` where that is not known."""
    if owner == user:
        return True
    if owner in {"", "0", "root"}:
        return False
    if "$" in owner:
        return None
    numbers = uid(stage, owner), uid(stage, user)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return False if not owner.isdigit() and not user.isdigit() else None


def _value(step: Step, text: str) -> str | None:
    """A value without variables; ``None`` where a build argument may change it."""
    return expand(text, step.before.env) if "$" in text else text


def _mode(command: ShellCommand) -> str:
    return next((word for word in command.args if not word.startswith("--") and not re.match(r"-[RcfvH]", word)), "")


def _writable(mode: str) -> bool | None:
    """Whether a mode lets others write; ``None`` where it lets a group, or cannot be read."""
    octal = _OCTAL.fullmatch(mode)
    if octal is not None:
        return True if int(octal[3]) & 2 else None if int(octal[2]) & 2 else False
    if not re.fullmatch(r"(?:[ugoa]*(?:[-+=][rwxXstugo]*)+,?)+", mode):
        return None
    unsure = False
    for clause in mode.split(","):
        who = re.match(r"[ugoa]*", clause)
        whom = who[0] if who else ""
        gains = [gain for sign, gain in re.findall(r"([-+=])([rwxXstugo]*)", clause) if sign != "-"]
        if any("w" in gain for gain in gains):
            if set(whom) & set("oa"):
                return True
            unsure = unsure or "g" in whom
        if any(set(gain) & set("ugo") for gain in gains) and whom != "u":
            unsure = True
    return None if unsure else False
