"""Compiled programs: a stage taken apart into a builder and an end on another, smaller base."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import ImageReference
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts.compose import words
from dockfix.model import Purpose, Role
from dockfix.model.config import DEFAULT_PATH, ConfigDelta, join, stated
from dockfix.recipes import packages
from dockfix.recipes.needs import lines
from dockfix.recipes.programs import programs
from dockfix.recipes.split import (
    Split,
    UnfitError,
    build_variables,
    check_common,
    check_started,
    first_line,
    is_root,
    plain_copies,
    spaced,
    spare,
    used,
)
from dockfix.recipes.writable import made_by
from dockfix.text import Edit
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.model import Model, Step

FETCHERS = frozenset(
    {
        "git",
        "openssh",
        "openssh-client",
        "mercurial",
        "subversion",
        "bzr",
        "curl",
        "wget",
        "unzip",
        "zip",
        "upx",
        "bash",
    }
    | {
        "protobuf",
        "protobuf-dev",
        "protobuf-compiler",
        "protoc",
        "xz-utils",
        "binutils",
        "clang",
        "lld",
        "llvm",
        "mold",
    }
    | {"maven", "gradle", "golang-go", "golang", "go", "cargo", "rustc", "nasm", "yasm", "perl", "jq", "file", "patch"}
)
"""Packages that fetch and build, and stay behind unless something in the container calls them."""

HANDLING = frozenset(
    {"rm", "cp", "mv", "ln", "strip", "upx", "ls", "chmod", "file", "du", "find", "git", "ldd", "sha256sum", "touch"}
    | {"cat", "echo", "printf", "mkdir", "set", "cd", "true", "test", "[", "export", "date", "sed", "gzip"}
)
"""Commands beside the build that only work on what it reads and makes."""

BASIC = frozenset(
    {
        "sh",
        "bash",
        "ls",
        "cat",
        "cp",
        "mv",
        "rm",
        "mkdir",
        "chmod",
        "chown",
        "grep",
        "sed",
        "awk",
        "find",
        "tar",
        "gzip",
    }
    | {"date", "env", "echo", "test", "[", "sleep", "kill", "ln", "head", "tail", "sort", "tee", "xargs", "id", "true"}
    | {"false", "printf", "pwd", "hostname", "uname", "stat", "touch", "wc", "cut", "tr", "exit", "cd", "exec", "set"}
    | {"[[", ":", "break", "continue", "declare", "export", "local", "read", "readonly", "return", "shift", "trap"}
    | {"unset", "wait"}
)
"""Programs of every Debian system, and what its shells carry out themselves:
https://www.debian.org/doc/debian-policy/ch-binary.html#essential-packages and
https://www.gnu.org/software/bash/manual/html_node/Conditional-Constructs.html"""

MOVING = frozenset({"ARG", "ENV", "WORKDIR", "COPY", "ADD", "RUN", "SHELL"})


@dataclass(frozen=True)
class End:
    """What the end consists of.

    Attributes:
        reference: the image.
        carried: absolute paths of the builder, each with its place in the end.
        packages: what is installed beside the libraries of the author's own packages.
        variables: names of ENV that only a build reads.
        provided: programs that the end has beside those of its base.
    """

    reference: str
    carried: tuple[tuple[str, str], ...]
    packages: tuple[str, ...] = ()
    variables: re.Pattern[str] = re.compile(r"(?!)")
    provided: frozenset[str] = frozenset()
    edits: Mapping[int, tuple[Edit, ...]] = field(default_factory=dict)
    """Changes to kept instructions, by index."""
    build: tuple[str, ...] = ()
    """New instructions at the end of the builder."""
    start: Mapping[int, str] = field(default_factory=dict)
    """New texts for instructions of the end, by index."""
    cmd: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None

    @property
    def image(self) -> Image | None:
        """What the catalogue knows of the image."""
        reference = ImageReference.parse(self.reference)
        return catalog.image(reference.repository, reference.tag)


def check(model: Model, tools: Iterable[str]) -> Sequence[Step]:
    """Refuse what cannot be split, and return the stage's RUNs up to the last that builds.

    Args:
        model: the Dockerfile.
        tools: the programs that build.

    Raises:
        UnfitError: with the reason.
    """
    check_common(model)
    check_started(model)
    stage, known = model.final, HANDLING | set(tools)
    base = stage.stage.base
    if base.flags:
        raise UnfitError(base, "the base is of another platform than the image")
    if model.start.script is not None or (model.start.argv is not None and model.start.argv[0].endswith(".sh")):
        raise UnfitError(model.start.command, "a script starts the program, and what else it needs cannot be told")
    for step in stage.steps:
        keyword = step.instruction.keyword
        copy = step.instruction.copy
        if keyword == "SHELL":
            raise UnfitError(step.instruction, "the stage has a shell of its own")
        if copy is not None and copy.from_ is not None:
            raise UnfitError(step.instruction, f"what comes from {copy.from_} may be for the build or for the end")
        if keyword == "ENV" and any(pair.key == "PATH" for pair in step.instruction.assignments):
            raise UnfitError(step.instruction, "PATH is changed here")
        brought = [n for n in step.before.inherited if re.search(rf"\$\{{?{n}\b", step.instruction.value)]
        if keyword in {"ENV", "WORKDIR", "USER", "EXPOSE"} and brought:
            raise UnfitError(step.instruction, f"{brought[0]} has another value in the image that runs")
        if keyword != "RUN":
            continue
        if step.script is None or not step.script.ok:
            raise UnfitError(step.instruction, "what this RUN leaves behind for the program cannot be told")
        lasting = {
            *(Purpose.PACKAGES, Purpose.CLEANUP, Purpose.INSTALL, Purpose.BUILD, Purpose.FOLDERS, Purpose.ACCOUNT),
            *(Purpose.SETTINGS, Purpose.NEUTRAL, Purpose.TOOLS),
        }
        if not step.purposes <= lasting and not all(
            basename(command.name) in known
            or command.name in {"apt-get", "apt", "apk", "adduser", "addgroup", "useradd"}
            for command in step.script.commands
        ):
            raise UnfitError(step.instruction, "what this RUN leaves behind for the program cannot be told")
        if step.calls("apk", "del") or step.calls("apt", "remove", "purge"):
            raise UnfitError(step.instruction, "packages are taken away again here")
    return stage.steps


def split(model: Model, end: End, last: Step | None, why: str, notes: tuple[Note, ...] = ()) -> Split:
    """The stage taken apart.

    Args:
        model: the Dockerfile.
        end: what the end consists of.
        last: the last step that builds; ``None`` where all of the stage belongs to the builder.
        why: what is gained.
        notes: what a person should know.

    Raises:
        UnfitError: the end would lack something.
    """
    stage = model.final
    steps = stage.steps
    at = steps.index(last) if last is not None else _last_file(steps)
    names = _system(model, end, steps[: at + 1])
    _check_called(model, end, names)
    builder = _builder(model, end, at)
    items = _end(model, end, at, names)
    stages = (spaced(model.document, builder), spaced(model.document, items))
    kept = {item.instruction.index for part in (builder, items) for item in part if isinstance(item, Keep)}
    replaced = {each.index for part in (builder, items) for i in part if isinstance(i, New) for each in i.replaces}
    dropped = {
        step.instruction.index: "it serves the build alone"
        for step in steps
        if step.instruction.index not in kept | replaced
    }
    return Split(stages, why, _delta(model, end), dropped, safety=Safety.REVIEW, notes=notes)


def _last_file(steps: Sequence[Step]) -> int:
    """The number of the last step that brings or makes files."""
    return max(
        number for number, step in enumerate(steps) if step.instruction.keyword in {"FROM", "COPY", "ADD", "RUN"}
    )


def _builder(model: Model, end: End, at: int) -> list[Item]:
    """The stage that builds: everything up to the last build that is not about running."""
    steps = model.final.steps
    items: list[Item] = [first_line(model.document, steps[0].instruction, spare(model.document, "builder"))]
    chosen = [step for number, step in enumerate(steps[1:], 1) if _builds(model, end, step, number, at)]
    for step, keep in zip(chosen, plain_copies(model.document, chosen), strict=True):
        items.append(Keep(keep.instruction, (*keep.edits, *end.edits.get(step.instruction.index, ()))))
    return [*items, *map(New, end.build)]


def _builds(model: Model, end: End, step: Step, number: int, at: int) -> bool:
    keyword = step.instruction.keyword
    if keyword == "USER":
        return number <= at and not is_root(model.final.steps[0].after.user)
    if keyword not in MOVING:
        return False
    if number > at:
        return keyword == "RUN" and not _runs(model, step)
    if keyword == "ENV":
        return _is_of_build(end, step) or build_variables(step, model.final.steps[number + 1 : at + 1])
    return step.role is not Role.ACCOUNT


def _is_of_build(end: End, step: Step) -> bool:
    return any(end.variables.fullmatch(assignment.key) for assignment in step.instruction.assignments)


def _runs(model: Model, step: Step) -> bool:
    """Whether a RUN makes accounts or folders for the program, rather than working on what is built."""
    if step.purposes <= {Purpose.ACCOUNT, Purpose.FOLDERS} and step.script is not None:
        names = {command.name for command in step.script.commands}
        return Purpose.ACCOUNT in step.purposes or bool(names & {"mkdir", "chown", "chgrp"})
    return False


def _end(model: Model, end: End, at: int, names: Sequence[str]) -> list[Item]:
    """The stage that runs."""
    steps = model.final.steps
    own = any(step.instruction.keyword == "WORKDIR" for step in steps)
    head: list[Item] = []
    body: list[Item] = []
    for number, step in enumerate(steps[1:], 1):
        if not _stays(model, end, step, number, at):
            continue
        text = end.start.get(step.instruction.index)
        item: Item = Keep(step.instruction) if text is None else New(text, replaces=(step.instruction,))
        early = step.instruction.keyword in {"ARG", "ENV", "LABEL", "MAINTAINER"} or step.role is Role.ACCOUNT
        (head if number <= at and (early or step.instruction.keyword == "WORKDIR") else body).append(item)
    workdirs = [item for item in head if isinstance(item, Keep) and item.instruction.keyword == "WORKDIR"]
    head = [item for item in head if item not in workdirs]
    folder = model.folder
    if not own and _needs_folder(model, end):
        workdirs_new: list[Item] = [New(f"WORKDIR {folder}")]
    else:
        workdirs_new = list(_last_folder(model, workdirs))
    builder = spare(model.document, "builder")
    copies = [
        New(f"COPY --from={builder} {source} {_destination(model, own, target)}") for source, target in end.carried
    ]
    manager = end.image.manager if end.image is not None else None
    install = [New(packages.install_line(manager or "", names))] if names else []
    variables = [item for item in head if _is_setting(item)]
    accounts = [item for item in head if not _is_setting(item)]
    name = ImageReference.parse(model.final.reference).name
    registry = name.removesuffix(basename(name))
    first = New(f"FROM {registry}{end.reference} AS {_end_name(model)}")
    items = [first, *variables, *install, *accounts, *workdirs_new, *copies, *body]
    return [item for item in items if not _is_idle_argument(model, item, items)]


def _end_name(model: Model) -> str:
    return model.final.stage.name or "runtime"


def _is_setting(item: Item) -> bool:
    return isinstance(item, Keep) and item.instruction.keyword in {"ARG", "ENV", "LABEL", "MAINTAINER"}


def _needs_folder(model: Model, end: End) -> bool:
    """Whether something at the end is found from the base's own working directory."""
    return model.folder != "/" and (
        any(f"{target}/".startswith(f"{model.folder}/") for _, target in end.carried)
        or any(word.startswith("./") for word in model.start.words)
    )


def _last_folder(model: Model, workdirs: Sequence[Keep]) -> Iterator[Item]:
    """The WORKDIRs that lead to the last one."""
    for number, item in reversed(list(enumerate(workdirs))):
        if item.instruction.value.strip().startswith(("/", "$")):
            yield from workdirs[number:]
            return
    yield from workdirs


def _stays(model: Model, end: End, step: Step, number: int, at: int) -> bool:
    """Whether an instruction is in the end."""
    keyword = step.instruction.keyword
    if keyword == "ENV":
        return not all(end.variables.fullmatch(assignment.key) for assignment in step.instruction.assignments)
    if keyword == "RUN":
        if step.role is Role.ACCOUNT:
            return True
        if number > at:
            return _runs(model, step)
        return step.role is Role.FOLDERS and any(True for _ in made_by(model, step))
    if keyword in {"COPY", "ADD"}:
        return number > at
    return not (keyword == "USER" and number <= at and is_root(step.after.user))  # the build asks for root


def _is_idle_argument(model: Model, item: Item, items: Sequence[Item]) -> bool:
    """Whether an item is an ARG that nothing else in the end names."""
    if not isinstance(item, Keep) or item.instruction.keyword != "ARG":
        return False
    others = [model.step(each.instruction) for each in items if isinstance(each, Keep) and each is not item]
    others = [step for step in others if step.instruction.keyword != "ARG"]
    return not any(used(assignment.key, others) for assignment in item.instruction.assignments)


def _destination(model: Model, own: bool, target: str) -> str:
    """Where a carried file or folder goes, from the working directory where that is shorter."""
    folder = model.folder.rstrip("/")
    if folder and target == folder:
        return "./"
    if folder and target.startswith(f"{folder}/"):
        return f"./{target[len(folder) + 1 :]}"
    return target


def _system(model: Model, end: End, steps: Sequence[Step]) -> tuple[str, ...]:
    """The packages that the end installs: the author's without those that only build, and what it needs beside.

    Raises:
        UnfitError: they are of another distribution, or nothing can be installed there.
    """
    stage, image = model.final, end.image
    running = {basename(name) for name in called(model)}
    wanted: list[str] = []
    at = None
    for step, name in packages.needed(model, stage, steps):
        bare = name.partition("=")[0]
        if bare in FETCHERS and bare not in running and not running & _provided(bare):
            continue
        wanted.append(name)
        at = step.instruction
    if image is None or (wanted and image.manager != stage.manager):
        raise UnfitError(
            at, f"{wanted[0] if wanted else end.reference} would have to be found for another distribution"
        )
    names = tuple(dict.fromkeys((*end.packages, *wanted)))
    if names and image.archive_moved:
        raise UnfitError(at, f"{names[0]} would have to be installed, but {image.suite}'s archive has moved")
    return names


def _provided(package: str) -> set[str]:
    return {"git": {"git"}, "curl": {"curl"}, "wget": {"wget"}, "openssh-client": {"ssh", "scp"}}.get(package, set())


def called(model: Model) -> Iterator[str]:
    """The programs that run in the container beside the app: called by the sources, by compose or by probes."""
    for tool in model.server.tools:
        yield tool.value
    for text, _ in lines(model):
        yield from (line for part in re.split(r"&&|\|\||;|\|", text) if (line := next(iter(words(part)), "")))
    # the app itself is called by its place, and may have the name of a package
    yield from (program.words[0] for program in programs(model) if "/" not in program.words[0])


def _check_called(model: Model, end: End, names: Sequence[str]) -> None:
    """Refuse where something is called that the end would not have.

    Raises:
        UnfitError: with the program.
    """
    image = end.image
    has = set(end.provided) | {target for _, target in end.carried}
    for tool in model.server.tools:
        if not tool.value:
            raise UnfitError(None, f"which program the app calls cannot be told ({tool.origin})")
        _check_tool(image, tool.value, tool.origin, names, has, model)
    for program in programs(model):
        if program.words[0].startswith("$") or (end.start and program.origin == "the start command"):
            continue
        _check_tool(image, program.words[0], program.origin, names, has, model)
    for text, origin in lines(model):
        for part in re.split(r"&&|\|\||;|\|", text):
            line = [word for word in words(part) if word not in {"CMD", "CMD-SHELL", "exec"}]
            if line:
                _check_tool(image, line[0], origin, names, has, model)


def _check_tool(image: Image | None, name: str, origin: str, names: Sequence[str], has: set[str], model: Model) -> None:
    path = join(model.folder, name) if "/" in name else name
    short = basename(name)
    if path in has or name in has or short in {basename(each) for each in has if dirname(each) == "/usr/local/bin"}:
        return
    if "/" in name and dirname(name) not in {"/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"}:
        raise UnfitError(None, f"{name} ({origin}) is not among what the build is known to make")
    busybox = image is not None and image.manager == "apk" and catalog.busybox_has(short)
    if busybox or (image is not None and image.manager == "apt" and short in BASIC) or short in {"cd", "exec", "exit"}:
        return
    bare = {each.partition("=")[0] for each in names}
    if short in bare or bare & set(catalog.provides(short)):
        return
    raise UnfitError(None, f"{short} is called ({origin}), which the image that runs would not have")


def _delta(model: Model, end: End) -> ConfigDelta:
    """What changes in the configuration: what the base brought, and variables of the build."""
    config, image = model.final.config, end.image
    assert image is not None
    own = {name: value for name, value in config.env.items() if name not in config.inherited}
    env = {"PATH": DEFAULT_PATH, **image.env, **{n: v for n, v in own.items() if not end.variables.fullmatch(n)}}
    sets = any(step.instruction.keyword == "WORKDIR" for step in model.final.steps)
    base = model.final.steps[0].after
    changes: dict[str, object] = {
        "env": env,
        "volumes": (*image.volumes, *(path for path in config.volumes if path not in base.volumes)),
        "expose": (*image.expose, *(port for port in config.expose if port not in base.expose)),
    }
    if not sets and not _needs_folder(model, end):
        changes["workdir"] = image.workdir or "/"
    if all(step.instruction.keyword != "ENTRYPOINT" for step in model.final.steps):
        changes["entrypoint"] = image.entrypoint
    if end.cmd is not None:
        changes["cmd"] = end.cmd
    if end.entrypoint is not None:
        changes["entrypoint"] = end.entrypoint
    return stated(config, **changes)


def root_builds(steps: Iterable[Step]) -> None:
    """Refuse builds by another account than root.

    Raises:
        UnfitError: with the RUN.
    """
    for step in steps:
        if step.purposes & {Purpose.BUILD, Purpose.INSTALL} and not is_root(step.before.user):
            raise UnfitError(step.instruction, "the program is built by another user than root")
