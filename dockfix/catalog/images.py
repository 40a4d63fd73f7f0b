"""Official images: what a tag stands on, what it brings along, and which smaller tag has the same version."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Literal

from dockfix.catalog.table import table

PROVENANCE = "*"
"""Value of an ENV key that differs with every release of an image (``GPG_KEY``, ``NODE_VERSION`` of a floating tag)."""

Variant = Literal["full", "slim", "alpine", "other"]
Libc = Literal["glibc", "musl", "none"]

_CURRENT = "current"
_ALPINE_IMAGE = "alpine"
_FAMILY = re.compile(r"(?:slim|alpine[\d.]*|al\d+|amazonlinux\d*|oraclelinux\d+|oracle|ubi\d*|debian|linux|scratch)")
_DATED = re.compile(r"-\d{8}(?:\.\d)?(?=-|$)")
_EXACT = re.compile(r"\d+\.\d+\.\d+")
# https://bugs.launchpad.net/cloud-images/+bug/2005129: images since 23.04 have a user of uid 1000
_UBUNTU_WITH_A_USER = 23.04
_RHEL = re.compile(r"(?:al|amazonlinux|oraclelinux|ubi|fedora|centos|almalinux|rockylinux)\d*|oracle")


@dataclass(frozen=True, slots=True)
class Account:
    """A user of an image with its primary group; *home* is None where it has none or none is known."""

    name: str
    uid: int
    gid: int
    group: str
    home: str | None


@dataclass(frozen=True, slots=True)
class Image:
    """One tag of an image, with the configuration that a ``FROM`` inherits from it.

    Attributes:
        name: repository as Docker Hub spells it, without ``library/``; with its registry where that is another one.
        tag: the tag asked for, ``latest`` where none was given.
        variant: ``slim`` and ``alpine`` as in the tag, ``full`` for another Debian or Ubuntu image.
        version: first part of the tag (``3.11``, ``20``, ``lts``), empty where the tag names none.
        suite: ``bookworm``, ``jammy``, ``3.20`` …; for a tag without one, the suite it meant when it was last built.
        distribution: ``debian``, ``ubuntu``, ``alpine``, ``rhel`` (and its kin) or ``unknown``.
        env: values after the image's own expansion; :data:`PROVENANCE` where they change with each release.
        user: empty means root.
        accounts: those of the distribution and those that the image makes.
        archive_moved: the suite's package archive has left the mirrors, no package can be installed.
        end_of_life: ISO date on which the language's, else the suite's support ends.
        last_listed: ISO date on which the tag was dropped from the image's list; None while it is rebuilt.
        origin: where the facts come from.
    """

    name: str
    tag: str
    variant: Variant
    version: str
    suite: str | None
    distribution: str
    libc: Libc
    manager: str | None
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    user: str
    workdir: str
    env: Mapping[str, str]
    expose: tuple[str, ...]
    volumes: tuple[str, ...]
    stopsignal: str | None
    accounts: tuple[Account, ...]
    shell: tuple[str, ...]
    has_bash: bool
    archive_moved: bool
    end_of_life: str | None
    last_listed: str | None
    buildpack: str
    origin: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the tag list says of one suffix of a version."""

    suite: str | None
    profile: str
    last: str


def _split(tag: str) -> tuple[str, str]:
    """A tag as version part and suffix: ``3.11-slim-bookworm`` is ``3.11`` and ``slim-bookworm``."""
    parts = tag.split("-")
    for index, part in enumerate(parts):
        if _FAMILY.fullmatch(part) or (part != "sid" and table("suites").row(part)):
            return "-".join(parts[:index]), "-".join(parts[index:])
    return ("" if tag == "latest" else tag), ""


def _suite(suffix: str) -> str | None:
    """The suite that a suffix names."""
    found = re.search(r"alpine-?(\d+\.\d+)", suffix)
    if found:
        return f"alpine{found[1]}"
    for part in suffix.split("-"):
        if table("suites").row(part) or re.fullmatch(r"(?:oraclelinux|ubi|al|amazonlinux)\d+", part):
            return part
    return None


def _entries(name: str, stem: str) -> dict[str, _Entry]:
    row = table("tags").row(f"{name}:{stem}")
    if row is None:
        return {}
    entries: dict[str, _Entry] = {}
    for cell in row["suffixes"].split(" "):
        cell, _, last = cell.partition("@")
        cell, hash_, profile = cell.partition("#")
        suffix, equals, suite = cell.partition("=")
        suffix = "" if suffix == "." else suffix
        entries[suffix] = _Entry(
            (suite if suite != "?" else None) if equals else _suite(suffix),
            f"{name}#{profile if hash_ else row['profile']}",
            last or row["last_listed"],
        )
    return entries


def _entry(name: str, stem: str, suffix: str) -> _Entry | None:
    """The entry of a tag; a patch release newer than the data takes that of its living minor release."""
    entries = _entries(name, stem)
    if suffix in entries:
        return entries[suffix]
    if not entries:
        shorter = re.sub(r"^(\d+(?:\.\d+)*)\.\d+(?=-|$)", r"\1", stem)
        if shorter != stem and (parent := _entry(name, shorter, suffix)) and parent.last == _CURRENT:
            return parent
    if name == _ALPINE_IMAGE and not suffix and (short := re.match(r"3\.\d+", stem)):
        return _Entry(f"alpine{short[0]}", f"{name}#0", _CURRENT)
    return None


@cache
def _base_accounts(distribution: str) -> tuple[Account, ...]:
    return tuple(
        Account(name, int(row["uid"]), int(row["gid"]), row["group"], row["home"] or None)
        for row in table("accounts").rows()
        for kind, _, name in [row["account"].partition(":")]
        if kind == distribution
    )


@cache
def groups(distribution: str) -> dict[str, str]:
    """The groups that an image of a distribution may have from the start, number to name."""
    rows = table("groups").prefixed(f"{distribution}:")
    return {row["gid"]: row["group"].partition(":")[2] for row in rows}


def _end_of_life(name: str, version: str, suite: str | None) -> str | None:
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    cycle = numbers[0] if numbers else ""
    while cycle:
        if row := table("lifecycles").row(f"{name}:{cycle}"):
            return row["end_of_life"]
        cycle = cycle.rpartition(".")[0]
    row = table("suites").row(suite) if suite else None
    return (row["end_of_life"] or None) if row else None


def _ends_without_suite(last: str) -> bool:
    """Whether a frozen tag whose suite is unknown must stand on one that has moved to an archive.

    Every Debian image built before buster's successor came out is buster or older, and those have moved.
    """
    return last < "2021-08-14"


def image(name: str, tag: str | None) -> Image | None:
    """The facts of ``name:tag``.

    Args:
        name: repository without registry (``node``, ``library/node``), or with it (``mcr.microsoft.com/dotnet/sdk``).
        tag: as written; None means ``latest``.

    Returns:
        None where the image or the tag is unknown, so that nothing may be assumed.
    """
    return _image(name.removeprefix("docker.io/").removeprefix("library/"), tag or "latest")


@lru_cache(maxsize=256)
def _image(name: str, tag: str) -> Image | None:
    stem, suffix = _split(_DATED.sub("", tag))
    entry = _entry(name, stem, suffix)
    profile = table("profiles").row(entry.profile) if entry else None
    if entry is None or profile is None:
        return None
    suite = table("suites").row(entry.suite) if entry.suite else None
    if suite:
        distribution = suite["distribution"]
    elif _RHEL.fullmatch(entry.suite or ""):
        distribution = "rhel"
    elif name == _ALPINE_IMAGE or "alpine" in suffix:
        distribution = "alpine"
    else:
        distribution = "debian" if profile["bash"] == "yes" else "unknown"
    version = stem.partition("-")[0]
    frozen = entry.last != _CURRENT
    return Image(
        name=name,
        tag=tag,
        variant=_variant(distribution, suffix),
        version=version,
        suite=entry.suite.removeprefix("alpine") if entry.suite else None,
        distribution=distribution,
        libc="musl" if distribution == "alpine" else "none" if distribution == "unknown" else "glibc",
        manager={"debian": "apt", "ubuntu": "apt", "alpine": "apk", "rhel": "dnf"}.get(distribution),
        entrypoint=_words(profile["entrypoint"]),
        cmd=_words(profile["cmd"]),
        user=profile["user"],
        workdir=profile["workdir"],
        env=MappingProxyType(_environment(profile["env"], version)),
        expose=tuple(profile["expose"].split()),
        volumes=tuple(profile["volumes"].split()),
        stopsignal=profile["stopsignal"] or None,
        accounts=_accounts(distribution, suite, profile["accounts"]),
        shell=_words(profile["shell"]) or ("/bin/sh", "-c"),
        has_bash=profile["bash"] == "yes",
        archive_moved=suite["archived"] == "yes" if suite else frozen and _ends_without_suite(entry.last),
        end_of_life=_end_of_life(name, version, entry.suite),
        last_listed=entry.last if frozen else None,
        buildpack=profile["buildpack"],
        origin=table("profiles").origin,
    )


def _variant(distribution: str, suffix: str) -> Variant:
    if distribution == "alpine":
        return "alpine"
    if "slim" in suffix.split("-"):
        return "slim"
    return "full" if distribution in ("debian", "ubuntu") else "other"


def _words(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()


def _environment(text: str, version: str) -> dict[str, str]:
    values: dict[str, str] = json.loads(text) if text else {}
    exact = version if _EXACT.match(version) else PROVENANCE
    return {key: exact if value == "{version}" else value for key, value in values.items()}


def _accounts(distribution: str, suite: dict[str, str] | None, text: str) -> tuple[Account, ...]:
    made = tuple(Account(*fields) for fields in json.loads(text)) if text else ()
    base = _base_accounts(distribution)
    if suite and distribution == "ubuntu" and float(suite["version"]) >= _UBUNTU_WITH_A_USER:
        base = (*base, Account("ubuntu", 1000, 1000, "ubuntu", "/home/ubuntu"))
    taken = {account.name for account in made} | {account.uid for account in made}
    return (*(account for account in base if account.name not in taken and account.uid not in taken), *made)


def variant(image: Image, family: Literal["alpine", "slim"]) -> Image | None:
    """The tag of *image* in a smaller family, with the version as the author wrote it.

    ``slim`` keeps the suite. A sibling that was dropped earlier than the image itself holds an older patch release
    under the same name and is not offered.

    Returns:
        *image* itself where it belongs to the family already; None where no such tag exists.
    """
    if image.variant == family:
        return image
    stem, suffix = _split(image.tag)
    own = _entry(image.name, stem, suffix)
    if own is None or image.name == _ALPINE_IMAGE:
        return None
    dated = (f"slim-{own.suite}", f"{own.suite}-slim")
    candidates = ("alpine",) if family == "alpine" else dated if _suite(suffix) else ("slim", *dated)
    for candidate in candidates:
        entry = _entry(image.name, stem, candidate)
        if entry is None or (_older(entry.last, own.last) and not _EXACT.match(stem)):
            continue
        if family == "slim" and entry.suite != own.suite:
            continue
        return _image(image.name, f"{stem}-{candidate}" if stem else candidate)
    return None


def settled(image: Image) -> Image | None:
    """The tag that names the suite on which *image* stands, with the version and family as the author wrote it.

    A tag without one comes to stand on another suite when its distribution has a new release.

    Returns:
        *image* itself where its tag names the suite; None where no tag does.
    """
    stem, suffix = _split(image.tag)
    own = _entry(image.name, stem, suffix)
    if own is None or _suite(suffix):
        return image
    named = f"{suffix}-{own.suite}" if suffix not in {"", "alpine"} else str(own.suite)
    entry = _entry(image.name, stem, named)
    if entry is None or entry.suite != own.suite or _older(entry.last, own.last):
        return None
    return _image(image.name, f"{stem}-{named}" if stem else named)


def _older(last: str, than: str) -> bool:
    """Whether a tag left the list more than a quarter before another one; the lists change in steps."""
    if last == _CURRENT:
        return False
    if than == _CURRENT:
        return True
    return _days(than) - _days(last) > 92


def _days(date: str) -> int:
    year, month, day = map(int, date.split("-"))
    return year * 365 + month * 30 + day


@cache
def stable_nginx() -> str:
    """The stable line of nginx, whose second number is even: https://nginx.org/en/download.html"""
    listed = (row["tag"] for row in table("tags").prefixed("nginx:1.") if row["last_listed"] == "current")
    lines = (match for tag in listed if (match := re.fullmatch(r"nginx:1\.(\d*[02468])", tag)))
    return f"1.{max(int(match[1]) for match in lines)}"
