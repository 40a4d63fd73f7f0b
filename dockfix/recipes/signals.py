"""How a stop signal gets to the app: what may stay process 1 in front of it, and who needs no init behind that."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.facts.compose import words as split
from dockfix.model.config import join
from dockfix.model.start import SHELLS, start_with

if TYPE_CHECKING:
    from dockfix.facts.compose import Service
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
    words = start.argv or ("",)
    if basename(words[0]) in SHELLS or words[0].endswith(".sh"):
        name = next((word for word in words if not word.startswith("-") and basename(word) not in SHELLS), "")
        path = model.final.context_path(join(model.final.config.workdir, name))
        script = model.app.script(path) if path is not None else None
        return "" if script is not None and script.exec else basename(name or words[0])
    if start.script is not None and not start.script.exec:
        return basename(start.entrypoint or start.script.path)
    first = basename(process(start))
    return first if first in _LAUNCHERS else ""


def process(start: Start) -> str:
    """The program that is process 1 once a shell line has handed over, or the last of one that has not."""
    if start.argv:
        return start.argv[0]
    line = start.line.commands
    return (line[-1].args or ("",))[0] if _hands_over(start) else line[-1].name if line else ""


def started(model: Model, service: Service) -> Start:
    """How a service starts the image that has an entrypoint or a command of its own for it."""
    entrypoint, image = model.final.config.entrypoint, model.final.image
    if service.entrypoint is not None:
        entrypoint = split(service.entrypoint)
    elif image is not None and "entrypoint" in basename("".join(image.entrypoint)):
        # the scripts of official images hand over to the command:
        # https://github.com/docker-library/official-images#consistency
        length = len(image.entrypoint)
        entrypoint = entrypoint[:-length] if entrypoint[-length:] == image.entrypoint else entrypoint
    return start_with((*entrypoint, *split(service.command)), model.node)


def _hands_over(start: Start) -> bool:
    line = start.line.commands
    return bool(line) and line[-1].name == "exec"
