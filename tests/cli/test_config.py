"""Configuration files: which one counts, what it may say, and how it is told that it is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result

from dockfix.config import Config, ConfigError, load, nearest
from dockfix.options import Options

Run: TypeAlias = Callable[..., Result]

IDS = ("init", "user")


def read(folder: Path, source: str, name: str = ".dockfix.toml") -> Config:
    (folder / name).write_text(source)
    return load(folder / name, lambda: IDS)


def message(folder: Path, source: str, name: str = ".dockfix.toml") -> str:
    with pytest.raises(ConfigError) as caught:
        read(folder, source, name)
    return str(caught.value).removeprefix(f"{folder}/")


def test_every_option_can_be_set(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        'base = "slim"\nsplit = "always"\npython-packages = "venv"\nowner = "root"\nuid = 4242\ncache-mounts = true\n'
        'safe = true\nonly = ["init", "user"]\nskip = ["user"]\nexclude = ["legacy/**"]\n',
    )
    assert config.options == Options(
        base="slim",
        split="always",
        only=frozenset({"init", "user"}),
        skip=frozenset({"user"}),
        safe=True,
        uid=4242,
        python_packages="venv",
        owner="root",
        cache_mounts=True,
    )
    assert config.exclude == ("legacy/**",)


def test_pyproject_counts_only_its_own_table(tmp_path: Path) -> None:
    source = '[tool.other]\nuid = "x"\n[tool.dockfix]\nuid = 7\n'
    assert read(tmp_path, source, "pyproject.toml").options == Options(uid=7)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# a\nbaze = 1\n", ".dockfix.toml:2: unknown key 'baze'; did you mean 'base'?"),
        ("zzz = 1\n", ".dockfix.toml:1: unknown key 'zzz'"),
        ("\nbase = 'debian'\n", ".dockfix.toml:2: base is one of alpine, slim, keep, not 'debian'"),
        ("base = ['alpine']\n", ".dockfix.toml:1: base is one of alpine, slim, keep, not ['alpine']"),
        ("uid = 0\n", ".dockfix.toml:1: uid is a number from 1 to 256000, not 0"),
        ("uid = true\n", ".dockfix.toml:1: uid is a number from 1 to 256000, not True"),
        ("safe = 1\n", ".dockfix.toml:1: safe is true or false, not 1"),
        ("only = 'init'\n", ".dockfix.toml:1: only is a list of strings, not 'init'"),
        ("skip = ['inti']\n", ".dockfix.toml:1: no transform is called 'inti'; did you mean 'init'?"),
        ("exclude = [1]\n", ".dockfix.toml:1: exclude is a list of strings, not [1]"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(tmp_path: Path, source: str, expected: str) -> None:
    assert message(tmp_path, source) == expected


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    assert message(tmp_path, "base = 'slim'\nuid 7\n").startswith(".dockfix.toml:2: not TOML: ")


def test_tool_dockfix_must_be_a_table(tmp_path: Path) -> None:
    assert message(tmp_path, "[tool]\ndockfix = 1\n", "pyproject.toml") == (
        "pyproject.toml:2: tool.dockfix is not a table"
    )


@pytest.mark.parametrize(
    "source",
    [
        "[tool.other]\nuid = 3\n[tool.dockfix]\nuid = 0\n",
        "[tool]\nother.uid = 3\n\ndockfix.uid = 0\n",
        "[tool.other]\nuid = 3\n[tool]\ndockfix = { uid = 0 }\n",
        "[tool . 'dockfix'] # ours\nsafe = true\n\n'uid' = 0\n[tool.zoo]\nuid = 5\n",
    ],
)
def test_line_is_that_of_our_own_table(tmp_path: Path, source: str) -> None:
    assert message(tmp_path, source, "pyproject.toml").startswith("pyproject.toml:4: uid is a number")


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x\.toml:1: cannot be read: No such file"):
        load(tmp_path / "x.toml", lambda: IDS)


def test_nearest_file_counts_up_to_the_root(tmp_path: Path) -> None:
    root, inner = tmp_path / "root", tmp_path / "root" / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / ".dockfix.toml").touch()
    assert nearest(inner, root) is None
    (root / "pyproject.toml").write_text("[tool.dockfix]\n")
    assert nearest(inner, root) == root / "pyproject.toml"
    (root / "a" / "pyproject.toml").write_text("[tool.black]\n")
    assert nearest(inner, root) == root / "pyproject.toml"
    (root / ".dockfix.toml").touch()
    assert nearest(inner, root) == root / ".dockfix.toml"
    (inner / ".dockfix.toml").touch()
    assert nearest(inner, root) == inner / ".dockfix.toml"


# -- in a run


def ids(result: Result) -> set[str]:
    return {outcome["transform"] for file in json.loads(result.stdout)["files"] for outcome in file["outcomes"]}


def test_each_dockfile_has_the_configuration_of_its_folder(dockfix: Run, app: Path) -> None:
    (app / "api").mkdir()
    (app / "api" / "Dockerfile").write_bytes((app / "Dockerfile").read_bytes())
    (app / "api" / ".dockfix.toml").write_text('skip = ["freshen"]\n')
    files = json.loads(dockfix("--format", "json").stdout)["files"]
    found = {file["path"]: {outcome["transform"] for outcome in file["outcomes"]} for file in files}
    assert "freshen" in found["Dockerfile"]
    assert "freshen" not in found["api/Dockerfile"]


def test_command_line_wins(dockfix: Run, app: Path) -> None:
    (app / ".dockfix.toml").write_text('only = ["freshen"]\n')
    assert ids(dockfix("--format", "json")) == {"freshen"}
    assert ids(dockfix("--format", "json", "--only", "no-sudo")) == {"no-sudo"}
    assert ids(dockfix("--format", "json", "--isolated")) == {"freshen", "ignore-file", "no-sudo"}


def test_a_given_file_replaces_the_nearest(dockfix: Run, app: Path) -> None:
    (app / ".dockfix.toml").write_text("nonsense = 1\n")
    (app / "other.toml").write_text('only = ["no-sudo"]\n')
    assert ids(dockfix("--format", "json", "--config", "other.toml")) == {"no-sudo"}
    assert dockfix("--config", "missing.toml").exit_code == 2


def test_wrong_configuration_is_told_once_and_nothing_is_written(dockfix: Run, app: Path) -> None:
    (app / ".dockfix.toml").write_text("nonsense = 1\n")
    (app / "b.dockerfile").write_bytes((app / "Dockerfile").read_bytes())
    result = dockfix("--write")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("nonsense") == 1
    assert ".dockfix.toml:1: unknown key 'nonsense'\n" in result.stderr
    assert "old" in (app / "Dockerfile").read_text()


def test_excluded_files_are_left_out_unless_they_are_named(dockfix: Run, app: Path) -> None:
    (app / "legacy").mkdir()
    (app / "legacy" / "Dockerfile").write_bytes((app / "Dockerfile").read_bytes())
    (app / ".dockfix.toml").write_text('exclude = ["legacy"]\n')
    result = dockfix()
    assert "legacy" not in result.stdout
    assert "legacy/Dockerfile: skipped: excluded by " in result.stderr
    assert "--- a/legacy/Dockerfile" in dockfix("legacy/Dockerfile").stdout


def test_excludes_hold_through_links_and_do_not_reach_beyond_their_folder(dockfix: Run, app: Path) -> None:
    (app / ".dockfix.toml").write_text('exclude = ["legacy"]\n')
    (app / "linked").symlink_to(app, target_is_directory=True)
    assert dockfix("linked").exit_code == 0
    elsewhere = app / "shared"
    elsewhere.mkdir()
    (elsewhere / "settings.toml").write_text('exclude = ["legacy"]\n')
    assert dockfix("--config", "shared/settings.toml", ".").exit_code == 0
