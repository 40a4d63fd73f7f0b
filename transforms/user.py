"""``user``: an account of its own runs the app."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dockfix.dockerfile.layout import insert_after, insert_before
from dockfix.facts import Fact
from dockfix.model import Model, Purpose, Role, Step
from dockfix.model.config import join, stated
from dockfix.recipes import accounts, chain, ecosystems, residence
from dockfix.recipes.accounts import Owner
from dockfix.recipes.privileges import (
    SHARED_BASES,
    USER_SITE,
    Obstacle,
    carries_user_site,
    covers,
    low_port,
    obstacles,
)
from dockfix.recipes.programs import final_services, programs
from dockfix.recipes.unprivileged import nginx_obstacle, nginx_run
from dockfix.recipes.writable import JAVASCRIPT, PYTHON, Writable, made_by, outside, system, writable
from dockfix.text import Edit, Span
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

COLUMNS = 120
NEXT_CACHE = ".next/cache"
SETTLING = frozenset({"RUN", "COPY", "ADD", "WORKDIR", "USER"})
ENDING = frozenset({"EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD", "STOPSIGNAL", "VOLUME"})
INITS = frozenset({"dumb-init", "tini"})
OWN = frozenset({"/srv", "/opt", "/home"})
"""Folders of the top that an app may have for itself."""


@transform("user", phase=Phase.USER, safety=Safety.REVIEW)
def user(model: Model) -> Iterator[Result]:
    """Run the app as an account of its own instead of root.

    What it does:
        Makes an account with a fixed number (1001, see `uid`) in the final stage, or takes the one that the file makes
        and never uses. The app's files become its own (`owner = "root"` leaves them root's), and so do the folders
        that the app writes to: those that the sources, scripts, volumes and the file itself name. Where a development
        server writes among its modules, the account installs these itself. A user site of pip moves to the home of the
        account. nginx that listens on a high port runs as its own `nginx`. With Kubernetes manifests that demand it,
        USER is a number.

    Why:
        Who breaks into the app is root in the container otherwise, one bug of the kernel away from the host.

    Refuses when:
        An entrypoint changes owners or users itself; the app, a script or compose calls what needs root (cron, sshd,
        sudo, apt, Docker's socket, devices); packages or data lie under /root; the app writes to a folder of the host
        or of the system; what a RUN leaves behind cannot be told; a port below 1024 meets Kubernetes manifests or
        nginx; the base is unknown. A USER that is set already stays.

    Example:
        See fixtures/user/example.
    """
    stage = model.final
    if stage.config.user.partition(":")[0] not in {"", "0", "root"}:
        return
    base = stage.stage.base
    if stage.image is None:
        yield Refusal(base, f"who would run the app cannot be told: {stage.unresolved}")
        return
    asked = stage.last("USER")
    if asked is not None and not any(s.instruction.keyword == "RUN" for s in stage.steps[stage.steps.index(asked) :]):
        yield Refusal(asked.instruction, "the file itself asks for root at its end")
        return
    if stage.image.user not in {"", "0", "root"}:
        yield Refusal(base, f"the base runs as {stage.image.user}, and the file goes back to root")
        return
    if stage.image.name == "nginx":
        yield from _nginx(model)
        return
    found = writable(model)
    try:
        yield from _app(model, found, _owner(model), _install(model, found))
    except _UnfitError as error:
        yield Refusal(error.obstacle.at, error.obstacle.why)


def _install(model: Model, found: Writable) -> Step | None:
    """The step from which on the account itself installs the app; ``None`` where root does so.

    Raises:
        _UnfitError: the app stays root's.
    """
    among: Obstacle | None = None
    for obstacle in _obstacles(model, found):
        if not obstacle.among_modules:
            raise _UnfitError(obstacle)
        among = among or obstacle
    step = residence.first_step(model) if among is not None else None
    if among is not None and step is None:
        raise _UnfitError(among)
    return step


class _UnfitError(Exception):
    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle.why)
        self.obstacle = obstacle


def _obstacles(model: Model, found: Writable) -> Iterator[Obstacle]:
    """Why the app stays root's, the plainest reason first."""
    base = model.final.stage.base
    image = model.final.image
    assert image is not None
    yield from obstacles(model, found)
    if image.name not in SHARED_BASES | ecosystems.images() or (
        image.name not in {"node", "python"} and not _languages(model)
    ):
        yield Obstacle(
            base, f"what the program of this {image.name} image writes, and what it needs of root, cannot be told"
        )
    if not accounts.can_be_made(image):
        yield Obstacle(base, f"how accounts are made in {image.name}:{image.tag} is unknown")
    for fact in found.folders:
        if "node_modules" in fact.value.split("/"):
            why = f"the app writes to {fact.value} ({fact.origin}), among the modules that root installs"
            yield Obstacle(base, why, among_modules=True)
        elif fact.value != model.folder and system(fact.value):
            yield Obstacle(base, f"the app writes to {fact.value} ({fact.origin}), a folder of the system")
    if found.unknown is not None:
        why = f"{found.unknown.value} ({found.unknown.origin}) cannot be told"
        if model.options.owner == "root":
            yield Obstacle(base, f"{why}, and the app's files are to stay root's")
        if not any(step.instruction.copy is not None and _is_app(model, step) for step in model.final.all_steps):
            yield Obstacle(base, f"{why}: its sources are not in the build context")
        place = outside(model)
        if place is not None and not any(f"{place.value}/".startswith(f"{f.value}/") for f in found.folders):
            yield Obstacle(base, f"{why}, and the sources name {place.value} ({place.origin})")
    whole = _whole(model, found)
    if whole is not None and system(model.folder) and model.folder not in OWN:
        yield Obstacle(base, f"{whole.value} ({whole.origin}) may write to the app's folder, which is {model.folder}")


def _languages(model: Model) -> set[str]:
    names = {program.name for program in programs(model)}
    node = names & (JAVASCRIPT | {"npm", "yarn", "pnpm", "npx"})
    python = {name for name in names if name.startswith("python") or name in PYTHON}
    other = {model.server.language or ""} - {"", "node", "python", "nginx"}
    return other | ({"node"} if node else set()) | ({"python"} if python else set())


def _whole(model: Model, found: Writable) -> Fact[str] | None:
    """The evidence that the app's folder itself is written to."""
    for fact in found.folders:
        if fact.value == model.folder:
            return Fact("the app", fact.origin)
    return found.unknown


# -- who ----------------------------------------------------------------------------------------------------------


def _owner(model: Model) -> Owner:
    """The account to use: one that the file makes, one that it gives files to, one of the image, or a new one.

    Raises:
        _UnfitError: the file has several, or one that cannot be used.
    """
    stage, number = model.final, model.options.uid
    assert stage.image is not None
    named = _named(model)
    made = [owner for owner in accounts.created(stage) if owner.uid != 0]
    wanted = [owner for owner in made if owner.name in named] or made
    if wanted:
        owner = wanted[0]
        at = owner.step.instruction if owner.step is not None else None
        if len({other.name for other in wanted}) > 1:
            raise _UnfitError(
                Obstacle(at, f"which of the accounts {_listed([o.name for o in wanted])} runs the app is not said")
            )
        if not re.fullmatch(r"[a-z_][a-z0-9_-]*", owner.name) or not re.fullmatch(r"[\w-]+", owner.group):
            raise _UnfitError(Obstacle(at, f"the name of the account {owner.name} depends on a variable"))
        return owner
    for name, step in named.items():
        owner_or_none = accounts.brought(stage.image, name)
        if len(named) > 1 or owner_or_none is None:
            raise _UnfitError(
                Obstacle(step.instruction, f"files are given to {name}, but nothing says who runs the app")
            )
        return owner_or_none
    for account in stage.accounts:
        homely = accounts.brought(stage.image, account.name) if account.uid else None
        if homely is not None and covers(homely.home, model.folder):
            return homely
    mounted = any(v.kind == "bind" for s in final_services(model) for v in s.binds_over(model.folder))
    image_account = accounts.brought(stage.image, "node") if stage.image.name == "node" else None
    if image_account is not None and (mounted or number == image_account.uid):
        return image_account
    meant = accounts.brought(stage.image, ecosystems.account(stage.image.name))
    if meant is not None:
        return meant
    taken = [account.name for account in stage.accounts if number in {account.uid, account.gid}]
    if taken:
        raise _UnfitError(Obstacle(stage.stage.base, f"the number {number} belongs to {taken[0]} in this image"))
    name = "nodejs" if stage.image.name == "node" or _languages(model) == {"node"} else "appuser"
    return accounts.made(name, number)


def _named(model: Model) -> dict[str, Step]:
    """Accounts other than root to which the final stage gives files."""
    found: dict[str, Step] = {}
    for step in model.final.all_steps:
        copy = step.instruction.copy
        given = [copy.chown] if copy is not None and copy.chown else []
        for command in step.script.commands if step.script else ():
            if command.name == "chown":
                given += [arg for arg in command.args if not arg.startswith("-")][:1]
        for owner in given:
            name = owner.partition(":")[0].partition(".")[0]
            if name not in {"", "0", "root"}:
                found.setdefault(name, step)
    return found


def _listed(names: Sequence[str]) -> str:
    return " and ".join(dict.fromkeys(names))


# -- what -----------------------------------------------------------------------------------------------------------


@dataclass
class _Edits:
    """The edits in the making, and what they change in the configuration."""

    model: Model
    owner: Owner
    edits: list[Edit]
    env: dict[str, str]

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


def _app(model: Model, found: Writable, owner: Owner, install: Step | None) -> Iterator[Result]:
    """The change for an app in Node or Python, with its notes.

    Args:
        model: the Dockerfile with its app.
        found: what containers write.
        owner: the account.
        install: the step from which on the account does the work itself; ``None`` where root installs the app.
    """
    making = _Edits(model, owner, [], dict(model.final.config.env))
    if owner.new:
        _account(making)
    _user_site(making)
    if model.options.owner == "app":
        _own_copies(making, install)
    folders = _folders(making, found, install)
    value = _user_value(model, owner)
    if install is None:
        built = _next_build(making, found)
        _own_folders(making, [path for path in folders if not built or path != join(model.folder, NEXT_CACHE)])
        _say_user(making, value)
    else:
        _settle(making, install, folders, value)
    config = stated(model.final.config, user=value, env=making.env)
    start = model.start.command or model.final.stage.base
    why = f"the app runs as {owner.name} instead of root"
    if folders:
        why += f", which owns what the app writes: {_evidence(model, folders, found)}"
    yield Change(start, tuple(making.edits), why, Safety.REVIEW, config)
    yield from _notes(model, found, owner, folders)


def _evidence(model: Model, folders: Sequence[str], found: Writable) -> str:
    origins = {fact.value: fact.origin for fact in found.folders}
    parts = []
    for path in folders:
        name = "the app's folder" if path == model.folder else _relative(model, path)
        doubt = found.unknown.origin if found.unknown is not None and path == model.folder else "it is the home"
        parts.append(f"{name} ({origins.get(path, doubt)})")
    return ", ".join(parts)


def _account(making: _Edits) -> None:
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
        making.after(_last_settled(model), run)


def _extensible(model: Model, step: Step) -> bool:
    """Whether commands can be added to the end of a RUN, where no shell comment stands."""
    if step.instruction.dangling or chain.open_end(model.document, step) is None:
        return False
    return step.script is not None and step.script.flat


def _user_site(making: _Edits) -> None:
    """Move pip's user site to the home of the account, with the variables that lead to it."""
    model = making.model
    if not carries_user_site(model):
        return
    place = f"{making.owner.home}/.local"
    variables = [
        (step, assignment)
        for step in model.final.steps
        if step.instruction.keyword == "ENV"
        for assignment in step.instruction.assignments
    ]
    known = any(assignment.key == "PYTHONUSERBASE" for _, assignment in variables)
    for step, assignment in variables:
        if assignment.key not in {"PATH", "PYTHONUSERBASE"} or USER_SITE not in assignment.raw:
            continue
        making.edits.append(Edit(assignment.value_span, assignment.raw.replace(USER_SITE, place)))
        making.env[assignment.key] = model.final.config.env[assignment.key].replace(USER_SITE, place)
        if not known:
            _user_base(making, step, place, assignment.span)
            known = True
    for step in model.final.steps:
        instruction, copy = step.instruction, step.instruction.copy
        if copy is None or copy.from_ is None or copy.destination.rstrip("/") != USER_SITE:
            continue
        word = instruction.words[-1]
        making.edits.append(Edit(word.span, word.text.replace(USER_SITE, place)))
        if not known:
            making.before(step, f"ENV PYTHONUSERBASE={place}")
            making.env["PYTHONUSERBASE"] = place
            known = True


def _user_base(making: _Edits, step: Step, place: str, first: Span) -> None:
    """Name the user site in PYTHONUSERBASE too: with another user than the image's, HOME does not lead there."""
    document = making.model.document
    legacy = "=" not in step.instruction.words[0].text
    making.env["PYTHONUSERBASE"] = place
    if legacy:
        making.edits.append(insert_before(document, step.instruction, f"ENV PYTHONUSERBASE={place}"))
        return
    text = f"PYTHONUSERBASE={place} {document.escape}{document.newline}{document.indent}"
    making.edits.append(Edit(Span(first.start, first.start), text))


def _settle(making: _Edits, install: Step, folders: Sequence[str], value: str) -> None:
    """Give the account the app's folder while that is empty, and let it do the rest."""
    steps, account = making.model.final.steps, making.owner.step
    if account is not None and steps.index(account) >= steps.index(install):
        why = f"the account {making.owner.name} does not exist yet where the app is installed"
        raise _UnfitError(Obstacle(account.instruction, why))
    own = {path for step in steps[steps.index(install) :] for path in made_by(making.model, step)}
    early = [path for path in folders if path not in own or not covers(making.model.folder, path)]
    gap = "\n\n" if making.model.document.spacious else "\n"
    making.before(install, f"{_chown_run(making, early, install.before.workdir)}{gap}USER {value}")


def _own_copies(making: _Edits, install: Step | None) -> None:
    """``--chown`` on what brings the app; all of it where the account installs, since that changes lock files."""
    model, owner = making.model, making.owner
    steps = model.final.steps
    for position, step in enumerate(steps):
        instruction, copy = step.instruction, step.instruction.copy
        if copy is None or copy.chown is not None or not _is_app(model, step):
            continue
        later = steps[position + 1 :]
        read_once = step.role is Role.MANIFESTS and any(Purpose.INSTALL in other.purposes for other in later)
        if install is None and (read_once or _brought_again(model, step, later)):
            continue
        late = owner.step is not None and owner.step in later
        pair = owner.numbers if copy.link or late else owner.pair
        if pair is None:
            raise _UnfitError(
                Obstacle(instruction, f"the account {owner.name} does not exist yet where the app is copied")
            )
        if install is None:
            _check_npm(model, step, later)
        end = instruction.flags[-1].span.end if instruction.flags else instruction.span.start + len(instruction.keyword)
        making.edits.append(Edit(Span(end, end), f" --chown={pair}"))


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
            raise _UnfitError(Obstacle(other.instruction, why))


def _is_app(model: Model, step: Step) -> bool:
    """Whether a COPY brings files of the app, and not of the system."""
    copy = step.instruction.copy
    assert copy is not None
    target = join(step.before.workdir, copy.destination)
    if copy.from_ is not None and target == USER_SITE:
        return True
    folder = model.folder.rstrip("/")
    above = covers(target, folder) and step.role is not Role.MANIFESTS
    return bool(folder) and target != "/" and (above or covers(folder, target))


def _brought_again(model: Model, step: Step, later: Sequence[Step]) -> bool:
    """Whether later COPYs bring the same files to the same places."""
    placed = [p for p in model.final.placements if p.step is step]
    again = [p for p in model.final.placements if p.step in later and p.folder]
    return bool(placed) and all(
        any(not q.source or p.source.startswith(f"{q.source}/") for q in again if p.target.startswith(q.target))
        for p in placed
    )


def _folders(making: _Edits, found: Writable, install: Step | None) -> tuple[str, ...]:
    """The folders to own, in the order in which they are found; the app's own folder first."""
    model, owner = making.model, making.owner
    whole = install is not None or _whole(model, found) is not None
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
        raise _UnfitError(Obstacle(brought[0].step.instruction, why))
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
            raise _UnfitError(Obstacle(model.final.stage.base, why))


def _next_build(making: _Edits, found: Writable) -> bool:
    """Give what ``next build`` makes in the final stage to the account, and say whether there was such a step.

    The server renews pages and images in there; owning it in the RUN that makes it does not double the layer.
    """
    model = making.model
    if join(model.folder, NEXT_CACHE) not in {fact.value for fact in found.folders}:
        return False
    builds = [step for step in model.final.steps if Purpose.BUILD in step.purposes]
    for step in builds[-1:]:
        if not _extensible(model, step):
            raise _UnfitError(Obstacle(step.instruction, "what this RUN builds is root's, and the server writes to it"))
        making.append(step, [f"chown -R {making.owner.pair} .next"])
    return bool(builds)


def _own_folders(making: _Edits, folders: Sequence[str]) -> None:
    """Make the folders and give them away, non-recursively and behind the last COPY, but before their VOLUME."""
    model = making.model
    last = _last_settled(model)
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
    if only_makes and _extensible(model, last) and set(rest) <= set(own):
        names = " ".join(_quoted(model, path, last.before.workdir) for path in rest)
        making.append(last, [f"chown {making.owner.pair} {names}"])
        return
    making.after(last, _chown_run(making, rest, last.after.workdir))


def _chown_run(making: _Edits, folders: Sequence[str], workdir: str) -> str:
    model = making.model
    made = " ".join(_quoted(model, path, workdir) for path in folders if path != model.folder)
    owned = " ".join(_quoted(model, path, workdir) for path in folders)
    if not made:
        return f"RUN chown {making.owner.pair} {owned}"
    line = f"RUN mkdir -p {made} && chown {making.owner.pair} {owned}"
    return line if len(line) <= COLUMNS else line.replace(" && ", " && \\\n    ")


def _quoted(model: Model, path: str, workdir: str) -> str:
    return shlex.quote(_relative(model, path, workdir))


def _relative(model: Model, path: str, workdir: str | None = None) -> str:
    """*path* as it is written from the working directory."""
    folder = (model.folder if workdir is None else workdir).rstrip("/")
    if path == folder:
        return "."
    return path.removeprefix(f"{folder}/") if folder and path.startswith(f"{folder}/") else path


def _last_settled(model: Model) -> Step:
    """The last step that makes or brings files, or else FROM."""
    steps = [step for step in model.final.steps if step.instruction.keyword in SETTLING]
    return steps[-1] if steps else model.final.steps[0]


def _user_value(model: Model, owner: Owner) -> str:
    """The account by its number where Kubernetes must see that it is not root, else by its name."""
    demanded = any(container.run_as_non_root for container in model.app.kubernetes)
    return str(owner.uid) if demanded and owner.uid is not None else owner.name


def _say_user(making: _Edits, value: str) -> None:
    steps = making.model.final.steps
    tail = steps[steps.index(_last_settled(making.model)) + 1 :]
    end = next((step for step in tail if step.instruction.keyword in ENDING), None)
    if end is None:
        making.after(steps[-1], f"USER {value}")
        return
    document = making.model.document
    first = end is tail[0]
    above = document.text[: end.instruction.block.start].rstrip(" \t").removesuffix("\n").removesuffix("\r")
    blank = above.endswith("\n")
    edit = insert_before(document, end.instruction, f"USER {value}", gap=document.spacious and (blank or first))
    if document.spacious and first and not blank:
        edit = Edit(edit.span, document.newline + edit.text)
    making.edits.append(edit)


# -- notes ------------------------------------------------------------------------------------------------------------


def _notes(model: Model, found: Writable, owner: Owner, folders: Sequence[str]) -> Iterator[Note]:
    at = model.start.command or model.final.stage.base
    if found.unknown is not None:
        yield Note(
            at,
            f"{found.unknown.value} cannot be told ({found.unknown.origin}): the app can write to {model.folder}, "
            "see that it writes nowhere else",
        )
    low = low_port(model)
    if low is not None:
        yield Note(at, f"port {low} works without root on Docker 20.10 and newer, not on every other runtime")
    who = owner.numbers or owner.pair
    for service in final_services(model):
        for volume in service.volumes:
            if volume.kind == "named" and join("/", volume.target) in folders:
                yield Note(
                    at,
                    f"the volume {volume.source} ({volume.origin}) stays root's if it exists already; run once: "
                    f"docker compose run --rm --user root --entrypoint chown {service.name} -R {who} {volume.target}",
                    advice=True,
                )
        if service.user is not None:
            yield Note(at, f"service {service.name} sets its own user {service.user} ({service.origin('user')})")


# -- nginx ------------------------------------------------------------------------------------------------------------


def _nginx(model: Model) -> Iterator[Result]:
    """nginx as its own account, where it listens on high ports."""
    obstacle = nginx_obstacle(model)
    if obstacle is not None:
        yield Refusal(obstacle.at, obstacle.why)
        return
    image = model.final.image
    account = next((account for account in image.accounts if account.name == "nginx"), None) if image else None
    if account is None:
        yield Refusal(model.final.stage.base, "this image has no account nginx")
        return
    owner = Owner("nginx", account.group, account.uid, account.gid, account.home or "/", True)
    making = _Edits(model, owner, [], dict(model.final.config.env))
    making.after(_last_settled(model), nginx_run(owner))
    value = _user_value(model, owner)
    _say_user(making, value)
    config = stated(model.final.config, user=value)
    yield Change(
        model.final.stage.base,
        tuple(making.edits),
        "nginx listens on a high port, so that it needs no root: it runs as nginx, which owns its cache and pid file",
        Safety.REVIEW,
        config,
    )
