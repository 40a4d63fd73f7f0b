"""uWSGI, which knows some of its options only where it was compiled with certain libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.model.config import join
from dockfix.recipes.programs import final_services, programs, settings
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.model import Model, StageModel
    from dockfix.recipes.programs import Program

OPTIONS = {
    "PCRE": r"(?:error-|response-|final-)?route|static-expires",
    "OpenSSL": r"https2?|http-to-https|ssl|sni",
}
"""Options of uWSGI that PCRE or OpenSSL bring: https://uwsgi-docs.readthedocs.io/en/latest/InternalRouting.html,
https://uwsgi-docs.readthedocs.io/en/latest/HTTPS.html"""

HEADERS = {"PCRE": {"libpcre3-dev", "libpcre2-dev"}, "OpenSSL": {"libssl-dev"}}
"""What uWSGI is compiled with to know them: https://github.com/unbit/uwsgi/blob/master/uwsgiconfig.py"""

FORMATS = (".ini", ".yaml", ".yml", ".json", ".xml")
"""Of files of uWSGI's settings: https://uwsgi-docs.readthedocs.io/en/latest/Configuration.html"""


def check(model: Model, stage: StageModel) -> None:
    """Refuse a smaller base where uWSGI is told what it knows only when it was compiled with PCRE or OpenSSL.

    Raises:
        UnfitError: with the option.
    """
    installed = {name.partition("=")[0] for other in stage.lineage for _, name in other.packages}
    wanted = "|".join(OPTIONS[library] for library, headers in HEADERS.items() if not installed & headers)
    if not wanted or stage.image is None or stage.image.variant != "full":
        return
    option = re.compile(rf"""(?:^[\s"'<-]*|[{{,]\s*")((?:{wanted})[\w-]*)""", re.MULTILINE)
    for program in programs(model):
        for origin, told in _told(model, program) if program.name == "uwsgi" else ():
            match = option.search(told)
            if match is not None:
                why = f"uWSGI knows {match[1]} ({origin}) only where it is compiled with libraries of the full image"
                raise UnfitError(model.start.command, why)


def _told(model: Model, program: Program) -> Iterator[tuple[str, str]]:
    """What uWSGI is told, an option a line: by its words, by variables and by files; each with its place."""
    yield program.origin, "\n".join(word for word in program.words[1:] if word.startswith("--"))
    image = {name: f"ENV {name}" for name in model.final.config.env}
    given = {name: service.origin("environment") for service in final_services(model) for name in service.environment}
    for name, origin in {**image, **given}.items():
        if name.startswith("UWSGI_"):
            yield origin, name.removeprefix("UWSGI_").lower().replace("_", "-")
    found = settings(model, program)
    if found is not None:
        yield found
    for word in program.words[1:]:
        name = word.rpartition("=")[2].partition(":")[0]
        path = model.final.context_path(join(model.folder, name)) if name.endswith(FORMATS) else None
        data = model.app.root.read(path) if path is not None else None
        if path is not None and data is not None:
            yield model.app.origin(path), data.decode("utf-8", "replace")
