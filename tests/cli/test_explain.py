"""``dockfix explain``: where the page goes, what it is made of, and what is an error."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dockfix.api import Repository, fix
from dockfix.dockerfile import Document
from dockfix.verify.comparison import Verdict
from dockfix.verify.image import ImageFacts
from dockfix.verify.json import document
from dockfix.verify.verification import Side, Verification, fingerprint
from tests.cli.conftest import FIXED, NAIVE, Run


def measured_now() -> str:
    """The fingerprint of what there is to rewrite now."""
    plan = fix("Dockerfile")
    return fingerprint(plan, Repository(Path()).app(Document.parse(plan.before, plan.path)))


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


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_each_of_several_repositories_is_told_of_apart(dockfix: Run, app: Path, form: str) -> None:
    for name in ("one", "other"):
        (app / name / ".git").mkdir(parents=True)
        (app / name / "Dockerfile").write_text(NAIVE)
        (app / name / "app.py").write_text("old\n")
    (app / "all.toml").write_text("")
    result = dockfix("explain", "--config", "all.toml", "--format", form, "one", "other")
    assert (result.exit_code, result.stderr) == (0, "")
    one, other = result.stdout.split("Repository o")[-2:]
    for told in (one, other):
        assert "app.py:1" in told
        assert "Write it" in told
        assert "dockfix --write --config ../all.toml Dockerfile" in told
        assert "one/" not in told and "other/" not in told


def test_a_repository_named_from_elsewhere_counts_from_its_own_folder(
    dockfix: Run, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = app / "svc" / "api"
    service.mkdir(parents=True)
    (service / "Dockerfile").write_text(NAIVE)
    (service / "app.py").write_text("old\n")
    monkeypatch.chdir(service)
    page = dockfix("explain", ".").stdout
    assert "Paths and commands count from the folder `../..`." in page
    assert "dockfix --write svc/api/Dockerfile\n" in page
    assert "dockfix verify svc/api/Dockerfile\n" in page
    assert f"docker build -t {app.name}-svc-api:rewritten -f svc/api/Dockerfile svc/api\n".replace("_", "-") in page
    assert " Dockerfile\n" not in page and "`Dockerfile" not in page
    monkeypatch.chdir(app)
    assert "count from" not in dockfix("explain", "svc").stdout


def test_an_output_that_cannot_be_written(dockfix: Run) -> None:
    result = dockfix("explain", "--output", "missing/why.md")
    assert result.exit_code == 2
    assert result.stderr == "missing/why.md: cannot be written: No such file or directory\n"


def test_figures_of_a_report(dockfix: Run, app: Path) -> None:
    result = dockfix("explain", "--measured", report(app, measured_now()))
    assert result.exit_code == 0
    assert "| size | 900.0 MB | 90.0 MB | -90% |" in result.stdout


def test_figures_of_another_rewrite_are_not_shown(dockfix: Run, app: Path) -> None:
    name = report(app, measured_now())
    (app / "Dockerfile").write_text(NAIVE + "RUN echo more\n")
    result = dockfix("explain", "--measured", name)
    assert result.exit_code == 2
    assert result.stderr == "report.json: has no figures of what is explained here\n"
    assert "900" not in result.stdout


def test_figures_of_the_app_as_it_was_are_not_shown(dockfix: Run, app: Path) -> None:
    (app / "app.py").write_text("one\n")
    rewrite = measured_now()
    name = report(app, rewrite)
    assert "900" in dockfix("explain", "--measured", name).stdout
    (app / name).write_text((app / name).read_text().replace("elsewhere/", "./"))
    (app / "app.py").write_text("two\n")
    result = dockfix("explain", "--measured", name)
    assert result.exit_code == 2
    assert result.stderr == "report.json: ./Dockerfile was measured in another rewrite or another app\n"
    assert "900" not in result.stdout


def test_figures_of_what_was_not_asked_for_are_no_error(dockfix: Run, app: Path) -> None:
    name = report(app, measured_now())
    content = json.loads((app / name).read_text())
    content["files"].append(content["files"][0] | {"path": "svc/api/Dockerfile", "rewrite": "another"})
    (app / name).write_text(json.dumps(content, indent=2))
    result = dockfix("explain", "--measured", name, "Dockerfile")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_report_that_is_none(dockfix: Run, app: Path) -> None:
    for content, why in (("{", "Expecting"), ("{}", "no report of dockfix verify"), ("[]", "no report")):
        (app / "report.json").write_text(content)
        result = dockfix("explain", "--measured", "report.json")
        assert result.exit_code == 2
        assert why in result.stderr
    assert "No such file" in dockfix("explain", "--measured", "gone.json").stderr


def test_a_report_with_a_field_of_another_type(dockfix: Run, app: Path) -> None:
    name = report(app, measured_now())
    content = json.loads((app / name).read_text())
    content["files"][0]["after"]["image"]["size"] = "small"
    (app / name).write_text(json.dumps(content))
    result = dockfix("explain", "--measured", name)
    assert result.exit_code == 2
    assert "--measured report.json: files[0].after.image.size is no measured number\n" in result.stderr


def test_a_report_of_another_version(dockfix: Run, app: Path) -> None:
    name = report(app, "")
    content = json.loads((app / name).read_text()) | {"version": 99}
    (app / name).write_text(json.dumps(content))
    assert "its version is 99" in dockfix("explain", "--measured", name).stderr


@pytest.fixture
def commit(app: Path) -> None:
    """The app in a commit called first."""
    (app / ".git").rmdir()
    for words in (("init",), ("add", "-A"), ("commit", "-m", "x"), ("tag", "first")):
        command = ["git", "-C", str(app), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        subprocess.run(command, check=True, capture_output=True)


@pytest.mark.usefixtures("commit")
def test_what_is_written_already_is_explained_since_a_revision(dockfix: Run, app: Path) -> None:
    planned = dockfix("explain").stdout
    assert (
        "`Dockerfile` is as it was: this rewrite has not been written." in dockfix("explain", "--since", "HEAD").stdout
    )
    dockfix("--write", "--quiet")
    assert "`--since REV`" in dockfix("explain").stdout
    result = dockfix("explain", "--since", "first")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "How the Dockerfile of `first` is rewritten" in result.stdout
    assert "`Dockerfile` and what goes with it are written as is explained here." in result.stdout
    assert "dockfix --write" not in result.stdout
    assert "dockfix verify --since first Dockerfile\n" in result.stdout
    start = "## What was done"
    assert (
        result.stdout.partition(start)[2].partition("## Size")[0] == planned.partition(start)[2].partition("## Size")[0]
    )


def test_the_options_are_in_the_commands(dockfix: Run, app: Path) -> None:
    page = dockfix("explain", "--base", "slim", "--skip", "no-sudo", "--safe", "--isolated", "--context", ".").stdout
    assert "dockfix --write --base slim --safe --skip no-sudo --context . --isolated Dockerfile\n" in page


@pytest.mark.usefixtures("commit")
def test_what_was_changed_by_hand_since_is_shown(dockfix: Run, app: Path) -> None:
    dockfix("--write", "--quiet")
    (app / ".dockerignore").unlink()
    (app / "Dockerfile").write_text(f"{FIXED}USER 7\n")
    page = dockfix("explain", "--since", "HEAD").stdout
    assert "has been changed otherwise" in page
    shown = page.partition("## What is otherwise now")[2].partition("\n## ")[0]
    assert "+USER 7\n" in shown
    assert "+++ /dev/null\n@@ -1 +0,0 @@\n-/.git\n" in shown


@pytest.mark.usefixtures("commit")
def test_a_file_that_two_rewrites_share_is_written_once(dockfix: Run, app: Path) -> None:
    (app / "Dockerfile.more").write_text(NAIVE)
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "two"], check=True)
    dockfix("--write", "--quiet")
    page = dockfix("explain", "--since", "HEAD").stdout
    assert page.count("are written as is explained here") == 2


@pytest.mark.usefixtures("commit")
def test_a_dockerfile_that_the_revision_lacks_is_passed_over(dockfix: Run, app: Path) -> None:
    (app / "Dockerfile.new").write_text(NAIVE)
    result = dockfix("explain", "--since", "HEAD")
    assert (result.exit_code, result.stderr) == (0, "Dockerfile.new: skipped: is not in commit HEAD\n")


@pytest.mark.usefixtures("commit")
def test_figures_measured_before_it_was_written(dockfix: Run, app: Path) -> None:
    name = report(app, measured_now())
    dockfix("--write", "--quiet")
    result = dockfix("explain", "--since", "HEAD", "--measured", name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "| size | 900.0 MB | 90.0 MB | -90% |" in result.stdout


@pytest.mark.parametrize(("revision", "why"), [("no", "no such commit"), ("-n", "names no commit")])
@pytest.mark.usefixtures("commit")
def test_a_revision_that_is_none(dockfix: Run, revision: str, why: str) -> None:
    result = dockfix("explain", f"--since={revision}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert why in result.stderr


def test_a_folder_without_git(dockfix: Run) -> None:
    assert "not a git repository" in dockfix("explain", "--since", "HEAD").stderr


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
