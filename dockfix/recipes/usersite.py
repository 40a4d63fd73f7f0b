"""pip's user site, which lies under root's home until an account runs the app.

https://docs.python.org/3/library/site.html#site.USER_BASE
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.dockerfile.habits import insert_before
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.model import Model, Step
    from dockfix.recipes.ownership import Ownership

USER_SITE = "/root/.local"


def carries_user_site(model: Model) -> bool:
    """Whether the final stage takes packages of pip's user site from another stage."""
    return any(
        step.instruction.copy is not None
        and step.instruction.copy.from_ is not None
        and step.instruction.copy.destination.rstrip("/") == USER_SITE
        for step in model.final.steps
    )


def move(making: Ownership) -> None:
    """Move pip's user site to the home of the account, with the variables that lead to it."""
    model = making.model
    if not carries_user_site(model):
        return
    place = f"{making.owner.home}/.local"
    variables = [
        (step, assignment)
        for step in model.final.steps
        if step.instruction.keyword == "ENV"
        for assignment in step.instruction.assignments
    ]
    known = any(assignment.key == "PYTHONUSERBASE" for _, assignment in variables)
    for step, assignment in variables:
        if assignment.key not in {"PATH", "PYTHONUSERBASE"} or USER_SITE not in assignment.raw:
            continue
        making.edits.append(Edit(assignment.value_span, assignment.raw.replace(USER_SITE, place)))
        making.env[assignment.key] = model.final.config.env[assignment.key].replace(USER_SITE, place)
        if not known:
            _user_base(making, step, place, assignment.span)
            known = True
    for step in model.final.steps:
        instruction, copy = step.instruction, step.instruction.copy
        if copy is None or copy.from_ is None or copy.destination.rstrip("/") != USER_SITE:
            continue
        word = instruction.words[-1]
        making.edits.append(Edit(word.span, word.text.replace(USER_SITE, place)))
        if not known:
            making.before(step, f"ENV PYTHONUSERBASE={place}")
            making.env["PYTHONUSERBASE"] = place
            known = True


def _user_base(making: Ownership, step: Step, place: str, first: Span) -> None:
    """Name the user site in PYTHONUSERBASE too: with another user than the image's, HOME does not lead there."""
    document = making.model.document
    legacy = "=" not in step.instruction.words[0].text
    making.env["PYTHONUSERBASE"] = place
    if legacy:
        making.edits.append(insert_before(document, step.instruction, f"ENV PYTHONUSERBASE={place}"))
        return
    text = f"PYTHONUSERBASE={place} {document.broken}"
    making.edits.append(Edit(Span(first.start, first.start), text))
