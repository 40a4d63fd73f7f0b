"""The headers of an answer that an app, and not the server's moment, decides on, and in what two answers' differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dockfix.verify import normal

VARIES = "\0"
"""The value of a header that is another one, or missing, each time; no header can have it."""
_COOKIES = "set-cookie"
_TELLING = (
    # what a browser keeps, and for how long: https://www.rfc-editor.org/rfc/rfc9111#section-5.2
    *(_COOKIES, "cache-control", "content-encoding", "www-authenticate"),
    # who else may ask: https://fetch.spec.whatwg.org/#http-cors-protocol
    *("access-control-allow-origin", "access-control-allow-credentials", "cross-origin-resource-policy"),
    # what a page may do: https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html
    *("content-security-policy", "strict-transport-security", "x-frame-options", "x-content-type-options"),
    *("referrer-policy", "permissions-policy", "cross-origin-opener-policy", "cross-origin-embedder-policy"),
)


def telling(headers: Mapping[str, str]) -> dict[str, str]:
    """Of an answer's headers those that tell of the app, with what varies from run to run masked; of cookies the names.

    Args:
        headers: by names in lower case; several cookies are in a line each.
    """
    found = {name: headers[name] for name in _TELLING if name in headers}
    if _COOKIES in found:
        found[_COOKIES] = ", ".join(sorted({line.partition("=")[0].strip() for line in found[_COOKIES].splitlines()}))
    return {name: normal.body(value.encode("utf-8", "surrogateescape")) for name, value in found.items()}


def lasting(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """The headers of two answers to one question, with those as varying that differ."""
    names = dict.fromkeys((*one, *other))
    return {name: one[name] if name in one and one[name] == other.get(name) else VARIES for name in names}


def differences(was: Mapping[str, str], is_: Mapping[str, str]) -> Iterator[str]:
    """In what headers differ, in words each."""
    for name in dict.fromkeys((*was, *is_)):
        before, after = was.get(name), is_.get(name)
        if before != after and VARIES not in {before, after}:
            yield f"{name} was {_said(before)} and is {_said(after)}"


def _said(value: str | None) -> str:
    return "not sent" if value is None else repr(value)
