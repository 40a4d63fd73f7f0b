"""How releases install, by the names of their files."""

from __future__ import annotations

import pytest

from dockfix.catalog.distributions import for_linux, kinds


@pytest.mark.parametrize(
    ("files", "python", "expected"),
    [
        (("aiosql-6.2-py3-none-any.whl", "aiosql-6.2.tar.gz"), "3.11", ("pure", "pure")),
        (("six-1.16.0-py2.py3-none-any.whl",), "3.11", ("pure", "pure")),
        (("old-1.0-py2-none-any.whl", "old-1.0.tar.gz"), "3.11", ("sdist", "sdist")),
        (("uv-0.5.0-py3-none-musllinux_1_1_x86_64.whl",), None, ("wheel", "none")),
        (("cryptography-45.0.0-cp37-abi3-musllinux_1_2_x86_64.whl",), "3.12", ("wheel", "none")),
        (("cryptography-45.0.0-cp311-abi3-musllinux_1_2_x86_64.whl",), "3.9", ("none", "none")),
        (("x-1-cp313-cp313t-musllinux_1_2_x86_64.whl", "x-1.zip"), "3.13", ("sdist", "sdist")),
        (("torch-2.9-cp311-cp311-manylinux_2_28_x86_64.whl",), "3.11", ("none", "wheel")),
        (("new-1.0-cp311-cp311-manylinux_2_39_x86_64.whl",), "3.11", ("none", "none")),
        (("n-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",), "3.12", ("none", "none")),
        (("n-1-cp311-cp311-musllinux_1_2_aarch64.whl", "n-1-py3-none-any.whl"), "3.11", ("pure", "pure")),
        (("n-1-cp312-cp312-win_amd64.whl", "n-1.tar.gz"), "3.12", ("sdist", "sdist")),
        (("py-1-py38-none-any.whl",), "3.11", ("pure", "pure")),
        (("py-1-py312-none-any.whl",), "3.11", ("none", "none")),
    ],
)
def test_kinds(files: tuple[str, ...], python: str | None, expected: tuple[str, str]) -> None:
    assert kinds(files, python) == expected


def test_release_for_windows_alone() -> None:
    assert not for_linux(["pywin32-311-cp312-cp312-win_amd64.whl"])
    assert for_linux(["n-1-cp312-cp312-win_amd64.whl", "n-1.tar.gz"])
    assert for_linux(["n-1-cp312-cp312-manylinux_2_39_x86_64.whl"])
