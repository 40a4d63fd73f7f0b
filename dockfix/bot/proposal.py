"""What could be committed and proposed, made out of plans."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from dockfix import registry
from dockfix.bot.findings import EVERYTHING
from dockfix.bot.forge import Entry, FileEdit
from dockfix.config import NAME

if TYPE_CHECKING:
    from dockfix.engine import Plan

PREFIX = "dockfix"
"""The folder of the bot's branches."""
ONBOARDING = "onboarding"
"""The topic of the pull request that asks whether the bot is welcome."""

_REFERENCE = re.compile(r"[#@!]|\bGH-\d|:", re.IGNORECASE)

_WELCOME = """\
dockfix rewrites Dockerfiles into the ones that a senior platform engineer would have written, and proposes that in \
{noun}s. Merge this one, and it begins; close it, and it does not come back.
"""
_CONFIGURATION = """\
# What dockfix may do here. Every key may be left out.

[bot]
enabled = true
split = false  # true: one {noun} for each transform
limit = 3      # {noun}s open at a time
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change to propose.

    Attributes:
        topic: what it is about: :data:`EVERYTHING`, a transform's id, or :data:`ONBOARDING`.
        title: the title of its pull request.
        text: the message of its commit, without trailers.
        edits: the files that change.
        key: names the change itself, whatever else happens to the files: a person who declines it, declines this.
        content: names the change together with the files that it was made on.
    """

    topic: str
    title: str
    text: str
    edits: tuple[FileEdit, ...]
    key: str
    content: str


def proposal(topic: str, plans: tuple[Plan, ...], entries: Mapping[str, Entry]) -> Proposal:
    """The change that *plans* amount to on the tree *entries*."""
    texts: dict[str, tuple[str | None, str]] = {}
    for plan in plans:
        if plan.before != plan.after:
            texts[plan.path] = (plan.before, plan.after)
        for path, text in plan.files.items():
            # the file as it is in the tree: a later plan has seen the companions of an earlier one
            before = texts[path][0] if path in texts else plan.originals[path]
            texts[path] = (before, text)
    title = _title(topic, plans)
    return made(topic, title, f"{title}\n\n{_reasons(plans)}", texts, entries)


def made(
    topic: str,
    title: str,
    text: str,
    texts: Mapping[str, tuple[str | None, str]],
    entries: Mapping[str, Entry],
) -> Proposal:
    """A proposal that replaces files.

    Args:
        topic: what it is about.
        title: of the pull request.
        text: of the commit.
        texts: path to the present text, ``None`` where there is no file, and the new one.
        entries: the tree.
    """
    edits = tuple(_edit(path, after, entries.get(path)) for path, (_, after) in sorted(texts.items()))
    changed = [line for path, (before, after) in sorted(texts.items()) for line in _changed(path, before or "", after)]
    content = [f"{edit.path}\0{edit.mode}\0{edit.before}\0{blob_sha(edit.content)}" for edit in edits]
    return Proposal(topic, title, text, edits, _digest([topic, *changed]), _digest(content))


def onboarding(noun: str) -> Proposal:
    """A configuration to begin with: who merges it wants the bot, who closes it does not.

    Args:
        noun: what the forge calls a pull request.
    """
    text = f"Configure dockfix\n\n{_WELCOME.format(noun=noun)}"
    found = made(ONBOARDING, "Configure dockfix", text, {NAME: (None, _CONFIGURATION.format(noun=noun))}, {})
    # whoever has declined is not asked again because the text has become another
    return replace(found, key=_digest([ONBOARDING]))


def branch_names(topic: str) -> tuple[str, str]:
    """Where a proposal goes: the first, unless a branch ``dockfix``, or one below it, keeps git from having it."""
    return f"{PREFIX}/{topic}", f"{PREFIX}-{topic}"


def branch_name(topic: str, existing: Iterable[str]) -> str:
    """The branch of a topic, given the *existing* ones that begin with :data:`PREFIX`."""
    first, second = branch_names(topic)
    names = frozenset(existing)
    blocked = PREFIX in names or any(name.startswith(f"{first}/") for name in names)
    return second if blocked or (second in names and first not in names) else first


def topic_of(branch: str) -> str | None:
    """The topic of one of the bot's branches; ``None`` for another one."""
    topic = branch[len(PREFIX) + 1 :]
    return topic if branch in branch_names(topic) and topic and "/" not in topic else None


def blob_sha(content: bytes) -> str:
    """What git calls a file with this content: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects"""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _edit(path: str, text: str, entry: Entry | None) -> FileEdit:
    content = text.encode("utf-8", "surrogateescape")
    return FileEdit(path, content, entry.mode if entry else "100644", entry.sha if entry else None)


def _changed(path: str, before: str, after: str) -> Iterator[str]:
    """The lines that go and come, without their places, which move with every other edit of the file."""
    old, new = before.split("\n"), after.split("\n")
    for tag, a, a_end, b, b_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (f"{path}\0-{line}" for line in old[a:a_end])
            yield from (f"{path}\0+{line}" for line in new[b:b_end])


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _title(topic: str, plans: tuple[Plan, ...]) -> str:
    if topic != EVERYTHING:
        summary = next((each.summary for each in registry.transforms() if each.id == topic), topic)
        return summary.partition(",")[0].partition(":")[0].rstrip(".")
    if len(plans) == 1:
        return f"Rewrite {_named(plans[0].path)} for production"
    return f"Rewrite {len(plans)} Dockerfiles for production"


def _named(path: str) -> str:
    """*path* in a title and a commit's message, where nothing can be escaped: one that a forge would read a reference
    or a mention in is not told there."""
    if not path.isprintable() or _REFERENCE.search(path):
        return "a Dockerfile"
    return path if len(path) <= 60 else f"…{path[-59:]}"


def _reasons(plans: tuple[Plan, ...]) -> str:
    """Each applied change in a line, without what the repository's texts could turn into a reference."""
    ids = dict.fromkeys(outcome.transform for plan in plans for outcome in plan.outcomes if outcome.kind == "applied")
    summaries = {each.id: each.summary for each in registry.transforms()}
    return "\n".join(f"* {id}: {summaries.get(id, id)}" for id in ids)
