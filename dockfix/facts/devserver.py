"""What a development server of browser apps is told to do beside handing out the app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.jssyntax import line, text
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.jsconfig import Configuration
    from dockfix.facts.node import Node

OPTIONS = (
    *(("server", key) for key in ("headers", "https")),
    *(("devServer", key) for key in ("headers", "https", "server", "setupMiddlewares", "onBeforeSetupMiddleware")),
)
"""Vite's and webpack's: https://vite.dev/config/server-options, https://webpack.js.org/configuration/dev-server/"""
HOOKS = re.compile(rb"\b(configureServer|basicSsl|mkcert|viteMockServe)\s*\(")
"""Where plugins of Vite answer requests themselves, or speak TLS: https://vite.dev/guide/api-plugin#configureserver"""


def extras(node: Node, configuration: Configuration, paths: tuple[str, ...]) -> Iterator[Fact[str]]:
    """What the configuration files *paths* want of a development server that no server of files does."""
    for keys in OPTIONS:
        found = configuration.entry(paths, keys)
        if found is not None and text(found[1]) not in {"false", "undefined", "{}"}:
            yield Fact(".".join(keys), node.origin_of(found[0].path, line(found[1])))
    for path in paths:
        source = node.files.read(node.path(path)) or b""
        for match in HOOKS.finditer(source):
            number = line_of(source, match.start())
            yield Fact(match[1].decode("ascii"), node.origin_of(path, number))
