"""Asking a person, transform by transform, what to apply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from dockfix.report.diff import unified
from dockfix.report.text import printable
from dockfix.text import apply

if TYPE_CHECKING:
    from dockfix.engine import Chooser
    from dockfix.transform import Change, Transform

ANSWERS = ("y", "n", "a", "q")
MEANING = "y applies it, n does not, a applies it and all that follow, q applies neither it nor what follows"


class Dialogue:
    """The questions of one run; answers for all that follows hold for later files too.

    Args:
        show: prints a diff.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._explained = False
        self._final: bool | None = None

    def about(self, name: str, read: Callable[[str], str | None]) -> Chooser:
        """What asks about the changes of one Dockerfile.

        Args:
            name: its path from the repository's root.
            read: the present text of a file of the repository, ``None`` where there is none.
        """
        present: dict[str, str | None] = {}

        def choose(transform: Transform, changes: Sequence[Change]) -> bool:
            after = dict(present)
            edits = [edit for change in changes for edit in change.edits]
            if edits:
                after[name] = apply(present.setdefault(name, read(name)) or "", edits)
            for path, text in (pair for change in changes for pair in change.files.items()):
                present.setdefault(path, read(path))
                after[path] = text
            accepted = self._final if self._final is not None else self._ask(transform, changes, present, after)
            if accepted:
                present.update(after)
            return accepted

        return choose

    def _ask(
        self,
        transform: Transform,
        changes: Sequence[Change],
        before: dict[str, str | None],
        after: dict[str, str | None],
    ) -> bool:
        self._show("".join(unified(path, before.get(path), text or "") for path, text in after.items()))
        for change in changes:
            click.echo(printable(f"{transform.id} ({change.safety.value}): {change.why}"), err=True)
        if not self._explained:
            click.echo(MEANING, err=True)
            self._explained = True
        answer = click.prompt(f"Apply {transform.id}?", type=click.Choice(ANSWERS), err=True)
        if answer in {"a", "q"}:
            self._final = answer == "a"
        return answer in {"y", "a"}
