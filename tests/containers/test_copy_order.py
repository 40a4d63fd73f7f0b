"""A reordered file builds what the old one built, and an edit of the sources no longer repeats the install."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from dockfix.api import fix
from dockfix.options import Options

if TYPE_CHECKING:
    from pathlib import Path

    from .engine import Engine

pytestmark = pytest.mark.container


@dataclass(frozen=True)
class Project:
    """An app whose sources are copied before the install.

    Attributes:
        files: its files, the Dockerfile included.
        edited: the source file that is edited between two builds.
        install: what the step that installs runs, as the build log shows it.
        command: what is run in the container; it prints the same before and after.
        fetch: what runs in a step that is added to install, where the file has none that does so alone.
    """

    files: dict[str, str]
    edited: str
    install: str
    command: tuple[str, ...]
    fetch: str = ""


def manifest(name: str, **more: object) -> str:
    return json.dumps({"name": name, "version": "1.0.0", "private": True, **more}, indent=2)


NPM = Project(
    {
        "package.json": manifest("clock", dependencies={"ms": "2.1.3"}, scripts={"build": "cp src/index.js built.js"}),
        ".npmrc": "fund=false\n",
        "src/index.js": "console.log(require('ms')('2 days'))\n",
        ".dockerignore": "node_modules\n",
        "Dockerfile": (
            'FROM node:20-slim\nWORKDIR /app\nCOPY . .\nRUN npm install && npm run build\nCMD ["node", "built.js"]\n'
        ),
    },
    "src/index.js",
    "npm install",
    ("node", "built.js"),
)
WORKSPACE = Project(
    {
        "package.json": manifest("shop", workspaces=["packages/*"]),
        "packages/api/package.json": manifest("api", dependencies={"common": "1.0.0", "ms": "2.1.3"}),
        "packages/api/index.js": "console.log(require('common') + require('ms')('2 days'))\n",
        "packages/common/package.json": manifest("common", main="index.js"),
        "packages/common/index.js": "module.exports = 'milliseconds: '\n",
        ".dockerignore": "**/node_modules\n",
        "Dockerfile": (
            "FROM node:20-slim\n\nWORKDIR /srv/shop\n\nCOPY . .\n\nRUN npm install\n\n"
            'CMD ["node", "packages/api/index.js"]\n'
        ),
    },
    "packages/common/index.js",
    "npm install",
    ("node", "packages/api/index.js"),
)
PIP = Project(
    {
        "requirements.txt": "-r requirements/base.txt\n",
        "requirements/base.txt": "-c limits.txt\nitsdangerous\n",
        "requirements/limits.txt": "itsdangerous==2.2.0\n",
        "app.py": "import itsdangerous\nprint(itsdangerous.Signer('key').sign('text').decode())\n",
        "Dockerfile": (
            "FROM python:3.11-slim\nENV HOME_OF_APP=/opt/app\nCOPY . $HOME_OF_APP\nWORKDIR $HOME_OF_APP\n"
            'RUN pip install -r requirements.txt\nCMD ["python", "app.py"]\n'
        ),
    },
    "app.py",
    "pip install",
    ("python", "app.py"),
)
CARGO = Project(
    {
        "Cargo.toml": (
            '[package]\nname = "clock"\nversion = "0.1.0"\nedition = "2021"\n\n[lib]\nname = "hours"\n\n'
            '[dependencies]\nitoa = "1"\n'
        ),
        "src/lib.rs": "pub fn hours(days: u32) -> u32 {\n    days * 24\n}\n",
        "src/main.rs": 'fn main() {\n    println!("{} hours", itoa::Buffer::new().format(hours::hours(2)));\n}\n',
        ".dockerignore": "target\n",
        "Dockerfile": (
            'FROM rust:1.83\nWORKDIR /app\nCOPY . .\nRUN cargo build --release\nCMD ["./target/release/clock"]\n'
        ),
    },
    "src/lib.rs",
    "cargo build",
    ("./target/release/clock",),
    "mkdir -p src",
)
PROJECTS = {"npm": NPM, "workspace": WORKSPACE, "pip": PIP, "cargo": CARGO}


def lay(place: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")


def printed(engine: Engine, folder: Path, command: tuple[str, ...]) -> str:
    result = engine.build(folder)
    assert result.ok, result.log
    with engine.run(result.image, *command) as container:
        assert container.wait() == 0, container.logs()
        return container.logs()


def install_is_cached(log: str, install: str) -> bool:
    """Whether the step that runs *install* came from the cache, by BuildKit's plain log."""
    number = re.search(rf"^#(\d+) \[[^\]]*\] RUN {re.escape(install)}", log, re.MULTILINE)
    assert number is not None, log
    return re.search(rf"^#{number[1]} CACHED$", log, re.MULTILINE) is not None


@pytest.mark.parametrize("project", PROJECTS.values(), ids=PROJECTS)
def test_edit_does_not_repeat_the_install(engine: Engine, project: Project, tmp_path: Path) -> None:
    lay(tmp_path, project.files)
    expected = printed(engine, tmp_path, project.command)
    plan = fix(tmp_path / "Dockerfile", root=tmp_path, options=Options(only=frozenset({"copy-order"})))
    assert plan.changed
    assert not plan.defects

    # an edit that no earlier run has made, for the engine remembers those
    lay(tmp_path, {project.edited: project.files[project.edited] + f"{'#' if project is PIP else '//'} {uuid4()}\n"})
    old = engine.build(tmp_path)
    assert not install_is_cached(old.log, project.install)

    lay(tmp_path, {"Dockerfile": plan.after})
    assert printed(engine, tmp_path, project.command) == expected
    lay(tmp_path, {project.edited: project.files[project.edited] + f"{'#' if project is PIP else '//'} {uuid4()}\n"})
    new = engine.build(tmp_path)
    assert new.ok, new.log
    assert install_is_cached(new.log, project.fetch or project.install)
    assert printed(engine, tmp_path, project.command) == expected
