"""The routes of a Next.js app, which are its files.

https://nextjs.org/docs/app/getting-started/project-structure and
https://nextjs.org/docs/pages/building-your-application/routing
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from dockfix.facts.files import join

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.facts.files import Files

_SOURCE = (".js", ".jsx", ".ts", ".tsx")
_ELSEWHERE = re.compile(rb"\b(?:rewrites|redirects|basePath|i18n|pageExtensions)\b")
"""Settings by which more is answered than the files say."""


def lacks(files: Files, folder: str, route: str) -> bool:
    """Whether no file of the app in *folder* answers *route*; False where its settings or its middleware might."""
    known = False
    last = posixpath.basename(route.rstrip("/")).encode()
    for path in files.walk(folder):
        inner = path[len(folder) :].lstrip("/").removeprefix("src/")
        name, extension = posixpath.splitext(inner)
        data = files.read(path) or b"" if name in {"next.config", "middleware", "proxy", "server"} else b""
        if last in data or (name == "next.config" and _ELSEWHERE.search(data)):
            return False
        found = _route(name) if extension in _SOURCE else None
        known = known or found is not None
        if found is not None and re.fullmatch(found, route.rstrip("/") or "/"):
            return False
    return known and not files.exists(join(folder, f"public{route}"))


def _route(name: str) -> str | None:
    """The pattern of the route that a file answers, its extension left out; None for other files."""
    top, _, inner = name.partition("/")
    if top == "app":
        inner, _, last = f"/{inner}".rpartition("/")
        if last not in {"page", "route"}:
            return None
    elif top != "pages":
        return None
    parts = [part for part in inner.split("/") if part and not part.startswith(("(", "@"))]
    if top == "pages" and parts[-1:] == ["index"]:
        parts.pop()
    return "".join(_patterns(parts)) or "/"


def _patterns(parts: list[str]) -> Iterator[str]:
    for part in parts:
        if part.startswith("[[..."):
            yield "(?:/.*)?"
        else:
            yield "/.+" if part.startswith("[...") else "/[^/]+" if part.startswith("[") else f"/{re.escape(part)}"
