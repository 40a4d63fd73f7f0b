"""Parameters and loop variables of JavaScript sources are traced to what they stand for."""

from __future__ import annotations

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.javascript import JsServer


def _server(files: dict[str, str], entry: str = "index.js") -> JsServer:
    node = App(Tree({"package.json": "{}", **files})).node
    assert node is not None
    return node.server_of(entry)


def _writes(source: str, **others: str) -> tuple[list[str], str | None]:
    files = {"index.js": f"const fs = require('fs'), path = require('path');\n{source}"}
    server = _server(files | {f"{name}.js": text for name, text in others.items()})
    unknown = server.writes_unknown
    return sorted(fact.value for fact in server.writes), unknown.value if unknown is not None else None


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("for (const dir of ['logs', 'uploads']) { fs.mkdirSync(dir); }", ["logs", "uploads"]),
        ("['logs', 'uploads'].forEach(dir => fs.mkdirSync(dir));", ["logs", "uploads"]),
        ("['a', 'b'].forEach(function (dir) { fs.mkdirSync(path.join(__dirname, dir)); });", ["a", "b"]),
        ("const all = ['a'].map(d => path.join('data', d));\nfor (const d of all) fs.mkdirSync(d);", ["data/a"]),
        ("function make(dir) { fs.mkdirSync(dir); }\nmake('logs'); make('uploads');", ["logs", "uploads"]),
        ("const make = (dir) => fs.mkdirSync(dir);\nmake(path.join(process.cwd(), 'logs'));", ["logs"]),
        ("function make(dir = 'cache') { fs.mkdirSync(dir); }\nmake();", ["cache"]),
        ("function make({ dir }) { fs.mkdirSync(dir); }\nmake({ dir: 'cache' });", ["cache"]),
        ("function make(dir) { fs.mkdirSync(dir); }\n['logs', 'tmp'].forEach(make);", ["logs", "tmp"]),
        ("function a(x) { b(path.join('data', x)); }\nfunction b(y) { fs.mkdirSync(y); }\na('one');", ["data/one"]),
        ("const dirs = { a: 'one', b: 'two' };\nObject.values(dirs).forEach(d => fs.mkdirSync(d));", ["one", "two"]),
        ("class S { constructor() { this.dir = 'store'; } save() { fs.mkdirSync(this.dir); } }", ["store"]),
        (
            "class S { constructor(dir) { this.dir = dir; } save() { fs.mkdirSync(this.dir); } }\nnew S('store');",
            ["store"],
        ),
        ("function f() { const dir = 'one'; fs.mkdirSync(dir); }\nfunction g() { const dir = 'two'; }", ["one"]),
        ("const dir = prod ? '/var/www' : 'public';\nfs.mkdirSync(dir);", ["/var/www", "public"]),
        ("function f() { let dir = 'one'; if (x) dir = 'two'; fs.mkdirSync(dir); }", ["one", "two"]),
    ],
)
def test_names_of_functions_are_traced(source: str, expected: list[str]) -> None:
    assert _writes(source) == (expected, None)


@pytest.mark.parametrize(
    "source",
    [
        "function make(dir) { fs.mkdirSync(dir); }\nmodule.exports = make;",
        "function make(dir) { fs.mkdirSync(dir); }\nmake('logs'); queue.process(make);",
        "function make(dir) { fs.mkdirSync(dir); }\nmake('logs'); make(...rest);",
        "const tool = { make(dir) { fs.mkdirSync(dir); } };\ntool.make('logs'); app.post('/', tool.make);",
        "function make(dir) { fs.mkdirSync(dir); }\nmake('logs'); queue.process(make.bind(null));",
        "for (const dir of read()) { fs.mkdirSync(dir); }",
        "for (const dir in { logs: 1 }) { fs.mkdirSync(dir); }",
        "const dir = 'logs';\nfunction make(dir) { fs.mkdirSync(dir); }\nmake(argv.dir);",
        "function make(dir) { make(dir); fs.mkdirSync(dir); }\nmake(x);",
        "function f() { let dir = 'one'; dir += name; fs.mkdirSync(dir); }",
    ],
)
def test_what_cannot_be_traced_stays_unknown(source: str) -> None:
    assert _writes(source)[1] is not None


def test_a_function_of_the_apps_own_is_not_told_by_its_name() -> None:
    assert _writes("function emptyDir(p) { return p; }\nemptyDir(anything);") == ([], None)
    assert _writes("const Database = require('./database');\nnew Database(client);", database="") == ([], None)


def test_an_exported_helper_is_traced_to_the_modules_that_call_it() -> None:
    helper = "const fs = require('fs');\nexports.make = (dir) => fs.mkdirSync(dir);"
    assert _writes("const { make } = require('./helper');\nmake('logs');", helper=helper) == (["logs"], None)
    assert _writes("const helper = require('./helper');\nhelper.make('logs');", helper=helper) == (["logs"], None)


def test_a_path_of_another_modules_folder_is_not_taken_for_ones_own() -> None:
    server = _server({
        "index.js": "const { make } = require('./lib/make');\nmake(require('path').join(__dirname, 'x'));",
        "lib/make.js": "const fs = require('fs');\nexports.make = (dir) => fs.mkdirSync(dir);",
    })  # fmt: skip
    assert server.writes == ()
    assert server.writes_unknown is not None


def test_exported_constants_are_found_in_a_loop_of_typescript() -> None:
    server = _server(
        {
            "tsconfig.json": '{"compilerOptions": {"outDir": "dist", "rootDir": "src"}}',
            "src/server.ts": "import { prepare } from './folders';\nprepare();",
            "src/folders.ts": "import fs from 'fs';\nimport path from 'path';\n"
            "export const logs = path.join(process.cwd(), 'logs');\n"
            "export const uploads = path.join(process.cwd(), 'uploads');\n"
            "export function prepare(): void {\n"
            "  for (const dir of [logs, uploads]) fs.mkdirSync(dir, { recursive: true });\n}\n",
        },
        "dist/server.js",
    )
    assert sorted(fact.value for fact in server.writes) == ["logs", "uploads"]
    assert server.writes_unknown is None
