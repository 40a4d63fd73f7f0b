"""``init``: an init in front of the app."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from dockfix.dockerfile.layout import replace
from dockfix.model import Model
from dockfix.model.config import render, stated
from dockfix.model.start import INITS, NODE_RUNNERS
from dockfix.recipes.stage import insert_tail, package_edit
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

WRAPPED = frozenset({"node", "next", "nest", "nuxt", "gunicorn", "uvicorn", "flask", "fastapi", "hypercorn", "daphne"})
WRAPPED |= frozenset({"waitress-serve", "streamlit", "celery", "python", "python3"}) | NODE_RUNNERS
"""Programs that do not act as process 1 should: they leave orphans, or have no handler for SIGTERM by default."""


@transform("init", phase=Phase.RUNTIME, safety=Safety.SAFE)
def init(model: Model) -> Iterator[Result]:
    """Run the app under dumb-init, so that signals reach it and orphans are reaped.

    What it does:
        Installs dumb-init by the distribution's package manager and puts it in front as ENTRYPOINT. An entrypoint of
        the base or of the app is chained behind it where the command needs it, and a CMD that Docker would clear is
        written again. With celery it passes signals to the first child alone, because a pool is killed in mid-task
        otherwise.

    Why:
        Process 1 gets no default handlers from the kernel: a Node or Python program without a handler of its own
        ignores SIGTERM and is killed ten seconds later, and nobody waits for the children it leaves behind. No init
        can do anything about SIGKILL.

    Refuses when:
        The image is not in the catalogue, or its suite's archive has moved so that nothing can be installed; the base
        runs as another user than root; ENTRYPOINT is a shell line. An init that is there already, in the image or by
        `init: true` in compose, is left alone, as are servers that handle signals themselves (nginx, Apache, php-fpm,
        Go).

    Example:
        See fixtures/init/example.
    """
    stage, start = model.final, model.start
    names = start.names
    if not names & WRAPPED and not any(name.startswith("python3.") for name in names):
        return
    at = start.command
    present = sorted(({start.init} if start.init else set()) | (names & INITS))
    if present:
        yield Note(at, f"{present[0]} is process 1 already")
        return
    for service in model.services:
        if service.init:
            yield Note(at, f"compose adds an init itself ({service.origin('init')})")
            return
    if stage.image is None:
        yield Refusal(at, f"how to install dumb-init is not known: {stage.unresolved}")
        return
    if stage.manager not in {"apt", "apk"} or stage.image.archive_moved:
        yield Refusal(
            at, f"nothing can be installed on {stage.reference}: the archive of {stage.image.suite} has moved"
        )
        return
    if stage.steps[0].after.user not in {"", "root", "0"}:
        yield Refusal(at, f"the base runs as {stage.steps[0].after.user}, who cannot install dumb-init")
        return
    own = stage.last("ENTRYPOINT")
    if own is not None and own.instruction.json is None:
        yield Refusal(own.instruction, "ENTRYPOINT is a shell line, which an init cannot be put in front of")
        return
    if at is None:
        yield Refusal(stage.stage.base, "no CMD of this file starts the app")
        return
    prefix = ("dumb-init", *(("--single-child",) if "celery" in names else ()), "--")
    config = stage.config
    inherited = config.entrypoint if own is None else ()
    entrypoint = (*prefix, *(config.entrypoint if own is not None or _needs(inherited, config.cmd, model) else ()))
    edits = [package_edit(model, stage, ["dumb-init"])]
    if own is not None:
        edits.append(replace(model.document, own.instruction, f"ENTRYPOINT {render(entrypoint)}"))
    else:
        edits.append(insert_tail(model, stage, "ENTRYPOINT", f"ENTRYPOINT {render(entrypoint)}"))
    if own is None and stage.last("CMD") is None:
        yield Refusal(at, "the CMD comes from another stage, and ENTRYPOINT would clear it")
        return
    what = start.program[0] if start.program else sorted(names & WRAPPED)[0]
    yield Change(
        at,
        tuple(edits),
        f"{basename(what)} as process 1 would not get signals and reap orphans as other processes do",
        Safety.SAFE,
        stated(config, entrypoint=entrypoint),
    )


def _needs(entrypoint: tuple[str, ...], cmd: tuple[str, ...], model: Model) -> bool:
    """Whether the command, here or in compose, is one that only the base's entrypoint turns into a program."""
    if not entrypoint:
        return False
    commands = [cmd[0] if cmd else ""]
    for service in model.services:
        words = service.command.split() if isinstance(service.command, str) else service.command or ()
        commands += words[:1]
    return any(not word or word.startswith("-") or word.endswith((".js", ".mjs", ".cjs")) for word in commands)
