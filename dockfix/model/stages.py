"""Stages as the model sees them: every instruction with its role, and the configuration before and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from posixpath import basename, dirname, normpath
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.dockerfile import expand, shell
from dockfix.facts.server import Ran
from dockfix.model import config as configs
from dockfix.model.accounts import account_name, option_value
from dockfix.model.commands import Invocation, Purpose, invocation, purposes
from dockfix.model.placements import Placement, placements_of, renames_manifest, sources_of
from dockfix.model.roles import ROLES, Role, copy_role, is_manifest, run_role

if TYPE_CHECKING:
    from dockfix.catalog import Account, Image
    from dockfix.dockerfile import Document, Instruction, Stage
    from dockfix.dockerfile.shell import ShellScript
    from dockfix.facts import App
    from dockfix.facts.files import Files
    from dockfix.model.config import Config


FOLDERS = frozenset(
    {"/", "/bin", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/root", "/run", "/sbin", "/srv", "/tmp", "/usr"}
    | {"/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/lib", "/usr/local/share", "/usr/sbin"}
    | {"/usr/share", "/var", "/var/cache", "/var/lib", "/var/log", "/var/tmp"}
)
"""Folders that every image of a distribution has: https://refspecs.linuxfoundation.org/FHS_3.0/fhs/index.html"""


@dataclass(frozen=True)
class Step:
    """An instruction in its place.

    Attributes:
        instruction: the instruction.
        role: what it is there for; mixed RUNs are unknown, but :attr:`purposes` tells their parts.
        before: the stage's configuration before it.
        after: and after it.
        arguments: build arguments in scope with a known value.
        script: the parsed body of a RUN.
        purposes: what the commands of a RUN are for.
    """

    instruction: Instruction
    role: Role
    before: Config
    after: Config
    arguments: Mapping[str, str]
    script: ShellScript | None = None
    purposes: frozenset[Purpose] = frozenset()

    @cached_property
    def invocations(self) -> tuple[Invocation, ...]:
        """The package managers that a RUN calls, in order."""
        commands = self.script.commands if self.script else ()
        return tuple(called for command in commands if (called := invocation(command)))

    def calls(self, manager: str, *verbs: str) -> tuple[Invocation, ...]:
        """The invocations of one package manager, of any of *verbs* where some are given."""
        return tuple(
            called for called in self.invocations if called.manager == manager and (not verbs or called.verb in verbs)
        )


@dataclass(frozen=True)
class StageModel:
    """A stage with its roles, its image and its effective configuration.

    Attributes:
        stage: the stage in the document.
        parent: the earlier stage that FROM names.
        image: what the catalogue knows of the root image; ``None`` where it knows nothing.
        reference: the root image as written, variables resolved where they can be.
        unresolved: why the image is unknown, for reports; empty where it is known.
        steps: the instructions in order, FROM first.
        placements: what comes from the build context.
        files: the build context.
        folders: absolute paths of folders that are known to exist at the end.
    """

    stage: Stage
    parent: StageModel | None
    image: Image | None
    reference: str
    unresolved: str
    steps: tuple[Step, ...]
    placements: tuple[Placement, ...]
    files: Files
    folders: frozenset[str]

    @property
    def config(self) -> Config:
        """The effective configuration of the stage's image."""
        return self.steps[-1].after

    @property
    def index(self) -> int:
        """The stage's number, from 0."""
        return self.stage.index

    @cached_property
    def lineage(self) -> tuple[StageModel, ...]:
        """The stage and the ones it descends from, itself last."""
        return (*(self.parent.lineage if self.parent else ()), self)

    @cached_property
    def all_steps(self) -> tuple[Step, ...]:
        """The steps of the whole lineage in order."""
        return tuple(step for stage in self.lineage for step in stage.steps)

    @property
    def manager(self) -> str | None:
        """The system's package manager, where the image is known."""
        return self.image.manager if self.image else None

    @property
    def libc(self) -> str | None:
        """``glibc``, ``musl`` or ``none``, where the image is known."""
        return self.image.libc if self.image else None

    def last(self, keyword: str) -> Step | None:
        """The last step with *keyword* in this stage."""
        return next((step for step in reversed(self.steps) if step.instruction.keyword == keyword), None)

    def setting(self, keyword: str) -> Step | None:
        """The last step with *keyword* in this stage or in those that it descends from."""
        return next((step for step in reversed(self.all_steps) if step.instruction.keyword == keyword), None)

    @property
    def starter(self) -> Instruction | None:
        """The CMD, or else the ENTRYPOINT, that this stage sets or takes from an earlier one."""
        step = self.setting("CMD") or self.setting("ENTRYPOINT")
        return step.instruction if step is not None else None

    def having(self, *wanted: Role) -> tuple[Step, ...]:
        """The steps of this stage that have one of the roles."""
        return tuple(step for step in self.steps if step.role in wanted)

    def doing(self, *wanted: Purpose) -> tuple[Step, ...]:
        """The RUN steps of this stage in which some command has one of the purposes."""
        return tuple(step for step in self.steps if step.purposes & set(wanted))

    @cached_property
    def targets(self) -> frozenset[str]:
        """Where the COPY and ADD of the lineage put something: the absolute paths as they name them."""
        copies = [(step.before.workdir, step.instruction.copy) for step in self.all_steps]
        return frozenset(
            normpath(configs.join(folder, copy.destination)) for folder, copy in copies if copy is not None
        )

    @cached_property
    def callers(self) -> Mapping[tuple[str, str], tuple[Step, ...]]:
        """The RUN steps of the lineage by the package manager that they call and the verb that they give it."""
        found: dict[tuple[str, str], dict[int, Step]] = {}
        for step in self.all_steps:
            for called in step.invocations:
                found.setdefault((called.manager, called.verb), {})[step.instruction.index] = step
        return {call: tuple(steps.values()) for call, steps in found.items()}

    @cached_property
    def naming_caches(self) -> tuple[Step, ...]:
        """The steps of this stage that name something in a folder ``.cache``."""
        return tuple(step for step in self.steps if "/.cache" in step.instruction.value)

    @cached_property
    def packages(self) -> tuple[tuple[Step, str], ...]:
        """The system packages installed by name in this stage, each with its step."""
        return tuple(
            (step, operand.text)
            for step in self.steps
            for called in step.invocations
            if called.manager in {"apt", "apk", "dnf"} and called.verb in {"install", "add"}
            for operand in called.operands
        )

    @cached_property
    def created_accounts(self) -> Mapping[str, Step]:
        """Names of the users that this lineage creates, with the step that does."""
        created: dict[str, Step] = {}
        for step in self.all_steps:
            for command in step.script.commands if step.script else ():
                if basename(command.name) in {"useradd", "adduser"} and (name := account_name(command.args)):
                    created[name] = step
        return created

    @cached_property
    def created_groups(self) -> Mapping[str, int | None]:
        """The groups that this lineage creates by a command of their own, with the number where one is given."""
        created: dict[str, int | None] = {}
        for step in self.all_steps:
            for command in step.script.commands if step.script else ():
                if basename(command.name) in {"groupadd", "addgroup"} and (name := account_name(command.args)):
                    number = option_value(command.args, "-g", "--gid")
                    created[name] = int(number) if number is not None and number.isdigit() else None
        return created

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The users that the root image brings."""
        return self.image.accounts if self.image else ()

    def context_path(self, path: str) -> str | None:
        """The path in the build context of a file of the image, by the last COPY that could have brought it.

        Of several folders that are copied to one place the last counts that holds the file, and of these folders
        themselves the last with a manifest.
        """
        found = [each for stage in reversed(self.lineage) for each in sources_of(stage.placements, path)]
        if len(found) < 2:
            return next(iter(found), None)
        held = [each for each in found if self.files.exists(each)]
        leading = (each for each in held if any(map(is_manifest, self.files.list(each))))
        return next(leading, (held or found)[0])

    def source(self, folder: str) -> str | None:
        """The folder of the build context that lands in *folder*; ``None`` where that cannot be told."""
        path = self.context_path(folder)
        if path is not None:
            return path
        # only files were copied into the folder: their common parent is its source
        parents = self._parents.get(folder.rstrip("/"), frozenset())
        return next(iter(parents)) if len(parents) == 1 else None

    @cached_property
    def _parents(self) -> Mapping[str, frozenset[str]]:
        """By folder of the image, the folders of the build context from which this stage copies single files to it."""
        found: dict[str, set[str]] = {}
        for placement in self.placements:
            if not placement.folder:
                found.setdefault(dirname(placement.target).rstrip("/"), set()).add(dirname(placement.source))
        return {folder: frozenset(sources) for folder, sources in found.items()}

    @cached_property
    def ran(self) -> tuple[Ran, ...]:
        """The commands of all RUNs of the lineage, in order."""
        return tuple(self._commands())

    def _commands(self) -> Iterator[Ran]:
        for step in self.all_steps:
            workdir = step.before.workdir
            environment = {**step.arguments, **step.before.env}
            for command in step.script.commands if step.script else ():
                words = tuple(expand(word.text, environment) or word.text for word in command.words)
                if words[:1] == ("cd",) and len(words) == 2 and not command.depth:
                    workdir = configs.join(workdir, words[1])
                    continue
                assigned = {
                    name: value for name, _, value in (word.text.partition("=") for word in command.assignments)
                }
                if words:
                    yield Ran(words, workdir, self.source(workdir), {**environment, **assigned})

    def image_path(self, path: str) -> str | None:
        """Where a file of the build context lies in the image, ``None`` where no COPY brings it."""
        for stage in reversed(self.lineage):
            for placement in reversed(stage.placements):
                if path == placement.source:
                    return placement.target
                if placement.folder and (not placement.source or path.startswith(placement.source + "/")):
                    inner = path[len(placement.source) :].lstrip("/")
                    return configs.join(placement.target, inner) if inner else placement.target
        return None


def model_stages(document: Document, app: App) -> tuple[StageModel, ...]:
    """All stages of *document*, in order."""
    arguments: dict[str, str] = {}
    for instruction in document.global_args:
        for pair in instruction.pairs():
            value = expand(pair[1] or "", arguments, document.escape)
            if pair[1] and value is not None:
                arguments[pair[0]] = value
    models: list[StageModel] = []
    for stage in document.stages:
        parent_stage = document.parent(stage)
        parent = models[parent_stage.index] if parent_stage else None
        models.append(_model_stage(document, app, stage, parent, arguments))
    return tuple(models)


def _model_stage(
    document: Document, app: App, stage: Stage, parent: StageModel | None, global_arguments: Mapping[str, str]
) -> StageModel:
    if parent is not None:
        image, reference, unresolved, config = parent.image, parent.reference, parent.unresolved, parent.config
        folders = set(parent.folders)
        # a CMD that a stage inherits is not one that it sets itself
        config = _inherited(config)
    else:
        image, reference, unresolved = resolve_image(stage, global_arguments, document.escape)
        config = configs.of_image(reference, image)
        folders = {*_above(config.workdir)} | (FOLDERS if reference != "scratch" else frozenset())
    arguments: dict[str, str] = {}
    steps: list[Step] = []
    placements: list[Placement] = []
    for instruction in stage.instructions:
        if instruction.keyword == "ARG":
            for assignment in instruction.assignments:
                known = {**arguments, **config.env}
                default = None if assignment.value is None else expand(assignment.value, known, document.escape)
                value = global_arguments.get(assignment.key) if default is None else default
                if value is not None:
                    arguments[assignment.key] = value
        step = _step(document, instruction, config, dict(arguments))
        placed = placements_of(app, step, folders)
        if step.role is Role.MANIFESTS and any(renames_manifest(placement) for placement in placed):
            step = replace(step, role=Role.SOURCES)
            placed = [replace(placement, step=step) for placement in placed]
        steps.append(step)
        config = step.after
        if instruction.keyword in {"COPY", "ADD"}:
            placements += placed
            folders.update(path for p in placed for path in _above(p.target if p.folder else dirname(p.target)))
        folders.update(_above(config.workdir), _made(step))
    return StageModel(
        stage, parent, image, reference, unresolved, tuple(steps), tuple(placements), app.root, frozenset(folders)
    )


def _above(folder: str) -> Iterator[str]:
    """*folder* and those in which it lies."""
    while folder != "/":
        yield folder
        folder = dirname(folder)
    yield folder


def _made(step: Step) -> Iterator[str]:
    """The folders that the commands of a RUN make for certain."""
    commands = step.script.commands if step.script else ()
    moves = any(command.name == "cd" for command in commands)
    for command in commands:
        if command.name != "mkdir" or command.depth or command.joiner == "||":
            continue
        for word in command.words[1:]:
            if word.static and not word.text.startswith("-") and (word.text.startswith("/") or not moves):
                yield from _above(configs.join(step.before.workdir, word.text))


def resolve_image(stage: Stage, arguments: Mapping[str, str], escape: str) -> tuple[Image | None, str, str]:
    """What the catalogue knows of a stage's base: the image, its reference, and why it is unknown."""
    from dockfix.dockerfile import ImageReference

    written = stage.base.words[0].value if stage.base.words else ""
    text = expand(written, arguments, escape)
    if text is None or not text:
        return None, written, f"the base {written} has a variable that cannot be resolved"
    reference = ImageReference.parse(text)
    if text == "scratch":
        return None, text, "the stage starts from scratch"
    image = catalog.image(reference.catalogued, reference.tag)
    if image is None:
        which = "in the catalogue" if reference.official else "an official image of the catalogue"
        return None, text, f"the base {text} is not {which}"
    return image, text, ""


def _inherited(config: Config) -> Config:
    return replace(config, cmd_set_here=False)


def _step(document: Document, instruction: Instruction, config: Config, arguments: Mapping[str, str]) -> Step:
    after = configs.after(config, instruction, arguments, document.escape)
    keyword = instruction.keyword
    if keyword in {"COPY", "ADD"}:
        return Step(instruction, copy_role(instruction), config, after, arguments)
    if keyword != "RUN":
        return Step(instruction, ROLES.get(keyword, Role.UNKNOWN), config, after, arguments)
    script = shell.script(document, instruction)
    found = purposes(script.commands)
    return Step(instruction, run_role(script, found), config, after, arguments, script, found)
