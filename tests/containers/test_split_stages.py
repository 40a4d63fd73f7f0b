"""Split images start as before: packages are found at the same path, by root and by others, without compilers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .fixtures import built, built_after
from .sequences import cases

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container

SLOW_START_SECONDS = 60


@pytest.mark.parametrize(
    ("case", "user", "site"),
    [
        ("split-stages/1-12-libraries-of-headers", 0, "/root/.local"),
        ("split-stages/1-08-environment-for-another-account", 1000, "/opt/venv"),
        ("split-stages/1-08-own-environment", 0, "/opt/venv"),
    ],
)
def test_python_packages_are_found_in_the_end(engine: Engine, case: str, user: int, site: str, tmp_path: Path) -> None:
    image = built_after(engine, case, tmp_path / "app")
    with engine.run(image) as container:
        assert container.wait_http("/", 5000, SLOW_START_SECONDS).body == b"ok"
        assert container.uid() == user
        # compiled in the builder, linked against a library of the end
        found = container.exec("python", "-c", "import psycopg2; print(psycopg2.__file__)")
        assert found.exit_code == 0, found.output
        assert found.output.startswith(site)
        # a console script: its first line names an interpreter that must be there
        assert container.exec("flask", "--version").exit_code == 0


def test_end_has_no_compiler(engine: Engine, tmp_path: Path) -> None:
    image = built_after(engine, "split-stages/1-08-own-environment", tmp_path / "app")
    with engine.run(image) as container:
        assert container.exec("sh", "-c", "command -v gcc").exit_code != 0


def test_extensions_of_php_find_their_libraries_in_the_end(engine: Engine, tmp_path: Path) -> None:
    case = next(case for case in cases() if case.name == "php-numbers")
    image = built(engine, case.lay_rewritten(tmp_path / "app", "--split", "always"))
    with engine.run(image) as container:
        assert container.wait_http("/", case.port, SLOW_START_SECONDS).body == b"<p>1.234.567,8</p>\n"
        assert container.http("/archive", case.port).body == b"ZipArchive can be used"
        assert container.exec("pkg-config", "--exists", "libzip").exit_code != 0


def test_gems_compiled_in_the_builder_are_loaded_without_compilers(engine: Engine, tmp_path: Path) -> None:
    case = next(case for case in cases() if case.name == "sinatra-words")
    image = built(engine, case.lay_after(tmp_path / "app"))
    with engine.run(image) as container:
        assert b"Hello, somebody" in container.wait_http("/?name=%20", case.port, SLOW_START_SECONDS).body
        assert container.exec("sh", "-c", "command -v gcc").exit_code != 0
