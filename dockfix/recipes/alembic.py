"""Which database Alembic, the migrations of SQLAlchemy, is told of by its settings."""

from __future__ import annotations

from configparser import ConfigParser, Error
from itertools import pairwise
from posixpath import dirname
from typing import TYPE_CHECKING

from dockfix.facts import Fact, files
from dockfix.model.config import join
from dockfix.recipes.programs import final_services

if TYPE_CHECKING:
    from dockfix.model import Model
    from dockfix.recipes.programs import Program

SETTINGS = "alembic.ini"
VARIABLE = "ALEMBIC_CONFIG"
"""What names other settings: https://alembic.sqlalchemy.org/en/latest/api/commands.html"""


def address(model: Model, program: Program) -> Fact[str] | None:
    """The ``sqlalchemy.url`` of the settings that a call of Alembic reads, with their path.

    https://alembic.sqlalchemy.org/en/latest/tutorial.html#editing-the-ini-file

    Args:
        model: the model.
        program: a call of ``alembic``.

    Returns:
        An empty address where they leave it to ``env.py``; ``None`` where it cannot be told.
    """
    if any(VARIABLE in service.environment for service in final_services(model)):
        return None
    given = _option(program, "-c", "--config") or model.final.config.env.get(VARIABLE) or SETTINGS
    place = join(model.folder, given)
    path = model.final.context_path(place) if "$" not in given else None
    text = files.text(model.app.root, path) if path is not None else None
    if path is None or text is None:
        return None
    settings = ConfigParser({"here": dirname(place)}, strict=False)
    try:
        settings.read_string(text)
        url = settings.get(_option(program, "-n", "--name") or "alembic", "sqlalchemy.url", fallback="")
    except Error:  # it is no such file, or names what is nowhere
        return None
    return Fact(url.strip(), model.app.origin(path))


def _option(program: Program, short: str, long: str) -> str:
    """What a call gives an option; empty where it does not."""
    for word, following in pairwise((*program.words[1:], "")):
        if word in {short, long}:
            return following
        if word.startswith(f"{long}="):
            return word.partition("=")[2]
        if word.startswith(short) and len(word) > len(short):
            return word[len(short) :]
    return ""
