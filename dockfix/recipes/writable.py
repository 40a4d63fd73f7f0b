"""What containers of the final stage write, so that an account other than root can be given just that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import basename, dirname, normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.facts import Fact
from dockfix.facts.dotenv import values
from dockfix.facts.pyresult import UNDECIDED
from dockfix.model.config import covers, join
from dockfix.model.origins import context_paths
from dockfix.model.server import entry_file, is_file_server
from dockfix.recipes import alembic, writers
from dockfix.recipes.folders import made_by, mounts, next_caches
from dockfix.recipes.programs import Program, final_services, programs, settings
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.javascript import JsServer
    from dockfix.facts.pyserver import PyServer
    from dockfix.facts.server import Server
    from dockfix.model import Model

LARGEST = 300_000
"""The most bytes of a source that are searched for paths."""
PASSING = re.compile(r"/(?:tmp|var/tmp|dev|proc|sys)(?:/|$)")
OUTSIDE = re.compile(
    rb"""["'`](?:[\w .]+=|(?:\w+:)+/{0,3}?)?"""
    rb"""(/(?:var/(?!run/docker)(?:log|lib|data|cache|www)|opt|srv|mnt|data)/[\w./-]+)(?:[;?][^"'`]*)?["'`]"""
)
"""A path of data in quotes, by itself or in the address of a database: ``Data Source=/data/shop.db``."""
SOURCES = (
    *(".py", ".js", ".ts", ".mjs", ".cjs", ".mts", ".java", ".kt", ".cs", ".go", ".rs", ".rb", ".php"),
    *(".json", ".toml", ".ini", ".cfg", ".yaml", ".yml"),
)
SQLITE = re.compile(r"sqlite[\w+]*:(?:///?)?(?!.*:memory:)(/?[^?/][^?]*)")
"""A database in a file: https://docs.sqlalchemy.org/en/20/core/engines.html#sqlite,
https://sequelize.org/docs/v6/getting-started/#connecting-to-a-database
"""
INSTANCE = "instance"
"""Where Flask-SQLAlchemy looks for relative ones: https://flask-sqlalchemy.readthedocs.io/en/stable/config/"""


@dataclass(frozen=True)
class Writable:
    """Where containers write.

    Attributes:
        folders: absolute folders of the image, each with the evidence.
        mounts: those of them that are mount points, where volumes inherit the owner.
        unknown: the evidence that more is written than can be told; ``None`` where all is known.
        tools: programs that the sources call, with the evidence.
    """

    folders: tuple[Fact[str], ...] = ()
    mounts: tuple[Fact[str], ...] = ()
    unknown: Fact[str] | None = None
    tools: tuple[Fact[str], ...] = ()


@dataclass
class _Found:
    folders: dict[str, Fact[str]] = field(default_factory=dict)
    mounts: dict[str, Fact[str]] = field(default_factory=dict)
    unknown: Fact[str] | None = None
    tools: list[Fact[str]] = field(default_factory=list)

    def add(self, path: str, origin: str) -> None:
        if not PASSING.match(path):
            self.folders.setdefault(path, Fact(path, origin))

    def doubt(self, why: str, origin: str) -> None:
        self.unknown = self.unknown or Fact(why, origin)


def writable(model: Model) -> Writable:
    """Where containers of the final stage write, from the sources, scripts, compose files and the Dockerfile."""
    found = _Found()
    for program in programs(model):
        _program(model, program, found)
    if not programs(model):
        found.doubt("what runs", "no start command is known")
    _settings(model, found)
    for service in final_services(model):
        for fact in service.synced:  # as the account: https://docs.docker.com/compose/how-tos/file-watch/#prerequisites
            found.add(join(model.folder, fact.value), fact.origin)
    for fact in mounts(model):
        found.add(fact.value, fact.origin)
        found.mounts.setdefault(fact.value, fact)
    for step in model.final.all_steps:
        for path in made_by(model, step):
            found.add(path, "a RUN makes it")
    return Writable(tuple(found.folders.values()), tuple(found.mounts.values()), found.unknown, tuple(found.tools))


def _tools(server: JsServer | PyServer, found: _Found) -> None:
    """Programs that the sources call, each of which may write."""
    if server.tools_unknown is not None:
        found.doubt(f"which program {server.tools_unknown.value} is", server.tools_unknown.origin)
    found.tools += server.tools
    for fact in server.tools:
        if basename(fact.value) not in writers.READERS:
            found.doubt(f"what {fact.value} does", fact.origin)


def languages(model: Model) -> set[str]:
    """The languages of the programs that containers run."""
    names = {program.name for program in programs(model)}
    node = names & (writers.JAVASCRIPT | {"npm", "yarn", "pnpm", "npx"})
    python = {name for name in names if name.startswith("python") or name in writers.PYTHON}
    other = {model.server.language or ""} - {"", "node", "python", "nginx"}
    return other | ({"node"} if node else set()) | ({"python"} if python else set())


def _settings(model: Model, found: _Found) -> None:
    """Databases in files and folders that variables name, a HOME of the file's own among them."""
    given: list[tuple[str, str, str]] = []
    for step in model.final.all_steps:
        if step.instruction.keyword == "ENV":
            given += [(key, value, f"ENV {key}") for key, value in step.instruction.pairs()]
    for service in final_services(model):
        given += [(key, value or "", service.origin("environment")) for key, value in service.environment.items()]
    given += _copied_settings(model)
    python = model.app.python
    flask = python is not None and python.requirement("flask-sqlalchemy") is not None
    for key, value, origin in given:
        match = SQLITE.match(value)
        if match is not None and "$" not in value:
            found.add(dirname(join(model.folder, match[1])), origin)
            if flask and not match[1].startswith("/"):
                found.add(dirname(join(join(model.folder, INSTANCE), match[1])), origin)
        elif (key == "HOME" or catalog.names_folder(key)) and value.startswith("/") and "$" not in value:
            found.add(join("/", value), origin)


def _copied_settings(model: Model) -> Iterator[tuple[str, str, str]]:
    """Variables of a ``.env`` that the image has beside the app, each with its origin.

    Not those of a developer's machine: his home, and what lies in there.
    """
    for path in context_paths(model, join(model.folder, ".env")):
        data = model.app.root.read(path)
        if data is not None and not model.app.ignore.ignores(path):
            for name, value, number in values(data):
                if name != "HOME" and not _of_a_developer(model, SQLITE.sub(r"\1", value)):
                    yield name, value, model.app.origin(path, number)


def _program(model: Model, program: Program, found: _Found) -> None:
    """What one program writes."""
    words, name, origin = program.words, program.name, program.origin
    for redirect in program.redirects:
        match = re.fullmatch(r"\d*>[>|]?\s*(.+)", redirect.strip())
        if match is not None and not match[1].startswith("&"):
            _file(model, match[1].strip("\"'"), origin, found)
    file_options = writers.FILE_OPTIONS | writers.OWN_FILE_OPTIONS.get(name, set())
    for word, following in zip(words, (*words[1:], ""), strict=True):
        option, equals, value = word.partition("=")
        given = value if equals else following
        if option in file_options and given not in {"", "-"}:
            _file(model, given, origin, found)
        if option in writers.LOG_SETTINGS:
            found.doubt(f"what {given} names", origin)
        if word.startswith("unix:") or value.startswith("unix:"):
            _file(model, (value or word).removeprefix("unix:"), origin, found)
    read = settings(model, program)
    for match in writers.FILE_SETTINGS.finditer(read[1]) if read is not None else ():
        _file(model, match[1].removeprefix("unix:"), read[0] if read is not None else origin, found)
    if name in writers.FOLDER_USERS:
        found.add(model.folder, origin)
    if program.missing:
        found.doubt(f"what {words[0]} does", origin)
    elif name in writers.MAKERS or name in writers.MOVERS:
        _tool(model, program, found)
    elif name == "next" and "start" in words:
        found.add(next_caches(model)[0], origin)
    elif name == "alembic":
        _alembic(model, program, found)
    elif name in writers.JAVASCRIPT and model.node is not None:
        _javascript(model, program, found)
    elif is_file_server(words):
        pass
    elif name.startswith("python") or name in writers.PYTHON:
        _python(model, program, found)
    elif _is_of_another(server := model.served_with(words)):
        _served(model, program, server, found)
    elif name in {"npm", "yarn", "pnpm", "npx", "bun"} or not (
        name in writers.READERS or name in writers.MIGRATIONS or "=" in words[0]
    ):
        found.doubt(f"what {' '.join(words[:2])} does", origin)


def _alembic(model: Model, program: Program, found: _Found) -> None:
    """The database in a file, or the migrations, that Alembic writes: https://alembic.sqlalchemy.org/en/latest/tutorial.html"""
    url = alembic.address(model, program)
    match = SQLITE.match(url.value) if url is not None else None
    if url is None:
        found.doubt("which database Alembic changes", program.origin)
    elif match is not None:
        _file(model, match[1], url.origin, found)
    if "revision" in program.words:
        found.doubt("which folder gets migrations", program.origin)


def _is_of_another(server: Server) -> bool:
    """Whether a program is of an ecosystem whose facts say themselves what it writes."""
    return server.language not in {None, "node", "python", "nginx"}


def _served(model: Model, program: Program, server: Server, found: _Found) -> None:
    found.tools += server.tools
    for fact in server.writes:
        found.add(join(model.folder, fact.value), fact.origin)
    for fact in server.written_files:
        if not _of_a_developer(model, dirname(fact.value)):
            found.add(dirname(join(model.folder, fact.value)), fact.origin)
    if server.writes_unknown is not None:
        told = server.writes_unknown.value
        found.doubt(f"what {told} is" if "=" in told else f"where {told} writes", server.writes_unknown.origin)
    if server.unread:
        found.doubt(f"what {' '.join(program.words[:2])} does", program.origin)


def _of_a_developer(model: Model, folder: str) -> bool:
    """Whether files are written into a folder that is on a developer's machine alone.

    That is somebody's home, or a folder beside the app's in the repository. Where the image has neither, root cannot
    write there today.
    """
    path = join(model.folder, folder)
    home = re.match(r"/(?:home|Users)/[^/]+", path)
    if home is None:
        beside = normpath(join(f"/{model.app.context}", f"{model.source or '.'}/{folder}")).lstrip("/")
        if not folder.startswith("../") or not model.app.files.is_dir(beside):
            return False
    place = home[0] if home is not None else path
    image = model.final.image
    homes = {account.home or "/" for account in image.accounts} if image is not None else set()
    targets = {join("/", volume.target) for service in final_services(model) for volume in service.volumes}
    known = {model.folder, *homes, *targets, *(placement.target for placement in model.final.placements)}
    return not (
        any(covers(place, each) or covers(each, place) for each in known if each not in {"", "/"})
        or any(place in step.instruction.text for step in model.final.all_steps)
    )


def _file(model: Model, path: str, origin: str, found: _Found) -> None:
    if "$" in path:
        found.doubt(f"what {path} is", origin)
    elif not PASSING.match(path):
        found.add(dirname(join(model.folder, path)), origin)


def _tool(model: Model, program: Program, found: _Found) -> None:
    operands = [word for word in program.words[1:] if not word.startswith("-")]
    if program.name == "sed" and not any(word.startswith(("-i", "--in-place")) for word in program.words):
        return
    if program.name in writers.MOVERS:
        operands = operands[-1:]
    for operand in operands:
        if "$" in operand or "`" in operand:
            found.doubt(f"what {operand} is", program.origin)
        elif program.name == "mkdir":
            found.add(join(model.folder, operand), program.origin)
        else:
            _file(model, operand.rstrip("/"), program.origin, found)


def _javascript(model: Model, program: Program, found: _Found) -> None:
    assert model.node is not None
    entry = program.entry or entry_file(program.words, model.node)
    if entry is not None and re.search(r"\.(?:json|ya?ml)$|\.config\.c?js$", entry):
        entry = None  # a process file of pm2, which names the scripts
    if entry is not None and entry.startswith("/"):
        inside = f"{model.folder.rstrip('/')}/"
        entry = entry.removeprefix(inside) if entry.startswith(inside) else None
    server = model.node.server_of(entry) if entry is not None else None
    if server is None or server.entry is None:
        found.doubt(f"what {' '.join(program.words[:3])} runs", program.origin)
        return
    made = {fact.value for fact in server.written_files}
    for fact in server.writes:
        if fact.value in made or not _of_a_developer(model, fact.value):
            found.add(join(model.folder, fact.value), fact.origin)
    if server.writes_unknown is not None:
        found.doubt(f"what {server.writes_unknown.value} is", server.writes_unknown.origin)
    if server.truncated:
        found.doubt("what the many sources do", program.origin)
    _tools(server, found)


def _python(model: Model, program: Program, found: _Found) -> None:
    python = model.app.python
    if python is None:
        found.doubt(f"what {' '.join(program.words[:3])} runs", program.origin)
        return
    server = _py(model, program.words)
    for fact in server.writes:
        found.add(join(model.folder, fact.value), fact.origin)
    if server.beat is not None:
        found.add(model.folder, server.beat.origin)
    if "collectstatic" in program.words:
        if server.static_root is not None:
            found.add(join(model.folder, server.static_root.value), server.static_root.origin)
        else:
            found.doubt("where collectstatic puts its files", program.origin)
    if {"makemigrations", "init"} & set(program.words):
        found.doubt("which folders get migrations", program.origin)
    doubt = server.writes_unknown
    unread = [fact for fact in server.unread if not fact.value.endswith(UNDECIDED)]
    if doubt is not None:
        plain = re.search(r"\w", doubt.value) is not None
        found.doubt(f"what {doubt.value} is" if plain else "which path the app writes to", doubt.origin)
    elif unread or server.entry is None:
        why = unread[0] if unread else Fact("no source was found", program.origin)
        found.doubt(f"what {' '.join(program.words[:3])} does ({why.value})", why.origin)
    _tools(server, found)


def _py(model: Model, words: tuple[str, ...]) -> PyServer:
    python = model.app.python
    assert python is not None
    environment: Mapping[str, str] = model.final.config.env
    for service in final_services(model):
        environment = {**environment, **{key: value for key, value in service.environment.items() if value}}
    return python.server_of(words, environment, model.source)


def outside(model: Model) -> Fact[str] | None:
    """A path outside the app's folder that the sources name, in the parts of the system where data are kept."""
    for path, data in sources(model):
        for match in OUTSIDE.finditer(data):
            place = match[1].decode("ascii")
            if not f"{place}/".startswith(f"{model.folder.rstrip('/')}/"):
                return Fact(place, model.app.origin(path, line_of(data, match.start())))
    return None


def sources(model: Model) -> Iterator[tuple[str, bytes]]:
    """The sources and settings of the app by their paths, without its tests and without what no hand has written."""
    for path in model.app.root.walk(model.source or "", 3000):
        if not path.endswith(SOURCES) or "/test" in path or path.startswith("test"):
            continue
        data = model.app.root.read(path)
        if data is not None and len(data) <= LARGEST:
            yield path, data
