"""Three small transforms, so that the command line is tested apart from what the real ones decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from dockfix import registry
from dockfix.cli import main
from dockfix.model import Model
from dockfix.text import Edit
from dockfix.transform import Change, Note, Phase, Refusal, Safety, Transform, transform
from dockfix.transform import Result as Outcome

Run: TypeAlias = Callable[..., Result]

NAIVE = "FROM busybox:1.36\nRUN echo old\nRUN sudo true\n"
FIXED = "FROM busybox:1.36\nRUN echo new\nRUN sudo true\n"
IGNORED = "/.git\n"


@transform("freshen", phase=Phase.MODERNISE)
def freshen(model: Model) -> Iterator[Outcome]:
    """Replace what is old."""
    for instruction in model.document.instructions:
        if instruction.keyword == "RUN" and "old" in instruction.value:
            start = instruction.value.index("old")
            yield Change(instruction, (Edit(instruction.source(start, start + 3), "new"),), "old is not new (app.py:1)")


@transform("ignore-file", phase=Phase.IGNORE_FILE, safety=Safety.REVIEW)
def ignore_file(model: Model) -> Iterator[Outcome]:
    """Make a .dockerignore."""
    path = model.app.ignore.path
    if model.app.ignore.exists:
        yield Note(None, f"{path} is there")
    else:
        yield Change(None, (), f"{path} is missing", Safety.REVIEW, files={path: IGNORED})


@transform("no-sudo", phase=Phase.USER)
def no_sudo(model: Model) -> Iterator[Outcome]:
    """Refuse sudo."""
    for instruction in model.document.instructions:
        if "sudo" in instruction.value:
            yield Refusal(instruction, "sudo is needed\x1b[31m here")


TRANSFORMS: tuple[Transform, ...] = (freshen, ignore_file, no_sudo)


@pytest.fixture(autouse=True)
def transforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "transforms", lambda: TRANSFORMS)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app in a repository of its own, which is the current folder."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "Dockerfile").write_bytes(NAIVE.encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def dockfix(app: Path) -> Run:
    """Run the command in the app."""

    def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, input=stdin, prog_name="dockfix")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
