# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

import subprocess
import sys

from dockfix.facts import App, Tree


def test_an_overlay_sees_new_files_and_keeps_what_they_do_not_touch() -> None:
    app = App(Tree({"package.json": '{"scripts": {"a": "b"}}', "Dockerfile": ""}))
    before = app.node
    ignoring = app.overlay({".dockerignore": "node_modules\n"})
    assert ignoring.ignore.ignores("node_modules")
    assert not app.ignore.exists
    assert ignoring.node is before
    changed = app.overlay({"package.json": '{"scripts": {"a": "c"}}'})
    assert changed.node is not None
    assert changed.node.scripts["a"].value == "c"


def test_nothing_outside_the_context_is_a_fact_of_it() -> None:
    app = App(Tree({"package.json": "{}", "api/Dockerfile": "", "api/x.sh": "#!/bin/sh\n"}), "api/Dockerfile", "api")
    assert app.node is None
    assert [script.path for script in app.scripts] == ["api/x.sh"]


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from dockfix.facts import App, Tree; a = App(Tree({'package.json': '{}'})); a.node.scripts; a.ignore;"
        "print(sorted({'yaml', 'tree_sitter', 'libcst', 'json5'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
