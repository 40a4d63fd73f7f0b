"""The commands with which whoever has read an explanation goes on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dockfix.explanation.prose import Block, Paragraph, Section, Snippet, Strong

if TYPE_CHECKING:
    from dockfix.explanation.contents import Explanation, File


def next_steps(found: Explanation) -> Section:
    """The section of the commands, for the Dockerfiles that are rewritten."""
    steps: list[Block] = []
    files = [file for file in found.files if file.changed]
    unwritten = [file for file in files if file.standing == "planned"]
    alone = [file for file in files if not file.fits]
    for title, lines in (
        ("Write it", [_dockfix("--write", unwritten, found.arguments)] if unwritten else []),
        ("Build it and see it run", [*_compose(files), *(line for file in alone for line in _docker(file))]),
        ("Look at the sizes", [f"docker images {shlex.quote(_tag(file))}" for file in alone]),
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


def _docker(file: File) -> Iterator[str]:
    """The commands that build an image and start it."""
    yield shlex.join(["docker", "build", "-t", _tag(file), "-f", file.name, file.context or "."])
    ports = [
        word for port in file.after.ports for word in ("-p", f"{port.partition('/')[0]}:{port.removesuffix('/tcp')}")
    ]
    yield shlex.join(["docker", "run", "--rm", *ports, _tag(file)])


def _tag(file: File) -> str:
    """A name for an image, from the folder of its Dockerfile."""
    folder = file.name.rpartition("/")[0].rpartition("/")[2].lower()
    name = "".join(character for character in folder if character.isascii() and character.isalnum())
    return name or "app"
