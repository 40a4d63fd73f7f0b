"""From Debian to Alpine: every RUN of a stage translated, and the evidence that what it installs works on musl."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.model.commands import ACCOUNTS, purpose
from dockfix.recipes import busybox, needs
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.dockerfile.shell import ShellCommand, ShellWord
    from dockfix.facts.node import Node
    from dockfix.model import Model, StageModel, Step

FOREIGN = re.compile(
    r"add-apt-repository|apt-key|sources\.list|signed-by|\bdpkg\b|\.deb\b|debconf|apt-mark|update-alternatives|ldconfig"
    r"|locale-gen|localedef|update-locale|dpkg-reconfigure|x86_64-linux-gnu|aarch64-linux-gnu|/etc/init\.d|systemctl"
)
"""Words of a RUN or script that only Debian understands."""

DOWNLOADS = re.compile(r"\b(curl|wget)\b[^&|;]*https?://|\bnvm\b|\bpyenv\b|playwright install|puppeteer")
"""A RUN that fetches programs, which may be built for glibc."""

GNU_ONLY = re.compile(
    r"grep\s+-\w*P|find\s[^|;&]*-(printf|regextype)|sed\s+(-\w*z|--null-data)|xargs\s+(-d|--)"
    r"|date\s+(--date|-d\s+['\"]?[a-z0-9]+ )"
    r"|tar\s[^|;&]*--(transform|wildcards|strip-path)|readlink\s+-e|ps\s+(-ef|aux)|realpath\s+--relative|cp\s+--parents"
)
"""Options that busybox's applets lack: https://busybox.net/downloads/BusyBox.html"""

BUILD_BASE = ("gcc", "g++", "make", "musl-dev", "libc-dev", "binutils")
"""What Alpine's build-base brings: https://pkgs.alpinelinux.org/package/edge/main/x86_64/build-base"""

LOCALE = re.compile(r"[a-z]{2}_[A-Z]{2}")


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


def translate(model: Model, stage: StageModel, suite: str | None) -> Translation:
    """Everything of *stage* said for Alpine.

    Args:
        model: the model.
        stage: a stage on Debian.
        suite: Alpine's branch, such as ``3.22``.

    Raises:
        UnfitError: something has no counterpart, or nothing proves that it works on musl.
    """
    result = Translation()
    check_words(model, stage)
    for step in stage.steps:
        if step.script is not None:
            _run(step, suite, result)
    for name, call in needs.tools(model, stage).items():
        if catalog.busybox_has(call.name):
            continue
        result.packages += _names(name, suite, None, call.where)
    if _needs_bash(model, stage):
        result.packages.append("bash")
    if "TZ" in stage.config.env and stage.image is not None and stage.image.name != "python":
        result.packages.append("tzdata")
    result.packages += python_packages(model, stage, result.evidence)
    result.packages += node_packages(model, stage, result.evidence)
    covered = {*result.installed, *(BUILD_BASE if "build-base" in result.installed else ())}
    result.packages = [name for name in dict.fromkeys(result.packages) if name not in covered]
    return result


def check_words(model: Model, stage: StageModel) -> None:
    """Refuse what only Debian or glibc has.

    Raises:
        UnfitError: with the place.
    """
    for step in stage.steps:
        instruction, text = step.instruction, step.instruction.value
        if instruction.keyword == "RUN":
            if instruction.heredocs:
                raise UnfitError(instruction, "a heredoc is not translated")
            for pattern, why in (
                (FOREIGN, "exists on Debian only"),
                (DOWNLOADS, "may fetch a program built for glibc"),
                (GNU_ONLY, "is an option that busybox does not have"),
            ):
                match = pattern.search(text)
                if match:
                    raise UnfitError(instruction, f"`{match[0].strip()[:60]}` {why}")
            if step.script is not None and not step.script.ok:
                raise UnfitError(instruction, "the shell line cannot be read")
        if instruction.keyword == "SHELL" and "bash" not in text and "sh" not in text:
            raise UnfitError(instruction, "the shell is not one that Alpine has")
    for name in ("LANG", "LC_ALL", "LANGUAGE"):
        value = stage.config.env.get(name, "")
        if LOCALE.match(value):
            raise UnfitError(stage.stage.base, f"{name}={value} names a locale, and musl has none of those")
    script = model.start.script
    if stage is model.final and script is not None:
        for pattern, why in ((FOREIGN, "exists on Debian only"), (GNU_ONLY, "is an option that busybox does not have")):
            match = pattern.search(script.source)
            if match:
                raise UnfitError(model.start.command, f"`{match[0].strip()[:60]}` in {script.path} {why}")


def _needs_bash(model: Model, stage: StageModel) -> bool:
    for step in stage.steps:
        value = step.instruction.value
        if step.instruction.keyword in {"RUN", "SHELL", "CMD", "ENTRYPOINT"} and re.search(r"\bbash\b", value):
            return True
    if stage is not model.final:
        return False
    script = model.start.script
    if script is not None and (script.bash or script.bashisms):
        return True
    return any(call.name == "bash" for call in needs.calls(model, stage))


def _run(step: Step, suite: str | None, result: Translation) -> None:
    """Translate one RUN into *result*."""
    script, instruction = step.script, step.instruction
    assert script is not None
    touched = [
        command
        for command in script.commands
        if purpose(command) is Purpose.PACKAGES
        or (purpose(command) is Purpose.CLEANUP and _is_debian_cleanup(command))
        or basename(command.name) in ACCOUNTS
    ]
    if not touched:
        return
    if any(command.joiner not in {"", "&&", ";"} or command.depth for command in touched):
        raise UnfitError(instruction, "the packages are installed under a condition")
    if step.role is Role.PACKAGES or (step.purposes == {Purpose.CLEANUP} and len(touched) == len(script.commands)):
        _packages_only(step, suite, result)
        return
    if instruction.inner_comments:
        raise UnfitError(instruction, "this RUN has comments between packages and other commands")
    result.items[instruction.index] = (Keep(instruction, tuple(_edits(step, touched, suite, result))),)


def _packages_only(step: Step, suite: str | None, result: Translation) -> None:
    instruction = step.instruction
    operands = [word for called in step.invocations if called.verb == "install" for word in called.operands]
    names: list[str] = []
    for word in operands:
        names += _names(_package(word, step), suite, step, "")
    if any(called.verb in {"remove", "purge"} for called in step.invocations):
        raise UnfitError(instruction, "packages are removed again, which apk would do in another way")
    names = _with_headers(names)
    result.installed += names
    if not names:
        result.dropped[instruction.index] = "apk has no index to fetch or to clean"
        return
    flat = operands and instruction.source(0, 0) is not None and _one_a_line(instruction.text, operands)
    listed = " \\\n    ".join(names) if flat else " ".join(names)
    start = "RUN apk add --no-cache " + ("\\\n    " if flat else "")
    result.items[instruction.index] = (New(start + listed, replaces=(instruction,)),)


def _with_headers(names: list[str]) -> list[str]:
    """*names* once each, with the headers that Debian's gcc brings along and Alpine's does not."""
    names = list(dict.fromkeys(names))
    if "gcc" in names and not {"build-base", "g++", "musl-dev"} & set(names):
        names.insert(names.index("gcc") + 1, "musl-dev")
    return names


def _one_a_line(text: str, operands: list[ShellWord]) -> bool:
    """Whether the file lists its packages one a line."""
    lines = [line for line in text.split("\n") if any(word.text in line.split() for word in operands)]
    return len(operands) > 1 and len(lines) >= len(operands)


def _edits(step: Step, touched: list[ShellCommand], suite: str | None, result: Translation) -> Iterator[Edit]:
    """Edits to a RUN that does other things too: apt's commands become apk's or go away."""
    script = step.script
    assert script is not None
    commands = [command for command in script.commands if command.depth == 0]
    texts = {id(command): _command(step, command, suite, result) for command in touched}
    kept = [command for command in commands if texts.get(id(command), "x")]
    if not kept:
        raise UnfitError(step.instruction, "nothing of this RUN would remain")
    for position, command in enumerate(commands):
        text = texts.get(id(command))
        if text:
            yield Edit(command.span, text)
        elif text == "":
            following = next((other for other in commands[position + 1 :] if other in kept), None)
            if following is not None:
                yield Edit(Span(command.span.start, commands[position + 1].span.start), "")
            else:
                yield Edit(Span(commands[position - 1].span.end, command.span.end), "")


def _command(step: Step, command: ShellCommand, suite: str | None, result: Translation) -> str:
    """What stands for *command* on Alpine; empty where nothing is needed."""
    name = basename(command.name)
    if name in ACCOUNTS:
        if not all(word.static for word in command.words):
            raise UnfitError(step.instruction, f"{name} depends on a variable")
        text = busybox.translate(name, command.args)
        if text is None:
            raise UnfitError(
                step.instruction, f"`{' '.join((name, *command.args))[:60]}` has no counterpart in busybox"
            )
        return text
    if purpose(command) is Purpose.CLEANUP:
        return ""
    called = next(called for called in step.invocations if called.command == command)
    if called.verb == "update":
        return ""
    if called.verb in {"upgrade", "dist-upgrade", "full-upgrade"}:
        return "apk upgrade --no-cache"
    if called.verb != "install":
        raise UnfitError(step.instruction, f"apt {called.verb} has no counterpart that does the same")
    names: list[str] = []
    for word in called.operands:
        names += _names(_package(word, step), suite, step, "")
    names = _with_headers(names)
    result.installed += names
    return f"apk add --no-cache {' '.join(names)}" if names else ""


def _is_debian_cleanup(command: ShellCommand) -> bool:
    return basename(command.name) != "rm" or any("/apt" in arg for arg in command.args)


def _package(word: ShellWord, step: Step) -> str:
    if not word.static or any(character in word.text for character in "*?^$"):
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


def python_packages(model: Model, stage: StageModel, evidence: list[str]) -> list[str]:
    """Alpine packages that the app's Python packages need in *stage*.

    Raises:
        UnfitError: nothing proves that a package works on musl.
    """
    found: list[str] = []
    installs = needs.installs_python(stage)
    for requirement in model.requirements:
        wheel = catalog.python_wheel(requirement.name, requirement.version, needs.python_version(stage))
        title = needs.title(requirement)
        if wheel.musl == "unknown":
            raise UnfitError(None, f"whether {title} works on musl is not known")
        if wheel.musl == "none" or (wheel.musl == "sdist" and not wheel.quick_build):
            raise UnfitError(None, f"{title} has no wheel for musl: {wheel.evidence}")
        if installs and wheel.musl == "sdist":
            found += wheel.build
        if stage is model.final:
            found += wheel.runtime
            libraries = catalog.python_system_libraries(requirement.name, "alpine")
            if libraries is None:
                raise UnfitError(None, f"Alpine does not have what {title} calls")
            found += libraries
        if wheel.musl == "wheel":
            evidence.append(requirement.name)
    return found


def node_packages(model: Model, stage: StageModel, evidence: list[str]) -> list[str]:
    """Alpine packages that the app's native Node packages need in *stage*.

    Raises:
        UnfitError: nothing proves that a package works on musl.
    """
    found: list[str] = []
    installs = needs.installs_node(stage)
    for name, origin in native_modules(model):
        known = catalog.npm_native(name)
        if known is None:
            raise UnfitError(None, f"whether {name} works on musl is not known ({origin})")
        if known.musl is not True:
            raise UnfitError(None, f"{name} does not work on musl for certain: {known.reason} ({origin})")
        if installs and not known.prebuilt:
            found += known.build
        if stage is model.final:
            found += known.runtime
        evidence.append(name)
    return found


def native_modules(model: Model) -> Iterable[tuple[str, str]]:
    """Names and origins of the Node packages that compile or choose a binary when they are installed.

    The lock file tells; without one, the packages that package.json names and that the catalogue knows as native.
    """
    node = model.node
    if node is None:
        return []
    if node.locked:
        return _locked_natives(node)
    direct = {**node.dependencies, **node.dev_dependencies, **node.optional_dependencies}
    return [(name, fact.origin) for name, fact in direct.items() if catalog.npm_native(name) is not None]


def _locked_natives(node: Node) -> list[tuple[str, str]]:
    """What the lock marks as native; where it does not mark them (yarn), what the catalogue knows as native.

    A binary for glibc that its parent offers beside one for musl is never fetched on Alpine.
    """
    musl = {package.name for package in node.locked if "libc=musl" in package.platform}
    covered = {name for package in node.locked if musl & set(package.optional) for name in package.optional}
    found = []
    for package in node.locked:
        native = package.install_script or any(item.startswith("libc=") for item in package.platform)
        if package.install_script is None:
            native = catalog.npm_native(package.name) is not None
        if native and package.name not in covered:
            found.append((package.name, package.origin))
    return list(dict.fromkeys(found))
