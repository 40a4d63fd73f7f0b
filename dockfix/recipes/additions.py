"""RUNs that lay files of an app's folder beside others, as they do behind a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.model import Purpose, Role
from dockfix.model.commands import purpose
from dockfix.model.config import join
from dockfix.model.roles import is_manifest

if TYPE_CHECKING:
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Step

ADDING = frozenset({"cp", "mkdir", "touch", "chmod"})
"""Programs that change nothing but what they are given, and take nothing away."""

OTHERWISE = ("-t", "--target-directory", "--parents", "--reference")
"""Options of theirs that say in another way what that is: https://www.gnu.org/software/coreutils/manual/coreutils.html"""


def adds(step: Step, folder: str, *, itself: bool = False) -> bool:
    """Whether a RUN that no role fits does nothing but add files below *folder*, beside what it builds.

    Not to the modules, nor manifests: a package manager may have to prune by these.

    Args:
        step: the RUN.
        folder: the folder.
        itself: count what is copied right into the folder, where no manifest can lie.
    """
    script = step.script
    if step.role is not Role.UNKNOWN or script is None or not script.flat or not script.commands:
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
    return step.script is not None and any(
        "node_modules" in word.text for command in step.script.commands for word in command.words
    )


def _adds(command: ShellCommand, step: Step, folder: str, *, itself: bool) -> bool:
    words = command.words[1:]
    if command.name not in ADDING or any(
        word.text.startswith(OTHERWISE) or {"$", "`"} & {*word.text} for word in words
    ):
        return False
    operands = [word for word in words if not word.text.startswith("-")]
    changed = operands[-1:] if command.name == "cp" else operands[1:] if command.name == "chmod" else operands
    paths = [join(step.before.workdir, word.text) for word in changed if word.static]
    return 0 < len(changed) == len(paths) and all(
        (itself and path == folder) or _is_free(path, folder.rstrip("/")) for path in paths
    )


def _is_free(path: str, folder: str) -> bool:
    inside = path.startswith(f"{folder}/") and not f"{path}/".startswith(f"{folder}/node_modules/")
    return inside and not is_manifest(path)
