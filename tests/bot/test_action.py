"""The action, whose scripts are run as a runner would: in bash, with what it sets, and a stand-in for its tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import faults
from .door import Door
from .gitserver import TOKEN
from .hub import Hub
from .persons import comments, proposed

ACTION = Path(__file__).parents[2] / "action.yml"
STEPS: list[dict[str, Any]] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]
INPUTS: dict[str, Any] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["inputs"]
DOCKFIX = f'exec "{sys.executable}" -m dockfix "$@"'
NO_REVIEW = f'[ "$1 $2" != "bot review" ] || exit 2\n{DOCKFIX}'
NAIVE = "FROM node:20-alpine\nWORKDIR /app\nCOPY . .\nRUN npm install\nMAINTAINER me\nCMD node server.js\n"

needs_bash = pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="needs bash")


def script(name: str) -> str:
    (found,) = (step["run"] for step in STEPS if step["name"].startswith(name))
    assert isinstance(found, str)
    return found


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def run(step: str, folder: Path, *, stand_in: str = NO_REVIEW, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step in *folder*, which is the checkout; its temporary folder and tools lie beside it."""
    temporary = folder.parent / "temporary"
    program(temporary / "dockfix/bin/dockfix", stand_in)
    program(folder.parent / "tools/gh", 'echo "$GH_HOST $*" >"$RUNNER_TEMP/asked"; cat "$RUNNER_TEMP/files"')
    runner = {
        "PATH": f"{folder.parent / 'tools'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ACTION.parent),
        "RUNNER_TEMP": str(temporary),
        "GITHUB_STEP_SUMMARY": str(temporary / "summary"),
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_API_URL": "https://api.github.com",
        "ARGUMENTS": "",
        "CHECK": "false",
        "PULL": "7",
    }
    # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(step)]
    return subprocess.run(command, cwd=folder, env=runner | environment, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    for place in ("api", "web"):
        (folder / place).mkdir(parents=True)
        (folder / place / "Dockerfile").write_text(NAIVE)
    (folder / ".git").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "temporary/files").write_text("api/Dockerfile\nREADME.md\n")
    return folder


def test_nothing_of_an_event_becomes_part_of_a_script() -> None:
    for step in STEPS:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        assert all(isinstance(value, str) for value in step["env"].values())
    passed = " ".join(value for step in STEPS for value in step["env"].values())
    assert set(re.findall(r"inputs\.([\w-]+)", passed)) == set(INPUTS)


def test_no_token_is_an_argument() -> None:
    assert re.findall(r"\S*TOKEN\S*", "\n".join(step["run"] for step in STEPS)) == [
        *("GH_TOKEN", "GH_ENTERPRISE_TOKEN", "DOCKFIX_TOKEN"),  # after what unsets them
    ]


@needs_bash
def test_installing_imports_nothing_of_the_checkout(checkout: Path, tmp_path: Path) -> None:
    for name in ("venv", "logging", "pip", "ensurepip", "subprocess"):
        (checkout / f"{name}.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\nraise SystemExit\n")
    run("Install", checkout, stand_in="", SOURCE=str(tmp_path / "no-such-source"), PYTHONPATH="")
    assert (tmp_path / "temporary/dockfix/pyvenv.cfg").exists()
    assert not (tmp_path / "owned").exists()


@needs_bash
def test_a_pull_request_is_told_of_the_dockerfiles_that_it_changes(checkout: Path, tmp_path: Path) -> None:
    done = run("Check", checkout, ARGUMENTS="--only maintainer-label\n--safe")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("::warning file=api/Dockerfile,line=5,title=dockfix maintainer-label::")
    assert "web/Dockerfile" not in done.stdout
    assert done.stderr == "1 Dockerfile would be rewritten, 0 unchanged\n"
    summary = (tmp_path / "temporary/summary").read_text()
    assert "maintainer-label" in summary
    assert "api/Dockerfile" in summary
    assert (
        (tmp_path / "temporary/asked").read_text().startswith("github.com api --paginate repos/acme/shop/pulls/7/files")
    )


@needs_bash
@pytest.mark.parametrize("may_write", [True, False])
def test_a_pull_request_gets_suggestions_or_else_annotations(
    checkout: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, may_write: bool
) -> None:
    """The whole step, against a GitHub whose token may only read where the pull request comes from a fork."""
    _, pull = proposed(hub, None, NAIVE, "api/Dockerfile")
    if not may_write:
        hub.faults.append(faults.on("POST", "/reviews", faults.answered(403, "Resource not accessible by integration")))
    with Door(hub) as door:
        environment = {"GITHUB_API_URL": door.address, "PULL": "1", "DOCKFIX_TOKEN": TOKEN, "GH_TOKEN": TOKEN}
        done = run("Check", checkout, stand_in=DOCKFIX, ARGUMENTS="--only maintainer-label,workdir", **environment)
    assert done.returncode == 0, done.stderr
    said = ["`maintainer-label`" in comment["body"] for comment in comments(pull)]
    assert said == ([True] if may_write else [])
    assert done.stdout.count("::warning file=api/Dockerfile,line=5,title=dockfix maintainer-label::") == 1 - may_write
    assert (checkout.parent / "temporary/summary").read_text()


@needs_bash
def test_what_was_reviewed_is_annotated_by_the_review_alone(checkout: Path) -> None:
    once = f'[ "$1 $2" != "bot review" ] || {{ echo "::notice::by the review"; exit 0; }}\n{DOCKFIX}'
    done = run("Check", checkout, stand_in=once, CHECK="true")
    assert (done.returncode, done.stdout) == (1, "::notice::by the review\n")


@needs_bash
def test_check_fails_the_job(checkout: Path) -> None:
    assert run("Check", checkout, CHECK="true").returncode == 1
    assert run("Check", checkout, CHECK="true", ARGUMENTS="--only multiple-commands").returncode == 0


@needs_bash
def test_a_pull_request_without_dockerfiles_is_fine(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "temporary/files").write_text("README.md\n")
    done = run("Check", checkout, CHECK="true")
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "temporary/summary").read_text() == ""


@needs_bash
def test_a_broken_dockerfile_fails_with_its_place(checkout: Path) -> None:
    (checkout / "api/Dockerfile").write_text("FROM a\nNONSENSE\n")
    done = run("Check", checkout)
    assert done.returncode == 2
    assert done.stdout.startswith("::error file=api/Dockerfile,line=2,title=dockfix::")


@needs_bash
def test_a_summary_is_cut_before_github_refuses_it(checkout: Path, tmp_path: Path) -> None:
    done = run("Check", checkout, stand_in="[ $1 != explain ] || yes 'é line' | head -n 300000")
    assert done.returncode == 0, done.stderr
    summary = (tmp_path / "temporary/summary").read_bytes()
    assert 999_000 < len(summary) <= 1_000_000
    assert summary.decode().endswith("é line\n")


@needs_bash
def test_otherwise_the_bot_visits_its_own_repository(checkout: Path) -> None:
    asked = "--skip user $(touch owned)"
    done = run("Propose", checkout, stand_in="""printf '%s\\n' "$DOCKFIX_URL" "$@\"""", ARGUMENTS=asked)
    assert done.stdout.split("\n") == [
        *("https://api.github.com", "bot", "run", "--repo", "acme/shop"),
        *("--skip", "user", "$(touch", "owned)", ""),
    ]
    assert not (checkout / "owned").exists()
