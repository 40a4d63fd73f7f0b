"""From ``npm start`` to the program that really runs, through package.json's scripts."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.words import Command, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.node import Node

_DEPTH = 10
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_NPM_VERBS = frozenset({"start", "test", "stop", "restart", "t", "tst"})
_RUN = frozenset({"run", "run-script", "rum", "urn"})
_EXEC = frozenset({"exec", "x", "dlx"})
_FOLDER_OPTIONS = frozenset({"--prefix", "-C", "--cwd", "--dir"})
_MEMBER_OPTIONS = frozenset({"-w", "--workspace", "--filter", "-F"})
_SELF = frozenset({
    "install", "i", "ci", "add", "remove", "link", "cache", "config", "set", "audit", "prune", "dedupe", "version",
    "publish", "pack", "why", "workspaces", "rebuild", "init", "create", "info", "list", "ls", "up", "upgrade",
})  # fmt: skip
#: What bun does itself, whatever the scripts are called: https://bun.com/docs/bundler, https://bun.com/docs/test
_BUN = frozenset({"build", "test"})
#: Programs that only change the environment of the one they start.
_WRAPPERS = frozenset({"cross-env", "cross-env-shell", "env", "exec", "nice", "nohup", "dumb-init", "tini", "time"})
_LOADERS = frozenset({"dotenv", "env-cmd", "dotenvx", "doppler", "infisical", "op"})
_PARALLEL = frozenset({"concurrently", "npm-run-all", "run-s", "run-p", "run-all"})
_RUNNERS = frozenset({
    "node", "nodejs", "bun", "ts-node", "ts-node-dev", "tsnd", "ts-node-esm", "tsx", "nodemon", "babel-node",
    "pm2-runtime",
    "pm2-docker", "forever", "node-dev", "swc-node", "supervisor", "esno", "esr", "jiti", "vite-node", "electron",
})  # fmt: skip
_REQUIRE = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
_WITH_VALUE = _REQUIRE | frozenset({
    "-C", "--conditions", "--env-file", "-P", "--project", "--tsconfig", "-e", "--ext", "-w", "--watch-path",
    "-i", "--ignore",
    "-n", "--name", "--max-memory-restart", "--delay", "-x", "--exec", "-O", "--compiler-options",
    "--stack-trace-limit",
    "--max-http-header-size", "--icu-data-dir", "--title", "-l", "--log", "-u", "--user",
})  # fmt: skip
#: Options of fastify-cli that take a value: https://github.com/fastify/fastify-cli#options
_FASTIFY = frozenset({
    "-p", "--port", "-a", "--address", "-s", "--socket", "-l", "--log-level", "-L", "--logging-module", "-I",
    "--debug-port", "--debug-host", "-x", "--prefix", "-T", "--plugin-timeout", "--body-limit", "-g",
    "--close-grace-delay", "--trust-proxy-hop", "--trust-proxy-ips",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a start command comes to.

    Attributes:
        command: the words of the one program that runs, when it is plain; None otherwise. The program of a package
            stands under its bare name: :attr:`direct` has its path.
        environment: variables set on the way (``X=y node file``, cross-env).
        steps: the scripts passed through, outermost first.
        tools: packages whose programs are called on the way or loaded by ``--require`` and its like, wrappers
            included.
        running: of these, the packages that the last program itself is or loads.
        shell: the text of the last script, or the command as it was given.
        plain: whether it is one program without need of a shell and without pre and post scripts around it.
        has_pre_post: whether a pre or post script runs with one of the steps.
        folder: the folder of the package.json that the last script belongs to, from the context.
        entry: the source file that is run, from that folder; None when it cannot be told.
        commands: all programs that run, in order, but for those of pre and post scripts.
        missing: the script that is called and does not exist.
        binary: whether the program is one that a package brings.
        around: the programs of pre and post scripts.
        outputs: the files that shells open on the way to write, as they are named.
    """

    command: tuple[str, ...] | None
    environment: tuple[tuple[str, str], ...]
    steps: tuple[Fact[str], ...]
    tools: tuple[str, ...]
    running: tuple[str, ...]
    shell: str
    plain: bool
    has_pre_post: bool
    folder: str
    entry: str | None
    commands: tuple[tuple[str, ...], ...]
    missing: str | None
    binary: bool = False
    around: tuple[tuple[str, ...], ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def direct(self) -> tuple[str, ...] | None:
        """:attr:`command` with a package's program as ``node_modules/.bin/NAME``, since only npm puts it on PATH."""
        if self.command is None or not self.binary:
            return self.command
        return (f"node_modules/.bin/{self.command[0]}", *self.command[1:])


@dataclass(slots=True)
class _Walk:
    """What is gathered while scripts are followed."""

    steps: list[Fact[str]] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    leaves: list[tuple[Node, Command]] = field(default_factory=list)
    around: list[Command] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    shell: str = ""
    plain: bool = True
    pre_post: bool = False
    missing: str | None = None


def resolve(node: Node, command: Sequence[str]) -> Resolved:
    """Follow *command* through the scripts of *node*.

    Args:
        node: the package.json of the folder in which the command starts.
        command: its words, as in a CMD in JSON form; ``sh -c TEXT`` is looked into.
    """
    walk = _Walk(shell=" ".join(command))
    _words(node, Command("", (), tuple(command)), walk, 0)
    last_node, last = walk.leaves[-1] if walk.leaves else (node, Command("", (), ()))
    plain = walk.plain and len(walk.leaves) == 1 and not walk.pre_post and not walk.missing and bool(last.words)
    entries = [(owner, found) for owner, leaf in walk.leaves if (found := entry_of(owner, leaf.words)) is not None]
    running: list[str] = []
    for owner, leaf in walk.leaves[-1:]:
        running += _packages(owner, leaf.words)
    return Resolved(
        command=_shown(last.words) if plain else None,
        environment=last.assignments,
        steps=tuple(walk.steps),
        tools=tuple(dict.fromkeys(walk.tools)),
        running=tuple(dict.fromkeys(running)),
        shell=walk.shell,
        plain=plain,
        has_pre_post=walk.pre_post,
        folder=last_node.folder,
        entry=entries[-1][1] if entries else None,
        commands=tuple(_shown(leaf.words) for _, leaf in walk.leaves),
        missing=walk.missing,
        binary=bool(last.words) and last.words[0] in last_node.binaries and last.words[0] not in {"node", "npm", "bun"},
        around=tuple(_shown(command.words) for command in walk.around),
        outputs=tuple(dict.fromkeys(walk.outputs)),
    )


def _shown(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a leaf as they are called, where bun runs a file."""
    return ("bun", *words[1:]) if words[:1] == ("\0bun",) else words


def _text(node: Node, text: str, walk: _Walk, depth: int, assignments: tuple[tuple[str, str], ...] = ()) -> None:
    line = parse(text)
    walk.shell = text
    walk.outputs += line.outputs
    if not line.plain or len(line.commands) != 1:
        walk.plain = False
    for command in line.commands:
        inherited = Command(command.joiner, (*assignments, *command.assignments), command.words)
        _words(node, inherited, walk, depth)


def _words(node: Node, command: Command, walk: _Walk, depth: int) -> None:
    words, environment = _unwrapped(node, command, walk)
    command = Command(command.joiner, environment, words)
    name = command.name
    if depth > _DEPTH or not words:
        walk.plain = False
        return
    if name in _SHELLS and len(words) > 2 and words[1] in ("-c", "-lc", "-ec"):
        _text(node, words[2], walk, depth + 1, environment)
    elif name in ("npm", "yarn", "pnpm", "bun", "npx", "pnpx", "bunx", "yarnpkg"):
        _manager(node, command, walk, depth)
    elif name in _PARALLEL:
        walk.tools += _packages(node, words)
        walk.plain = False
        for word in words[1:]:
            _parallel(node, word, walk, depth)
    elif name in _LOADERS:
        walk.tools += _packages(node, words)
        walk.plain = False
        rest = _after_options(words[1:])
        if rest:
            _words(node, Command("", environment, rest), walk, depth + 1)
    else:
        _leaf(node, command, walk, depth)


def _unwrapped(node: Node, command: Command, walk: _Walk) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The words behind cross-env and its like, and all variables set so far."""
    words, environment = command.words, list(command.assignments)
    while words and words[0] in _WRAPPERS:
        walk.tools += _packages(node, words)
        words = words[1:]
        while words and (words[0].startswith("-") or re.match(r"[A-Za-z_]\w*=", words[0])):
            key, equals, value = words[0].partition("=")
            if equals and not key.startswith("-"):
                environment.append((key, value))
            words = words[1:]
    return words, tuple(environment)


def _leaf(node: Node, command: Command, walk: _Walk, depth: int) -> None:
    walk.tools += _packages(node, command.words)
    walk.leaves.append((node, command))
    options = iter(command.words[1:])
    for word in options:
        option, equals, value = word.partition("=")
        if option in ("--exec", "-x") and command.name in ("nodemon", "node-dev"):
            inner = _Walk()
            _text(node, value if equals else next(options, ""), inner, depth + 1)
            walk.tools += inner.tools
            walk.leaves += inner.leaves
            walk.outputs += inner.outputs
            walk.plain = False


def _parallel(node: Node, word: str, walk: _Walk, depth: int) -> None:
    """An argument of concurrently or npm-run-all: a script's name, ``npm:name``, or a whole line."""
    shell = walk.shell
    name = word.removeprefix("npm:")
    if name in node.scripts:
        _script(node, name, (), walk, depth, "npm")
    elif " " in word:
        _text(node, word, walk, depth + 1)
    walk.shell = shell


def _manager(node: Node, command: Command, walk: _Walk, depth: int) -> None:
    name = command.name
    words = list(command.words[1:])
    words, node = _moved(node, words, walk, everywhere=name == "npm" and words[:1] != ["exec"])
    if name in ("npx", "pnpx", "bunx"):
        rest = _after_options(tuple(words))
        _words(node, Command("", command.assignments, rest), walk, depth + 1)
        return
    verb, rest_words = (words[0], words[1:]) if words else ("", [])
    if name in ("yarn", "yarnpkg") and verb == "workspace" and len(rest_words) > 1:
        walk.plain = False
        node = node.member(rest_words[0]) or node
        verb, rest_words = rest_words[1], rest_words[2:]
    if verb in _RUN:
        moved, node = _moved(node, rest_words, walk)
        script = moved[0] if moved else ""
        rest = tuple(moved[1:])
        if script not in node.scripts and name != "npm" and script:
            _words(node, Command("", command.assignments, _runtime(name, node, script, rest)), walk, depth + 1)
            return
        _script(node, script, rest, walk, depth, name, command.assignments)
    elif verb in _EXEC:
        rest = _after_options(tuple(rest_words))
        _words(node, Command("", command.assignments, rest), walk, depth + 1)
    elif name == "yarn" and verb == "node":
        _words(node, Command("", command.assignments, ("node", *rest_words)), walk, depth + 1)
    elif name == "bun" and verb in _BUN:
        walk.leaves.append((node, command))
    elif verb in _NPM_VERBS and name in ("npm", "pnpm", "yarn"):
        script = "test" if verb in ("t", "tst") else verb
        _script(node, script, tuple(rest_words), walk, depth, name, command.assignments)
    elif name != "npm" and verb and verb not in _SELF:
        if verb in node.scripts:
            _script(node, verb, tuple(rest_words), walk, depth, name, command.assignments)
        else:
            target = _runtime(name, node, verb, tuple(rest_words))
            _words(node, Command("", command.assignments, target), walk, depth + 1)
    else:
        walk.plain = False
        walk.leaves.append((node, command))


def _runtime(name: str, node: Node, word: str, rest: tuple[str, ...]) -> tuple[str, ...]:
    """What ``bun word`` or ``yarn word`` runs where it is no script: a file under bun, a package's program."""
    if name == "bun" and word not in node.binaries:
        return ("\0bun", word, *rest)
    return (word, *rest)


def _moved(node: Node, words: list[str], walk: _Walk, *, everywhere: bool = False) -> tuple[list[str], Node]:
    """*words* without a manager's own options, and the package.json that ``--prefix`` or ``-w`` names.

    npm takes its options *everywhere* before ``--``, the others only before the first word.
    """
    kept: list[str] = []
    position = 0
    while position < len(words) and words[position] != "--" and (everywhere or words[position].startswith("-")):
        option, equals, value = words[position].partition("=")
        if option in _FOLDER_OPTIONS | _MEMBER_OPTIONS:
            if not equals:
                position += 1
                value = words[position] if position < len(words) else ""
            walk.plain = False
            moved = node.beside(value) if option in _FOLDER_OPTIONS else node.member(value)
            node = moved or node
        elif not option.startswith("-"):
            kept.append(words[position])
        position += 1
    return [*kept, *words[position:]], node


def _script(
    node: Node,
    name: str,
    arguments: tuple[str, ...],
    walk: _Walk,
    depth: int,
    manager: str,
    assignments: tuple[tuple[str, str], ...] = (),
) -> None:
    arguments = _passed(node, arguments, manager, walk)
    script = node.scripts.get(name)
    if script is None and name == "start" and manager != "yarn" and node.has("server.js"):
        # https://docs.npmjs.com/cli/commands/npm-start
        script = Fact("node server.js", node.origin)
    if script is None:
        walk.missing = walk.missing or name
        return
    if depth > _DEPTH:
        walk.plain = False
        return
    walk.steps.append(script)
    around = [node.scripts[found] for found in (f"pre{name}", f"post{name}") if found in node.scripts]
    if around and node.manager != "yarn-berry":  # berry runs no pre and post scripts of one's own
        walk.pre_post = True
        for fact in around:
            inner = _Walk()
            _text(node, fact.value, inner, depth + 1)
            walk.tools += inner.tools
            walk.around += [*(command for _, command in inner.leaves), *inner.around]
            walk.outputs += inner.outputs
    text = " ".join((script.value, *map(_quoted, arguments)))
    _text(node, text, walk, depth + 1, assignments)


def _passed(node: Node, arguments: tuple[str, ...], manager: str, walk: _Walk) -> tuple[str, ...]:
    """The arguments that reach the script: npm keeps options before ``--`` for itself."""
    if "--" in arguments:
        position = arguments.index("--")
        before = arguments[:position] if manager != "npm" else tuple(a for a in arguments[:position] if a[0] != "-")
        _moved(node, list(arguments[:position]), walk)
        return (*before, *arguments[position + 1 :])
    if manager == "npm":
        return tuple(argument for argument in arguments if not argument.startswith("-"))
    return arguments


def _quoted(word: str) -> str:
    import shlex

    return word if re.fullmatch(r"[$\w./:=@{}-]+", word) else shlex.quote(word)


def _after_options(words: tuple[str, ...]) -> tuple[str, ...]:
    """Past the options of a program that starts another one."""
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--":
            return words[position + 1 :]
        if not word.startswith("-") and word != "run":
            break
        if word in ("-e", "-f", "-p", "-c", "--package", "--file", "--environments", "-r"):
            position += 1
        position += 1
    return words[position:]


def _packages(node: Node, words: tuple[str, ...]) -> list[str]:
    """The packages that a program belongs to or is told to load."""
    found: list[str] = []
    if not words:
        return found
    program = words[0]
    for word in words[:2]:
        inside = re.search(r"(?:^|/)node_modules/(\.bin/)?((?:@[^/]+/)?[^/]+)", word)
        if inside and inside[1]:
            program = inside[2]
        elif inside:
            found.append(inside[2])
    package = node.binaries.get(program)
    if package is not None:
        found.append(package.value)
    arguments = iter(words[1:])
    for word in arguments:
        option, equals, value = word.partition("=")
        if option in _REQUIRE:
            module = value if equals else next(arguments, "")
            if module and not module.startswith((".", "/", "data:")):
                found.append(package_of(module))
    return found


def package_of(module: str) -> str:
    """The package that an import path belongs to: ``@a/b/c`` → ``@a/b``."""
    parts = module.split("/")
    return "/".join(parts[:2]) if module.startswith("@") else parts[0]


def entry_of(node: Node, words: tuple[str, ...]) -> str | None:
    """The file that a command line runs, from the folder of *node*; None when it names none."""
    if not words:
        return None
    name = posixpath.basename(words[0])
    if name == "nest" and words[1:2] == ("start",):
        return node.nest_entry
    if name not in _RUNNERS and name not in ("pm2", "fastify", "\0bun"):
        return None
    arguments = list(words[1:])
    if name in ("pm2", "forever", "fastify") and arguments[:1] == ["start"]:
        arguments = arguments[1:]
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if word in ("-e", "-p", "--eval", "--print", "--test", "-pe") and name in ("node", "nodejs"):
            return None
        if word == "watch" and name == "tsx":
            position += 1
        elif word.startswith("-"):
            position += 2 if word in _WITH_VALUE or (name == "fastify" and word in _FASTIFY) else 1
        else:
            return node.module_file(word)
    return node.module_file(".") if name == "nodemon" else None
