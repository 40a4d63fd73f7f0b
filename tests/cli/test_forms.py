"""The report for GitHub's workflows and for what reads SARIF."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result

from dockfix import __version__
from dockfix.engine import Defect, Outcome, Plan
from dockfix.report import github, sarif
from dockfix.report.record import Failure, Omission, Record, Rewrite

Run: TypeAlias = Callable[..., Result]

COMMAND = re.compile(r"::(notice|warning|error) file=([^,:]*),line=(\d+),title=([^,:]*)::(.*)")


def rewrite(*outcomes: Outcome, path: str = "Dockerfile", defects: tuple[Defect, ...] = ()) -> Rewrite:
    return Rewrite(path, Path("/r"), Plan(path, "FROM a\n", "FROM a\n", outcomes=outcomes, defects=defects))


def told(*records: Record) -> list[tuple[str, ...]]:
    """The commands that a runner takes from the document, as its own parser would split them."""
    return [match.groups() for line in github.document(records).splitlines() if (match := COMMAND.fullmatch(line))]


def test_annotations_stand_at_their_lines(dockfix: Run, app: Path) -> None:
    (app / "other.dockerfile").write_text("NONSENSE\n")
    result = dockfix("--format", "github")
    assert result.exit_code == 2
    assert [COMMAND.fullmatch(line) is not None for line in result.stdout.splitlines()] == [True] * 4
    assert "::warning file=Dockerfile,line=2,title=dockfix freshen::old is not new (app.py:1)\n" in result.stdout
    assert "::notice file=Dockerfile,line=3,title=dockfix no-sudo%2C refused::sudo is needed" in result.stdout
    assert "::error file=other.dockerfile,line=1,title=dockfix::" in result.stdout
    assert result.stderr == "1 Dockerfile would be rewritten, 0 unchanged, 1 refusal, 1 failed\n"


def test_text_of_the_repository_ends_no_command() -> None:
    path = "a:b,c%\n::error::x/Dockerfile"
    (only,) = github.document(
        [rewrite(Outcome("init", "refused", 3, "50% of\r\n::error::all"), path=path)]
    ).splitlines()
    assert only == (
        "::notice file=a%3Ab%2Cc%25\\n%3A%3Aerror%3A%3Ax/Dockerfile,line=3,title=dockfix init%2C refused"
        "::50%25 of\\r\\n::error::all"
    )


def test_what_github_would_drop_is_in_the_log_where_nothing_is_a_command() -> None:
    outcomes = [Outcome("init", "refused", number, f"::error::reason {number}") for number in range(1, 13)]
    outcomes += [Outcome("user", "note", None, "nothing to do")]
    document = github.document([rewrite(*outcomes), Failure("b", 2, "broken"), Omission("c", "test")])
    *commands, start, eleventh, twelfth, end = document.splitlines()
    assert [command.partition(" ")[0] for command in commands] == ["::notice"] * github.MOST + ["::error"]
    token = start.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert end == f"::{token}::"
    assert eleventh == "Dockerfile:11: init refused: ::error::reason 11"
    assert twelfth.endswith("reason 12")
    assert token not in github.document([rewrite(*outcomes)])


def test_a_defect_is_an_error() -> None:
    assert told(rewrite(defects=(Defect("user", "lost a comment"),)))[0][0] == "error"


@pytest.mark.parametrize("form", ["github", "sarif"])
def test_a_form_asks_nothing(dockfix: Run, form: str) -> None:
    assert dockfix("--interactive", "--format", form).exit_code == 2


def test_sarif_has_what_its_schema_requires(dockfix: Run, app: Path) -> None:
    (app / "other.dockerfile").write_text("NONSENSE\n")
    result = dockfix("--format", "sarif")
    assert result.exit_code == 2
    assert result.stderr == ""
    log = json.loads(result.stdout)
    # https://json.schemastore.org/sarif-2.1.0.json, wherever it says "required"
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("dockfix", __version__)
    assert [rule["id"] for rule in driver["rules"]] == ["freshen", "ignore-file", "no-sudo"]
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    places = [
        (
            each["ruleId"],
            each["level"],
            each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            each["locations"][0]["physicalLocation"]["region"]["startLine"],
            each["properties"]["kind"],
        )
        for each in run["results"]
    ]
    assert places == [
        ("freshen", "warning", "Dockerfile", 2, "applied"),
        ("ignore-file", "warning", "Dockerfile", 1, "applied"),
        ("no-sudo", "note", "Dockerfile", 3, "refused"),
    ]
    assert all(each["message"]["text"] for each in run["results"])
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1


def test_a_path_in_sarif_is_a_reference() -> None:
    log = json.loads(sarif.document([rewrite(Outcome("init", "refused", 1, "no"), path="a b/c:d/\udcff")]))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b/c%3Ad/%FF"
