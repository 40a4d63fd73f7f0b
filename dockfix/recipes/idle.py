"""Packages that do nothing in a container unless somebody calls them: servers of databases, and scanners."""

from __future__ import annotations

import re
from posixpath import basename
from typing import TYPE_CHECKING

from dockfix.recipes.programs import programs

if TYPE_CHECKING:
    from dockfix.model import Model

_MYSQL = ("mysqld", "mysqld_safe", "mariadbd", "init.d/mysql", "service mysql", "init.d/mariadb", "service mariadb")
CALLS = {
    "postgresql": ("pg_ctl", "pg_ctlcluster", "initdb", "postmaster", "init.d/postgresql", "service postgresql"),
    "mysql-server": _MYSQL,
    "mariadb-server": _MYSQL,
    **{name: (name,) for name in ("redis-server", "nmap", "arp-scan", "masscan", "zmap", "hping3", "netdiscover")},
}
"""By package, the words that call its programs. No init of the system runs in a container, so that nothing else does:
https://docs.docker.com/engine/containers/multi-service_container/"""
PROSE = (".md", ".rst", ".txt", ".svg", ".lock", "-lock.json", "-lock.yaml")
LARGEST = 300_000
"""The most bytes of a file that are searched for calls."""


def is_idle(model: Model, package: str) -> bool:
    """Whether nothing that runs in the image, and no file of the app, calls the programs of *package*."""
    calls = CALLS.get(package)
    if calls is None or any(program.missing or program.name in calls for program in programs(model)):
        return False
    word = re.compile(rb"(?<![\w-])(?:" + b"|".join(re.escape(call.encode()) for call in calls) + rb")(?![\w-])")
    for path in model.app.root.walk(limit=3000):
        name = basename(path).lower()
        if path == model.app.dockerfile or name.endswith(PROSE) or "dockerfile" in name:
            continue
        data = model.app.root.read(path)
        if data is None or len(data) > LARGEST:
            continue
        if word.search(data):
            return False
    return True
