"""Files that a configuration of Angular puts in the place of others, as production does with its environment.

https://angular.dev/tools/cli/environments
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.facts.angular import named
from dockfix.facts.fact import Fact
from dockfix.text import line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockfix.facts.angular import Angular

COMMENT = re.compile(r"/\*[\s\S]*?\*/|^\s*//.*$", re.MULTILINE)
KEY = re.compile(r"(?:^|[{,])\s*[\"']?([A-Za-z_$][\w$]*)[\"']?\s*:(?!:)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file that a build takes where the development server takes another.

    Attributes:
        served: the file that the server takes.
        built: the file that the build takes.
        origin: where angular.json says so.
        lacking: what the sources use of the first and the second does not have, with where the first has it.
    """

    served: str
    built: str
    origin: str
    lacking: Fact[str] | None


def replacements(angular: Angular, serving: Sequence[str], building: Sequence[str]) -> Iterator[Replacement]:
    """The files that differ between the development server and a build.

    Args:
        angular: the workspace.
        serving: the words of the command that serves.
        building: the words of the command that builds.
    """
    config, keys = angular.config, angular.targets
    if config is None or keys is None:
        return
    served = _files(angular, keys, _serving(angular, keys, named(serving)))
    built = _files(angular, keys, ",".join(angular.configurations(building)))
    for path in dict.fromkeys((*served, *built)):
        first, second = served.get(path, path), built.get(path, path)
        if first != second:
            origin = config.origin(*keys, "build", "configurations")
            yield Replacement(first, second, origin, _lacking(angular, first, second))


def _serving(angular: Angular, keys: tuple[str, ...], named: str) -> str:
    """The configuration in which the development server builds."""
    chosen = named or angular.text(*keys, "serve", "defaultConfiguration")
    places = [("configurations", name) for name in reversed(chosen.split(","))]
    for place in (*places, ("options",)):
        for option in ("buildTarget", "browserTarget"):
            target = angular.text(*keys, "serve", *place, option)
            if target:
                return target.split(":", 2)[2] if target.count(":") > 1 else ""
    return ""


def _files(angular: Angular, keys: tuple[str, ...], configurations: str) -> dict[str, str]:
    """What is taken instead of what, in configurations of the build."""
    found: dict[str, str] = {}
    config = angular.config
    for name in configurations.split(","):
        listed = config.get(*keys, "build", "configurations", name, "fileReplacements") if config is not None else None
        for entry in listed if isinstance(listed, list) else ():
            if isinstance(entry, dict):
                path, other = entry.get("replace") or entry.get("src"), entry.get("with") or entry.get("replaceWith")
                if isinstance(path, str) and isinstance(other, str):
                    found[path] = other
    return found


def _lacking(angular: Angular, first: str, second: str) -> Fact[str] | None:
    served, built = _source(angular, first), _source(angular, second)
    if "..." in built:
        return None  # it takes over what another file has
    present = {match[1] for match in KEY.finditer(built)}
    for match in KEY.finditer(served):
        if match[1] not in present and _is_used(angular, match[1], first):
            line = line_of(served, match.start(1))
            return Fact(match[1], angular.node.origin_of(first, line))
    return None


def _source(angular: Angular, path: str) -> str:
    """A file without its comments, of which the line ends stay."""
    text = (angular.node.files.read(angular.node.path(path)) or b"").decode("utf-8", "replace")
    return COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)


def _is_used(angular: Angular, key: str, path: str) -> bool:
    """Whether a source beside the environments names *key*."""
    folder = path.rpartition("/")[0]
    files, pattern = angular.node.files, re.compile(rf"\b{re.escape(key)}\b".encode())
    for name in files.walk(angular.node.folder, 5000):
        beside = name.startswith(f"{angular.node.path(folder)}/") if folder else name == angular.node.path(path)
        source = name.endswith((".ts", ".html")) and not name.endswith(".spec.ts")
        if source and not beside and pattern.search(files.read(name) or b""):
            return True
    return False
