"""Which forge an address belongs to, and how it is spoken to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dockfix.bot import forgejo, github, gitlab
from dockfix.bot.forge import Forge
from dockfix.bot.http import Http

PUBLIC = {"github.com": "github", "api.github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "forgejo"}
"""Hosts that are everybody's, and the kinds of their forges."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of forge.

    Attributes:
        address: makes the address of an API of what a person gives.
        connect: makes the forge of a client.
        headers: sent with every request.
    """

    address: Callable[[str | None], str]
    connect: Callable[[Http], Forge]
    headers: Mapping[str, str] = field(default_factory=dict)


KINDS = {
    "github": Kind(github.address, github.GitHub, github.HEADERS),
    "gitlab": Kind(gitlab.address, gitlab.GitLab),
    "forgejo": Kind(forgejo.address, forgejo.Forgejo),
}


def name_of(given: str | None, url: str | None) -> str:
    """The name of the kind of forge: the one that is given, else the one that the host tells, else GitHub."""
    if given is not None:
        return given
    return PUBLIC.get(host_of(url) if url else "", "github")


def host_of(url: str) -> str:
    """The host in an address, which may lack its ``https://``."""
    return urlsplit(url if "://" in url else f"https://{url}").hostname or ""
