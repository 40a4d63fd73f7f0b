"""Tests of what is told of programs for the developer's desk."""

from __future__ import annotations

import pytest

from dockfix.facts.development import build_tool, caches_beside_modules, development_tool


@pytest.mark.parametrize(
    ("command", "tool"),
    [
        ("next dev -H 0.0.0.0", "next dev"),
        ("next", "next"),
        ("next -p 4000", "next"),
        ("nuxt dev", "nuxt dev"),
        ("astro dev --host", "astro dev"),
        ("gatsby develop", "gatsby develop"),
        ("remix dev", "remix dev"),
        ("strapi develop", "strapi develop"),
        ("parcel serve index.html", "parcel serve"),
        ("parcel src/index.html", "parcel"),
        ("webpack serve", "webpack serve"),
        ("craco start", "craco start"),
        ("nest start --watch", "nest start --watch"),
        ("nest start api -w", "nest start -w"),
        ("tsx watch src/server.ts", "tsx watch"),
        ("tsx --watch src/server.ts", "tsx --watch"),
        ("node --watch server.js", "node --watch"),
        ("node --watch-path=./src server.js", "node --watch-path=./src"),
        ("vite --host 0.0.0.0", "vite"),
        ("nodemon server.js", "nodemon"),
        ("./node_modules/.bin/next dev", "next dev"),
        ("node node_modules/.bin/next dev", "next dev"),
        ("node --inspect node_modules/vite/bin/vite.js", "vite"),
        ("jest", "jest"),
    ],
)
def test_tools_of_developers(command: str, tool: str) -> None:
    assert development_tool(command.split()) == tool


@pytest.mark.parametrize(
    "command",
    ["next start", "nuxt start", "node server.js", "tsx server.ts", "vite preview", "strapi start", "node watch.js",
     "nest start", "node server.js dev", "serve -s build", "node --watch=false server.js", "pm2-runtime watch"],
)  # fmt: skip
def test_what_serves_in_production_is_for_no_developer(command: str) -> None:
    assert development_tool(command.split()) is None


def test_nothing_is_started_by_no_words() -> None:
    assert (development_tool(()), build_tool(()), caches_beside_modules(())) == (None, None, False)


@pytest.mark.parametrize(
    ("command", "tool"),
    [
        ("next build", "next build"),
        ("next dev", "next dev"),
        ("nest start", "nest start"),
        ("vite preview", "vite preview"),
        ("tsc -p .", "tsc"),
        ("next start", None),
        ("strapi start", None),
        ("directus bootstrap", None),
        ("node dist/main.js", None),
        ("nodemon server.js", None),
    ],
)
def test_what_builds_as_it_starts(command: str, tool: str | None) -> None:
    assert build_tool(command.split()) == tool


def test_a_build_tool_that_only_serves_may_keep_a_cache() -> None:
    assert caches_beside_modules(("strapi", "start"))
    assert not caches_beside_modules(("next", "start"))
    assert not caches_beside_modules(("nodemon", "server.js"))
