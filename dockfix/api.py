"""Rewriting a Dockerfile from Python: read it and what lies around it, and make a plan."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix import registry
from dockfix.context import Nearby, guess, named
from dockfix.discover import root_of
from dockfix.dockerfile import DockerfileError, Document
from dockfix.facts import App, Files, Folder, Overlay
from dockfix.ignores import Obedience
from dockfix.options import Options
from dockfix.suggestion import did_you_mean

if TYPE_CHECKING:
    from dockfix.engine import Chooser, Outcome, Plan
    from dockfix.facts.commit import Commit
    from dockfix.transform import Transform

LARGEST = 1_000_000
"""The most bytes of a Dockerfile that are read; the largest of several thousand real ones had a tenth of it."""


def fix(
    path: Path | str,
    *,
    root: Path | None = None,
    context: str | None = None,
    options: Options | None = None,
) -> Plan:
    """Plan the rewriting of one Dockerfile; nothing is written.

    Args:
        path: the Dockerfile.
        root: the repository, outside of which nothing is read; by default the nearest folder that git governs.
        context: the folder in which the image is built, relative to *root*; by default what compose names, or else
            the nearest folder that holds what the Dockerfile copies.
        options: the choices; by default :class:`~dockfix.options.Options`. Configuration files are not read.

    Raises:
        DockerfileError: the Dockerfile cannot be read, or no builder would accept it.
    """
    place = Path(path)
    return Repository(root or root_of(place.absolute().parent)).plan(place, options or Options(), context=context)


class Sources:
    """Files in which Dockerfiles are planned, and the companion files planned so far, which later plans see.

    Args:
        files: the repository's files, from its root.
        transforms: the transforms to run; by default all.
    """

    def __init__(self, files: Files, transforms: Sequence[Transform] | None = None) -> None:
        self._transforms = registry.transforms() if transforms is None else transforms
        self._planned: dict[str, str] = {}
        self._base = files
        self._files = files

    def plan_source(
        self,
        name: str,
        source: bytes,
        options: Options,
        *,
        context: str | None = None,
        choose: Chooser | None = None,
    ) -> Plan:
        """Plan the rewriting of a Dockerfile.

        Args:
            name: its path from the root.
            source: its bytes.
            options: the choices.
            context: the folder in which it is built, from the root; worked out if ``None``.
            choose: asked before a transform's changes are taken over.

        Raises:
            DockerfileError: no builder would accept it.
        """
        from dockfix.engine import plan

        _check_size(name, len(source))
        document = Document.parse(source, name)
        app = self.app(document, context)
        obedience = Obedience()
        made = plan(document, app, options, obedience.over(self._transforms), choose)
        return replace(made, outcomes=(*made.outcomes, *self._unused(obedience, document, options)))

    def text(self, name: str) -> str | None:
        """The text of the file *name*, as planned so far; ``None`` where there is no such file."""
        data = self._files.read(name)
        return None if data is None else data.decode("utf-8", "surrogateescape")

    def take(self, files: Mapping[str, str]) -> None:
        """Let later plans see *files*, companion paths with their new texts."""
        if files:
            self._planned.update(files)
            self._files = Overlay(self._base, self._planned)

    def app(self, document: Document, context: str | None = None) -> App:
        """The facts around *document*, whose path counts from the root.

        Args:
            document: a Dockerfile.
            context: the folder in which it is built, from the root; worked out if ``None``.
        """
        name = document.path
        own = name.rpartition("/")[0]
        app = App(Nearby(self._files, [own]), name, own)
        if context is None:
            context = named(app)
        if context is None:
            context = guess(document, self._files, name)
        return app if context == own else App(Nearby(self._files, [own, context]), name, context)

    def _unused(self, obedience: Obedience, document: Document, options: Options) -> list[Outcome]:
        from dockfix.engine import Outcome

        ids = [transform.id for transform in self._transforms]
        outcomes: list[Outcome] = []
        for ignore in obedience.unused(document):
            if ignore.transform not in ids:
                why = f"no transform is called {ignore.transform!r}{did_you_mean(ignore.transform, ids)}"
            elif ignore.transform in options.skip or (options.only and ignore.transform not in options.only):
                continue
            else:
                why = f"held nothing back: {ignore.transform} would not change this"
            outcomes.append(Outcome(ignore.scope, "note", ignore.line, why))
        return outcomes


class Repository(Sources):
    """A repository on disk, as it is or as a commit has it.

    Args:
        root: its folder.
        transforms: the transforms to run; by default all.
        commit: the commit of it that is meant, instead of what lies in the folder.
    """

    def __init__(
        self, root: Path, transforms: Sequence[Transform] | None = None, *, commit: Commit | None = None
    ) -> None:
        self.root = root.resolve()
        self.commit = commit
        super().__init__(Folder(self.root) if commit is None else commit, transforms)

    def plan(
        self,
        path: Path,
        options: Options,
        *,
        context: str | None = None,
        source: bytes | None = None,
        choose: Chooser | None = None,
    ) -> Plan:
        """Plan the rewriting of the Dockerfile at *path*.

        Args:
            path: the Dockerfile, from the current folder.
            options: the choices.
            context: the folder in which it is built, from the root; worked out if ``None``.
            source: its bytes, where they are not those of the file.
            choose: asked before a transform's changes are taken over.

        Raises:
            DockerfileError: it cannot be read, lies outside the repository, or no builder would accept it.
        """
        name = self.name(path)
        try:
            source = self._read(path, name) if source is None else source
            return self.plan_source(name, source, options, context=context, choose=choose)
        except DockerfileError as error:
            raise DockerfileError(str(path), error.line, error.message) from None

    def name(self, path: Path) -> str:
        """The path of *path* from the root, with forward slashes.

        Raises:
            DockerfileError: it lies outside the repository.
        """
        place = path.absolute().parent.resolve() / path.name
        if not place.is_relative_to(self.root):
            raise DockerfileError(str(path), 1, f"lies outside of {self.root}")
        return place.relative_to(self.root).as_posix()

    def checkout(self, place: Path) -> Path:
        """A folder that holds the repository's files: its own, or for a commit one that is made in *place*.

        Raises:
            CommitError: the commit cannot be read.
            OSError: a file cannot be written.
        """
        if self.commit is None:
            return self.root
        folder = place / self.commit.sha
        if not folder.exists():
            self.commit.export(folder)
        return folder

    def _read(self, path: Path, name: str) -> bytes:
        if self.commit is None:
            return _read(path, self.root)
        source = self.commit.read(name)
        if source is None:
            raise DockerfileError(str(path), 1, f"is no file of {self.commit}")
        return source


def _check_size(path: str, size: int) -> None:
    if size > LARGEST:
        raise DockerfileError(path, 1, f"has {size:,} bytes; more than {LARGEST:,} is no Dockerfile")


def _read(path: Path, root: Path) -> bytes:
    """The bytes of a Dockerfile, unless it is something else in its place."""
    try:
        state = path.stat()
        if stat.S_ISDIR(state.st_mode):
            raise DockerfileError(str(path), 1, "is a folder, not a Dockerfile")
        if not stat.S_ISREG(state.st_mode):
            raise DockerfileError(str(path), 1, "is not a plain file")
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(root):
            raise DockerfileError(str(path), 1, f"is a symbolic link that leads out of the tree to {target}")
        _check_size(str(path), state.st_size)
        return path.read_bytes()
    except OSError as error:
        raise DockerfileError(str(path), 1, f"cannot be read: {error.strerror or error}") from error
