"""How a stop signal gets to the app: what may stay process 1 in front of it, and who needs no init behind that."""

from __future__ import annotations

import re
from dataclasses import replace
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts.compose import words as split
from dockfix.model.config import join
from dockfix.model.start import SHELLS, start_with

if TYPE_CHECKING:
    from dockfix.facts.compose import Service
    from dockfix.facts.scripts import Script
    from dockfix.model import Model, Start

_OWN_HANDLING = re.compile(r"nginx|httpd(?:-foreground)?|apache2(?:-foreground)?|php-fpm[\d.]*")
"""Servers that stop in order as process 1 and wait for their own children, and what hands over to them."""

_LAUNCHERS = frozenset({"apachectl", "apache2ctl"})
"""Scripts that start Apache and do not hand over: https://github.com/apache/httpd/blob/trunk/support/apachectl.in"""


def handler(model: Model, names: frozenset[str]) -> str:
    """That an app of these programs stops in order as process 1, in words, where it is known to; empty otherwise."""
    known = sorted(name for name in names if handles(name))
    if known:
        return f"{known[0]} handles signals itself"
    if names & _LAUNCHERS:
        return "Apache handles signals itself"
    signals = model.server.signals
    return f"the app {signals.value} ({signals.origin})" if signals is not None else ""


def handles(name: str) -> bool:
    """Whether the program *name* is such a server."""
    return _OWN_HANDLING.fullmatch(name) is not None


def in_front(model: Model, start: Start) -> str:
    """What may stay process 1 in front of the app and pass it no signal; empty where the app itself is process 1.

    Debian's sh stays in front even of a single command, where bash and that of Alpine hand over to the last one.

    Args:
        model: the Dockerfile.
        start: how the container is started, without regard to an init.
    """
    if start.shell_form and not _hands_over(start):
        return basename(start.words[0])
    name, script = _script(model, start)
    if name:
        return "" if script is not None and script.exec else basename(name)
    if start.script is not None and not start.script.exec:
        return basename(start.entrypoint or start.script.path)
    first = basename(process(model, start))
    return first if first in _LAUNCHERS else ""


def process(model: Model, start: Start) -> str:
    """The program that is process 1 once a shell or a script has handed over, or the last of a line that has not."""
    if start.argv:
        script = _script(model, start)[1]
        ends = script.commands[-1].value if script is not None and script.commands else ()
        return ends[0] if script is not None and script.exec and ends and not script.arguments else start.argv[0]
    line = start.line.commands
    return (line[-1].args or ("",))[0] if _hands_over(start) else line[-1].name if line else ""


def started(model: Model, service: Service) -> Start:
    """How a service starts the image that has an entrypoint or a command of its own for it."""
    if service.entrypoint is not None:
        return start_with((*split(service.entrypoint), *split(service.command)), model.node)
    start = start_with((*model.final.config.entrypoint, *split(service.command)), model.node)
    chained = model.start.entrypoint
    if not chained or start.words[:1] != (chained,):
        return start
    # the scripts of official images hand over to the command: https://github.com/docker-library/official-images#consistency
    behind = start_with(start.words[1:], model.node)
    return replace(behind, init=start.init or behind.init, entrypoint=chained, script=model.start.script)


def _script(model: Model, start: Start) -> tuple[str, Script | None]:
    """The script that a start runs, and what is known of it; no name where it runs a program."""
    words = start.argv or ("",)
    name = next((word for word in words if not word.startswith("-") and basename(word) not in SHELLS), "")
    path = model.final.context_path(join(model.final.config.workdir, name)) if name else None
    script = model.app.script(path) if path is not None else None
    by_shell = basename(words[0]) in SHELLS
    named = script is not None and name == words[0]
    return (name or words[0], script) if by_shell or named or words[0].endswith(".sh") else ("", None)


def _hands_over(start: Start) -> bool:
    line = start.line.commands
    return bool(line) and line[-1].name == "exec"
