"""What a package brings along, by the records."""

from __future__ import annotations

import pytest

from dockfix import catalog


@pytest.mark.parametrize(
    ("name", "extras", "brought"),
    [
        ("Flask", (), "markupsafe"),
        ("uvicorn", ("standard",), "uvloop"),
        ("psycopg", ("binary",), "psycopg-binary"),
        ("sentence-transformers", (), "torch"),
        ("streamlit", (), "pyarrow"),
        ("passlib", ("bcrypt",), "bcrypt"),
    ],
)
def test_compiled_package_is_brought_along(name: str, extras: tuple[str, ...], brought: str) -> None:
    closure = catalog.python_closure(name, extras)
    assert closure is not None
    assert brought in closure


def test_plain_python_alone() -> None:
    assert catalog.python_closure("gunicorn") == ()
    assert "uvloop" not in (catalog.python_closure("uvicorn") or ())


def test_unrecorded_package_or_extra() -> None:
    assert catalog.python_closure("no-such-package") is None
    assert catalog.python_closure("flask", ["no-such-extra"]) is None
    assert catalog.npm_closure("no-such-package") is None


@pytest.mark.parametrize(("name", "brought"), [("express", ()), ("vite", ("esbuild",)), ("next", ("sharp",))])
def test_npm_packages_that_run_scripts(name: str, brought: tuple[str, ...]) -> None:
    assert catalog.npm_closure(name) == brought


@pytest.mark.parametrize(
    ("python", "musl"),
    [("3.7", "sdist"), ("3.8", "sdist"), ("3.9", "wheel"), ("3.12", "wheel")],
)
def test_old_python_is_offered_an_old_version(python: str, musl: str) -> None:
    assert catalog.python_wheel("numpy", None, python).musl == musl
