"""Whatever stands in the place of a Dockerfile: one line that names it, exit code 2, and the others are handled."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result

from dockfix import registry
from dockfix.model import Model
from dockfix.text import Edit, Span
from dockfix.transform import Change, Transform

Run: TypeAlias = Callable[..., Result]

SOURCES = {
    "empty": (b"", 1),
    "only comments": (b"# nothing\n\n", 2),
    "nul": (b"FROM busybox\nRUN a\0b\n", 2),
    "binary": (bytes(range(256)) * 40, 1),
    "no FROM": (b"\nRUN true\n", 2),
    "unterminated heredoc": (b"FROM busybox\nRUN <<EOF\necho\n", 2),
    "ENV without value": (b"FROM busybox\n\nENV A\n", 3),
    "unknown instruction": (b"FROM busybox\nRUM true\n", 2),
    "line too long": (b"FROM busybox\nRUN true " + b"a" * 65_536 + b"\n", 2),
    "ten megabytes": (b"FROM busybox\n" + b"RUN true\n" * 1_111_111, 1),
}


def only_line(result: Result, path: str) -> int:
    """The line number of the one message about *path*."""
    lines = [line for line in result.stderr.split("\n") if line.startswith(f"{path}:")]
    assert len(lines) == 1, result.stderr
    found = re.match(rf"{re.escape(path)}:(\d+): \S", lines[0])
    assert found, lines[0]
    return int(found[1])


@pytest.mark.parametrize("mode", ["--diff", "--write"])
@pytest.mark.parametrize("name", SOURCES)
def test_source_that_no_builder_takes(dockfix: Run, app: Path, name: str, mode: str) -> None:
    source, line = SOURCES[name]
    (app / "bad.dockerfile").write_bytes(source)
    result = dockfix(mode, ".")
    assert result.exit_code == 2
    assert only_line(result, "bad.dockerfile") == line
    assert (app / "bad.dockerfile").read_bytes() == source
    assert "+RUN echo new\n" in result.stdout
    assert result.stderr.endswith(", 0 unchanged, 1 refusal, 1 failed\n")


def test_folder_in_its_place(dockfix: Run, app: Path) -> None:
    (app / "api" / "Dockerfile").mkdir(parents=True)
    result = dockfix(".")
    assert result.exit_code == 2
    assert only_line(result, "api/Dockerfile") == 1
    assert "+RUN echo new\n" in result.stdout
    assert only_line(dockfix("api/Dockerfile"), "api/Dockerfile") == 1


def test_what_is_no_plain_file(dockfix: Run, app: Path) -> None:
    """A pipe would keep dockfix waiting for ever."""
    os.mkfifo(app / "pipe.dockerfile")
    result = dockfix(".")
    assert result.exit_code == 2
    assert only_line(result, "pipe.dockerfile") == 1


@pytest.mark.parametrize("mode", ["--diff", "--write"])
def test_link_out_of_the_tree(dockfix: Run, app: Path, tmp_path_factory: pytest.TempPathFactory, mode: str) -> None:
    outside = tmp_path_factory.mktemp("outside") / "Dockerfile"
    outside.write_bytes((app / "Dockerfile").read_bytes())
    (app / "link.dockerfile").symlink_to(outside)
    result = dockfix(mode, ".")
    assert result.exit_code == 2
    assert only_line(result, "link.dockerfile") == 1
    assert outside.read_text().count("old") == 1


def test_link_that_leads_nowhere(dockfix: Run, app: Path) -> None:
    (app / "link.dockerfile").symlink_to("nowhere")
    result = dockfix(".")
    assert result.exit_code == 2
    assert only_line(result, "link.dockerfile") == 1


def test_link_in_a_circle(dockfix: Run, app: Path) -> None:
    (app / "link.dockerfile").symlink_to("link.dockerfile")
    result = dockfix("link.dockerfile", "Dockerfile")
    assert result.exit_code == 2
    assert only_line(result, "link.dockerfile") == 1
    assert "+RUN echo new\n" in result.stdout


def test_no_permission(dockfix: Run, app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (app / "secret.dockerfile").write_text("FROM busybox\n")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:  # root may read everything, so that chmod would prove nothing
        if path.name == "secret.dockerfile":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    result = dockfix(".")
    assert result.exit_code == 2
    assert "secret.dockerfile:1: cannot be read: Permission denied\n" in result.stderr
    assert "+RUN echo new\n" in result.stdout


def test_missing_file(dockfix: Run) -> None:
    result = dockfix("api/Dockerfile", "Dockerfile")
    assert result.exit_code == 2
    assert "api/Dockerfile:1: cannot be read: No such file or directory\n" in result.stderr
    assert "+RUN echo new\n" in result.stdout


@pytest.mark.parametrize(
    ("path", "content"), [("package.json", b"{"), ("compose.yaml", b"a: [\n\t- b"), ("app.py", b"def \xff(:\n")]
)
def test_unreadable_companion_does_not_fail_the_run(dockfix: Run, app: Path, path: str, content: bytes) -> None:
    (app / path).write_bytes(content)
    result = dockfix(".")
    assert result.exit_code == 0
    assert "+RUN echo new\n" in result.stdout


def test_a_transform_that_raises_fails_its_file_alone(dockfix: Run, app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (app / "strange.dockerfile").write_text("FROM strange\n")

    def run(model: Model) -> Iterator[Change]:
        if "strange" in model.document.text:
            raise RuntimeError("never\nseen")
        yield from ()

    before = registry.transforms()
    broken = Transform("broken", before[0].phase, run, before[0].safety)
    monkeypatch.setattr(registry, "transforms", lambda: (*before, broken))
    result = dockfix("--write", ".")
    assert result.exit_code == 2
    assert "strange.dockerfile" in result.stderr
    assert "never\\nseen" in result.stderr
    assert "Traceback" not in result.stderr
    assert (app / "strange.dockerfile").read_text() == "FROM strange\n"
    assert "new" in (app / "Dockerfile").read_text()


def test_a_failed_proof_leaves_the_file_alone(dockfix: Run, app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transform that would change its own result again: its file stays, the other is rewritten."""
    (app / "strange.dockerfile").write_text("FROM strange\nRUN echo old\n")

    def run(model: Model) -> Iterator[Change]:
        if "strange" in model.document.text:
            last = model.document.instructions[-1]
            yield Change(last, (Edit(Span(last.span.end, last.span.end), " again"),), "it is never enough")

    before = registry.transforms()
    restless = Transform("restless", before[0].phase, run, before[0].safety)
    monkeypatch.setattr(registry, "transforms", lambda: (*before, restless))
    result = dockfix("--write", ".")
    assert result.exit_code == 2
    assert "strange.dockerfile:1: restless failed its own proof, so the file is left as it is; " in result.stderr
    assert (app / "strange.dockerfile").read_text() == "FROM strange\nRUN echo old\n"
    assert "new" in (app / "Dockerfile").read_text()


def test_standard_input_has_the_same_limit(dockfix: Run) -> None:
    result = dockfix("-", stdin=SOURCES["ten megabytes"][0])
    assert result.exit_code == 2
    assert only_line(result, "Dockerfile") == 1
    assert "is no Dockerfile" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="a folder in use cannot be removed there")
@pytest.mark.parametrize("arguments", [(), ("/",), ("-",), ("verify",)])
def test_removed_current_folder(
    dockfix: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = dockfix(*arguments, stdin="FROM busybox\n")
    assert result.exit_code == 2
    assert "Error: the current folder cannot be told: No such file or directory" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("words", [["--diff", "."], ["explain", "."], ["--version"], ["verify", "--help"]])
def test_an_output_that_takes_nothing_is_told_in_a_line(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:12\nRUN apt-get update && apt-get install -y curl\n")
    command = [sys.executable, "-m", "dockfix", *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "Error: the output: No space left on device\n" in done.stderr
    assert "Traceback" not in done.stderr
