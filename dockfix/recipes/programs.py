"""The programs that containers of the final stage run: start command, scripts and compose commands, followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile.shell import ShellCommand, parse_shell
from dockfix.model.config import join
from dockfix.model.origins import context_paths
from dockfix.model.start import INITS, NODE_RUNNERS, SHELLS
from dockfix.recipes.namesakes import namesakes
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.compose import Service
    from dockfix.model import Model

DEPTH = 5
WRAPPERS = frozenset({"exec", "nohup", "time", "nice", "command", "catchsegv"})


@dataclass(frozen=True, slots=True)
class Program:
    """A program with its words.

    Attributes:
        words: its name and arguments; words that a shell decides stand as they are written.
        origin: where it is called.
        redirects: files that a shell opens for it, operator included.
        entry: the source that it runs, from the folder of its package, where npm scripts led to it.
        missing: the words name a script that is not in the build context.
    """

    words: tuple[str, ...]
    origin: str
    redirects: tuple[str, ...] = ()
    entry: str | None = None
    missing: bool = False

    @property
    def name(self) -> str:
        """The bare name of the program."""
        return basename(self.words[0])


def final_services(model: Model) -> tuple[Service, ...]:
    """The compose services that run the final stage."""
    name = (model.final.stage.name or "").lower()
    services = (*model.services, *namesakes(model.app))
    return tuple(service for service in services if service.target is None or service.target.lower() == name)


def programs(model: Model) -> tuple[Program, ...]:
    """Every program that the image or compose starts, through shells, scripts, npm scripts and inits."""
    found: list[Program] = []
    origin = "the start command"
    if model.start.entrypoint and not _of_base(model):
        found += _argv(model, (model.start.entrypoint,), origin, 0)
    if model.start.words:
        found += _argv(model, model.start.words, origin, 0)
    for service in final_services(model):
        for attribute in ("entrypoint", "command"):
            given = getattr(service, attribute)
            if isinstance(given, str):
                found += _line(model, given, service.origin(attribute), 0)
            elif given:
                found += _argv(model, tuple(given), service.origin(attribute), 0)
    return tuple(dict.fromkeys(found))


def _of_base(model: Model) -> bool:
    image = model.final.image
    return image is not None and model.start.entrypoint in image.entrypoint


def _argv(
    model: Model,
    words: Sequence[str],
    origin: str,
    depth: int,
    redirects: tuple[str, ...] = (),
    entry: str | None = None,
) -> Iterator[Program]:
    """The programs behind one command line that is already split into words."""
    words = tuple(words)
    while words and (basename(words[0]) in WRAPPERS | INITS - {"supervisord", "systemd", "init"} or "=" in words[0]):
        init = basename(words[0]) in INITS
        words = words[1:]
        while init and words and words[0].startswith("-"):
            words = words[1:]
    if words and basename(words[0]) == "env":
        return (yield from _argv(model, words[1:], origin, depth, redirects, entry))
    if not words or depth > DEPTH or words[0] in {'"$@"', "$@"}:
        return
    name = basename(words[0])
    if name in SHELLS:
        options = [word for word in words[1:] if word.startswith("-")]
        operands = [word for word in words[1:] if not word.startswith("-")]
        if any(option.endswith("c") for option in options) and operands:
            return (yield from _line(model, operands[0], origin, depth + 1))
        if operands:
            return (yield from _script(model, (operands[0], *operands[1:]), origin, depth + 1, by_shell=True))
    if name in NODE_RUNNERS and model.node is not None and entry is None:
        resolved = model.node.resolve(words)
        if resolved.outputs:
            yield Program((":",), origin, tuple(f"> {path}" for path in resolved.outputs))
        if resolved.commands == (words,):
            entry = resolved.entry
        elif resolved.commands:
            for command in resolved.around:
                yield from _argv(model, command, origin, depth + 1, redirects)
            for command in resolved.commands:
                last = command == resolved.commands[-1]
                source = resolved.entry if last else None
                yield from _argv(model, command, origin, depth + 1, redirects, source)
            return
    if "/" in words[0] or name.endswith(".sh"):
        return (yield from _script(model, words, origin, depth + 1, redirects))
    yield Program(words, origin, redirects, entry)


def _line(model: Model, text: str, origin: str, depth: int) -> Iterator[Program]:
    """The programs of a shell line."""
    script = parse_shell(text)
    if not script.ok:
        yield Program((text,), origin, missing=True)
    for command in script.commands:
        yield from _command(model, command, origin, depth)


def _command(model: Model, command: ShellCommand, origin: str, depth: int) -> Iterator[Program]:
    redirects = tuple(word.text for word in command.redirects)
    words = tuple(word.text for word in command.words)
    if words:
        yield from _argv(model, words, origin, depth, redirects)
    elif redirects:
        yield Program((":",), origin, redirects)


def _script(
    model: Model,
    words: tuple[str, ...],
    origin: str,
    depth: int,
    redirects: tuple[str, ...] = (),
    *,
    by_shell: bool = False,
) -> Iterator[Program]:
    """The programs of a shell script of the build context, or the program itself where it is no such script.

    What a shell is given to read is a script, whatever it is called.
    """
    place = join(model.final.config.workdir, words[0])
    candidates = (model.app.script(path) for path in context_paths(model, place))
    script = next((candidate for candidate in candidates if candidate is not None), None)
    if script is None:
        yield Program(words, origin, redirects, missing=by_shell or basename(words[0]).endswith(".sh"))
        return
    source = script.source.replace("\r", "")
    parsed = parse_shell(source)
    if not parsed.ok:
        yield Program(words, script.path, redirects, missing=True)
    for command in parsed.commands:
        number = line_of(source, command.span.start)
        yield from _command(model, command, f"{script.path}:{number}", depth)


SETTINGS = {"gunicorn": (("-c", "--config"), "gunicorn.conf.py"), "uwsgi": (("--ini",), "uwsgi.ini")}
"""Servers that read settings: the options that name the file, and the usual one."""


def settings(model: Model, program: Program) -> tuple[str, str] | None:
    """The settings file that a server reads, as its path and its text; ``None`` where there is none."""
    if program.name not in SETTINGS:
        return None
    options, usual = SETTINGS[program.name]
    names = [usual, *(word for word in program.words[1:] if word.endswith((".ini", ".conf.py")))]
    for word, following in zip(program.words, (*program.words[1:], ""), strict=True):
        option, equals, value = word.partition("=")
        if option in options:
            names.insert(0, (value if equals else following).removeprefix("file:"))
    for name in names:
        for stage in (model.final, *reversed(model.stages[:-1])):
            path = stage.context_path(join(model.folder, name))
            data = model.app.root.read(path) if path is not None else None
            if path is not None and data is not None:
                return model.app.origin(path), data.decode("utf-8", "replace")
    return None
