"""Start-up time is a feature: what a start may import, and what may not be imported before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "asyncio",
    "cryptography",
    "dockerfile_parse",
    "email",
    "httpx",
    "importlib.metadata",
    "json5",
    "libcst",
    "packaging",
    "sqlite3",
    "tomli",
    "tomllib",
    "tree_sitter",
    "tree_sitter_bash",
    "tree_sitter_go",
    "tree_sitter_javascript",
    "tree_sitter_typescript",
    "yaml",
}
REPORT = "import sys; print('\\n'.join(sorted(sys.modules)), file=sys.stderr)"


def imported(code: str, folder: Path) -> set[str]:
    """The modules that are loaded when *code* has run in an interpreter of its own."""
    # -I -S -s would hide an editable install; the interpreter's own start is subtracted instead.
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"], cwd=folder, capture_output=True, text=True, check=True
    )
    bare = subprocess.run([sys.executable, "-c", REPORT], cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stderr.split()) - set(bare.stderr.split())


def command(*arguments: str) -> str:
    return f"from dockfix.cli import main\nmain({list(arguments)!r}, standalone_mode=False)"


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_imports_nothing_heavy(argument: str, tmp_path: Path) -> None:
    loaded = imported(
        f"import sys\ntry:\n    {command(argument).replace(chr(10), chr(10) + '    ')}\nexcept SystemExit:\n    pass",
        tmp_path,
    )
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("dockfix.")} <= {
        "dockfix.choices",
        "dockfix.cli",
        "dockfix.config",
        "dockfix.means",
        "dockfix.options",
    }


def test_list_reads_no_facts(tmp_path: Path) -> None:
    assert imported(command("--list"), tmp_path) & HEAVY == set()


def test_empty_folder_imports_nothing_heavy(tmp_path: Path) -> None:
    loaded = imported(command("-q", "."), tmp_path)
    assert loaded & HEAVY == set()


def test_each_parser_is_loaded_only_for_what_it_reads(tmp_path: Path) -> None:
    """A Dockerfile alone, without Python or JavaScript sources, needs neither of their parsers."""
    (tmp_path / "Dockerfile").write_text('FROM nginx:1.27\nCMD ["nginx"]\n')
    loaded = imported(command("-q", "."), tmp_path)
    assert loaded & (HEAVY - {"dockerfile_parse", "tree_sitter", "tree_sitter_bash"}) == set()


FOREIGN = {
    *(
        "cargo",
        "compiled",
        "composer",
        "crates",
        "dotnet",
        "frontend",
        "gems",
        "go",
        "gomodules",
        "java",
        "javaproject",
    ),
    *("javascript", "maven", "msbuild", "node", "nuget", "php", "prisma", "ruby", "rust", "spa", "yarn"),
}
"""What a Python app has nothing of, as modules of the facts, the catalogue or the recipes are called."""


def test_a_python_app_loads_nothing_of_other_ecosystems(tmp_path: Path) -> None:
    """Nor what reads companions that it has not got: CI files, manifests of Kubernetes, nginx's configuration."""
    (tmp_path / "Dockerfile").write_text(
        'FROM python:3.11\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nCMD ["python", "app.py"]\n'
    )
    (tmp_path / "requirements.txt").write_text("flask==3.0.0\n")
    (tmp_path / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\napp.run(port=5000)\n")
    loaded = {name for name in imported(command("--diff", "."), tmp_path) if name.startswith("dockfix.")}
    assert {"dockfix.facts.pyserver", "dockfix.recipes.python", "dockfix.recipes.alpine"} <= loaded
    assert {name for name in loaded if name.rpartition(".")[2] in FOREIGN} == set()
    companions = {f"dockfix.facts.{name}" for name in ("ci", "kubernetes", "pyproject")}
    assert loaded & (companions | {"dockfix.recipes.nginx", "dockfix.recipes.nginx_conf", "dockfix.write"}) == set()


def test_only_the_recipes_of_the_app_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        'FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm install\nCMD ["node", "server.js"]\n'
    )
    (tmp_path / "package.json").write_text('{"name": "app", "dependencies": {"express": "4"}}')
    (tmp_path / "server.js").write_text("require('express')().listen(3000)\n")
    loaded = imported(command("-q", "."), tmp_path)
    others = {f"dockfix.recipes.{name}" for name in ("dotnet", "go", "nuget", "php", "python", "ruby", "rust")}
    assert "dockfix.recipes.node" in loaded
    assert loaded & others == set()
