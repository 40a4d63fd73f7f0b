"""``dockfix explain``: where the page goes, what it is made of, and what is an error."""

from __future__ import annotations

import json
from pathlib import Path

from dockfix.api import fix
from dockfix.verify.comparison import Verdict
from dockfix.verify.image import ImageFacts
from dockfix.verify.json import document
from dockfix.verify.verification import Side, Verification, fingerprint
from tests.cli.conftest import NAIVE, Run


def report(folder: Path, rewrite: str) -> str:
    before, after = (Side(ImageFacts(size, 3)) for size in (900_000_000, 90_000_000))
    found = Verification("elsewhere/Dockerfile", Verdict("same behaviour"), before, after, rewrite=rewrite)
    (folder / "report.json").write_text(document([found]))
    return "report.json"


def test_the_page_goes_to_standard_output_and_nothing_is_written(dockfix: Run, app: Path) -> None:
    result = dockfix("explain")
    assert result.exit_code == 0
    assert result.stdout.startswith("# Dockerfiles, rewritten and explained\n")
    assert "old is not new (`app.py:1`)" in result.stdout
    assert "sudo is needed" in result.stdout
    assert "\x1b" not in result.stdout
    assert (app / "Dockerfile").read_text() == NAIVE
    assert not (app / ".dockerignore").exists()


def test_html_to_a_file(dockfix: Run, app: Path) -> None:
    result = dockfix("explain", "--format", "html", "--output", "why.html", "Dockerfile")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert (app / "why.html").read_text().startswith("<!DOCTYPE html>\n")


def test_an_output_that_cannot_be_written(dockfix: Run) -> None:
    result = dockfix("explain", "--output", "missing/why.md")
    assert result.exit_code == 2
    assert result.stderr == "missing/why.md: cannot be written: No such file or directory\n"


def test_figures_of_a_report(dockfix: Run, app: Path) -> None:
    result = dockfix("explain", "--measured", report(app, fingerprint(fix("Dockerfile"))))
    assert result.exit_code == 0
    assert "| size | 900.0 MB | 90.0 MB | -90% |" in result.stdout


def test_figures_of_another_rewrite_are_not_shown(dockfix: Run, app: Path) -> None:
    name = report(app, fingerprint(fix("Dockerfile")))
    (app / "Dockerfile").write_text(NAIVE + "RUN echo more\n")
    result = dockfix("explain", "--measured", name)
    assert result.exit_code == 2
    assert result.stderr == "report.json: elsewhere/Dockerfile was measured in another rewrite\n"
    assert "900" not in result.stdout


def test_a_report_that_is_none(dockfix: Run, app: Path) -> None:
    for content, why in (("{", "Expecting"), ("{}", "no report of dockfix verify"), ("[]", "no report")):
        (app / "report.json").write_text(content)
        result = dockfix("explain", "--measured", "report.json")
        assert result.exit_code == 2
        assert why in result.stderr
    assert "No such file" in dockfix("explain", "--measured", "gone.json").stderr


def test_a_report_of_another_version(dockfix: Run, app: Path) -> None:
    name = report(app, "")
    content = json.loads((app / name).read_text()) | {"version": 99}
    (app / name).write_text(json.dumps(content))
    assert "its version is 99" in dockfix("explain", "--measured", name).stderr


def test_errors_are_told_and_the_others_explained(dockfix: Run, app: Path) -> None:
    (app / "Dockerfile.broken").write_text("FORM x\n")
    result = dockfix("explain", "Dockerfile.broken", "Dockerfile")
    assert result.exit_code == 2
    assert result.stderr.startswith("Dockerfile.broken:1: ")
    assert "old is not new" in result.stdout


def test_no_dockerfile(dockfix: Run, app: Path) -> None:
    (app / "Dockerfile").unlink()
    result = dockfix("explain")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith("no Dockerfile to explain\n")


def test_contradictions(dockfix: Run) -> None:
    assert "exclude each other" in dockfix("explain", "--verify", "--measured", "x").stderr
    assert "name a file" in dockfix("explain", "-").stderr
