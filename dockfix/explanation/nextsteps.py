"""The commands with which whoever has read an explanation goes on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dockfix.explanation.prose import Block, Paragraph, Section, Snippet, Strong

if TYPE_CHECKING:
    from dockfix.explanation.contents import File


def next_steps(files: Sequence[File], since: str = "") -> Section:
    """The section of the commands.

    Args:
        files: the Dockerfiles that are rewritten.
        since: the git revision that has the originals, where they are not those in the folder.
    """
    steps: list[Block] = []
    unwritten = [file for file in files if file.standing == "planned"]
    for title, lines in (
        ("Write it", [command("--write", unwritten)] if unwritten else []),
        ("Build it and see it run", [line for file in files for line in _run(file)]),
        ("Look at the sizes", [f"docker images {shlex.quote(_tag(file))}" for file in files if not file.fits]),
        ("Measure and compare both", [command("verify", files, since)]),
    ):
        unique = list(dict.fromkeys(lines))
        if unique:
            steps += [Paragraph((Strong(title),)), Snippet("\n".join(unique), "sh")]
    steps.append(Paragraph(("Then push the image and deploy it as before. The app's own code is untouched.",)))
    return Section("Next steps", tuple(steps))


def command(name: str, files: Sequence[File], since: str = "") -> str:
    """A command of dockfix for some files."""
    return shlex.join(["dockfix", name, *(["--since", since] if since else []), *(file.path for file in files)])


def _run(file: File) -> Iterator[str]:
    """The commands that build an image and start it, with compose where a service builds it."""
    if file.fits:
        for compose in dict.fromkeys(fit.file for fit in file.fits):
            services = shlex.join(dict.fromkeys(fit.service for fit in file.fits if fit.file == compose))
            yield f"docker compose -f {shlex.quote(compose)} up --build --detach {services}"
            yield f"docker compose -f {shlex.quote(compose)} ps"
        return
    yield shlex.join(["docker", "build", "-t", _tag(file), "-f", file.name, file.context or "."])
    yield f"docker run --rm {shlex.quote(_tag(file))}"


def _tag(file: File) -> str:
    """A name for an image, from the folder of its Dockerfile."""
    folder = file.name.rpartition("/")[0].rpartition("/")[2].lower()
    name = "".join(character for character in folder if character.isascii() and character.isalnum())
    return name or "app"
