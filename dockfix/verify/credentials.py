"""Passwords and tokens in URLs and settings of package managers, which no report shows."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(
    # a user as far as the last "@" before the host's end: an "@" in a password is often left as it is, and so is a "/",
    # which what follows a host's port is not: https://www.rfc-editor.org/rfc/rfc3986#section-3.2
    r"(//)(?:[^\s/'\"<>]+|[^\s/:@'\"<>]+:(?!\d+/)[^\s@'\"<>]+)(?=@)"
    # https://www.rfc-editor.org/rfc/rfc6750#section-2.3, and the names that such parameters have elsewhere
    r"|([?&](?:access_token|private_token|token|api_?key|key|password|secret|sig)=)[^\s&'\"<>]+"
    # https://docs.npmjs.com/cli/v10/configuring-npm/npmrc#auth-related-configuration
    r"|(\b_(?:authToken|auth|password)=)[^\s'\"]+",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """*text* with the credentials of all its URLs left out."""
    return _CREDENTIALS.sub(lambda found: f"{found[1] or found[2] or found[3]}***", text)
