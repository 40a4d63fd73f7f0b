"""The account that is to run an app: one that the file makes or names, one of the image, or a new one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.model.config import covers
from dockfix.recipes import accounts, ecosystems
from dockfix.recipes.obstacle import Obstacle, ObstacleError
from dockfix.recipes.programs import final_services
from dockfix.recipes.writable import languages

if TYPE_CHECKING:
    from dockfix.model import Model, Step
    from dockfix.recipes.accounts import Owner


def chosen(model: Model) -> Owner:
    """The account to use: one that the file makes, one that it gives files to, one of the image, or a new one.

    Raises:
        ObstacleError: the file has several, or one that cannot be used.
    """
    stage, number = model.final, model.options.uid
    if stage.image is None:
        return accounts.numbered()
    named = _named(model)
    made = [owner for owner in accounts.created(stage) if owner.uid != 0]
    wanted = [owner for owner in made if owner.name in named] or made
    if wanted:
        owner = wanted[0]
        at = owner.step.instruction if owner.step is not None else None
        if len({other.name for other in wanted}) > 1:
            raise ObstacleError(
                Obstacle(at, f"which of the accounts {_listed([o.name for o in wanted])} runs the app is not said")
            )
        if not re.fullmatch(r"[a-z_][a-z0-9_-]*", owner.name) or not re.fullmatch(r"[\w-]+", owner.group):
            raise ObstacleError(Obstacle(at, f"the name of the account {owner.name} depends on a variable"))
        return owner
    for name, step in named.items():
        owner_or_none = accounts.brought(stage.image, name)
        if len(named) > 1 or owner_or_none is None:
            raise ObstacleError(
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
    taken += [name for gid, name in catalog.groups(stage.image.distribution).items() if gid == str(number)]
    if taken:
        raise ObstacleError(Obstacle(stage.stage.base, f"the number {number} belongs to {taken[0]} in this image"))
    name = "nodejs" if stage.image.name == "node" or languages(model) == {"node"} else "appuser"
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
