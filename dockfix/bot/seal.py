"""How a commit of the bot is told from one that a person made or amended, without keeping a list of them."""

from __future__ import annotations

import hashlib
import re

_SEAL = re.compile(r"\nDockfix-Content: (?P<content>[0-9a-f]+)\nDockfix-Seal: (?P<seal>[0-9a-f]{40})\n*\Z")
_CONTENT = re.compile(r"\nDockfix-Content: ([0-9a-f]+)")


def message(text: str, content: str, signer: str = "") -> str:
    """A commit's message.

    Args:
        text: what it says.
        content: the digest of what the commit changes, for a trailer.
        signer: ``NAME <ADDRESS>`` of who signs it off: https://developercertificate.org/
    """
    signed = f"Signed-off-by: {signer}\n" if signer else ""
    return f"{text.rstrip()}\n\n{signed}Dockfix-Content: {content}\n"


def sealed(message: str, tree: str) -> str:
    """*message* with a last trailer that fits this message and the commit's *tree* alone."""
    return f"{message.rstrip()}\nDockfix-Seal: {_seal(message, tree)}\n"


def is_sealed(message: str, tree: str) -> bool:
    """Whether a commit with this message and tree is as the bot made it."""
    found = _SEAL.search(message)
    if found is None:
        return False
    bare = message[: found.start("seal") - len("\nDockfix-Seal: ")]
    return found["seal"] == _seal(bare, tree)


def content(message: str) -> str | None:
    """The digest that a commit's message names."""
    found = _CONTENT.search(message)
    return None if found is None else found[1]


def _seal(message: str, tree: str) -> str:
    return hashlib.sha256(f"{tree}\n{message.strip()}".encode()).hexdigest()[:40]
