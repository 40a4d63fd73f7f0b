"""The image of dockfix itself: what it does for others it has done for itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from dockfix.cli import main
from dockfix.dockerfile import Document

ROOT = Path(__file__).parent.parent


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The Dockerfile with what its context holds of metadata, apart from the fixtures' own compose files."""
    for name in ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".git").mkdir()
    for name in ("dockfix", "transforms"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path / "Dockerfile"


@pytest.mark.parametrize("options", [(), ("--split", "always"), ("--safe",), ("--base", "slim")])
def test_dockfix_has_nothing_to_add(own: Path, options: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["--check", "--diff", *options, str(own)])
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "1 unchanged" in result.stderr


def test_the_check_would_find_something(own: Path) -> None:
    own.write_text(own.read_text().replace("apk add --no-cache", "apk add"))
    assert CliRunner().invoke(main, ["--check", str(own)]).exit_code == 1


def test_the_context_is_what_the_package_is_built_from() -> None:
    document = Document.parse((ROOT / "Dockerfile").read_bytes(), "Dockerfile")
    copied = [word for each in document.instructions if each.keyword == "COPY" for word in each.value.split()[:-1]]
    wanted = {word.removeprefix("./") for word in copied if not word.startswith(("--", "/"))}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    assert {line[1:] for line in ignored if line.startswith("!")} == wanted
