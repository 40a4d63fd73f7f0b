"""The programs that run in the container beside a compiled one, which its end has to have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.facts.compose import words
from dockfix.model.config import join
from dockfix.recipes.needs import lines
from dockfix.recipes.programs import programs
from dockfix.recipes.split import UnfitError

if TYPE_CHECKING:
    from dockfix.catalog import Image
    from dockfix.model import Model
    from dockfix.recipes.parts import End


def called(model: Model) -> Iterator[str]:
    """The programs that run in the container beside the app: called by the sources, by compose or by probes."""
    for tool in model.server.tools:
        yield tool.value
    for text, _ in lines(model):
        yield from _programs(text)
    # the app itself is called by its place, and may have the name of a package
    yield from (program.words[0] for program in programs(model) if "/" not in program.words[0])


def check_called(model: Model, end: End, names: Sequence[str]) -> None:
    """Refuse where something is called that the end would not have.

    Raises:
        UnfitError: with the program.
    """
    image = end.image
    has = set(end.provided) | {target for _, target in end.carried}
    for tool in model.server.tools:
        if not tool.value:
            raise UnfitError(None, f"which program the app calls cannot be told ({tool.origin})")
        _check_tool(image, tool.value, tool.origin, names, has, model)
    for program in programs(model):
        if program.words[0].startswith("$") or (end.start and program.origin == "the start command"):
            continue
        _check_tool(image, program.words[0], program.origin, names, has, model)
    for text, origin in lines(model):
        for name in _programs(text):
            _check_tool(image, name, origin, names, has, model)


def _programs(text: str) -> Iterator[str]:
    """The programs that a line of a shell calls, or a probe of compose."""
    for part in re.split(r"&&|\|\||;|\|", text):
        yield from [word for word in words(part) if word not in {"CMD", "CMD-SHELL", "exec"}][:1]


def _check_tool(image: Image | None, name: str, origin: str, names: Sequence[str], has: set[str], model: Model) -> None:
    path = join(model.folder, name) if "/" in name else name
    short = basename(name)
    if path in has or name in has or short in {basename(each) for each in has if dirname(each) == "/usr/local/bin"}:
        return
    if "/" in name and dirname(name) not in {"/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"}:
        raise UnfitError(None, f"{name} ({origin}) is not among what the build is known to make")
    busybox = image is not None and image.manager == "apk" and catalog.busybox_has(short)
    if (
        busybox
        or (image is not None and image.manager == "apt" and catalog.is_essential(short))
        or short in {"cd", "exec", "exit"}
    ):
        return
    bare = {each.partition("=")[0] for each in names}
    if short in bare or bare & set(catalog.provides(short)):
        return
    raise UnfitError(None, f"{short} is called ({origin}), which the image that runs would not have")
