"""Comments that hold transforms back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result

from dockfix.dockerfile import Document
from dockfix.ignores import ignores

Run: TypeAlias = Callable[..., Result]


def rewritten(app: Path, dockfix: Run, source: str) -> tuple[str, str]:
    (app / "Dockerfile").write_text(source)
    result = dockfix("--write", "--only", "freshen")
    return (app / "Dockerfile").read_text(), result.stderr


def test_scopes() -> None:
    source = (
        "# dockfix: file-ignore=a\nFROM x\n# dockfix: ignore=b , c\n# why\nRUN b\n"
        "FROM y\nRUN d\\\n# dockfix:ignore=e\n && f\n# dockfix: stage-ignore=g\nRUN h\n# dockfix: ignore=i\n"
    )
    found = {each.transform: (each.scope, sorted(each.instructions)) for each in ignores(Document.parse(source))}
    assert found == {
        "a": ("file-ignore", [0, 1, 2, 3, 4]),
        "b": ("ignore", [1]),
        "c": ("ignore", [1]),
        "e": ("ignore", [3]),
        "g": ("stage-ignore", [2, 3, 4]),
        "i": ("ignore", [4]),
    }


def test_instruction_below_is_left_alone_and_said(dockfix: Run, app: Path) -> None:
    source = "FROM x\n# dockfix: ignore=freshen\nRUN old\n"
    text, stderr = rewritten(app, dockfix, source)
    assert text == source
    assert "Dockerfile:3: freshen note: left alone, as the comment on line 2 asks\n" in stderr
    assert "held nothing back" not in stderr


def test_other_instructions_are_rewritten(dockfix: Run, app: Path) -> None:
    text, _ = rewritten(app, dockfix, "FROM x\nRUN old 1\n# dockfix: ignore=freshen\nRUN old 2\nRUN old 3\n")
    assert text == "FROM x\nRUN new 1\n# dockfix: ignore=freshen\nRUN old 2\nRUN new 3\n"


def test_stage_is_left_alone(dockfix: Run, app: Path) -> None:
    text, _ = rewritten(app, dockfix, "FROM x\nRUN old 1\n# dockfix: stage-ignore=freshen\nFROM y\nRUN old 2\n")
    assert text == "FROM x\nRUN new 1\n# dockfix: stage-ignore=freshen\nFROM y\nRUN old 2\n"


def test_file_is_left_alone(dockfix: Run, app: Path) -> None:
    source = "FROM x\nRUN old\n# dockfix: file-ignore=freshen\n"
    assert rewritten(app, dockfix, source)[0] == source


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# dockfix: ignore=freshen", "Dockerfile:2: ignore note: held nothing back: freshen would not change this\n"),
        (
            "# dockfix: file-ignore=freshn",
            "Dockerfile:2: file-ignore note: no transform is called 'freshn'; did you mean 'freshen'?\n",
        ),
    ],
)
def test_what_holds_nothing_back_is_reported(dockfix: Run, app: Path, comment: str, message: str) -> None:
    _, stderr = rewritten(app, dockfix, f"FROM x\n{comment}\nRUN fresh\n")
    assert message in stderr


def test_ids_that_do_not_run_are_not_called_unused(dockfix: Run, app: Path) -> None:
    _, stderr = rewritten(app, dockfix, "FROM x\n# dockfix: ignore=no-sudo\nRUN fresh\n")
    assert "held nothing back" not in stderr


def test_a_run_under_an_ignore_is_not_written_on(dockfix: Run, app: Path) -> None:
    (app / "Dockerfile").write_text(
        "FROM node:20-alpine\nWORKDIR /app\n# dockfix: ignore=user\nRUN mkdir -p uploads\nCOPY . .\n"
        'CMD ["node", "server.js"]\n'
    )
    (app / "package.json").write_text("{}")
    (app / "server.js").write_text("require('fs').writeFileSync('uploads/a', '');\n")
    result = dockfix("--only", "user")
    assert "chown" not in result.stdout
    assert "held nothing back" not in result.stderr
