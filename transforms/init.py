"""``init``: an init in front of the app."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from dockfix.dockerfile import Instruction
from dockfix.dockerfile.habits import replace
from dockfix.model import Model, StageModel
from dockfix.model.config import render, stated
from dockfix.model.start import INITS, NODE_RUNNERS, RUNTIMES, runs_by_bun, runs_by_node
from dockfix.recipes.programs import final_services, programs
from dockfix.recipes.signals import handler, in_front, started
from dockfix.recipes.stage import insert_tail, package_edit
from dockfix.text import Edit, Span
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

WRAPPED = frozenset({"node", "next", "nest", "nuxt", "gunicorn", "uvicorn", "flask", "fastapi", "hypercorn", "daphne"})
WRAPPED |= frozenset({"waitress-serve", "streamlit", "celery", "rq", "python", "python3", "poetry", "uv", "pipenv"})
WRAPPED |= frozenset({"granian", "sanic", "chainlit", "dramatiq", "arq", "locust"}) | NODE_RUNNERS
"""Programs that do not act as process 1 should: they leave orphans, or have no handler for SIGTERM by default."""

FILE_SERVERS = frozenset({"serve", "http-server"})
"""npm's programs that serve a folder: they are node, whether or not the app has a package.json."""

SINGLE_CHILD = frozenset({"celery", "rq"})
"""Workers that end their children in order, unless the children get the signal as well and die in mid-task."""

INTERPRETERS = frozenset({("python",), ("python3",), ("python2",), ("node",), ("/usr/local/bin/bun",)})
"""Commands of base images, which wait for a person's input."""

WITHOUT_PACKAGE = frozenset({"trusty", "xenial"})
"""Suites whose archive is there and has no dumb-init: https://packages.ubuntu.com/search?keywords=dumb-init"""


@transform("init", phase=Phase.RUNTIME, safety=Safety.REVIEW)
def init(model: Model) -> Iterator[Result]:
    """Run the app under dumb-init, so that signals reach it and orphans are reaped.

    What it does:
        Installs dumb-init by the distribution's package manager and puts it in front as ENTRYPOINT. An entrypoint of
        the base or of the app is chained behind it where the command needs it, and a CMD that Docker would clear is
        written again. With celery and rq it passes signals to the first child alone, because a task is killed in the
        middle otherwise.

        Review it: the container stops in another way than before, as intended, and gets a package.

    Why:
        Process 1 gets no default handlers from the kernel: a Node or Python program without a handler of its own
        ignores SIGTERM and is killed ten seconds later, and nobody waits for the children it leaves behind. No init
        can do anything about SIGKILL.

    Refuses when:
        The image is not in the catalogue, or its suite's archive has moved so that nothing can be installed; the base
        runs as another user than root; ENTRYPOINT is a shell line; a worker runs below a shell, which would not wait
        for it. An init that is there already, in the image or by `init: true` in compose, is left alone, as are
        servers that handle signals themselves (nginx, Apache, php-fpm, Go); below a shell that may keep signals from
        one of these, only exec helps, since an init would end with the shell.

    Example:
        See fixtures/init/example.
    """
    stage, config = model.final, model.final.config
    names = model.start.names | {program.name for program in programs(model)}
    at = model.start.command or stage.starter
    wrapped = sorted(name for name in names if name in WRAPPED or name.startswith("python3."))
    present = sorted(({model.start.init} if model.start.init else set()) | (names & INITS))
    if present:
        yield Note(at, f"{present[0]} is process 1 already")
        return
    if not wrapped and (own := handler(model, names)):
        yield _left_alone(model, at or stage.stage.base, own)
        return
    if not wrapped and model.server.language in {None, "nginx"} and not names & FILE_SERVERS:
        return
    for service in model.services:
        if service.init:
            yield Note(at, f"compose adds an init itself ({service.origin('init')})")
            return
    obstacle = _obstacle(model, stage)
    if obstacle is not None:
        yield Refusal(at, obstacle)
        return
    if at is None or (config.cmd in INTERPRETERS and stage.setting("ENTRYPOINT") is None):
        yield Refusal(at or stage.stage.base, "no CMD or ENTRYPOINT of this file starts the app")
        return
    workers = sorted(names & SINGLE_CHILD)
    if workers and in_front(model, model.start):
        yield Refusal(
            at, f"{workers[0]} runs below a shell that does not hand over to it by exec, and would be cut off"
        )
        return
    entrypoint = stage.setting("ENTRYPOINT")
    if entrypoint is not None and entrypoint.instruction.json is None:
        yield Refusal(entrypoint.instruction, "ENTRYPOINT is a shell line, which an init cannot be put in front of")
        return
    prefix = ("dumb-init", *(("--single-child",) if workers else ()), "--")
    chained = config.entrypoint if entrypoint is not None or _needs(model) else ()
    edits = _edits(model, stage, prefix, (*prefix, *chained))
    yield Change(
        at,
        (*package_edit(model, stage, ["dumb-init"]), *edits),
        f"{_named(model, wrapped)} as process 1 would not get signals and reap orphans as other processes do",
        Safety.REVIEW,
        stated(config, entrypoint=(*prefix, *chained)),
    )


def _left_alone(model: Model, at: Instruction, own: str) -> Note | Refusal:
    """What to say of an app that stops in order by itself, if only it gets the signal."""
    front = in_front(model, model.start)
    if front:
        return Refusal(at, f"{own}, but {front} may stay process 1 in front of it, as nothing hands over by exec")
    for service in final_services(model):
        attribute = "entrypoint" if service.entrypoint is not None else "command"
        start = started(model, service)
        front = in_front(model, start) if getattr(service, attribute) is not None and not start.init else ""
        if front:
            where = f"{front} in compose ({service.origin(attribute)})"
            return Note(at, f"{own} and needs no init; {where} may stay process 1, as nothing hands over by exec")
    return Note(at, f"{own} and needs no init")


def _named(model: Model, wrapped: list[str]) -> str:
    """What a person knows process 1 by: the program behind ``env`` and assignments, or the script that starts it."""
    start = model.start
    words = start.program or start.main or ()
    known = wrapped or sorted(start.names)
    program = basename(next((word for word in words if word not in {"exec", "env"} and "=" not in word), known[0]))
    if start.script is not None and program not in wrapped:
        return basename(start.entrypoint or start.words[0])
    return program


def _obstacle(model: Model, stage: StageModel) -> str | None:
    """Why dumb-init cannot be installed."""
    image = stage.image
    if image is None:
        return f"how to install dumb-init is not known: {stage.unresolved}"
    if stage.manager not in {"apt", "apk"}:
        return f"how to install dumb-init on {stage.reference} is not known"
    if image.archive_moved:
        suite = f"the archive of {image.suite}" if image.suite else "the archive of its release"
        return f"nothing can be installed on {stage.reference}: {suite} has moved"
    if image.suite in WITHOUT_PACKAGE:
        return f"{stage.reference} has no package of dumb-init"
    user = stage.steps[0].after.user
    return None if user in {"", "root", "0"} else f"the base runs as {user}, who cannot install dumb-init"


def _needs(model: Model) -> bool:
    """Whether the command, here or in compose, is one that only the base's entrypoint turns into a program."""
    image, config = model.final.image, model.final.config
    if not config.entrypoint:
        return False
    if image is None or image.name not in RUNTIMES:
        return True
    by_runtime = runs_by_node if image.name == "node" else runs_by_bun
    commands = [config.cmd[0] if config.cmd else ""]
    for service in model.services:
        words = service.command.split() if isinstance(service.command, str) else service.command or ()
        commands += words[:1]
    return any(by_runtime(model.final, model.app, word) for word in commands)


def _edits(model: Model, stage: StageModel, prefix: tuple[str, ...], words: tuple[str, ...]) -> list[Edit]:
    """ENTRYPOINT with the init in front, and the CMD that Docker would clear."""
    own = stage.last("ENTRYPOINT")
    if own is not None:
        return [_in_front(model, own.instruction, prefix)]
    lines = [f"ENTRYPOINT {render(words)}"]
    inherited = stage.setting("CMD")
    if stage.last("CMD") is None and inherited is not None and stage.config.cmd:
        lines.append(f"CMD {inherited.instruction.value.strip()}")
    elif stage.last("CMD") is None and stage.config.cmd:
        lines.append(f"CMD {render(stage.config.cmd)}")
    return [insert_tail(model, stage, "ENTRYPOINT", "\n".join(lines))]


def _in_front(model: Model, instruction: Instruction, prefix: tuple[str, ...]) -> Edit:
    """*prefix* before the words of ENTRYPOINT, which stay as they are written."""
    value, words = instruction.value, instruction.json or ()
    start = value.index("[") + 1
    first = start + len(value[start:]) - len(value[start:].lstrip())
    if not words or instruction.heredocs:
        return replace(model.document, instruction, f"ENTRYPOINT {render((*prefix, *words))}")
    comma = "," if '","' in value else ", "
    place = instruction.source(first, first + 1).start
    return Edit(Span(place, place), "".join(f'"{word}"{comma}' for word in prefix))
