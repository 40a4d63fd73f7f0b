"""npm packages with compiled code or downloaded binaries: what they need on musl."""

from __future__ import annotations

from dataclasses import dataclass

from dockfix.catalog.table import table


@dataclass(frozen=True, slots=True)
class NpmNative:
    """A package, or a family of packages, that is not plain JavaScript.

    Attributes:
        name: the package or family that matched.
        musl: True where it works on Alpine, False where it cannot, None where it depends on version or set-up.
        reason: why, for a person.
        prebuilt: a binary for musl is downloaded or installed; nothing has to be compiled.
        build: Alpine packages that compile it.
        runtime: Alpine packages that it needs to run.
        debian_build, debian_runtime: the same for Debian; what is linked follows from the ``-dev`` packages.
        evidence: origin of the facts.
    """

    name: str
    musl: bool | None
    reason: str
    prebuilt: bool
    build: tuple[str, ...]
    runtime: tuple[str, ...]
    debian_build: tuple[str, ...]
    debian_runtime: tuple[str, ...]
    evidence: str


_VERDICTS = {"yes": True, "no": False, "depends": None}


def npm_native(name: str) -> NpmNative | None:
    """What is known of a native npm package.

    Args:
        name: package name as in the lock file, with its scope; platform packages such as
            ``@img/sharp-linux-x64`` are found by their family.

    Returns:
        None where the package is in no table; lock-file evidence must judge it then.
    """
    row = table("npm").row(name) or _family(name)
    if row is None:
        return None
    return NpmNative(
        name=row["package"],
        musl=_VERDICTS[row["musl"]],
        reason=row["reason"],
        prebuilt=row["prebuilt"] == "yes",
        build=tuple(row["alpine_build"].split()),
        runtime=tuple(row["alpine_runtime"].split()),
        debian_build=tuple(row["debian_build"].split()),
        debian_runtime=tuple(row["debian_runtime"].split()),
        evidence=row["source"],
    )


def looks_for(name: str) -> tuple[str, ...]:
    """What an npm package reads of the folder in which the app starts, without being told.

    Returns:
        Patterns of names, ``*`` where they may be any; none where nothing of the kind is known.
    """
    row = table("lookups").row(name)
    return tuple(row["files"].split()) if row is not None else ()


def _family(name: str) -> dict[str, str] | None:
    """The family of a platform package: its name without the trailing operating system, processor and libc."""
    while "-" in name or name.count("/"):
        name = name.rpartition("/" if name.rfind("/") > name.rfind("-") else "-")[0]
        if row := table("npm").row(name):
            return row if row["family"] == "yes" else None
    return None
