"""How a Node image installs its modules, and how a stage of its own would."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from posixpath import normpath
from typing import TYPE_CHECKING

from dockfix.facts import yarn
from dockfix.facts.commands import package_of
from dockfix.facts.jsontext import Json
from dockfix.facts.jsontext import read as read_json
from dockfix.model import Invocation, Purpose, Role
from dockfix.model.commands import purpose
from dockfix.model.config import join
from dockfix.recipes.additions import additions, names_modules
from dockfix.recipes.artefacts import in_context
from dockfix.recipes.manifests import reads_no_sources, workspace_root
from dockfix.recipes.omitted import omits_development
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.dockerfile.shell import ShellCommand
    from dockfix.facts.node import Node
    from dockfix.model import Model, StageModel, Step

MANAGERS = frozenset({"npm", "yarn", "pnpm", "bun"})
INSTALLS = frozenset({"", "install", "i", "ci", "clean-install"})
FROZEN = frozenset({"ci", "clean-install"})
INSTALLING = {Purpose.INSTALL, Purpose.BUILD, Purpose.SETTINGS, Purpose.CLEANUP}
REPEATED = {
    "npm": frozenset({"--legacy-peer-deps", "--force", "-f"}),
    "yarn": frozenset({"--ignore-engines", "--ignore-platform", "--ignore-optional"}),
}
"""Options without which taking modules away is refused where installing them was allowed [tried with npm 8, 10 and 11];
yarn's are of https://classic.yarnpkg.com/en/docs/cli/install."""
LAYING_OUT = ("--shamefully-hoist", "--hoist", "--no-hoist", "--node-linker", "--virtual-store-dir", "--modules-dir")
"""Options by which pnpm lays modules out, and without which it makes the folder anew: https://pnpm.io/settings"""
OLDEST_OMITTING = 15
"""The first Node whose npm knows ``--omit``: https://github.com/npm/cli/blob/latest/CHANGELOG.md (7.0.0)"""


@dataclass(frozen=True)
class Parts:
    """The steps of a Node stage.

    Attributes:
        base: FROM.
        before: everything up to the install, FROM left out.
        manifests: the manifest copies before the install.
        install: the RUN that installs the dependencies.
        after: everything behind it.
        builds: the RUNs that build, perhaps the install itself.
        call: the install command itself.
        inner: folders below the app's, from there, in which a package of its own is installed and built.
        moved: the folder to which the install moves the modules, where Node finds them too; empty where it does not.
        added: the RUNs of *after* that lay files beside what is built.
    """

    base: Step
    before: tuple[Step, ...]
    manifests: tuple[Step, ...]
    install: Step
    after: tuple[Step, ...]
    builds: tuple[Step, ...]
    call: Invocation
    inner: tuple[str, ...] = ()
    moved: str = ""
    added: tuple[Step, ...] = ()


def take_apart(model: Model) -> Parts:
    """The parts of the final stage.

    Raises:
        UnfitError: the install is not one plain RUN, or something unknown stands around it.
    """
    steps = model.final.steps
    inner = {step.instruction.index: folder for step in steps if (folder := _inner(model, step))}
    installs = [s for s in steps if Purpose.INSTALL in s.purposes and s.instruction.index not in inner]
    if len(installs) != 1 or any(index < installs[0].instruction.index for index in inner):
        second = next(step for step in steps if Purpose.INSTALL in step.purposes and step not in installs[:1])
        raise UnfitError(second.instruction, "dependencies are installed in more than one place")
    install = installs[0]
    moved = _moved(model, install)
    others = (purpose(command) for command in install.script.commands if command is not moved) if install.script else ()
    if install.script is None or not install.script.ok or not {*others} <= INSTALLING | {Purpose.NEUTRAL}:
        raise UnfitError(install.instruction, "this RUN does more than install the dependencies")
    at = steps.index(install)
    builds = tuple(step for step in steps[at:] if Purpose.BUILD in step.purposes)
    for step in (*steps[1:at], *steps[at + 1 :]):
        if step.calls("apk", "del") or step.calls("apt", "remove", "purge"):
            raise UnfitError(step.instruction, "packages are taken away again here")
    if moved is not None and builds:
        raise UnfitError(install.instruction, "the modules are moved out of the folder in which the app is built")
    manifests = tuple(step for step in steps[1:at] if step.role is Role.MANIFESTS)
    place = moved.args[-1] if moved is not None else ""
    call, folders = _call(model, install), tuple(dict.fromkeys(inner.values()))
    after = steps[at + 1 :]
    added = additions(after, builds, root(model))
    return Parts(steps[0], steps[1:at], manifests, install, after, builds, call, folders, place, added)


def check_known(model: Model, parts: Parts) -> None:
    """Refuse steps of which it is not known what they leave behind; asked last, as all other reasons tell more.

    Raises:
        UnfitError: with the step.
    """
    steps = model.final.steps
    for step in (*parts.before, *parts.after):
        built = bool(parts.builds) and steps.index(step) > steps.index(parts.builds[-1])
        known = bool(_inner(model, step)) or (built and bool(removes(model, step)))
        known = known or (step in parts.added and bool(parts.builds or not names_modules(step)))
        if step.role is Role.UNKNOWN and not known:
            raise UnfitError(step.instruction, "what this instruction leaves behind for the app cannot be told")


def _inner(model: Model, step: Step) -> str:
    """The folder below the app's in which a RUN installs a package and builds it, as of pages that a server hands out.

    Empty where it does anything else, or where the server or a container may need the modules of that package.
    """
    script = step.script
    if script is None or not script.ok or not script.flat or step.before.workdir != model.folder:
        return ""
    first, rest = script.commands[0], script.commands[1:]
    purposes = [purpose(command) for command in rest if purpose(command) is not Purpose.CLEANUP]
    if first.name != "cd" or len(first.args) != 1 or not first.words[1].static or first.redirects:
        return ""
    if purposes != [Purpose.INSTALL, Purpose.BUILD] or any(command.joiner != "&&" for command in rest):
        return ""
    installs = [called for called in step.invocations if purpose(called.command) is Purpose.INSTALL]
    if any(called.manager not in MANAGERS or called.operands or called.verb not in INSTALLS for called in installs):
        return ""
    folder = normpath(first.args[0])
    source = in_context(model, folder)
    if folder.startswith((".", "/")) or model.app.node_at(source) is None:
        return ""
    told = [*model.start.words, *(service.command or "" for service in model.services)]
    told += [word for call in model.app.calls for word in call.words]
    scripts = model.start.resolved.shell if model.start.resolved is not None else ""
    if any(folder in str(text) for text in (*told, scripts)):
        return ""
    files = model.server_files()
    if not files or any(f"{file}/".startswith(f"{source}/") for file in files):
        return ""
    modules = f"{folder}/node_modules".encode()
    return "" if any(modules in (model.app.root.read(file) or b"") for file in files) else folder


def _moved(model: Model, install: Step) -> ShellCommand | None:
    """The last command of an install, if it moves the modules to a folder in which Node looks for them as well.

    https://nodejs.org/api/modules.html#loading-from-node_modules-folders
    """
    script = install.script
    command = script.commands[-1] if script is not None and script.ok and script.flat and script.commands else None
    if command is None or command.name != "mv" or len(command.args) != 2 or command.joiner != "&&":
        return None
    if command.redirects or not all(word.static for word in command.words):
        return None
    source, target = (join(install.before.workdir, arg) for arg in command.args)
    above = target.removesuffix("node_modules")
    modules = source == join(model.folder, "node_modules") and above.endswith("/") and target == command.args[-1]
    return command if modules and model.folder != above and model.folder.startswith(above) else None


def package(model: Model) -> Node | None:
    """The package whose install brings the modules: where the app is a member of workspaces, the one above it."""
    return model.node and (workspace_root(model, model.node) or model.node)


def root(model: Model) -> str:
    """The folder of the image in which that package lies."""
    node, above = model.node, package(model)
    below = (
        posixpath.relpath(node.folder or ".", above.folder or ".") if node is not None and above is not None else "."
    )
    place = model.folder.rstrip("/")
    return place.removesuffix(f"/{below}") if below != "." else model.folder


def removes(model: Model, step: Step) -> tuple[str, ...]:
    """What of the app's folder a RUN takes away; nothing where it does anything else."""
    found: list[str] = []
    for command in step.script.commands if step.script is not None and step.script.ok and step.script.flat else ():
        words = [word for word in command.words[1:] if not word.text.startswith("-")]
        paths = [join(step.before.workdir, word.text) for word in words if word.static]
        inside = [path for path in paths if path.startswith(f"{root(model).rstrip('/')}/")]
        if command.name != "rm" or len(inside) < len(words):
            return ()
        found += inside
    return tuple(found)


def _call(model: Model, install: Step) -> Invocation:
    """The one command that installs the modules.

    Raises:
        UnfitError: there are several, or it installs something else than package.json says.
    """
    at = install.instruction
    calls = [called for called in install.invocations if purpose(called.command) is Purpose.INSTALL]
    if len(calls) != 1 or calls[0].operands or calls[0].manager not in MANAGERS or calls[0].verb not in INSTALLS:
        raise UnfitError(at, "the dependencies are not installed by one plain command")
    if install.before.workdir != root(model):
        raise UnfitError(at, f"the install runs in {install.before.workdir}, the app in {model.folder}")
    if any(command.name == "cd" for command in (install.script.commands if install.script else ())):
        raise UnfitError(at, "the install changes its folder")
    return calls[0]


def check_install(parts: Parts) -> None:
    """Refuse installs that the recipes do not know.

    Raises:
        UnfitError: with the reason.
    """
    at = parts.install.instruction
    if parts.call.has("--include") and not any(word.text == "--include=dev" for word in parts.call.options):
        raise UnfitError(at, "the install includes groups of dependencies by name")
    if parts.call.has("--ignore-scripts", "--prefix", "--modules-folder", "--cwd", "--no-save"):
        raise UnfitError(at, "the install is told to leave out scripts or to go elsewhere")


def manager_of(node: Node, parts: Parts) -> str:
    """The package manager that installs: yarn of version 1 and later ones, which go by one name, told apart."""
    modern = parts.call.manager == "yarn" and node.manager == "yarn-berry"
    return "yarn-berry" if modern else parts.call.manager


def check_manager(model: Model, node: Node, parts: Parts) -> None:
    """Refuse package managers that cannot be told to take the dev dependencies away again.

    Raises:
        UnfitError: with the reason.
    """
    at, manager = parts.install.instruction, manager_of(node, parts)
    if manager == "yarn-berry":
        _check_berry(model, node, parts)
    if manager == "bun":
        _check_bun(node, parts)
    if manager == "pnpm" and parts.call.has(*LAYING_OUT):
        raise UnfitError(
            at, "pnpm lays the modules out by options of the install, which it is not given when it prunes"
        )
    if not node.workspaces:
        return
    if not parts.builds:
        raise UnfitError(at, f"the modules of several packages lie among their sources ({node.origin})")
    if manager == "npm" and (not node.locked or any(package.dev is None for package in node.locked)):
        raise UnfitError(at, f"which dependencies of the workspaces are for development is not locked ({node.origin})")
    if manager == "pnpm" and parts.call.has("--filter", "-F"):
        raise UnfitError(at, "pnpm installs the modules of some packages alone")
    if manager == "pnpm" and (node.lock is None or node.lock_in_step is False):
        raise UnfitError(at, f"pnpm would choose the modules of several packages anew: no lock fits ({node.origin})")


def _check_bun(node: Node, parts: Parts) -> None:
    """Refuse what bun would not install again for production: it prunes nothing.

    Raises:
        UnfitError: with the reason.
    """
    at = parts.install.instruction
    if node.workspaces:
        raise UnfitError(at, f"bun keeps the modules of several packages ({node.origin})")
    for name, script in node.lifecycle.items():
        raise UnfitError(at, f"bun would run {name} again without dev dependencies ({script.origin})")
    settings = read_json(node.files, node.path("tsconfig.json"), node.prefix, comments=True)
    base = settings.text("extends") if isinstance(settings, Json) else None
    if base is not None and (fact := node.is_dev(package_of(base.value))) is not None and fact.value:
        raise UnfitError(at, f"bun reads {base.value} when it starts, of a dev dependency ({base.origin})")


def _check_berry(model: Model, node: Node, parts: Parts) -> None:
    """Refuse a later yarn that makes no ``node_modules``, or that cannot install it again for production.

    Raises:
        UnfitError: with the reason.
    """
    at, layout = parts.install.instruction, yarn.linker(node)
    if layout.value != "node-modules":
        why = f"yarn makes no node_modules: its {layout.value} linker finds the packages for node ({layout.origin})"
        raise UnfitError(at, why)
    commands = [command for step in model.final.steps for command in (step.script.commands if step.script else ())]
    chosen = any(command.name == "corepack" or command.args[:2] == ("set", "version") for command in commands)
    if not chosen and not yarn.brings_itself(node):
        raise UnfitError(at, f"which yarn runs cannot be told: nothing calls corepack ({node.origin})")
    if not yarn.focuses(node):
        raise UnfitError(at, f"this yarn has no command that installs for production alone ({node.origin})")
    for package in (node, *node.members):
        script = next((name for name in ("preinstall", "install", "postinstall") if name in package.scripts), None)
        if script is not None:
            why = f"yarn would run {script} again without dev dependencies ({package.scripts[script].origin})"
            raise UnfitError(at, why)


def installs_production(parts: Parts) -> bool:
    """Whether the install leaves out dev dependencies already."""
    return omits_development(parts.install, parts.call)


def install_edits(model: Model, node: Node, parts: Parts, *, production: bool) -> tuple[Edit, ...]:
    """The install command of a stage: frozen where the lock fits, without dev dependencies where *production*."""
    verb, edits = parts.call.verb_word, []
    if parts.call.manager == "npm" and parts.call.verb in {"install", "i"} and _freezable(model, node, parts):
        edits.append(Edit(verb.span, "ci"))
    if production:
        omit = omission(model.final, parts.call.manager)
        included = next((word for word in parts.call.options if word.text == "--include=dev"), None)
        end = max([verb.span.end, *(word.span.end for word in parts.call.options)])
        edits.append(Edit(included.span, omit) if included is not None else Edit(Span(end, end), f" {omit}"))
    return tuple(edits)


def omission(stage: StageModel, manager: str) -> str:
    """The option that leaves out dev dependencies."""
    if manager == "npm":
        return "--omit=dev" if knows_omit(stage) else "--production"
    return {"yarn": "--production", "pnpm": "--prod", "bun": "--production"}[manager]


def knows_omit(stage: StageModel) -> bool:
    """Whether the image's npm is 7 or newer, and so knows ``--omit`` and the lock files of today."""
    major = re.match(r"\d+", stage.image.version if stage.image is not None else "")
    return major is None or int(major[0]) >= OLDEST_OMITTING


def installs_anew(node: Node, parts: Parts) -> bool:
    """Whether the modules are installed once more, from the store that a mount may hold, to take some of them away."""
    return parts.call.manager == "pnpm" and bool(node.workspaces)


def prune(model: Model, node: Node, parts: Parts) -> str:
    """The command that takes the dev dependencies away again.

    pnpm would run ``prepare`` once more, and yarn every script: https://github.com/pnpm/pnpm/issues/3277. pnpm prunes
    no workspaces (https://pnpm.io/cli/prune): it installs them anew from its store, without asking where CI is set, and
    would else keep what it no longer links for a week (https://pnpm.io/settings#modulescachemaxage).
    """
    manager = manager_of(node, parts)
    if installs_anew(node, parts):
        return "CI=true pnpm install --prod --frozen-lockfile --ignore-scripts --config.modules-cache-max-age=0"
    repeated = "".join(f" {word.text}" for word in parts.call.options if word.text in REPEATED.get(manager, ()))
    return {
        "npm": f"npm prune {omission(model.final, 'npm')}{repeated}",
        "yarn": f"yarn install --production --ignore-scripts --prefer-offline{repeated}",
        "yarn-berry": f"yarn workspaces focus {'--all ' if node.workspaces else ''}--production",
        "pnpm": "pnpm prune --prod --ignore-scripts",
        "bun": "rm -rf node_modules && bun install --production --frozen-lockfile",
    }[manager]


def is_locked(node: Node, parts: Parts) -> bool:
    """Whether an install takes exactly what the lock has, and another beside it the same."""
    if node.lock_in_step is not True or parts.call.manager != "npm" or parts.call.verb in FROZEN:
        return node.lock_in_step is True
    unasked = parts.call.has("--no-package-lock", "--package-lock", "--no-shrinkwrap", "--shrinkwrap")
    environment = {name.lower(): value for name, value in parts.install.before.env.items()}
    lenient = parts.call.has("--legacy-peer-deps") or environment.get("npm_config_legacy_peer_deps") == "true"
    return not unasked and node.lock_gap(peers=not lenient) is None


def _freezable(model: Model, node: Node, parts: Parts) -> bool:
    """Whether ``npm ci`` installs what ``npm install`` does: the lock fits, and is in the image by then.

    Not where a mount lies over ``node_modules``, which ``npm ci`` takes away first.
    """
    if node.lock is None or not knows_omit(model.final) or not is_locked(node, parts):
        return False
    if any("node_modules" in flag.span.of(model.document.text) for flag in parts.install.instruction.flags):
        return False
    lock = node.path(node.lock.value)
    copied = [p for p in model.final.placements if p.step in parts.before]
    return not model.app.ignore.ignores(lock) and any(
        p.source == lock or (p.folder and (not p.source or lock.startswith(f"{p.source}/"))) for p in copied
    )


def own_scripts(node: Node) -> tuple[str, str] | None:
    """A script of package.json that an install runs and that may leave something behind, with its origin."""
    for name, fact in node.lifecycle.items():
        if not reads_no_sources(fact.value):
            return name, fact.origin
    return None
