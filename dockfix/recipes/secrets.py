"""How the secrets among variables are known, by their names and by their values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.dockerfile import Assignment, Instruction

_TELLING = frozenset(
    {"apikey", "auth", "credential", "credentials", "key", "pass", "passphrase", "passwd", "password", "pwd"}
    | {"accesskey", "creds", "privatekey", "secret", "secretkey", "token"}
)
"""Words of a name by which BuildKit's check SecretsUsedInArgOrEnv knows a secret, and more:
https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/"""
_HARMLESS = frozenset(
    {"public", "gpg", "pgp", "file", "path", "dir", "name", "url", "uri", "host", "type", "mode", "method", "enabled"}
    | {"expiry", "expires", "ttl", "lifetime", "length", "prefix", "algorithm", "id", "keys", "validation"}
    | {"allow", "require"}
)
"""Words of a name that stands for something about a secret, or for a key that is public."""
_INVENTED = re.compile(
    r"dummy|fake|change[-_]?me|place[-_]?holder|example|not[-_]?used|unused|insecure|your[-_]|^x+$|^[*.-]+$|^none$"
    r"|^null$|^true$|^false$|^\d$|^test|^[.~]?/",
    re.IGNORECASE,
)
"""Values that only keep a program from complaining, and paths of files."""
_FORMS = (
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), "an access key of AWS"),
    (re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{60,})"), "a token of GitHub"),
    (re.compile(r"\bglpat-[\w-]{20}"), "a token of GitLab"),
    (re.compile(r"\bnpm_[0-9A-Za-z]{36}\b"), "a token of npm"),
    (re.compile(r"\bxox[abprs]-[\w-]{10,}"), "a token of Slack"),
    (re.compile(r"\bAIza[\w-]{35}\b"), "an API key of Google"),
    (re.compile(r"\b[rs]k_live_[0-9A-Za-z]{16,}"), "a key of Stripe"),
    (re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"), "a signed token (JWT)"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"), "a private key"),
    (re.compile(r"\b\w+://[^\s/:@$]*:[^\s/:@$]+@"), "a password in an address"),
)
"""How secrets look, as the services that hand them out document it:
https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns"""


def suspicion(instruction: Instruction, assignment: Assignment) -> str | None:
    """Why a variable of an ENV or ARG looks like a secret, without its value; ``None`` where it does not.

    Args:
        instruction: the ENV or ARG.
        assignment: one of its variables.
    """
    value = assignment.value or ""
    stays = "the image" if instruction.keyword == "ENV" else "the image's history"
    form = next((what for pattern, what in _FORMS if pattern.search(value)), None)
    if form is not None and not _INVENTED.search(value):
        return f"has {form} for its value, which stays in {stays}: withdraw it, and give it to RUN or to the container"
    if not names_secret(assignment.key) or _INVENTED.search(value):
        return None
    if instruction.keyword == "ENV" and (not value or "$" in value):
        return None  # what it takes from an ARG is told there
    where = "RUN with --mount=type=secret" if instruction.keyword == "ARG" else "the container when it starts"
    return f"is a secret by its name, and its value stays in {stays}: give it to {where}"


def names_secret(name: str) -> bool:
    """Whether a variable is a secret by its name."""
    words = [word for word in re.split(r"[_.-]", name.lower()) if word]
    return bool(_TELLING.intersection(words)) and not _HARMLESS.intersection(words)
