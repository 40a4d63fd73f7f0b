"""The command line: what goes to which stream, what is written, and how it exits."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result

Run: TypeAlias = Callable[..., Result]

NAIVE = "FROM busybox:1.36\nRUN echo old\nRUN sudo true\n"
FIXED = "FROM busybox:1.36\nRUN echo new\nRUN sudo true\n"
DIFF = """\
--- a/Dockerfile
+++ b/Dockerfile
@@ -1,3 +1,3 @@
 FROM busybox:1.36
-RUN echo old
+RUN echo new
 RUN sudo true
--- /dev/null
+++ b/.dockerignore
@@ -0,0 +1 @@
+/.git
"""
REPORT = """\
Dockerfile:2: freshen applied (safe): old is not new (app.py:1)
Dockerfile: ignore-file applied (review): .dockerignore is missing
Dockerfile:3: no-sudo refused: sudo is needed\\x1b[31m here
"""


def unchanged(app: Path) -> bool:
    return (app / "Dockerfile").read_text() == NAIVE and not (app / ".dockerignore").exists()


@pytest.mark.parametrize("arguments", [(), (".",), ("--diff",), ("--diff", "Dockerfile"), ("Dockerfile", ".")])
def test_shows_the_diff_and_writes_nothing(dockfix: Run, app: Path, arguments: tuple[str, ...]) -> None:
    result = dockfix(*arguments)
    assert result.exit_code == 0
    assert result.stdout == DIFF
    assert result.stderr == REPORT + "1 Dockerfile would be rewritten, 0 unchanged, 1 refusal\n"
    assert unchanged(app)


def test_says_once_what_holds_for_several_lines(dockfix: Run, app: Path) -> None:
    (app / "Dockerfile").write_text("FROM busybox:1.36\nRUN sudo true\nRUN echo old\nRUN sudo true\nRUN sudo id\n")
    result = dockfix("--only", "no-sudo")
    assert (
        result.stderr.splitlines()[0] == "Dockerfile:2: no-sudo refused: sudo is needed\\x1b[31m here (also line 4, 5)"
    )


def test_git_applies_the_diff(dockfix: Run, app: Path) -> None:
    shutil.rmtree(app / ".git")
    subprocess.run(["git", "init", "--quiet"], cwd=app, check=True)
    subprocess.run(["git", "apply"], cwd=app, input=dockfix().stdout_bytes, check=True)
    assert (app / "Dockerfile").read_text() == FIXED
    assert (app / ".dockerignore").read_text() == "/.git\n"


def test_paths_in_the_diff_start_at_the_current_folder(
    dockfix: Run, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (app / "api").mkdir()
    (app / "Dockerfile").rename(app / "api" / "Dockerfile")
    assert "--- a/api/Dockerfile\n" in dockfix().stdout
    monkeypatch.chdir(app / "api")
    assert "--- a/Dockerfile\n" in dockfix().stdout
    (app.parent / "elsewhere").mkdir()
    monkeypatch.chdir(app.parent / "elsewhere")
    assert "--- a/api/Dockerfile\n" in dockfix(str(app)).stdout


def test_write_writes_what_the_diff_showed(dockfix: Run, app: Path) -> None:
    result = dockfix("--write")
    assert result.exit_code == 0
    assert result.stdout == DIFF
    assert result.stderr.endswith("1 Dockerfile rewritten, 0 unchanged, 1 refusal\n")
    assert (app / "Dockerfile").read_text() == FIXED
    assert (app / ".dockerignore").read_text() == "/.git\n"


def test_second_write_changes_nothing(dockfix: Run, app: Path) -> None:
    dockfix("--write")
    result = dockfix("--write")
    assert result.stdout == ""
    assert "Dockerfile: ignore-file note: .dockerignore is there\n" in result.stderr


def test_safe_leaves_out_what_needs_review(dockfix: Run, app: Path) -> None:
    result = dockfix("--safe", "--write")
    assert "Dockerfile: ignore-file offered: .dockerignore is missing\n" in result.stderr
    assert (app / "Dockerfile").read_text() == FIXED
    assert not (app / ".dockerignore").exists()


def test_check_answers_by_its_exit_code(dockfix: Run, app: Path) -> None:
    result = dockfix("--check")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert unchanged(app)
    assert dockfix("--check", "--diff").stdout == DIFF
    dockfix("--write")
    assert dockfix("--check").exit_code == 0


def test_strict_fails_on_refusals_alone(dockfix: Run) -> None:
    assert dockfix("--strict").exit_code == 1
    assert dockfix("--strict", "--skip", "no-sudo").exit_code == 0


def test_quiet_leaves_the_diff_alone(dockfix: Run) -> None:
    result = dockfix("-q")
    assert result.stdout == DIFF
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (("--only", "freshen"), {"freshen"}),
        (("--only", "freshen,no-sudo"), {"freshen", "no-sudo"}),
        (("--only", "freshen", "--only", "ignore-file"), {"freshen", "ignore-file"}),
        (("--skip", "freshen, ignore-file"), {"no-sudo"}),
    ],
)
def test_transforms_are_chosen_by_id(dockfix: Run, arguments: tuple[str, ...], ids: set[str]) -> None:
    found = json.loads(dockfix("--format", "json", *arguments).stdout)
    assert {outcome["transform"] for outcome in found["files"][0]["outcomes"]} == ids


def test_unknown_id_is_a_usage_error_with_a_suggestion(dockfix: Run) -> None:
    result = dockfix("--only", "freshn")
    assert result.exit_code == 2
    assert "no transform is called 'freshn'; did you mean 'freshen'?" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--check", "--write"),
        ("--diff", "--write"),
        ("--interactive", "-"),
        ("--interactive", "--format", "json"),
        ("--stdin-filename", "x"),
        ("-", "Dockerfile"),
        ("--isolated", "--config", "x"),
        ("--uid", "0"),
        ("--uid", "256001"),
        ("--base", "scratch"),
        ("--context", "nowhere"),
    ],
)
def test_contradictions_are_usage_errors(dockfix: Run, app: Path, arguments: tuple[str, ...]) -> None:
    result = dockfix(*arguments, stdin=NAIVE)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage: dockfix [OPTIONS] [PATHS]..." in result.stderr
    assert unchanged(app)


# -- words and paths


def test_list_and_rule_describe_transforms(dockfix: Run) -> None:
    assert dockfix("--list").stdout.split("\n")[1] == "ignore-file  ignore-file  review  Make a .dockerignore."
    assert dockfix("rule", "freshen").stdout.startswith("freshen (phase modernise, safe)\n\nReplace what is old.\n")
    assert dockfix("rule", "freshn").exit_code == 2


def test_a_subcommands_name_as_a_path_takes_a_dot(dockfix: Run, app: Path) -> None:
    (app / "rule").mkdir()
    (app / "rule" / "Dockerfile").write_text(NAIVE)
    assert "Missing argument" in dockfix("rule").stderr
    assert "--- a/rule/Dockerfile\n" in dockfix("./rule").stdout
    assert "--- a/rule/Dockerfile\n" in dockfix("--diff", "rule").stdout


def test_misspelt_subcommand_is_suggested(dockfix: Run) -> None:
    result = dockfix("rules", "freshen")
    assert result.exit_code == 2
    assert "rules:1: cannot be read: No such file or directory; did you mean 'rule'?\n" in result.stderr


def test_help_tells_of_the_subcommands(dockfix: Run) -> None:
    result = dockfix("--help")
    assert "Usage: dockfix [OPTIONS] [PATHS]..." in result.stdout
    assert "  rule     Print the documentation of a transform." in result.stdout
    assert "  verify   Build and run the original and the rewrite, and compare." in result.stdout


def test_an_unusual_name_is_taken_when_given(dockfix: Run, app: Path) -> None:
    (app / "Dockerfile").rename(app / "image.txt")
    assert "--- a/image.txt\n" in dockfix("image.txt").stdout
    assert (
        dockfix().stderr
        == ".: skipped: holds no Dockerfile\n0 Dockerfiles would be rewritten, 0 unchanged, 1 skipped\n"
    )


def test_dockerfiles_of_one_context_share_what_is_planned(dockfix: Run, app: Path) -> None:
    """The second sees the ignore file that the first creates: one creation in the diff, which applies."""
    (app / "Dockerfile.worker").write_text(NAIVE)
    result = dockfix()
    assert result.stdout.count("+++ b/.dockerignore") == 1
    assert "Dockerfile.worker: ignore-file note: .dockerignore is there\n" in result.stderr
    assert dockfix("--write").stdout == result.stdout


# -- standard input


def test_standard_input_gives_a_diff(dockfix: Run, app: Path) -> None:
    result = dockfix("-", stdin=NAIVE)
    assert result.stdout == DIFF
    assert unchanged(app)


def test_standard_input_has_a_place(dockfix: Run, app: Path) -> None:
    (app / "api").mkdir()
    result = dockfix("-", "--stdin-filename", "api/Dockerfile", stdin=NAIVE)
    assert "--- a/api/Dockerfile\n" in result.stdout
    assert "+++ b/api/.dockerignore\n" in result.stdout


def test_standard_input_is_rewritten_to_standard_output(dockfix: Run, app: Path) -> None:
    source = b"FROM busybox:1.36\r\nRUN echo old \xff"
    result = dockfix("-", "--write", stdin=source)
    assert result.stdout_bytes == source.replace(b"old", b"new")
    assert unchanged(app)


# -- JSON and colours


def test_json_holds_everything_on_standard_output(dockfix: Run) -> None:
    (Path("other.dockerfile")).write_text("NONSENSE\n")
    result = dockfix("--format", "json")
    assert result.exit_code == 2
    assert result.stderr == ""
    found = json.loads(result.stdout)
    (file,) = found["files"]
    assert file["path"] == "Dockerfile"
    assert file["changed"] is True
    assert file["written"] is False
    assert file["diff"] == DIFF
    assert file["files"] == [{"path": ".dockerignore", "created": True, "text": "/.git\n"}]
    assert file["outcomes"][0] == {
        "transform": "freshen",
        "kind": "applied",
        "line": 2,
        "why": "old is not new (app.py:1)",
        "safety": "safe",
    }
    assert file["defects"] == []
    assert [(error["path"], error["line"]) for error in found["errors"]] == [("other.dockerfile", 1)]


def test_colours_only_where_they_are_wanted(dockfix: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in dockfix().stdout
    coloured = dockfix("--color", "always").stdout
    assert "\x1b[32m+RUN echo new\x1b[m\n" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert dockfix("--color", "always").stdout == coloured


# -- interactive


def test_interactive_writes_what_was_accepted(dockfix: Run, app: Path) -> None:
    result = dockfix("--interactive", stdin="n\ny\n")
    assert result.exit_code == 0
    assert (app / "Dockerfile").read_text() == NAIVE
    assert (app / ".dockerignore").read_text() == "/.git\n"
    assert "freshen (safe): old is not new (app.py:1)\n" in result.stderr
    assert result.stdout == DIFF


def test_interactive_answer_for_all_that_follows(dockfix: Run, app: Path) -> None:
    assert dockfix("--interactive", stdin="a\n").exit_code == 0
    assert (app / "Dockerfile").read_text() == FIXED
    assert (app / ".dockerignore").exists()


def test_interactive_quits_without_further_changes(dockfix: Run, app: Path) -> None:
    assert dockfix("--interactive", stdin="q\n").exit_code == 0
    assert unchanged(app)


def test_interactive_end_of_input_writes_nothing(dockfix: Run, app: Path) -> None:
    assert dockfix("--interactive", stdin="y\n").exit_code == 1
    assert unchanged(app)


def test_among_what_changed_only_that_is_looked_at(dockfix: Run, app: Path) -> None:
    (app / "api").mkdir()
    (app / "api/Dockerfile").write_text(NAIVE)
    result = dockfix("--format", "json", "--among", "-", stdin="api/Dockerfile\nREADME.md\n")
    assert [file["path"] for file in json.loads(result.stdout)["files"]] == ["api/Dockerfile"]


def test_among_names_that_are_no_dockerfiles_there_is_nothing_to_do(dockfix: Run, app: Path) -> None:
    (app / "tests").mkdir()
    (app / "tests/Dockerfile").write_text(NAIVE)
    result = dockfix("--check", "--among", "-", stdin="README.md\ngone/Dockerfile\n")
    assert (result.exit_code, result.stderr) == (0, "0 Dockerfiles would be rewritten, 0 unchanged\n")
    left_out = dockfix("--among", "-", stdin="tests/Dockerfile\n")
    assert left_out.stderr.startswith("tests/Dockerfile: skipped: belongs to tests ")
    assert dockfix("explain", "--among", "-", stdin="README.md\n").exit_code == 0
