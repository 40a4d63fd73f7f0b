"""Which forge an address belongs to, and how it is spoken to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dockfix.bot import github, gitlab
from dockfix.bot.forge import Forge
from dockfix.bot.http import Http

_HOSTS = {"gitlab.com": "gitlab"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of forge.

    Attributes:
        api: the address of its public server's API, where it has one.
        address: makes the address of an API of what a person gives.
        connect: makes the forge of a client.
        headers: sent with every request.
    """

    api: str
    address: Callable[[str | None], str]
    connect: Callable[[Http], Forge]
    headers: Mapping[str, str] = field(default_factory=dict)


KINDS = {
    "github": Kind(github.API, github.address, github.GitHub, github.HEADERS),
    "gitlab": Kind(gitlab.API, gitlab.address, gitlab.GitLab),
}


def name_of(given: str | None, url: str | None) -> str:
    """The name of the kind of forge: the one that is given, else the one that the host tells, else GitHub."""
    if given is not None:
        return given
    host = urlsplit(url if "://" in url else f"https://{url}").hostname if url else None
    return _HOSTS.get(host or "", "github")
