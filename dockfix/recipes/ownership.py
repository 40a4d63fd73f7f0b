"""An account in a Dockerfile: made, given the app's files and the folders that are written to, and named in USER."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dockfix.dockerfile.habits import insert_after, insert_before
from dockfix.facts import Fact
from dockfix.model import Purpose, Role
from dockfix.model.config import covers, join
from dockfix.recipes import accounts, chain, usersite
from dockfix.recipes.bystanders import SETTLING, bystanders
from dockfix.recipes.folders import made_by, next_caches, next_output, system
from dockfix.recipes.obstacle import Obstacle, ObstacleError
from dockfix.recipes.usersite import USER_SITE
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.model import Model, Step
    from dockfix.recipes.accounts import Owner
    from dockfix.recipes.writable import Writable

COLUMNS = 120
ENDING = frozenset({"EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD", "STOPSIGNAL", "VOLUME"})
INITS = frozenset({"dumb-init", "tini"})


@dataclass
class Ownership:
    """The edits in the making, and what they change in the configuration.

    Attributes:
        model: the Dockerfile with its app.
        owner: the account.
        edits: what changes in the file.
        env: the variables at the end.
        copies: the COPYs that now bring what they bring as the account's.
        folders: what the account comes to own beside the copies.
        value: what USER says.
    """

    model: Model
    owner: Owner
    edits: list[Edit] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    copies: list[Step] = field(default_factory=list)
    folders: tuple[str, ...] = ()
    value: str = ""

    def append(self, step: Step, commands: Sequence[str]) -> None:
        """Add *commands* behind the last one of a RUN, one a line."""
        self.edits.append(chain.appended(self.model.document, step, commands))

    def after(self, step: Step, text: str) -> None:
        """Put an instruction below a step."""
        document = self.model.document
        self.edits.append(insert_after(document, step.instruction, text, gap=document.spacious))

    def before(self, step: Step, text: str) -> None:
        """Put an instruction above a step and its comments."""
        document = self.model.document
        self.edits.append(insert_before(document, step.instruction, text, gap=document.spacious))


def own(model: Model, found: Writable, owner: Owner, install: Step | None) -> Ownership:
    """The app as *owner*'s.

    Args:
        model: the Dockerfile with its app.
        found: what containers write.
        owner: the account.
        install: the step from which on the account does the work itself; ``None`` where root installs the app.

    Raises:
        ObstacleError: something would stay root's that the app needs.
    """
    making = Ownership(model, owner, env=dict(model.final.config.env), value=user_value(model, owner))
    if owner.new:
        _account(making)
    usersite.move(making)
    if model.options.owner == "app" and can_run(model):
        _own_copies(making, install)
    making.folders = _folders(making, found, install)
    if install is not None:
        _settle(making, install)
        return making
    built = _next_build(making, found)
    _own_folders(making, [path for path in making.folders if not built or path not in next_caches(model)])
    say_user(making)
    return making


def can_run(model: Model) -> bool:
    """Whether a RUN can make folders in the final stage. Where none can, the app is known to write nothing."""
    image = model.final.image
    return image is not None and accounts.can_be_made(image)


def _account(making: Ownership) -> None:
    """Make the account: with the init in one RUN, else behind the packages and before the app."""
    model, steps = making.model, making.model.final.steps
    image = model.final.image
    assert image is not None
    commands = accounts.commands(image.distribution, making.owner.name, model.options.uid)
    run = "RUN " + " && \\\n    ".join(commands)
    copies = [i for i, step in enumerate(steps) if step.instruction.keyword in {"COPY", "ADD", "VOLUME"}]
    early = steps[: copies[0]] if copies else steps
    packages = [step for step in early if step.role is Role.PACKAGES]
    for step in packages:
        installed = {word.text for called in step.invocations for word in called.operands}
        if installed & INITS and _extensible(model, step) and step is packages[-1]:
            making.append(step, commands)
            return
    if packages:
        making.after(packages[-1], run)
        return
    places = [step for step in steps if step.instruction.keyword in {"WORKDIR", "COPY", "ADD", "VOLUME"}]
    if places:
        making.before(places[0], run)
    else:
        making.after(last_settled(model), run)


def _extensible(model: Model, step: Step) -> bool:
    """Whether commands can be added to the end of a RUN, where no shell comment stands."""
    if step.instruction.dangling or chain.open_end(model.document, step) is None:
        return False
    return step.script is not None and step.script.flat


def _settle(making: Ownership, install: Step) -> None:
    """Give the account the app's folder while that is empty, and let it do the rest."""
    steps, account = making.model.final.steps, making.owner.step
    if account is not None and steps.index(account) >= steps.index(install):
        why = f"the account {making.owner.name} does not exist yet where the app is installed"
        raise ObstacleError(Obstacle(account.instruction, why))
    own = {path for step in steps[steps.index(install) :] for path in made_by(making.model, step)}
    early = [path for path in making.folders if path not in own or not covers(making.model.folder, path)]
    gap = "\n\n" if making.model.document.spacious else "\n"
    making.before(install, f"{_chown_run(making, early, install.before.workdir)}{gap}USER {making.value}")


def _own_copies(making: Ownership, install: Step | None) -> None:
    """``--chown`` on what brings the app; all of it where the account installs, since that changes lock files."""
    model, owner = making.model, making.owner
    steps = model.final.steps
    for position, step in enumerate(steps):
        instruction, copy = step.instruction, step.instruction.copy
        if copy is None or copy.chown is not None or not is_app(model, step):
            continue
        later = steps[position + 1 :]
        read_once = step.role is Role.MANIFESTS and any(Purpose.INSTALL in other.purposes for other in later)
        if install is None and (read_once or _brought_again(model, step, later)):
            continue
        late = owner.step is not None and owner.step in later
        pair = owner.numbers if copy.link or late else owner.pair
        if pair is None:
            raise ObstacleError(
                Obstacle(instruction, f"the account {owner.name} does not exist yet where the app is copied")
            )
        if install is None:
            _check_npm(model, step, later)
        end = instruction.flags[-1].span.end if instruction.flags else instruction.span.start + len(instruction.keyword)
        making.edits.append(Edit(Span(end, end), f" --chown={pair}"))
        making.copies.append(step)


def _check_npm(model: Model, step: Step, later: Sequence[Step]) -> None:
    """Before version 9, npm runs scripts as the owner of the folder, and that one cannot use root's caches.

    https://github.com/npm/cli/blob/v9.0.0/CHANGELOG.md
    """
    image, copy = model.final.image, step.instruction.copy
    assert image is not None and copy is not None
    major = re.match(r"\d+", image.version)
    if image.name != "node" or major is None or int(major[0]) > 17:
        return
    target = join(step.before.workdir, copy.destination)
    if covers(target, step.before.workdir):
        return  # WORKDIR has made the folder, as root's
    for other in later:
        if covers(target, other.before.workdir) and other.calls("npm"):
            why = f"npm of node {major[0]} would run scripts as the owner of {target}"
            raise ObstacleError(Obstacle(other.instruction, why))


def is_app(model: Model, step: Step) -> bool:
    """Whether a COPY brings files of the app, and not of the system."""
    copy = step.instruction.copy
    assert copy is not None
    target = join(step.before.workdir, copy.destination)
    if copy.from_ is not None and target == USER_SITE:
        return True
    folder = model.folder.rstrip("/")
    if not folder:
        placed = [p for p in model.final.placements if p.step is step]
        return bool(placed) and all(p.folder and p.target != "/" and not system(p.target) for p in placed)
    above = covers(target, folder) and step.role is not Role.MANIFESTS
    return target != "/" and (above or covers(folder, target))


def beside_copies(model: Model, found: Writable) -> Fact[str] | None:
    """A folder that is written to, in none of those that a COPY brings as the app's."""
    copied = [p.target for p in model.final.placements if is_app(model, p.step)]
    return next((fact for fact in found.folders if not any(covers(target, fact.value) for target in copied)), None)


def _brought_again(model: Model, step: Step, later: Sequence[Step]) -> bool:
    """Whether later COPYs bring the same files to the same places."""
    placed = [p for p in model.final.placements if p.step is step]
    again = [p for p in model.final.placements if p.step in later and p.folder]
    return bool(placed) and all(
        any(not q.source or p.source.startswith(f"{q.source}/") for q in again if p.target.startswith(q.target))
        for p in placed
    )


def _folders(making: Ownership, found: Writable, install: Step | None) -> tuple[str, ...]:
    """The folders to own, in the order in which they are found; the app's own folder first."""
    model, owner = making.model, making.owner
    whole = install is not None or whole_folder(model, found) is not None
    kept = {fact.value for fact in found.mounts}
    kept |= {path for step in model.final.all_steps for path in made_by(model, step)}
    wanted = [model.folder] if whole else []
    for fact in found.folders:
        inside = fact.value.startswith(f"{model.folder.rstrip('/')}/")
        if not (whole and inside and model.options.owner == "app" and fact.value not in kept):
            wanted.append(fact.value)
    if not owner.has_home:
        wanted.append(owner.home)
    brought = [p for stage in model.final.lineage[:-1] for p in stage.placements if covers(model.folder, p.target)]
    if brought and whole:
        why = "the app may write to its files, and another stage brings them as root's"
        raise ObstacleError(Obstacle(brought[0].step.instruction, why))
    if model.options.owner == "root" or brought:
        _check_contents(model, wanted)
    return tuple(dict.fromkeys(wanted))


def _check_contents(model: Model, folders: Sequence[str]) -> None:
    """Files that the context brings into a writable folder would stay root's."""
    for folder in folders:
        path = model.final.context_path(folder)
        if path is None or folder == model.folder:
            continue
        names = [name for name in model.app.root.list(path) if name not in {".gitkeep", ".gitignore", ".keep"}]
        if names:
            why = f"{model.app.origin(path)} holds files that would stay root's, and the app writes there"
            raise ObstacleError(Obstacle(model.final.stage.base, why))


def _next_build(making: Ownership, found: Writable) -> bool:
    """Give what ``next build`` makes in the final stage to the account, and say whether there was such a step.

    The server renews pages and images in there; owning it in the RUN that makes it does not double the layer.
    """
    model = making.model
    if not any(fact.value in next_caches(model) for fact in found.folders):
        return False
    builds = [step for step in model.final.steps if Purpose.BUILD in step.purposes]
    for step in builds[-1:]:
        if not _extensible(model, step):
            raise ObstacleError(
                Obstacle(step.instruction, "what this RUN builds is root's, and the server writes to it")
            )
        making.append(step, [f"chown -R {making.owner.pair} {shlex.quote(next_output(model))}"])
    return bool(builds)


def _own_folders(making: Ownership, folders: Sequence[str]) -> None:
    """Make the folders and give them away, non-recursively and before their VOLUME.

    They stand above the last COPYs where these have nothing to do with them, so that an edit of the sources does not
    make them again, and else behind the last one, which may bring them as root's.
    """
    model = making.model
    last = last_settled(model)
    steps = model.final.steps
    rest = list(folders)
    for step in steps[: steps.index(last)]:
        if step.instruction.keyword != "VOLUME":
            continue
        paths = step.instruction.json or tuple(word.value for word in step.instruction.words)
        early = [path for path in rest if path in {join("/", other) for other in paths}]
        if early:
            making.before(step, _chown_run(making, early, step.before.workdir))
            rest = [path for path in rest if path not in early]
    if not rest:
        return
    own = tuple(made_by(model, last))
    only_makes = last.script is not None and all(command.name == "mkdir" for command in last.script.commands)
    if only_makes and _extensible(model, last) and set(rest) <= {*own, model.folder}:
        names = " ".join(_quoted(model, path, last.before.workdir) for path in rest)
        making.append(last, [f"chown {making.owner.pair} {names}"])
        return
    placed = (step for step in steps if step.instruction.keyword in {"WORKDIR", "COPY", "ADD"})
    first = next(placed, None)
    # above the first of all the account may be made, which has to be there before its folders
    copies = [step for step in bystanders(model, rest, making.copies) if step is not first]
    if copies:
        making.before(copies[0], _chown_run(making, rest, copies[0].before.workdir))
    else:
        making.after(last, _chown_run(making, rest, last.after.workdir))


def _chown_run(making: Ownership, folders: Sequence[str], workdir: str) -> str:
    model = making.model
    above = {path for path in folders if any(covers(path, other) for other in folders if other != path)}
    made = " ".join(_quoted(model, path, workdir) for path in folders if path not in {model.folder, *above})
    owned = " ".join(_quoted(model, path, workdir) for path in folders)
    if not made:
        return f"RUN chown {making.owner.pair} {owned}"
    line = f"RUN mkdir -p {made} && chown {making.owner.pair} {owned}"
    return line if len(line) <= COLUMNS else line.replace(" && ", " && \\\n    ")


def _quoted(model: Model, path: str, workdir: str) -> str:
    return shlex.quote(relative(model, path, workdir))


def relative(model: Model, path: str, workdir: str | None = None) -> str:
    """*path* as it is written from the working directory."""
    folder = (model.folder if workdir is None else workdir).rstrip("/")
    if path == folder:
        return "."
    return path.removeprefix(f"{folder}/") if folder and path.startswith(f"{folder}/") else path


def last_settled(model: Model) -> Step:
    """The last step that makes or brings files, or else FROM."""
    steps = [step for step in model.final.steps if step.instruction.keyword in SETTLING]
    return steps[-1] if steps else model.final.steps[0]


def user_value(model: Model, owner: Owner) -> str:
    """The account by its number where Kubernetes must see that it is not root, else by its name."""
    if owner.name.isdigit():
        return owner.pair
    demanded = any(container.run_as_non_root for container in model.app.kubernetes)
    return str(owner.uid) if demanded and owner.uid is not None else owner.name


def say_user(making: Ownership) -> None:
    """Put USER below what makes or brings files, above what tells how a container runs."""
    steps = making.model.final.steps
    tail = steps[steps.index(last_settled(making.model)) + 1 :]
    end = next((step for step in tail if step.instruction.keyword in ENDING), None)
    if end is None:
        making.after(steps[-1], f"USER {making.value}")
        return
    document = making.model.document
    first = end is tail[0]
    above = document.text[: end.instruction.block.start].rstrip(" \t").removesuffix("\n").removesuffix("\r")
    blank = above.endswith("\n")
    edit = insert_before(document, end.instruction, f"USER {making.value}", gap=document.spacious and (blank or first))
    if document.spacious and first and not blank:
        edit = Edit(edit.span, document.newline + edit.text)
    making.edits.append(edit)


def whole_folder(model: Model, found: Writable) -> Fact[str] | None:
    """The evidence that the app's folder itself is written to."""
    for fact in found.folders:
        if fact.value == model.folder:
            return Fact("the app", fact.origin)
    return found.unknown
