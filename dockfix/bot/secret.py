"""A secret that does not show: not in a traceback, a log or a report, nor in base64."""

from __future__ import annotations

import base64
from collections.abc import Iterator

SHOWN = "***"


class Secret:
    """A token or key. ``repr()`` and ``str()`` hide it; :meth:`reveal` is for the one place that sends it.

    Args:
        value: the secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Secret({SHOWN})"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def scrub(self, text: str) -> str:
        """*text* without the secret, should somebody have put it there: a server that echoes what it was sent."""
        for form in self._forms():
            text = text.replace(form, SHOWN)
        return text

    def _forms(self) -> Iterator[str]:
        """The secret as it is, and in base64 at each of the three places of a group of bytes that it may begin at."""
        if len(self._value) < 8:  # too short to tell from ordinary text
            return
        yield self._value
        data = self._value.encode()
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
            # the first and last characters hold bits of the neighbours
            yield encoded[(0, 2, 3)[shift] : len(encoded) - 1]
