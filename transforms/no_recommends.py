"""``no-recommends``: what apt-get would add on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dockfix import catalog
from dockfix.recipes.lists import FETCHERS
from dockfix.recipes.mounts import KEEP_PACKAGES
from dockfix.recipes.stage import SOURCES, appended, shipping
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

if TYPE_CHECKING:
    from dockfix.catalog.recommends import Recommended
    from dockfix.model import Invocation, Model, StageModel, Step

_DECIDED = ("--no-install-recommends", "--install-recommends")
_TARGETS = ("-t", "--target-release", "--default-release")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+]")
_MANIFESTS = ("package.json", "requirements.txt", "pyproject.toml", "Pipfile", "Gemfile", "composer.json", "go.mod")
_MANY = 3


@transform("no-recommends", phase=Phase.CACHES, safety=Safety.REVIEW)
def no_recommends(model: Model) -> Iterator[Result]:
    """Leave out what apt-get installs only because a package recommends it.

    What it does:
        Adds `--no-install-recommends` to an `apt-get install` whose layer ships, where it is recorded what that leaves
        out and none of it is of use in a container: manual pages, translations, pagers. What is of use, such as the
        certificates behind curl, is installed by name.

    Why:
        Recommended packages are for people at a machine. In an image they take space and have to be patched.

    Refuses when:
        What comes by recommendation is not recorded for the package or the suite, or was not judged; it takes
        libraries along that another program may load (git's ssh brings those of X11); the packages come from other
        sources than Debian's.

    Example:
        See fixtures/no-recommends/example.
    """
    shipped = shipping(model)
    told: set[str] = set()
    for stage in model.stages:
        if stage.index not in shipped or any(
            "Install-Recommends" in step.instruction.value for step in stage.all_steps
        ):
            continue
        for step in stage.steps:
            calls = [called for called in step.calls("apt", "install") if _is_open(called)]
            if calls and step.script is not None and step.script.ok and step.instruction.json is None:
                for result in _step(model, stage, step, calls):
                    if not (isinstance(result, Refusal) and result.why in told):
                        yield result
                    told.add(result.why)


def _is_open(called: Invocation) -> bool:
    """Whether nobody has decided on the recommended packages of this install."""
    return bool(called.operands) and not called.has(*_DECIDED)


def _step(model: Model, stage: StageModel, step: Step, calls: Sequence[Invocation]) -> Iterator[Result]:
    edits: list[Edit] = []
    dropped: dict[str, Recommended] = {}
    kept: dict[str, Recommended] = {}
    for called in calls:
        reason, alone = _alone(stage, step, called)
        if reason is not None:
            yield Refusal(step.instruction, reason)
            return
        used = {each.package: each for each in alone if each.verdict == "needed" or _shows(model, each)}
        unused = {each.package: each for each in alone if each.package not in used}
        if unused:
            dropped |= unused
            kept |= used
            edits += _edits(model, called, tuple(used))
    if edits:
        names = sorted(dropped)
        rest = f" and {len(names) - _MANY} more" if len(names) > _MANY + 1 else ""
        shown = names[:_MANY] if rest else names
        why = f"{_listed(shown, last=not rest)}{rest} would come only because they are recommended"
        if kept:
            reasons = ", ".join(f"{each.package} stays, by name: {each.what}" for each in kept.values())
            why = f"{why}; {reasons}"
        yield Change(step.instruction, tuple(edits), why, Safety.REVIEW)


def _alone(stage: StageModel, step: Step, called: Invocation) -> tuple[str | None, tuple[Recommended, ...]]:
    """Why an install is left alone, or what it brings by recommendation alone."""
    from dockfix.catalog.recommends import RECORDED_SUITES, recommendations

    image = stage.image
    if image is None or image.suite not in RECORDED_SUITES:
        of = f"Debian's {' and '.join(RECORDED_SUITES)}"
        return f"which packages are only recommended is recorded for {of} alone", ()
    foreign = _foreign_source(stage, step)
    if foreign is not None or called.has(*_TARGETS):
        return f"the packages may come from other sources than Debian's{foreign or ''}", ()
    names = [word.text.partition("=")[0] for word in called.operands]
    carried = catalog.carries(image)
    present = {*carried, *names, *_installed(stage, step)}
    found: dict[str, Recommended] = {}
    for word, name in zip(called.operands, names, strict=True):
        if name in carried:
            continue
        known = recommendations(name, image.suite) if word.static and _PLAIN.fullmatch(name) else None
        if known is None:
            return f"what {word.text} takes along only because it is recommended is not known to be superfluous", ()
        present |= known.anyway
        found |= {each.package: each for each in known.alone}
    alone = tuple(each for each in found.values() if each.package not in present)
    loaded = next((each for each in alone if each.verdict == "loaded"), None)
    if loaded is not None:
        return (
            f"{loaded.package}, which is only recommended, {loaded.what.partition(', ')[2]}, which others may load",
            (),
        )
    return None, alone


def _installed(stage: StageModel, step: Step) -> Iterator[str]:
    """The packages that RUNs above *step* install by name."""
    for earlier in stage.lineage:
        for where, name in earlier.packages:
            if where.instruction.index < step.instruction.index:
                yield name


def _foreign_source(stage: StageModel, step: Step) -> str | None:
    """Which line adds a source of packages that is not Debian's."""
    for above in stage.all_steps:
        text = above.instruction.value.replace(KEEP_PACKAGES, "")
        if above.instruction.index > step.instruction.index:
            break
        if any(place in text for place in (*SOURCES, "add-apt-repository", ".deb")) or FETCHERS.search(text):
            return f" (line {above.instruction.line})"
    return None


def _shows(model: Model, recommended: Recommended) -> bool:
    """Whether a word in the Dockerfile, its scripts or its manifests tells of the package's use."""
    patterns = [re.escape(sign).replace(r"\*", r"[\w-]*") for sign in recommended.signs]
    if not patterns:
        return False
    sign = re.compile(rf"(?<![\w-])(?:{'|'.join(patterns)})(?![\w-])")
    return any(sign.search(text) for text in _texts(model))


def _texts(model: Model) -> Iterator[str]:
    yield from (instruction.value for instruction in model.document.instructions)
    yield from (script.source for script in model.app.scripts)
    yield from (fact.value for fact in model.server.tools)
    for name in _MANIFESTS:
        yield (model.app.root.read(name) or b"").decode("utf-8", "replace")


def _edits(model: Model, called: Invocation, names: Sequence[str]) -> Iterator[Edit]:
    """The option behind those that stand before the packages, and *names* among the packages."""
    words = called.command.words
    last = words[words.index(called.operands[0]) - 1].span.end
    yield Edit(Span(last, last), f" {_DECIDED[0]}")
    yield from (appended(model.document, called, name) for name in names)


def _listed(names: Sequence[str], *, last: bool) -> str:
    if len(names) == 1 or not last:
        return ", ".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
