"""From Debian to Alpine: every RUN of a stage translated, word by word where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog import recommends
from dockfix.catalog.mediatypes import PACKAGE
from dockfix.dockerfile.layout import Item, Keep
from dockfix.facts import files
from dockfix.model import Purpose
from dockfix.model.accounts import account_name, option_value
from dockfix.model.commands import ACCOUNTS, purpose
from dockfix.recipes import accounts, busybox, counterparts, dialect, libc, literals, mediatypes, musl, needs
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.dockerfile import Instruction
    from dockfix.dockerfile.shell import ShellCommand, ShellWord
    from dockfix.model import Invocation, Model, StageModel, Step

BUILD_BASE = ("gcc", "g++", "make", "musl-dev", "libc-dev", "binutils")
"""What Alpine's build-base brings: https://pkgs.alpinelinux.org/package/edge/main/x86_64/build-base"""

NUMBERED = {
    "groupadd": (("-g", "--gid"), ()),
    "addgroup": (("-g", "--gid"), ()),
    "useradd": (("-u", "--uid"), ("-g", "--gid")),
    "adduser": (("-u", "--uid"), ("-G", "--ingroup", "--gid")),
}
"""The options that give a new user or group its number, and those that give the user its first group."""

SYSTEM_PATHS = ("/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/")
SAME_PATHS = frozenset({"/bin/sh", "/bin/bash", "/usr/bin/env", "/usr/bin/dumb-init", "/bin/true", "/bin/false"})
"""Programs with the same path on both sides."""

SETTING = re.compile(r"^\s*user\s*[= ]\s*([\w-]+)", re.MULTILINE | re.IGNORECASE)
"""The account in the settings of nginx, Apache, supervisord and uWSGI."""

TINI = ("/usr/bin/tini", "/sbin/tini")
"""Where the package of tini puts it on Debian, and on Alpine."""


@dataclass
class Translation:
    """A stage on Alpine.

    Attributes:
        items: what stands for an instruction, by its index; missing ones stay as they are.
        dropped: instructions without a counterpart, with the reason.
        packages: Alpine packages to install beside those that the stage names itself.
        installed: Alpine packages that its own RUNs install after the translation.
        evidence: what was looked up, for the report.
    """

    items: dict[int, tuple[Item, ...]] = field(default_factory=dict)
    dropped: dict[int, str] = field(default_factory=dict)
    packages: list[str] = field(default_factory=list)
    installed: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)


def translate(model: Model, stage: StageModel, image: Image) -> Translation:
    """Everything of *stage* said for Alpine.

    Args:
        model: the model.
        stage: a stage on Debian.
        image: the image that it moves to.

    Raises:
        UnfitError: something has no counterpart, or nothing proves that it works on musl.
    """
    result = Translation()
    needs.check_app(model, stage, mounted=False)
    dialect.check(model, stage)
    dialect.check_browsers(stage)
    counterparts.check(model, stage, image)
    libc.check_loaded(model)
    libc.check_searched(model)
    libc.check_dates(model)
    literals.check(model, stage)
    musl.check_binaries(model, stage)
    _check_accounts(model, stage, image)
    for step in stage.steps:
        if step.script is not None:
            _run(step, stage, image, result)
        elif step.instruction.keyword in {"ENTRYPOINT", "CMD"} and TINI[0] in step.instruction.text:
            result.items[step.instruction.index] = (Keep(step.instruction, (_tini(step.instruction),)),)
    for name, call in needs.tools(model, stage).items():
        # Alpine's own curl and git bring the certificates
        if not catalog.busybox_has(call.name) and name != "ca-certificates":
            result.packages += _with_headers(_names(name, image.suite, None, call.where))
    asking = mediatypes.asked(model, stage)
    if asking is not None:
        result.packages += _names(PACKAGE, image.suite, None, asking)
    _check_paths(model, stage)
    if needs.needs_bash(model, stage) is not None:
        result.packages.append("bash")
    if _has_zone(model, stage) and image.name != "python":
        result.packages.append("tzdata")
    if image.name in needs.OWN:  # a web server is given files, whatever made them
        result.packages += musl.python_packages(model, stage, result.evidence)
        result.packages += musl.node_packages(model, stage, result.evidence)
    inherited = [name for other in stage.lineage[:-1] for _, name in other.packages]
    covered = {*inherited, *result.installed, *(BUILD_BASE if "build-base" in result.installed else ())}
    if (result.packages or result.installed) and _older(image):
        wanted = [*result.installed, *result.packages]
        raise UnfitError(stage.stage.base, f"whether Alpine {image.suite} has {wanted[0]} is not recorded")
    developed = {lib for name in result.packages for lib in _libraries(name, image)}
    given = covered | developed | {name for name in result.packages if _lacked(stage, name)}
    result.packages = [name for name in dict.fromkeys(result.packages) if name not in given]
    return result


def _lacked(stage: StageModel, package: str) -> bool:
    """Whether the slim image of *stage* never had a package, so that what asks for it has always done without.

    Alpine calls those that are followed by the same name.
    """
    if stage.image is None or stage.image.variant != "slim" or package not in recommends.FOLLOWED:
        return False
    installed = [name for other in stage.lineage for _, name in other.packages]
    return not any(recommends.may_bring(name, package) for name in installed)


def _older(image: Image) -> bool:
    """Whether the image stands on a branch of Alpine whose packages are not recorded."""
    first = int(catalog.OLDEST_BRANCH.partition(".")[2])
    return image.suite is None or not image.suite.startswith("3.") or int(image.suite.partition(".")[2]) < first


def _libraries(name: str, image: Image) -> tuple[str, ...]:
    """The libraries that an Alpine package of headers brings along."""
    return (catalog.runtime_libraries(name, "alpine", image.suite) or ()) if name.endswith("-dev") else ()


def _has_zone(model: Model, stage: StageModel) -> bool:
    if "TZ" in stage.config.env or any("zoneinfo" in step.instruction.value for step in stage.steps):
        return True
    return stage is model.final and any("TZ" in service.environment for service in model.services)


def _check_paths(model: Model, stage: StageModel) -> None:
    for call in needs.calls(model, stage):
        if call.path.startswith(SYSTEM_PATHS) and call.path not in SAME_PATHS and call.path != TINI[0]:
            raise UnfitError(None, f"{call.path} ({call.where}) may lie elsewhere on Alpine")


def _check_accounts(model: Model, stage: StageModel, image: Image) -> None:
    """Refuse accounts that Debian has and Alpine has not, or has under another number."""
    here = {account.name for account in stage.accounts} - set(stage.created_accounts)
    lost = here - {account.name for account in image.accounts}
    for step in stage.steps:
        for name in _account_words(step):
            if name in lost:
                raise UnfitError(step.instruction, f"Alpine has no account {name}")
    for placement in stage.placements:
        if not placement.folder and placement.source.endswith((".conf", ".template", ".ini")):
            match = SETTING.search(files.text(model.app.root, placement.source) or "")
            if match and match[1] in lost:
                raise UnfitError(placement.step.instruction, f"{placement.source} wants {match[1]}, which Alpine lacks")


def _account_words(step: Step) -> Iterator[str]:
    instruction = step.instruction
    if instruction.keyword == "USER":
        yield from step.after.user.split(":")
    if instruction.copy is not None and instruction.copy.chown:
        yield from instruction.copy.chown.split(":")
    for command in step.script.commands if step.script else ():
        if basename(command.name) in {"chown", "chgrp", "su", "gosu", "install", "usermod"}:
            for arg in command.args:
                yield from arg.split(":")


def _tini(instruction: Instruction) -> Edit:
    start = instruction.span.start + instruction.text.index(TINI[0])
    return Edit(Span(start, start + len(TINI[0])), TINI[1])


def _run(step: Step, stage: StageModel, image: Image, result: Translation) -> None:
    """Translate one RUN into *result*."""
    script, instruction = step.script, step.instruction
    assert script is not None
    texts = [_Text(command, step, stage, image, result) for command in script.commands if _is_debian(command)]
    if not texts:
        return
    if any(text.command.joiner not in {"", "&&", ";"} or text.command.depth for text in texts):
        raise UnfitError(instruction, "the packages are installed under a condition")
    edits = [edit for text in texts for edit in text.edits()]
    gone = {id(text.command) for text in texts if text.gone}
    commands = [command for command in script.commands if command.depth == 0]
    if len(gone) == len(commands):
        result.dropped[instruction.index] = "apk has no index to fetch or to clean"
        return
    for before, command in pairwise(commands):
        if id(before) in gone and command.joiner not in {"&&", ";"}:
            raise UnfitError(instruction, f"what follows a command that falls away depends on it: {command.name}")
    edits += _removals(commands, gone)
    for comment in instruction.inner_comments:
        if any(edit.span.start <= comment.span.start < edit.span.end for edit in edits):
            raise UnfitError(instruction, f"a comment stands among what falls away: {comment.text}")
    result.items[instruction.index] = (Keep(instruction, tuple(edits)),)


def _is_debian(command: ShellCommand) -> bool:
    """Whether a command installs packages, cleans up after that, or makes accounts."""
    if basename(command.name) in ACCOUNTS:
        return True
    if purpose(command) is Purpose.PACKAGES:
        return True
    words = [word.text for word in command.words]
    return purpose(command) is Purpose.CLEANUP and any("/apt" in word or word.startswith("apt") for word in words)


def _removals(commands: Sequence[ShellCommand], gone: set[int]) -> Iterator[Edit]:
    """The edits that take commands out of a line, each with the joiner that becomes idle."""
    for position, command in enumerate(commands):
        if id(command) not in gone:
            continue
        if any(id(other) not in gone for other in commands[position + 1 :]):
            yield Edit(Span(command.span.start, commands[position + 1].span.start), "")
        else:
            yield Edit(Span(commands[position - 1].span.end, command.span.end), "")


@dataclass
class _Text:
    """A command of Debian's and what it becomes."""

    command: ShellCommand
    step: Step
    stage: StageModel
    image: Image
    result: Translation
    gone: bool = False

    def edits(self) -> list[Edit]:
        """The edits to the command; none where it is :attr:`gone`."""
        if basename(self.command.name) in ACCOUNTS:
            text = self._account()
            name = basename(self.command.name)
            return [] if busybox.understands(name, self.command.args) else [Edit(self.command.span, text)]
        called = next((called for called in self.step.invocations if called.command == self.command), None)
        if called is None or purpose(self.command) is Purpose.CLEANUP or called.verb == "update":
            self.gone = True
            return []
        if called.verb in {"upgrade", "dist-upgrade", "full-upgrade"}:
            return [Edit(self.command.span, "apk upgrade --no-cache")]
        if called.verb in {"remove", "purge"}:
            return [Edit(self.command.span, self._removed(called))]
        if called.verb != "install":
            raise UnfitError(self.step.instruction, f"apt {called.verb} has no counterpart that does the same")
        return self._installed(called)

    def _account(self) -> str:
        name = basename(self.command.name)
        if not all(word.static for word in self.command.words):
            raise UnfitError(self.step.instruction, f"{name} depends on a variable")
        groups = {str(owner.gid): owner.group for owner in accounts.created(self.stage) if owner.gid is not None}
        groups |= dict(_made_groups(self.stage))
        self._check_free(name)
        taken = catalog.groups(self.image.distribution) | {str(each.gid): each.group for each in self.image.accounts}
        text = busybox.translate(name, self.command.args, taken | groups)
        if text is None:
            words = " ".join((name, *self.command.args))
            raise UnfitError(self.step.instruction, f"`{words[:60]}` has no counterpart in busybox")
        return text

    def _check_free(self, name: str) -> None:
        """Refuse a user or a group whose name or number Alpine has already, where Debian has not.

        Raises:
            UnfitError: with who has it.
        """
        new = account_name(self.command.args)
        if name not in NUMBERED or new is None:
            return
        groups = catalog.groups(self.image.distribution)
        number_options, group_options = NUMBERED[name]
        number = option_value(self.command.args, *number_options) or ""
        if group_options:
            for account in self.image.accounts:
                if new == account.name or number == str(account.uid):
                    why = f"user {account.name} has the number {account.uid} on Alpine"
                    raise UnfitError(self.step.instruction, why)
        # a user of no group that is named gets one of its own name and number
        if not group_options or option_value(self.command.args, *group_options) is None:
            if new in groups.values():
                raise UnfitError(self.step.instruction, f"Alpine has a group {new}")
            if number in groups:
                raise UnfitError(self.step.instruction, f"group {groups[number]} has the number {number} on Alpine")

    def _removed(self, called: Invocation) -> str:
        names: list[str] = []
        for word in called.operands:
            for name in _with_headers(_names(_package(word, self.step), self.image.suite, self.step, "")):
                if name not in self.result.installed:
                    raise UnfitError(self.step.instruction, f"{word.text} is removed, which Alpine does not have")
                names.append(name)
                self.result.packages += _libraries(name, self.image)
        if not names:
            self.gone = True
        return f"apk del {' '.join(dict.fromkeys(names))}"

    def _installed(self, called: Invocation) -> list[Edit]:
        """Name by name, so that the list keeps its shape and its comments."""
        operands, options = called.operands, called.options
        if not operands:
            raise UnfitError(self.step.instruction, "apt installs nothing by name")
        first = operands[0].span.start
        head = [word for word in self.command.words if word.span.end <= first]
        edits = [Edit(Span(self.command.span.start, head[-1].span.end), "apk add --no-cache")]
        words = [head[-1], *[word for word in self.command.words if word.span.start >= first]]
        compiler = "build-base" in self.result.installed or any(word.text == "build-essential" for word in operands)
        written = False
        for before, word in pairwise(words):
            names: list[str] = []
            if word not in options:
                names = _with_headers(_names(_package(word, self.step), self.image.suite, self.step, ""), compiler)
            fresh = [name for name in names if name not in self.result.installed]
            self.result.installed += fresh
            written = written or bool(fresh)
            if fresh:
                edits.append(Edit(word.span, self._separator(before, word).join(fresh)))
            else:
                edits.append(Edit(Span(before.span.end, word.span.end), ""))
        if not written:
            self.gone = True
            return []
        return [edit for edit in edits if edit.text or edit.span.start < edit.span.end]

    def _separator(self, before: ShellWord, word: ShellWord) -> str:
        """What stands between two names: a space, or a line break where the file lists one a line."""
        start = self.step.instruction.span.start
        gap = self.step.instruction.text[before.span.end - start : word.span.start - start]
        return " " if "\n" not in gap or "#" in gap else gap


def _made_groups(stage: StageModel) -> Iterator[tuple[str, str]]:
    """Numbers and names of the groups that a stage makes."""
    for step in stage.all_steps:
        for command in step.script.commands if step.script else ():
            if basename(command.name) not in {"groupadd", "addgroup"}:
                continue
            for option, value in pairwise(command.args):
                if option in {"-g", "--gid", "-rg"} and value.isdigit():
                    yield value, command.args[-1] if command.args[-1] != value else command.args[0]


def _with_headers(names: Sequence[str], compiler: bool = False) -> list[str]:
    """*names* with the headers that Debian's compilers bring along and Alpine's gcc does not."""
    if "gcc" in names and not compiler:
        return [part for name in names for part in ((name, "musl-dev") if name == "gcc" else (name,))]
    return list(names)


def _package(word: ShellWord, step: Step) -> str:
    if not word.static or re.search(r"[*?^$]", word.text):
        raise UnfitError(step.instruction, f"which packages {word.text} names cannot be told")
    if "=" in word.text:
        raise UnfitError(step.instruction, f"{word.text} pins a version of Debian's")
    return word.text


def _names(package: str, suite: str | None, step: Step | None, caller: str) -> tuple[str, ...]:
    answer = catalog.alpine(package, suite)
    at = step.instruction if step is not None else None
    where = f" ({caller})" if caller else ""
    if answer is None:
        raise UnfitError(at, f"Alpine's name for {package} is not in the catalogue{where}")
    if answer.kind == "none":
        raise UnfitError(at, f"Alpine has no {package}: {answer.reason or 'it is not packaged there'}{where}")
    if answer.confidence == "low":
        raise UnfitError(at, f"Alpine's name for {package} is not proven{where}")
    return answer.packages
