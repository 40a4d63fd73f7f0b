"""The stage of a Node service that runs: what stays of the author's stage, and what others bring."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Role
from dockfix.model.config import join, render
from dockfix.recipes import packages
from dockfix.recipes.artefacts import Artefacts, in_context
from dockfix.recipes.modules import Parts, removes, root
from dockfix.recipes.nodestart import needed, node_env_decides
from dockfix.recipes.split import gives_away, is_root, last_line, used
from dockfix.text import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.model import Model, Step

LOCKS = frozenset({"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", ".npmrc", ".yarnrc"})
HEAD = frozenset({"ARG", "ENV", "LABEL", "MAINTAINER"})


def copies(model: Model, parts: Parts, found: Artefacts | None, names: Sequence[str]) -> list[Item]:
    """The copies that bring the app to the end."""
    folder, flag = root(model).rstrip("/"), owner_flag(parts)
    if found is None:
        return [New(f"COPY --from={name} {flag}{root(model)} ./") for name in names]
    lines = [f"--from={names[0]} {flag}{folder}/node_modules ./node_modules"] if found.modules else []
    lines += [f"--from={names[-1]} {flag}{folder}/{found.root} ./"] if found.root else []
    lines += [f"--from={names[-1]} {flag}{folder}/{name} ./{name}" for name in found.built]
    lines += [f"{flag}{in_context(model, name)} {_destination(model, name)}" for name in found.carried]
    return [New(f"COPY {line}") for line in lines]


def owner_flag(parts: Parts) -> str:
    """Whose the app is: as the author's copies say, or the account's that installed it."""
    for step in (*parts.before, *parts.after):
        owner = step.instruction.flag("chown") if step.role in {Role.SOURCES, Role.MANIFESTS} else None
        if owner is not None:
            return f"--chown={owner} "
    user = parts.install.before.user
    return "" if is_root(user) else f"--chown={user} "


def _destination(model: Model, name: str) -> str:
    """Where a carried file or folder goes: a folder's contents need its name, a file only the place."""
    return f"./{name}" if model.app.root.is_dir(in_context(model, name)) else "./"


def is_inside(model: Model, step: Step) -> bool:
    """Whether everything that a COPY brings lands in the app's folder."""
    placed = [p for p in model.final.placements if p.step is step]
    folder = root(model).rstrip("/")
    return bool(placed) and all(p.target == folder or p.target.startswith(folder + "/") for p in placed)


def final_stage(
    model: Model,
    parts: Parts,
    brought: Sequence[Item],
    found: Artefacts | None,
    *,
    built: bool = True,
) -> list[Item]:
    """The stage that runs.

    Args:
        model: the model.
        parts: the stage as it is.
        brought: the copies that bring the app, its modules first.
        found: what the end needs of what was built.
        built: whether the sources stay with the build.
    """
    items: list[Item] = []
    before = (*parts.before, *(step for step in parts.after if precedes_build(step, parts)))
    system = packages.run_time(model, model.final, before, afresh=True)
    at = parts.install if built or _modules_ignored(model) else _last_sources(model, parts)
    early = len(brought) if built or found is None else int(found.modules)  # what is built comes in place of its build
    for step in (*parts.before, parts.install, *parts.after):
        if step.instruction.index in system:
            items += system[step.instruction.index]
        elif step is not parts.install and _stays(model, parts, step, found, built=built):
            items.append(_run(model, step, found))
        items += brought[:early] if step is at else ()
        items += brought[early:] if step in parts.builds[-1:] else ()
    items = [item for item in items if not _is_idle_argument(model, item, items)]
    settings = variables(model, found)
    if settings:
        position = next((i for i, item in enumerate(items) if not _is_head(item)), len(items))
        items.insert(position, New("ENV " + " \\\n    ".join(f"{name}={value}" for name, value in settings.items())))
    return [last_line(model, parts.base.instruction), *items]


def _run(model: Model, step: Step, found: Artefacts | None) -> Keep:
    """A step of the end, which starts what the build made where that has a command of its own."""
    if found is None or not found.start or step.instruction is not model.start.command:
        return Keep(step.instruction)
    return Keep(step.instruction, (Edit(step.instruction.value_span, render(found.start)),))


def variables(model: Model, found: Artefacts | None) -> dict[str, str]:
    """What the end sets."""
    env = "NODE_ENV" not in model.final.config.env and node_env_decides(model) is None
    return {**({"NODE_ENV": "production"} if env else {}), **dict(found.variables if found is not None else ())}


def precedes_build(step: Step, parts: Parts) -> bool:
    """Whether a step stands between the install and the last build."""
    return precedes(step, parts.builds[-1:], parts)


def precedes(step: Step, others: Sequence[Step], parts: Parts) -> bool:
    """Whether a step behind the install stands before one of *others*."""
    return step in parts.after and any(other in parts.after[parts.after.index(step) + 1 :] for other in others)


def _last_sources(model: Model, parts: Parts) -> Step:
    """The step behind which no COPY of the sources could cover the modules again."""
    whole = [p.step for p in model.final.placements if p.folder and p.source == (model.source or "")]
    return next((step for step in reversed(parts.after) if step in whole), parts.install)


def _stays(model: Model, parts: Parts, step: Step, found: Artefacts | None, *, built: bool) -> bool:
    """Whether a step other than an install is in the end as it is."""
    if step in parts.builds or removes(model, step) or (parts.builds and step in parts.added):
        return False
    if step.role is Role.MANIFESTS or (step.role is Role.SOURCES and is_inside(model, step)):
        early = step.role is Role.MANIFESTS or (step in parts.before and _is_in_place(model, step))
        idle = (early and _comes_again(model, parts)) or (step.role is Role.MANIFESTS and _is_lock(step))
        return not built and not idle
    if step.role is Role.SETUP and step.instruction.keyword == "RUN":
        return not (found is not None and found.start) and needed(model, step)
    if step.role is Role.FOLDERS and precedes_build(step, parts):
        return not built or gives_away(step)
    return True


def lies_as_in_context(model: Model) -> bool:
    """Whether all that is copied to the app's folder lies there as it does in one folder of the context."""
    return all(_is_in_place(model, step) for step in model.final.steps if is_inside(model, step))


def _is_in_place(model: Model, step: Step) -> bool:
    """Whether a COPY puts everything where a copy of the whole app folder would put it."""
    placed = [p for p in model.final.placements if p.step is step]
    folder, source = root(model), model.source or ""
    return all(
        p.source.startswith(source) and p.target == join(folder, p.source.removeprefix(source).lstrip("/"))
        for p in placed
    )


def _is_lock(step: Step) -> bool:
    """Whether a COPY brings nothing but what an install reads."""
    copy = step.instruction.copy
    return copy is not None and all(basename(source) in LOCKS for source in copy.sources)


def _is_idle_argument(model: Model, item: Item, items: Sequence[Item]) -> bool:
    """Whether an item is an ARG that nothing behind it in the end names."""
    if not isinstance(item, Keep) or item.instruction.keyword != "ARG":
        return False
    names = [assignment.key for assignment in item.instruction.assignments]
    others = [model.step(other.instruction) for other in items if isinstance(other, Keep) and other is not item]
    return not any(used(name, others) for name in names)


def _is_head(item: Item) -> bool:
    return isinstance(item, Keep) and item.instruction.keyword in HEAD


def _comes_again(model: Model, parts: Parts) -> bool:
    """Whether a COPY behind the install brings the folder of the manifests again."""
    return any(p.folder and p.source == (model.source or "") for p in model.final.placements if p.step in parts.after)


def _modules_ignored(model: Model) -> bool:
    """Whether a COPY of the sources leaves the modules of the host behind."""
    return model.app.ignore.ignores(in_context(model, "node_modules"))
