"""Accounts: which ones a stage makes, and how one is made on each distribution."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.model.accounts import account_name, option_value

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.model import StageModel, Step


SCRATCH = "scratch"
NONROOT = 65532
"""The number of the account of distroless images, which others use where there are no accounts:
https://github.com/GoogleContainerTools/distroless/blob/main/common/variables.bzl"""

WITH_SHADOW = frozenset({"almalinux", "centos", "fedora", "oraclelinux", "rockylinux"})
"""Images of Red Hat's kin that have ``useradd``; amazonlinux and the minimal ones have not (known 2026-11)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """An account that can run an app and own its files.

    Attributes:
        name: its name.
        group: its primary group, by name or number.
        uid: its number, ``None`` where the system chooses it.
        gid: the number of the group, likewise.
        home: its home folder.
        has_home: whether that folder is made with the account.
        step: the RUN of the file that makes it; ``None`` where the base brings it or dockfix makes it.
        new: whether it is still to be made.
    """

    name: str
    group: str
    uid: int | None
    gid: int | None
    home: str
    has_home: bool
    step: Step | None = None
    new: bool = False

    @property
    def pair(self) -> str:
        """User and group as ``chown`` takes them."""
        return f"{self.name}:{self.group}"

    @property
    def numbers(self) -> str | None:
        """User and group as numbers, which work where nobody has made the account yet."""
        return f"{self.uid}:{self.gid}" if self.uid is not None and self.gid is not None else None


def can_be_made(image: Image) -> bool:
    """Whether it is known by which commands an account is made in *image*."""
    return image.distribution in {"alpine", "debian", "ubuntu"} or image.name in WITH_SHADOW


def commands(distribution: str, name: str, number: int) -> tuple[str, ...]:
    """The commands that make the account *name*, its group and its home.

    Busybox puts a system account into ``nogroup`` unless ``-G`` says otherwise, and gives every account a home unless
    ``-H`` does; shadow's ``useradd`` makes a home only when told. Debian's ``useradd`` warns of system accounts whose
    number is above 999, so that the account there is an ordinary one.

    Args:
        distribution: ``alpine``, or one that has shadow's tools.
        name: the name of the account and of its group.
        number: uid and gid.
    """
    if distribution == "alpine":
        return f"addgroup -g {number} -S {name}", f"adduser -S {name} -u {number} -G {name}"
    return f"groupadd --gid {number} {name}", f"useradd --uid {number} --gid {name} --create-home {name}"


def made(name: str, number: int) -> Owner:
    """The account that :func:`commands` make."""
    return Owner(name, name, number, number, f"/home/{name}", True, new=True)


def numbered() -> Owner:
    """A user and a group without names, for an image that has no accounts."""
    return Owner(str(NONROOT), str(NONROOT), NONROOT, NONROOT, "/", True)


def brought(image: Image, name: str) -> Owner | None:
    """The account *name* of an image that has a home to work in; ``None`` where it has none."""
    for account in image.accounts:
        if account.name == name and account.home not in {None, "", "/", "/nonexistent"}:
            return Owner(name, account.group, account.uid, account.gid, account.home or "", True)
    return None


def created(stage: StageModel) -> Iterator[Owner]:
    """The accounts that the RUNs of a stage and of the stages below it make, system services' included."""
    for step in stage.all_steps:
        for command in step.script.commands if step.script else ():
            tool = basename(command.name)
            if tool in {"useradd", "adduser"} and (name := account_name(command.args)) is not None:
                yield _created(stage, step, tool, name, command.args)


def _created(stage: StageModel, step: Step, tool: str, name: str, args: tuple[str, ...]) -> Owner:
    groups = stage.created_groups
    busybox = tool == "adduser" and stage.image is not None and stage.image.distribution == "alpine"
    if stage.image is not None and stage.image.distribution == "rhel":
        tool = "useradd"  # adduser is another name of it there
    system = _has(args, "S", "--system") if busybox else _has(args, "r", "--system")
    number = option_value(args, "-u", "--uid")
    uid = int(number) if number is not None and number.isdigit() else None
    if busybox:
        group = option_value(args, "-G", "--ingroup") or ("nogroup" if system else name)
        home, has_home = option_value(args, "-h", "--home"), not _has(args, "H", "--no-create-home")
    elif tool == "adduser":
        group = option_value(args, "--ingroup", "--gid") or ("nogroup" if system and "--group" not in args else name)
        home, has_home = option_value(args, "--home"), "--no-create-home" not in args
    else:
        group = option_value(args, "-g", "--gid") or name
        home, has_home = option_value(args, "-d", "--home-dir", "--home"), _has(args, "m", "--create-home")
    named = next((found for found, gid in groups.items() if str(gid) == group), group)
    gid = int(named) if named.isdigit() else groups.get(named, uid if named == name and tool == "useradd" else None)
    return Owner(name, named, uid, gid, home or f"/home/{name}", has_home, step)


def _has(args: tuple[str, ...], letter: str, long: str) -> bool:
    """Whether an option is given, alone, in a bundle of short ones, or in full."""
    return long in args or any(re.fullmatch(rf"-[A-Za-z]*{letter}[A-Za-z]*", arg) for arg in args)
