"""``key-value-form``: ENV and LABEL with an equals sign."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dockfix.dockerfile import expand_word
from dockfix.dockerfile.logical import SPACE
from dockfix.dockerfile.words import words
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Model

_ANOTHER = re.compile(rf"[{SPACE}][A-Z_][A-Z0-9_]*=")
"""What looks like a further variable inside a value."""
_NAME = re.compile(r"\$\{?(\w+)")


@transform("key-value-form", phase=Phase.MODERNISE, safety=Safety.SAFE)
def key_value_form(model: Model) -> Iterator[Result]:
    """Write ENV and LABEL as key=value, with the quotes that keep the value as it is.

    What it does:
        Puts an equals sign between the key and the value of the old form `ENV key value`. A value of several words is
        put in double quotes; quotes and escapes that Docker takes out of it are taken out or written so that the same
        value comes out.

    Why:
        The old form is deprecated and BuildKit warns of it (its check LegacyKeyValueFormat): it takes the whole rest of
        the line for the value, also where a second variable was meant.

    Refuses when:
        The value looks as if it held a second variable. Its quoting reaches into a `${…}`. A comment stands between key
        and value.

    Example:
        See fixtures/key-value-form/example.
    """
    for instruction in model.document.instructions:
        if instruction.keyword in {"ENV", "LABEL"} and _is_old(instruction):
            yield _rewritten(model.document, instruction)


def _is_old(instruction: Instruction) -> bool:
    """Whether the first word holds no equals sign, by which Docker tells the two forms apart."""
    spans = words(instruction.value, instruction.escape)
    return bool(spans) and "=" not in instruction.value[slice(*spans[0])]


def _rewritten(document: Document, instruction: Instruction) -> Result:
    (assignment,) = instruction.assignments
    key, raw, escape = assignment.raw_key, assignment.raw, document.escape
    if _ANOTHER.search(raw) or (instruction.line < instruction.end_line and _several(instruction, raw)):
        return Refusal(instruction, f"everything behind {key} is its value, also what looks like another variable")
    written = raw if _is_one_word(raw, escape) else _quoted(raw, escape)
    if written is None or not _same(f"{key}={written}", key, raw, escape):
        return Refusal(instruction, f"the value of {key} has quotes or escapes that cannot be written in another way")
    gap = Span(assignment.span.start + len(key), assignment.value_span.start)
    if "#" in gap.of(document.text):
        return Refusal(instruction, f"a comment stands between {key} and its value")
    why = "the old form without an equals sign is deprecated, and takes the whole rest of the line for one variable"
    edits = [Edit(gap, "=")]
    place = assignment.value_span
    if written == f'"{raw}"':
        edits = [Edit(gap, '="'), Edit(Span(place.end, place.end), '"')]
    elif written != raw:
        if place.of(document.text) != raw:
            return Refusal(instruction, f"the value of {key} has quotes or escapes, and goes over several lines")
        edits.append(Edit(place, written))
    return Change(instruction, tuple(edits), why)


def _several(instruction: Instruction, raw: str) -> bool:
    """Whether a later line of the value begins as a variable of its own would."""
    lines = instruction.text.replace("\r\n", "\n").split("\n")[1:]
    return any(re.match(r"\s*[A-Z][A-Z0-9_]*\s+\S", line) and line.split()[0] in raw for line in lines)


def _is_one_word(raw: str, escape: str) -> bool:
    return words(raw, escape) == [(0, len(raw))]


def _quoted(raw: str, escape: str) -> str | None:
    """*raw* in double quotes, so that the same value comes out; ``None`` where that cannot be written.

    Within double quotes Docker takes the escape character away before ``"``, ``$`` and itself only.
    """
    special = {'"', "$", escape}
    result: list[str] = []
    position, quote = 0, ""
    while position < len(raw):
        character = raw[position]
        if character == quote or (not quote and character in "'\""):
            quote = "" if quote else character
        elif raw.startswith("${", position) and quote != "'":
            end = raw.find("}", position) + 1
            variable = raw[position:end]
            if not end or any(mark in variable for mark in ("'", '"', escape)) or "${" in variable[2:]:
                return None
            result.append(variable)
            position = end - 1
        elif character == escape and quote != "'":
            position += 1
            following = raw[position : position + 1]
            if not following:
                return None
            literal = following if not quote or following in special else escape + following
            result += (escape + each if each in special else each for each in literal)
        elif quote == "'" and character in special:
            result.append(escape + character)
        else:
            result.append(character)
        position += 1
    return None if quote else f'"{"".join(result)}"'


def _same(written: str, key: str, raw: str, escape: str) -> bool:
    """Whether Docker reads *written* as one assignment with the old value, whatever the variables in it hold."""
    if not _is_one_word(written, escape):
        return False
    names = set(_NAME.findall(raw))
    values: tuple[Mapping[str, str], ...] = ({name: f"a  {name}" for name in names}, dict.fromkeys(names, ""))
    new = written.partition("=")[2]
    pairs = [(expand_word(raw, env, escape), expand_word(new, env, escape)) for env in values]
    return all(old is not None and old == other for old, other in pairs) and written.startswith(f"{key}=")
