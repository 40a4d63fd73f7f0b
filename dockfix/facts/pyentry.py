"""The source that a Python start command runs, and the folder of the context that it runs in."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dockfix.facts import pycommand
from dockfix.facts.pycommand import Start

if TYPE_CHECKING:
    from dockfix.facts.python import Python


class Entry:
    """Where a command begins.

    Attributes:
        path: the source that is run or holds the application; None where the command names none of the context.
        folder: the folder of the context that is the working directory.
    """

    def __init__(self, python: Python, start: Start, environment: Mapping[str, str], folder: str | None) -> None:
        self._python = python
        self._start = start
        self._environment = environment
        self._given = folder
        self.folder = folder or ""
        self.path = self._found()

    def inside(self, path: str) -> str:
        """A folder of the image as one of the context, as far as its name tells."""
        clean = posixpath.normpath(path).strip("/").removeprefix(".")
        return clean if self._python.root.is_dir(clean) else clean.partition("/")[2]

    def _found(self) -> str | None:
        start = self._start
        if start.script:
            place = pycommand.find(self._python.root, start.script, self.folder)
            if place is not None and self._given is None:
                written = posixpath.normpath(start.script).lstrip("/")
                if place.endswith(written) and not start.script.startswith("/"):
                    self.folder = place[: -len(written)].rstrip("/")
                elif start.script.startswith("/"):
                    self.folder = self._working_folder(place, written)
            return place
        name = start.module or self._application_module()
        return self._module(name) if name else None

    def _working_folder(self, place: str, written: str) -> str:
        """``/app/src/main.py`` found as ``src/main.py`` runs in the context's top."""
        return "" if written.endswith(place) or not place.count("/") else posixpath.dirname(place)

    def _application_module(self) -> str:
        start = self._start
        application = start.application
        if start.server == "flask" and not application:
            application = pycommand.flask_app(self._environment)
        if start.server == "manage":
            return ""
        return re.split(r"[:(]", application)[0].removesuffix(".py").replace("/", ".").strip(".")

    def _module(self, name: str) -> str | None:
        relative = name.replace(".", "/")
        inside = f"{relative}/__main__.py" if self._start.module else f"{relative}/__init__.py"
        tails = (inside, f"{relative}.py", f"{relative}/__init__.py")
        chdir = self._start.option("--chdir", "--app-dir", "--pythonpath")
        bases = [self.folder, "", "src", posixpath.join(self.folder, "src")]
        if chdir:
            bases.insert(0, posixpath.join(self.folder, self.inside(chdir)))
        for base in dict.fromkeys(bases):
            for tail in tails:
                path = posixpath.normpath(posixpath.join(base, tail))
                if self._python.root.exists(path):
                    if self._given is None and base not in ("", "src"):
                        self.folder = base
                    return path
        ends = tuple(f"/{tail}" for tail in tails)
        matches = [path for path in self._python.source_paths if path.endswith(ends)]
        shallow = min((path.count("/") for path in matches), default=0)
        nearest = [path for path in matches if path.count("/") == shallow]
        if len(nearest) != 1:
            package, _, inner = name.partition(".")
            if inner and not matches and not self._python.root.is_dir(package):
                self._python.sources.packages.add(package)
                return self._module(inner)
            return None
        if self._given is None:
            self.folder = next(nearest[0][: -len(end)] for end in ends if nearest[0].endswith(end))
        return nearest[0]

    def conventional(self) -> str | None:
        """The module that flask and fastapi look for where none is named."""
        names = {
            "flask": ("wsgi.py", "app.py", "app/__init__.py"),
            "fastapi": ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"),
            "manage": ("manage.py",),
            "litestar": ("app.py", "application.py"),
        }
        for name in names.get(self._start.server, ()):
            path = posixpath.join(self.folder, name)
            if self._python.root.exists(path):
                return path
        return None
