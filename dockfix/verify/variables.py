"""Variables of containers and builds, handed to the engine's command so that a list of processes does not show them."""

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


# https://docs.docker.com/reference/cli/docker/#environment-variables, https://docs.docker.com/build/building/variables/
# https://docs.podman.io/en/latest/markdown/podman.1.html#environment-variables, and those of the language of all three:
# https://pkg.go.dev/runtime#hdr-Environment_Variables
_STEERS = re.compile(
    r"_?(?:DOCKER|BUILDX|BUILDKIT|BUILDAH|CONTAINERS?|EXPERIMENTAL|LD|OTEL|PODMAN|REGISTRY|SSL|STORAGE|XDG)_\w+"
    r"|GO[A-Z]+|KUBECONFIG|SOURCE_DATE_EPOCH|TMPDIR"
)
"""Names of what changes the engine's command wherever its environment has it."""


class Handed(NamedTuple):
    """Variables on their way.

    Attributes:
        options: the options of ``create`` or ``build``.
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
        else:
            _add(found, "--env", name, value, own)
    with tempfile.TemporaryDirectory(prefix="dockfix-run-", dir=scratch) as folder:
        if lines:
            file = Path(folder, "variables")
            file.touch(0o600)
            file.write_text("".join(lines), encoding="utf-8")
            found.options.extend(["--env-file", str(file)])
        yield found


def passed(arguments: Mapping[str, str], own: Container[str]) -> Handed:
    """Build arguments in the command's environment, but for those that would change the command itself there.

    Where ``--build-arg`` has no value, all engines take it from there:
    https://docs.docker.com/reference/cli/docker/buildx/build/#build-arg

    Args:
        arguments: the build's arguments.
        own: the names of variables that the command has itself.
    """
    found = Handed([], {})
    for name, value in arguments.items():
        _add(found, "--build-arg", name, value, own)
    return found


def _add(found: Handed, option: str, name: str, value: str, own: Container[str]) -> None:
    """Put a variable into the command's environment, or among its words where it would change the command."""
    if name.upper() in PROXIES or name in own or _STEERS.fullmatch(name):
        found.options.extend([option, f"{name}={value}"])
    else:
        found.options.extend([option, name])
        found.environment[name] = value
