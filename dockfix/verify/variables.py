"""A container's variables, handed to the engine's command in such a way that a list of processes does not show them."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY")
"""What the client takes from ``proxies`` of its ``config.json``, passwords and all, and gives to every container:
https://docs.docker.com/engine/cli/proxy/"""

# what every engine's version reads from a file as it stands there: they differ in quotes, comments and more lines
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PLAIN_VALUE = re.compile(r"[\w.,:;/@%+=?&~^*()!|<>\[\]{}-]{0,4096}")


class Handed(NamedTuple):
    """Variables on their way.

    Attributes:
        options: the options of ``create``.
        environment: what its own environment has to have for them.
    """

    options: list[str]
    environment: dict[str, str]


@contextmanager
def handed(variables: Mapping[str, str], own: Container[str], scratch: Path | None) -> Iterator[Handed]:
    """Variables in a file that nobody else can read, or, where it could not hold one, in the command's environment.

    What would change the command itself there stays among its words, and so do proxies, since those of the command's
    settings win over a file's.

    Args:
        variables: the container's variables.
        own: the names of variables that the command has itself.
        scratch: where temporary files are put; by default where the system puts them.
    """
    found = Handed([], {})
    lines = []
    for name, value in variables.items():
        proxy = name.upper() in PROXIES
        if not proxy and _PLAIN_NAME.fullmatch(name) and _PLAIN_VALUE.fullmatch(value):
            lines.append(f"{name}={value}\n")
        elif proxy or name in own:
            found.options.extend(["--env", f"{name}={value}"])
        else:
            found.options.extend(["--env", name])
            found.environment[name] = value
    with tempfile.TemporaryDirectory(prefix="dockfix-run-", dir=scratch) as folder:
        if lines:
            file = Path(folder, "variables")
            file.touch(0o600)
            file.write_text("".join(lines), encoding="utf-8")
            found.options.extend(["--env-file", str(file)])
        yield found
