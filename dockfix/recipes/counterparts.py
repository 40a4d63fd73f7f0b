"""Programs that a stage calls and that Alpine has under another name, elsewhere, or not at all."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.model.commands import ACCOUNTS
from dockfix.recipes import needs
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockfix.catalog import Image
    from dockfix.model import Model, StageModel, Step
    from dockfix.recipes.needs import Call

TRANSLATED = ACCOUNTS | {"bash"}
"""What a RUN may call, because it is said in other words or installed."""


def check(model: Model, stage: StageModel, image: Image) -> None:
    """Refuse what is called by the name of Debian's program.

    Args:
        model: the model.
        stage: a stage on Debian.
        image: the Alpine image that it moves to.

    Raises:
        UnfitError: with what calls it.
    """
    installed = _installed(stage)
    for package, step in installed.items():
        found = catalog.difference(package)
        if found is not None and "*" in found.programs:
            raise UnfitError(step.instruction, f"{package} differs on Alpine: {found.why}")
    for call in needs.calls(model, stage):
        if _own(stage, call):
            continue
        required = catalog.required(call.name)
        translated = call.name in TRANSLATED and call.where.startswith("line ")
        if required is not None and not translated and call.name not in installed:
            why = f"{call.name} is called ({call.where}), which Debian brings ({required}) and Alpine does not"
            raise UnfitError(None, why)
        for package in installed:
            if _lost(package, call.name, image.suite):
                why = f"{call.name} is called ({call.where}), which Debian's {package} brings and Alpine's does not"
                raise UnfitError(None, why)


def _installed(stage: StageModel) -> Mapping[str, Step]:
    """The system packages of *stage* and of what it stands on."""
    return {name.partition("=")[0].partition(":")[0]: step for other in stage.lineage for step, name in other.packages}


def _own(stage: StageModel, call: Call) -> bool:
    """Whether the image of a language brings the program itself, whatever the packages are."""
    own = needs.OWN.get(stage.image.name) if stage.image is not None else None
    return own is not None and own.fullmatch(call.name) is not None


def _lost(package: str, program: str, suite: str | None) -> bool:
    """Whether *program* comes with the Debian package and is not known to come with its counterpart."""
    found = catalog.difference(package)
    if found is not None:
        return any(fnmatchcase(program, pattern) for pattern in found.programs)
    answer = catalog.alpine(package, suite)
    if program != package or answer is None or answer.kind not in {"runtime", "tool"}:
        return False
    return program not in answer.packages and not catalog.busybox_has(program)
