"""What the file names of a release say of how pip installs it: https://peps.python.org/pep-0427/#file-name-convention."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

Kind = Literal["wheel", "pure", "sdist", "none"]

MANYLINUX = re.compile(r"(?:many)?linux(?:1|2010|2014|_2_(?P<minor>\d+))?_x86_64")
MUSLLINUX = re.compile(r"musllinux_1_[0-2]_x86_64")
OLDEST_GLIBC = 31
"""That of bullseye, the oldest suite of Debian with a living archive: https://wiki.debian.org/glibc."""


def kinds(files: Iterable[str], python: str | None) -> tuple[Kind, Kind]:
    """How a release installs on musl and on glibc (x86-64), by the names of its files.

    Args:
        files: the names of its wheels and source archives.
        python: CPython minor version (``3.11``); None leaves it out of account.
    """
    names = tuple(files)
    tags = [tuple(name.removesuffix(".whl").split("-")[-3:]) for name in names if name.endswith(".whl")]
    fitting = [(abi, platform) for interpreter, abi, platform in tags if _serves(interpreter, abi, python)]
    sources = len(tags) < len(names)
    return (
        _kind([platform for _, platform in fitting], MUSLLINUX, sources),
        _kind([platform for _, platform in fitting], MANYLINUX, sources),
    )


def for_linux(files: Iterable[str]) -> bool:
    """Whether a release has a file that some Linux can take; one for Windows alone is locked, but not installed."""
    return any(not name.endswith(".whl") or "linux" in name or name.endswith("-any.whl") for name in files)


def _kind(platforms: Sequence[str], pattern: re.Pattern[str], sources: bool) -> Kind:
    for platform in platforms:
        matches = [match for name in platform.split(".") if (match := pattern.fullmatch(name))]
        if any(int(match.groupdict().get("minor") or 0) <= OLDEST_GLIBC for match in matches):
            return "wheel"
    if "any" in platforms:
        return "pure"
    return "sdist" if sources else "none"


def _serves(interpreter: str, abi: str, python: str | None) -> bool:
    """Whether CPython *python* takes a wheel: its own, one for the stable ABI of an older one, or one without ABI."""
    minor = python.replace(".", "") if python is not None else None
    return any(_takes(tag, abi, minor) for tag in interpreter.split("."))


def _takes(tag: str, abi: str, minor: str | None) -> bool:
    if tag.startswith("py3"):
        return tag == "py3" or (abi == "none" and (minor is None or _old(tag[2:], minor)))
    if not tag.startswith("cp3") or re.search(r"cp\d+t", abi):  # t is for builds without the global lock
        return False
    return minor is None or tag[2:] == minor or ("abi3" in abi.split(".") and _old(tag[2:], minor))


def _old(tag: str, minor: str) -> bool:
    """Whether ``37`` of a tag is no newer than ``311``."""
    return int(tag[1:] or 0) <= int(minor[1:])
