"""What the end of a Node image needs of the folder in which the app was built."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from posixpath import normpath
from typing import TYPE_CHECKING

from dockfix.model import Purpose
from dockfix.model.server import entry_file
from dockfix.recipes.programs import programs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.facts.node import Node
    from dockfix.model import Model

BUILD_ONLY = (
    *("tsconfig*.json", "jsconfig.json", ".eslint*", "eslint.config.*", ".prettier*", "prettier.config.*"),
    *("jest.config.*", "jest.setup.*", "vitest.config.*", ".mocharc*", ".nycrc*", "babel.config.*", ".babelrc*"),
    *(".swcrc", "nest-cli.json", "nodemon.json", "tsup.config.*", "webpack.config.*", "rollup.config.*"),
    *("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock*"),
    *("pnpm-workspace.yaml", ".yarnrc*", ".yarn", "turbo.json", "nx.json"),
    *(".npmrc", ".nvmrc", ".node-version", "README*", "LICENSE*", "CHANGELOG*", "CONTRIBUTING*", "*.md"),
    *(".git*", ".docker*", "Dockerfile*", "*.dockerfile", "docker-compose*", "compose*.y*ml", "Makefile"),
    *(".editorconfig", ".vscode", ".idea", ".husky", ".env.example", ".env.sample", ".travis.yml"),
    *("test", "tests", "__tests__", "e2e", "coverage", "node_modules"),
    *("commitlint.config.*", ".lintstaged*", "renovate.json", "jenkinsfile", "Jenkinsfile", "sonar-project.properties"),
    *(".dockfix.toml", "*.postman_collection.json"),
)
"""What lies in a Node app's folder for its tools and its authors, and that a server does not read."""


@dataclass(frozen=True)
class Artefacts:
    """What the end needs of the app's folder.

    Attributes:
        built: what the build makes, carried from the builder.
        carried: files of the context that the server reads.
        modules: whether it needs ``node_modules``.
        root: a built folder whose contents take the place of the app's; empty where there is none.
        start: the command that starts what is in *root*; empty where the app's own stays.
        variables: what that command needs to be told.
        idle: what the build keeps in *built* for the next build alone.
        copied: whether all else of the folder comes as the file copies it.
    """

    built: tuple[str, ...]
    carried: tuple[str, ...]
    modules: bool = True
    root: str = ""
    start: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    idle: tuple[str, ...] = ()
    copied: bool = False


def artefacts(model: Model, node: Node) -> Artefacts | None:
    """What the end needs, or ``None`` where it cannot be told and the whole folder goes along."""
    program = model.start.program or ()
    entry = normpath(entry_file(program[:2], node) or "") if len(program) > 1 else ""
    output = normpath(node.build_output.value) if node.build_output is not None else ""
    if output and not output.startswith(("..", "/")) and _is_handed_out(model, output):
        scripts = tuple(word for word in model.start.words if word.endswith(".sh"))
        return Artefacts((output,), scripts, modules=False)
    if not output or output.startswith(("..", "/")) or not entry.startswith(f"{output}/"):
        return None
    if model.server.unread or model.server.reads_unknown is not None or has_prisma(node):
        return None
    return _known(model, output)


def _is_handed_out(model: Model, output: str) -> bool:
    """Whether containers do nothing but hand out *output* by ``http-server``, which is installed beside the app.

    It reads no file of its own: https://github.com/http-party/http-server#available-options
    """
    started = programs(model)
    places = [word for program in started for word in program.words[1:] if not word.startswith("-")]
    alone = bool(started) and all(program.name in {"http-server", "cd"} for program in started)
    scripts = [word for word in model.start.words if word.endswith(".sh")]
    known = all("/" not in word and model.app.root.exists(in_context(model, word)) for word in scripts)
    beside = any("http-server" in step.instruction.value for step in model.final.doing(Purpose.TOOLS))
    inside = [normpath(place) for place in places if not place.isdigit()]
    return alone and known and beside and len(inside) == 1 and f"{inside[0]}/".startswith(f"{output}/")


def _known(model: Model, output: str) -> Artefacts | None:
    """The parts of the folder that the server reads; ``None`` where something in it may be read or not."""
    reads = {normpath(fact.value).split("/")[0] for fact in model.server.reads}
    writes = {normpath(fact.value).split("/")[0] for fact in model.server.writes}
    compiled = {"src"} if not any(normpath(fact.value).startswith("src/") for fact in model.server.reads) else set()
    made = {output.split("/", maxsplit=1)[0], *compiled}
    carried = ["package.json"]
    there = [*entries(model)]
    if any(_is_made(model, name) for name in reads - writes - made - {*there}):
        return None
    for name in there:
        if name in made or any(fnmatchcase(name, each) for each in BUILD_ONLY):
            continue
        if name not in reads | writes:
            return None
        carried.append(name)
    return Artefacts((output,), tuple(carried))


def _is_made(model: Model, name: str) -> bool:
    """Whether what the server reads, and no COPY brings, may be something that the build makes beside its output."""
    outside = name in {"", ".", "..", "node_modules"} or name.startswith(".env")
    return not outside and not model.app.root.exists(in_context(model, name))


def entries(model: Model) -> Iterator[str]:
    """What of the app's folder in the build context lands in the image."""
    for name in model.app.root.list(model.source or ""):
        path = in_context(model, name)
        if not model.app.ignore.ignores(path) and model.final.image_path(path) is not None:
            yield name


def has_prisma(node: Node) -> bool:
    """Whether a schema and a generated client belong to the app: migrations read the schema when it starts."""
    return node.dependency("prisma") is not None or node.dependency("@prisma/client") is not None


def why_whole(model: Model, what: str = "the whole app folder") -> str:
    """Why *what* goes along."""
    unknown = model.server.reads_unknown
    if unknown is not None:
        place = unknown.origin.removesuffix(" (the program's default)")
        return f"{what} goes along: what {place} reads cannot be told"
    return f"{what} goes along: which of its files the app reads could not be told"


def in_context(model: Model, name: str) -> str:
    """The path in the build context of *name* in the app's folder."""
    return f"{model.source}/{name}" if model.source else name
