"""What yarn's settings say of how a modern release of it keeps the packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix.facts import yamltext
from dockfix.facts.fact import Fact

if TYPE_CHECKING:
    from dockfix.facts.node import Node

SETTINGS = ".yarnrc.yml"
MADE = (".pnp.cjs", ".yarn/unplugged")
"""What an install by Plug'n'Play makes for its own machine: https://yarnpkg.com/getting-started/qa"""

_PLUGIN = "plugin-workspace-tools"
_FIRST_WITH_FOCUS = 4
_LOCK_OF_FOUR = 8
"""The lock's own version since yarn 4: https://github.com/yarnpkg/berry/blob/master/packages/yarnpkg-core/sources/Project.ts"""


def linker(node: Node) -> Fact[str]:
    """How yarn 2 and later lays the packages out: ``pnp`` unless its settings say otherwise.

    https://yarnpkg.com/configuration/yarnrc#nodeLinker
    """
    told = _setting(node, "nodeLinker")
    if told is not None:
        return told
    loader = next((name for name in (".pnp.cjs", ".pnp.js") if node.has(name)), None)
    return Fact("pnp", node.origin_of(loader or (SETTINGS if node.has(SETTINGS) else "yarn.lock")))


def brings_itself(node: Node) -> bool:
    """Whether the app's folder holds the yarn that runs: https://yarnpkg.com/configuration/yarnrc#yarnPath"""
    release = _setting(node, "yarnPath")
    return release is not None and node.has(release.value)


def focuses(node: Node) -> bool:
    """Whether ``yarn workspaces focus`` is known: yarn 4 has it, yarn 2 and 3 by a plugin.

    https://yarnpkg.com/cli/workspaces/focus
    """
    declared = node.manifest.text("packageManager")
    release = _setting(node, "yarnPath")
    for text in (declared.value if declared else "", release.value if release else ""):
        version = re.search(r"yarn[@-](\d+)", text)
        if version is not None:
            return int(version[1]) >= _FIRST_WITH_FOCUS or _has_plugin(node)
    lock = re.search(rb"^__metadata:\s+version: (\d+)", node.files.read(node.path("yarn.lock")) or b"", re.MULTILINE)
    return _has_plugin(node) or (lock is not None and int(lock[1]) >= _LOCK_OF_FOUR)


def _has_plugin(node: Node) -> bool:
    return any(_PLUGIN in path for path in node.files.walk(node.path(".yarn/plugins"), 200))


def _setting(node: Node, name: str) -> Fact[str] | None:
    documents = yamltext.read(node.files, node.path(SETTINGS))
    found = documents[0].text(name) if isinstance(documents, list) and documents else None
    return Fact(found.value, node.origin_of(SETTINGS, int(found.origin.rpartition(":")[2]))) if found else None
