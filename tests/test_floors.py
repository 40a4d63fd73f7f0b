"""The floors of the architecture: a module imports only from floors below its own, counted from the ground."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS: tuple[tuple[str, ...], ...] = (
    ("dockfix", "dockfix.text", "dockfix.options", "dockfix.suggestion"),
    ("dockfix.dockerfile", "dockfix.catalog", "dockfix.facts"),
    ("dockfix.model",),
    ("dockfix.transform",),
    ("dockfix.recipes",),
    ("dockfix.proofs",),
    ("dockfix.engine", "dockfix.transforms"),
    ("dockfix.registry",),
    (
        "dockfix.config",
        "dockfix.discover",
        "dockfix.context",
        "dockfix.ignores",
        "dockfix.report",
        "dockfix.write",
    ),
    ("dockfix.api", "dockfix.dialogue", "dockfix.verify"),
    ("dockfix.planner", "dockfix.explanation"),
    ("dockfix.standing",),
    ("dockfix.trials",),
    ("dockfix.choices", "dockfix.means"),
    ("dockfix.bot",),
    ("dockfix.session", "dockfix.explain"),
    ("dockfix.cli",),
    ("dockfix.__main__",),
)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted([*ROOT.glob("dockfix/**/*.py"), *ROOT.glob("transforms/*.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts if parts[0] == "dockfix" else ("dockfix", *parts))
        yield name.removesuffix(".__init__"), path


MODULES = dict(modules())


def room(module: str) -> str:
    """The entry of the floors that *module* belongs to: the most specific one."""
    rooms = [room for floor in FLOORS for room in floor if module == room or module.startswith(f"{room}.")]
    if module.count(".") >= 1:
        rooms = [room for room in rooms if room != "dockfix"]
    assert rooms, f"{module} is on no floor: add it to FLOORS"
    return max(rooms, key=len)


def floor(module: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(module) in rooms)


def imported(module: str, path: Path) -> Iterator[str]:
    """Every module of the project that *path* imports, at its top or inside a function, for typing too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            while name and name not in MODULES:
                name = name.rpartition(".")[0]
            if name:
                yield name


def typing_only(path: Path) -> set[str]:
    """What is imported under ``if TYPE_CHECKING``: it ties no room to another when the program runs."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and inner.module:
                    found.add(inner.module)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_from_lower_floors(module: str) -> None:
    path = MODULES[module]
    annotations = typing_only(path)
    for other in set(imported(module, path)) - {"dockfix"}:
        if room(other) == room(module) and room(module) != "dockfix.transforms":
            continue
        if other in annotations and floor(other) <= floor(module):
            continue
        assert floor(other) < floor(module), f"{module} imports {other}"


def test_no_transform_imports_another() -> None:
    transforms = {module: path for module, path in MODULES.items() if room(module) == "dockfix.transforms"}
    for module, path in transforms.items():
        others = {name for name in imported(module, path) if room(name) == "dockfix.transforms"}
        assert others == set(), f"{module} imports {others}"
