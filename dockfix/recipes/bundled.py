"""Which files of an app's folder are taken into what its bundler writes, and which may be read when it runs."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from posixpath import basename, splitext
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.recipes.artefacts import BUILD_ONLY, in_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dockfix.facts.node import Node
    from dockfix.model import Model

READS = re.compile(
    rb"process\.cwd\(|__dirname|[\"'](?:(?:node:)?fs(?:/promises)?|fs-extra|graceful-fs|glob|globby|fast-glob|tinyglobby"
    rb"|gray-matter|dotenv(?:/config)?|(?:node:|better-)?sqlite3?)[\"']"
)
"""A module that may read files when it runs."""

COMPILED = (
    *("*.js", "*.jsx", "*.mjs", "*.cjs", "*.ts", "*.tsx", "*.mts", "*.vue", "*.svelte", "*.astro"),
    *("*.css", "*.scss", "*.sass", "*.less", "*.pcss", "*.svg", "*.png", "*.jpg", "*.jpeg", "*.gif", "*.webp"),
    *("*.avif", "*.ico", "*.woff", "*.woff2", "*.ttf", "*.otf", "*.eot", ".DS_Store", "app.html"),
)
"""Files that a bundler takes into what it writes; others may be read when the app runs."""

SETTINGS = (
    *("components.json", "next-env.d.ts", "middleware.*", "proxy.*", "instrumentation*.*", "mdx-components.*"),
    *("postcss.config.*", "tailwind.config.*", "vite.config.*", "svelte.config.*", "uno.config.*", "nuxt.config.*"),
    ".stylelintrc*",
    *("playwright.config.*", "cypress.config.*", "drizzle.config.*", "knip.json", "biome.json", "*.tsbuildinfo"),
    *("vercel.json", "netlify.toml", "fly.toml", "env.d.ts", "index.html", "remix.env.d.ts"),
)
"""Files beside package.json that tools read, or that a build compiles:
https://nextjs.org/docs/app/getting-started/project-structure#top-level-files"""

TOOLS = tuple(pattern for pattern in (*BUILD_ONLY, *SETTINGS) if ".config." in pattern)
SOURCES = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
PAGES = (".vue", ".svelte", ".astro", ".mdx")
MOST_FILES = 3000
"""How many files of an app are looked through; of one that has more it is unknown what it reads."""

TESTS = re.compile(r"\.(?:test|spec)\.\w+$|(?:^|/)(?:tests?|__tests__|__mocks__|e2e)/")
"""Where test runners look by default: https://jestjs.io/docs/configuration#testmatch-arraystring,
https://vitest.dev/config/#include, https://playwright.dev/docs/test-configuration"""

IMPORTING = rb"(?:\b(?:from|import)\s*|\b(?:require|import)\(\s*)"
"""What stands before the name of a module that is imported."""


def reads_unasked(model: Model, node: Node, names: Iterable[str]) -> bool:
    """Whether a package of the app looks for one of the files beside package.json although no source names it."""
    patterns = {pattern for name in node.dependencies for pattern in catalog.looks_for(name)}
    return "*" in patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def reads_files(model: Model) -> bool:
    """Whether a source of the app may read files, or there are too many to tell."""
    many = sum(1 for _ in model.app.root.walk(model.source or "", MOST_FILES)) >= MOST_FILES
    return many or any(READS.search(text) for text in _sources(model).values())


def is_bundled(model: Model, name: str) -> bool:
    """Whether a file beside package.json, or all files of a folder there, are taken in by a bundler, and nothing else.

    So is a module that another imports; what nothing imports may be a library's settings.
    """
    path, root = in_context(model, name), model.app.root
    folder = root.is_dir(path)
    paths = root.walk(path, MOST_FILES) if folder else (path,)
    files = (each for each in paths if not model.app.ignore.ignores(each))
    if not all(any(fnmatchcase(basename(each), pattern) for pattern in COMPILED) for each in files):
        return False
    return not is_named(model, name) and (folder or not name.endswith(SOURCES) or _is_imported(model, name))


def is_named(model: Model, name: str) -> bool:
    """Whether a text of a source leads to a file or folder beside package.json: a library may read what it is given.

    The names of modules that are imported do not count.
    """
    end = rb"/" if model.app.root.is_dir(in_context(model, name)) else rb"[\"'`]"
    below = re.escape(model.folder.strip("/")).encode()
    start = rb"(%s)?[\"'`](?:/%s/|(?:\.{0,2}/)*)" % (IMPORTING, below)
    named = re.compile(start + re.escape(name).encode() + end)
    return any(match[1] is None for text in _sources(model).values() for match in named.finditer(text))


def _is_imported(model: Model, name: str) -> bool:
    stem = re.escape(splitext(name)[0]).encode()
    module = re.compile(IMPORTING + rb"[\"'][^\"'\n]*/%s(?:\.\w+)?[\"']" % stem)
    return any(module.search(text) for text in _sources(model).values())


def _sources(model: Model) -> Mapping[str, bytes]:
    """The modules and pages of the app's folder that are in the image, without tests and the settings of tools."""

    def read() -> Mapping[str, bytes]:
        root = model.app.root
        paths = (path for path in root.walk(model.source or "", MOST_FILES) if path.endswith((*SOURCES, *PAGES)))
        own = (path for path in paths if not model.app.ignore.ignores(path))
        return {path: root.read(path) or b"" for path in own if not _is_beside(path)}

    return model.app.once(("sources of a bundler", model.source), read)


def _is_beside(path: str) -> bool:
    """Whether a file is a test, or the settings of a tool."""
    return TESTS.search(path) is not None or any(fnmatchcase(basename(path), pattern) for pattern in TOOLS)
