"""Files with settings, keys and tokens, known by their names and by what they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import cache

from dockfix.catalog.table import table

_EXAMPLES = re.compile(r"(?<![a-z])(?:examples?|samples?|templates?|dist|defaults?|schema)(?![a-z])")
"""Words in the name of a file that shows what settings there are, and holds none."""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A sort of files that hold what not everybody should read.

    Attributes:
        kind: ``settings``, which a build may write into what it makes, or a ``key`` or ``token``, which it does not.
        tells: what the text of such a file has where it holds any; empty where the name alone says it.
        spares: what the text has where it holds none; empty where all that does not tell is harmless.
    """

    kind: str
    tells: str
    spares: str

    def holds(self, data: bytes | None) -> bool | None:
        """Whether a file of this sort with these bytes holds a secret; ``None`` where that cannot be told.

        Args:
            data: its bytes; ``None`` where they cannot be read.
        """
        if not self.tells:
            return True
        if data is None:
            return None
        text = data.decode("utf-8", "replace")
        if re.search(self.tells, text):
            return True
        return False if re.search(self.spares, text) else None


def secret_file(name: str) -> SecretFile | None:
    """The sort of files to which one belongs by its name, without its folder; ``None`` where it is of none."""
    name = name.lower()
    exact, globs = _sorts()
    found = exact.get(name) or next((sort for glob, sort in globs if glob.fullmatch(name)), None)
    return None if found is not None and found.kind == "settings" and _EXAMPLES.search(name) else found


def spells_secret_file(glob: str) -> bool:
    """Whether a glob is written for such files: by their ending, or by how their names begin."""
    patterns = [row["pattern"] for row in table("secretfiles").rows()]
    if glob.startswith("*"):
        return any(pattern.startswith("*.") and glob.endswith(pattern[1:]) for pattern in patterns)
    return any(not pattern.startswith("*") and fnmatchcase(pattern.replace("*", "x"), glob) for pattern in patterns)


@cache
def _sorts() -> tuple[dict[str, SecretFile], tuple[tuple[re.Pattern[str], SecretFile], ...]]:
    """The sorts by whole names, and by patterns."""
    exact: dict[str, SecretFile] = {}
    globs: list[tuple[re.Pattern[str], SecretFile]] = []
    for row in table("secretfiles").rows():
        sort = SecretFile(row["kind"], row["tells"], row["spares"])
        if "*" in row["pattern"]:
            globs.append((re.compile(translate(row["pattern"])), sort))
        else:
            exact[row["pattern"]] = sort
    return exact, tuple(globs)
