"""What a stage must install itself on a slim base, where the full one brought it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog.mediatypes import PACKAGE
from dockfix.model import Role
from dockfix.recipes import browsers, dialect, installs, libc, literals, mediatypes, musl, needs
from dockfix.recipes.omitted import is_omitted
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.catalog import Wheel
    from dockfix.model import Model, StageModel, Step

DOWNLOADS = re.compile(
    r"install\.python-poetry\.org"  # https://python-poetry.org/docs/#installing-with-the-official-installer: Python
    r"|deb\.nodesource\.com/setup_"  # https://github.com/nodesource/distributions: apt packages, with what they need
    r"|astral\.sh/uv"  # https://docs.astral.sh/uv/getting-started/installation/: one static program
)
"""Downloads whose needs are known."""


def packages(model: Model, stage: StageModel) -> list[str]:
    """Debian packages that *stage* had from the full image and needs on the slim one.

    Raises:
        UnfitError: something is compiled there, or its needs are unknown.
    """
    needs.check_app(model, stage, mounted=True)
    dialect.check_browsers(stage)
    libc.check_loaded(model)
    for step in stage.steps:
        _check_fetched(model, step)
    found = list(needs.tools(model, stage))
    own = {name.partition("=")[0] for other in stage.lineage for _, name in other.packages}
    suite = stage.image.suite if stage.image is not None else None
    installed = own.union(*map(catalog.brought_by, own))
    installed = installed.union(*(catalog.runtime_libraries(name, "debian", suite) or () for name in own))
    if mediatypes.asked(model, stage) is not None:
        found.append(PACKAGE)
    found += literals.packages(model, stage)
    found += _python(model, stage, installed)
    found += _node(model, stage, installed)
    # what was renamed for 64-bit time provides its old name: https://wiki.debian.org/ReleaseGoals/64bit-time
    return [name for name in dict.fromkeys(found) if not {name, name.removesuffix("t64")} & installed]


def _check_fetched(model: Model, step: Step) -> None:
    instruction = step.instruction
    match = dialect.DOWNLOADS.search(instruction.value) if instruction.keyword == "RUN" else None
    if match and not DOWNLOADS.search(instruction.value):
        raise UnfitError(instruction, f"what `{match[0].strip()[:60]}` needs of the full image is not known")
    if instruction.keyword == "ADD" and step.role is Role.UNKNOWN:
        raise UnfitError(instruction, "what ADD fetches may need something of the full image")
    image = dialect.foreign_image(model, step)
    if image is not None:
        raise UnfitError(instruction, f"what the files of {image} need of the full image is not known")


def _python(model: Model, stage: StageModel, installed: set[str]) -> Iterator[str]:
    python = installs.python_version(stage)
    suite = stage.image.suite if stage.image is not None else None
    compiles = installs.installs_python(stage)
    if compiles and python is not None and python.startswith("2."):
        raise UnfitError(stage.stage.base, "which packages of Python 2 are compiled is not recorded")
    beside = musl.names(installs.python_packages(model))
    for requirement, named in musl.whole(installs.python_packages(model), python, strict=False):
        name = requirement.name
        wheel = catalog.python_wheel(name, requirement.version, python, suite, requirement.files)
        if compiles:
            _check_compiled(wheel, named, installed)
        else:
            _check_brought(wheel, named)
            yield from wheel.debian_found
        yield from wheel.debian_runtime
        libraries = catalog.python_system_libraries(name, "debian", suite, beside)
        if libraries is None:
            raise UnfitError(None, f"Debian does not have what {named} calls any more")
        yield from libraries


def _check_compiled(wheel: Wheel, named: str, installed: set[str]) -> None:
    if wheel.glibc == "unknown":
        raise UnfitError(None, f"whether {named} has a wheel is not known")
    if wheel.glibc in {"sdist", "none"} and not wheel.quick_build and not wheel.debian_build:
        raise UnfitError(None, f"{named} has no wheel, and what its build needs of the full image is not recorded")
    if wheel.glibc == "sdist":
        missing = next((name for name in wheel.debian_build if name not in installed), None)
        if missing is not None:
            raise UnfitError(None, f"{named} is compiled, and slim has no {missing}")


def _check_brought(wheel: Wheel, named: str) -> None:
    """Refuse what an earlier stage on the full image compiled with libraries that nobody recorded."""
    if wheel.glibc == "unknown":
        raise UnfitError(None, f"whether {named} has a wheel is not known, nor which libraries it would be linked with")
    if wheel.glibc == "sdist" and not wheel.quick_build:
        raise UnfitError(None, f"{named} has no wheel, and which libraries of the full image it finds is not recorded")


def _node(model: Model, stage: StageModel, installed: set[str]) -> Iterator[str]:
    if stage.image is None or stage.image.name != "node":
        return
    for node in installs.node_manifests(model):
        for fact in browsers.downloaded(model, node):
            why = f"the browser of {fact.value} takes libraries along that are not known one by one ({fact.origin})"
            raise UnfitError(None, why)
    for name, origin in musl.natives(model):
        known = catalog.npm_native(name)
        if known is None:
            raise UnfitError(None, f"what {name} needs of the full image is not known ({origin})")
        missing = next((package for package in known.debian_build if package not in installed), None)
        if installs.installs_node(stage) and not known.prebuilt and missing is not None:
            raise UnfitError(None, f"{name} is compiled, and slim has no {missing} ({origin})")
        if stage is not model.final or not is_omitted(model, name):
            yield from known.debian_runtime
