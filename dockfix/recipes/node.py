"""Node services: production modules, build and end in stages of their own."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.recipes import packages
from dockfix.recipes.artefacts import Artefacts, artefacts, in_context, why_whole
from dockfix.recipes.modules import (
    Parts,
    check_manager,
    install_edits,
    installs_production,
    own_scripts,
    prune,
    take_apart,
)
from dockfix.recipes.nodestart import check_start, needed, node_env_decides, only_runs
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
    spare,
    stage_name,
    used,
)
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.node import Node
    from dockfix.model import Model, Step

LOCKS = frozenset({"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", ".npmrc", ".yarnrc"})
HEAD = frozenset({"ARG", "ENV", "LABEL", "MAINTAINER"})


def split(model: Model) -> Split | None:
    """The stage taken apart; ``None`` where it is no Node image with a package.json.

    Raises:
        UnfitError: something stands in the way.
        NoGainError: the end would be as large as it is.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "node" or not stage.doing(Purpose.INSTALL):
        return None
    check_common(model, root_only=False)
    check_started(model)
    node = model.node
    if node is None and model.source is not None and model.app.node_problem(model.source) is not None:
        raise UnfitError(None, model.no_manifest(model.source))
    if node is None:
        raise UnfitError(None, f"no package.json of the build context lands in {model.folder}")
    parts = take_apart(model)
    check_manager(node, parts)
    production = installs_production(parts)
    check_start(model, node, production)
    gain = _gain(model, node, parts, production)
    _check_prisma(node, parts, production)
    if parts.builds:
        return _with_build(model, node, parts, production, gain)
    return _without_build(model, node, parts, production, gain)


def _gain(model: Model, node: Node, parts: Parts, production: bool) -> str:
    gains = []
    if parts.builds:
        gains.append("the app is built here")
    tools = packages.build_tools(model.final, parts.before)
    if tools:
        gains.append(f"{listed(tools)} {'serves' if len(tools) == 1 else 'serve'} the install alone")
    if node.dev_dependencies and not production:
        count = len(node.dev_dependencies)
        gains.append(f"{count} dev {'dependency is' if count == 1 else 'dependencies are'} installed ({node.origin})")
    if not gains and model.options.split != "always":
        raise NoGainError("there is no build step, no build tool and no dev dependency")
    return ", and ".join(gains) or "the modules are installed in a stage of their own"


def _check_prisma(node: Node, parts: Parts, production: bool) -> None:
    """Refuse where taking dev dependencies away would take prisma's generated client along.

    npm leaves folders alone whose names begin with a dot; yarn and pnpm make the tree anew.

    Raises:
        UnfitError: with the reason.
    """
    prisma = node.dependency("prisma") or node.dependency("@prisma/client")
    if prisma is None or production:
        return
    at = parts.install.instruction
    if parts.call.manager != "npm":
        raise UnfitError(at, f"{parts.call.manager} would take prisma's generated client away ({prisma.origin})")
    if not parts.builds:
        raise UnfitError(at, f"where prisma's client is generated cannot be told ({prisma.origin})")


def _with_build(model: Model, node: Node, parts: Parts, production: bool, gain: str) -> Split:
    found = artefacts(model, node) if not any(_shapes(step, parts) for step in parts.after) else None
    own_stage = found is not None and found.modules and _installs_apart(node, parts, production)
    whole = production or own_stage or (found is not None and not found.modules)
    builder = _builder(model, node, parts, prunes=not whole)
    names = [spare(model.document, "dependencies")] if own_stage else []
    names.append(early_name(model, "builder"))
    stages = [_dependencies(model, node, parts, production, names[0])] if own_stage else []
    stages.append([_first(model, parts, names[-1], again=own_stage), *builder])
    brought = _brought(model, parts, found, names)
    notes = () if found is not None else (Note(None, why_whole(model)),)
    return _finish(model, parts, stages, _end(model, parts, brought, built=True), gain, notes)


def _installs_apart(node: Node, parts: Parts, production: bool) -> bool:
    """Whether the production modules can be installed in a stage of their own, without the sources.

    Without a lock file in step that install would choose other versions than the builder's.
    """
    return (
        not production
        and parts.call.manager == "npm"
        and bool(parts.manifests)
        and parts.install not in parts.builds
        and node.lock_in_step is True
        and not node.lifecycle
        and node.patches is None
    )


def _without_build(model: Model, node: Node, parts: Parts, production: bool, gain: str) -> Split:
    script = own_scripts(node)
    if script is not None and not production:
        raise UnfitError(
            parts.install.instruction, f"an install without dev dependencies would still run {script[0]} ({script[1]})"
        )
    name = early_name(model, "dependencies")
    copy = New(f"COPY --from={name} {_flag(parts)}{model.folder}/node_modules ./node_modules")
    stage = _dependencies(model, node, parts, production, name)
    return _finish(model, parts, [stage], _end(model, parts, [copy], built=False), gain, ())


def _dependencies(model: Model, node: Node, parts: Parts, production: bool, name: str) -> list[Item]:
    """The stage that installs the production modules.

    A ``prepare`` script calls a tool that is a dev dependency: there everything is installed, and the rest taken away.
    """
    prunes = bool(node.lifecycle) and not production
    edits = install_edits(model, node, parts, production=not production and not prunes)
    return [
        _first(model, parts, name, again=False),
        *(keep for keep in _setup(model, parts, [parts.install]) if not _is_idle_source(model, node, parts, keep)),
        Keep(parts.install.instruction, edits),
        *([New(prune(model.final, parts.call.manager))] if prunes else []),
    ]


def _builder(model: Model, node: Node, parts: Parts, *, prunes: bool) -> list[Item]:
    """The stage that builds, FROM left out; where it *prunes*, it drops the dev dependencies once it has built."""
    late = [step for step in parts.after if _builds(model, step, parts)]
    built = 1 + max((at for at, step in enumerate(late) if step in parts.builds), default=-1)
    kept = plain_copies(model.document, late)
    return [
        *_setup(model, parts, [parts.install, *parts.builds]),
        Keep(parts.install.instruction, install_edits(model, node, parts, production=False)),
        *kept[:built],
        *([New(prune(model.final, parts.call.manager))] if prunes else []),
        *kept[built:],
    ]


def _first(model: Model, parts: Parts, name: str, *, again: bool) -> Item:
    """FROM of an earlier stage; *again*: a stage before it has the file's own."""
    line = first_line(model.document, parts.base.instruction, name)
    if again and isinstance(line, Keep):
        return stage_name(model.document, line.instruction, name)
    return line


def _setup(model: Model, parts: Parts, users: Sequence[Step]) -> list[Keep]:
    """What a stage that installs repeats of the set-up."""
    steps = [step for step in parts.before if _sets_up(step, parts, users) and not only_runs(model, step, users)]
    return plain_copies(model.document, steps)


def _is_idle_source(model: Model, node: Node, parts: Parts, keep: Keep) -> bool:
    """Whether a copy of sources is of no use to an install that has its manifests and runs no script of the app."""
    if model.step(keep.instruction).role is not Role.SOURCES or not parts.manifests or own_scripts(node):
        return False
    groups = (node.dependencies, node.optional_dependencies, node.dev_dependencies)
    local = any(fact.value.startswith(("file:", "link:")) for group in groups for fact in group.values())
    return not local and node.patches is None


def _sets_up(step: Step, parts: Parts, users: Sequence[Step]) -> bool:
    keyword = step.instruction.keyword
    if keyword == "ENV":
        return build_variables(step, users)
    if keyword == "ARG":
        names = [assignment.key for assignment in step.instruction.assignments]
        return any(user in parts.builds for user in users) or any(
            used(name, [*users, *(other for other in parts.before if other is not step)]) for name in names
        )
    if step.role is Role.ACCOUNT or (step.role is Role.FOLDERS and gives_away(step)):
        return not is_root(parts.install.before.user)
    kept = {Role.PACKAGES, Role.MANIFESTS, Role.SOURCES, Role.FOLDERS, Role.STAGE_COPY, Role.SETUP}
    return step.role in kept and keyword not in {"LABEL", "MAINTAINER"}


def _builds(model: Model, step: Step, parts: Parts) -> bool:
    """Whether a step behind the install belongs to the builder."""
    if step in parts.builds:
        return True
    if step.role is Role.SOURCES and _inside(model, step):
        return True
    if not _precedes_build(step, parts):
        return False
    if step.role is Role.FOLDERS:
        return not gives_away(step)
    keyword = step.instruction.keyword
    return step.role in {Role.SOURCES, Role.MANIFESTS, Role.PACKAGES, Role.SETUP, Role.STAGE_COPY} and keyword != "USER"


def _shapes(step: Step, parts: Parts) -> bool:
    """Whether a RUN before the last build makes folders or modes that are carried with the whole folder alone."""
    return step.role is Role.FOLDERS and not gives_away(step) and _precedes_build(step, parts)


def _brought(model: Model, parts: Parts, found: Artefacts | None, names: Sequence[str]) -> list[Item]:
    """The copies that bring the app to the end."""
    folder, flag = model.folder.rstrip("/"), _flag(parts)
    if found is None:
        return [New(f"COPY --from={names[-1]} {flag}{model.folder} ./")]
    lines = [f"--from={names[0]} {flag}{folder}/node_modules ./node_modules"] if found.modules else []
    lines += [f"--from={names[-1]} {flag}{folder}/{name} ./{name}" for name in found.built]
    lines += [f"{flag}{in_context(model, name)} {_destination(model, name)}" for name in found.carried]
    return [New(f"COPY {line}") for line in lines]


def _flag(parts: Parts) -> str:
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


def _inside(model: Model, step: Step) -> bool:
    """Whether everything that a COPY brings lands in the app's folder."""
    placed = [p for p in model.final.placements if p.step is step]
    folder = model.folder.rstrip("/")
    return bool(placed) and all(p.target == folder or p.target.startswith(folder + "/") for p in placed)


def _end(model: Model, parts: Parts, brought: Sequence[Item], *, built: bool) -> list[Item]:
    """The stage that runs."""
    items: list[Item] = []
    early = (*parts.before, *(step for step in parts.after if _precedes_build(step, parts)))
    system = packages.run_time(model, model.final, early, afresh=True)
    at = parts.install if built or _modules_ignored(model) else _last_sources(model, parts)
    for step in (*parts.before, parts.install, *parts.after):
        if step.instruction.index in system:
            items += system[step.instruction.index]
        elif step is not parts.install and _stays(model, parts, step, built=built):
            items.append(Keep(step.instruction))
        if step is at:
            items += brought
    items = [item for item in items if not _is_idle_argument(model, item, items)]
    if "NODE_ENV" not in model.final.config.env and node_env_decides(model) is None:
        position = next((i for i, item in enumerate(items) if not _is_head(item)), len(items))
        items.insert(position, New("ENV NODE_ENV=production"))
    return [last_line(model, parts.base.instruction), *items]


def _precedes_build(step: Step, parts: Parts) -> bool:
    last = parts.builds[-1] if parts.builds else None
    return step in parts.after and last in parts.after and parts.after.index(step) < parts.after.index(last)


def _last_sources(model: Model, parts: Parts) -> Step:
    """The step behind which no COPY of the sources could cover the modules again."""
    whole = [p.step for p in model.final.placements if p.folder and p.source == (model.source or "")]
    return next((step for step in reversed(parts.after) if step in whole), parts.install)


def _stays(model: Model, parts: Parts, step: Step, *, built: bool) -> bool:
    """Whether a step other than an install is in the end as it is."""
    if step in parts.builds:
        return False
    if step.role is Role.MANIFESTS or (step.role is Role.SOURCES and _inside(model, step)):
        idle = step.role is Role.MANIFESTS and (_comes_again(model, parts) or _is_lock(step))
        return not built and not idle
    if step.role is Role.SETUP and step.instruction.keyword == "RUN":
        return needed(model, step)
    if step.role is Role.FOLDERS and _precedes_build(step, parts):
        return gives_away(step)
    return True


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


def _finish(
    model: Model,
    parts: Parts,
    stages: Sequence[Sequence[Item]],
    end: Sequence[Item],
    gain: str,
    notes: tuple[Note, ...],
) -> Split:
    kept = {item.instruction.index for stage in (*stages, end) for item in stage if isinstance(item, Keep)}
    dropped = {
        step.instruction.index: "the stages bring what it made"
        for step in model.final.steps
        if step.instruction.index not in kept
    }
    adds = any(isinstance(item, New) and item.text == "ENV NODE_ENV=production" for item in end)
    decided = None if adds or "NODE_ENV" in model.final.config.env else node_env_decides(model)
    if decided is not None:
        notes = (*notes, Note(None, f"NODE_ENV stays as it is: the app decides by it ({decided})"))
    return Split(
        tuple(spaced(model.document, stage) for stage in (*stages, end)),
        f"{gain}; the image that runs carries only what it needs",
        env_delta(model, {"NODE_ENV": "production"} if adds else {}),
        dropped,
        safety=Safety.REVIEW,
        notes=notes,
    )
