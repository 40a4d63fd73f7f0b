"""The verdict: whether two images behave alike, by what was expected, inspected and observed of them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dockfix.dockerfile.shell import SHELLS
from dockfix.verify import normal
from dockfix.verify.answer import restarted
from dockfix.verify.credentials import masked
from dockfix.verify.serving import OTHERWISE, VARIES, numbers, served

if TYPE_CHECKING:
    from dockfix.verify.expectation import Expectation
    from dockfix.verify.image import ImageFacts
    from dockfix.verify.observation import Observation

Kind = Literal[
    "same behaviour", "different", "the original does not build", "not comparable", "could not run", "unchanged"
]

KILLED = 137
"""The exit code of a process that SIGKILL ended, as engines report it."""

_REFUSED_STATUS = 400

_SOON = 2.0
"""Seconds in which a program ends that would end in the rewrite, too, while that is watched, however slow it is."""

_SAYS = "the rewrite says: "
_ALONE = "the rewrite, unlike the original, "

_CONFIGURED = (
    ("WORKDIR", "WorkingDir", "/"),
    ("ENTRYPOINT", "Entrypoint", None),
    ("CMD", "Cmd", None),
    ("USER", "User", "root"),
    ("STOPSIGNAL", "StopSignal", "SIGTERM"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification came to.

    Attributes:
        kind: the verdict.
        reasons: why, a line each; empty for the same behaviour.
        remarks: what a person may want to know beside it.
    """

    kind: Kind
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def discreet(self) -> Verdict:
        """The verdict without the credentials that its words may quote."""
        return Verdict(self.kind, tuple(map(masked, self.reasons)), tuple(map(masked, self.remarks)))

    def __str__(self) -> str:
        return f"{self.kind}: {'; '.join(self.reasons)}" if self.reasons else self.kind


@dataclass(frozen=True, slots=True)
class Seen:
    """An image and a run of it."""

    image: ImageFacts
    run: Observation


def judge(before: Seen, after: Seen, expected: Expectation) -> Verdict:
    """Compare the original with the rewrite."""
    old, new = before.run, after.run
    if old.starved:
        return _judge_starved(old, new)
    undeclared = tuple(_configured(before.image, after.image, expected))
    if new.starved:
        undeclared = (f"{_ALONE}{new.starved}", *undeclared)
    if not old.running:
        return _judge_ended(old, new, undeclared)
    if not new.running:
        return Verdict("different", (f"the rewrite does not stay up: {ending(new)}", *undeclared))
    unhealthy = tuple(_healthy(before, after, expected))
    reasons = [*undeclared, *served(old, new, expected), *unhealthy, *_stopped(old, new)]
    reasons += (*_rooted(old, new), *_lacking(old, new), *_broken(old, new))
    remarks = (*_remarks(old, new), *(() if unhealthy else _excused(old, new)))
    if reasons:
        return Verdict("different", tuple(reasons), remarks)
    unheard = _unheard(old, new, expected.ports[0])
    if unheard:
        return Verdict("not comparable", (unheard,), remarks)
    return Verdict("same behaviour", (), remarks)


def _unheard(old: Observation, new: Observation, awaited: tuple[int, ...]) -> str:
    """Why nothing is known of apps that were expected to listen; empty where both answer something.

    A connection alone is the kernel's doing, and an app that hangs gets it, too.
    """
    if not awaited or old.port is not None or (old.replies and new.replies):
        return ""
    if old.ports:
        who = "both listen" if new.ports else "the original listens"
        answering = "neither answers" if new.port is None else "the rewrite alone answers"
        return f"{who} on {numbers(set(old.ports))}, and {answering} there"
    who = "the original does not listen" if new.ports else "neither listens"
    said = f": {normal.told(old.log)[0]}" if normal.told(old.log) else ""
    return f"{who} on port {' or '.join(map(str, awaited))} here{said}"


def hinges_on_chance(verdict: Verdict) -> bool:
    """Whether all that differs may come by chance: a line of the log, a body, a lack of memory."""
    return verdict.kind == "different" and all(
        reason.startswith((_SAYS, _ALONE)) or reason.endswith(VARIES) or f" {OTHERWISE}" in reason
        for reason in verdict.reasons
    )


def hinges_on_bodies(verdict: Verdict) -> bool:
    """Whether all that differs is what a page says, which an app that chooses among few may choose alike twice."""
    return verdict.kind == "different" and all(f" {OTHERWISE}" in reason for reason in verdict.reasons)


def of_both(one: Observation, other: Observation) -> Observation:
    """A run of an image with what another run of it said besides, and of its answers what both have in common."""
    others = {each.question: each for each in other.answers}
    answers = tuple(restarted(each, others.get(each.question)) for each in one.answers)
    starved = one.starved or other.starved
    return replace(one, starved=starved, log=f"{one.log}\n{other.log}", answers=answers)


def judge_unseen(before: ImageFacts, after: ImageFacts, expected: Expectation, program: str) -> Verdict:
    """Compare what was built alone, by an engine that runs nothing."""
    undeclared = tuple(_configured(before, after, expected))
    if undeclared:
        return Verdict("different", undeclared)
    return Verdict("not comparable", (f"both build, and {program} runs no containers",))


def ending(run: Observation) -> str:
    """How a container that did not stay up ended, with what it said of it."""
    if run.failure:
        return run.failure
    said = [line for line in map(normal.plain, run.log.splitlines()) if line]
    wanted = set(normal.told(run.log))
    telling = [line for line in said if set(normal.lines(line)) & wanted]
    return f"exit code {run.exit_code}" + (f": {telling[-1]}" if telling else ", without a word")


def _judge_starved(old: Observation, new: Observation) -> Verdict:
    """What an original that the kernel took a process from does is none of its own."""
    if new.starved:
        return Verdict("not comparable", (f"both containers {old.starved}",))
    remarks = () if new.running else (f"the rewrite does not stay up: {ending(new)}",)
    return Verdict("not comparable", (f"the original {old.starved}",), remarks)


def _judge_ended(old: Observation, new: Observation, undeclared: tuple[str, ...]) -> Verdict:
    if old.failure:
        if new.failure:
            return Verdict("not comparable", (f"neither starts: {old.failure}",))
        return Verdict("not comparable", (f"the original does not start: {old.failure}",))
    if new.running:
        if old.exit_code == 0 and old.lasted is not None and old.lasted < _SOON and not new.ports:
            return Verdict("different", ("the original ends by itself, and the rewrite does not", *undeclared))
        return Verdict("not comparable", (f"the original does not stay up: {ending(old)}; the rewrite runs",))
    if new.failure:
        return Verdict("different", (f"the rewrite does not start: {new.failure}", *undeclared))
    if old.exit_code == 0 and new.exit_code == 0:
        printed = normal.lines(old.log)
        if not printed:
            return Verdict("not comparable", ("both end at once without a word",))
        if printed == normal.lines(new.log) and not undeclared:
            return Verdict("same behaviour", (), ("both print the same and end",))
    elif old.exit_code == 0:
        ends = f"the original ends with {ending(old)}; the rewrite with {ending(new)}"
        return Verdict("different", (ends, *undeclared))
    reasons = (*undeclared, *_lacking(old, new), *_broken(old, new))
    if reasons:
        return Verdict("different", reasons)
    if old.exit_code:
        # it lacks something here, and what an app says of that depends on its C library and its patience
        remark = f"the rewrite ends with {ending(new)}"
        return Verdict("not comparable", (f"the original ends with {ending(old)}",), (remark,))
    return Verdict("not comparable", (f"both end by themselves: {ending(old)}",))


def _configured(old: ImageFacts, new: ImageFacts, expected: Expectation) -> Iterator[str]:
    """What the images are configured to do differently without the plan's saying so."""
    declared = {key.removeprefix("ENV ") for key in expected.declared if key.startswith("ENV ")}
    for name in sorted(old.env.keys() | new.env.keys() | declared):
        was, is_ = old.env.get(name), new.env.get(name)
        meant = expected.told(name)
        if meant is not None and is_ != meant:
            yield f"the environment's {name} was to be {meant!r} and is {is_!r}"
        elif was != is_ and name not in declared | expected.provenance:
            yield f"the environment's {name} was {was!r} and is {is_!r}"
    for key, name, unset in _CONFIGURED:
        was, is_ = old.config.get(name) or unset, new.config.get(name) or unset
        if was != is_ and key not in expected.declared:
            yield f"{key} was {was!r} and is {is_!r}"


def _healthy(before: Seen, after: Seen, expected: Expectation) -> Iterator[str]:
    old, new = before.run, after.run
    if new.health in {None, "healthy"}:
        if old.health == "healthy" and new.health is None:
            yield "the health check is gone"
        return
    if old.health is not None and old.health == new.health:
        return
    if any(answer.status >= _REFUSED_STATUS for answer in old.answers) and _same_answers(old, new):
        return  # the check tells the truth of an app that lacks something here, in the original too
    if expected.ports[0] and not old.ports and not new.ports:
        return  # likewise: the original does not get as far as listening either
    yield f"the health check says {new.health}: {new.check}"


def _same_answers(old: Observation, new: Observation) -> bool:
    return {(a.path, a.status) for a in old.answers} == {(a.path, a.status) for a in new.answers}


def _stopped(old: Observation, new: Observation) -> Iterator[str]:
    if old.stop is not None and new.stop is not None and new.stop.exit_code == KILLED != old.stop.exit_code:
        yield f"it does not stop when asked to any more: killed after {new.stop.seconds:.1f} s"
    if old.reaps and new.reaps is False and not _by_the_way(old):
        yield "orphaned processes are not reaped any more"


def _by_the_way(old: Observation) -> bool:
    """Whether a shell line alone reaps orphans, which nobody has asked it to: it leaves when the app takes its place.

    Whether the app needs somebody for that is what the transform ``init`` judges.
    """
    return posixpath.basename(old.command[0]) in SHELLS if old.command else False


def _rooted(old: Observation, new: Observation) -> Iterator[str]:
    """Whoever gave an app an account did not mean it to have all rights, whatever a plan may say."""
    if old.uid and new.uid == 0:
        yield f"process 1 was run by uid {old.uid} and is run by root"


def _lacking(old: Observation, new: Observation) -> Iterator[str]:
    """The files that its command names and the rewrite lacks; not those that another folder explains on both sides."""
    for path, there in new.files.items():
        if not there and old.files.get(path, True):
            yield f"its command names {path}, which is not there"


def _broken(old: Observation, new: Observation) -> Iterator[str]:
    """What the rewrite's log says is missing or crashed, where the original's says nothing of it."""
    known = {normal.lines(line) for line in old.log.splitlines()}
    lines = [line for line in normal.broken(new.log) if normal.lines(line) not in known]
    crashed = normal.crashes(old.log)
    lines += [line for kind, line in normal.crashes(new.log).items() if kind not in crashed]
    if lines:
        yield f"{_SAYS}{lines[0]}"


def _remarks(old: Observation, new: Observation) -> Iterator[str]:
    if old.port is None and new.port is None:
        answering = set(old.replies).intersection(new.replies)
        both = f"both answer on {numbers(answering)}, though not in HTTP" if answering else "both stay up"
        yield f"neither {'speaks HTTP' if answering else 'answers from outside'}: all that is known is that {both}"
    elif old.port is None:
        yield f"the rewrite answers on port {new.port}, and the original on none"
    statuses = {answer.path: answer.status for answer in new.answers}
    for answer in old.answers:
        if answer.status >= 500:
            who = "both" if statuses.get(answer.path) == answer.status else "the original"
            yield f"{answer.path} is answered with {answer.status} by {who}"
        elif not answer.stable and statuses.get(answer.path) == answer.status:
            yield f"the body of {answer.path} varies from one request to the next and was not compared"
        elif answer.lasting is not None and statuses.get(answer.path) == answer.status:
            rest = "the rest of it was compared" if answer.lasting else "was not compared"
            yield f"the body of {answer.path} varies from one start to the next, and {rest}"


def _excused(old: Observation, new: Observation) -> Iterator[str]:
    """What explains a health check that fails and is no difference."""
    if new.health not in {None, "healthy"} and old.health == new.health:
        yield f"the health check says {new.health} on both sides"
    elif new.health not in {None, "healthy"}:
        why = "as the app's answers here do" if new.answers else "since the app does not get as far as to answer here"
        yield f"the health check says {new.health}, {why}"
