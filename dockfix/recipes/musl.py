"""Evidence that what an app is made of works on musl, and what it needs there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.facts.requirement import Requirement
from dockfix.recipes import installs
from dockfix.recipes.installs import title
from dockfix.recipes.omitted import is_omitted
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.catalog import Wheel
    from dockfix.facts.node import Node
    from dockfix.model import Model, StageModel

PIP_KNOWS_MUSL = "2021-08-01"
"""pip chooses musllinux wheels from 21.2 on, of July 2021: https://pip.pypa.io/en/stable/news/#v21-2"""

_LIMIT = 2_000_000


def python_packages(model: Model, stage: StageModel, evidence: list[str]) -> list[str]:
    """Alpine packages that the app's Python packages need in *stage*.

    Args:
        model: the model.
        stage: a stage that moves to Alpine.
        evidence: takes the names of those with a wheel for musl.

    Raises:
        UnfitError: nothing proves that a package works on musl.
    """
    requirements = installs.python_packages(model)
    python = installs.python_version(stage)
    if requirements and stage.image is not None and stage.image.version.partition(".")[0] == "2":
        raise UnfitError(stage.stage.base, "which packages of Python 2 work on musl is not recorded")
    found: list[str] = []
    compiles, beside = installs.installs_python(stage), names(requirements)
    for requirement, named in whole(requirements, python):
        name = requirement.name
        wheel = catalog.python_wheel(name, requirement.version, python, files=requirement.files)
        _check_wheel(stage, wheel, named, requirement.compiled)
        if compiles and wheel.musl == "sdist":
            found += wheel.build
        if stage is model.final:
            libraries = catalog.python_system_libraries(name, "alpine", beside=beside)
            if libraries is None:
                raise UnfitError(None, f"Alpine does not have what {named} calls, or not where it looks for it")
            found += (*wheel.runtime, *libraries)
        if wheel.musl == "wheel" or wheel.build:
            evidence.append(name)
    return found


def _check_wheel(stage: StageModel, wheel: Wheel, named: str, told: str) -> None:
    if told and wheel.musl == "sdist" and not wheel.quick_build:
        why = f"{named} is compiled, since no wheel of it may be taken ({told}), and what that needs is not recorded"
        raise UnfitError(None, why)
    if wheel.musl == "unknown":
        raise UnfitError(None, f"whether {named} works on musl is not known")
    if wheel.musl == "none" or (wheel.musl == "sdist" and not wheel.quick_build):
        raise UnfitError(None, f"{named} has {wheel.evidence.partition(' has ')[2]}")
    last = stage.image.last_listed if stage.image is not None else None
    if wheel.musl == "wheel" and last is not None and last < PIP_KNOWS_MUSL:
        raise UnfitError(
            stage.stage.base, f"pip in {stage.reference} does not know wheels for musl, as {named} has one"
        )


def whole(
    requirements: Sequence[Requirement], python: str | None, strict: bool = True
) -> Iterator[tuple[Requirement, str]]:
    """Each package with what a report calls it, then the compiled ones that they bring along.

    A lock file and the output of ``pip freeze`` name those themselves.

    Args:
        requirements: the packages by name.
        python: CPython minor version.
        strict: refuse where the old version of Python may bring other packages along than those recorded.

    Raises:
        UnfitError: what a package brings along is not recorded.
    """
    listed = {requirement.name for requirement in requirements}
    brought: dict[str, Requirement] = {}
    for requirement in requirements:
        yield requirement, title(requirement)
    locked = all(requirement.version for requirement in requirements)
    for requirement in requirements:
        if _from_lock(requirement):
            continue
        closure = catalog.python_closure(requirement.name, requirement.extras)
        if closure is None and catalog.python_wheel(requirement.name, requirement.version, python).musl == "unknown":
            continue  # refused for itself
        if closure is None:
            raise UnfitError(None, f"what {title(requirement)} brings along is not recorded, and no lock file says")
        missing = [name for name in closure if name not in listed]
        old = python is not None and _minor(python) < catalog.OLDEST_PYTHON
        if strict and old and (missing or not locked):
            raise UnfitError(
                None,
                f"what {title(requirement)} brings along is not recorded for Python {python}, and no lock file says",
            )
        for name in missing:
            brought.setdefault(name, requirement)
    for name, requirement in brought.items():
        yield (
            Requirement(name, None, "", (), "", requirement.origin),
            (f"{name}, which {title(requirement)} brings along,"),
        )


def names(requirements: Sequence[Requirement]) -> frozenset[str]:
    """The names of packages and of the compiled ones that they are known to bring along."""
    brought = (catalog.python_closure(requirement.name, requirement.extras) or () for requirement in requirements)
    return frozenset(requirement.name for requirement in requirements).union(*brought)


def _from_lock(requirement: Requirement) -> bool:
    file = basename(requirement.origin.rpartition(":")[0])
    return requirement.hashed or file.endswith(".lock") or file == "pylock.toml"


def _minor(python: str) -> tuple[int, ...]:
    return tuple(int(part) for part in python.split("."))


def node_packages(model: Model, stage: StageModel, evidence: list[str]) -> list[str]:
    """Alpine packages that the app's native Node packages need in *stage*.

    Raises:
        UnfitError: nothing proves that a package works on musl.
    """
    found: list[str] = []
    compiles = installs.installs_node(stage)
    for name, origin in natives(model):
        known = catalog.npm_native(name)
        if known is None:
            raise UnfitError(None, f"whether {name} works on musl is not known ({origin})")
        if known.musl is not True:
            raise UnfitError(None, f"{name} does not work on musl for certain: {known.reason} ({origin})")
        if compiles and not known.prebuilt:
            found += known.build
        full = stage.image is not None and stage.image.variant == "full"
        called = full or known.musl is not True  # a slim base never had the programs that it calls
        if stage is model.final and called and not is_omitted(model, name):
            found += known.runtime
        if known.prebuilt or known.build:
            evidence.append(known.name)
    return found


def natives(model: Model) -> tuple[tuple[str, str], ...]:
    """Names and origins of the Node packages that compile or choose a binary when they are installed.

    A lock file tells; without one, what is recorded of the packages that package.json names.

    Raises:
        UnfitError: neither does.
    """
    found: list[tuple[str, str]] = []
    manifests = installs.node_manifests(model)
    if not manifests and model.node is not None and model.node.dependencies and _runs_node(model):
        origin = next(iter(model.node.dependencies.values())).origin
        raise UnfitError(
            None, f"nothing installs the packages that the app asks for ({origin}), so they come ready-made"
        )
    for node in manifests:
        found += _locked(node) if node.locked else _unlocked(node)
    for stage in model.stages:
        for step, name in installs.global_tools(stage):
            found += _behind(name, f"line {step.instruction.line}")
    return tuple(dict.fromkeys(found))


def _runs_node(model: Model) -> bool:
    """Whether the file has Node at all: a package.json beside another base is for somebody else."""
    images = (stage.image for stage in model.stages)
    packages = {name.partition("=")[0] for stage in model.stages for _, name in stage.packages}
    return any(image is None or image.name == "node" for image in images) or bool(packages & {"nodejs", "npm"})


def _locked(node: Node) -> Iterator[tuple[str, str]]:
    """What the lock marks as native, and what the catalogue warns of; where it marks none (yarn), all that it knows.

    A package may load its binary without an install script. A binary for glibc that its parent offers beside one for
    musl is never fetched on Alpine.
    """
    musl = {package.name for package in node.locked if "libc=musl" in package.platform}
    covered = {name for package in node.locked if musl & set(package.optional) for name in package.optional}
    for package in node.locked:
        native = package.install_script or any(item.startswith("libc=") for item in package.platform)
        known = catalog.npm_native(package.name)
        if known is not None and (package.install_script is None or known.musl is not True or known.runtime):
            native = True
        if native and package.for_linux and package.name not in covered:
            yield package.name, package.origin


def _unlocked(node: Node) -> Iterator[tuple[str, str]]:
    if node.workspaces:
        where = node.path("package.json")
        raise UnfitError(None, f"what the workspaces bring along is not known without a lock file ({where})")
    for name, fact in {**node.dependencies, **node.dev_dependencies}.items():
        if not name.startswith("@types/"):
            yield from _behind(name, fact.origin)


def _behind(name: str, origin: str) -> Iterator[tuple[str, str]]:
    """A package by name, if it is native, and the native ones that it brings along."""
    known, closure = catalog.npm_native(name), catalog.npm_closure(name)
    if known is not None:
        yield name, origin
    elif closure is None:
        raise UnfitError(None, f"what {name} brings along is not recorded, and no lock file says ({origin})")
    yield from ((inner, origin) for inner in closure or ())


def check_binaries(model: Model, stage: StageModel) -> None:
    """Refuse programs and libraries among the app's own files that were built for glibc.

    Raises:
        UnfitError: with the file.
    """
    for placement in stage.placements:
        names = model.app.root.walk(placement.source) if placement.folder else iter((placement.source,))
        for path in names:
            if _may_be_binary(path) and not model.app.ignore.ignores(path):
                data = model.app.root.read(path) or b""
                if data.startswith(b"\x7fELF") and (b"ld-linux" in data[:_LIMIT] or b"libc.so.6" in data[:_LIMIT]):
                    raise UnfitError(placement.step.instruction, f"{path} is a program built for glibc")
            if path.endswith(".whl") and "manylinux" in path:
                raise UnfitError(placement.step.instruction, f"{path} is a wheel for glibc")


def _may_be_binary(path: str) -> bool:
    name = basename(path)
    return "." not in name or name.endswith((".so", ".node", ".bin", ".run", ".x86_64")) or ".so." in name
