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
_NUXT_FIRST = ("NUXT_PORT", "NITRO_PORT")


@dataclass(frozen=True, slots=True)
class ProgramPort:
    """Where a framework's own server listens.

    Attributes:
        port: the port.
        variable: the environment variable that overrides it.
        origin: the option, the configuration or the program that says so.
        before: variables that the program asks before *variable*.
    """

    port: int | None
    variable: str | None
    origin: str
    before: tuple[str, ...] = ()


def port_of(
    resolved: Resolved, configured: Callable[[], Fact[int] | None], nuxt: Callable[[], Fact[str] | None]
) -> ProgramPort | None:
    """Where the framework's own server that a command starts listens; None for any other program.

    Args:
        resolved: the command.
        configured: tells the port of the development server, where a configuration or a script names one.
        nuxt: tells what the settings of Nuxt say of its port.
    """
    for words in resolved.commands[::-1]:
        program = posixpath.basename(words[0])
        verb = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
        key = (program, verb) if (program, verb) in _PROGRAM_PORTS else (program, "")
        if key not in _PROGRAM_PORTS or verb in ("build", "generate", "export", "lint", "info", "telemetry"):
            continue
        port, variable = _PROGRAM_PORTS[key]
        given = option(words, _PORT_OPTIONS.get(program, ("--port", "-p")))
        origin = resolved.steps[-1].origin if resolved.steps else " ".join(words)
        if given:
            return ProgramPort(*_given(given), origin)
        if program in ("nuxt", "nuxi"):
            return _nuxt(dict(resolved.environment), nuxt(), origin)
        own = dict(resolved.environment).get(variable or "")
        if own is not None and own.isdigit():
            return ProgramPort(int(own), variable, origin)
        named_port = configured() if program in ("vite", "vue-cli-service") and verb != "preview" else None
        if named_port is not None:
            return ProgramPort(named_port.value, variable, named_port.origin)
        return ProgramPort(port, variable, f"{origin} (the program's default)")
    return None


def _given(text: str) -> tuple[int | None, str | None]:
    """The port and the variable that an option names: ``3000``, ``tcp://0.0.0.0:3000``, ``$PORT``, ``${PORT:-80}``."""
    named = re.fullmatch(r"(?:.*:)?\$(?:(\w+)|\{(\w+)(?::?-(\d{2,5}))?\})", text)
    if named is not None:
        return int(named[3]) if named[3] else None, named[1] or named[2]
    number = re.fullmatch(r"(?:[^$]*:)?(\d{2,5})", text)
    return int(number[1]) if number is not None else None, None


def _nuxt(own: Mapping[str, str], settings: Fact[str] | None, origin: str) -> ProgramPort:
    """The port of Nuxt's server: that of its settings, else the first of its variables, else 3000.

    https://v2.nuxt.com/docs/configuration-glossary/configuration-server and https://nuxt.com/docs/api/commands/dev
    """
    if settings is not None:
        number = int(settings.value) if settings.value.isdigit() else None
        return ProgramPort(number, None, settings.origin)
    for name in (*_NUXT_FIRST, "PORT"):
        if own.get(name, "").isdigit():
            return ProgramPort(int(own[name]), None, origin)
    return ProgramPort(3000, "PORT", f"{origin} (the program's default)", _NUXT_FIRST)


def option(words: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    """The value of the first of some options."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            if equals:
                return value
            return words[index + 1] if index + 1 < len(words) else None
    return None
