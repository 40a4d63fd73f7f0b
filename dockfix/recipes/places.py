"""Where Python packages lie once they are installed, in the stage that installs and in the end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING, Literal

from dockfix.model.commands import makes_environment
from dockfix.model.config import join
from dockfix.recipes import projects
from dockfix.recipes.split import UnfitError, is_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.model import Model, Step

USER_SITE = "/root/.local"
VENV = "/opt/venv"

STEPS_DOWN = re.compile(r"\.sh\b|\b(su|sudo|gosu|su-exec|setpriv|runuser|chroot)\s|\spython[\d.]*\s+-\w*[sIE]")
"""A start by another account than root, or by an interpreter that does not look into the user's site."""

LOGIN = re.compile(r"\bsu\s+(?:\S+\s+)*(?:-|-l|--login)(?=\s)|\bsudo\b|\brunuser\s+(?:\S+\s+)*-l\b|\bsh\s+-\w*l")
"""A shell line that logs in; sudo sets PATH by its own configuration."""

Kind = Literal["user", "venv", "active", "project", "own"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the packages lie, in both stages.

    Attributes:
        path: an absolute folder.
        kind: ``user`` the user's site; ``venv`` a virtual environment that is added, and in which pip works;
            ``active`` one that is added and of which Poetry, uv or Pipenv are told; ``project`` the one that they make
            in the project's folder; ``own`` one that the file makes itself.
        listed: whether the file itself puts it on PATH, or nothing looks for it there.
        manager: Poetry, uv or Pipenv, which the end does without; ``None`` where pip installs.
    """

    path: str
    kind: Kind
    listed: bool = False
    manager: str | None = None

    @property
    def added(self) -> bool:
        """Whether it is an environment that the file has not made up to now."""
        return self.kind in {"venv", "active"}

    @property
    def variables(self) -> dict[str, str]:
        """What the end sets, as it is written, so that the packages and their programs are found."""
        if self.listed:
            return {}
        found = {"PYTHONUSERBASE": self.path} if self.kind == "user" else {}
        return found | {"PATH": f"{self.path}/bin:$PATH"}


def place_of(model: Model, head: Sequence[Step], installs: Sequence[Step]) -> Place:
    """Where the packages go: into the environment of the project's manager or one that the file makes, else into the
    user's site, if root runs the app.

    Args:
        model: the model.
        head: the steps up to the last install.
        installs: those that install.

    Raises:
        UnfitError: the file changes PATH, and not for an environment of its own.
    """
    made = [path for step in head for path in _environments(step)]
    manager = projects.manager(installs)
    project = projects.environment(model.final, installs)
    own = project or next(iter(made), None)
    listed = _on_path(model, head, own, installs)
    if manager is not None and project is None and own is not None:
        if head[-1].before.env.get("VIRTUAL_ENV") != own:
            raise UnfitError(None, f"whether {manager} installs into the virtual environment {own} cannot be told")
        return Place(own, "own", listed, manager)
    if project is not None:
        return Place(project, "project", listed, manager)
    if own is not None:
        if not listed:
            raise UnfitError(None, f"the virtual environment {own} is not on PATH, so that what uses it cannot be told")
        return Place(own, "own", listed)
    _check_login(model)
    if manager is not None:
        return Place(VENV, "active", manager=manager)
    venv = model.options.python_packages == "venv" or not _reads_user_site(model)
    return Place(VENV, "venv") if venv else Place(USER_SITE, "user")


def _on_path(model: Model, head: Sequence[Step], own: str | None, installs: Sequence[Step]) -> bool:
    """Whether the file puts the environment *own* on PATH, beside folders of the package manager at most.

    Raises:
        UnfitError: it puts something else there.
    """
    managed, listed = projects.manager(installs) is not None, False
    for step in model.final.steps:
        names = [assignment.key for assignment in step.instruction.assignments]
        if step.instruction.keyword != "ENV" or "PATH" not in names:
            continue
        added = projects.added(step)
        if own is not None and added == f"{own}/bin" and (managed or step in head):
            listed = True
        elif not managed or step not in head or added not in projects.folders(step):
            raise UnfitError(step.instruction, "PATH is already changed here")
    return listed


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
        if path is not None and not (basename(command.name) == "uv" and projects.syncs(step)):
            yield join(step.before.workdir, step.before.env.get(path.strip("${}"), path))
