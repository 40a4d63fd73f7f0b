"""Passwords and tokens in URLs, which no report shows."""

from __future__ import annotations

import re

# as far as the last "@" before the host's end: an "@" in a password is often left as it is,
# https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1
_USER = re.compile(r"(?<=//)[^\s/'\"<>]+(?=@)")


def masked(text: str) -> str:
    """*text* with the credentials of all its URLs left out."""
    return _USER.sub("***", text)
