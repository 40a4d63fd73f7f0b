"""The description of a pull request, with a hidden part by which the bot knows it again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.report.diff import unified
from dockfix.report.markup import code, fenced, plain

if TYPE_CHECKING:
    from dockfix.bot.proposal import Proposal
    from dockfix.engine import Outcome, Plan
    from dockfix.report.record import Failure, Omission

LONGEST = 60_000
"""Characters of a description: GitHub takes 65,536, GitLab and Forgejo more."""

_MARK = re.compile(r"<!-- dockfix: key=(?P<key>[0-9a-f]+) content=(?P<content>[0-9a-f]+)(?P<withdrawn> withdrawn)? -->")
FOREIGN = "<!-- dockfix: foreign commits -->"
"""In the comment that says that the bot leaves a branch alone."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the hidden part of a description says.

    Attributes:
        key: the key of the proposal.
        content: what its commit holds.
        withdrawn: whether the bot itself closed the pull request.
    """

    key: str
    content: str
    withdrawn: bool = False


def mark_of(body: str) -> Mark | None:
    """The mark in a description: the last one, since the bot writes it last; ``None`` without."""
    found = [*_MARK.finditer(body)]
    return Mark(found[-1]["key"], found[-1]["content"], found[-1]["withdrawn"] is not None) if found else None


def description(proposal: Proposal, omissions: Iterable[Omission] = (), failures: Iterable[Failure] = ()) -> str:
    """The description of a pull request.

    Args:
        proposal: what it proposes.
        omissions: Dockfiles that were left out.
        failures: what could not be worked on.
    """
    blocks = [*_blocks(proposal)]
    left = [f"- {code(each.path)}: {plain(each.why)}" for each in omissions]
    left += [f"- {code(each.path)}: {plain(each.message)}" for each in failures]
    if left:
        blocks.append(_folded("Left out", "\n".join(left)))
    blocks.append(_HELP)
    return cut(blocks, f"<!-- dockfix: key={proposal.key} content={proposal.content} -->")


def withdrawn(body: str, why: str) -> str:
    """The description of a pull request that the bot closes itself, so that it is not taken for declined."""
    mark = mark_of(body)
    assert mark is not None
    bare = _MARK.sub("", body).rstrip()
    return (
        f"{bare}\n\n**Closed by dockfix:** {why}\n\n<!-- dockfix: key={mark.key} content={mark.content} withdrawn -->"
    )


def foreign_comment() -> str:
    """What is said, once, where others have pushed to the bot's branch."""
    return (
        "This branch holds commits that are not dockfix's, so dockfix leaves it as it is from now on. To have it made "
        f"anew, close this pull request and delete its branch.\n\n{FOREIGN}"
    )


def cut(blocks: Sequence[str], tail: str, longest: int = LONGEST) -> str:
    """*blocks*, as many of them as there is room for, and always *tail*: none is cut within."""
    note = "*More than a description can hold is left out here.*"
    room = longest - len(tail) - len(note) - 4
    kept: list[str] = []
    for block in blocks:
        if len(block) + 2 > room:
            kept.append(note)
            break
        kept.append(block)
        room -= len(block) + 2
    return "\n\n".join((*kept, tail))


_HELP = (
    "Close this pull request to decline the change: it is not proposed again as long as it stays the same. "
    '`# dockfix: ignore=ID` above an instruction, or `skip = ["ID"]` in `.dockfix.toml`, switches a transform off; '
    "`[bot]` with `enabled = false` there switches the bot off."
)


def _blocks(proposal: Proposal) -> Iterator[str]:
    if not proposal.plans:
        yield proposal.text.partition("\n")[2].strip()
    for plan in proposal.plans:
        yield f"### {code(plan.path)}"
        applied = [each for each in plan.outcomes if each.kind == "applied"]
        if applied:
            yield "| Change | Why |\n| --- | --- |\n" + "\n".join(map(_row, applied))
        yield from _others(plan)
    for plan in proposal.plans:
        companions = "".join(unified(path, plan.originals[path], text) for path, text in sorted(plan.files.items()))
        difference = unified(plan.path, plan.before, plan.after) + companions
        yield _folded(f"The diff of {plain(plan.path)}", fenced(difference, "diff"))


def _others(plan: Plan) -> Iterator[str]:
    for kind, title in (
        ("advice", "Worth acting on"),
        ("refused", "Left as it is"),
        ("offered", "Possible"),
        ("note", "Notes"),
    ):
        lines = [_line(each) for each in plan.outcomes if each.kind == kind]
        if lines:
            text = "\n".join(lines)
            yield f"**{title}**\n\n{text}" if kind == "advice" else _folded(f"{title} ({len(lines)})", text)


def _row(outcome: Outcome) -> str:
    safety = f" ({outcome.safety.value})" if outcome.safety else ""
    return f"| `{outcome.transform}`{safety} | {plain(outcome.why)} |"


def _line(outcome: Outcome) -> str:
    line = f"line {outcome.line}, " if outcome.line is not None else ""
    return f"- {line}`{outcome.transform}`: {plain(outcome.why)}"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
