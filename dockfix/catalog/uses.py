"""What packages are there for beside running the app, what of all kinds is root's, and who reads a variable."""

from __future__ import annotations

from typing import Literal

from dockfix.catalog.table import table

Use = Literal["gyp", "watch", "headers", "repositories"]
Kind = Literal["program", "package", "library"]


def serves(package: str, use: Use) -> bool:
    """Whether a package of Debian or Alpine is there for a use.

    Args:
        package: its name.
        use: ``gyp`` compiles Node's modules, ``watch`` probes, starts or steps down, ``headers`` are for builds of
            Python packages, ``repositories`` adds those of apt.
    """
    row = table("uses").row(package)
    return row is not None and use in row["uses"].split()


def brought_by(package: str) -> frozenset[str]:
    """The compilers and headers that a package of Debian's compilers brings along."""
    row = table("uses").row(package)
    return frozenset(row["brings"].split()) if row is not None else frozenset()


def needs_root(name: str, kind: Kind) -> bool:
    """Whether a program, a package or a library of a name works as root alone, or changes who it is by itself."""
    row = table("root").row(name)
    return row is not None and kind in row["kinds"].split()


def steps_down(program: str) -> str:
    """What a server does as root before it serves as an account of its own; empty for any other program."""
    row = table("root").row(program)
    return row["why"] if row is not None else ""


def reads_alone(variable: str) -> str | None:
    """The program that alone reads an environment variable, when it serves and not when something is built.

    Returns:
        Empty where nothing that is written depends on the variable; ``None`` where nothing of the kind is known.
    """
    row = table("variables").row(variable)
    return row["program"] if row is not None else None


def names_folder(variable: str) -> bool:
    """Whether an environment variable names a folder into which programs write while they run."""
    return table("folders").row(variable) is not None
