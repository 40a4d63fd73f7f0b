"""Databases in files that settings of Sequelize and TypeORM name, which stand in JSON beside the sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.jsontext import Json, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dockfix.facts.node import Node

_TYPEORM = (("ormconfig.json",), "type", "database")
_SETTINGS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "sequelize": (("config/config.json", "src/config/config.json"), "dialect", "storage"),
    "typeorm": _TYPEORM,
    "@nestjs/typeorm": _TYPEORM,
}
"""Package → its files, the key that says which database it is, and the one that names its file:
https://sequelize.org/docs/v6/other-topics/migrations/#configuration, https://orkhan.gitbook.io/typeorm/docs/data-source-options
"""


def databases(node: Node, packages: Iterable[str]) -> Iterator[Fact[str]]:
    """The files of databases that the settings of *packages* name, in whichever environment.

    Args:
        node: the package.json that these stand beside.
        packages: what the sources load.
    """
    for package in packages:
        files, kind, place = _SETTINGS.get(package, ((), "", ""))
        for file in files:
            found = read(node.files, node.path(file), node.prefix, comments=True)
            if not isinstance(found, Json):
                continue
            names = [key for key in found.data if isinstance(key, str)] if isinstance(found.data, dict) else []
            for keys in ((), *((name,) for name in names)):
                path = found.text(*keys, place)
                if "sqlite" in str(found.get(*keys, kind)) and path is not None and path.value not in {"", ":memory:"}:
                    yield path
