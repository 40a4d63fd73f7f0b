"""Node services: production modules, build and end in stages of their own."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING

from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Purpose
from dockfix.model.commands import purpose
from dockfix.model.config import join, stated
from dockfix.model.start import RUNTIMES
from dockfix.recipes import frameworks, packages, prisma
from dockfix.recipes.additions import adds
from dockfix.recipes.artefacts import Artefacts, artefacts, why_whole
from dockfix.recipes.bundled import is_named
from dockfix.recipes.corepack import check_fetched
from dockfix.recipes.modules import (
    Parts,
    check_install,
    check_known,
    check_manager,
    installs_anew,
    installs_production,
    is_locked,
    own_scripts,
    package,
    removes,
    root,
    take_apart,
)
from dockfix.recipes.nodebuild import builder, check_added, dependencies, shapes
from dockfix.recipes.nodeend import copies, final_stage, lies_as_in_context, owner_flag, variables
from dockfix.recipes.nodestart import called, check_browser, check_start, node_env_decides
from dockfix.recipes.rootfolder import in_root
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    check_common,
    check_started,
    early_name,
    listed,
    spaced,
    spare,
)
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockfix.facts.node import Node
    from dockfix.model import Model


def split(model: Model) -> Split | None:
    """The stage taken apart; ``None`` where it is no Node image with a package.json.

    Raises:
        UnfitError: something stands in the way.
        NoGainError: the end would be as large as it is.
    """
    stage = model.final
    if stage.image is None or stage.image.name not in RUNTIMES or not stage.doing(Purpose.INSTALL):
        return None
    check_common(model, root_only=False)
    check_started(model)
    node = package(model)
    if node is None and model.source is not None and model.app.node_problem(model.source) is not None:
        raise UnfitError(None, model.no_manifest(model.source))
    deployed = next((step for step in stage.steps if step.calls("pnpm", "deploy")), None)
    if node is None and deployed is not None:
        raise UnfitError(deployed.instruction, f"what pnpm deploy lays out in {model.folder} is not followed")
    if node is None:
        raise UnfitError(None, f"no package.json of the build context lands in {model.folder}")
    parts = take_apart(model)
    found = _artefacts(model, node, parts)
    check_install(parts)
    check_browser(model, node)
    if found is None or not found.start:
        check_fetched(model, parts.install, called(model))
    production = installs_production(parts)
    if found is None or found.modules:
        check_manager(model, node, parts)
        check_start(model, node, production)
        _check_prisma(node, parts, production)
    else:
        check_start(model, node, production=True)  # what the build made carries the modules that it needs
    gain = _gain(model, node, parts, production)
    if parts.builds and root(model) == "/":
        found = in_root(model, node, parts, found)
    if not _keeps_modules(node):
        if not parts.builds:
            raise UnfitError(
                parts.install.instruction,
                f"all packages are for development ({node.origin}): what the app needs of them cannot be told",
            )
        found = replace(found, modules=False) if found is not None else None
    if parts.builds:
        return _with_build(model, node, parts, found, gain)
    return _without_build(model, node, parts, production, gain)


def _keeps_modules(node: Node) -> bool:
    """Whether a package is left without the dev dependencies; else npm makes no ``node_modules`` [tried, npm 10]."""
    return bool(
        node.workspaces or node.dependencies or node.optional_dependencies or node.manifest.texts("peerDependencies")
    )


def _gain(model: Model, node: Node, parts: Parts, production: bool) -> str:
    gains = []
    if parts.builds:
        gains.append("the app is built here")
    tools = packages.idle_tools(model.final, parts.before)
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

    npm and yarn leave folders of node_modules alone whose names begin with a dot, as that of the client does, and
    pnpm those beside a package that it keeps. Installed anew, as pnpm does with workspaces, the client is lost.

    Raises:
        UnfitError: with the reason.
    """
    packages = (node, *node.members)
    users = [fact for each in packages if (fact := each.dependency("prisma") or each.dependency("@prisma/client"))]
    if not users or production:
        return
    at = parts.install.instruction
    if not parts.builds:
        raise UnfitError(at, f"where prisma's client is generated cannot be told ({users[0].origin})")
    among = [place for each in packages for place in prisma.among_modules(each)]
    lost = next((place for place in among if not place.value.startswith("node_modules/.prisma/")), None)
    if lost is None and installs_anew(node, parts) and (among or not any(prisma.has_schema(each) for each in packages)):
        lost = among[0] if among else users[0]
    if lost is not None:
        raise UnfitError(at, f"{parts.call.manager} would take prisma's generated client away ({lost.origin})")


def _artefacts(model: Model, node: Node, parts: Parts) -> Artefacts | None:
    """What the end needs of the build; ``None`` where there is none, or the whole folder goes along."""
    if not parts.builds or node.workspaces or any(shapes(step, parts) for step in parts.after):
        return None
    if any(removes(model, step) for step in parts.after) or not lies_as_in_context(model):
        return None
    found = frameworks.artefacts(model, node) or artefacts(model, node)
    if found is None or (found.modules and is_named(model, "src")):
        return None
    folders = [join(root(model), name) for name in found.built]
    return found if all(any(adds(step, folder, itself=True) for folder in folders) for step in parts.added) else None


def _with_build(model: Model, node: Node, parts: Parts, found: Artefacts | None, gain: str) -> Split:
    production = installs_production(parts)
    members = found is None and _installs_members_apart(model, node, parts, production)
    own_stage = members or (found is not None and found.modules and _installs_apart(node, parts, production))
    whole = production or own_stage or (found is not None and not found.modules)
    modules = join(root(model), "node_modules")
    removed = [path for step in parts.after for path in removes(model, step)]
    lean = production or not (node.dev_dependencies or node.workspaces)
    sheds = removed or parts.inner or packages.idle_tools(model.final, parts.before)
    everything = found is None or found.copied
    gains = not everything or not lean or sheds
    if not gains and model.options.split != "always":
        raise NoGainError("no dev dependency is installed, and the whole app folder would go along")
    whole = whole or modules in removed
    idle = [posixpath.join(folder, "node_modules") for folder in ("", *node.workspaces)] if members else []
    idle += found.idle if found is not None else ()
    names = [spare(model.document, "dependencies")] if own_stage else []
    names.append(early_name(model, "builder"))
    stages = [dependencies(model, node, parts, production, names[0])] if own_stage else []
    stages.append(builder(model, node, parts, names[-1], prunes=not whole, again=own_stage, idle=idle))
    lines = copies(model, parts, found, names)
    what = "the whole app folder" if found is None else "all that the file copies"
    notes = (Note(None, why_whole(model, what)),) if everything else ()
    carried = "leaves behind what serves the build alone" if everything else "carries only what it needs"
    end = final_stage(model, parts, lines, found, built=found is None or not found.copied)
    return _finish(model, parts, stages, end, gain, notes, found, carried)


def _installs_apart(node: Node, parts: Parts, production: bool) -> bool:
    """Whether the production modules can be installed in a stage of their own, without the sources.

    Without a lock file in step that install would choose other versions than the builder's.
    """
    return (
        not production
        and parts.call.manager in {"npm", "bun"}
        and bool(parts.manifests)
        and parts.install not in parts.builds
        and is_locked(node, parts)
        and not node.lifecycle
        and node.patches is None
    )


def _installs_members_apart(model: Model, node: Node, parts: Parts, production: bool) -> bool:
    """Whether pnpm can install the production modules of workspaces from their manifests, in a stage of their own.

    Without that it installs them once more in the built tree, whenever a source has changed.
    """
    packages = (node, *node.members)
    return (
        not production
        and installs_anew(node, parts)
        and bool(parts.manifests)
        and parts.install not in parts.builds
        and parts.builds[-1].after.workdir == root(model)
        and node.lock_in_step is not False
        and not any(each.lifecycle or each.patches is not None or each.manifest.get("bin") for each in packages)
        and not any(each.dependency(name) for each in packages for name in ("prisma", "@prisma/client"))
    )


def _without_build(model: Model, node: Node, parts: Parts, production: bool, gain: str) -> Split:
    script = own_scripts(node)
    if script is not None and not production:
        raise UnfitError(
            parts.install.instruction, f"an install without dev dependencies would still run {script[0]} ({script[1]})"
        )
    name = early_name(model, "dependencies")
    if parts.moved and node.lifecycle and not production:
        raise UnfitError(parts.install.instruction, f"npm would not find the modules in {parts.moved} to prune them")
    modules = parts.moved or join(model.folder, "node_modules")
    copy = New(f"COPY --from={name} {owner_flag(parts)}{modules} {parts.moved or './node_modules'}")
    stage = dependencies(model, node, parts, production, name)
    return _finish(model, parts, [stage], final_stage(model, parts, [copy], None, built=False), gain, ())


def _finish(
    model: Model,
    parts: Parts,
    stages: Sequence[Sequence[Item]],
    end: Sequence[Item],
    gain: str,
    notes: tuple[Note, ...],
    found: Artefacts | None = None,
    carried: str = "carries only what it needs",
) -> Split:
    check_known(model, parts)
    if parts.builds:
        check_added(model, parts)
    kept = {item.instruction.index for stage in (*stages, end) for item in stage if isinstance(item, Keep)}
    dropped = {
        step.instruction.index: "the stages bring what it made"
        for step in model.final.steps
        if step.instruction.index not in kept
    }
    config, settings = model.final.config, variables(model, found)
    decided = None if "NODE_ENV" in settings or "NODE_ENV" in model.final.config.env else node_env_decides(model)
    if decided is not None:
        notes = (*notes, Note(None, f"NODE_ENV stays as it is: the app decides by it ({decided})"))
    tools = list(dict.fromkeys(_tools_of(model, dropped)))
    if tools:
        notes = (*notes, Note(None, f"nothing that a container starts calls {listed(tools)}: left behind"))
    told = "".join(f", and is told {name}={value}" for name, value in settings.items() if name == "NODE_ENV")
    return Split(
        tuple(spaced(model.document, stage) for stage in (*stages, end)),
        f"{gain}; the image that runs {carried}{told}",
        stated(config, env={**config.env, **settings}, cmd=(found and found.start) or config.cmd),
        dropped,
        safety=Safety.REVIEW,
        notes=notes,
    )


def _tools_of(model: Model, dropped: Mapping[int, str]) -> Iterator[str]:
    """The programs that the file installs globally by instructions that no stage keeps."""
    for step in model.final.steps:
        for call in step.invocations if step.instruction.index in dropped else ():
            if purpose(call.command) is Purpose.TOOLS:
                yield from (word.text for word in call.operands)
