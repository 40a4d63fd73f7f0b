"""Angular's workspace: what angular.json says of the build and of the development server."""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dockfix.facts.fact import Fact
from dockfix.facts.files import join
from dockfix.facts.jsontext import Json
from dockfix.facts.jsontext import read as read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts.node import Node

_FONTS = re.compile(rb"<link\b[^>]*https?://(fonts\.googleapis\.com|use\.typekit\.net)/")


def named(words: Sequence[str]) -> str:
    """The configurations that a command of ``ng`` names, with commas; empty where it names none."""
    found = ""
    for word, following in pairwise((*words, "")):
        name, equals, value = word.partition("=")
        if name in {"--configuration", "-c"}:
            found = value if equals else following
        elif word == "--prod":
            found = "production"
    return found


class Angular:
    """The workspace of a package.

    Args:
        node: the package.
    """

    def __init__(self, node: Node) -> None:
        self.node = node

    def output(self, words: tuple[str, ...]) -> Fact[str] | None:
        """The folder that a build by the command *words* fills; None where it cannot be told."""
        config = self.config
        if config is None:
            return self._old_output()
        named = words[2] if len(words) > 2 and not words[2].startswith("-") else None
        project = named or self.project
        keys = ("projects", project or "", "architect", "build")
        if config.get(*keys) is None:
            keys = ("projects", project or "", "targets", "build")
        builder, path = config.get(*keys, "builder"), config.get(*keys, "options", "outputPath")
        origin = config.origin(*keys)
        # The application builder puts what the browser gets into a folder of its own:
        # https://angular.dev/tools/cli/build-system-migration
        browser = "browser" if str(builder).endswith((":application",)) else ""
        if isinstance(path, dict):
            browser = str(path.get("browser", "browser"))
            path = path.get("base")
        if not isinstance(path, str):
            if not browser or project is None:
                return None
            path = f"dist/{project}"
        return Fact(join(path, browser), origin)

    def _old_output(self) -> Fact[str] | None:
        """The folder that Angular before version 6 fills: https://v5.angular.io/guide/quickstart#root-folder"""
        config = read_json(self.node.files, self.node.path(".angular-cli.json"), self.node.prefix, comments=True)
        apps = config.get("apps") if isinstance(config, Json) else None
        if (
            not isinstance(config, Json)
            or not isinstance(apps, list)
            or len(apps) != 1
            or not isinstance(apps[0], dict)
        ):
            return None
        return Fact(str(apps[0].get("outDir", "dist")), config.origin("apps"))

    def serving(self, option: str) -> Fact[str] | None:
        """An option of the development server in angular.json, of any configuration."""
        config, project = self.config, self.project
        for kind in ("architect", "targets") if config is not None and project is not None else ():
            keys = ("projects", project or "", kind, "serve")
            serve = config.get(*keys) if config is not None else None
            groups = [serve.get("options"), *_values(serve.get("configurations"))] if isinstance(serve, dict) else []
            for group in groups:
                if config is not None and isinstance(group, dict) and option in group:
                    return Fact(str(group[option]), config.origin(*keys))
        return None

    @cached_property
    def config(self) -> Json | None:
        """angular.json."""
        found = read_json(self.node.files, self.node.path("angular.json"), self.node.prefix, comments=True)
        return found if isinstance(found, Json) else None

    @cached_property
    def project(self) -> str | None:
        """The project that is built where none is named; None where there is more than one."""
        config = self.config
        projects = config.get("projects") if config else None
        default = config.get("defaultProject") if config else None
        if not isinstance(projects, dict):
            return None
        applications = [
            name
            for name, value in projects.items()
            if isinstance(value, dict) and value.get("projectType") == "application"
        ]
        return str(default) if default in projects else applications[0] if len(applications) == 1 else None

    @cached_property
    def targets(self) -> tuple[str, ...] | None:
        """The keys under which angular.json has what can be done with the project."""
        config, project = self.config, self.project
        if config is None or project is None:
            return None
        kind = "architect" if config.get("projects", project, "architect") is not None else "targets"
        return ("projects", project, kind)

    def configurations(self, building: Sequence[str]) -> tuple[str, ...]:
        """The configurations that a build by the command *building* takes, each of which overrides those before it."""
        chosen = named(building) or self.text(*(self.targets or ()), "build", "defaultConfiguration")
        return tuple(name for name in chosen.split(",") if name)

    def text(self, *keys: str) -> str:
        """A text in angular.json; empty where it has none there."""
        found = self.config.text(*keys) if self.config is not None else None
        return found.value if found is not None else ""

    @cached_property
    def fetched_fonts(self) -> Fact[str] | None:
        """The host from which a production build fetches the fonts of the page, to write them into it.

        Since Angular 11, unless it is switched off:
        https://angular.dev/reference/configs/workspace-config#fonts-optimization-options
        """
        config = self.config
        if config is None:
            return None
        kinds = (config.get("projects", self.project or "", kind, "build") for kind in ("architect", "targets"))
        build = next((kind for kind in kinds if isinstance(kind, dict)), {})
        options = _mapping(build.get("options"))
        production = _mapping(_mapping(build.get("configurations")).get("production"))
        optimization = production.get("optimization", options.get("optimization", True))
        fonts = optimization.get("fonts", True) if isinstance(optimization, dict) else optimization
        if not (fonts.get("inline", True) if isinstance(fonts, dict) else fonts):
            return None
        index = production.get("index", options.get("index", "src/index.html"))
        path = str(index.get("input") if isinstance(index, dict) else index)
        page = self.node.files.read(self.node.path(path)) or b""
        for number, line in enumerate(page.split(b"\n"), 1):
            if match := _FONTS.search(line):
                return Fact(match[1].decode(), self.node.origin_of(path, number))
        return None

    @property
    def base_path(self) -> Fact[str] | None:
        """The path under which the app expects to be served."""
        found: Fact[str] | None = None
        if self.config is not None:
            for keys in (("architect", "build", "options", "baseHref"), ("targets", "build", "options", "baseHref")):
                found = found or self.config.text("projects", self.project or "", *keys)
        return found


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _values(value: object) -> list[object]:
    return list(_mapping(value).values())
