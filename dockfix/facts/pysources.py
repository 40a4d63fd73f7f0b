"""The Python sources of a build context, found by the names of their modules and parsed when first asked for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Final

from dockfix.facts.fact import Problem
from dockfix.facts.files import Files
from dockfix.facts.pysource import Source
from dockfix.facts.pytext import DEEPEST, ImportLine, bracket_depth, import_lines

LONGEST: Final = 1500
"""Lines above which a source is read only where it is the entry: libcst takes some quarter of a millisecond a line."""


class Sources:
    """The Python sources of a build context, parsed when first asked for.

    Attributes:
        files: the build context.
        problems: the files that could not be read, each once.
        packages: names under which the image holds the tree itself, as in ``COPY . ./backend`` for ``backend.main``.
    """

    def __init__(self, files: Files, prefix: str = "") -> None:
        self.files = files
        self.prefix = f"{prefix}/" if prefix not in ("", ".") else ""
        self._texts: dict[str, str | None] = {}
        self._sources: dict[str, Source | None] = {}
        self._imports: dict[str, tuple[ImportLine, ...]] = {}
        self._hints: dict[tuple[str, re.Pattern[str]], bool] = {}
        self._modules: dict[tuple[object, ...], str | None] = {}
        self.packages: set[str] = set()
        self._problems: dict[str, Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(self._problems.values())

    def text(self, path: str) -> str | None:
        """The text of *path* in its declared encoding; ``None`` where there is no such file or it is not text."""
        if path not in self._texts:
            self._texts[path] = self._decode(path)
        return self._texts[path]

    def _decode(self, path: str) -> str | None:
        import io
        import tokenize

        data = self.files.read(path)
        if data is None:
            return None
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except (SyntaxError, UnicodeDecodeError, LookupError) as error:
            self._problem(path, f"not read: {error}")
            return None

    def source(self, path: str) -> Source | None:
        """The parsed module at *path*; ``None``, with a problem noted, where it cannot be parsed."""
        if path not in self._sources:
            self._sources[path] = self._parse(path)
        return self._sources[path]

    def _parse(self, path: str) -> Source | None:
        import libcst as cst

        text = self.text(path)
        if text is None:
            return None
        if bracket_depth(text) > DEEPEST:
            self._problem(path, "not read: it is nested too deeply")
            return None
        try:
            return Source(path, text, cst.parse_module(text), self.prefix)
        except cst.ParserSyntaxError as error:
            self._problem(f"{path}:{error.raw_line}", "not read: it is no Python 3 source")
        except RecursionError:
            self._problem(path, "not read: it is nested too deeply")
        except (cst.CSTValidationError, UnicodeError) as error:
            # what a codec such as UTF-7 decodes may hold halves of a pair, which libcst does not take
            self._problem(path, f"not read: {error}")
        return None

    def imports(self, path: str) -> tuple[ImportLine, ...]:
        """The import statements of *path*; see :func:`import_lines`."""
        if path not in self._imports:
            content = self.text(path)
            self._imports[path] = tuple(import_lines(content)) if content is not None else ()
        return self._imports[path]

    def hints(self, path: str, hint: re.Pattern[str]) -> bool:
        """Whether the text of *path* has *hint*, which every command of an app asks of the same files."""
        if (path, hint) not in self._hints:
            self._hints[path, hint] = hint.search(self.text(path) or "") is not None
        return self._hints[path, hint]

    def _problem(self, place: str, message: str) -> None:
        self._problems.setdefault(place, Problem(f"{self.prefix}{place}", message))

    def module(self, name: str, level: int, importer: str, roots: Sequence[str]) -> str | None:
        """The file of the module *name*, as imported by the file *importer*; ``None`` where it is not of this tree."""
        key = (name, level, posixpath.dirname(importer), *roots, len(self.packages))
        if key not in self._modules:
            self._modules[key] = self._module(name, level, importer, roots)
        return self._modules[key]

    def _module(self, name: str, level: int, importer: str, roots: Sequence[str]) -> str | None:
        relative = name.replace(".", "/")
        if level:
            base = posixpath.dirname(importer)
            for _ in range(level - 1):
                base = posixpath.dirname(base)
            return self._module_at(posixpath.join(base, relative) if relative else base)
        if not relative:
            return None
        for root in (*roots, posixpath.dirname(importer)):
            found = self._module_at(posixpath.join(root, relative))
            if found is not None:
                return found
        package, _, inner = relative.partition("/")
        return self._module_at(inner) if inner and package in self.packages else None

    def _module_at(self, path: str) -> str | None:
        path = posixpath.normpath(path) if path else ""
        if path in ("", "."):
            return "__init__.py" if self.files.exists("__init__.py") else None
        if path.startswith(".."):
            return None
        for candidate in (f"{path}/__init__.py", f"{path}.py"):  # a package hides a module of its name
            if self.files.exists(candidate) and not self.files.is_dir(candidate):
                return candidate
        return None
