"""What yarn's settings say."""

import pytest

from dockfix.facts import Tree, yarn
from dockfix.facts.node import Node, read


def _node(files: dict[str, str]) -> Node:
    node = read(Tree({"package.json": "{}", "yarn.lock": "", **files}))
    assert isinstance(node, Node)
    return node


@pytest.mark.parametrize(
    ("files", "value", "origin"),
    [
        ({".yarnrc.yml": "a: 1\nnodeLinker: node-modules\n"}, "node-modules", ".yarnrc.yml:2"),
        ({".yarnrc.yml": "nodeLinker: pnpm\n"}, "pnpm", ".yarnrc.yml:1"),
        ({".yarnrc.yml": "enableTelemetry: false\n"}, "pnp", ".yarnrc.yml"),
        ({".yarnrc.yml": "", ".pnp.cjs": ""}, "pnp", ".pnp.cjs"),
        ({".yarnrc.yml": ": ["}, "pnp", ".yarnrc.yml"),
    ],
)
def test_linker(files: dict[str, str], value: str, origin: str) -> None:
    found = yarn.linker(_node(files))
    assert (found.value, found.origin) == (value, origin)


@pytest.mark.parametrize(
    ("files", "known"),
    [
        ({"package.json": '{"packageManager": "yarn@4.5.0"}'}, True),
        ({"package.json": '{"packageManager": "yarn@3.8.7"}'}, False),
        (
            {
                "package.json": '{"packageManager": "yarn@3.8.7"}',
                ".yarn/plugins/@yarnpkg/plugin-workspace-tools.cjs": "",
            },
            True,
        ),
        ({".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.1.0.cjs\n"}, True),
        ({".yarnrc.yml": "yarnPath: .yarn/releases/yarn-3.6.1.cjs\n"}, False),
        ({"yarn.lock": "# generated\n\n__metadata:\n  version: 8\n  cacheKey: 10c0\n"}, True),
        ({"yarn.lock": "# generated\n\n__metadata:\n  version: 6\n  cacheKey: 8\n"}, False),
        ({}, False),
    ],
)
def test_focus(files: dict[str, str], known: bool) -> None:
    assert yarn.focuses(_node(files)) is known


def test_release_of_its_own() -> None:
    settings = {".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.1.0.cjs\n"}
    assert not yarn.brings_itself(_node(settings))
    assert yarn.brings_itself(_node({**settings, ".yarn/releases/yarn-4.1.0.cjs": ""}))
