"""A RUN as a chain of commands, to which others are added in the hand of its author."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dockfix.dockerfile import Document
    from dockfix.model import Step

WIDTH = 100
"""Columns up to which a RUN on one line stays on one line."""


def understood(step: Step) -> bool:
    """Whether the commands of a RUN in shell form are known from end to end."""
    return step.script is not None and step.script.ok and bool(step.script.commands) and step.instruction.json is None


def cached(step: Step) -> bool:
    """Whether a RUN mounts a cache."""
    return any(flag.name == "mount" and "type=cache" in flag.value for flag in step.instruction.flags)


def text(document: Document, step: Step) -> str:
    """The commands of a RUN as written, without keyword and flags."""
    assert step.script is not None
    start = min(command.span.start for command in step.script.commands)
    return document.text[start : max(command.span.end for command in step.script.commands)]


def open_end(document: Document, step: Step) -> int | None:
    """Where another command can be chained to a RUN; ``None`` where it does not end in a plain command."""
    if not understood(step) or step.instruction.heredocs or step.script is None:
        return None
    last = max(step.script.commands, key=lambda command: command.span.end)
    if last.depth or last.joiner == "&" or document.text[last.span.end : step.instruction.span.end].strip():
        return None
    return last.span.end


def extended(document: Document, step: Step, before: Sequence[str], behind: Sequence[str]) -> list[Edit]:
    """The edits that put commands in front of those of a RUN and behind them.

    Args:
        document: the Dockerfile.
        step: the RUN, which has an open end.
        before: commands as written in this document, which may have several lines.
        behind: commands of one line.
    """
    start = step.instruction.value_span.start
    joint = _joint(document, step, (*before, text(document, step), *behind))
    edits = [Edit(Span(start, start), "".join(f"{command}{joint}" for command in before))] if before else []
    if behind:
        end = open_end(document, step)
        assert end is not None
        edits.append(Edit(Span(end, end), "".join(f"{joint}{command}" for command in behind)))
    return edits


def appended(document: Document, step: Step, commands: Sequence[str]) -> Edit:
    """The edit that puts commands behind those of a RUN, each on a line of its own.

    Args:
        document: the Dockerfile.
        step: the RUN, which has an open end.
        commands: commands of one line.
    """
    end = open_end(document, step)
    assert end is not None
    joint = _own_joint(document, step) or _leading_joint(document) or f" && {document.broken}"
    return Edit(Span(end, end), "".join(f"{joint}{command}" for command in commands))


def _leading_joint(document: Document) -> str | None:
    """The joint of a file whose lines begin with ``&&``; ``None`` where none or not all of them do."""
    lines = document.text.split("\n")
    leading = [line for line in lines if line.lstrip().startswith("&& ")]
    if not leading or any(_ends_in(document, line, "&&") for line in lines):
        return None
    return f" {document.escape}{document.newline}{_indent(leading[0])}&& "


def _joint(document: Document, step: Step, commands: Sequence[str]) -> str:
    """What stands between two commands in this RUN, by its own habit, else by that of its neighbours."""
    broken = f"{document.escape}{document.newline}"
    lines = step.instruction.text.replace("\r\n", "\n").split("\n")
    length = len(step.instruction.keyword) + sum(len(command) + len(" && ") for command in commands)
    if len(lines) == 1 and length <= WIDTH and not any("\n" in command for command in commands):
        return " && "
    own = _own_joint(document, step)
    if own is not None:
        return own
    if len(lines) > 1:
        return f" {broken}{_indent(lines[-1])}&& "
    if any(_ends_in(document, line, "&&") for line in document.text.split("\n")):
        return f" && {document.broken}"
    return f" {document.broken}&& "


def _own_joint(document: Document, step: Step) -> str | None:
    """What stands between the commands of this RUN where a line ends between them; ``None`` where none does."""
    broken = f"{document.escape}{document.newline}"
    lines = step.instruction.text.replace("\r\n", "\n").split("\n")
    leading = [line for line in lines[1:] if line.lstrip().startswith("&&")]
    if leading:
        return f" {broken}{_indent(leading[-1])}&& "
    trailing = [number for number, line in enumerate(lines[:-1], 1) if _ends_in(document, line, "&&")]
    if trailing:
        return f" && {broken}{_indent(lines[trailing[-1]])}"
    steps = [number for number, line in enumerate(lines[:-1], 1) if _ends_in(document, line, ";")]
    if steps and step.script is not None and step.script.commands[0].name == "set":
        return f"; {broken}{_indent(lines[steps[-1]])}"
    return None


def _ends_in(document: Document, line: str, joiner: str) -> bool:
    body = line.rstrip()
    return body.endswith(document.escape) and body[: -len(document.escape)].rstrip().endswith(joiner)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
