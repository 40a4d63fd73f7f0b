"""The command with an engine of files: exit codes, formats, and what is written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from click.testing import CliRunner, Result

from dockfix import trials
from dockfix.cli import main
from dockfix.means import MeansOption
from dockfix.verify.comparison import Verdict
from dockfix.verify.verification import Trial, Verification
from dockfix.verify.workspace import Interrupted
from tests.verify.kernel import Kernel

Run: TypeAlias = Callable[..., Result]

NAIVE = "FROM python:3.11\nCOPY . .\nRUN apt-get update && apt-get install -y curl\nCMD python app.py\n"
UNHELD = "builds are limited in time alone: the engine is on another machine (far, Linux 1.0)\n"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "app"
    (folder / ".git").mkdir(parents=True)
    (folder / "Dockerfile").write_text(NAIVE)
    (folder / "app.py").write_text("print('hello')\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def verify(app: Path, state: Path, program: str) -> Run:
    def run(*arguments: str) -> Result:
        words = ["verify", "--isolated", "--engine", program, *arguments]
        result = CliRunner().invoke(main, words, prog_name="dockfix")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert list(state.iterdir()) == []
        return result

    return run


def test_both_end_without_a_word(verify: Run, app: Path) -> None:
    (app / "Dockerfile").write_text(f"# exits 0\n{NAIVE}")
    result = verify("--quick")
    assert result.exit_code == 2
    assert result.stdout.startswith("Dockerfile: not comparable\n  both end at once without a word\n")
    assert result.stderr == f"{UNHELD}1 not comparable\n"
    assert (app / "Dockerfile").read_text() == f"# exits 0\n{NAIVE}"


@pytest.mark.parametrize(
    ("memory", "short"),
    [
        ("64m", "ran out of the 64m of memory that a container is given (--memory)"),
        ("0", "ran out of the machine's memory"),
    ],
)
def test_containers_that_the_kernel_ended_for_memory(verify: Run, app: Path, memory: str, short: str) -> None:
    (app / "Dockerfile").write_text(f"# exits 137\n# greedy\n{NAIVE}")
    result = verify("--quick", "--memory", memory)
    assert result.exit_code == 2
    assert result.stdout.startswith(f"Dockerfile: not comparable\n  both containers {short}\n")
    assert "ends with 137, short of memory" in result.stdout


@pytest.mark.parametrize(
    ("line", "reason"),
    [("# breaks", "RUN make ended with 2"), ("# no-base", "base gone:1 cannot be had")],
)
def test_an_original_that_does_not_build_is_not_our_fault(verify: Run, app: Path, line: str, reason: str) -> None:
    (app / "Dockerfile").write_text(f"{line}\n{NAIVE}")
    result = verify()
    assert result.exit_code == 2
    assert f"Dockerfile: the original does not build\n  {reason}\n" in result.stdout


def test_an_interruption_before_anything_is_made_says_nothing_of_the_images(
    verify: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trials, "found_engine", interrupted)
    result = verify()
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "Aborted!\n")


UNHEARD = """
from dockfix import trials
from dockfix.cli import main
def interrupted(*words, **named):
    raise KeyboardInterrupt
trials.found_engine = interrupted
main(["verify", "--isolated"])
"""


def test_an_interruption_ends_the_same_where_nobody_reads_of_it(app: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", UNHEARD], stdout=writing, stderr=writing, check=False)
    os.close(writing)
    assert done.returncode == 130


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_report_that_nobody_reads_is_no_difference(app: Path, state: Path, program: str, form: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "dockfix", "verify", "--isolated", "--engine", program, "--quick", "--quiet"]
    (app / "Dockerfile").write_text(f"# exits 3\n{NAIVE}")
    done = subprocess.run([*command, "--format", form], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr, list(state.iterdir())) == (2, "", [])


def test_an_engine_that_is_lost_tells_nothing_of_the_original(verify: Run, app: Path) -> None:
    (app / "Dockerfile").write_text(f"# lost\n{NAIVE}")
    result = verify("--format", "json")
    found = json.loads(result.stdout)["files"][0]
    assert (result.exit_code, found["verdict"]) == (2, "could not run")
    assert "code = Unavailable" in found["reasons"][0]


@pytest.mark.parametrize(
    ("builds", "code", "words"),
    [
        ("lost built", 0, "Dockerfile: same behaviour\n"),
        (
            "lost lost",
            2,
            "Dockerfile: not comparable\n  the original does not get its downloads: npm error code ETIMEDOUT\n",
        ),
        ("built lost built", 0, "Dockerfile: same behaviour\n"),
        (
            "built lost lost lost lost",
            2,
            "not comparable\n  by now neither side gets its downloads; the rewrite's: npm error code ETIMEDOUT\n",
        ),
        ("built lost lost built", 1, "different\n  the rewrite does not build: RUN npm ci ended with 1\n"),
    ],
)
def test_a_download_that_was_lost_is_no_difference(
    verify: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builds: str, code: int, words: str
) -> None:
    tmp_path.joinpath("outages").write_text(builds)
    monkeypatch.setenv("FAKE_OUTAGES", str(tmp_path / "outages"))
    result = verify("--quick", "--patience", "1")
    assert (result.exit_code, tmp_path.joinpath("outages").read_text()) == (code, "")
    assert words in result.stdout


def test_what_the_engine_does_not_do_later_is_no_failure_of_the_image(
    verify: Run, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dockfix.verify.container import Container
    from dockfix.verify.result import EngineError

    def overburdened(self: Container, timeout: int = 10) -> None:
        raise EngineError("docker stop: not done after 40 seconds")

    monkeypatch.setattr(Container, "stop", overburdened)
    result = verify("--quick", "--patience", "1")
    assert result.exit_code == 2
    assert "could not run\n  docker stop: not done after 40 seconds\n" in result.stdout


def test_nothing_to_change_is_nothing_to_verify(verify: Run, app: Path) -> None:
    (app / "Dockerfile").write_text("FROM scratch\nCOPY app.py /\n")
    (app / ".dockerignore").write_text(".git\n")
    result = verify()
    assert (result.exit_code, result.stderr) == (0, f"{UNHELD}1 unchanged\n")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--network", "gone"], "{program} has no network gone"),
        (["--memory", "4m"], "--memory 4m is less than the 6m that {program} allows"),
    ],
)
def test_what_no_container_could_be_given_is_told_before_anything_is_built(
    verify: Run, app: Path, program: str, monkeypatch: pytest.MonkeyPatch, options: list[str], complaint: str
) -> None:
    from dockfix.verify.docker import Docker

    monkeypatch.setattr(Docker, "build_command", lambda self: pytest.fail("it builds"))
    result = verify(*options)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", complaint.format(program=program) + "\n")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_folder_without_a_dockerfile(verify: Run, app: Path, form: str) -> None:
    (app / "Dockerfile").unlink()
    result = verify("--quiet", "--format", form)
    assert (result.exit_code, result.stderr) == (2, "no Dockerfile to verify\n")


@pytest.mark.parametrize(("paths", "code"), [((), 0), (("web",), 2)])
def test_what_a_revision_does_not_have_is_wrong_where_it_is_named(
    verify: Run, committed: Path, paths: tuple[str, ...], code: int
) -> None:
    git = ["git", "-C", str(committed)]
    subprocess.run([*git, "rm", "--quiet", "Dockerfile", "api/Dockerfile"], check=True)
    subprocess.run([*git, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "none"], check=True)
    (committed / "web").mkdir()
    (committed / "web" / "Dockerfile").write_text(NAIVE)
    result = verify("--since", "HEAD", *paths)
    assert result.exit_code == code
    assert result.stderr.endswith("web/Dockerfile: skipped: is not in commit HEAD\nno Dockerfile to verify\n")


def test_a_route_begins_with_a_slash(verify: Run) -> None:
    result = verify("--path", "login")
    assert (result.exit_code, "'login' does not begin with /" in result.stderr) == (2, True)


def test_what_failed_is_summed_up_too(verify: Run, app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts(monkeypatch, lambda ids: False)
    (app / "web").mkdir()
    (app / "web" / "Dockerfile").write_text("FROM\n")
    result = verify("web")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[1:] == [
        "web/Dockerfile:1: FROM requires either one or three arguments",
        "1 failed",
    ]
    assert verify(".", "gone").stderr.endswith("\n1 same behaviour, 2 failed\n")


def test_json(verify: Run, app: Path) -> None:
    (app / "Dockerfile").write_text(f"# exits 3\n{NAIVE}")
    result = verify("--format", "json", "--rebuilds", "2")
    found = json.loads(result.stdout)["files"][0]
    assert found["verdict"] == "not comparable"
    assert found["before"]["image"]["size"] == (len(NAIVE) + 10) * 1_000_000
    assert len(found["before"]["builds"]["source"]) == 2
    assert found["after"]["run"]["exit_code"] == 3


@pytest.fixture
def held(kernel: Kernel) -> Iterator[Kernel]:
    """The engine on this machine, of whose control groups none is left."""
    yield kernel
    assert kernel.groups() == []


@pytest.mark.parametrize("kernel", [2], indirect=True)
def test_what_builds_were_held_to_is_told(verify: Run, held: Kernel) -> None:
    result = verify("--format", "json", "--quick", "--build-memory", "1g")
    told = json.loads(result.stdout)
    assert (told["build_limits"], told["build_limits_missing"]) == ({"memory": "1g", "pids": 4096}, None)
    assert "limited in time alone" not in result.stderr


def test_why_builds_were_not_held_is_told(verify: Run) -> None:
    told = json.loads(verify("--format", "json", "--quick").stdout)
    assert told["build_limits"] is None
    assert f"builds are limited in time alone: {told['build_limits_missing']}\n" == UNHELD


@pytest.mark.parametrize("kernel", [2], indirect=True)
def test_whoever_wants_no_limit_is_told_nothing(verify: Run, held: Kernel) -> None:
    result = verify("--format", "json", "--quick", "--build-memory", "0", "--build-pids", "0")
    told = json.loads(result.stdout)
    assert (told["build_limits"], told["build_limits_missing"]) == (None, None)
    assert "limited in time alone" not in result.stderr


@pytest.mark.parametrize("kernel", [2], indirect=True)
@pytest.mark.parametrize(
    ("starved", "verdict", "start"),
    [
        (
            "original",
            "not comparable",
            "the build of the original ran out of the 9 processes that a build is given (--build-pids): ",
        ),
        (
            "rewrite",
            "not comparable",
            "the build of the rewrite, unlike the original's, ran out of the 9 processes that",
        ),
    ],
)
def test_a_build_that_had_not_enough(
    verify: Run, held: Kernel, monkeypatch: pytest.MonkeyPatch, starved: str, verdict: str, start: str
) -> None:
    from dockfix.verify import engine

    build = engine.Engine.build
    sides = iter([None, "original", "rewrite"])  # first it is tried whether the groups are the engine's

    def wasteful(self: engine.Engine, context: Path, dockerfile: str | Path = "Dockerfile", **options: Any) -> Any:
        if next(sides) == starved:
            path = Path(dockerfile)
            path.write_text(f"# starves\n{path.read_text()}")
        return build(self, context, dockerfile, **options)

    monkeypatch.setattr(engine.Engine, "build", wasteful)
    result = verify("--quick", "--format", "json", "--build-pids", "9")
    found = json.loads(result.stdout)["files"][0]
    assert (result.exit_code, found["verdict"]) == (2, verdict)
    assert found["reasons"][0].startswith(start)


@pytest.mark.parametrize("kernel", [2], indirect=True)
@pytest.mark.parametrize(
    ("sides", "said"),
    [
        ({"original"}, "the build of the original, unlike the rewrite's, ran out of the 9m of memory"),
        ({"rewrite"}, "the build of the rewrite, unlike the original's, ran out of the 9m of memory"),
        ({"original", "rewrite"}, "both builds ran out of the 9m of memory"),
        (set(), ""),
    ],
)
def test_a_build_that_goes_on_without_a_process_that_was_killed(
    verify: Run, held: Kernel, monkeypatch: pytest.MonkeyPatch, sides: set[str], said: str
) -> None:
    from dockfix.verify import engine, verification
    from dockfix.verify.observation import Observation

    build = engine.Engine.build
    order = iter(["", "original", "rewrite"])  # first it is tried whether the groups are the engine's

    def wasteful(self: engine.Engine, context: Path, dockerfile: str | Path = "Dockerfile", **options: Any) -> Any:
        if next(order) in sides:
            path = Path(dockerfile)
            path.write_text(f"# loses-one\n{path.read_text()}")
        return build(self, context, dockerfile, **options)

    monkeypatch.setattr(engine.Engine, "build", wasteful)
    monkeypatch.setattr(verification, "observe", lambda *_, **__: Observation(True))
    found = json.loads(verify("--quick", "--format", "json", "--build-memory", "9m").stdout)["files"][0]
    assert found["verdict"] == ("not comparable" if len(sides) == 1 else "same behaviour")
    told = found["reasons"] if len(sides) == 1 else found["remarks"]
    assert any(line.startswith(said) and line.endswith(", and went on") for line in told) == bool(sides)


def test_an_original_that_builds_nothing_after_an_edit_is_remarked(
    verify: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dockfix.verify import engine
    from dockfix.verify.result import BuildStep

    build = engine.Engine.build

    def built(self: engine.Engine, context: Path, *arguments: Any, **options: Any) -> Any:
        steps = (BuildStep("npm ci", True), BuildStep("npm run build", "after" not in context.parts))
        return replace(build(self, context, *arguments, **options), steps=steps)

    monkeypatch.setattr(engine.Engine, "build", built)
    said = "after a change of source the original only copies, and the rewrite runs npm run build\n"
    assert f"  note: {said}" in verify("--quick", "--rebuilds", "1").stdout
    assert f"\n* {said}" in verify("--quick", "--rebuilds", "1", "--format", "markdown").stdout
    assert said not in verify("--quick").stdout


def test_a_build_that_fails_the_second_time_leaves_the_verdict(
    verify: Run, app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dockfix.verify import engine

    (app / "Dockerfile").write_text(f"# exits 3\n{NAIVE}")
    build = engine.Engine.build
    left = iter([True, True, True])

    def failing(self: engine.Engine, context: Path, *arguments: Any, **options: Any) -> Any:
        result = build(self, context, *arguments, **options)
        return result if next(left, False) else replace(result, ok=False, reason="RUN pip install ended with 1")

    monkeypatch.setattr(engine.Engine, "build", failing)
    found = json.loads(verify("--format", "json").stdout)["files"][0]
    assert found["verdict"] == "not comparable"
    assert "builds after a change were not timed: the rewrite does not build again: RUN pip install" in str(found)
    assert found["after"]["run"]["exit_code"] == 3
    assert (found["before"]["builds"]["source"], found["changed"]) == ([], [])


def test_quick_times_the_rebuilds_that_are_asked_for_and_nothing_else(verify: Run, app: Path) -> None:
    result = verify("--format", "json", "--quick", "--rebuilds", "1")
    for side in ("before", "after"):
        builds = json.loads(result.stdout)["files"][0][side]["builds"]
        assert (builds["cold"], len(builds["source"]), builds["dependencies"]) == (None, 1, [])


def test_markdown(verify: Run, app: Path) -> None:
    (app / "Dockerfile").write_text(f"# exits 3\n{NAIVE}")
    result = verify("--format", "markdown", "--quick")
    assert result.stdout.startswith("### Dockerfile: not comparable\n\n* the original ends with exit code 3")
    assert "| container | ends with 3 | ends with 3 |  |\n" in result.stdout


def test_an_engine_that_is_not_there(app: Path) -> None:
    result = CliRunner().invoke(main, ["verify", "--engine", "no-such-engine"], prog_name="dockfix")
    assert (result.exit_code, result.stderr) == (2, "no-such-engine: No such file or directory\n")


def test_what_is_left_is_told_and_is_no_success(
    app: Path, program: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts(monkeypatch, lambda ids: False)
    monkeypatch.setenv("FAKE_CLINGING", "network")
    words = ["verify", "--isolated", "--quiet", "--engine", program]
    result = CliRunner().invoke(main, words, prog_name="dockfix")
    assert result.exit_code == 2
    assert result.stderr.startswith("networks left: dockfix-veri; remove with ")

    def interrupted(*_: object, **__: object) -> None:
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(trials, "verify", interrupted)
    result = CliRunner().invoke(main, words, prog_name="dockfix")
    assert result.exit_code == 2
    assert result.stderr.startswith("ended by SIGTERM\nnetworks left: dockfix-veri")


@pytest.mark.parametrize("arguments", [["-e", "NAME"], ["-e", "=x"], ["-"]])
def test_nonsense_is_refused(verify: Run, arguments: list[str]) -> None:
    assert verify(*arguments).exit_code == 2


@pytest.fixture
def committed(app: Path) -> Path:
    """The app with a commit that has it."""
    (app / ".git").rmdir()
    (app / "api").mkdir()
    (app / "api" / "Dockerfile").write_text(NAIVE)
    for words in (("init",), ("add", "-A"), ("commit", "-m", "x")):
        command = ["git", "-C", str(app), "-c", "user.name=a", "-c", "user.email=a@example.org", *words]
        subprocess.run(command, check=True, capture_output=True)
    return app


def test_what_a_revision_has_is_the_original(verify: Run, committed: Path) -> None:
    (committed / "app.py").unlink()
    found = json.loads(verify("--since", "HEAD", "--quick", "--format", "json", "Dockerfile").stdout)["files"][0]
    assert found["before"]["image"]["size"] == len(NAIVE) * 1_000_000


def rewrite() -> None:
    assert CliRunner().invoke(main, ["--write", "--isolated", "."], prog_name="dockfix").exit_code == 0


def test_what_was_written_since_is_verified(verify: Run, committed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts(monkeypatch, lambda ids: False)
    rewrite()
    assert (committed / ".dockerignore").exists()
    result = verify("--since", "HEAD", ".")
    assert (result.exit_code, result.stderr) == (0, f"{UNHELD}2 same behaviour\n")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("Dockerfile", 'CMD ["false"]\n', '`CMD ["false"]` in place of nothing'),
        (".dockerignore", "app.py\n", "`app.py` in place of nothing"),
    ],
)
def test_what_was_changed_otherwise_since_is_not_verified(
    verify: Run, committed: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, line: str
) -> None:
    verdicts(monkeypatch, lambda ids: False)
    rewrite()
    with (committed / name).open("a") as file:
        file.write(text)
    number = len((committed / name).read_text().splitlines())
    result = verify("--since", "HEAD", "Dockerfile")
    made = "is not what dockfix makes of commit HEAD with these options"
    assert result.exit_code == 2
    assert f"{name}:{number}: {made}: {line}\n" in result.stderr


def test_what_was_removed_since_is_not_verified(verify: Run, committed: Path) -> None:
    rewrite()
    (committed / ".dockerignore").unlink()
    result = verify("--since", "HEAD", "Dockerfile")
    assert result.exit_code == 2
    assert ".dockerignore:1: is not what dockfix makes of commit HEAD with these options: it is not there" in (
        result.stderr
    )


def trial_of(monkeypatch: pytest.MonkeyPatch) -> list[Trial]:
    """The trials that are made, each of which finds the same behaviour."""
    made: list[Trial] = []

    def judged(*_: Any, path: str, trial: Trial, **__: Any) -> Verification:
        made.append(trial)
        return Verification(path, Verdict("same behaviour"))

    monkeypatch.setattr(trials, "verify", judged)
    return made


def verdicts(monkeypatch: pytest.MonkeyPatch, breaks: Callable[[frozenset[str]], bool]) -> None:
    """Let exactly the plans differ that *breaks* says of, by the transforms in them."""

    def judged(plan: Any, *_: Any, path: str, **__: Any) -> Verification:
        ids = frozenset(id for id, _ in plan.steps)
        return Verification(path, Verdict("different", ("broken",)) if breaks(ids) else Verdict("same behaviour"))

    monkeypatch.setattr(trials, "verify", judged)


def test_exit_codes(verify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts(monkeypatch, lambda ids: False)
    assert verify().exit_code == 0
    verdicts(monkeypatch, lambda ids: True)
    assert verify().exit_code == 1


def test_bisection_names_the_culprits(verify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts(monkeypatch, lambda ids: {"init", "user"} <= ids)
    assert "the difference needs init, user\n" in verify("--bisect").stdout


@pytest.mark.parametrize(("differs", "code"), [(False, 0), (True, 1)])
def test_only_what_was_verified_is_written(
    app: Path, program: str, state: Path, monkeypatch: pytest.MonkeyPatch, differs: bool, code: int
) -> None:
    monkeypatch.setenv("PATH", str(Path(program).parent), prepend=":")
    verdicts(monkeypatch, lambda ids: differs)
    result = CliRunner().invoke(main, ["--write", "--verify", "--isolated", "."], prog_name="dockfix")
    assert result.exit_code == code, result.stderr
    assert ((app / "Dockerfile").read_text() == NAIVE) is differs
    assert ("Dockerfile: not written: different: broken\n" in result.stderr) is differs


def test_what_is_written_verified_is_verified_by_the_means_given(
    app: Path, program: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trial_of(monkeypatch)
    words = ["--write", "--verify", "--isolated", "--engine", program, "-e", "KEY=x", "--build-arg", "A=b"]
    result = CliRunner().invoke(main, [*words, "--path", "/api", "--patience", "7", "."], prog_name="dockfix")
    assert result.exit_code == 0, result.stderr
    (trial,) = made
    assert (trial.env, trial.build_args, trial.paths, trial.patience.port) == ({"KEY": "x"}, {"A": "b"}, ("/api",), 7)
    assert trial.quick


def test_a_page_that_measures_does_so_by_the_means_given(
    app: Path, program: str, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trial_of(monkeypatch)
    words = ["explain", "--verify", "--isolated", "--engine", program, "--env", "KEY=x", "--target", "app"]
    result = CliRunner().invoke(main, [*words, "--rebuilds", "2", "."], prog_name="dockfix")
    assert result.exit_code == 0, result.stderr
    (trial,) = made
    assert (trial.env, trial.target, trial.rebuilds, trial.quick) == ({"KEY": "x"}, "app", 2, False)


def test_a_page_without_the_figures_asked_for_is_a_failure(app: Path, program: str, state: Path) -> None:
    (app / "Dockerfile").write_text(f"# breaks\n{NAIVE}")
    words = ["explain", "--verify", "--isolated", "--engine", program, "."]
    result = CliRunner().invoke(main, words, prog_name="dockfix")
    why = "the original does not build: RUN make ended with 2"
    assert (result.exit_code, result.stderr) == (2, f"{UNHELD}Dockerfile: {why}\n")
    assert f"`Dockerfile` has no figures: {why}.\n" in result.stdout
    assert "## Build performance" not in result.stdout


@pytest.mark.parametrize("words", [["--write"], ["explain"], ["explain", "--measured", "report.json"]])
@pytest.mark.parametrize(
    ("option", "name"), [(["-e", "A=b"], "--env"), (["--memory", "2g"], "--memory"), (["--path", "/"], "--path")]
)
def test_means_go_with_verify(app: Path, words: list[str], option: list[str], name: str) -> None:
    result = CliRunner().invoke(main, [*words, *option, "."], prog_name="dockfix")
    assert result.exit_code == 2
    assert f"{name} goes with --verify\n" in result.stderr
    assert (app / "Dockerfile").read_text() == NAIVE


def test_all_three_commands_have_the_same_options() -> None:
    def means(name: str) -> dict[str, dict[str, Any]]:
        command = main.default if name == "fix" else main.commands[name]
        return {each.name or "": each.to_info_dict() for each in command.params if isinstance(each, MeansOption)}

    assert means("verify") == means("explain")
    assert means("verify").keys() - means("fix").keys() == {"quick", "rebuilds"}
    assert means("fix").items() <= means("verify").items()


def test_help_keeps_the_options_of_a_verification_apart() -> None:
    for words in (["--help"], ["explain", "--help"]):
        own, _, verifying = CliRunner().invoke(main, words).stdout.partition("\nOptions of --verify:\n")
        assert "  --engine COMMAND " in verifying and "--skip" not in verifying
        assert "  --verify " in own and "--engine" not in own


def test_verify_needs_something_to_write(app: Path) -> None:
    result = CliRunner().invoke(main, ["--verify", "."], prog_name="dockfix")
    assert result.exit_code == 2
    assert "--verify goes with --write" in result.stderr


@pytest.mark.parametrize(
    ("slow", "answer"),
    [
        ("original", (2, "not comparable", "the build of the original is not done after 1 seconds (--timeout)")),
        ("rewrite", (2, "not comparable", "the build of the rewrite is not done after 1 seconds (--timeout)")),
    ],
)
def test_a_build_that_takes_too_long(
    verify: Run, app: Path, monkeypatch: pytest.MonkeyPatch, slow: str, answer: tuple[int, str, str]
) -> None:
    from dockfix.verify import engine

    build = engine.Engine.build
    calls: list[Path] = []

    def hurried(self: engine.Engine, context: Path, dockerfile: str | Path, **options: Any) -> Any:
        calls.append(context)
        if (len(calls) == 1) == (slow == "original"):
            path = Path(dockerfile)
            path.write_text(f"# slow\n{path.read_text()}")
            options["timeout"] = 1
        return build(self, context, dockerfile, **options)

    monkeypatch.setattr(engine.Engine, "build", hurried)
    result = verify("--quick", "--format", "json")
    found = json.loads(result.stdout)["files"][0]
    assert (result.exit_code, found["verdict"], found["reasons"][0]) == answer


def test_a_line_that_any_run_of_the_original_says_is_its_own(verify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from dockfix.verify import verification
    from dockfix.verify.observation import Observation, Patience

    line = "Watcher Error: EACCES: permission denied, watch '/root'"
    logs = iter(["", line, line])
    waits: list[float] = []

    def observe(*arguments: Any, patience: Patience, **options: Any) -> Observation:
        waits.append(patience.linger)
        return Observation(True, log=next(logs), ready=3.0)

    monkeypatch.setattr(verification, "observe", observe)
    assert verify("--quick").exit_code == 0
    assert waits == [0.0, 0.0, 13.0]


def test_a_line_that_the_rewrite_alone_says_is_a_difference(verify: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from dockfix.verify import verification
    from dockfix.verify.observation import Observation

    logs = iter(["", "Error: Cannot find module 'x'", "all is well"])
    monkeypatch.setattr(verification, "observe", lambda *_, **__: Observation(True, log=next(logs)))
    result = verify("--quick")
    assert result.exit_code == 1
    assert "the rewrite says: Error: Cannot find module 'x'" in result.stdout
