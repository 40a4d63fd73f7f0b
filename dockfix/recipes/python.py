"""Python services: packages are installed in a builder and carried to an end without compilers."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.model.commands import makes_environment
from dockfix.model.config import join
from dockfix.recipes import packages
from dockfix.recipes.installs import check_requirements
from dockfix.recipes.moved import check_moved
from dockfix.recipes.pip import check_installs, user_edits
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    build_variables,
    check_common,
    check_started,
    early_name,
    env_delta,
    first_line,
    gives_away,
    is_root,
    last_line,
    listed,
    plain_copies,
    spaced,
    used,
)
from dockfix.transform import Safety
from dockfix.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.model import Model, Step

USER_SITE = "/root/.local"
VENV = "/opt/venv"
COMPILERS = frozenset({"gcc", "g++", "cc", "c++", "make", "cmake", "cargo", "rustc", "pip", "pip3", "poetry", "uv"})
MOVABLE = {
    *(Purpose.PACKAGES, Purpose.INSTALL, Purpose.SETTINGS, Purpose.CLEANUP, Purpose.FOLDERS, Purpose.ACCOUNT),
    Purpose.NEUTRAL,
}

STEPS_DOWN = re.compile(r"\.sh\b|\b(su|sudo|gosu|su-exec|setpriv|runuser|chroot)\s|\spython[\d.]*\s+-\w*[sIE]")
"""A start by another account than root, or by an interpreter that does not look into the user's site."""

LOGIN = re.compile(r"\bsu\s+(?:\S+\s+)*(?:-|-l|--login)(?=\s)|\bsudo\b|\brunuser\s+(?:\S+\s+)*-l\b|\bsh\s+-\w*l")
"""A shell line that logs in; sudo sets PATH by its own configuration."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the packages lie, in both stages.

    Attributes:
        path: an absolute folder.
        kind: the user's site, a virtual environment that is added, or one that the file makes itself.
    """

    path: str
    kind: str

    @property
    def variables(self) -> dict[str, str]:
        """What the end sets, as it is written, so that the packages and their programs are found."""
        if self.kind == "own":
            return {}
        found = {"PYTHONUSERBASE": self.path} if self.kind == "user" else {}
        return found | {"PATH": f"{self.path}/bin:$PATH"}


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
    check_installs(model, installs)
    check_requirements(model, stage)
    last = stage.steps.index(installs[-1])
    head, tail = stage.steps[: last + 1], stage.steps[last + 1 :]
    gain = _gain(model, head)
    _check_head(head)
    _check_tail(tail)
    place = _place(model, head)
    check_common(model, kept=place.path)
    if place.kind != "own":
        check_moved(model, interpreter=place.kind == "venv")
    builder, end = _builder(model, head, tail, place), _end(model, head, tail, place)
    variables = {name: value.replace("$PATH", stage.config.env["PATH"]) for name, value in place.variables.items()}
    kept = {item.instruction.index for item in (*builder, *end) if isinstance(item, Keep)}
    dropped = {step.instruction.index: "the builder's work is done" for step in stage.steps}
    return Split(
        (spaced(model.document, builder), spaced(model.document, end)),
        gain,
        env_delta(model, variables),
        {index: why for index, why in dropped.items() if index not in kept},
        safety=Safety.REVIEW,
        idle_on=packages.carrier(stage, packages.build_tools(stage, head)),
    )


def _gain(model: Model, head: Sequence[Step]) -> str:
    tools = packages.build_tools(model.final, head)
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


def _check_head(head: Sequence[Step]) -> None:
    for step in head:
        if step.script is None:
            continue
        if not step.script.ok or not step.purposes <= MOVABLE:
            raise UnfitError(step.instruction, "what this RUN leaves behind for the app cannot be told")
        if step.purposes & {Purpose.FOLDERS, Purpose.ACCOUNT} and step.purposes & {Purpose.INSTALL, Purpose.PACKAGES}:
            raise UnfitError(step.instruction, "this RUN installs and makes folders or accounts at once")


def _check_tail(tail: Sequence[Step]) -> None:
    for step in tail:
        for command in step.script.commands if step.script else ():
            if basename(command.name) in COMPILERS:
                raise UnfitError(step.instruction, f"{command.name} is still called after the packages are installed")
        if step.calls("apk", "del") or step.calls("apt", "remove", "purge", "autoremove"):
            raise UnfitError(step.instruction, "packages are taken away again here")


def _place(model: Model, head: Sequence[Step]) -> Place:
    """Where the packages go: an environment that the file makes, else the user's site, if root runs the app.

    Raises:
        UnfitError: the file changes PATH, and not for an environment of its own.
    """
    own = next((path for step in head for path in _environments(step)), None)
    for step in model.final.steps:
        for assignment in step.instruction.assignments if step.instruction.keyword == "ENV" else ():
            if assignment.key != "PATH":
                continue
            if own is None or step not in head or not step.after.env["PATH"].startswith(f"{own}/bin:"):
                raise UnfitError(step.instruction, "PATH is already changed here")
            return Place(own, "own")
    if own is not None:
        raise UnfitError(None, f"the virtual environment {own} is not on PATH, so that what uses it cannot be told")
    _check_login(model)
    venv = model.options.python_packages == "venv" or not _reads_user_site(model)
    return Place(VENV, "venv") if venv else Place(USER_SITE, "user")


def _check_login(model: Model) -> None:
    """Refuse starts through a login, which sets PATH anew, so that programs elsewhere than before are not found.

    Raises:
        UnfitError: with the place.
    """
    start = model.start
    if start.shell_form and re.fullmatch(r"-\w*l\w*", start.words[1]):
        raise UnfitError(start.command, "a login shell sets PATH anew, so that programs elsewhere are not found")
    if start.script is not None and LOGIN.search(start.script.source):
        raise UnfitError(start.command, f"{start.script.path} logs in, which sets PATH anew")


def _reads_user_site(model: Model) -> bool:
    """Whether whatever runs in the end is root, and its interpreter looks for packages in root's site.

    A script may hand over to another account, who may not look into root's home.
    """
    config = model.final.config
    users = [config.user, *(service.user or "" for service in model.services)]
    texts = [step.instruction.value for step in model.final.steps if step.instruction.keyword in {"RUN", "HEALTHCHECK"}]
    words = " ".join([model.start.text, *model.start.words, *texts])
    return (
        all(is_root(user) for user in users)
        and model.start.script is None
        and not model.start.entrypoint
        and "PYTHONNOUSERSITE" not in config.env
        and not any("PYTHONNOUSERSITE" in service.environment for service in model.services)
        and STEPS_DOWN.search(f" {words}") is None
    )


def _environments(step: Step) -> Iterator[str]:
    for command in step.script.commands if step.script else ():
        path = makes_environment(command)
        if path is not None:
            yield join(step.before.workdir, step.before.env.get(path.strip("${}"), path))


def _builder(model: Model, head: Sequence[Step], tail: Sequence[Step], place: Place) -> list[Item]:
    """The stage that installs."""
    items: list[Item] = [first_line(model.document, head[0].instruction, early_name(model, "builder"))]
    steps = [step for at, step in enumerate(head[1:], 1) if _prepares(step, head[at + 1 :])]
    for step, keep in zip(steps, plain_copies(model.document, steps), strict=True):
        fresh = place.kind == "venv" and not any(isinstance(item, New) and VENV in item.text for item in items)
        if fresh and (Purpose.INSTALL in step.purposes or step.instruction.copy is not None):
            items += [New(f"RUN python -m venv {VENV}"), New(f"ENV PATH={VENV}/bin:$PATH")]
        edits = user_edits(step) if place.kind == "user" else ()
        items.append(Keep(keep.instruction, (*keep.edits, *edits)))
    return items


def _prepares(step: Step, rest: Sequence[Step]) -> bool:
    """Whether a step before the last install is of use to the stage that installs."""
    keyword = step.instruction.keyword
    if keyword == "ENV":
        return build_variables(step, [other for other in rest if other.script or other.instruction.copy])
    if step.role is Role.ACCOUNT or (step.role is Role.FOLDERS and gives_away(step)):
        return False
    return step.script is not None or keyword in {"ARG", "WORKDIR", "SHELL", "COPY", "ADD"}


def _end(model: Model, head: Sequence[Step], tail: Sequence[Step], place: Place) -> list[Item]:
    """The stage that runs."""
    system = packages.run_time(model, model.final, head, afresh=True)
    builder = early_name(model, "builder")
    items: list[Item] = []
    for step in head[1:]:
        if step.instruction.index in system:
            items += system[step.instruction.index]
        elif _stays(model, step, head, tail, place):
            items.append(Keep(step.instruction))
    items += [New(f"COPY --from={builder} {place.path} {place.path}"), *(Keep(step.instruction) for step in tail)]
    variables = " \\\n    ".join(f"{name}={value}" for name, value in place.variables.items())
    if variables:
        items.insert(_head_length(items), New(f"ENV {variables}"))
    return [last_line(model, head[0].instruction), *items]


def _stays(model: Model, step: Step, head: Sequence[Step], tail: Sequence[Step], place: Place) -> bool:
    """Whether a step before the last install belongs to the end as well."""
    if step.instruction.keyword == "ARG":
        later = [*tail, *(other for other in head if other.instruction.keyword in {"ENV", "LABEL", "USER", "WORKDIR"})]
        return any(used(assignment.key, later) for assignment in step.instruction.assignments)
    if step.role is Role.MANIFESTS:
        return not _brought_again(model, step, tail) and _is_read(model, step)
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


def _brought_again(model: Model, step: Step, tail: Sequence[Step]) -> bool:
    """Whether a later COPY brings the manifest to the same place, so that the first need not stay in the end."""
    placed = [p for p in model.final.placements if p.step is step]
    later = [p for p in model.final.placements if p.step in tail]
    return all(
        any(
            q.folder and (not q.source or p.source.startswith(f"{q.source}/")) and p.target.startswith(q.target)
            for q in later
        )
        for p in placed
    )
