"""RUNs that lay files of an app's folder beside others, as they do behind a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.model import Purpose, Role
from dockfix.model.commands import purpose
from dockfix.model.config import covers, join
from dockfix.model.roles import is_manifest
from dockfix.recipes.folders import TOP
from dockfix.recipes.targets import ADDING, targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Step


def additions(after: Sequence[Step], builds: Sequence[Step], folder: str) -> tuple[Step, ...]:
    """The RUNs behind an install that do nothing but add files below *folder*, and belong to what builds there.

    One that only makes folders or sets modes is among them where such a RUN comes behind it, which may need them; else
    it is as good in the image that runs.

    Args:
        after: the steps behind the install.
        builds: those of them that build.
        folder: the folder.
    """
    chosen = [step for step in after if step.role in {Role.UNKNOWN, Role.FOLDERS} and adds(step, folder)]
    last = max((at for at, step in enumerate(after) if step in builds), default=-1)
    end = max((at for at, step in enumerate(after) if step in chosen and step.role is Role.UNKNOWN), default=-1)
    between = after[last + 1 : max(end, 0)] if builds else ()
    return tuple(step for step in chosen if step.role is Role.UNKNOWN or step in between)


def adds(step: Step, folder: str, *, itself: bool = False) -> bool:
    """Whether a RUN does nothing but add files below *folder*, beside what it builds.

    Not to the modules, nor manifests: a package manager may have to prune by these.

    Args:
        step: the RUN.
        folder: the folder.
        itself: count what is copied right into the folder, where no manifest can lie.
    """
    script = step.script
    if script is None or not script.flat or not script.commands:
        return False
    return all(
        command.name != "cd"
        and not command.redirects
        and (
            purpose(command) in {Purpose.BUILD, Purpose.NEUTRAL, Purpose.CLEANUP}
            or _adds(command, step, folder, itself=itself)
        )
        for command in script.commands
    )


def names_modules(step: Step) -> bool:
    """Whether a RUN names the modules, or what lies among them."""
    return any("node_modules" in text for text in _arguments(step))


def reaches_out(step: Step, folder: str) -> bool:
    """Whether a RUN may name a path outside *folder*, or one of the system's in the root."""
    paths = [join(step.before.workdir, text) for text in _arguments(step)]
    system = folder == "/" and any(path.split("/")[1] in TOP for path in paths)
    unknown = any({"~", "{"} & {*path} for path in paths)
    return system or unknown or not all(covers(folder, path) for path in paths)


def _arguments(step: Step) -> list[str]:
    return [word.text for command in (step.script.commands if step.script else ()) for word in command.words[1:]]


def _adds(command: ShellCommand, step: Step, folder: str, *, itself: bool) -> bool:
    changed = targets([word.text for word in command.words]) if command.name in ADDING else None
    paths = [join(step.before.workdir, path) for path in changed or ()]
    return bool(paths) and all((itself and path == folder) or _is_free(path, folder) for path in paths)


def _is_free(path: str, folder: str) -> bool:
    """Whether *path* lies below *folder*, outside its modules, and is no manifest."""
    inside = path != folder and covers(folder, path) and not covers(join(folder, "node_modules"), path)
    return inside and not is_manifest(path)
