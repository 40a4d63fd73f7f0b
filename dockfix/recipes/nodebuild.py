"""The stages of a Node service that install and build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose, Role
from dockfix.recipes import packages
from dockfix.recipes.additions import reaches_out
from dockfix.recipes.modules import Parts, install_edits, installs_anew, own_scripts, prune, removes, root
from dockfix.recipes.nodeend import is_inside, precedes_build
from dockfix.recipes.nodestart import only_runs
from dockfix.recipes.split import (
    UnfitError,
    build_variables,
    first_line,
    gives_away,
    is_root,
    plain_copies,
    stage_name,
    used,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.node import Node
    from dockfix.model import Model, Step

NEEDED = "this belongs to the image that runs, and what is laid beside the build behind it may need it"


def dependencies(model: Model, node: Node, parts: Parts, production: bool, name: str) -> list[Item]:
    """The stage that installs the production modules.

    A ``prepare`` script calls a tool that is a dev dependency: there everything is installed, and the rest taken away.
    """
    prunes = bool(node.lifecycle) and not production
    edits = install_edits(model, node, parts, production=not production and not prunes)
    return [
        _first(model, parts, name, again=False),
        *(keep for keep in _setup(model, parts, [parts.install]) if not _is_idle_source(model, node, parts, keep)),
        Keep(parts.install.instruction, edits),
        *(_pruned(model, node, parts, prunes=True) if prunes else []),
    ]


def builder(
    model: Model, node: Node, parts: Parts, name: str, *, prunes: bool, again: bool, idle: Sequence[str] = ()
) -> list[Item]:
    """The stage that builds.

    Args:
        model: the model.
        node: the package.
        parts: the stage as it is.
        name: the name of the stage.
        prunes: whether it drops the dev dependencies once it has built.
        again: whether a stage before it has the file's own FROM.
        idle: what it drops in any case, as nothing in the end needs it.
    """
    late = [step for step in parts.after if _builds(model, step, parts)]
    made = [step in parts.builds or step in parts.added for step in late]
    built = 1 + max((at for at, makes in enumerate(made) if makes), default=-1)
    kept = plain_copies(model.document, late)
    return [
        _first(model, parts, name, again=again),
        *_setup(model, parts, [parts.install, *parts.builds, *parts.added]),
        Keep(parts.install.instruction, install_edits(model, node, parts, production=False)),
        *kept[:built],
        *_pruned(model, node, parts, prunes=prunes, idle=idle),
        *kept[built:],
    ]


def _pruned(model: Model, node: Node, parts: Parts, *, prunes: bool, idle: Sequence[str] = ()) -> list[Item]:
    """What takes away the modules that only the build needed: dev dependencies, and those of packages built inside."""
    commands = [prune(model, node, parts)] if prunes else []
    commands += [f"rm -rf {' '.join(idle)}"] if idle else []
    commands += [f"rm -rf {folder}/node_modules" for folder in parts.inner]
    mounts = parts.install.instruction.flags if prunes and installs_anew(node, parts) else ()
    flags = "".join(f"{flag.span.of(model.document.text)} " for flag in mounts)
    return [New(f"RUN {flags}{' && '.join(commands)}")] if commands else []


def _first(model: Model, parts: Parts, name: str, *, again: bool) -> Item:
    """FROM of an earlier stage; *again*: a stage before it has the file's own."""
    line = first_line(model.document, parts.base.instruction, name)
    if again and isinstance(line, Keep):
        return stage_name(model.document, line.instruction, name)
    return line


def _setup(model: Model, parts: Parts, users: Sequence[Step]) -> list[Keep]:
    """What a stage that installs repeats of the set-up."""
    steps = [step for step in parts.before if _sets_up(step, parts, users)]
    if not any(step in parts.added and reaches_out(step, root(model)) for step in users):
        steps = [step for step in steps if not only_runs(model, step, users)]
        steps = [step for step in steps if not _only_watches(model, step, users)]
    return plain_copies(model.document, steps)


def _only_watches(model: Model, step: Step, users: Sequence[Step]) -> bool:
    """Whether a RUN installs nothing but what looks after containers, and no command or script of *users* names it."""
    names = {word.text for called in packages.installs(step) for word in called.operands}
    if step.role is not Role.PACKAGES or not names or not all(catalog.serves(name, "watch") for name in names):
        return False
    scripts = model.node.scripts.values() if model.node is not None else ()
    texts = [*(user.instruction.text for user in users), *(fact.value for fact in scripts)]
    return not any(name in text for name in names for text in texts)


def _is_idle_source(model: Model, node: Node, parts: Parts, keep: Keep) -> bool:
    """Whether a copy of sources is of no use to an install that has its manifests and runs no script of the app."""
    if model.step(keep.instruction).role is not Role.SOURCES or not parts.manifests or own_scripts(node):
        return False
    groups = (node.dependencies, node.optional_dependencies, node.dev_dependencies)
    local = any(fact.value.startswith(("file:", "link:")) for group in groups for fact in group.values())
    return not local and node.patches is None


def _sets_up(step: Step, parts: Parts, users: Sequence[Step]) -> bool:
    """Whether *users* need what a step of the set-up makes."""
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
    if step in parts.builds or removes(model, step) or step in parts.added:
        return True
    if step.role is Role.SOURCES and is_inside(model, step):
        return True
    if not precedes_build(step, parts):
        return False
    if step.role is Role.FOLDERS:
        return not gives_away(step)
    keyword = step.instruction.keyword
    return step.role in {Role.SOURCES, Role.MANIFESTS, Role.PACKAGES, Role.SETUP, Role.STAGE_COPY} and keyword != "USER"


def check_added(model: Model, parts: Parts) -> None:
    """Refuse what adds to the build where a step before it that may write, or tells it where, is none of the builder's.

    Raises:
        UnfitError: with that step.
    """
    for added in parts.added:
        outside = reaches_out(added, root(model))
        for step in parts.before:
            missing = not _is_idle(step) and not _sets_up(step, parts, [*parts.builds, added])
            if missing and (outside or step.role is Role.FOLDERS):
                raise UnfitError(step.instruction, NEEDED)
        for step in parts.after[: parts.after.index(added)]:
            if not _is_idle(step) and not _builds(model, step, parts):
                raise UnfitError(step.instruction, NEEDED)


def _is_idle(step: Step) -> bool:
    """Whether a step leaves no file behind, and changes nothing for the RUNs behind it."""
    if step.instruction.keyword == "RUN":
        return step.role is Role.SETUP and step.purposes <= {Purpose.CLEANUP}
    return step.instruction.keyword not in {"COPY", "ADD", "WORKDIR", "USER", "SHELL", "VOLUME"}


def shapes(step: Step, parts: Parts) -> bool:
    """Whether a RUN before the last build makes folders or modes that are carried with the whole folder alone."""
    return step.role is Role.FOLDERS and not gives_away(step) and precedes_build(step, parts)
