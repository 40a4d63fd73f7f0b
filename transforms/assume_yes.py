"""``assume-yes``: package managers that ask nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.model import Invocation, Model

_ASKING = {
    "apt": frozenset(
        {
            "install",
            "reinstall",
            "upgrade",
            "dist-upgrade",
            "full-upgrade",
            "remove",
            "purge",
            "autoremove",
            "build-dep",
        }
    ),
    "dnf": frozenset(
        {"install", "reinstall", "upgrade", "update", "remove", "erase", "autoremove", "downgrade", "localinstall"}
        | {"groupinstall", "distro-sync", "builddep", "swap"}
    ),
}
"""What asks before it goes on: https://manpages.debian.org/bookworm/apt/apt-get.8.en.html,
https://dnf.readthedocs.io/en/latest/command_ref.html"""
_PROGRAMS = frozenset({"apt", "apt-get", "aptitude", "dnf", "yum"})
_ANSWERED = re.compile(r"-[a-zA-Z]*(?:y|qq|s)[a-zA-Z]*|--(?:yes|force-yes|simulate|just-print|dry-run|print-uris)")
"""Options by which apt-get, dnf and yum do not ask; a quiet level of two implies yes."""
_SETTING = re.compile(r"assume-?(?:yes|no)", re.IGNORECASE)
_VALUED = ("-o", "-c", "-t")


@transform("assume-yes", phase=Phase.MODERNISE, safety=Safety.SAFE)
def assume_yes(model: Model) -> Iterator[Result]:
    """Let package managers go on without asking, since nobody answers in a build.

    What it does:
        Adds -y to apt-get, dnf and yum where they install, upgrade or remove packages without it.

    Why:
        They ask as soon as a package brings another one along; in a build there is nobody to answer and they give up.
        A file that works today fails when a package gets a new dependency.

    Refuses when:
        Something else gives the answer: a pipe, or a setting of apt that the file makes.

    Example:
        See fixtures/assume-yes/example.
    """
    settled = next((i for i in model.document.instructions if "apt.conf" in i.value and _SETTING.search(i.value)), None)
    for stage in model.stages:
        for step in stage.steps:
            if step.script is None or not step.script.ok or step.instruction.json is not None:
                continue
            calls = [called for called in step.invocations if _asks(called)]
            if any(called.command.joiner == "|" or _reads(called) for called in calls):
                yield Refusal(step.instruction, "what is piped into the package manager answers its question")
            elif calls and settled is not None and calls[0].manager == "apt":
                yield Refusal(step.instruction, f"the setting on line {settled.line} answers for apt-get")
            elif calls:
                ends = [called.verb_word.span.end for called in calls]
                yield Change(
                    step.instruction,
                    tuple(Edit(Span(end, end), " -y") for end in ends),
                    f"{_name(calls[0])} {calls[0].verb} asks before it goes on, and nobody answers in a build",
                )


def _asks(called: Invocation) -> bool:
    if called.verb not in _ASKING.get(called.manager, ()) or _name(called) not in _PROGRAMS:
        return False
    options = [word.text for word in called.options]
    if any(_SETTING.search(option) for option in options):
        return False
    return not any(_ANSWERED.fullmatch(option) for option in options if not option.startswith(_VALUED))


def _reads(called: Invocation) -> bool:
    return any("<" in word.text for word in called.command.redirects)


def _name(called: Invocation) -> str:
    """The program that is called, without its folder and sudo."""
    words = [word.text for word in called.command.words if word.text != "sudo"]
    return words[0].rpartition("/")[2]
