"""Apps in PHP: what Composer reads, and what of the host's has no place in the image."""

from __future__ import annotations

import re
from posixpath import dirname
from typing import TYPE_CHECKING

from dockfix.facts.files import join
from dockfix.facts.php import composer
from dockfix.recipes import packages
from dockfix.recipes.manifests import WITHOUT_PROJECT, Reading, folder_of
from dockfix.recipes.split import NoGainError, UnfitError, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.model import Invocation, Model, StageModel, Step
    from dockfix.recipes.split import Split

SETTINGS = ("composer.lock", "symfony.lock", "auth.json")


def split(model: Model) -> Split | None:
    """Nothing: PHP keeps its stage; ``None`` where no build tools are installed on PHP's image.

    Raises:
        NoGainError: on Debian, where the image itself keeps compilers and headers of PHP.
        UnfitError: on Alpine, with the RUN.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "php":
        return None
    tools = packages.build_tools(stage.steps)
    if not tools:
        return None
    if stage.manager == "apt":
        raise NoGainError(f"{listed(tools)} would go, but the image of PHP keeps compilers of its own")
    step = next(step for step in stage.steps if packages.build_tools([step]))
    raise UnfitError(step.instruction, f"which libraries the extensions need without {listed(tools)} cannot be told")


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What ``composer install`` reads before the app's own scripts and classes.

    Raises:
        UnfitError: it cannot be told, or it reads the sources all the same.
    """
    if called.has("-d", "--working-dir") or "COMPOSER" in step.before.env:
        raise UnfitError(step.instruction, "Composer's manifest is named by a setting")
    folder = folder_of(stage, step, called)
    found = composer(model.app, folder)
    if found is None:
        raise UnfitError(
            step.instruction, f"there is no composer.json to be read in {model.app.origin(folder) or 'the context'}"
        )
    if found.local is not None:
        raise UnfitError(step.instruction, f"Composer takes packages from the sources ({found.local.origin})")
    if found.plugins:
        why = f"what {found.plugins[0]} reads of the app while Composer installs cannot be told"
        raise UnfitError(step.instruction, f"{why} ({model.app.origin(found.path)})")
    if called.command.depth or (step.script is not None and not step.script.flat):
        raise UnfitError(step.instruction, "Composer is called in a condition")
    paths = [found.path, *(path for name in SETTINGS if model.app.root.exists(path := join(folder, name)))]
    without = (
        () if called.has("--no-autoloader") and called.has("--no-scripts") else ((called, WITHOUT_PROJECT["composer"]),)
    )
    return Reading(tuple(paths), (join(folder, found.vendor),), without)


def ignored(model: Model, whole: str) -> Iterator[str]:
    """The host's ``vendor``, where the build installs its own and the repository holds none.

    Args:
        model: the Dockerfile.
        whole: the folder of the context that is copied.
    """
    root = model.app.root
    for stage in model.stages:
        for step in stage.steps:
            for _ in step.calls("composer", "install"):
                manifest = stage.context_path(f"{step.before.workdir.rstrip('/')}/composer.json")
                folder = dirname(manifest) if manifest is not None else None
                if folder != whole or folder is None:
                    continue
                listed = root.read(join(folder, ".gitignore")) or b""
                own = re.search(rb"^\s*/?vendor/?\s*$", listed, re.MULTILINE) is not None
                if own or not root.is_dir(join(folder, "vendor")):
                    yield "vendor" if not folder else f"{folder}/vendor"
                return
