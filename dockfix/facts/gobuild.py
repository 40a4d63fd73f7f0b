"""What a Go command builds: ``go build``, ``go install`` and ``go run``, https://pkg.go.dev/cmd/go."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.files import join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockfix.facts.server import Ran

VALUED = frozenset(
    {"o", "ldflags", "tags", "gcflags", "asmflags", "mod", "p", "C", "pkgdir", "buildmode", "overlay", "modfile"}
    | {"toolexec", "compiler", "gccgoflags", "installsuffix", "pgo", "exec"}
)


@dataclass(frozen=True, slots=True)
class Build:
    """A program that a command builds.

    Attributes:
        output: its absolute path in the image; the folder where a pattern names several; empty for ``go run``.
        packages: what is built, as written: folders, files, import paths.
        flags: the options, without what they name.
        environment: what the command saw.
        workdir: the absolute folder in which it ran.
        folder: the folder of the build context that lies there.
    """

    output: str
    packages: tuple[str, ...]
    flags: tuple[str, ...]
    environment: Mapping[str, str]
    workdir: str
    folder: str | None


def builds(words: Sequence[str]) -> bool:
    """Whether a command builds Go packages."""
    return len(words) > 1 and words[1] in {"build", "install"} and posixpath.basename(words[0]) == "go"


def build_of(ran: Ran, module_path: str | None) -> Build | None:
    """The build that a command of a RUN does; ``None`` where it builds no program that stays.

    Args:
        ran: the command.
        module_path: the path of the module in whose root it runs; ``None`` where it does not run in one.
    """
    words = ran.words
    if not builds(words):
        return None
    options, packages = split(words[2:])
    workdir, folder = ran.workdir, ran.folder
    if "C" in options:
        workdir = join(workdir, options["C"])
        folder = join(folder, options["C"]) if folder is not None else None
    if any("@" in package for package in packages):
        return None
    name = default_name(packages, workdir, module_path)
    if words[1] == "install":
        gopath = ran.environment.get("GOPATH", "/go").partition(":")[0]
        output = f"{ran.environment.get('GOBIN') or f'{gopath}/bin'}/{name}"
    elif "o" in options:
        given = options["o"]
        output = join(workdir, given)
        if given.endswith("/"):
            output = f"{output}/{name}"
    else:
        if len(packages) > 1 and not all(package.endswith(".go") for package in packages):
            return None  # the results of several packages are discarded
        output = join(workdir, name)
    if output.endswith("/..."):
        output = posixpath.dirname(output)
    return Build(output, packages, tuple(options), ran.environment, workdir, folder)


def split(words: Sequence[str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The options of a Go command with their values, and what follows them."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if not equals and name in VALUED and rest:
            value = rest.pop(0)
        options[name] = value
    return options, tuple(rest)


def default_name(packages: Sequence[str], workdir: str, module_path: str | None) -> str:
    """The name that Go gives to a program where nobody says one."""
    first = packages[0] if packages else "."
    if first.endswith(".go"):
        return posixpath.basename(first).removesuffix(".go")
    elements = ((module_path or workdir) if first in {".", "./"} else first.rstrip("/")).split("/")
    if len(elements) > 1 and re.fullmatch(r"v\d+", elements[-1]):
        elements.pop()
    return elements[-1]
