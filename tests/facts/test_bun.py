"""What bun serves by itself, and what its lock and its command line say."""

import json

import pytest

from dockfix.facts import Tree
from dockfix.facts.node import Node, read


def _node(source: str = "", **files: str) -> Node:
    node = read(Tree({"package.json": "{}", "bun.lock": "{}", "src/index.ts": source, **files}))
    assert isinstance(node, Node)
    return node


@pytest.mark.parametrize(
    ("source", "port", "variable"),
    [
        ("export default { port: 8080, fetch: () => new Response('a') }", 8080, None),
        ("export default { port: process.env.APP_PORT || 4000, fetch }", 4000, "APP_PORT"),
        ("const app = new Hono()\napp.get('/', c => c.text('a'))\nexport default app", 3000, "PORT"),
        ("export default new Elysia().get('/', () => 'a')", 3000, "PORT"),
        ("const server = { fetch }\nexport default server", 3000, "PORT"),
        ("Bun.serve({ fetch: () => new Response('a') })", 3000, "PORT"),
        ("Bun.serve({ port: 5000, fetch: () => new Response('a') })", 5000, None),
        ("new Elysia().get('/', () => 'a').listen(7000)", 7000, None),
    ],
)  # fmt: skip
def test_what_bun_serves(source: str, port: int, variable: str | None) -> None:
    found = _node(source).server_of("src/index.ts", bun=True)
    assert found.port is not None and found.port.value == port
    assert (found.port_variable.value if found.port_variable else None) == variable


@pytest.mark.parametrize(
    "source",
    [
        "serve(1).listen(process.env.HOST, process.env.PORT)",
        "export default {}",
        "export default class Job {}",
        "export const fetch = 1",
        "run()",
    ],
)
def test_what_bun_does_not_serve(source: str) -> None:
    assert _node(source).server_of("src/index.ts", bun=True).listens is None


def test_node_serves_nothing_that_is_exported() -> None:
    assert _node("export default { port: 8080, fetch }").server_of("src/index.ts").listens is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("bun", "run", "start"), ("bun", "dist/a.js")),
        (("bun", "start"), ("bun", "dist/a.js")),
        (("bun", "src/index.ts"), ("bun", "src/index.ts")),
        (("bun", "build", "src/index.ts"), ("bun", "build", "src/index.ts")),
        (("bun", "test"), ("bun", "test")),
    ],
)
def test_what_bun_runs(command: tuple[str, ...], expected: tuple[str, ...]) -> None:
    scripts = {"start": "bun dist/a.js", "build": "bun build src/index.ts --outdir dist", "test": "bun test"}
    node = _node(**{"package.json": json.dumps({"scripts": scripts})})
    assert node.resolve(command).command == expected
    assert node.build_output is not None and node.build_output.value == "dist"


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        ('{"workspaces": {"": {"name": "a", "dependencies": {"hono": "4.6.14",},},}, "packages": {},}', True),
        ('{"workspaces": {"": {"dependencies": {"hono": "4.6.13"}}}}', False),
        ('{"workspaces": {"": {}}}', False),
        ('{"lockfileVersion": 1}', None),
        ("{", None),
    ],
)
def test_lock_in_step(lock: str, expected: bool | None) -> None:
    node = _node(**{"package.json": '{"dependencies": {"hono": "4.6.14"}}', "bun.lock": lock})
    assert node.lock_in_step is expected
