"""go.mod and go.work: https://go.dev/ref/mod#go-mod-file, https://go.dev/ref/mod#workspaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname
from typing import TYPE_CHECKING

from dockfix.facts.fact import Fact
from dockfix.facts.files import join, text

if TYPE_CHECKING:
    from dockfix.facts.files import Files

_QUOTES = "\"'`"


@dataclass(frozen=True, slots=True)
class Module:
    """A go.mod.

    Attributes:
        folder: where it lies, from the build context's root.
        path: the module's path, empty where it names none.
        version: the language version; ``1.16`` where none is named, as Go takes it.
        requires: paths of the modules that it needs, those that these need included from Go 1.17 on.
        local: folders that stand in for modules, from the build context's root.
        origin: the file.
    """

    folder: str
    path: str
    version: str
    requires: tuple[Fact[str], ...]
    local: tuple[Fact[str], ...]
    origin: str

    @property
    def complete(self) -> bool:
        """Whether :attr:`requires` has every module that a build can use: https://go.dev/ref/mod#graph-pruning."""
        numbers = [int(number) for number in re.findall(r"\d+", self.version)[:2]]
        return numbers >= [1, 17]

    def package(self, path: str) -> str | None:
        """The folder, from the context's root, of a package that is imported as *path*; ``None``: another module's."""
        if path == self.path:
            return self.folder
        inside = path.removeprefix(f"{self.path}/") if self.path else path
        return join(self.folder, inside) if inside != path else None


@dataclass(frozen=True, slots=True)
class Work:
    """A go.work: the folders of its modules, from the build context's root."""

    folder: str
    members: tuple[Fact[str], ...]
    origin: str


def module(root: Files, folder: str, context: str) -> Module | None:
    """The go.mod in a folder of the build context; ``None`` where there is none."""
    path = join(folder, "go.mod")
    source = text(root, path)
    if source is None:
        return None
    origin = join(context, path)
    name, version = "", "1.16"
    requires: list[Fact[str]] = []
    local: list[Fact[str]] = []
    for number, verb, words in _directives(source):
        where = f"{origin}:{number}"
        if verb == "module" and words:
            name = words[0]
        elif verb == "go" and words:
            version = words[0]
        elif verb == "require" and words:
            requires.append(Fact(words[0], where))
        elif verb == "replace" and "=>" in words:
            target = words[words.index("=>") + 1 :][:1]
            if target and target[0].startswith((".", "/")):
                local.append(Fact(join(folder, target[0]), where))
    return Module(folder, name, version, tuple(requires), tuple(local), origin)


def sums(root: Files, folder: str) -> frozenset[str]:
    """The modules that go.sum has the content of: all that a build can use, https://go.dev/ref/mod#go-sum-files."""
    lines = (line.split() for line in (text(root, join(folder, "go.sum")) or "").splitlines())
    return frozenset(words[0] for words in lines if len(words) == 3 and not words[1].endswith("/go.mod"))


def work(root: Files, folder: str, context: str) -> Work | None:
    """The go.work in a folder of the build context, or in one above it; ``None`` where there is none."""
    while True:
        path = join(folder, "go.work")
        source = text(root, path)
        if source is not None:
            origin = join(context, path)
            members = (
                Fact(join(folder, words[0]), f"{origin}:{number}")
                for number, verb, words in _directives(source)
                if verb == "use" and words
            )
            return Work(folder, tuple(members), origin)
        if not folder:
            return None
        folder = dirname(folder)


def _directives(source: str) -> Iterator[tuple[int, str, list[str]]]:
    """The directives with their lines, those of blocks one by one."""
    block = ""
    for number, line in enumerate(source.splitlines(), 1):
        words = [word.strip(_QUOTES) for word in line.partition("//")[0].split()]
        if not words:
            continue
        if block:
            if words == [")"]:
                block = ""
            else:
                yield number, block, words
        elif words[-1] == "(":
            block = words[0]
        else:
            yield number, words[0], words[1:]
