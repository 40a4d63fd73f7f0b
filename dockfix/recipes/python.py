"""Python services: packages are installed in a builder and carried to an end without compilers."""

from __future__ import annotations

from dataclasses import replace
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.model.commands import purpose
from dockfix.model.config import join, render, stated
from dockfix.recipes import packages, pip, projects
from dockfix.recipes.installs import check_requirements
from dockfix.recipes.moved import check_moved
from dockfix.recipes.ownership import INITS
from dockfix.recipes.places import VENV, Place, place_of
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    brought_again,
    build_variables,
    check_common,
    check_started,
    early_name,
    first_line,
    gives_away,
    last_line,
    listed,
    plain_copies,
    spaced,
    used,
)
from dockfix.text import Edit
from dockfix.transform import Safety

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, Step
    from dockfix.model.config import ConfigDelta

COMPILERS = frozenset({"gcc", "g++", "cc", "c++", "make", "cmake", "cargo", "rustc", "pip", "pip3"})
COMPILING = frozenset(
    {"CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS"}
    | {"LDFLAGS", "PKG_CONFIG_PATH", "MAKEFLAGS"}
)
"""Variables that compilers read, and make: https://gcc.gnu.org/onlinedocs/gcc/Environment-Variables.html,
https://www.gnu.org/software/make/manual/html_node/Implicit-Variables.html"""
STARTS = ("ENTRYPOINT", "CMD")
MOVABLE = {
    *(Purpose.PACKAGES, Purpose.INSTALL, Purpose.SETTINGS, Purpose.CLEANUP, Purpose.FOLDERS, Purpose.ACCOUNT),
    Purpose.NEUTRAL,
}


def split(model: Model) -> Split | None:
    """The stage as a builder that installs and an end that runs; ``None`` where it is no Python image.

    Raises:
        UnfitError: something stands in the way.
        NoGainError: nothing is compiled, so that the end would be as large as it is.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "python":
        return None
    installs = stage.doing(Purpose.INSTALL)
    if not installs:
        return None
    check_common(model, kept=VENV)
    check_started(model)
    manager = projects.manager(installs)
    (pip if manager is None else projects).check_installs(model, installs)
    check_requirements(model, stage)
    last = stage.steps.index(installs[-1])
    head, tail = stage.steps[: last + 1], stage.steps[last + 1 :]
    gain, idle = _gain(model, head, manager), packages.carrier(stage, packages.build_tools(head))
    if idle and model.options.base == "keep" and model.options.split != "always":
        raise NoGainError(f"the end would stay on {idle}, which brings the build tools itself")
    _check_head(model, head, manager)
    place = place_of(model, head, installs)
    check_common(model, kept=place.path)
    if place.kind not in {"own", "project"}:
        check_moved(model, interpreter=place.added)
    starts: Mapping[str, tuple[str, ...]] = {}
    if manager is not None:
        projects.check_environment(model, place.path, manager)
        starts = _starts(model)
    _check_tail(tail, manager)
    if place.kind == "project" and not starts and not any(projects.run_edits(step) for step in tail):
        place = replace(place, listed=True)  # what runs names the environment itself
    builder, end = _builder(model, head, place), _end(model, head, tail, place, starts)
    kept = {item.instruction.index for item in (*builder, *end) if isinstance(item, Keep)}
    dropped = {step.instruction.index: "the builder's work is done" for step in stage.steps}
    return Split(
        (spaced(model.document, builder), spaced(model.document, end)),
        gain,
        _delta(model, end, place, starts),
        {index: why for index, why in dropped.items() if index not in kept},
        safety=Safety.REVIEW,
        idle_on=idle,
    )


def _starts(model: Model) -> Mapping[str, tuple[str, ...]]:
    """The start without the package manager, by keyword, where it goes through it."""
    found = {}
    for keyword in STARTS:
        step = model.final.last(keyword)
        words = getattr(model.final.config, keyword.lower())
        if step is None or not words:
            continue
        try:
            new = projects.direct(words)
        except UnfitError as reason:
            raise UnfitError(step.instruction, reason.why) from None
        if new != words:
            found[keyword] = new
    return found


def _delta(model: Model, end: Sequence[Item], place: Place, starts: Mapping[str, tuple[str, ...]]) -> ConfigDelta:
    """What the end's configuration loses of the package manager's, and what it gets."""
    config = model.final.config
    env = dict(config.env)
    kept = {item.instruction.index for item in end if isinstance(item, Keep)}
    for step in model.final.steps:
        if step.instruction.keyword == "ENV" and step.instruction.index not in kept:
            for name in (assignment.key for assignment in step.instruction.assignments):
                if name == "PATH":
                    env["PATH"] = env["PATH"].replace(f"{projects.added(step)}:", "", 1)
                else:
                    env.pop(name, None)
    for name, value in place.variables.items():
        env[name] = value.replace("$PATH", env["PATH"])
    return stated(config, env=env, **{keyword.lower(): words for keyword, words in starts.items()})


def _gain(model: Model, head: Sequence[Step], manager: str | None) -> str:
    tools = packages.idle_tools(model.final, head)
    if manager is not None:
        named = listed([*tools, {"poetry": "Poetry", "pipenv": "Pipenv"}.get(manager, manager)])
        are, them = ("are", "them") if tools else ("is", "it")
        return f"{named} {are} needed only to install packages; the image that runs does not carry {them}"
    if tools:
        are, them = ("is", "it") if len(tools) == 1 else ("are", "them")
        return f"{listed(tools)} {are} needed only while packages are built; the image that runs does not carry {them}"
    if model.final.image is not None and model.final.image.variant == "full":
        for requirement in model.requirements:
            wheel = catalog.python_wheel(requirement.name, requirement.version, files=requirement.files)
            if wheel.quick_build and wheel.glibc == "sdist":
                compiled = f"{requirement.name} is compiled while it is installed ({requirement.origin})"
                return f"{compiled}; the image that runs needs no compiler"
    if model.options.split == "always":
        return "the packages are installed in a stage of their own, as it was asked for"
    raise NoGainError("no build tools are installed and no package is known to be compiled")


def _takes_manifests(model: Model, step: Step, command: ShellCommand) -> bool:
    """Whether a command takes manifests away again that only an install reads, which is then done in the builder."""
    words = [word for word in command.words[1:] if not word.text.startswith("-")]
    manifests = {p.target for p in model.final.placements if p.step.role is Role.MANIFESTS}
    taken = [join(step.before.workdir, word.text) for word in words if word.static]
    return command.name == "rm" and bool(words) and len(taken) == len(words) and manifests >= {*taken}


def _check_head(model: Model, head: Sequence[Step], manager: str | None) -> None:
    for step in head:
        if step.script is None or (manager is not None and projects.installs_manager(step)):
            continue
        purposes = {purpose(command) for command in step.script.commands if not _takes_manifests(model, step, command)}
        if not step.script.ok or not purposes <= MOVABLE:
            raise UnfitError(step.instruction, "what this RUN leaves behind for the app cannot be told")
        mixed = step.purposes & {Purpose.FOLDERS, Purpose.ACCOUNT} and step.purposes & {
            Purpose.INSTALL,
            Purpose.PACKAGES,
        }
        if mixed and not _is_ours(step):
            raise UnfitError(step.instruction, "this RUN installs and makes folders or accounts at once")


def _is_ours(step: Step) -> bool:
    """Whether a RUN installs an init and makes an account, as earlier runs put them together: the end keeps both."""
    names = {word.text for called in packages.installs(step) for word in called.operands}
    return bool(names & INITS) and step.purposes <= {Purpose.PACKAGES, Purpose.ACCOUNT, Purpose.CLEANUP}


def _check_tail(tail: Sequence[Step], manager: str | None) -> None:
    unfit = COMPILERS if manager is not None else COMPILERS | projects.MANAGERS
    for step in tail:
        for command in step.script.commands if step.script else ():
            if basename(command.name) in unfit:
                raise UnfitError(step.instruction, f"{command.name} is still called after the packages are installed")
        if step.calls("apk", "del") or step.calls("apt", "remove", "purge", "autoremove"):
            raise UnfitError(step.instruction, "packages are taken away again here")


def _builder(model: Model, head: Sequence[Step], place: Place) -> list[Item]:
    """The stage that installs."""
    items: list[Item] = [first_line(model.document, head[0].instruction, early_name(model, "builder"))]
    steps = [step for at, step in enumerate(head[1:], 1) if _prepares(step, head[at + 1 :])]
    for step, keep in zip(steps, plain_copies(model.document, steps), strict=True):
        fresh = place.added and not any(isinstance(item, New) and VENV in item.text for item in items)
        if fresh and (Purpose.INSTALL in step.purposes or _copies_app(step)):
            name = f"PATH={VENV}/bin:$PATH" if place.kind == "venv" else f"VIRTUAL_ENV={VENV}"
            items.append(New(f"RUN python -m venv {VENV}\nENV {name}"))
        items.append(Keep(keep.instruction, (*keep.edits, *_install_edits(step, place))))
    return items


def _copies_app(step: Step) -> bool:
    return step.instruction.copy is not None and not projects.installs_manager(step)


def _install_edits(step: Step, place: Place) -> tuple[Edit, ...]:
    """What sends the packages of an install to their place."""
    if place.kind == "user":
        return pip.user_edits(step)
    return projects.without_system(step) if place.kind == "active" else ()


def _prepares(step: Step, rest: Sequence[Step]) -> bool:
    """Whether a step before the last install is of use to the stage that installs."""
    keyword = step.instruction.keyword
    if keyword == "ENV":
        return build_variables(step, [other for other in rest if other.script or other.instruction.copy])
    if step.role is Role.ACCOUNT or (step.role is Role.FOLDERS and gives_away(step)):
        return False
    return step.script is not None or keyword in {"ARG", "WORKDIR", "SHELL", "COPY", "ADD"}


def _end(
    model: Model, head: Sequence[Step], tail: Sequence[Step], place: Place, starts: Mapping[str, tuple[str, ...]]
) -> list[Item]:
    """The stage that runs."""
    system = packages.run_time(model, model.final, head, afresh=True)
    builder = early_name(model, "builder")
    items: list[Item] = []
    sources = next(
        (step for step in head[1:] if step.role is Role.SOURCES and _stays(model, step, head, tail, place)), None
    )
    brought = New(f"COPY --from={builder} {place.path} {place.path}")
    for step in head[1:]:
        if step is sources:
            items.append(brought)
        if step.instruction.index in system:
            items += system[step.instruction.index]
        elif _stays(model, step, head, tail, place):
            items.append(_run(model, step, starts))
    items += [] if sources is not None else [brought]
    items += [_run(model, step, starts) for step in tail if place.manager is None or not projects.is_setting(step)]
    variables = " \\\n    ".join(f"{name}={value}" for name, value in place.variables.items())
    if variables:
        items.insert(_head_length(items), New(f"ENV {variables}"))
    return [last_line(model, head[0].instruction), *items]


def _run(model: Model, step: Step, starts: Mapping[str, tuple[str, ...]]) -> Keep:
    """A step of the end, which calls its programs without the package manager."""
    instruction = step.instruction
    new = starts.get(instruction.keyword) if step is model.final.last(instruction.keyword) else None
    if new is None:
        return Keep(instruction, projects.run_edits(step))
    if instruction.json is None:
        return Keep(instruction, projects.line_edits(instruction))
    return Keep(instruction, (Edit(instruction.value_span, render(new)),))


def _stays(model: Model, step: Step, head: Sequence[Step], tail: Sequence[Step], place: Place) -> bool:
    """Whether a step before the last install belongs to the end as well."""
    if place.manager is not None and (projects.installs_manager(step) or projects.is_setting(step)):
        return False
    if step.instruction.keyword == "ARG":
        later = [*tail, *(other for other in head if other.instruction.keyword in {"ENV", "LABEL", "USER", "WORKDIR"})]
        return any(used(assignment.key, later) for assignment in step.instruction.assignments)
    if step.role in {Role.MANIFESTS, Role.SOURCES}:
        behind = (*head[head.index(step) + 1 :], *tail)
        run = next((other for other in behind if other.script is not None), step)
        again = Purpose.INSTALL in run.purposes and brought_again(model, step, behind)
        return not again and (step.role is Role.SOURCES or _is_read(model, step))
    if step.instruction.keyword == "ENV" and {each.key for each in step.instruction.assignments} <= COMPILING:
        return False
    installs = Purpose.INSTALL in step.purposes
    return not installs and (step.script is None or not step.purposes <= {Purpose.SETTINGS})


def _is_read(model: Model, step: Step) -> bool:
    """Whether a source names a manifest, and so may read it."""
    names = [basename(p.source).encode() for p in model.final.placements if p.step is step and not p.folder]
    for path in model.app.root.walk(model.source or "", 3000):
        if path.endswith((".py", ".sh")):
            data = model.app.root.read(path) or b""
            if any(name in data for name in names):
                return True
    return False


def _head_length(items: Sequence[Item]) -> int:
    """How many ENV and ARG the stage opens with."""
    for at, item in enumerate(items):
        if not isinstance(item, Keep) or item.instruction.keyword not in {"ENV", "ARG", "LABEL", "MAINTAINER"}:
            return at
    return len(items)
