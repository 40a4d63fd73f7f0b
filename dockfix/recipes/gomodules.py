"""Go's modules before the sources: ``go mod download`` by go.mod and go.sum alone."""

from __future__ import annotations

import re
from posixpath import dirname
from typing import TYPE_CHECKING

from dockfix.facts import go as facts
from dockfix.facts.files import join as beneath
from dockfix.model.config import join
from dockfix.recipes.manifests import Fetch, Reading, folder_of
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.gomod import Module, Work
    from dockfix.model import Invocation, Model, StageModel, Step

MIRRORS = frozenset({"GOPROXY", "GOSUMDB"})
"""Variables that say from where modules come: https://go.dev/ref/mod#environment-variables"""


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What ``go mod download`` reads.

    Raises:
        UnfitError: it cannot be told.
    """
    return Reading(_manifests(model, step, _folder(stage, step, called)))


def fetch(model: Model, stage: StageModel, step: Step) -> Fetch | None:
    """How the modules of a build are fetched before the sources; ``None`` where there is nothing to fetch.

    Raises:
        UnfitError: it cannot be told what that reads.
    """
    called = next((c for c in step.invocations if c.manager == "go" and c.verb in {"build", "install"}), None)
    if called is None:
        return None
    folder = _folder(stage, step, called)
    found = facts.module_at(model.app, folder)
    needed = found is not None and bool(found.requires)
    if _work(model, folder) is not None:
        needed = any(module.requires for module in _around(model, step, folder))
    if not needed or any(word.text.find("@") >= 0 for word in called.operands):
        return None
    if found is not None and found.folder != folder:
        raise UnfitError(step.instruction, f"the program is built in a folder of the module of {found.origin}")
    for other in stage.steps[: stage.steps.index(step) + 1]:
        for each in other.script.commands if other.script else ():
            if each.name == "git" or (each.name == "go" and each.args[:1] in {("get",), ("mod",), ("work",)}):
                raise UnfitError(
                    other.instruction, f"`{each.name} {' '.join(each.args[:2])}` settles by the sources what is fetched"
                )
    if re.search(r"GOPRIVATE|GONOSUM|insteadOf|netrc|GOFLAGS", model.document.text):
        raise UnfitError(step.instruction, "modules are fetched by settings of their own")
    paths = _manifests(model, step, folder)
    why = "go build fetches the modules, so that every edit of a source repeats it"
    given = [word.text for word in called.command.assignments if word.text.partition("=")[0] in MIRRORS]
    return Fetch(paths, (f"RUN {' '.join([*given, 'go mod download'])}",), why, called.command.span.start)


def _folder(stage: StageModel, step: Step, called: Invocation) -> str:
    place = step.before.workdir
    manifest = stage.context_path(join(place, "go.mod"))
    return dirname(manifest) if manifest is not None else folder_of(stage, step, called)


def _work(model: Model, folder: str) -> Work | None:
    """The workspace whose go.work lies in a folder."""
    found = facts.workspace(model.app, folder)
    return found if found is not None and found.folder == folder else None


def _around(model: Model, step: Step, folder: str) -> Sequence[Module]:
    """The modules that a call in a folder downloads the needs of: its own, or all of its workspace.

    Raises:
        UnfitError: there is none, or one of them is not in the build context.
    """
    workspace = facts.workspace(model.app, folder)
    if workspace is None:
        around = facts.modules(model.app, folder)
        if not around or around[0].folder != folder:
            raise UnfitError(step.instruction, f"{beneath(folder, 'go.mod')} is not in the build context")
        return around
    if workspace.folder != folder:
        raise UnfitError(step.instruction, f"{workspace.origin} points to folders of the sources")
    found: dict[str, Module] = {}
    for fact in workspace.members:
        module = facts.module_at(model.app, fact.value)
        if module is None or module.folder != fact.value:
            raise UnfitError(
                step.instruction, f"{beneath(fact.value, 'go.mod')} is not in the build context ({fact.origin})"
            )
        found |= {each.folder: each for each in facts.modules(model.app, fact.value)}
    return tuple(found.values())


def _manifests(model: Model, step: Step, folder: str) -> tuple[str, ...]:
    """go.mod and go.sum of a module, of those that stand in for others, and of its workspace."""
    around = _around(model, step, folder)
    vendored = beneath(folder, "vendor/modules.txt")
    if model.app.sends(vendored):
        raise UnfitError(step.instruction, f"the modules lie among the sources ({model.app.origin(vendored)})")
    paths = [beneath(folder, name) for name in ("go.work", "go.work.sum")] if _work(model, folder) is not None else []
    paths += [beneath(module.folder, name) for module in around for name in ("go.mod", "go.sum")]
    for module in around:
        for fact in module.local:
            if not model.app.root.exists(f"{fact.value}/go.mod"):
                raise UnfitError(
                    step.instruction, f"{fact.value} stands in for a module ({fact.origin}) and has no go.mod"
                )
    return tuple(path for path in paths if model.app.root.exists(path))
