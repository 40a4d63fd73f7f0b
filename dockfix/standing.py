"""What a folder has of a rewrite that was planned from a revision: nothing yet, all of it, or something else."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from dockfix.api import Repository
from dockfix.report.record import Failure
from dockfix.verify.buildkit import short

if TYPE_CHECKING:
    from dockfix.explanation.case import Case

_WIDTH = 60


def standing(case: Case, planned: Repository) -> Case:
    """*case*, with what the folder has of it; of a file that several rewrites share, what all of them come to.

    Args:
        case: a rewrite.
        planned: its repository, with the companion files of all rewrites taken.
    """
    if planned.commit is None:
        return case
    folder, commit = Repository(planned.root), Repository(planned.root, commit=planned.commit)
    now = {path: folder.text(path) for path in case.files}
    for path, (before, after) in case.files.items():
        if path in case.plan.files and now[path] in {planned.text(path), commit.text(path)}:
            now[path] = after if now[path] == planned.text(path) else before
    return replace(case, now=now)


def departure(case: Case, planned: Repository) -> Failure | None:
    """Where the folder has neither what the rewrite was planned from nor the rewrite; ``None`` where it has one.

    Args:
        case: a rewrite, as :func:`standing` gives it.
        planned: its repository.
    """
    if case.standing != "other":
        return None
    path, after = next((path, after) for path, (_, after) in case.files.items() if case.now[path] != after)
    name = case.path if path == case.plan.path else os.path.relpath(planned.root / path)
    made = f"is not what dockfix makes of {planned.commit} with these options"
    now = case.now[path]
    if now is None:
        return Failure(name, 1, f"{made}: it is not there")
    pairs = enumerate(zip_longest(now.split("\n"), after.split("\n")), 1)
    number, (ours, theirs) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    return Failure(name, number, f"{made}: {_line(ours)} in place of {_line(theirs)}")


def _line(text: str | None) -> str:
    return f"`{short(text, _WIDTH)}`" if text else "nothing"
