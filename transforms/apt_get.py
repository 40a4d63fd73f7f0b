"""``apt-get``: the program for scripts instead of the one for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.dockerfile import Document
    from dockfix.dockerfile.shell import ShellWord
    from dockfix.model import Invocation, Model, Step

_SAME = frozenset(
    {"update", "install", "reinstall", "remove", "purge", "autoremove", "autopurge", "clean", "autoclean"}
    | {"build-dep", "source", "download"}
)
"""Verbs that both programs have: https://manpages.debian.org/bookworm/apt/apt-get.8.en.html"""
_RENAMED = {"full-upgrade": "dist-upgrade", "dist-upgrade": "dist-upgrade"}
_PATTERNS = frozenset("*?^~")
"""What apt and apt-get read in different ways inside the name of a package: NEWS of apt 2.0,
https://salsa.debian.org/apt-team/apt/-/blob/main/debian/NEWS"""


@transform("apt-get", phase=Phase.MODERNISE, safety=Safety.SAFE)
def apt_get(model: Model) -> Iterator[Result]:
    """Call apt-get instead of apt, which is made for people at a terminal.

    What it does:
        Replaces apt by apt-get in RUN. `apt upgrade` also installs new packages where a newer version needs them:
        apt-get gets the option for it. `apt full-upgrade` is dist-upgrade there.

    Why:
        apt warns in every build that its command line may change between versions; that of apt-get is made for scripts.

    Refuses when:
        What apt is asked for does not exist in apt-get (`apt list`), or the name of a package is a pattern, which the
        two read in different ways.

    Example:
        See fixtures/apt-get/example.
    """
    for stage in model.stages:
        for step in stage.steps:
            calls = [called for called in step.calls("apt") if _program(model.document, called) is not None]
            if not calls or step.script is None or not step.script.ok or step.instruction.json is not None:
                continue
            reason = next((why for called in calls if (why := _obstacle(called)) is not None), None)
            if reason is not None:
                yield Refusal(step.instruction, reason)
            else:
                yield _change(model.document, step, calls)


def _program(document: Document, called: Invocation) -> ShellWord | None:
    """The word ``apt`` of a call, as it stands in the file; ``None`` where another program is called."""
    return next((word for word in called.command.words[:2] if word.span.of(document.text) == "apt"), None)


def _obstacle(called: Invocation) -> str | None:
    if called.verb != "upgrade" and called.verb not in _SAME and called.verb not in _RENAMED:
        return f"apt-get has no {called.verb}" if called.verb else "what apt is asked to do cannot be told"
    pattern = next((word.text for word in called.operands if _PATTERNS & set(word.text)), None)
    return None if pattern is None else f"apt and apt-get read the pattern {pattern} in different ways"


def _change(document: Document, step: Step, calls: list[Invocation]) -> Change:
    edits: list[Edit] = []
    for called in calls:
        program = _program(document, called)
        assert program is not None
        edits.append(Edit(program.span, "apt-get"))
        verb = called.verb_word.span
        if called.verb == "upgrade" and not called.has("--with-new-pkgs"):
            edits.append(Edit(Span(verb.end, verb.end), " --with-new-pkgs"))
        elif called.verb == "full-upgrade":
            edits.append(Edit(verb, _RENAMED[called.verb]))
    return Change(step.instruction, tuple(edits), "apt is made for terminals and warns that its output may change")
