"""Go programs: built in one stage, run in another without the toolchain."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix.facts import go as facts
from dockfix.facts.gobuild import default_name
from dockfix.model import origins
from dockfix.model.config import join, render
from dockfix.recipes import compiled, gobase
from dockfix.recipes.assets import Assets, assets, takes_environment, without_environment
from dockfix.recipes.gobase import Choice, all_builds
from dockfix.recipes.linked import settled_base
from dockfix.recipes.parts import End
from dockfix.recipes.split import Split, UnfitError, listed
from dockfix.text import Edit, Span
from dockfix.transform import Note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.facts.go import Program
    from dockfix.model import Model, Step

VARIABLES = re.compile(r"GO(?!OGLE)[A-Z0-9]+|CGO_\w+|GO111MODULE")
"""Variables of the toolchain: https://pkg.go.dev/cmd/go#hdr-Environment_variables"""

RUNTIME = frozenset({"GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK"})
"""Those that a program reads itself when it runs: https://pkg.go.dev/runtime#hdr-Environment_Variables"""

OWN = re.compile(rf"(?!{'|'.join(RUNTIME)}$)(?:{VARIABLES.pattern})")
SOURCES: tuple[str, ...] = (
    "*.go",
    "go.mod",
    "go.sum",
    "go.work",
    "go.work.sum",
    "*.s",
    "*.c",
    "*.h",
    "*.proto",
    "*.templ",
    ".air.toml",
)
SOURCES += (".golangci*", "sqlc.y*ml", "buf.*", ".goreleaser*", "gqlgen.yml", "modules.txt")
TOOLCHAIN = frozenset(
    {"go", "gofmt", "templ", "swag", "sqlc", "buf", "protoc", "mockgen", "wire", "easyjson", "stringer"}
)
ENDING = re.compile(
    rb"(?:godotenv\.(?:Load|Overload|Read)\(\s*(?:\"(?:\./)?\.env\"\s*)?\)|\bSetConfigFile\(\s*\"(?:\./)?\.env\"\s*\))"
    rb"[^}]*?\berr\b[^}]*?(?:\b(?:[Ff]atal|[Pp]anic)\w*\(|\bos\.Exit\(|\breturn(?:[^\n]*[eE]rr|\s*\n))"
)
"""What reads ``.env`` where the program is started, and gives up where there is none."""
WATCHERS = frozenset({"air", "reflex", "CompileDaemon", "fresh", "realize", "gow", "dlv", "modd", "gowatch", "bee"})


def split(model: Model) -> Split | None:
    """The stage taken apart; ``None`` where it builds and runs no Go program.

    Raises:
        UnfitError: something stands in the way.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "golang" or not model.start.words:
        return None
    _check_watchers(model)
    start = model.start.main
    direct = start is not None and basename(start[0]) == "go" and start[1:2] == ("run",)
    building = [step for step in stage.steps if _builds(step)]
    if not building and not direct:
        return None
    compiled.check(model, TOOLCHAIN)
    compiled.root_builds(stage.steps)
    running = origins.running(model, model.start)
    program = facts.running_program(model.app, running)
    if program is None:
        what = " ".join(running.words) or model.start.text
        raise UnfitError(model.start.command, f"from which package {what} is built cannot be told")
    if program.truncated:
        raise UnfitError(
            model.start.command, f"no Go source of the build context lands where {running.words[0]} is built"
        )
    _check_environment(model, program)
    found = _assets(model, program)
    choice = gobase.choice(model, program, building)
    end = _end(model, choice, program, found, building, direct=direct)
    last = None if direct else building[-1]
    return compiled.split(model, end, last, _why(model, choice), tuple(_notes(program, found)))


def _builds(step: Step) -> bool:
    return any(called.manager == "go" and called.verb in {"build", "install"} for called in step.invocations)


def _check_watchers(model: Model) -> None:
    found = sorted(model.start.names & WATCHERS)
    if found:
        raise UnfitError(model.start.command, f"{found[0]} builds anew at every change: this is a development image")


def _check_environment(model: Model, program: Program) -> None:
    """Refuse a program that needs ``.env``, where the image has the one of the machine that builds it.

    Raises:
        UnfitError: with the place that reads it.
    """
    if not takes_environment(model):
        return
    for source in program.sources:
        match = ENDING.search(source.data)
        if match is not None:
            line = source.data[: match.start()].count(b"\n") + 1
            raise UnfitError(model.start.command, without_environment(f"{source.path}:{line}"))


def _assets(model: Model, program: Program) -> Assets:
    texts = [text for source in program.sources for text, _, _ in source.literals]
    embedded: set[str] = set()
    for source in program.sources:
        folder = dirname(source.path[len(model.app.context) :].lstrip("/") if model.app.context else source.path)
        for pattern in source.embedded:
            embedded.update(_embedded(model, folder, pattern))
    read = [re.split(r"[*?\[{]", fact.value)[0].removeprefix("./").strip("/") for fact in program.server.reads]
    places = tuple(join(model.folder, place) for place in read if place)
    unnamed = {path for path in embedded if not path.startswith(places)}
    all_of_it = any(not re.sub(r"[./*]", "", fact.value) for fact in program.server.reads)
    everything = all_of_it or program.server.reads_unknown is not None
    return assets(model, texts, SOURCES, everything=everything, embedded=unnamed)


def _embedded(model: Model, folder: str, pattern: str) -> Iterator[str]:
    """The files of the image that a pattern of ``//go:embed`` makes part of the program."""
    top = f"{folder}/{pattern}".lstrip("/")
    for path in model.app.root.walk(folder, 3000):
        if path == top or path.startswith(f"{top.rstrip('/')}/") or fnmatchcase(path, top) or _below(path, top):
            image = model.final.image_path(path)
            if image is not None:
                yield image


def _below(path: str, pattern: str) -> bool:
    """Whether a path lies in a folder that a pattern names by a glob."""
    depth = pattern.count("/") + 1
    parts = path.split("/")
    return len(parts) > depth and fnmatchcase("/".join(parts[:depth]), pattern)


def _end(
    model: Model, choice: Choice, program: Program, found: Assets, building: Sequence[Step], *, direct: bool
) -> End:
    carried = [] if direct else list(_binaries(model))
    extra = []
    if choice.reference.startswith("debian:"):
        extra.append("ca-certificates")
    if _needs_zones(model, program):
        extra.append("tzdata")
    edits: dict[int, tuple[Edit, ...]] = {}
    if choice.static:
        edits = {step.instruction.index: tuple(_without_c(step)) for step in building}
    build: tuple[str, ...] = ()
    start: dict[int, str] = {}
    cmd = entrypoint = None
    if direct:
        name = _name(model, program)
        path = join(model.folder, name)
        command, words = _compiled(model, name, static=choice.static)
        build = (f"RUN {command}",)
        carried.append((path, path))
        at = model.start.command
        assert at is not None
        start = {at.index: f"{at.keyword} {render(words)}"}
        cmd, entrypoint = (words, None) if at.keyword == "CMD" else (None, words)
    carried += [(path, path) for path in found.carried]
    return End(
        choice.reference,
        tuple(carried),
        tuple(extra),
        OWN,
        edits=edits,
        build=build,
        start=start,
        cmd=cmd,
        entrypoint=entrypoint,
        base=settled_base(model) if choice.linked else "",
    )


def _binaries(model: Model) -> Iterator[tuple[str, str]]:
    """The programs that the file builds, each with its place in the end, the one that starts first."""
    name = (model.start.main or ("",))[0]
    seen: set[str] = set()
    running = origins.running(model, model.start)
    folders = model.final.config.env.get("PATH", "").split(":") if "/" not in name else [""]
    for folder in folders:
        path = join(model.folder, f"{folder}/{name}" if folder else name)
        if any(True for _ in facts.builds(model.app, running, path)):
            seen |= {path, origins.origin(model, path)[1]}
            yield path, _on_path(path)
            break
    for build in all_builds(model):
        if build.output not in seen and "..." not in " ".join(build.packages):
            seen.add(build.output)
            yield build.output, _on_path(build.output)


def _on_path(path: str) -> str:
    """Where a program goes in the end, whose PATH has no folder of Go's own."""
    return f"/usr/local/bin/{basename(path)}" if dirname(path) in {"/go/bin", "/usr/local/go/bin"} else path


def _needs_zones(model: Model, program: Program) -> bool:
    """Whether the program may ask for time zones, of which Go's image brings its own copy.

    https://pkg.go.dev/time#LoadLocation
    """
    if "time/tzdata" in program.imports:
        return False
    if facts.required(program) or "TZ" in model.final.config.env or any("TZ" in s.environment for s in model.services):
        return True
    return any(call.name == "time.LoadLocation" for source in program.sources for call in source.calls)


def _without_c(step: Step) -> Iterator[Edit]:
    """``CGO_ENABLED=0`` in front of every build of a RUN."""
    for command in step.script.commands if step.script else ():
        words = [word.text for word in command.words]
        if words[:1] == ["go"] and words[1:2] in (["build"], ["install"]) and not _settled(command, step):
            start = command.span.start
            yield Edit(Span(start, start), "CGO_ENABLED=0 ")


def _settled(command: ShellCommand, step: Step) -> bool:
    given = any(word.text.startswith("CGO_ENABLED=") for word in command.assignments)
    return given or step.before.env.get("CGO_ENABLED") == "0"


def _name(model: Model, program: Program) -> str:
    """A name for the program of ``go run`` that nothing in the app's folder has."""
    taken = set(model.app.root.list(model.source or ""))
    own = default_name((), "", program.module.path) if program.module is not None else ""
    for name in (own if re.fullmatch(r"[a-z][\w-]*", own) else "server", "server", "app"):
        if name not in taken:
            return name
    raise UnfitError(model.start.command, "a name for the program that is built cannot be found")


def _compiled(model: Model, name: str, *, static: bool) -> tuple[str, tuple[str, ...]]:
    """The command that builds what ``go run`` would, and the words that start it."""
    words = list((model.start.main or ())[2:])
    options: list[str] = []
    while words and words[0].startswith("-"):
        raise UnfitError(model.start.command, "go run is given options of its own")
    packages: list[str] = []
    while words and (words[0].endswith(".go") or not packages):
        packages.append(words.pop(0))
        if not packages[-1].endswith(".go"):
            break
    own = [pair for pair in model.start.environment if OWN.fullmatch(pair[0])]
    if len(own) < len(model.start.environment):
        raise UnfitError(model.start.command, "the start command sets variables of its own")
    if static and model.final.config.env.get("CGO_ENABLED") != "0":
        own.insert(0, ("CGO_ENABLED", "0"))
    prefix = "".join(f"{name}={value} " for name, value in own)
    command = f"{prefix}go build -o {' '.join([name, *options, *packages])}"
    return command, (f"./{name}", *words)


def _why(model: Model, choice: Choice) -> str:
    if choice.static:
        reason = f"{choice.why}, so that CGO_ENABLED=0 changes nothing but the C library"
    elif choice.reference.startswith("debian:"):
        reason = f"the end stays on Debian, because {choice.why}"
    else:
        reason = choice.why
    return f"{model.final.reference} brings the Go toolchain, which serves the build alone; {reason}"


def _notes(program: Program, found: Assets) -> Iterator[Note]:
    unknown = program.server.reads_unknown
    if unknown is not None and found.carried:
        yield Note(
            None,
            f"what lies beside the sources goes along: what {unknown.value} reads cannot be told ({unknown.origin})",
        )
    if found.left:
        yield Note(None, f"no source names {listed(found.left).replace('packages', 'files')}: left behind")
