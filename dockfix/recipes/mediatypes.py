"""Python apps that give files a media type by ``/etc/mime.types``, which the full images have and the small ones lack.

Of the languages whose images have a smaller variant only Python reads it: the packages of Node have their own tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.catalog.mediatypes import PACKAGE, only_listed
from dockfix.recipes import installs
from dockfix.recipes.programs import programs, settings
from dockfix.text import line_of

if TYPE_CHECKING:
    from dockfix.facts.python import Python
    from dockfix.model import Model, StageModel

GUESSES = re.compile(
    r"\bguess_(?:type|file_type|extension|all_extensions)\s*\(|\btypes_map\b|\bMimeTypes\s*\(|/etc/mime\.types"
)
"""What asks the module; ``add_type`` only tells it: https://docs.python.org/3/library/mimetypes.html"""

SENDERS = frozenset({"send_file", "FileResponse", "static_file", "attach_file", "file_stream"})
"""Calls that guess the media type of a file: of Flask and Quart, Starlette, Django and aiohttp, Bottle, Django's mail,
Sanic: https://flask.palletsprojects.com/en/stable/api/#flask.send_file, https://starlette.dev/responses/#fileresponse,
https://docs.djangoproject.com/en/stable/ref/request-response/#fileresponse-objects."""

FOLDERS = frozenset({"send_from_directory", "StaticFiles", "add_static", "StaticFileHandler"})
"""Calls that serve a folder of files."""

TYPES = frozenset({"mimetype", "media_type", "content_type", "mime_type"})
"""Arguments that say the type, so that none is guessed."""

SERVES = re.compile(
    r"\b(?:Flask|Quart)\s*\(|\bstaticfiles\b|\bStaticFiles\b|\badd_static\b|\bStaticFileHandler\b"
    r"|\bSimpleHTTPRequestHandler\b|\bstatic_path\b"
)
"""Sources of a server that serves a folder of its own accord."""

HINT = re.compile(rf"\b(?:{'|'.join(sorted(SENDERS | FOLDERS))})\b")
PUBLIC = frozenset({"static", "staticfiles", "assets", "public", "media", "www", "dist", "build"})
"""Folders whose files are served, by their usual names."""

OWN_TABLE = "whitenoise"
"""It serves static files by a table of its own: https://whitenoise.readthedocs.io/en/stable/changelog.html#v4-0"""

_FILES = 5_000


def asked(model: Model, stage: StageModel) -> str | None:
    """What in the app gives files a type by the list that the full image of *stage* has; ``None`` where nothing does.

    Args:
        model: the model.
        stage: a stage that leaves its image.
    """
    python = model.app.python
    if stage is not model.final or python is None or stage.image is None or stage.image.name != "python":
        return None
    if PACKAGE not in catalog.full_variant_carries(stage.image):
        return None
    for program in programs(model):
        # uWSGI has no other table: https://uwsgi-docs.readthedocs.io/en/latest/StaticFiles.html#mime-types
        _, told = settings(model, program) or ("", "")
        if program.name == "uwsgi" and "static" in " ".join((*program.words, told)):
            return program.origin
    version = installs.python_version(stage)
    folders, serves = set(PUBLIC), "http.server" in model.start.words
    for path in python.source_paths:
        source = python.sources.text(path)
        if source is None or model.app.ignore.ignores(path):
            continue
        guess = GUESSES.search(source) if "mimetypes" in source or "mime.types" in source else None
        if guess is not None:
            return model.app.origin(path, line_of(source, guess.start()))
        serves = serves or SERVES.search(source) is not None
        for origin, literals in _sent(python, path, source):
            endings = [ending[1] for text in literals if (ending := re.search(r"\.(\w+)$", text))]
            places = {text.strip("./") for text in literals if text.strip("./")}
            if any(only_listed(ending, version) for ending in endings):
                return origin
            if not endings and not any(model.app.root.is_dir(place) for place in places):
                return origin
            folders |= {place.rpartition("/")[2] for place in places if not endings}
    return _served(model, folders, version) if serves and OWN_TABLE not in _names(model) else None


def _sent(python: Python, path: str, text: str) -> Iterator[tuple[str, list[str]]]:
    """The calls of a source that send files without saying their type: where, and the names that they tell."""
    from dockfix.facts.pyresult import ROOT, WILD
    from dockfix.facts.pysources import LONGEST
    from dockfix.facts.pytree import dotted
    from dockfix.facts.pyvalue import Evaluator

    if not HINT.search(text) or text.count("\n") > LONGEST:
        return
    source, evaluator = python.sources.source(path), Evaluator(python.sources, ("", "src"), {})
    for site in source.calls if source is not None else ():
        assert source is not None
        name = dotted(site.node.func).rpartition(".")[2]
        keywords = {argument.keyword.value for argument in site.node.args if argument.keyword is not None}
        if name not in SENDERS | FOLDERS or keywords & TYPES:
            continue
        values = [evaluator.value(source, site.scope, argument.value) for argument in site.node.args]
        told = [text.lstrip(ROOT + WILD) for text in map(evaluator.text, values)]
        own = ["static"] if "static_folder" in source.code(site.node) else []
        yield source.origin(site), [*own, *(text for text in told if text)]


def _served(model: Model, folders: set[str], version: str | None) -> str | None:
    """The first file in one of *folders* whose type only the list tells."""
    for path in model.app.root.walk("", _FILES):
        *above, name = path.split("/")
        _, dot, ending = name.rpartition(".")
        if dot and only_listed(ending, version) and folders & set(above) and not model.app.ignore.ignores(path):
            return model.app.origin(path)
    return None


def _names(model: Model) -> frozenset[str]:
    python = model.app.python
    return frozenset(requirement.name for requirement in python.requirements) if python is not None else frozenset()
