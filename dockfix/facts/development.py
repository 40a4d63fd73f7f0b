"""Programs for the developer's desk: servers that rebuild while somebody edits, watchers, and what builds as it starts.

Such a program needs the dev dependencies, the sources and a place to write wherever it runs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

#: Build tool → the verbs that start its development server, the empty one where it needs none; all by the reference of
#: their command lines: nextjs.org/docs/app/api-reference/cli, nuxt.com/docs/api/commands, vite.dev/guide/cli,
#: angular.dev/cli, cli.vuejs.org/guide/cli-service.html, webpack.js.org/api/cli, parceljs.org/features/cli,
#: gatsbyjs.com/docs/reference/gatsby-cli, docs.astro.build/en/reference/cli-reference, docs.strapi.io/cms/cli,
#: docusaurus.io/docs/cli, docs.nestjs.com/cli/usages, v2.remix.run/docs/other-api/dev,
#: reactrouter.com/api/other-api/dev, vitepress.dev/reference/cli, storybook.js.org/docs/api/cli-options,
#: quasar.dev/quasar-cli-vite/commands-list, docs.expo.dev/more/expo-cli, docs.medusajs.com/resources/medusa-cli,
#: hexo.io/docs/commands, 11ty.dev/docs/usage, rsbuild.rs/guide/basic/cli, rspack.rs/api/cli,
#: umijs.org/docs/api/commands, svelte.dev/docs/kit/cli.
_TOOLS: Mapping[str, frozenset[str]] = {
    "next": frozenset({"", "dev"}),
    "nuxt": frozenset({"", "dev"}),
    "nuxi": frozenset({"dev"}),
    "vite": frozenset({"", "dev", "serve"}),
    "ng": frozenset({"serve", "s", "dev"}),
    "react-scripts": frozenset({"start"}),
    "craco": frozenset({"start"}),
    "react-app-rewired": frozenset({"start"}),
    "vue-cli-service": frozenset({"serve"}),
    "webpack": frozenset({"serve", "server", "s", "watch", "w"}),
    "webpack-dev-server": frozenset({""}),
    "rspack": frozenset({"serve", "server", "s", "dev"}),
    "rsbuild": frozenset({"", "dev"}),
    "parcel": frozenset({"", "serve", "watch"}),
    "gatsby": frozenset({"develop"}),
    "astro": frozenset({"dev"}),
    "strapi": frozenset({"develop", "dev"}),
    "docusaurus": frozenset({"start"}),
    "remix": frozenset({"dev", "vite:dev", "watch"}),
    "react-router": frozenset({"dev"}),
    "svelte-kit": frozenset({"dev"}),
    "vitepress": frozenset({"", "dev"}),
    "storybook": frozenset({"dev"}),
    "start-storybook": frozenset({""}),
    "quasar": frozenset({"dev"}),
    "umi": frozenset({"dev"}),
    "expo": frozenset({"start"}),
    "medusa": frozenset({"develop"}),
    "hexo": frozenset({"server", "s"}),
    "eleventy": frozenset(),
    "nest": frozenset(),
    "directus": frozenset(),
    "rollup": frozenset(),
    "tsc": frozenset(),
    "gulp": frozenset(),
    "grunt": frozenset(),
    "turbo": frozenset(),
    "nx": frozenset({"serve"}),
    "lerna": frozenset(),
}
#: Verbs that build nothing: they serve what was built before, or prepare a database; by the same documents.
_SERVING = frozenset({
    ("next", "start"), ("nuxt", "start"), ("nuxt", "preview"), ("nuxi", "start"), ("nuxi", "preview"),
    ("strapi", "start"), ("gatsby", "serve"), ("docusaurus", "serve"), ("directus", "start"),
    ("directus", "bootstrap"), ("directus", "database"), ("medusa", "start"), ("medusa", "migrations"),
    ("medusa", "db:migrate"), ("quasar", "serve"), ("astro", "preview"),
})  # fmt: skip
#: Programs that start another one anew when its sources change, that reload browsers, or that run tests.
_WATCHERS = frozenset({
    "nodemon", "ts-node-dev", "tsnd", "node-dev", "tsc-watch", "live-server", "lite-server", "browser-sync", "vitest",
    "jest",
})  # fmt: skip
#: Programs that watch the sources when they are told to: nodejs.org/api/cli.html#--watch, tsx.is/watch-mode,
#: docs.nestjs.com/cli/usages, typescriptlang.org/docs/handbook/compiler-options.html,
#: rollupjs.org/command-line-interface, bun.com/docs/runtime/watch-mode, 11ty.dev/docs/usage,
#: docs.adonisjs.com/guides/concepts/hmr.
_TOLD = frozenset({"node", "nodejs", "tsx", "bun", "nest", "tsc", "webpack", "rollup", "eleventy", "gulp"})
_WATCH = re.compile(r"--(?:watch(?:-path)?(?:=(?!false).*)?|serve|hot|hmr)|-w|watch")


def development_tool(words: Sequence[str]) -> str | None:
    """The tool that a command starts and that only a developer needs: a development server, a watcher, a test runner.

    Args:
        words: the program and its arguments, without a package manager in front.

    Returns:
        The tool as a person names it, such as ``next dev``; ``None`` for any other program.
    """
    name, arguments = _called(words)
    verb = _verb(arguments)
    if name in _WATCHERS or verb in _TOOLS.get(name, ()):
        return f"{name} {verb}".rstrip()
    watching = next((word for word in arguments if _WATCH.fullmatch(word)), None) if name in _TOLD else None
    if watching is None:
        return None
    return f"{name} {verb} {watching}" if name == "nest" else f"{name} {watching}"


def build_tool(words: Sequence[str]) -> str | None:
    """The tool by which a command builds before it serves or does anything else, its development server included.

    Args:
        words: as for :func:`development_tool`.

    Returns:
        The tool as a person names it; ``None`` for any other program, and for ``next start`` and its like, which serve
        what was built before.
    """
    name, arguments = _called(words)
    verb = _verb(arguments)
    return f"{name} {verb}".rstrip() if name in _TOOLS and (name, verb) not in _SERVING else None


def caches_beside_modules(words: Sequence[str]) -> bool:
    """Whether a command starts a build tool in any way in which it may write beside the modules that it belongs to."""
    name, arguments = _called(words)
    return name in _TOOLS and (name, _verb(arguments)) != ("next", "start")


def _called(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The bare name of the program, that of a package's file which ``node`` is given included, and its arguments."""
    name = posixpath.basename(words[0]) if words else ""
    if name in {"node", "nodejs"}:
        for position, word in enumerate(words[1:], 2):
            if "node_modules/" in word:
                return posixpath.basename(word).partition(".")[0], words[position:]
            if not word.startswith("-"):
                break
    return name, words[1:]


def _verb(arguments: Sequence[str]) -> str:
    """The first argument, unless it is an option or a path."""
    first = arguments[0] if arguments else ""
    return "" if first.startswith("-") or "/" in first or "." in first else first
