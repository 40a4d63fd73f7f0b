"""Native npm packages."""

from __future__ import annotations

import pytest

from dockfix.catalog import npm_native


@pytest.mark.parametrize(
    ("name", "family", "musl"),
    [
        ("@img/sharp-linux-x64", "@img/sharp", True),
        ("@img/sharp-linuxmusl-arm64", "@img/sharp", True),
        ("@esbuild/linux-x64", "@esbuild", True),
        ("@swc/core-linux-x64-gnu", "@swc/core", True),
        ("lightningcss-linux-x64-musl", "lightningcss", True),
        ("bcrypt", "bcrypt", True),
        ("better-sqlite3", "better-sqlite3", True),
        ("canvas", "canvas", None),
        ("@prisma/client", "@prisma/client", None),
        ("puppeteer", "puppeteer", False),
        ("cypress", "cypress", False),
        ("@playwright/test", "@playwright/test", False),
    ],
)
def test_native_package(name: str, family: str, musl: bool | None) -> None:
    found = npm_native(name)
    assert found is not None
    assert (found.name, found.musl) == (family, musl)
    assert found.reason and found.evidence


@pytest.mark.parametrize(
    "name", ["lodash", "express", "canvas-confetti", "bcrypt-ts", "@types/bcrypt", "@img/colour", "sharp-cli"]
)
def test_other_packages_are_left_to_the_lock_file(name: str) -> None:
    assert npm_native(name) is None


def test_what_compiles_names_its_packages() -> None:
    found = npm_native("canvas")
    assert found is not None and {"python3", "make", "g++", "cairo-dev"} <= set(found.build)
