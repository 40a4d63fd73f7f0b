"""Node services: production modules, build and end in stages of their own."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from posixpath import basename, normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.model import Invocation, Purpose, Role
from dockfix.recipes.packages import install_line, runtime_packages
from dockfix.recipes.split import (
    NoGainError,
    Split,
    UnfitError,
    build_variables,
    check_common,
    env_delta,
    from_line,
    spaced,
    stage_name,
    used,
)
from dockfix.text import Edit
from dockfix.transform import Note, Safety

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.node import Node
    from dockfix.model import Model, Step

DEV_SERVERS = frozenset(
    {"nodemon", "ts-node-dev", "tsnd", "webpack-dev-server", "vite", "ng", "react-scripts", "vue-cli-service"}
)
BUILD_ONLY = (
    "tsconfig*.json",
    "jsconfig.json",
    ".eslint*",
    "eslint.config.*",
    ".prettier*",
    "prettier.config.*",
    "jest.config.*",
    "vitest.config.*",
    ".mocharc*",
    ".nycrc*",
    "babel.config.*",
    ".babelrc*",
    ".swcrc",
    "nest-cli.json",
    "nodemon.json",
    "tsup.config.*",
    "webpack.config.*",
    "rollup.config.*",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock*",
    ".npmrc",
    ".nvmrc",
    ".node-version",
    "README*",
    "LICENSE*",
    "CHANGELOG*",
    "CONTRIBUTING*",
    "*.md",
    ".git*",
    ".docker*",
    "Dockerfile*",
    "*.dockerfile",
    "docker-compose*",
    "compose*.y*ml",
    "Makefile",
    ".editorconfig",
    ".vscode",
    ".idea",
    ".husky",
    ".env.example",
    ".env.sample",
    "test",
    "tests",
    "__tests__",
    "e2e",
    "coverage",
    "node_modules",
    ".travis.yml",
    "commitlint.config.*",
    ".lintstaged*",
    "renovate.json",
)
"""What lies in a Node app's folder for its tools and its authors, and that a server does not read."""


@dataclass(frozen=True)
class Parts:
    """The steps of a Node stage.

    Attributes:
        base: FROM.
        before: everything up to the install, FROM and manifests left out.
        manifests: the manifest copies before the install.
        install: the RUN that installs the dependencies.
        after: everything behind it.
        builds: the build steps among them.
        call: the install command itself.
    """

    base: Step
    before: tuple[Step, ...]
    manifests: tuple[Step, ...]
    install: Step
    after: tuple[Step, ...]
    builds: tuple[Step, ...]
    call: Invocation


def split(model: Model) -> Split | None:
    """The stage taken apart; ``None`` where it is no Node image with a package.json.

    Raises:
        UnfitError: something stands in the way.
        NoGainError: the end would be as large as it is.
    """
    stage = model.final
    if stage.image is None or stage.image.name != "node" or not stage.doing(Purpose.INSTALL):
        return None
    check_common(model)
    node = model.node
    if node is None:
        raise UnfitError(None, f"no package.json of the build context lands in {model.folder}")
    parts = take_apart(model)
    check_manager(model, node, parts)
    production = installs_production(parts)
    check_start(model, node, production)
    gain = _gain(model, node, parts, production)
    if parts.builds:
        return _with_build(model, node, parts, production, gain)
    return _without_build(model, node, parts, production, gain)


def take_apart(model: Model) -> Parts:
    """The parts of the final stage.

    Raises:
        UnfitError: the install is not one plain RUN, or something unknown stands around it.
    """
    steps = model.final.steps
    installs = [step for step in steps if Purpose.INSTALL in step.purposes]
    if len(installs) != 1:
        raise UnfitError(installs[1].instruction, "dependencies are installed in more than one place")
    install = installs[0]
    if install.role is not Role.INSTALL or install.purposes - {Purpose.INSTALL, Purpose.SETTINGS, Purpose.CLEANUP}:
        raise UnfitError(install.instruction, "this RUN does more than install the dependencies")
    at = steps.index(install)
    before, after = steps[1:at], steps[at + 1 :]
    for step in before:
        if step.role is Role.UNKNOWN:
            raise UnfitError(step.instruction, "what this instruction leaves behind for the app cannot be told")
    for step in after:
        if step.role is Role.UNKNOWN and step.instruction.keyword not in {"CMD", "ENTRYPOINT"}:
            raise UnfitError(step.instruction, "what this instruction leaves behind for the app cannot be told")
        if step.role is Role.PACKAGES:
            continue
    calls = [c for c in install.invocations if c.manager in {"npm", "yarn", "pnpm"} and c.verb in INSTALLS]
    if len(calls) != 1 or calls[0].operands:
        raise UnfitError(install.instruction, "the dependencies are not installed by one plain command")
    if install.before.workdir != model.folder:
        raise UnfitError(
            install.instruction, f"the install runs in {install.before.workdir}, the app in {model.folder}"
        )
    if any(command.name == "cd" for command in (install.script.commands if install.script else ())):
        raise UnfitError(install.instruction, "the install changes its folder")
    manifests = tuple(step for step in before if step.role is Role.MANIFESTS)
    builds = tuple(step for step in after if step.role is Role.BUILD)
    return Parts(steps[0], before, manifests, install, after, builds, calls[0])


INSTALLS = frozenset({"", "install", "i", "ci", "clean-install"})


def check_manager(model: Model, node: Node, parts: Parts) -> None:
    """Refuse package managers and installs that the recipes do not know.

    Raises:
        UnfitError: with the reason.
    """
    at = parts.install.instruction
    if node.workspaces:
        raise UnfitError(at, f"the app is a workspace of several packages ({node.origin})")
    if node.manager in {"yarn-berry", "bun"}:
        raise UnfitError(at, f"{node.manager} keeps its modules in a way of its own ({node.origin})")
    if parts.call.has("--ignore-scripts", "--prefix", "--modules-folder", "--cwd"):
        raise UnfitError(at, "the install is told to leave out scripts or to go elsewhere")
    prisma = node.dependency("prisma") or node.dependency("@prisma/client")
    if prisma is not None:
        raise UnfitError(
            at, f"prisma's generated client and engines are bound to the stage they were made in ({prisma.origin})"
        )


def installs_production(parts: Parts) -> bool:
    """Whether the install leaves out dev dependencies already."""
    environment = parts.install.before.env.get("NODE_ENV") == "production"
    flags = any(
        word.text in {"--production", "--only=production", "--only=prod", "--prod", "-P", "--omit=dev"}
        for word in parts.call.options
    )
    omitted = any(first.text == "--omit" and second.text == "dev" for first, second in pairwise(parts.call.options))
    return (environment or flags or omitted) and not parts.call.has("--include")


def check_start(model: Model, node: Node, production: bool) -> None:
    """The start must be known, and must not need what the end leaves out.

    Raises:
        UnfitError: with the reason.
    """
    start = model.start
    at = start.command
    if start.script is not None and start.program is None:
        raise UnfitError(at, "the entrypoint script does not show what it starts")
    if not start.program:
        raise UnfitError(at, f"what starts cannot be told: {start.text or 'there is no CMD'}")
    development = start.names & DEV_SERVERS
    if development:
        raise UnfitError(at, f"the container starts a development tool, {sorted(development)[0]}")
    if production:
        return
    tools = start.resolved.tools if start.resolved else tuple(start.program[:1])
    for tool in tools:
        fact = node.is_dev(tool)
        if fact is not None and fact.value:
            raise UnfitError(at, f"the start command uses {tool}, a dev dependency ({fact.origin})")
    for imported in model.server.imports:
        fact = node.is_dev(imported.value)
        if fact is not None and fact.value:
            raise UnfitError(at, f"the sources import {imported.value}, a dev dependency ({imported.origin})")
    for service in model.services:
        if service.command is not None:
            raise UnfitError(at, f"compose starts something else ({service.origin('command')})")


def _gain(model: Model, node: Node, parts: Parts, production: bool) -> str:
    gains = []
    if parts.builds:
        gains.append("the app is built here")
    tools = [name for _, name in model.final.packages if catalog.is_build_tool(name, model.final.image.distribution)]  # type: ignore[union-attr]
    if tools:
        gains.append(f"{' and '.join(tools[:3])} {'serves' if len(tools) == 1 else 'serve'} the install alone")
    if node.dev_dependencies and not production:
        count = len(node.dev_dependencies)
        gains.append(f"{count} dev {'dependency is' if count == 1 else 'dependencies are'} installed ({node.origin})")
    if not gains and model.options.split != "always":
        raise NoGainError("there is no build step, no build tool and no dev dependency")
    return ", and ".join(gains) or "the modules are installed in a stage of their own"


def _with_build(model: Model, node: Node, parts: Parts, production: bool, gain: str) -> Split:
    artefacts = _artefacts(model, node, parts)
    own_stage = (
        artefacts is not None
        and not production
        and parts.call.manager == "npm"
        and bool(parts.manifests)
        and node.lock_in_step is True
        and not node.lifecycle
        and node.patches is None
    )
    builder = _builder(model, parts, production or own_stage)
    stages: list[tuple[Item, ...]] = []
    if own_stage:
        stages.append(spaced(model.document, _dependencies(model, node, parts, production)))
        stages.append(spaced(model.document, [_rename(item, model, parts) for item in builder]))
    else:
        stages.append(spaced(model.document, builder))
    runtime: list[Item] = []
    if artefacts is not None:
        source = "dependencies" if own_stage else "builder"
        runtime.append(New(f"COPY --from={source} {model.folder}/node_modules ./node_modules"))
        runtime += [New(f"COPY --from=builder {model.folder}/{name} ./{name}") for name in artefacts.built]
        runtime += [New(f"COPY {_context(model, name)} {_destination(model, name)}") for name in artefacts.carried]
    else:
        runtime.append(New(f"COPY --from=builder {model.folder} ./"))
    notes = (artefacts.note,) if artefacts is not None and artefacts.note else ()
    if artefacts is None:
        notes = (Note(None, _why_whole(model, node)),)
    end, dropped = _runtime(model, parts, runtime, built=True)
    return _finish(model, parts, [*stages, spaced(model.document, end)], dropped, gain, notes)


def _without_build(model: Model, node: Node, parts: Parts, production: bool, gain: str) -> Split:
    if node.lifecycle and not production:
        name, fact = next(iter(node.lifecycle.items()))
        raise UnfitError(
            parts.install.instruction, f"an install without dev dependencies would still run {name} ({fact.origin})"
        )
    stages = [spaced(model.document, _dependencies(model, node, parts, production))]
    copy = New(f"COPY --from=dependencies {model.folder}/node_modules ./node_modules")
    end, dropped = _runtime(model, parts, [copy], built=False)
    return _finish(model, parts, [*stages, spaced(model.document, end)], dropped, gain, ())


@dataclass(frozen=True)
class Artefacts:
    """What the end needs of the app's folder.

    Attributes:
        built: what the build makes, carried from the builder.
        carried: files of the context that the server reads.
        note: what a person should know of it.
    """

    built: tuple[str, ...]
    carried: tuple[str, ...]
    note: Note | None = None


def _artefacts(model: Model, node: Node, parts: Parts) -> Artefacts | None:
    """What the end needs, or ``None`` where it cannot be told and the whole folder goes along."""
    entry = model.start.program[1] if model.start.program and len(model.start.program) > 1 else ""
    output = node.build_output.value if node.build_output is not None else None
    if output is None or model.server.reads_unknown is not None or model.server.port is None:
        return None
    output = normpath(output)
    if not normpath(entry).startswith(output + "/") or output.startswith(".."):
        return None
    source = model.source or ""
    reads = {normpath(fact.value).split("/")[0] for fact in model.server.reads}
    carried: list[str] = ["package.json"]
    compiled = {"src"} if not any(normpath(fact.value).startswith("src/") for fact in model.server.reads) else set()
    for name in model.app.root.list(source):
        path = f"{source}/{name}" if source else name
        if name in {output, *compiled} or any(fnmatchcase(name, pattern) for pattern in BUILD_ONLY):
            continue
        if model.app.ignore.ignores(path) or model.final.image_path(path) is None:
            continue
        if name in {normpath(fact.value).split("/")[0] for fact in model.server.writes}:
            continue
        if name not in reads:
            return None
        carried.append(name)
    return Artefacts((output,), tuple(carried))


def _why_whole(model: Model, node: Node) -> str:
    unknown = model.server.reads_unknown
    if unknown is not None:
        return f"the whole app folder goes along: what {unknown.origin} reads cannot be told"
    return "the whole app folder goes along: which of its files the app reads could not be told"


def _destination(model: Model, name: str) -> str:
    """Where a carried file or folder goes: a folder's contents need its name, a file only the place."""
    return f"./{name}" if model.app.root.is_dir(_context(model, name)) else "./"


def _context(model: Model, name: str) -> str:
    source = model.source or ""
    return f"{source}/{name}" if source else name


def _install_edits(parts: Parts, node: Node, model: Model, *, production: bool) -> list[Edit]:
    """The install command of a stage: frozen where the lock fits, without dev dependencies where *production*."""
    call, edits = parts.call, []
    verb = call.verb_word
    if call.manager == "npm" and call.verb in {"install", "i"} and _freezable(model, node, parts):
        edits.append(Edit(verb.span, "ci"))
    if production:
        flag = {"npm": " --omit=dev", "yarn": " --production", "pnpm": " --prod"}[call.manager]
        end = max([verb.span.end, *(word.span.end for word in call.options)])
        edits.append(Edit(type(verb.span)(end, end), flag))
    return edits


def _freezable(model: Model, node: Node, parts: Parts) -> bool:
    """Whether ``npm ci`` installs what ``npm install`` does: the lock is in step, and is in the image by then."""
    if node.lock_in_step is not True or node.lock is None:
        return False
    lock = node.path(node.lock.value)
    copied = [p for p in model.final.placements if p.step in parts.before]
    return not model.app.ignore.ignores(lock) and any(
        p.source == lock or (p.folder and (not p.source or lock.startswith(p.source + "/"))) for p in copied
    )


def _setup(model: Model, parts: Parts, users: Sequence[Step]) -> list[Item]:
    """What a stage that installs repeats of the set-up."""
    items: list[Item] = []
    for step in parts.before:
        keyword = step.instruction.keyword
        if keyword == "ENV" and not build_variables(step, users):
            continue
        if keyword == "ARG":
            names = [assignment.key for assignment in step.instruction.assignments]
            if not any(used(name, [*users, *parts.before]) for name in names) and not parts.builds:
                continue
        if (
            keyword in {"ENV", "ARG", "WORKDIR", "SHELL", "USER"}
            or step.role in {Role.PACKAGES, Role.MANIFESTS}
            or (step.role is Role.SETUP and keyword == "RUN")
            or step.role in {Role.SOURCES, Role.FOLDERS}
        ):
            items.append(Keep(step.instruction))
    return items


def _dependencies(model: Model, node: Node, parts: Parts, production: bool) -> list[Item]:
    base = parts.base.instruction
    edits = _install_edits(parts, node, model, production=not production)
    return [
        stage_name(model.document, base, "dependencies")
        if not model.final.stage.name
        else from_line(base, "dependencies"),
        *_setup(model, parts, [parts.install]),
        Keep(parts.install.instruction, tuple(edits)),
    ]


def _builder(model: Model, parts: Parts, complete: bool) -> list[Item]:
    """The stage that builds; unless *complete*, it drops the dev dependencies at its end."""
    base = parts.base.instruction
    node = model.node
    assert node is not None
    items: list[Item] = [
        stage_name(model.document, base, "builder") if not model.final.stage.name else from_line(base, "builder"),
        *_setup(model, parts, [parts.install, *parts.builds]),
        Keep(parts.install.instruction, tuple(_install_edits(parts, node, model, production=False))),
    ]
    last = parts.after.index(parts.builds[-1])
    for position, step in enumerate(parts.after):
        if _builds(model, step, before=position < last):
            items.append(Keep(step.instruction))
    if not complete:
        items.append(New(PRUNE[parts.call.manager]))
    return items


def _builds(model: Model, step: Step, *, before: bool) -> bool:
    """Whether a step behind the install belongs to the builder; *before*: it precedes the last build step."""
    if step.role is Role.BUILD:
        return True
    if not before:
        return step.role is Role.SOURCES and _inside(model, step)
    if step.instruction.keyword == "RUN":
        return step.role in {Role.FOLDERS, Role.PACKAGES, Role.SETUP}
    return step.role in {Role.SOURCES, Role.MANIFESTS} or step.instruction.keyword in {"ENV", "ARG", "WORKDIR", "SHELL"}


PRUNE = {
    "npm": "RUN npm prune --omit=dev",
    "yarn": "RUN yarn install --production --ignore-scripts --prefer-offline",
    "pnpm": "RUN pnpm prune --prod --ignore-scripts",
}


def _rename(item: Item, model: Model, parts: Parts) -> Item:
    """FROM of the second stage, which needs a name of its own beside the first."""
    if isinstance(item, Keep) and item.instruction is parts.base.instruction:
        return stage_name(model.document, item.instruction, "builder")
    return item


def _inside(model: Model, step: Step) -> bool:
    """Whether everything that a COPY brings lands in the app's folder."""
    placed = [p for p in model.final.placements if p.step is step]
    folder = model.folder.rstrip("/")
    return bool(placed) and all(p.target == folder or p.target.startswith(folder + "/") for p in placed)


def _runtime(model: Model, parts: Parts, copies: Sequence[Item], *, built: bool) -> tuple[list[Item], dict[int, str]]:
    """The stage that runs, and what falls away from it."""
    base = parts.base.instruction
    document = model.document
    items: list[Item] = [stage_name(document, base, "runtime")]
    steps = (*parts.before, *parts.after)
    packages = runtime_packages(model, [step for step in parts.before if Purpose.PACKAGES in step.purposes])
    placed = not packages
    dropped: dict[int, str] = {}
    last_build = max((parts.after.index(step) for step in parts.builds), default=-1)
    copied = False
    before_sources = not built and _modules_ignored(model)
    for step in steps:
        instruction, keyword = step.instruction, step.instruction.keyword
        late = step in parts.after
        if step.role is Role.MANIFESTS or step.role is Role.BUILD:
            if not built and not _whole_copy(model, parts):
                items.append(Keep(instruction))
            continue
        if late and before_sources and not copied and step.role is Role.SOURCES:
            items += copies
            copied = True
        if step.role is Role.PACKAGES and not late:
            if not placed:
                items.append(New(install_line(model.final.manager or "", packages)))
                placed = True
            continue
        if step.role is Role.SETUP and keyword == "RUN":
            if _needed_tools(model, step):
                items.append(Keep(instruction))
            continue
        if step.role is Role.SOURCES and built and _inside(model, step):
            if not copied:
                items += copies
                copied = True
            continue
        if keyword == "ARG" and not any(used(a.key, _end_steps(parts)) for a in instruction.assignments):
            continue
        if keyword == "ENV" and late and parts.builds and parts.after.index(step) < last_build:
            items.append(Keep(instruction))
            continue
        items.append(Keep(instruction))
        if not built and not before_sources and not copied and step.role is Role.SOURCES and late:
            items += copies
            copied = True
    if not copied:
        at = next((i for i, item in enumerate(items) if _is_end(item)), len(items))
        items[at:at] = copies
    node_env = parts.base.after.env.get("NODE_ENV") or model.final.config.env.get("NODE_ENV")
    if node_env is None and _may_set_node_env(model) is None:
        at = 1
        while (
            at < len(items)
            and isinstance(item := items[at], Keep)
            and item.instruction.keyword in {"ARG", "ENV", "LABEL"}
        ):
            at += 1
        items.insert(at, New("ENV NODE_ENV=production"))
    return items, dropped


def _end_steps(parts: Parts) -> list[Step]:
    return [
        s
        for s in (*parts.before, *parts.after)
        if s.instruction.keyword in {"ENV", "LABEL", "USER", "WORKDIR"} or s.role is Role.FOLDERS
    ]


def _is_end(item: Item) -> bool:
    return isinstance(item, Keep) and item.instruction.keyword in {"EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD", "USER"}


def _needed_tools(model: Model, step: Step) -> bool:
    """Whether a tool that this RUN installs globally is called when the container starts."""
    names = {word.text.partition("@")[0] or word.text for called in step.invocations for word in called.operands}
    runners = {basename(word) for word in model.start.words[:1]}
    managers = {"pnpm", "yarn"} & runners if any(c.name == "corepack" for c in step.script.commands) else set()  # type: ignore[union-attr]
    return bool(names & (model.start.names | runners)) or bool(managers)


def _whole_copy(model: Model, parts: Parts) -> bool:
    """Whether a COPY behind the install brings the folder of the manifests again."""
    return any(p.folder and p.source == (model.source or "") for p in model.final.placements if p.step in parts.after)


def _modules_ignored(model: Model) -> bool:
    """Whether a COPY of the sources leaves the modules of the host behind."""
    source = model.source or ""
    return model.app.ignore.ignores(f"{source}/node_modules" if source else "node_modules")


def _may_set_node_env(model: Model) -> str | None:
    """Where the sources or compose decide by NODE_ENV, so that setting it would change the app; ``None`` if nowhere."""
    for service in model.services:
        if "NODE_ENV" in service.environment:
            return str(service.origin("environment"))
    source = model.source or ""
    for path in model.app.root.walk(source, 2000):
        if path.endswith((".js", ".ts", ".mjs", ".cjs", ".mts")) and not _is_test(path):
            data = model.app.root.read(path)
            if data is not None and b"NODE_ENV" in data:
                return model.app.origin(path)
    return None


def _is_test(path: str) -> bool:
    return "/test" in path or ".test." in path or ".spec." in path or path.startswith("test")


def _finish(
    model: Model,
    parts: Parts,
    stages: Sequence[tuple[Item, ...]],
    dropped: dict[int, str],
    gain: str,
    notes: tuple[Note, ...],
) -> Split:
    kept: set[int] = set()
    for stage in stages:
        kept |= {item.instruction.index for item in stage if isinstance(item, Keep)}
    for step in model.final.steps:
        if step.instruction.index not in kept:
            dropped[step.instruction.index] = "the stages bring what it made"
    adds = any(isinstance(item, New) and item.text == "ENV NODE_ENV=production" for item in stages[-1])
    decided = None if adds else _may_set_node_env(model)
    if decided is not None and "NODE_ENV" not in model.final.config.env:
        notes = (*notes, Note(None, f"NODE_ENV stays as it is: the app decides by it ({decided})"))
    return Split(
        tuple(stages),
        f"{gain}, so that the image that runs does not carry it",
        env_delta(model, {"NODE_ENV": "production"} if adds else {}),
        dropped,
        safety=Safety.REVIEW,
        notes=notes,
    )
