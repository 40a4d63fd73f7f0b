"""The commands with which whoever has read an explanation goes on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING

from dockfix.explanation.prose import Block, Paragraph, Section, Snippet, Strong

if TYPE_CHECKING:
    from dockfix.explanation.contents import Explanation, File

_OWN = re.compile(r"(?:docker|container)file", re.IGNORECASE)
_SHORTEST = 2
"""Letters that a container's name has to have: https://github.com/moby/moby/blob/master/daemon/names/names.go"""
_TAG = "rewritten"
"""A tag that no base has: building an app in a folder called nginx must not replace nginx:latest."""


def next_steps(found: Explanation) -> Section:
    """The section of the commands, for the Dockerfiles that are rewritten."""
    steps: list[Block] = []
    names = _names(found)
    files = [file for file in found.files if file.changed]
    unwritten = [file for file in files if file.standing == "planned"]
    alone = [file for file in files if not file.fits]
    for title, lines in (
        ("Write it", [_dockfix("--write", unwritten, found.arguments)] if unwritten else []),
        ("Build it and see it run", [*_compose(files), *_docker(alone, names)]),
        ("Look at the sizes", [f"docker images {names[file.path]}:{_TAG}" for file in alone]),
        (
            "Remove the containers",
            [shlex.join(["docker", "rm", "--force", *(names[file.path] for file in alone)])] if alone else [],
        ),
        ("Measure and compare both", [measuring(found, files)]),
    ):
        unique = list(dict.fromkeys(lines))
        if unique:
            steps += [Paragraph((Strong(title),)), Snippet("\n".join(unique), "sh")]
    steps.append(Paragraph(("Then push the image and deploy it as before. The app's own code is untouched.",)))
    return Section("Next steps", tuple(steps))


def measuring(found: Explanation, files: Sequence[File]) -> str:
    """The command that measures some Dockerfiles and their rewrites."""
    return _dockfix("verify", files, (*(("--since", found.since) if found.since else ()), *found.arguments))


def _dockfix(name: str, files: Sequence[File], arguments: Sequence[str]) -> str:
    return shlex.join(["dockfix", name, *arguments, *(file.path for file in files)])


def _compose(files: Sequence[File]) -> Iterator[str]:
    """The commands that build and start what compose builds from the files."""
    fits = [fit for file in files for fit in file.fits]
    for compose in dict.fromkeys(fit.file for fit in fits):
        services = shlex.join(dict.fromkeys(fit.service for fit in fits if fit.file == compose))
        yield f"docker compose -f {shlex.quote(compose)} up --build --detach {services}"
        yield f"docker compose -f {shlex.quote(compose)} ps"


def _docker(files: Sequence[File], names: Mapping[str, str]) -> Iterator[str]:
    """The commands that build images, start them, and show what has become of the containers."""
    taken: set[str] = set()
    for file in files:
        name = names[file.path]
        yield shlex.join(["docker", "build", "-t", f"{name}:{_TAG}", "-f", file.name, file.context or "."])
        ports: list[str] = []
        for port in file.after.ports:
            inside = port.removesuffix("/tcp")
            # a port of the host that another of them has is left to Docker to choose
            ports += ["-p", inside if inside in taken else f"{port.partition('/')[0]}:{inside}"]
            taken.add(inside)
        yield shlex.join(["docker", "run", "--detach", "--name", name, *ports, f"{name}:{_TAG}"])
    if files:
        filters = (word for file in files for word in ("--filter", f"name={names[file.path]}"))
        yield shlex.join(["docker", "ps", "--all", *filters])


def _names(found: Explanation) -> dict[str, str]:
    """Names for images and their containers, by the paths of the Dockerfiles; no two are the same."""
    names: dict[str, str] = {}
    for file in found.files:
        folder, _, own = file.name.rpartition("/")
        words = re.findall(r"[a-z0-9]+", f"{found.repository or 'app'} {folder} {_OWN.sub('', own)}".lower())
        name = "-".join(words)
        if len(name) < _SHORTEST:
            name = f"app-{name}".strip("-")
        free = (
            each for each in chain((name,), (f"{name}-{number}" for number in count(2))) if each not in names.values()
        )
        names[file.path] = next(free)
    return names
