"""The registry: order, ids, and transforms of other packages."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from dockfix import registry

FOREIGN = """
from dockfix.transform import Phase, transform

@transform("foreign", phase=Phase.MODERNISE)
def foreign(model):
    '''Comes from another package.'''
    yield from ()
"""


def ids_with(folder: Path) -> subprocess.CompletedProcess[str]:
    code = (
        f"import sys; sys.path.append({str(folder)!r}); from dockfix import registry\n"
        "print(*(each.id for each in registry.transforms()))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def foreign_package(folder: Path, target: str) -> Path:
    info = folder / "another-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[dockfix.transforms]\nforeign = {target}\n")
    (folder / "another.py").write_text(FOREIGN)
    return folder


def test_order_is_phase_then_id() -> None:
    keys = [(transform.phase, transform.id) for transform in registry.transforms()]
    assert keys == sorted(keys)


def test_another_package_adds_a_transform(tmp_path: Path) -> None:
    done = ids_with(foreign_package(tmp_path, "another:foreign"))
    assert "foreign" in done.stdout.split()


def test_entry_point_that_is_no_transform_is_an_error(tmp_path: Path) -> None:
    done = ids_with(foreign_package(tmp_path, "another:Phase"))
    assert "RegistryError: the entry point another:Phase is not a transform" in done.stderr


def test_unloadable_entry_point_is_an_error(tmp_path: Path) -> None:
    done = ids_with(foreign_package(tmp_path, "missing:foreign"))
    assert "RegistryError: the transform missing:foreign cannot be loaded" in done.stderr


def test_transforms_are_not_importable_under_their_bare_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent.parent))
    with pytest.raises(ImportError, match=r"as dockfix\.transforms, not as transforms"):
        importlib.import_module("transforms")
