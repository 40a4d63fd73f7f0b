"""System packages: which of them the end of an image needs, and how they are installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from dockfix import catalog
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.model import Model, Step


def runtime_packages(model: Model, steps: Iterable[Step]) -> tuple[str, ...]:
    """What the end needs of the packages that *steps* install.

    Of a ``-dev`` package it needs the libraries, of a compiler nothing, of any other package itself; a build tool
    that the app calls stays.

    Raises:
        UnfitError: the libraries of a ``-dev`` package are unknown.
    """
    image = model.final.image
    assert image is not None
    called = {package for fact in model.server.tools for package in (fact.value, *catalog.provides(fact.value))}
    names: list[str] = []
    for step in steps:
        for invocation in step.invocations:
            if invocation.manager not in {"apt", "apk"} or invocation.verb not in {"install", "add"}:
                continue
            for word in invocation.operands:
                if not word.static:
                    raise UnfitError(step.instruction, "the names of the packages depend on a variable")
                name = word.text.partition("=")[0]
                if name in called or not catalog.is_build_tool(name, image.distribution):
                    names.append(word.text)
                    continue
                if "-dev" not in name:
                    continue
                family: Literal["debian", "alpine"] = "alpine" if invocation.manager == "apk" else "debian"
                libraries = catalog.runtime_libraries(name, family, image.suite)
                if libraries is None:
                    raise UnfitError(step.instruction, f"which libraries {name} is for is not in the catalogue")
                names += libraries
    return tuple(dict.fromkeys(names))


def install_line(manager: str, packages: Sequence[str]) -> str:
    """The RUN that installs *packages* and leaves no index behind.

    Args:
        manager: ``apt`` or ``apk``.
        packages: their names, in the order wanted.
    """
    names = " ".join(packages)
    if manager == "apk":
        return f"RUN apk add --no-cache {names}"
    return (
        f"RUN apt-get update && apt-get install -y --no-install-recommends {names} && \\\n"
        "    rm -rf /var/lib/apt/lists/*"
    )
