"""A GitHub App as the bot's account: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app

An app's commits are signed by the forge, and it has its own limit of requests in each organisation.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dockfix.bot.forge import ForgeError, RefusedError
from dockfix.bot.http import Http, quoted
from dockfix.bot.pace import Clock
from dockfix.bot.secret import Secret

LIFETIME = 540
"""Seconds that the app's own token is good for; GitHub takes ten minutes at most."""
EARLY = 300
"""Seconds before its end in which an installation's token is not used any more."""


@dataclass(frozen=True)
class AppKey:
    """The app itself, which may look up its installations and nothing else.

    Attributes:
        id: the app's id or client id.
        key: its private key as PEM.
        clock: the time.
    """

    id: str
    key: Secret
    clock: Clock = field(default_factory=Clock)

    async def secret(self, owner: str | None) -> Secret | None:
        """A token that the key signs.

        Raises:
            ForgeError: the key is none.
        """
        try:
            import jwt
        except ModuleNotFoundError:
            raise ForgeError("an app needs pyjwt: pip install 'dockfix[bot]'") from None
        now = int(self.clock.epoch())
        claims = {"iat": now - 60, "exp": now + LIFETIME, "iss": self.id}
        try:
            return Secret(jwt.encode(claims, self.key.reveal(), algorithm="RS256"))
        except (ValueError, TypeError, jwt.PyJWTError):
            # what was raised may quote the key
            raise ForgeError("the app's key is no RSA key in PEM form") from None

    async def close(self) -> None:
        """There is nothing to let go of."""


@dataclass
class Installations:
    """The installations of an app, each with a token of its own.

    Attributes:
        app: a client that shows the app's key.
        read_only: ask for tokens that cannot write, so that a dry run cannot either.
    """

    app: Http
    read_only: bool = False
    _tokens: dict[str, tuple[Secret, float]] = field(default_factory=dict, repr=False)
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict, repr=False)

    async def secret(self, owner: str | None) -> Secret | None:
        """The token of the installation at *owner*, or that of the app itself.

        Raises:
            RefusedError: the app is not installed there.
        """
        if owner is None:
            return await self.app.credential.secret(None)
        key = owner.lower()
        async with self._locks.setdefault(key, asyncio.Lock()):
            found = self._tokens.get(key)
            if found is None or found[1] - EARLY < self.app.pace.clock.epoch():
                found = self._tokens[key] = await self._fetch(owner)
            return found[0]

    async def close(self) -> None:
        await self.app.close()

    async def _fetch(self, owner: str) -> tuple[Secret, float]:
        id = (await self._installation(owner))["id"]
        body = {"permissions": {"contents": "read", "pull_requests": "read"}} if self.read_only else None
        path = f"/app/installations/{id}/access_tokens"
        # A token is no content, which the rates of writes are about.
        data = await self.app.write("POST", path, body, lambda reply: reply.data, paced=False)
        return Secret(data["token"]), datetime.fromisoformat(data["expires_at"].replace("Z", "+00:00")).timestamp()

    async def _installation(self, owner: str) -> Any:
        for kind in ("orgs", "users"):
            try:
                return (await self.app.get(quoted(kind, owner, "installation"))).data
            except RefusedError as error:
                if error.status != 404:
                    raise
        raise RefusedError(f"the app is not installed at {owner}", 404)
