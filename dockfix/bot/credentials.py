"""How the bot shows who it is: with a token, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dockfix.bot.forge import ForgeError
from dockfix.bot.secret import Secret

OWN = "DOCKFIX_TOKEN"
TOKENS = {
    "github": (OWN, "GITHUB_TOKEN", "GH_TOKEN"),
    "gitlab": (OWN, "GITLAB_TOKEN"),
    "forgejo": (OWN, "FORGEJO_TOKEN", "GITEA_TOKEN"),
}
"""Where a token is looked for, in this order: never where one of another forge is kept."""


@dataclass(frozen=True, slots=True)
class Token:
    """A personal access token, or one that CI hands out.

    Attributes:
        value: the token.
    """

    value: Secret

    async def secret(self, owner: str | None) -> Secret | None:
        return self.value

    async def close(self) -> None:
        """There is nothing to let go of."""


def token(file: str | None, environment: Mapping[str, str] = os.environ, kind: str = "github") -> Token | None:
    """The token in *file*, else in the environment; never on the command line, where every process can read it.

    Args:
        file: a file that holds it.
        environment: the environment.
        kind: the forge that it is for.

    Raises:
        ForgeError: the file cannot be read, or what is found is no token.
    """
    if file is not None:
        origin, text = file, kept(file)
    else:
        origin = next((name for name in TOKENS[kind] if environment.get(name)), "")
        if not origin:
            return None
        text = environment[origin].strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ForgeError(f"{origin}: holds no token: one word of ASCII characters is expected")
    return Token(Secret(text))


def kept(file: str) -> str:
    """The secret that a file holds.

    Raises:
        ForgeError: it cannot be read.
    """
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ForgeError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody: enough to read public repositories in a dry run."""

    async def secret(self, owner: str | None) -> Secret | None:
        return None

    async def close(self) -> None:
        """There is nothing to let go of."""
