"""``user``: an account of its own runs the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dockfix.model import Model, Step
from dockfix.model.commands import Purpose
from dockfix.model.config import covers, join, stated
from dockfix.recipes import accounts, ecosystems, residence
from dockfix.recipes.accounts import SCRATCH, Owner
from dockfix.recipes.bystanders import bystanders
from dockfix.recipes.folders import system
from dockfix.recipes.grants import low_port
from dockfix.recipes.obstacle import Obstacle, ObstacleError
from dockfix.recipes.owner import chosen
from dockfix.recipes.ownership import (
    Ownership,
    beside_copies,
    can_run,
    is_app,
    last_settled,
    own,
    relative,
    say_user,
    user_value,
    whole_folder,
)
from dockfix.recipes.privileges import SHARED_BASES, obstacles
from dockfix.recipes.programs import final_services
from dockfix.recipes.writable import Writable, languages, outside, writable
from dockfix.transform import Change, Note, Phase, Refusal, Result, Safety, transform

OWN = frozenset({"/srv", "/opt", "/home"})
"""Folders of the top that an app may have for itself."""

MOUNTED = ("/mnt/", "/media/")
"""Where the system mounts what is not its own: https://refspecs.linuxfoundation.org/FHS_3.0/fhs/index.html"""


@transform("user", phase=Phase.USER, safety=Safety.REVIEW)
def user(model: Model) -> Iterator[Result]:
    """Run the app as an account of its own instead of root.

    What it does:
        Makes an account with a fixed number (1001, see `uid`) in the final stage, or takes the one that the file makes
        and never uses. On `scratch` the number 65532 runs the app, as it does on distroless. The app's files become
        its own (`owner = "root"` leaves them root's), and so do the folders that the app writes to: those that the
        sources, scripts, volumes, `develop.watch` of compose and the file itself name, and those of known packages
        that write by themselves. Where a development server writes among its modules, the account installs these
        itself. A user site of pip moves to the home of the account. nginx that listens on a high port runs as its own
        `nginx`. With Kubernetes manifests that demand it, USER is a number.

    Why:
        Who breaks into the app is root in the container otherwise, one bug of the kernel away from the host.

    Refuses when:
        An entrypoint changes owners or users itself; the app, a script or compose calls what needs root (cron, sshd,
        sudo, apt, Docker's socket, raw sockets); compose gives it devices, compose or Kubernetes capabilities;
        packages or data lie under /root; the app writes to a folder of the host, of the system or of /mnt;
        what a RUN leaves behind cannot be told; a port below 1024 meets Kubernetes manifests or nginx; the base is
        unknown. A USER that is set already stays.

    Example:
        See fixtures/user/example.
    """
    stage = model.final
    if stage.config.user.partition(":")[0] not in {"", "0", "root"}:
        return
    base = stage.stage.base
    if stage.image is None and stage.reference != SCRATCH:
        yield Refusal(base, f"who would run the app cannot be told: {stage.unresolved}")
        return
    asked = stage.last("USER")
    if asked is not None and not any(s.instruction.keyword == "RUN" for s in stage.steps[stage.steps.index(asked) :]):
        yield Refusal(asked.instruction, "the file itself asks for root at its end")
        return
    if stage.image is not None and stage.image.user not in {"", "0", "root"}:
        yield Refusal(base, f"the base runs as {stage.image.user}, and the file goes back to root")
        return
    if stage.image is not None and stage.image.name == "nginx":
        yield from _nginx(model)
        return
    found = writable(model)
    try:
        install = _install(model, found)
        yield from _app(model, found, chosen(model), install)
    except ObstacleError as error:
        yield Refusal(error.obstacle.at, error.obstacle.why)


def _install(model: Model, found: Writable) -> Step | None:
    """The step from which on the account itself installs the app; ``None`` where root does so.

    Raises:
        ObstacleError: the app stays root's.
    """
    among: Obstacle | None = None
    for obstacle in _obstacles(model, found):
        if not obstacle.among_modules:
            raise ObstacleError(obstacle)
        among = among or obstacle
    step = residence.first_step(model) if among is not None else None
    if among is not None and step is None:
        raise ObstacleError(among)
    return step


def _obstacles(model: Model, found: Writable) -> Iterator[Obstacle]:
    """Why the app stays root's, the plainest reason first."""
    base = model.final.stage.base
    image = model.final.image
    name = image.name if image is not None else SCRATCH
    yield from obstacles(model, found)
    if name not in SHARED_BASES | ecosystems.images() | {SCRATCH} or (
        name not in {"node", "python"} and not languages(model)
    ):
        yield Obstacle(base, f"what the program of this {name} image writes, and what it needs of root, cannot be told")
    if not can_run(model):
        yield from _without_shell(model, found)
    for fact in found.folders:
        if "node_modules" in fact.value.split("/"):
            why = f"the app writes to {fact.value} ({fact.origin}), among the modules that root installs"
            yield Obstacle(base, why, among_modules=True)
        elif fact.value != model.folder and system(fact.value):
            yield Obstacle(base, f"the app writes to {fact.value} ({fact.origin}), a folder of the system")
        elif fact.value.startswith(MOUNTED) and fact not in found.mounts and not covers(model.folder, fact.value):
            why = f"the app writes to {fact.value} ({fact.origin}), where a folder of the host's is to be expected"
            yield Obstacle(base, why)
    if found.unknown is not None:
        why = f"{found.unknown.value} ({found.unknown.origin}) cannot be told"
        if model.options.owner == "root":
            yield Obstacle(base, f"{why}, and the app's files are to stay root's")
        copies = [step for step in model.final.all_steps if step.instruction.copy is not None]
        if not any(is_app(model, step) for step in copies):
            in_root = bool(copies) and model.folder == "/"
            none = "no COPY of this stage brings the app as files that it could own"
            yield Obstacle(base, f"{why}, and {'the app lies in /, which no account can own' if in_root else none}")
        built = next((step.instruction for step in model.final.steps if Purpose.BUILD in step.purposes), None)
        if built is not None:
            yield Obstacle(base, f"{why}, and what line {built.line} builds is root's", among_modules=True)
        place = outside(model)
        if place is not None and not any(f"{place.value}/".startswith(f"{f.value}/") for f in found.folders):
            yield Obstacle(base, f"{why}, and the sources name {place.value} ({place.origin})")
    stray = beside_copies(model, found) if model.folder == "/" else None
    if stray is not None:
        yield Obstacle(base, f"the app runs in /, and writes to {stray.value} ({stray.origin}), which no COPY brings")
    whole = whole_folder(model, found)
    if whole is not None and system(model.folder) and model.folder not in OWN:
        yield Obstacle(base, f"{whole.value} ({whole.origin}) may write to the app's folder, which is {model.folder}")


def _without_shell(model: Model, found: Writable) -> Iterator[Obstacle]:
    """Why the app stays root's in an image in which no RUN can make an account or a folder."""
    base, image = model.final.stage.base, model.final.image
    if image is not None and accounts.brought(image, ecosystems.account(image.name)) is None:
        yield Obstacle(base, f"how accounts are made in {image.name}:{image.tag} is unknown")
    for fact in found.folders:
        why = f"the app writes to {fact.value} ({fact.origin}), which no RUN can give to an account here"
        yield Obstacle(base, why)
    if found.unknown is not None:
        why = f"{found.unknown.value} ({found.unknown.origin}) cannot be told, and no RUN can make folders here"
        yield Obstacle(base, why)


def _app(model: Model, found: Writable, owner: Owner, install: Step | None) -> Iterator[Result]:
    """The change for an app, with its notes; *install* as :func:`_install` tells it."""
    making = own(model, found, owner, install)
    config = stated(model.final.config, user=making.value, env=making.env)
    start = model.start.command or model.final.stage.base
    why = f"the app runs as {owner.name} instead of root"
    if making.folders:
        why += f", which owns what the app writes: {_evidence(model, making.folders, found)}"
    yield Change(start, tuple(making.edits), why, Safety.REVIEW, config)
    yield from _notes(model, found, owner, making.folders)


def _evidence(model: Model, folders: Sequence[str], found: Writable) -> str:
    origins = {fact.value: fact.origin for fact in found.folders}
    parts = []
    for path in folders:
        name = "the app's folder" if path == model.folder else relative(model, path)
        doubt = found.unknown.origin if found.unknown is not None and path == model.folder else "it is the home"
        parts.append(f"{name} ({origins.get(path, doubt)})")
    return ", ".join(parts)


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
    told: set[str | None] = set()
    for service in final_services(model):
        for volume in service.volumes:
            if volume.kind == "named" and join("/", volume.target) in folders and volume.source not in told:
                told.add(volume.source)
                yield Note(
                    at,
                    f"the volume {volume.source} ({volume.origin}) stays root's if it exists already; run once: "
                    f"docker compose run --rm --user root --entrypoint chown {service.name} -R {who} {volume.target}",
                    advice=True,
                )
        if service.user is not None:
            yield Note(at, f"service {service.name} sets its own user {service.user} ({service.origin('user')})")


def _nginx(model: Model) -> Iterator[Result]:
    """nginx as its own account, where it listens on high ports."""
    from dockfix.recipes.unprivileged import CACHE, PID, nginx_obstacle, nginx_run

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
    making = Ownership(model, owner, value=user_value(model, owner))
    copies = bystanders(model, (PID, CACHE))
    if copies:
        making.before(copies[0], nginx_run(owner))
    else:
        making.after(last_settled(model), nginx_run(owner))
    say_user(making)
    config = stated(model.final.config, user=making.value)
    yield Change(
        model.final.stage.base,
        tuple(making.edits),
        "nginx listens on a high port, so that it needs no root: it runs as nginx, which owns its cache and pid file",
        Safety.REVIEW,
        config,
    )
