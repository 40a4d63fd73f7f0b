"""What the start of a Node image needs, so that an end without dev dependencies still starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from posixpath import basename, normpath
from typing import TYPE_CHECKING

from dockfix.dockerfile.shell import parse_shell
from dockfix.facts.compose import words
from dockfix.facts.development import build_tool, development_tool
from dockfix.facts.node import programs_of
from dockfix.model.commands import Purpose, purpose
from dockfix.model.start import SHELLS
from dockfix.recipes import browsers
from dockfix.recipes.artefacts import BUILD_ONLY
from dockfix.recipes.loaded import check_loaded, check_preloaded
from dockfix.recipes.modules import package
from dockfix.recipes.programs import programs
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts import Fact
    from dockfix.facts.node import Node
    from dockfix.model import Model, Step
    from dockfix.model.start import Start

SOURCES = (".js", ".ts", ".mjs", ".cjs", ".mts")
IMPORTED = re.compile(rb"(?:\bfrom|\brequire\(|\bimport\(|^import)\s*[\"']([^\"'./][^\"']*)[\"']")
TOOLING = re.compile(r"(?:^|/)(?:node_modules|dist|build)/|\.config\.\w+$|\.d\.ts$|(?:^|/)\.")
"""Files of a package that do not run in a container."""

COMPILERS = frozenset(
    {
        "ts-node", "ts-node-esm", "@babel/node", "babel-node", "@babel/register",
        "typeorm-ts-node-commonjs", "typeorm-ts-node-esm",  # https://typeorm.io/using-cli
    }
)  # fmt: skip
"""What compiles the sources as it loads them, by types or presets that are dev dependencies as a rule."""

RUNNERS = frozenset({"nodemon", "ts-node-dev", "pm2", "forever", "supervisor", "serve", "http-server", "live-server"})
"""Packages whose programs run an app or serve its files, and build nothing."""


def check_start(model: Model, node: Node, production: bool) -> None:
    """The start must be known, and must not need what the end leaves out.

    Raises:
        UnfitError: with the reason.
    """
    start = model.start
    at = start.command
    if start.script is not None and start.program is None:
        raise UnfitError(at, "the entrypoint script does not show what it starts")
    if not start.program and not _followed(start):
        raise UnfitError(at, _unknown(model))
    hidden = next((each for each in programs(model) if each.missing), None)
    if hidden is not None:
        why = f"what {hidden.words[0]} calls ({hidden.origin}) cannot be told: it is not a script in the context"
        raise UnfitError(at, why)
    _check_started(model, development_tool, "starts a development tool,")
    if not production:
        _check_tools(model, node)
    _check_started(model, build_tool, "builds when it starts, by")
    check_preloaded(model, node)
    if production:
        return
    _check_settings(model, node)
    _check_members(model, node)
    for imported in model.server.imports:
        fact = node.is_dev(imported.value)
        if fact is not None and fact.value:
            raise UnfitError(at, f"the sources import {imported.value}, a dev dependency ({imported.origin})")
    check_loaded(model, node)


def _followed(start: Start) -> bool:
    """Whether each program is known that a line, or a script of package.json, calls one after the other."""
    if start.resolved is None:
        return start.main is not None
    line = parse_shell(start.resolved.shell)
    joined = all(command.joiner in {"", "&&"} for command in line.commands)
    return start.resolved.missing is None and bool(start.resolved.commands) and line.ok and line.flat and joined


def _check_started(model: Model, tool_of: Callable[[Sequence[str]], str | None], what: str) -> None:
    """Refuse where a container starts what needs the dev dependencies and the sources, whoever lists the tool itself.

    Args:
        model: the model.
        tool_of: tells the tool that a command starts.
        what: what a container does with it, for the reason.

    Raises:
        UnfitError: with the tool and the place.
    """
    for program in programs(model):
        tool = tool_of(program.words)
        if tool is not None:
            where = f" ({program.origin})" if ":" in program.origin else ""
            raise UnfitError(model.start.command, f"the container {what} {tool}{where}")


def _check_settings(model: Model, node: Node) -> None:
    """Refuse settings that ``next start`` compiles by TypeScript, which it would fetch where that is not installed.

    https://github.com/vercel/next.js/blob/canary/packages/next/src/build/next-config-ts/transpile-config.ts

    Raises:
        UnfitError: with the settings.
    """
    fact = node.is_dev("typescript")
    serves = any(program.name == "next" and "start" in program.words for program in programs(model))
    if serves and node.has("next.config.ts") and fact is not None and fact.value:
        why = f"next start reads {node.origin_of('next.config.ts')} by typescript, a dev dependency ({fact.origin})"
        raise UnfitError(model.start.command, why)


def _check_members(model: Model, node: Node) -> None:
    """Refuse where the sources of a workspace's member import a dev dependency: which of them run cannot be told.

    Raises:
        UnfitError: with the place.
    """
    for member in _running(model, node):
        for path in model.app.root.walk(member.folder, 2000):
            if not path.endswith(SOURCES) or _is_test(path) or TOOLING.search(path):
                continue
            for number, line in enumerate((model.app.root.read(path) or b"").split(b"\n"), 1):
                for match in IMPORTED.finditer(line) if not line.startswith(b"import type") else ():
                    name = "/".join(match[1].decode("utf-8", "replace").split("/")[: 2 if match[1][:1] == b"@" else 1])
                    fact = _dev_of_member(node, member, name)
                    if fact is not None and fact.value:
                        where = model.app.origin(path, number)
                        raise UnfitError(model.start.command, f"the sources import {name}, a dev dependency ({where})")


def _dev_of_member(node: Node, member: Node, name: str) -> Fact[bool] | None:
    """Whether a package that a workspace's member imports is installed only with the dev dependencies."""
    if node.manager == "npm":
        return node.is_dev(name)
    if name in {**member.dependencies, **member.optional_dependencies, **member.manifest.texts("peerDependencies")}:
        return None
    return member.is_dev(name) or node.is_dev(name)


def _is_dev(model: Model, node: Node, name: str) -> Fact[bool] | None:
    """Whether a tool is installed only with the dev dependencies of the app, or of the workspaces that it needs."""
    facts = [node.is_dev(name), *(member.is_dev(name) for member in _running(model, node))]
    return next((fact for fact in facts if fact is not None and not fact.value), next(filter(None, facts), None))


def _running(model: Model, node: Node) -> Sequence[Node]:
    """The workspace's members that the start command may run: its own and those it depends on, or all of them."""
    resolved, program = model.start.resolved, model.start.program or ()
    found = next((place[0] for word in program[1:] if (place := node.member_at(normpath(word))) is not None), None)
    started = resolved.folder if resolved is not None else model.node.folder if model.node is not None else ""
    if started != node.folder:
        found = next((member for member in node.members if member.folder == started), None)
    if found is None:
        return node.members
    running = [found]
    for member in running:
        wanted = {**member.dependencies, **member.optional_dependencies, **member.dev_dependencies}
        others = (node.member(name) for name in wanted)
        running += [other for other in others if other is not None and other not in running]
    return running


def _unknown(model: Model) -> str:
    """Why the program that starts is not known."""
    start = model.start
    resolved = start.resolved
    if resolved is not None and resolved.missing is not None:
        return f"the start command runs the script {resolved.missing}, which package.json does not have"
    if resolved is not None and resolved.shell != start.text:
        return f"`{start.text}` is more than one plain command: {resolved.shell}"
    return f"what starts cannot be told: {start.text or 'there is no CMD'}"


def _check_tools(model: Model, node: Node) -> None:
    """Refuse where the start command, a compose service or a call of compose uses a dev dependency."""
    start = model.start
    at = start.command
    tools = start.resolved.tools if start.resolved is not None else (start.program or ())[:1]
    if start.resolved is not None:
        tools = (*tools, *(basename(command[0]) for command in start.resolved.commands if command))
    uses = [(tool, "the start command") for tool in tools if tool != "node"]
    uses += [*_scripted(model, node), *elsewhere(model, node)]
    everywhere = {name for step in model.final.steps for name in _global(step)}
    for tool, where in uses:
        if tool in COMPILERS and node.dev_dependencies:
            needed = next(iter(node.dev_dependencies.values()))
            why = f"{where} compiles by {tool}, which may need dev dependencies ({needed.origin})"
            raise UnfitError(at, why)
        fact = _is_dev(model, node, tool) if tool not in everywhere else None
        if fact is not None and fact.value:
            raise UnfitError(at, f"{where} uses {tool}, a dev dependency ({fact.origin})")


def _scripted(model: Model, node: Node) -> Iterator[tuple[str, str]]:
    """Packages and programs behind the shell scripts that a container starts, each with its place."""
    for program in programs(model):
        if program.name != "node" or len(program.words) > 1:
            yield from _tools(node, program.words, program.origin)


def elsewhere(model: Model, node: Node) -> Iterator[tuple[str, str]]:
    """Packages and programs that compose starts in the image in place of its CMD, each with the place that says so."""
    for service in model.services:
        if service.command is not None:
            yield from _tools(node, words(service.command), service.origin("command"))
    for call in model.app.calls:
        if call.words:
            yield from _tools(node, call.words, call.origin)


def _tools(node: Node, argv: tuple[str, ...], origin: str) -> Iterator[tuple[str, str]]:
    resolved = node.resolve(argv)
    for name in (*resolved.tools, *(basename(command[0]) for command in resolved.commands if command)):
        yield name, origin


def check_browser(model: Model, node: Node) -> None:
    """Refuse a browser that an install puts under root's home, which would stay behind with the builder.

    Raises:
        UnfitError: with the package.
    """
    for each in (node, *node.members):
        for fact in browsers.downloaded(model, each):
            why = f"{fact.value} ({fact.origin}) keeps its browser in the home of root, which the end would not have"
            raise UnfitError(model.start.command, why)


def called(model: Model) -> frozenset[str]:
    """The programs that containers are known to call, the package manager that starts one included."""
    calls = model.start.names | {basename(word) for word in model.start.words[:1]}
    calls |= {program.name for program in programs(model)}
    if model.node is not None:
        calls |= {name for name, _ in elsewhere(model, model.node)}
        calls |= {basename(words(service.command)[0]) for service in model.services if words(service.command)}
    return calls


def needed(model: Model, step: Step) -> bool:
    """Whether a tool that a RUN installs globally, or a package manager that it sets up, is called in a container."""
    calls = called(model)
    corepack = step.script is not None and any(command.name == "corepack" for command in step.script.commands)
    corepack = corepack and (_by_script(model) or bool({"pnpm", "yarn"} & calls))
    return bool(_global(step) & calls) or corepack


def _by_script(model: Model) -> bool:
    """Whether a shell script starts the app, which may call a package manager that its scripts are not asked for."""
    started = model.start.words[:1]
    return model.start.script is not None or any(word.endswith(".sh") or basename(word) in SHELLS for word in started)


def only_runs(model: Model, step: Step, users: Sequence[Step]) -> bool:
    """Whether a RUN does nothing but install programs that run apps, and none of *users*, which build, calls them."""
    if step.script is None or not step.script.ok or not step.purposes <= {Purpose.TOOLS, Purpose.CLEANUP}:
        return False
    tools = [called for called in step.invocations if purpose(called.command) is Purpose.TOOLS]
    packages = {_package(word.text) for called in tools for word in called.operands}
    return bool(packages) and packages <= RUNNERS and not _global(step) & set(_built_with(model, users))


def _built_with(model: Model, users: Sequence[Step]) -> Iterator[str]:
    """The programs that steps call, the scripts of package.json and those of an install followed."""
    lines = [
        tuple(word.text for word in command.words) for step in users if step.script for command in step.script.commands
    ]
    for line in lines:
        yield from (basename(word) for word in line)
        if model.node is not None:
            yield from (name for name, _ in _tools(model.node, line, ""))
    for script in model.node.lifecycle.values() if model.node is not None else ():
        yield from (basename(word) for word in script.value.split())


def _global(step: Step) -> frozenset[str]:
    """The packages that a RUN installs beside the app, and their programs."""
    tools = [called for called in step.invocations if purpose(called.command) is Purpose.TOOLS]
    packages = {_package(word.text) for called in tools for word in called.operands}
    return frozenset(packages).union(*(programs_of(name) for name in packages))


def _package(operand: str) -> str:
    """The name in ``name@version``."""
    return operand[0] + operand[1:].partition("@")[0]


def node_env_decides(model: Model) -> str | None:
    """Where the sources or compose decide by NODE_ENV, so that setting it would change the app; ``None`` if nowhere."""
    for service in model.services:
        if "NODE_ENV" in service.environment:
            return service.origin("environment")
    above = package(model)
    source = above.folder if above is not None else model.source or ""
    for path in model.app.root.walk(source, 2000):
        if path.endswith(SOURCES) and not (_is_test(path) or _is_settings(path)):
            data = model.app.root.read(path)
            if data is not None and b"NODE_ENV" in data:
                return model.app.origin(path)
    return None


def _is_settings(path: str) -> bool:
    """Whether a file is for the tools that check and build the sources, which the app does not load."""
    return any(fnmatchcase(basename(path), pattern) for pattern in BUILD_ONLY)


def _is_test(path: str) -> bool:
    return "/test" in path or ".test." in path or ".spec." in path or path.startswith("test")
