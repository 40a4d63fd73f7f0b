"""What serves a browser app as its image is, and on which port."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix.facts.dotenv import values
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts.node import Node
    from dockfix.model import Model

PORTS = {"vite": 5173, "react-scripts": 3000, "craco": 3000, "vue-cli-service": 8080, "ng": 4200, "serve": 3000}
PORTS |= {"http-server": 8080}
"""The port that each program binds when nobody says otherwise, from its own documentation of 2026."""

PREVIEW = 4173
"""The port of ``vite preview``: https://vite.dev/config/preview-options"""

CREATED = frozenset({"react-scripts", "craco"})
"""Create React App's server, and the one that wraps it."""

VARIABLES = (".env.development.local", ".env.local", ".env.development", ".env")
"""Files of variables that it reads, the first that sets one holds:
https://create-react-app.dev/docs/adding-custom-environment-variables/#what-other-env-files-can-be-used"""

FILE_SERVERS = frozenset({"serve", "http-server"})
"""Programs that hand out what a build has made; the others build as they serve."""


def program(model: Model) -> str | None:
    """The program that serves the app, where it is a plain file server or a development server."""
    names = model.start.names & PORTS.keys()
    return sorted(names)[0] if names else None


def port(model: Model, node: Node, server: str) -> int:
    """The port that is bound today: the command's, the configuration's, the tool's own; EXPOSE must agree."""
    usual = PREVIEW if server == "vite" and is_preview(model) else PORTS[server]
    bound = _told(model) or _configured(model, node, server) or usual
    exposed = [int(name.partition("/")[0]) for name in model.final.config.expose if name.partition("/")[0].isdigit()]
    if exposed and bound not in exposed:
        raise UnfitError(model.start.command, f"EXPOSE says {exposed[0]}, but {server} binds {bound}")
    for service in model.services:
        if service.environment.get("PORT", str(bound)) != str(bound):
            raise UnfitError(model.start.command, f"compose sets PORT ({service.origin('environment')})")
    return bound


def is_preview(model: Model) -> bool:
    """Whether it is Vite's server for what a build has made."""
    return "preview" in (model.start.resolved.shell if model.start.resolved is not None else model.start.text)


def _configured(model: Model, node: Node, server: str) -> int | None:
    """The port that the tool's configuration or the variable PORT names."""
    if server in {"vite", "ng", "vue-cli-service"} and not is_preview(model):
        computed = node.frontend.computed_port
        if computed is not None:
            raise UnfitError(model.start.command, f"the port is decided when {server} starts ({computed.origin})")
        if node.dev_port is not None:
            return node.dev_port.value
    variable = model.final.config.env.get("PORT") or (variable_of(node, "PORT") if server in CREATED else ("", ""))[0]
    return int(variable) if variable.isdigit() and server not in {"vite", "ng", "http-server"} else None


def variable_of(node: Node, name: str) -> tuple[str, str]:
    """What the files that Create React App's server reads set a variable to, and where; two empty texts for nothing."""
    for path in VARIABLES:
        for given, value, number in values(node.files.read(node.path(path)) or b""):
            if given == name:
                return value, node.origin_of(path, number)
    return "", ""


def told_words(model: Model) -> list[str]:
    """Every word of the start, scripts followed."""
    words = list(model.start.program or ()) + (model.start.resolved.shell.split() if model.start.resolved else [])
    return words + model.start.text.split()


def _told(model: Model) -> int | None:
    """The port that the command names."""
    words = told_words(model)
    for word, following in zip(words, [*words[1:], ""], strict=True):
        match = re.fullmatch(r"(?:--(?:port|listen)=|PORT=)(?:tcp://[^:]*:)?(\d+)", word)
        if match:
            return int(match[1])
        if word in {"--port", "-l", "--listen", "-p"} and (match := re.fullmatch(r"(?:tcp://[^:]*:)?(\d+)", following)):
            return int(match[1])
    return None
