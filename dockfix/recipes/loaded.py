"""What Node loads beside the app when a container starts: an end without dev dependencies may lack a part of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from posixpath import normpath
from typing import TYPE_CHECKING

from dockfix.facts.commands import package_of
from dockfix.model.server import entry_file
from dockfix.recipes.programs import final_services, programs
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.facts.node import Node
    from dockfix.model import Model
    from dockfix.recipes.programs import Program

SETTINGS = {
    "next": ("next.config.js", "next.config.mjs", "next.config.cjs", "next.config.ts"),
    "nuxt": ("nuxt.config.js", "nuxt.config.ts"),
    "gatsby": ("gatsby-config.js", "gatsby-config.mjs", "gatsby-config.ts"),
    "knex": ("knexfile.js", "knexfile.cjs", "knexfile.mjs"),
    "sequelize": (".sequelizerc",),
    "sequelize-cli": (".sequelizerc",),
}
"""Modules of settings that a program loads whenever it starts, serving too.

https://nextjs.org/docs/app/api-reference/config/next-config-js, https://v2.nuxt.com/docs/directory-structure/nuxt-config,
https://www.gatsbyjs.com/docs/reference/config-files/gatsby-config/, https://knexjs.org/guide/migrations.html,
https://github.com/sequelize/cli#usage
"""
PRELOADING = frozenset({"-r", "--require", "--import", "--loader", "--experimental-loader"})
"""Options by which node loads a module before the app: https://nodejs.org/api/cli.html#-r---require-module"""


def check_loaded(model: Model, node: Node) -> None:
    """Refuse where scripts before the app, settings of its framework or modules loaded first need dev dependencies.

    Raises:
        UnfitError: with the module and what it imports.
    """
    for program in programs(model):
        for path in _modules(node, program):
            for imported in node.server_of(path).imports:
                fact = node.is_dev(imported.value)
                if fact is not None and fact.value:
                    why = f"{path} imports {imported.value}, a dev dependency ({imported.origin})"
                    raise UnfitError(model.start.command, f"{why}, and is loaded when a container starts")


def check_preloaded(model: Model, node: Node) -> None:
    """Refuse where NODE_OPTIONS loads a file of the app, or a package that an end without dev dependencies may lack.

    Raises:
        UnfitError: with the module.
    """
    for environment, where in _environments(model):
        for module in _preloaded((environment.get("NODE_OPTIONS") or "").split()):
            name = package_of(module)
            if module.startswith((".", "/")) or name not in node.dependencies:
                raise UnfitError(model.start.command, f"NODE_OPTIONS ({where}) loads {module}, which the end may lack")
            if name == "dotenv" and node.has(".env"):
                raise UnfitError(model.start.command, f"NODE_OPTIONS ({where}) has {node.origin_of('.env')} read")


def _environments(model: Model) -> Iterator[tuple[Mapping[str, str | None], str]]:
    yield model.final.config.env, "ENV"
    resolved = model.start.resolved
    yield dict((*model.start.environment, *(resolved.environment if resolved is not None else ()))), "the start command"
    for service in final_services(model):
        yield service.environment, service.origin("environment")


def _modules(node: Node, program: Program) -> Iterator[str]:
    """The app's own modules that a program loads: its file, those loaded before it, the settings of its framework."""
    names = [program.name]
    if program.name in {"node", "nodejs"}:
        entry = program.entry or entry_file(program.words, node)
        if entry is not None:
            yield entry
            names += [imported.value for imported in node.server_of(entry).imports]
        yield from (normpath(module) for module in _preloaded(program.words[1:]) if module.startswith("."))
    yield from (path for name in names for path in SETTINGS.get(name, ()) if node.has(path))


def _preloaded(words: Sequence[str]) -> Iterator[str]:
    """The modules that options of node name, as on its command line and in NODE_OPTIONS."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in PRELOADING:
            yield value if equals else "".join(words[index + 1 : index + 2])
