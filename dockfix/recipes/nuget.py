"""What restoring the packages of .NET projects reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.facts.files import join
from dockfix.facts.msbuild import PROJECTS, SOLUTIONS, Project, solution_of
from dockfix.recipes.manifests import Reading, folder_of
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.model import Invocation, Model, StageModel, Step

MOST = 15
"""Projects in folders of their own beyond which the copies of their files would be most of the Dockerfile."""


def reading(model: Model, stage: StageModel, step: Step, called: Invocation) -> Reading:
    """What ``dotnet restore`` reads: the projects, all that they build upon, and the settings around them.

    Raises:
        UnfitError: one of them cannot be told.
    """
    solution = solution_of(model.app)
    folder = folder_of(stage, step, called)
    operands = [word for word in called.operands if not word.text.startswith("/p:")]
    if len(operands) > 1 or not all(word.static for word in operands):
        raise UnfitError(step.instruction, "which project is restored cannot be told")
    given = join(folder, operands[0].text) if operands else folder
    if given.endswith((*PROJECTS, *SOLUTIONS)):
        entry = given
    else:
        names = model.app.root.list(given)
        found = [name for name in names if name.endswith(SOLUTIONS)] or [n for n in names if n.endswith(PROJECTS)]
        if len(found) != 1:
            raise UnfitError(step.instruction, "which project is restored cannot be told")
        entry = join(given, found[0])
    paths = solution.members(entry) if entry.endswith(SOLUTIONS) else (entry,)
    if paths is None:
        raise UnfitError(step.instruction, f"{entry} cannot be read")
    projects: dict[str, Project] = {}
    for path in paths:
        project = solution.project(path)
        closure = solution.closure(project) if project is not None else None
        if closure is None:
            raise UnfitError(step.instruction, f"what {path} builds upon cannot be told")
        projects |= {each.path: each for each in closure}
    if len(projects) > MOST:
        raise UnfitError(step.instruction, f"the files of {len(projects)} projects would have to be copied one by one")
    foreign = next((path for path in projects if not path.endswith(PROJECTS)), None)
    if foreign is not None:
        raise UnfitError(step.instruction, f"what restoring {foreign} reads cannot be told")
    own = next((each.path for each in projects.values() if each.imports), None)
    if own is not None:
        raise UnfitError(step.instruction, f"{own} takes in files of its own choice")
    read = [entry, *projects, *(path for each in projects.values() for path in solution.around(each.folder))]
    for path in read:
        if path.endswith((".props", ".targets")) and b"<Import" in (model.app.root.read(path) or b""):
            raise UnfitError(step.instruction, f"{path} takes in files of its own choice")
    made = [join(each.folder, "obj") for each in projects.values()]
    return Reading(tuple(dict.fromkeys(read)), tuple(made))
