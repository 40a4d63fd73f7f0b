"""Prisma's client, which an install generates from the schema among the sources.

So does the install script of ``@prisma/client``, and the app's own that calls ``prisma generate``. Without the schema
the first generates nothing and says nothing: https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING

from dockfix.facts import Fact
from dockfix.recipes.split import UnfitError
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.facts.node import Node
    from dockfix.model import StageModel, Step

COMMAND = re.compile(r"(?:npx\s+|yarn\s+|pnpm\s+(?:exec\s+)?)?prisma\s+generate")
"""Reads the schema: https://www.prisma.io/docs/orm/prisma-schema/overview/location"""

PLACES = ("schema.prisma", "prisma/schema.prisma")
CONFIGS = tuple(f"prisma.config.{suffix}" for suffix in ("ts", "mts", "cts", "js", "mjs", "cjs"))
GENERATOR = re.compile(r"^\s*generator\s+\w+\s*\{(.*?)^\s*\}", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"^\s*(provider|output)\s*=\s*\"([^\"]+)\"", re.MULTILINE)
"""A line of a generator: https://www.prisma.io/docs/orm/prisma-schema/overview/generators"""


@dataclass(frozen=True, slots=True)
class Schema:
    """What generating the client reads and writes.

    Attributes:
        path: the schema's file or folder in the build context.
        made: folders among the sources that are generated, by their paths there.
    """

    path: str
    made: tuple[str, ...]


def schema(step: Step, node: Node) -> Schema | None:
    """The schema of a package; ``None`` where it has none.

    Args:
        step: the RUN that installs.
        node: the package.

    Raises:
        UnfitError: what else is read cannot be told.
    """
    config = next((name for name in CONFIGS if node.has(name)), None)
    if config is not None:
        raise UnfitError(step.instruction, f"prisma generates its client as {node.origin_of(config)} says")
    named = node.manifest.get("prisma", "schema")
    place = next((path for path in ([named] if isinstance(named, str) else PLACES) if node.has(path)), None)
    if place is None:
        return None
    path = node.path(place)
    alone = node.files.is_dir(path) or dirname(path) == node.folder
    # a schema in a folder of its own may have others, and migrations, beside it
    return Schema(path if alone else dirname(path), tuple(_made(step, node, path)))


def _made(step: Step, node: Node, path: str) -> Iterator[str]:
    """The folders outside of node_modules that the generators of a schema fill."""
    names = list(node.files.walk(path, 200)) if node.files.is_dir(path) else [path]
    for name in names:
        text = (node.files.read(name) or b"").decode("utf-8", "replace")
        for generator in GENERATOR.finditer(text):
            for key, value in SETTING.findall(generator[1]):
                if key == "output" and "node_modules" not in value:
                    yield normpath(join(dirname(name), value))
                elif key == "provider" and "/" in value and "node_modules/" not in value:
                    raise UnfitError(step.instruction, f"prisma runs {value} of the sources ({name})")


def has_schema(node: Node) -> bool:
    """Whether a package has a schema anywhere."""
    return any(_schemas(node))


def among_modules(node: Node) -> Iterator[Fact[str]]:
    """The folders of node_modules that the generators of a package fill, each with the generator's place.

    Only ``prisma-client`` must be told where: https://www.prisma.io/docs/orm/prisma-schema/overview/generators
    """
    for path in _schemas(node):
        source = (node.files.read(path) or b"").decode("utf-8", "replace")
        for generator in GENERATOR.finditer(source):
            told = dict(SETTING.findall(generator[1]))
            provider = told.get("provider", "")
            usual = ".prisma/client" if provider == "prisma-client-js" else provider
            output = told.get("output", f"node_modules/{usual}" if provider != "prisma-client" else "")
            if "node_modules/" in output:
                line = line_of(source, generator.start())
                yield Fact(f"node_modules/{output.rpartition('node_modules/')[2]}", f"{join(node.prefix, path)}:{line}")


def _schemas(node: Node) -> Iterator[str]:
    return (path for path in node.files.walk(node.folder, 5000) if path.endswith(".prisma"))


def generates_itself(stage: StageModel, step: Step, node: Node) -> bool:
    """Whether nothing but the install script of ``@prisma/client`` generates the client that a build reads.

    Args:
        stage: the stage.
        step: the RUN that installs.
        node: the package.
    """
    if node.dependency("@prisma/client") is None:
        return False
    later = stage.steps[stage.steps.index(step) :]
    return not any(_generates(node, other) for other in later)


def _generates(node: Node, step: Step) -> bool:
    """Whether a RUN calls ``prisma generate``, through the scripts of package.json where it does."""
    for command in step.script.commands if step.script else ():
        words = tuple(word.text for word in command.words)
        lines = (words, *node.resolve(words).commands)
        if any("prisma" in line and "generate" in line for line in lines):
            return True
    return False
