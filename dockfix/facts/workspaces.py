"""The members of a workspace: https://docs.npmjs.com/cli/using-npm/workspaces, https://pnpm.io/pnpm-workspace_yaml."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockfix.facts.node import Node


def members(root: Node) -> Mapping[str, Node]:
    """The packages that the patterns of *root* name, by their folders in it."""
    patterns = _patterns(root)
    if not patterns:
        return {}
    wanted = [pattern.removeprefix("./").rstrip("/") for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:].removeprefix("./").rstrip("/") for pattern in patterns if pattern.startswith("!")]
    found: dict[str, Node] = {}
    for path in root.files.walk(root.folder):
        folder = posixpath.dirname(posixpath.relpath(path, root.folder or "."))
        if posixpath.basename(path) != "package.json" or not folder:
            continue
        if any(_glob(folder, item) for item in wanted) and not any(_glob(folder, item) for item in unwanted):
            member = root.beside(folder)
            if member is not None:
                found[folder] = member
    return dict(sorted(found.items()))


def _patterns(root: Node) -> tuple[str, ...]:
    listed = root.manifest.get("workspaces")
    if isinstance(listed, dict):
        listed = listed.get("packages")
    if isinstance(listed, list):
        return tuple(item for item in listed if isinstance(item, str))
    if root.has("pnpm-workspace.yaml"):
        from dockfix.facts import yamltext

        documents = yamltext.read(root.files, root.path("pnpm-workspace.yaml"))
        if isinstance(documents, list) and documents:
            return tuple(fact.value for fact in yamltext.scalars(documents[0].at("packages")))
    return ()


def _glob(folder: str, pattern: str) -> bool:
    """Whether a workspace pattern names *folder*; ``*`` does not cross a slash, ``**`` does."""
    if "**" in pattern:
        return fnmatch.fnmatchcase(folder, pattern.replace("/**", "/*")) or fnmatch.fnmatchcase(folder, pattern[:-3])
    return folder.count("/") == pattern.count("/") and fnmatch.fnmatchcase(folder, pattern)
