"""What a stage needs of its base, beyond what it installs itself: the programs that it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname, normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.shell import parse_shell
from dockfix.model import Purpose
from dockfix.model.config import join
from dockfix.model.origins import context_paths
from dockfix.model.start import NODE_RUNNERS, SHELLS
from dockfix.recipes import installs, uwsgi
from dockfix.recipes.programs import final_services, programs
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts.scripts import Script
    from dockfix.model import Model, StageModel, Step

OWN = {
    "python": re.compile(r"(?:python|pip|idle|pydoc)[\d.]*"),
    "node": re.compile(r"node|npm|npx|yarn|yarnpkg|corepack"),
}
"""Programs that the image of a language itself brings, in all of its variants."""

INTERPRETER = re.compile(rb"#!\s*(/(?!(?:usr/)?bin/env\s)\S+)")
"""The program that a file names to be run by, where its path is written out."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for without a PATH: https://github.com/moby/moby/blob/master/daemon/pkg/oci/defaults.go"""

DEPTH = 3
"""How far scripts that call scripts are followed."""


@dataclass(frozen=True, slots=True)
class Call:
    """A program that is called.

    Attributes:
        name: the program.
        where: what calls it, for reports.
        path: how it is named, with its folder where one is given.
    """

    name: str
    where: str
    path: str = ""


def _call(word: str, where: str) -> Call:
    return Call(basename(word), where, word)


def calls(model: Model, stage: StageModel) -> Iterator[Call]:
    """Every program that the RUNs of *stage* call, and of the final stage also what runs in a container."""
    for step in stage.steps:
        yield from _step_calls(model, stage, step)
    yield from _interpreters(model, stage)
    for script in scripts(model, stage):
        for fact in script.commands:
            yield _call(fact.value[0], fact.origin)
    if stage is not model.final:
        return
    for name in model.start.names:
        yield _call(name, "the start command")
    for program in programs(model):
        yield _call(program.words[0], program.origin)
    for tool in (*model.server.tools, *(model.app.python.tools if model.app.python is not None else ())):
        yield _call(tool.value, tool.origin)
    for text, where in spoken(model):
        for command in parse_shell(text).commands:
            if command.name:
                yield _call(command.name, where)


def lines(model: Model) -> Iterator[tuple[str, str]]:
    """The shell lines that run in containers beside the start: commands and probes of compose and of the file."""
    for service in final_services(model):
        for attribute in ("healthcheck_test", "command", "entrypoint"):
            words: str | Sequence[str] | None = getattr(service, attribute)
            if words:
                origin = service.origin("healthcheck" if attribute == "healthcheck_test" else attribute)
                yield words if isinstance(words, str) else " ".join(words), origin
    for call in model.app.calls:
        if call.words:
            yield " ".join(call.words), call.origin
    health = model.final.last("HEALTHCHECK")
    if health is not None and health.instruction.healthcheck_command not in {None, "NONE"}:
        json = health.instruction.json
        text = " ".join(json) if json is not None else health.instruction.healthcheck_command or ""
        yield text, f"line {health.instruction.line}"


def spoken(model: Model) -> Iterator[tuple[str, str]]:
    """The lines of :func:`lines`, and those by which the sources call programs."""
    yield from lines(model)
    python = model.app.python
    for fact in (*model.server.lines, *(python.lines if python is not None else ())):
        yield fact.value, fact.origin


def _interpreters(model: Model, stage: StageModel) -> Iterator[Call]:
    """What files with a ``#!`` of their own are run by, the shells aside: ``/usr/bin/python3`` is Debian's Python."""
    lines = [
        ([word.text for word in command.words], step.before.workdir)
        for step in stage.steps
        for command in (step.script.commands if step.script else ())
    ]
    if stage is model.final:
        folder = stage.config.workdir
        lines += [(list(program.words), folder) for program in programs(model)]
        lines += [(list(fact.value), folder) for script in scripts(model, stage) for fact in script.commands]
    for words, folder in lines:
        for path in _found(model, stage, folder, words[0]) if words else ():
            match = INTERPRETER.match(model.app.root.read(path) or b"")
            if match is not None and (name := match[1].decode("utf-8", "replace")) and basename(name) not in SHELLS:
                yield _call(name, model.app.origin(path, 1))


def _step_calls(model: Model, stage: StageModel, step: Step) -> Iterator[Call]:
    """The programs of one RUN, and those of the npm scripts that it runs."""
    where = f"line {step.instruction.line}"
    for command in step.script.commands if step.script else ():
        name = basename(command.name)
        if not name or name == "sudo":
            continue
        yield _call(command.name, where)
        node = installs.node_of(model, stage, step) if name in NODE_RUNNERS else None
        if node is None:
            continue
        resolved = node.resolve(tuple(word.text for word in command.words))
        origin = resolved.steps[-1].origin if resolved.steps else where
        for words in (*resolved.commands, *resolved.around):
            if words:
                yield _call(words[0], origin)
        if step.purposes & {Purpose.INSTALL}:
            for script in node.lifecycle.values():
                for inner in parse_shell(script.value).commands:
                    if inner.name:
                        yield _call(inner.name, script.origin)


def scripts(model: Model, stage: StageModel) -> tuple[Script, ...]:
    """The shell scripts of the build context that *stage* runs, and those that they run."""
    found: dict[str, Script] = {}
    for step in stage.steps:
        for command in step.script.commands if step.script else ():
            _follow(model, stage, [word.text for word in command.words], step.before.workdir, found)
    if stage is model.final:
        folder = stage.config.workdir
        if model.start.script is not None:
            _add(model, stage, model.start.script, folder, found)
        for words in (stage.config.entrypoint, stage.config.cmd, model.start.words):
            _follow(model, stage, words, folder, found)
        for text, _ in spoken(model):
            for command in parse_shell(text).commands:
                _follow(model, stage, [word.text for word in command.words], folder, found)
    return tuple(found.values())


def _follow(
    model: Model, stage: StageModel, words: Sequence[str], folder: str, found: dict[str, Script], depth: int = 0
) -> None:
    """Add the script that a command line runs, if it runs one."""
    for word in words[:4]:
        name = basename(word)
        if word.startswith("-") or name in SHELLS or name in {"exec", "dumb-init", "tini", "sudo", "env"}:
            continue
        candidates = (model.app.script(path) for path in _found(model, stage, folder, word))
        script = next((candidate for candidate in candidates if candidate is not None), None)
        if script is not None:
            _add(model, stage, script, folder, found, depth)
        return


def _paths(model: Model, stage: StageModel, folder: str, word: str) -> Iterator[str]:
    """Where a script may lie in the build context; one that no COPY brings is mounted from there."""
    if stage is not model.final:
        path = stage.context_path(join(folder, word))
        yield from (path,) if path is not None else ()
        return
    found = tuple(context_paths(model, join(folder, word)))
    yield from found or (() if word.startswith("/") else (normpath(word),))


def _found(model: Model, stage: StageModel, folder: str, word: str) -> Iterator[str]:
    """Where a program may lie in the build context, also one that is looked for in the folders of PATH."""
    if "/" in word or word.endswith((".sh", ".bash")):
        yield from _paths(model, stage, folder, word)
    if word and "/" not in word:
        targets = stage.targets if stage is not model.final else {each for one in model.stages for each in one.targets}
        for directory in (stage.config.env.get("PATH") or PATH).split(":"):
            place = join(directory, word)
            if not targets.isdisjoint((place, *_above(place))):
                yield from _paths(model, stage, "/", place)


def _above(place: str) -> Iterator[str]:
    """The folders that *place* lies in."""
    while place not in {"/", ""}:
        place = dirname(place)
        yield place


def _writes(stage: StageModel, name: str) -> bool:
    """Whether *stage* itself makes or changes a file of that name."""
    made = (step.instruction for step in stage.all_steps if step.script or step.instruction.heredocs)
    return any(name in instruction.text for instruction in made)


def check_app(model: Model, stage: StageModel, *, mounted: bool) -> None:
    """Refuse another base where what runs in the containers of *stage* is not in the build context.

    Args:
        model: the model.
        stage: a stage; only the final one starts.
        mounted: whether a script of the context that no COPY brings is good enough.

    Raises:
        UnfitError: with the program.
    """
    if stage is not model.final:
        return
    brought = any(step.instruction.copy or Purpose.INSTALL in step.purposes for step in stage.all_steps)
    if not brought and stage.image is not None and stage.image.name in OWN:
        raise UnfitError(stage.stage.base, "the image has no app of its own, and what is mounted may need this base")
    unknown = model.server.tools_unknown
    if unknown is not None:
        raise UnfitError(model.start.command, f"which program {unknown.value} is cannot be told ({unknown.origin})")
    known = {script.path for script in scripts(model, stage)} if mounted else frozenset[str]()
    for program in programs(model):
        word = program.words[0]
        if not program.missing or _writes(stage, basename(word)):
            continue
        if word.startswith("/") or model.app.origin(normpath(word)) not in known:
            why = f"what {word} does ({program.origin}) cannot be told: no COPY brings such a script"
            raise UnfitError(model.start.command, why)
    uwsgi.check(model, stage)


def _add(
    model: Model, stage: StageModel, script: Script, folder: str, found: dict[str, Script], depth: int = 0
) -> None:
    if script.path in found or depth > DEPTH:
        return
    found[script.path] = script
    for fact in script.commands:
        _follow(model, stage, fact.value, folder, found, depth + 1)


def tools(model: Model, stage: StageModel) -> dict[str, Call]:
    """Debian packages whose programs *stage* calls without installing them, each with a caller.

    https and git need the certificates too, which come as a recommended package only.
    """
    installed = {name.partition("=")[0].partition(":")[0] for other in stage.lineage for _, name in other.packages}
    own = OWN.get(stage.image.name) if stage.image is not None else None
    suite = stage.image.suite if stage.image is not None else None
    found: dict[str, Call] = {}
    for call in (*calls(model, stage), *_git_calls(model, stage)):
        packages = catalog.provides(call.name, suite)
        if not packages or installed & set(packages) or (own and own.fullmatch(call.path)):
            continue
        found.setdefault(packages[0], call)
        if call.name in {"curl", "wget", "git"} and "ca-certificates" not in installed:
            found.setdefault("ca-certificates", call)
    return found


def _git_calls(model: Model, stage: StageModel) -> Iterator[Call]:
    """The calls of git that package managers make for dependencies that lie in repositories."""
    for step in stage.doing(Purpose.INSTALL):
        where = f"line {step.instruction.line}"
        if "git+" in step.instruction.text:
            yield _call("git", where)
        if model.app.python is not None and step.calls("pip"):
            for requirement in model.requirements:
                if requirement.url.startswith("git+"):
                    yield _call("git", requirement.origin)
        node = installs.node_of(model, stage, step) if installs.calls_node_manager(step) else None
        for fact in (*node.dependencies.values(), *node.dev_dependencies.values()) if node is not None else ():
            if fact.value.startswith(("git", "ssh:")) or (fact.value.count("/") == 1 and fact.value[0].isalnum()):
                yield _call("git", fact.origin)


def needs_bash(model: Model, stage: StageModel) -> str | None:
    """What in *stage* asks for bash; ``None`` where nothing does."""
    for script in scripts(model, stage):
        if script.bash or script.bashisms:
            return script.path
    for call in calls(model, stage):
        if call.name == "bash":
            return call.where
    for step in stage.steps:
        words = step.instruction.json or step.instruction.value.split()
        if step.instruction.keyword in {"RUN", "SHELL", "CMD", "ENTRYPOINT"} and any(
            basename(word) == "bash" for word in words
        ):
            return f"line {step.instruction.line}"
    return None
