"""What Python sources ask of the C library and its linker: dates that only glibc writes, libraries by their names."""

from __future__ import annotations

import ast
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dockfix.recipes.split import UnfitError
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.model import Model

OWN = frozenset({"c", "m", "dl", "rt", "pthread", "msvcrt"})
"""The libraries that are the C library's own on musl, and one that Windows alone has."""

LOADED = re.compile(r"""(?:CDLL|LoadLibrary|dlopen)\(\s*["']([^"']*\.so[.\d]*)|find_library\(\s*["']([\w+-]+)["']""")
"""A library that Python loads itself, as far as that is to be told without a parse:
https://docs.python.org/3/library/ctypes.html#ctypes.util.find_library"""

TEMPLATES = (".html", ".htm", ".txt", ".xml", ".mako", ".j2", ".jinja", ".jinja2")
"""Ends of the names of templates that call Python."""

DIRECTIVE = re.compile(r"%(?:[-_0]?[Pkl]|\+|[#^][A-Za-z])")
"""Directives of glibc's strftime that musl writes as nothing [tried, musl 1.2 and Python 3.11]."""

CLOCK = re.compile(
    r"(%[-_0]?[kl])(?:[^\w%]{0,3}|h)%[-_0]?[MpP]"
    r"|%[-_0]?[IMS][^\w%]{0,3}(%P)"
    r"|%[-_0]?[dmYyBb][^\w%]{0,3}(%[-_0]?[kl])(?!\w)"
)
"""The same beside another part of a time: by itself ``%l`` may be of printf, and ``%H %P`` are words of git."""

FIELD = re.compile(r"\{[\w.\[\]]*:[^{}]*?(%[-_0]?[Pkl])(?![a-z])")
"""The same in a replacement field: https://docs.python.org/3/library/string.html#format-string-syntax"""

CALL = re.compile(r"strftime\b(?:(?:(?!\}\}|%\})[^\n])*?|[^)]{0,200}?)(%(?:[-_0]?[Pkl]|\+|[#^][A-Za-z]))")
"""The same in a call, as far as that is to be told without a parse."""

EXPRESSION = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
"""What a template of Jinja works out: https://jinja.palletsprojects.com/en/stable/templates/#synopsis"""

_LOADING = frozenset({"CDLL", "LoadLibrary", "dlopen"})
_SOURCES = 2_000


def check_loaded(model: Model) -> None:
    """Refuse what the app's own Python sources load and a smaller base lacks.

    A library that is loaded by its file's name is called otherwise on musl. The small images of Python come without
    the libraries of Tk: https://github.com/docker-library/python/blob/master/Dockerfile-linux.template

    Raises:
        UnfitError: with the place.
    """
    for path, data in _files(model, (".py",)):
        if not any(word in data for word in (b"ctypes", b"cffi", b"tkinter", b"turtle")):
            continue
        source = data.decode("utf-8", "replace")
        window = re.search(r"^\s*(?:import|from)\s+(tkinter|turtle)\b", source, re.MULTILINE)
        if window is not None:
            place = model.app.origin(path, line_of(source, window.start(1)))
            raise UnfitError(None, f"the libraries of {window[1]} are in no small image ({place})")
        tree = _parsed(data)
        for library, number in sorted(_libraries(tree) if tree is not None else _named_libraries(source), key=_line):
            what = f"{library} by its name" if library else "a library whose name cannot be told"
            raise UnfitError(None, f"the sources load {what} ({model.app.origin(path, number)})")


def check_searched(model: Model) -> None:
    """Refuse GeoDjango, which has Python look for GDAL and GEOS by their names: it does not find them on musl.

    https://docs.djangoproject.com/en/5.2/ref/contrib/gis/install/geolibs/, https://github.com/python/cpython/issues/65821

    Raises:
        UnfitError: with the place.
    """
    for path, data in _files(model, (".py",)):
        at = data.find(b"django.contrib.gis")
        if at >= 0:
            where = model.app.origin(path, line_of(data, at))
            raise UnfitError(None, f"GeoDjango does not find GDAL on musl ({where})")


def check_dates(model: Model) -> None:
    """Refuse dates that Python's sources or templates have the C library write in a way that musl does not know.

    Raises:
        UnfitError: with the directive and the place.
    """
    for path, data in _files(model, (".py", *TEMPLATES)):
        source = data.decode("utf-8", "replace")
        if DIRECTIVE.search(source) is None:
            continue
        tree = _parsed(data) if path.endswith(".py") else None
        dates = _python_dates(tree) if tree is not None else _text_dates(source, python=path.endswith(".py"))
        for directive, number in sorted(dates, key=_line):
            place = model.app.origin(path, number)
            raise UnfitError(None, f"strftime writes nothing for {directive} on musl ({place})")


def _files(model: Model, ends: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """The files of a Python app whose names end so."""
    if model.server.language == "python":
        for path in model.app.root.walk(model.source or "", _SOURCES):
            if path.endswith(ends):
                yield path, model.app.root.read(path) or b""


def _parsed(data: bytes) -> ast.Module | None:
    """The tree of a source; ``None`` where this Python cannot read it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that the source spells wrong
            return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _named_libraries(source: str) -> Iterator[tuple[str, int]]:
    """The libraries that a source that nobody can parse loads by a literal."""
    for found in LOADED.finditer(source):
        if found[2] not in OWN:
            yield found[1] or f"lib{found[2]}", line_of(source, found.start())


def _libraries(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The libraries that a source loads by their names; an empty one where a name that is looked for is not told."""
    values, aliases = _values(tree), _aliases(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = _last(node.func)
        name = aliases.get(name, name)
        given = node.args[0]
        known = [given] if isinstance(given, ast.Constant) else values.get(_last(given), [])
        texts = [value.value for value in known if isinstance(value, ast.Constant) and isinstance(value.value, str)]
        if name == "find_library":
            if not texts or len(texts) < len(known):
                yield "", node.lineno
            yield from ((f"lib{text}", node.lineno) for text in texts if text not in OWN)
        elif name in _LOADING:
            yield from ((text, node.lineno) for text in texts if re.search(r"\.so[.\d]*$", text))


def _python_dates(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The directives that a source gives to strftime, and those of constants that cannot be for anything else."""
    values, aliases = _values(tree), _aliases(tree)
    for node in ast.walk(tree):
        given: list[ast.AST] = []
        if isinstance(node, ast.Call) and _writes_date(node, aliases):
            given = [inner for argument in node.args for inner in ast.walk(argument)]
            given += [value for inner in given for name in values.get(_last(inner), ()) for value in ast.walk(name)]
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            given = list(ast.walk(node.format_spec))
        for text, number in _texts(given):
            if found := DIRECTIVE.search(text):
                yield found[0], number
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for text, number in _texts(node for node in ast.walk(tree) if node not in docstrings):
        if "strftime" not in text and (found := CLOCK.search(text) or FIELD.search(text)):
            yield next(filter(None, found.groups())), number


def _text_dates(source: str, *, python: bool) -> Iterator[tuple[str, int]]:
    """The directives of a template, or of a source that is read as text."""
    for found in CALL.finditer(source):
        yield found[1], line_of(source, found.start(1))
    parts = EXPRESSION.finditer(source)
    for start, part in [(0, source)] if python else [(part.start(), part[1] or part[2] or "") for part in parts]:
        for found in CLOCK.finditer(part):
            yield next(filter(None, found.groups())), line_of(source, start + found.start())


def _writes_date(call: ast.Call, aliases: dict[str, str]) -> bool:
    """Whether a call writes a date: SQL's ``func.strftime`` is the database's own."""
    name = _last(call.func)
    if isinstance(call.func, ast.Attribute):
        return name == "strftime" and _last(call.func.value) != "func"
    return aliases.get(name, name) == "strftime" or (name == "format" and len(call.args) == 2)


def _texts(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    """The strings among *nodes*, with a doubled ``%`` blanked."""
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.replace("%%", "  "), node.lineno


def _aliases(tree: ast.Module) -> dict[str, str]:
    """What a source calls that it imports by another name."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {item.asname: item.name for node in imports for item in node.names if item.asname}


def _values(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What the names of a source are given anywhere in it: by assignment, as a default, by keyword."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found[_last(target)].append(node.value)
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            found[_last(node.target)].append(node.value)
        elif isinstance(node, ast.keyword):
            found[node.arg or ""].append(node.value)
        elif isinstance(node, ast.arguments):
            names = [*node.posonlyargs, *node.args]
            pairs = [
                *zip(reversed(names), reversed(node.defaults), strict=False),
                *zip(node.kwonlyargs, node.kw_defaults, strict=True),
            ]
            for argument, default in pairs:
                if default is not None:
                    found[argument.arg].append(default)
    found.pop("", None)
    return found


def _last(node: ast.AST) -> str:
    """The last part of a plain or dotted name; empty for anything else."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _line(found: tuple[str, int]) -> int:
    return found[1]
