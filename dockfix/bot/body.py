"""The description of a pull request, with a hidden part by which the bot knows it again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dockfix.report.markup import code, plain, started

if TYPE_CHECKING:
    from dockfix.bot.proposal import Proposal
    from dockfix.report.record import Failure, Omission

LONGEST = 60_000
"""Characters of a description: GitHub takes 65,536, GitLab and Forgejo more."""

_MARK = re.compile(r"<!-- dockfix: key=(?P<key>[0-9a-f]+) content=(?P<content>[0-9a-f]+)(?P<withdrawn> withdrawn)? -->")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FORM = re.compile(r"((?: {0,3}#{1,6} +)?(?: *(?:[-*+]|\d+[.)]) +(?:\[[ xX]\] +)?)?)(.*)")
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


def description(
    proposal: Proposal,
    noun: str,
    chapters: Iterable[str] = (),
    omissions: Iterable[Omission] = (),
    failures: Iterable[Failure] = (),
    template: str = "",
) -> str:
    """The description of a pull request.

    Args:
        proposal: what it proposes.
        noun: what the forge calls a pull request.
        chapters: what there is to tell of it, in Markdown; by default the text of its commit.
        omissions: Dockerfiles that were left out.
        failures: what could not be worked on.
        template: what the repository wants descriptions to look like; who merges finds it below, to be filled in.
    """
    blocks = [chapter.rstrip() for chapter in chapters] or [proposal.text.partition("\n")[2].strip()]
    left = [f"- {code(each.path)}: {plain(each.why)}" for each in omissions]
    left += [f"- {code(each.path)}: {plain(each.message)}" for each in failures]
    if left:
        text = "\n".join(left)
        blocks.append(f"<details><summary>Left out</summary>\n\n{text}\n\n</details>")
    blocks.append(_HELP.format(noun=noun))
    form = _form(template)
    if form:
        blocks.append(f"---\n\n{form}")
    return cut(blocks, f"<!-- dockfix: key={proposal.key} content={proposal.content} -->")


def _form(template: str) -> str:
    """A repository's template: its headings, lists and boxes, in which its words are words and nothing else."""
    lines = _COMMENT.sub("", template).splitlines()
    made = (f"{found[1]}{_word(found[2])}" for line in lines if (found := _FORM.fullmatch(line)) is not None)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(made)).strip()


def _word(text: str) -> str:
    """*text* as it stands; a line that begins with a slash orders GitLab to do something:
    https://docs.gitlab.com/user/project/quick_actions/
    """
    line = started(plain(text))
    return f"\\{line}" if line.startswith("/") else line


def withdrawn(body: str, why: str) -> str:
    """The description of a pull request that the bot closes itself, so that it is not taken for declined."""
    mark = mark_of(body)
    assert mark is not None
    bare = _MARK.sub("", body).rstrip()
    return (
        f"{bare}\n\n**Closed by dockfix:** {why}\n\n<!-- dockfix: key={mark.key} content={mark.content} withdrawn -->"
    )


def foreign_comment(noun: str) -> str:
    """What is said, once, where others have pushed to the bot's branch."""
    return (
        "This branch holds commits that are not dockfix's, so dockfix leaves it as it is from now on. To have it made "
        f"anew, close this {noun} and delete its branch.\n\n{FOREIGN}"
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
    "Close this {noun} to decline the change: it is not proposed again as long as it stays the same. "
    '`# dockfix: ignore=ID` above an instruction, or `skip = ["ID"]` in `.dockfix.toml`, switches a transform off; '
    "`[bot]` with `enabled = false` there switches the bot off."
)
