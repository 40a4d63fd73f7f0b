"""What pip installs and where, so that it can be told to install elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockfix.model import named, option_text, requirement_paths
from dockfix.model.commands import Purpose, purpose
from dockfix.recipes import localprojects
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.facts import Fact
    from dockfix.model import Invocation, Model, Step

PLACES = ("-t", "--target", "--prefix", "--root", "--user", "-e", "--editable")
VARIABLES = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "HOME")
"""Variables that move what pip installs: https://pip.pypa.io/en/stable/topics/configuration/"""


OWN = re.compile(r"\./?(?:\[[\w,-]+\])?")
"""The project in the working directory, which pip copies among the packages."""


def check_installs(model: Model, installs: Sequence[Step]) -> None:
    """Refuse installs that do not put everything into pip's own place.

    Raises:
        UnfitError: with the reason.
    """
    for step in installs:
        for called in step.invocations:
            if purpose(called.command) is Purpose.INSTALL:
                _check(model, step, called)
        for name in VARIABLES:
            if name in step.before.env:
                raise UnfitError(step.instruction, f"{name} tells pip where packages go")


def _check(model: Model, step: Step, called: Invocation) -> None:
    at = step.instruction
    if called.manager != "pip" or called.verb != "install" or called.command.name == "uv":
        raise UnfitError(at, f"{called.command.name} keeps its packages in a place of its own")
    for option in PLACES:
        if called.has(option):
            raise UnfitError(at, f"pip is told where to install ({option})")
    local = [word.text for word in called.operands if word.text.startswith((".", "/", "file:"))]
    if not all(OWN.fullmatch(path) for path in local):
        raise UnfitError(at, f"the sources themselves are installed ({local[0]})")
    operands = [named(word, step, arguments=True) for word in called.operands]
    if None in (*operands, *(option_text(model.final, step, word) for word in called.options)):
        raise UnfitError(at, "what pip installs depends on a variable")
    python = model.app.python
    if python is None:
        return
    for path in requirement_paths(model.final, step, called):
        for file in map(python.requirement_file, python.requirement_files(path)):
            for fact in file.local:
                if "://" not in fact.value and (file.editable or not _is_copied(model, step, fact)):
                    raise UnfitError(at, f"the sources themselves are installed ({fact.origin})")


def _is_copied(model: Model, step: Step, fact: Fact[str]) -> bool:
    """Whether requirements name a project of the sources by its folder, which pip copies among the packages."""
    path = localprojects.folder(model.final, step, fact.value)
    return path is not None and localprojects.project(model, path) is not None


def user_edits(step: Step) -> tuple[Edit, ...]:
    """``--user`` for every install of the app's packages; pip itself is renewed where it is."""
    places = [
        called.verb_word.span.end
        for called in step.calls("pip", "install")
        if purpose(called.command) is Purpose.INSTALL
    ]
    return tuple(Edit(Span(end, end), " --user") for end in places)
