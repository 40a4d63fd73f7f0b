"""Servers that frameworks bring, and where they listen."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dockfix.facts.commands import Resolved

#: Ports that a program listens on where neither an option nor a variable says otherwise, by its own documentation:
#: nextjs.org/docs/app/api-reference/cli/next, vite.dev/config, angular.dev/cli/serve, cli.vuejs.org/guide/cli-service,
#: create-react-app.dev/docs/advanced-configuration, nitro.build/deploy/runtimes/node, github.com/vercel/serve,
#: github.com/http-party/http-server, docs.strapi.io/cms/configurations/server,
#: docs.astro.build/en/reference/cli-reference,
#: gatsbyjs.com/docs/reference/gatsby-cli, remix.run/docs/en/main/other-api/serve, parceljs.org/features/cli.
_PROGRAM_PORTS: Mapping[tuple[str, str], tuple[int, str | None]] = {
    ("next", ""): (3000, "PORT"), ("nuxt", ""): (3000, "PORT"), ("nuxi", ""): (3000, "PORT"),
    ("react-scripts", "start"): (3000, "PORT"), ("craco", "start"): (3000, "PORT"), ("react-app-rewired",
    "start"): (3000, "PORT"),
    ("vite", "preview"): (4173, None), ("vite", ""): (5173, None), ("ng", "serve"): (4200, None), ("ng", "s"):
    (4200, None),
    ("vue-cli-service", "serve"): (8080, "PORT"), ("serve", ""): (3000, "PORT"), ("http-server", ""): (8080, "PORT"),
    ("json-server", ""): (3000, None), ("strapi", ""): (1337, "PORT"), ("astro", ""): (4321, None), ("gatsby",
    "serve"): (9000, None),
    ("gatsby", "develop"): (8000, None), ("remix-serve", ""): (3000, "PORT"), ("react-router-serve", ""): (3000,
    "PORT"),
    ("webpack-dev-server", ""): (8080, None), ("parcel", ""): (1234, "PORT"), ("webpack", "serve"): (8080, None),
    ("docusaurus", ""): (3000, None), ("storybook", ""): (6006, None), ("fastify", ""): (3000, "PORT"),
}  # fmt: skip
_PORT_OPTIONS = {"next": ("-p", "--port"), "serve": ("-l", "--listen", "-p"), "http-server": ("-p", "--port"),
                 "parcel": ("-p", "--port"), "gatsby": ("-p", "--port"), "fastify": ("-p", "--port"),
                 "storybook": ("-p", "--port")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProgramPort:
    """Where a framework's own server listens.

    Attributes:
        port: the port.
        variable: the environment variable that overrides it.
        origin: the option, the configuration or the program that says so.
    """

    port: int | None
    variable: str | None
    origin: str


def port_of(resolved: Resolved, configured: Callable[[], Fact[int] | None]) -> ProgramPort | None:
    """Where the framework's own server that a command starts listens; None for any other program.

    Args:
        resolved: the command.
        configured: tells the port of the development server, where a configuration or a script names one.
    """
    for words in resolved.commands[::-1]:
        program = posixpath.basename(words[0])
        verb = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
        key = (program, verb) if (program, verb) in _PROGRAM_PORTS else (program, "")
        if key not in _PROGRAM_PORTS or verb in ("build", "generate", "export", "lint", "info", "telemetry"):
            continue
        port, variable = _PROGRAM_PORTS[key]
        given = option(words, _PORT_OPTIONS.get(program, ("--port", "-p")))
        number = re.search(r"(\d{2,5})$", given) if given else None
        origin = resolved.steps[-1].origin if resolved.steps else " ".join(words)
        if given:
            named = re.search(r"\$\{?(\w+)", given)
            return ProgramPort(int(number[1]) if number else None, named[1] if named else None, origin)
        own = dict(resolved.environment).get(variable or "")
        if own is not None and own.isdigit():
            return ProgramPort(int(own), variable, origin)
        named_port = configured() if program in ("vite", "vue-cli-service") and verb != "preview" else None
        if named_port is not None:
            return ProgramPort(named_port.value, variable, named_port.origin)
        return ProgramPort(port, variable, f"{origin} (the program's default)")
    return None


def option(words: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    """The value of the first of some options."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            if equals:
                return value
            return words[index + 1] if index + 1 < len(words) else None
    return None
