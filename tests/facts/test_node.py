# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

import json
from typing import Any

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.node import Node


def node(manifest: dict[str, Any], **files: Any) -> Node:
    contents = {
        path.replace("__", "/"): text if isinstance(text, str) else json.dumps(text) for path, text in files.items()
    }
    found = App(Tree({"package.json": json.dumps(manifest, indent=1), **contents})).node
    assert found is not None
    return found


def lock(manifest: dict[str, Any], packages: dict[str, Any]) -> str:
    return json.dumps({"lockfileVersion": 3, "packages": {"": manifest, **packages}}, indent=1)


def with_files(manifest: dict[str, Any], files: dict[str, str]) -> Node:
    found = App(Tree({"package.json": json.dumps(manifest, indent=1), **files})).node
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("scripts", "command", "expected"),
    [
        ({"start": "node dist/a.js"}, "npm start", ("node", "dist/a.js")),
        ({"start": "node a.js"}, "npm run start -- --x", ("node", "a.js", "--x")),
        ({"start": "npm run serve", "serve": "node a.js"}, "yarn start", ("node", "a.js")),
        ({"prod": "NODE_ENV=production node a.js"}, "pnpm prod", ("node", "a.js")),
        ({"start": "cross-env A=b node a.js"}, "npm start", ("node", "a.js")),
        ({"start": "node -r dotenv/config a.js"}, "npm run start", ("node", "-r", "dotenv/config", "a.js")),
        ({"start": "exec node a.js"}, "npm start", ("node", "a.js")),
        ({"start": "next start"}, "npx next start -p 80", ("next", "start", "-p", "80")),
        ({"start": "a && node b.js"}, "npm start", None),
        ({"start": "node a.js $X"}, "npm start", None),
        ({"start": "node a.js > log"}, "npm start", None),
        ({"prestart": "x", "start": "node a.js"}, "npm start", None),
        ({"start": "npm run start"}, "npm start", None),
        ({}, "npm run nothing", None),
        ({}, "npm install", None),
        ({}, "node a.js", ("node", "a.js")),
    ],
)
def test_resolve(scripts: dict[str, str], command: str, expected: tuple[str, ...] | None) -> None:
    resolved = node({"scripts": scripts}).resolve(command.split())
    assert resolved.command == expected
    assert resolved.plain is (expected is not None)


def test_a_missing_start_script_runs_server_js_where_there_is_one() -> None:
    assert with_files({}, {"server.js": ""}).resolve(("npm", "start")).command == ("node", "server.js")
    assert node({}).resolve(("npm", "start")).missing == "start"
    assert with_files({}, {"server.js": ""}).resolve(("yarn", "start")).missing == "start"


def test_variables_and_steps_are_kept() -> None:
    resolved = node({"scripts": {"start": "npm run go", "go": "cross-env A=b C=d node x.js"}}).resolve(("npm", "start"))
    assert resolved.environment == (("A", "b"), ("C", "d"))
    assert [step.origin for step in resolved.steps] == ["package.json:3", "package.json:4"]
    assert resolved.entry == "x.js"


def test_pre_and_post_scripts_are_seen_and_not_under_berry() -> None:
    scripts = {"prestart": "prisma migrate deploy", "start": "node a.js"}
    resolved = node({"scripts": scripts, "dependencies": {"prisma": "1"}}).resolve(("npm", "start"))
    assert resolved.has_pre_post
    assert resolved.tools == ("prisma",)
    berry = node({"packageManager": "yarn@4.1.0", "scripts": scripts})
    assert berry.manager == "yarn-berry"
    assert berry.resolve(("yarn", "start")).plain


def test_programs_of_pre_and_post_scripts_and_files_that_shells_open_are_kept() -> None:
    scripts = {
        "build": "tsc && cp a b",
        "prestart": "rimraf dist && npm run build",
        "start": "node a.js > logs/app.log 2>&1",
        "poststart": "echo bye >> end.log",
    }
    resolved = node({"scripts": scripts}).resolve(("npm", "start"))
    assert resolved.around == (("rimraf", "dist"), ("tsc",), ("cp", "a", "b"), ("echo", "bye"))
    assert resolved.commands == (("node", "a.js"),)
    assert resolved.outputs == ("end.log", "logs/app.log")


def test_tools_come_from_the_lock_before_their_usual_names() -> None:
    packages = {"node_modules/typescript": {"version": "5", "dev": True, "bin": {"tsc": "bin/tsc"}}}
    manifest = {
        "devDependencies": {"typescript": "5", "nodemon": "3", "ts-node": "1"},
        "scripts": {"dev": "nodemon --exec ts-node a.ts"},
    }
    found = with_files(manifest, {"package-lock.json": lock(manifest, packages)})
    assert (found.binaries["tsc"].value, found.binaries["tsc"].origin) == ("typescript", "package-lock.json:14")
    resolved = found.resolve(("npm", "run", "dev"))
    assert set(resolved.tools) == {"nodemon", "ts-node"}
    assert not resolved.plain
    assert resolved.entry == "a.ts"
    dev = found.is_dev("typescript")
    assert dev is not None
    assert dev.value


def test_programs_behind_parallel_runners_are_found() -> None:
    scripts = {"start": 'concurrently "npm:api" "tsx watch b.ts"', "api": "nodemon a.js"}
    dev = {"concurrently": "1", "nodemon": "1", "tsx": "1"}
    assert set(node({"scripts": scripts, "devDependencies": dev}).resolve(("npm", "start")).tools) == set(dev)


def test_prefix_and_workspace_options_move_to_another_package() -> None:
    root = {"workspaces": ["packages/*"], "scripts": {"start": "npm start -w api"}}
    member = json.dumps({"name": "api", "scripts": {"start": "node x.js"}})
    found = with_files(root, {"packages/api/package.json": member})
    assert found.workspaces == ("packages/api",)
    resolved = found.resolve(("npm", "start"))
    assert (resolved.folder, resolved.plain, resolved.entry) == ("packages/api", False, "x.js")


@pytest.mark.parametrize(
    ("locked", "fits"), [({"a": "^1"}, True), ({"a": "^2"}, False), ({}, False), ({"a": "^1", "b": "1"}, False)]
)
def test_an_npm_lock_fits_where_its_root_is_the_manifest(locked: dict[str, str], fits: bool) -> None:
    manifest = {"dependencies": {"a": "^1"}}
    packages = {"node_modules/a": {"version": "1.0.0"}}
    assert with_files(manifest, {"package-lock.json": lock({"dependencies": locked}, packages)}).lock_in_step is fits


A, PEER = {"version": "1.2.0"}, {"peerDependencies": {"p": "^1 || ^2.1"}}


@pytest.mark.parametrize(
    ("packages", "missing"),
    [
        ({"node_modules/a": {**A, **PEER}, "node_modules/p": {"version": "2.1.0"}}, None),
        ({"node_modules/a": {**A, **PEER}, "node_modules/p": {"version": "3.0.0"}}, "p ^1 || ^2.1"),
        ({"node_modules/a": {**A, **PEER}}, "p ^1 || ^2.1"),
        ({"node_modules/a": {**A, **PEER, "peerDependenciesMeta": {"p": {"optional": True}}}}, None),
        ({"node_modules/a": {**A, "optionalDependencies": {"a-linux": "1.2.0"}}}, "a-linux 1.2.0"),
        ({"node_modules/a": {**A, "dependencies": {"b": "^1"}}, "node_modules/b": {"version": "2.0.0"}}, "b ^1"),
        ({"node_modules/a": {**A, "dependencies": {"b": "^1"}}, "node_modules/b": {"version": "2.0.0"},
          "node_modules/a/node_modules/b": {"version": "1.5.0"}}, None),
        ({"node_modules/a": {**A, "dependencies": {"b": "github:x/b"}}, "node_modules/b": {"version": "2.0.0"}}, None),
        ({"node_modules/a": {**A, "dependencies": {"o": "^1"}}, "node_modules/o": {"version": "2.0.0"}}, None),
        ({"node_modules/a": {**A, "dependencies": {"b": "^1"}, "bundleDependencies": ["b"]}}, None),
    ],
)  # fmt: skip
def test_what_an_npm_lock_lacks(packages: dict[str, object], missing: str | None) -> None:
    manifest = {"dependencies": {"a": "^1"}, "overrides": {"o": "^2"}}
    found = with_files(manifest, {"package-lock.json": lock({"dependencies": {"a": "^1"}}, packages)})
    gap = found.lock_gap(peers=True)
    assert (gap.value if gap is not None else None) == missing
    if "peerDependencies" in str(packages):
        assert found.lock_gap(peers=False) is None


@pytest.mark.parametrize(
    ("name", "source", "fits"),
    [
        ("yarn.lock", '# yarn lockfile v1\n\n\n"a@^1", a@^1.2:\n  version "1.3.0"\n', True),
        ("yarn.lock", '# yarn lockfile v1\n\n\na@^2:\n  version "2.0.0"\n', False),
        ("yarn.lock", '__metadata:\n  version: 8\n\n"a@npm:^1":\n  version: 1.0.0\n', True),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.0\npackages:\n  a@1.0.0:\n", True),
        ("pnpm-lock.yaml", "lockfileVersion: 5.4\nspecifiers:\n  a: ^2\n", False),
        ("bun.lockb", "", None),
    ],
)  # fmt: skip
def test_other_locks(name: str, source: str, fits: bool | None) -> None:
    assert with_files({"dependencies": {"a": "^1"}}, {name: source}).lock_in_step is fits


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("yarn.lock", '"@s/a@^1", "@s/a@^1.2":\n  version "1.3.0"\n\nb@2:\n  version "2.0.0"\n', [("@s/a", "1.3.0"), ("b", "2.0.0")]),
        ("pnpm-lock.yaml", "packages:\n\n  /@s/a@1.0.0(x@1):\n    hasBin: true\n  b@2.0.0:\n    dev: true\n", [("@s/a", "1.0.0"), ("b", "2.0.0")]),
        ("pnpm-lock.yaml", "packages:\n\n  /@s/a/1.0.0:\n    dev: false\n", [("@s/a", "1.0.0")]),
        ("bun.lock", '{"packages": {"a": ["a@1.0.0", "", {"bin": {"x": "y"}}, "h"],}}', [("a", "1.0.0")]),
    ],
)  # fmt: skip
def test_packages_of_other_locks(name: str, source: str, expected: list[tuple[str, str]]) -> None:
    assert [(item.name, item.version) for item in with_files({}, {name: source}).locked] == expected


def test_native_packages_are_those_that_the_lock_marks() -> None:
    packages = {
        "node_modules/bcrypt": {"version": "5", "hasInstallScript": True},
        "node_modules/@img/sharp-linuxmusl-x64": {"version": "1", "libc": ["musl"], "os": ["linux"]},
        "node_modules/plain": {"version": "1"},
    }
    found = with_files({}, {"package-lock.json": lock({}, packages)})
    assert [fact.value for fact in found.native] == ["bcrypt", "@img/sharp-linuxmusl-x64"]


def test_what_cannot_be_read_is_a_problem() -> None:
    app = App(Tree({"package.json": '{\n "name": }'}))
    assert app.node is None
    assert app.problems[0].origin == "package.json:2"
    broken_lock = App(Tree({"package.json": "{}", "package-lock.json": "<<<<<<< HEAD"}))
    assert broken_lock.node is not None
    assert broken_lock.node.native == ()
    assert broken_lock.problems[0].origin == "package-lock.json:1"


def test_origins_count_from_the_repository() -> None:
    found = App(Tree({"api/package.json": '{\n"scripts": {\n"start": "x"}}'}), "api/Dockerfile", "api").node
    assert found is not None
    assert found.scripts["start"].origin == "api/package.json:3"
