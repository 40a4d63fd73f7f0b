"""An account that installs the modules itself, so that what writes among them when it runs may do so.

Development servers keep caches in ``node_modules`` and write what they build beside the sources. Giving the account
what root has installed would take a ``chown -R``, which doubles the layer; an install by the account does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.model import Purpose
from dockfix.model.config import join

if TYPE_CHECKING:
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.model import Model, Step

WORK = {Purpose.INSTALL, Purpose.BUILD, Purpose.FOLDERS}
ABOVE = {Purpose.PACKAGES, Purpose.TOOLS, Purpose.FOLDERS, Purpose.ACCOUNT, Purpose.CLEANUP}
RUNNERS = frozenset({"npm", "yarn", "pnpm"})


def first_step(model: Model) -> Step | None:
    """The step above which USER can stand, so that the account copies, installs and builds the app.

    ``None`` where root has to do something behind it, or has been at work in the app's folder before.
    """
    stage = model.final
    if stage.parent is not None or stage.image is None or stage.image.name != "node" or model.options.owner == "root":
        return None
    installs = stage.doing(Purpose.INSTALL)
    steps = [step for step in stage.steps if step in installs[:1] or _is_copied_here(model, step)]
    if not installs or not steps or steps[0].before.workdir != model.folder:
        return None
    at = stage.steps.index(steps[0])
    above, behind = stage.steps[:at], stage.steps[at:]
    if any(step.script is not None and not step.purposes <= ABOVE for step in above):
        return None
    if any(step.instruction.keyword in {"WORKDIR", "USER", "SHELL"} for step in behind):
        return None
    runs = [step for step in behind if step.instruction.keyword == "RUN"]
    return steps[0] if all(_is_work(step) for step in runs) else None


def _is_copied_here(model: Model, step: Step) -> bool:
    copy = step.instruction.copy
    if copy is None:
        return False
    return f"{join(step.before.workdir, copy.destination)}/".startswith(f"{model.folder.rstrip('/')}/")


def _is_work(step: Step) -> bool:
    """Whether a RUN does nothing but what an account can do in a folder and a home of its own."""
    if step.script is None or not step.script.ok or not step.purposes <= WORK | {Purpose.CLEANUP}:
        return False
    if step.instruction.flag("mount") is not None or step.instruction.heredocs:
        return False  # what a cache mount holds is root's
    return all(map(_is_modest, step.script.commands))


def _is_modest(command: ShellCommand) -> bool:
    name = command.name
    if any(word.text.startswith(("/", "~", "$", ">", "2>")) for word in (*command.words, *command.redirects)):
        return False
    return name in RUNNERS | {"npx", "mkdir", "cd", "echo", "set"}
