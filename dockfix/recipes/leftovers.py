"""What the RUNs of an image leave behind that only root can use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile.shell import parse_shell
from dockfix.model import Purpose, Role
from dockfix.model.commands import TOOLCHAINS, purpose
from dockfix.model.config import join
from dockfix.recipes.obstacle import Obstacle

if TYPE_CHECKING:
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.facts import Fact
    from dockfix.model import Model, Step
    from dockfix.model.commands import Invocation

ROOT_HOME = re.compile(r"(?:^|[\s=:\"'])(?:/root(?:/|\b)|~(?:/|$)|\$HOME\b|\$\{HOME\})")
HARMLESS = frozenset(
    {
        "curl",
        "wget",
        "tar",
        "unzip",
        "7z",
        "7za",
        "7zr",
        "gunzip",
        "xz",
        "cp",
        "mv",
        "rm",
        "sed",
        "awk",
        "grep",
        "find",
        "xargs",
        "tee",
        "head",
    }
    | {
        "tail",
        "sort",
        "git",
        "gpg",
        "apt-key",
        "dpkg",
        "dpkg-reconfigure",
        "debconf-set-selections",
        "locale-gen",
        "cat",
    }
    | {"add-apt-repository", "update-locale", "update-ca-certificates", "ldconfig", "update-alternatives", "sha256sum"}
    | {
        "sha512sum",
        "md5sum",
        "uname",
        "arch",
        "which",
        "command",
        "type",
        "dos2unix",
        "strip",
        "chmod",
        "chown",
        "chgrp",
    }
    | {
        "mkdir",
        "touch",
        "ln",
        "install",
        "useradd",
        "groupadd",
        "adduser",
        "addgroup",
        "usermod",
        "groupmod",
        "set",
        "cd",
    }
    | {
        "export",
        "echo",
        "printf",
        "true",
        ":",
        "test",
        "[",
        "[[",
        "env",
        "printenv",
        "ls",
        "pwd",
        "date",
        "sleep",
        "node",
    }
    | {"make", "cmake", "ninja", "meson", "gcc", "g++", "cc", "./configure", "fc-cache", "corepack", "tr", "cut", "wc"}
    | {
        "basename",
        "dirname",
        "mktemp",
        "patch",
        "du",
        "exit",
        "unset",
        "id",
        "whoami",
        "localedef",
        "readlink",
        "apt-mark",
    }
    | {"apt-cache", "dpkg-architecture", "dpkg-query", "gzip", "bzip2", "n", "nproc", "trap", "shopt", "tsc"}
)
"""Commands of a RUN that leave nothing behind which only root could use, unless they are told to."""
REPOSITORIES = ("deb.nodesource.com", "rpm.nodesource.com", "packagecloud.io", "dl.yarnpkg.com")
"""Scripts piped into a shell that only add a package repository."""

DATABASE = re.compile(
    r"\bprisma\s+(?:migrate|db)\b|\bsequelize(?:-cli)?\s+db:|\bknex\s+(?:migrate|seed)|\btypeorm\s+(?:migration|schema):"
    r"|\bdrizzle-kit\s+(?:push|migrate)\b|\bmikro-orm\s+(?:migration|schema|seeder):"
    r"|\bnode\s+\S*(?:seed|migrat|populate|(?:init|create|setup)[-_]?(?:db|database|tables))\S*",
    re.IGNORECASE,
)
"""Commands that make or fill a database, by each tool's manual: in a build that is a file, which the app writes to."""

RUNNING = {"ruby": {Purpose.BUILD}, "php": {Purpose.BUILD, Purpose.INSTALL}}
"""By language, what runs the app itself in a build, which then logs and caches in folders that it writes to later."""


def left_behind(model: Model) -> Iterator[Obstacle]:
    """RUNs that may leave behind what only root can use."""
    for step in model.final.all_steps:
        if step.script is None:
            if step.instruction.keyword == "RUN":
                yield Obstacle(step.instruction, "what this RUN leaves behind cannot be told")
            continue
        if not step.script.ok:
            yield Obstacle(step.instruction, "what this RUN leaves behind cannot be told")
            continue
        yield from _run(model, step)
        if step in model.final.steps and step.purposes & RUNNING.get(model.server.language or "", set()):
            yield Obstacle(step.instruction, "what the build leaves in folders that the app writes to is root's")
    yield from _git(model)


def _run(model: Model, step: Step) -> Iterator[Obstacle]:
    assert step.script is not None
    at = step.instruction
    text = at.value
    for command in _unwrapped(step.script.commands):
        name = basename(command.name)
        words = " ".join(word.text for word in command.words)
        if not name:
            continue
        inside = [word.text for word in (*command.words[1:], *command.redirects) if ROOT_HOME.search(word.text)]
        if inside and name not in {"rm", "echo", "printf", "ls"}:
            yield Obstacle(at, f"{name} uses {inside[0]}, in root's home")
        elif name in {"sh", "bash", "ash"} and command.joiner == "|":
            if not any(place in text for place in REPOSITORIES):
                yield Obstacle(at, "a script from elsewhere installs something, perhaps in root's home")
        elif name.startswith("python"):
            if not _known_python(command):
                yield Obstacle(at, f"what `{_short(words)}` leaves behind, and for whom, cannot be told")
        elif DATABASE.search(words):
            yield Obstacle(at, f"what `{_short(words)}` leaves behind, and for whom, cannot be told")
        elif called := next((c for c in step.invocations if c.command is command), None):
            script = _script(model, called)
            if script is not None and DATABASE.search(script.value):
                why = f"what `{_short(words)}` leaves behind, and for whom, cannot be told ({script.origin})"
                yield Obstacle(at, why)
            yield from _manager(model, step, called.manager, called.verb, command)
            if called.manager in TOOLCHAINS and purpose(command) is Purpose.UNKNOWN:
                yield Obstacle(at, f"what `{_short(words)}` leaves behind, and for whom, cannot be told")
        elif name in {"npx", "pnpx", "bunx", "playwright"}:
            if "install" in command.args or "playwright" in command.args or name == "playwright":
                yield Obstacle(at, f"{words} keeps browsers in root's home")
        elif name == "chmod":
            yield from _mode(model, step, command)
        elif name == "umask" or (name not in HARMLESS and purpose(command) is Purpose.UNKNOWN):
            yield Obstacle(at, f"what `{_short(words)}` leaves behind, and for whom, cannot be told")


def _script(model: Model, called: Invocation) -> Fact[str] | None:
    """The script of the package that a package manager runs."""
    if model.node is None or called.manager not in {"npm", "yarn", "pnpm", "bun"}:
        return None
    names = [called.verb, *(word.text for word in called.operands[:1])]
    return next((model.node.scripts[name] for name in reversed(names) if name in model.node.scripts), None)


def _unwrapped(commands: Iterable[ShellCommand]) -> Iterator[ShellCommand]:
    """*commands*, and in place of ``sh -c`` the commands of its line, where that is plain."""
    for command in commands:
        args = command.args
        line = args[1] if command.name in {"sh", "bash"} and args[:1] == ("-c",) and len(args) == 2 else None
        inner = parse_shell(line) if line is not None and command.words[2].static else None
        if inner is not None and inner.ok and inner.commands:
            yield from inner.commands
        else:
            yield command


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= 40 else f"{words[:39]}…"


def _known_python(command: ShellCommand) -> bool:
    args = command.args
    if args[:1] in {("-V",), ("--version",)} or {"collectstatic", "compilemessages"} & set(args):
        return True
    if args[:1] == ("-m",) and args[1:2] and args[1] in {"pip", "venv", "compileall", "spacy", "ensurepip", "build"}:
        return True
    return any(basename(arg) == "setup.py" for arg in args[:1])


def _manager(model: Model, step: Step, manager: str, verb: str, command: ShellCommand) -> Iterator[Obstacle]:
    """Package managers that install under the home of whoever calls them."""
    environment = step.before.env
    if manager == "pip" and "--user" in command.args:
        yield Obstacle(step.instruction, "pip --user installs in root's home")
    elif manager == "poetry" and verb == "install":
        text = " ".join(s.instruction.value for s in model.final.all_steps)
        kept = {
            "POETRY_VIRTUALENVS_CREATE",
            "POETRY_VIRTUALENVS_IN_PROJECT",
            "POETRY_VIRTUALENVS_PATH",
        } & environment.keys()
        if not kept and not re.search(r"virtualenvs\.(?:create|in-project|path)", text):
            yield Obstacle(step.instruction, "poetry keeps its environment in root's home")
    elif manager == "pipenv" and "--system" not in command.args and "PIPENV_VENV_IN_PROJECT" not in environment:
        yield Obstacle(step.instruction, "pipenv keeps its environment in root's home")
    elif (
        manager == "bundle"
        and verb == "config"
        and not {"--local", "BUNDLE_USER_CONFIG"} & {*command.args, *environment}
    ):
        yield Obstacle(step.instruction, "bundle config without --local may keep its settings in root's home")
    elif (manager == "dotnet" and verb == "tool" and {"-g", "--global"} & set(command.args)) or (
        manager == "composer" and verb == "global" and "COMPOSER_HOME" not in environment
    ):
        yield Obstacle(step.instruction, f"{manager} keeps global tools in root's home")
    elif manager == "uv" and verb == "python" and "UV_PYTHON_INSTALL_DIR" not in environment:
        yield Obstacle(step.instruction, "uv keeps its interpreters in root's home")


def _mode(model: Model, step: Step, command: ShellCommand) -> Iterator[Obstacle]:
    """A chmod that keeps others out of what the app's account will not own."""
    args = [arg for arg in command.args if not arg.startswith("-")] or [""]
    mode, targets = args[0], args[1:]
    closed = bool(re.fullmatch(r"[0-7]{3,4}", mode)) and not int(mode[-1]) & 4
    closed = closed or bool(re.search(r"(?:^|,)(?:u\+\w*x|u=|go?-|o-|go=)", mode)) or bool(re.match(r"-\w*[rx]", mode))
    for target in targets if closed else ():
        place = join(step.before.workdir, target)
        owned = model.options.owner == "app" and any(
            place == p.target or (p.folder and place.startswith(f"{p.target.rstrip('/')}/"))
            for p in model.final.placements
            if f"{p.target}/".startswith(f"{model.folder.rstrip('/')}/")
        )
        if not owned:
            yield Obstacle(step.instruction, f"chmod {mode} keeps everybody but root out of {target}")


def _git(model: Model) -> Iterator[Obstacle]:
    """git refuses to read a folder of another owner, so that a RUN by root must not call it on the app's sources.

    https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
    """
    if model.options.owner == "root" or model.app.ignore.ignores(".git"):
        return
    seen = False
    for step in model.final.steps:
        seen = seen or step.role is Role.SOURCES
        if not seen or step.script is None:
            continue
        if any(command.name == "git" for command in step.script.commands):
            yield Obstacle(step.instruction, "git is called on the sources, which must then be root's")
        if Purpose.BUILD in step.purposes and model.node is not None:
            for fact in model.node.scripts.values():
                if re.search(r"\bgit\s", fact.value):
                    yield Obstacle(
                        step.instruction, f"git is called on the sources ({fact.origin}), which must then be root's"
                    )
        if Purpose.INSTALL in step.purposes:
            data = (model.app.root.read("pyproject.toml") or b"") + (model.app.root.read("setup.py") or b"")
            if re.search(rb"setuptools[-_]scm|hatch-vcs|versioneer|dynamic-versioning|\bpbr\b", data):
                yield Obstacle(step.instruction, "the version is read from git, so that the sources must be root's")
