"""How a container of the final stage starts: the command, followed to the program that really runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile import shell

if TYPE_CHECKING:
    from dockfix.dockerfile import Instruction
    from dockfix.dockerfile.shell import ShellCommand, ShellScript
    from dockfix.facts import App
    from dockfix.facts.commands import Resolved
    from dockfix.facts.node import Node
    from dockfix.facts.scripts import Script
    from dockfix.model.stages import StageModel

SHELLS = frozenset({"sh", "bash", "ash", "dash"})
INITS = frozenset(
    {"dumb-init", "tini", "docker-init", "catatonit", "s6-svscan", "init", "my_init", "supervisord", "systemd"}
)
VARIABLE = re.compile(r"""["']?[\w.:/=-]*\$(\w+|\{\w+(:?[-=][^{}$`]*)?\})[\w.:/=-]*["']?""")
RUNTIMES = {"node": "node", "oven/bun": "bun"}
"""Images whose entrypoint runs what is no program by their own, and that program."""

SCRIPTS = (".js", ".cjs", ".mjs", ".ts", ".tsx", ".jsx", ".mts")
NODE_RUNNERS = frozenset({"npm", "yarn", "yarnpkg", "pnpm", "bun", "npx"})


@dataclass(frozen=True)
class Start:
    """The start of a container.

    Attributes:
        words: ENTRYPOINT and CMD as Docker runs them, without an init in front.
        init: the init in front, empty where there is none.
        entrypoint: the chained entrypoint script of the base or of the app, empty where there is none.
        argv: the app's own command word by word, ``None`` where a shell line is not one plain command.
        shell_form: whether Docker wraps the command in a shell.
        text: the command as a person reads it.
        command: the CMD, or the ENTRYPOINT where that alone starts the app, if this file sets one.
        script: facts of an entrypoint script of the app's own.
        node: the package whose scripts were followed.
        resolved: where npm and the like lead.
        environment: variables that ``env`` or the shell line sets for the command alone.
    """

    words: tuple[str, ...]
    init: str
    entrypoint: str
    argv: tuple[str, ...] | None
    shell_form: bool
    text: str
    command: Instruction | None
    script: Script | None = None
    node: Node | None = None
    resolved: Resolved | None = None
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def program(self) -> tuple[str, ...] | None:
        """The argv that really runs: scripts of package.json followed where they are plain."""
        if self.resolved is not None:
            return self.resolved.command
        return self.argv

    @property
    def main(self) -> tuple[str, ...] | None:
        """The argv of the program that stays: of a line of several commands joined by ``&&``, the last.

        Variables in it are left as they are written.
        """
        if self.program is not None:
            return self.program
        if not self.shell_form or not self.line.ok or not self.line.flat or not self.line.commands:
            return None
        if any(command.joiner not in {"", "&&"} for command in self.line.commands):
            return None
        return _words(self.line.commands[-1])

    @cached_property
    def line(self) -> ShellScript:
        """The shell line that starts the app, parsed."""
        return shell.parse_shell(self.text)

    @property
    def names(self) -> frozenset[str]:
        """Names of every program that the start is known to call, each script followed."""
        texts = {word for word in self.words if not word.startswith("-")}
        found = {basename(command.name) for command in self.line.commands if command.name}
        found |= {basename(word) for word in self.words[:1]} if self.argv is not None else set()
        if self.argv:
            found.add(basename(self.argv[0]))
        if self.resolved is not None:
            found |= {basename(command.name) for command in shell.parse_shell(self.resolved.shell).commands}
            if self.resolved.command:
                found.add(basename(self.resolved.command[0]))
        return frozenset(found | (texts & {"celery", "gunicorn", "uvicorn"}))


def start_of(stage: StageModel, app: App, node: Node | None) -> Start:
    """How containers of *stage* start.

    Args:
        stage: the stage, usually the final one.
        app: the facts of the app.
        node: the package.json that lies in the stage's working directory.
    """
    config = stage.config
    entrypoint, cmd = config.entrypoint, config.cmd
    command_step = stage.last("CMD") or stage.last("ENTRYPOINT")
    command = command_step.instruction if command_step else None
    if entrypoint[:2] == config.shell[:2] and len(entrypoint) == len(config.shell) + 1:
        words = entrypoint  # the shell form ignores CMD
    else:
        words = (*entrypoint, *cmd)
    words, init = _without_init(words)
    chained, script = "", None
    if words and entrypoint and words[: len(_without_init(entrypoint)[0])]:
        first = _without_init(entrypoint)[0]
        if first and _is_script(first[0]) and (cmd or len(first) > 1 or first == words):
            path = stage.context_path(_absolute(stage, first[0]))
            script = app.script(path) if path is not None else None
            inherited = stage.image is not None and first == stage.image.entrypoint
            if inherited or (script is not None and cmd):
                chained, words = first[0], words[len(first) :] or words
    if chained and stage.image is not None and words and _by_runtime(stage, app, words[0]):
        words = (RUNTIMES[stage.image.name], *words)
    start = start_with(words, node)
    return replace(start, init=init or start.init, entrypoint=chained, command=command, script=script)


def runs_by_node(stage: StageModel, app: App, word: str) -> bool:
    """Whether the node image's entrypoint puts ``node`` in front of a command that starts with *word*.

    https://github.com/nodejs/docker-node/blob/main/docker-entrypoint.sh
    """
    if not word or word.startswith("-"):
        return True
    if "/" in word:
        return not (word.startswith(("/bin/", "/usr/")) or "node_modules/.bin/" in word or word.endswith(".sh"))
    paths = (stage.context_path(_absolute(stage, f"{word}{suffix}")) for suffix in ("", ".js", ".cjs", ".mjs"))
    return word.endswith((".js", ".cjs", ".mjs")) or any(path is not None and app.root.exists(path) for path in paths)


def _by_runtime(stage: StageModel, app: App, word: str) -> bool:
    """Whether the base's entrypoint puts its own program in front of a command that starts with *word*."""
    if stage.image is not None and stage.image.name == "oven/bun":
        return runs_by_bun(stage, app, word)
    return stage.image is not None and stage.image.name == "node" and runs_by_node(stage, app, word)


def runs_by_bun(stage: StageModel, app: App, word: str) -> bool:
    """Whether the bun image's entrypoint puts ``bun`` in front of a command that starts with *word*.

    It does so for an option, a file, and what is no program: https://github.com/oven-sh/bun/tree/main/dockerhub
    """
    if not word or word.startswith("-") or word in {"run", "start", "dev"}:
        return True
    path = stage.context_path(_absolute(stage, word))
    return word.endswith(SCRIPTS) or (path is not None and path.endswith(SCRIPTS) and app.root.exists(path))


def start_with(words: tuple[str, ...], node: Node | None) -> Start:
    """How a container starts that is given *words* alone, such as compose's ``command``.

    Args:
        words: program and arguments.
        node: the package.json that lies in the working directory.
    """
    words, init = _without_init(words)
    shell_form = len(words) >= 3 and basename(words[0]) in SHELLS and words[1] in {"-c", "-lc", "-ec"}
    text = words[2] if shell_form else " ".join(words)
    start = Start(words, init, "", None if shell_form else words, shell_form, text, None, None, node)
    if shell_form:
        start = replace(start, argv=_plain(start.line))
    if start.argv and basename(start.argv[0]) == "env":
        argv, environment = _without_env(start.argv)
        start = replace(start, argv=argv, environment=environment)
    runner = start.argv and basename(start.argv[0]) in NODE_RUNNERS
    if start.argv and node is not None and runner:
        start = replace(start, resolved=node.resolve(start.argv))
    return start


def _plain(line: ShellScript) -> tuple[str, ...] | None:
    """The argv of a shell line that is one plain command, perhaps behind ``exec``."""
    if not line.ok or len(line.commands) != 1:
        return None
    return _words(line.commands[0])


def _words(command: ShellCommand) -> tuple[str, ...] | None:
    """The words of one command, with its variables as they are written; ``None`` where a shell does more to them."""
    if command.assignments or command.redirects or not command.words:
        return None
    if not all(word.static or VARIABLE.fullmatch(word.text) for word in command.words):
        return None
    words = tuple(word.text for word in command.words)
    return words[1:] if words[0] == "exec" else words


def _without_init(words: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    if not words or basename(words[0]) not in INITS:
        return words, ""
    init = basename(words[0])
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        stop = rest[0] == "--"
        rest = rest[1:]
        if stop:
            break
    return rest, init


def _without_env(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The words behind ``env NAME=value``, and the assignments; unchanged where ``env`` has options."""
    rest = words[1:]
    environment = []
    while rest and re.match(r"\w+=", rest[0]):
        name, _, value = rest[0].partition("=")
        environment.append((name, value))
        rest = rest[1:]
    return (rest, tuple(environment)) if rest and not rest[0].startswith("-") else (words, ())


def _is_script(word: str) -> bool:
    return word.endswith(".sh") or "entrypoint" in basename(word)


def _absolute(stage: StageModel, path: str) -> str:
    from dockfix.model.config import join

    return join(stage.config.workdir, path)
