"""System packages: which of them the end of an image needs, and how they are installed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from posixpath import basename
from typing import TYPE_CHECKING, Literal

from dockfix import catalog
from dockfix.dockerfile.layout import Item, Keep, New
from dockfix.facts.compose import words
from dockfix.model import Purpose
from dockfix.recipes.split import UnfitError
from dockfix.text import Edit, Span

if TYPE_CHECKING:
    from dockfix.dockerfile import Document
    from dockfix.dockerfile.shell import ShellWord
    from dockfix.model import Invocation, Model, StageModel, Step

WIDTH = 120
"""Columns after which a line that installs packages is broken, one package a line."""


def run_time(model: Model, stage: StageModel, steps: Iterable[Step], *, afresh: bool) -> dict[int, list[Item]]:
    """What the end installs in place of what *steps* install, by the number of each instruction.

    Build tools fall away, a ``-dev`` package gives way to its libraries, any other package stays, in the author's own
    command and with his options.

    Args:
        model: the model.
        stage: the stage that *steps* belong to.
        steps: some of its steps.
        afresh: where none of the author's packages stays, install the libraries by one line of our own.

    Raises:
        UnfitError: the packages cannot be told, or not be taken out of a RUN.
    """
    installing = [step for step in steps if Purpose.PACKAGES in step.purposes]
    plans = {step.instruction.index: _plan(model, stage, step) for step in installing}
    if not afresh or any(kept for plan in plans.values() for kept, _ in plan.values()):
        return {
            step.instruction.index: _thinned(model.document, step, plans[step.instruction.index]) for step in installing
        }
    libraries = list(dict.fromkeys(name for plan in plans.values() for _, names in plan.values() for name in names))
    at = next((step for step in installing if plans[step.instruction.index]), None)
    return {
        step.instruction.index: [New(install_line(stage.manager or "", libraries))] if step is at and libraries else []
        for step in installing
    }


def again(model: Model, stage: StageModel, step: Step) -> list[Item]:
    """What the end installs in place of what *step* does, by a RUN of its own that does nothing else.

    Raises:
        UnfitError: the packages cannot be told.
    """
    line = _again(step, _plan(model, stage, step))
    return [New(line)] if line else []


def without(document: Document, step: Step, names: Collection[str]) -> list[Item]:
    """A step that installs none of some packages.

    Raises:
        UnfitError: they cannot be taken out of a RUN.
    """
    words = [word for invocation in installs(step) for word in invocation.operands]
    plan: Plan = {word.span: (word.text.partition("=")[0] not in names, ()) for word in words}
    return _thinned(document, step, plan)


def needed(model: Model, stage: StageModel, steps: Iterable[Step]) -> Iterator[tuple[Step, str]]:
    """The packages among those of *steps* that an end needs, libraries in the place of ``-dev`` packages.

    Raises:
        UnfitError: they cannot be told.
    """
    for step in steps:
        if Purpose.PACKAGES not in step.purposes:
            continue
        plan = _plan(model, stage, step)
        for called in installs(step):
            for word in called.operands:
                kept, libraries = plan[word.span]
                yield from ((step, name) for name in ((word.text,) if kept else libraries))


def build_tools(steps: Iterable[Step]) -> tuple[str, ...]:
    """Packages among what *steps* install and leave in the image that only a build needs."""
    found = []
    for step in steps:
        removed = {
            word.text
            for called in step.invocations
            if called.verb in {"purge", "remove", "autoremove", "del"}
            for word in called.operands
        }
        for called in installs(step):
            if removed & _virtual(called):
                continue
            names = [word.text.partition("=")[0] for word in called.operands]
            found += [name for name in names if name not in removed and is_tool(name)]
    return tuple(dict.fromkeys(found))


def idle_tools(stage: StageModel, steps: Iterable[Step]) -> tuple[str, ...]:
    """Those of the :func:`build_tools` that an end of *stage* does without; headers of unknown libraries stay."""
    return tuple(
        name
        for name in build_tools(steps)
        if stage.image is None or _libraries(stage, name, frozenset(), idle_python=False) is not None
    )


def carrier(stage: StageModel, tools: Iterable[str]) -> str:
    """The base of *stage* if it is a full image that brings all of *tools* itself; empty otherwise."""
    if stage.image is None or stage.image.variant != "full":
        return ""
    carried = catalog.full_variant_carries(stage.image)
    parts = {part for name in tools for part in catalog.brought_by(name) or {name}}
    return stage.reference if carried and parts <= carried else ""


def _virtual(called: Invocation) -> set[str]:
    """The name under which ``apk add --virtual`` puts packages together."""
    return {word.text.partition("=")[2] or word.text for word in _grouping(called)[-1:]}


def _grouping(called: Invocation) -> tuple[ShellWord, ...]:
    """The words of ``apk add`` that put packages together under a name, by which they can be removed again."""
    for first, second in pairwise((*called.options, None)):
        if first is not None and first.text.startswith("--virtual="):
            return (first,)
        if first is not None and second is not None and first.text in {"-t", "--virtual"}:
            return (first, second)
    return ()


def installs(step: Step) -> Iterator[Invocation]:
    """The commands of a RUN that install system packages."""
    for called in step.invocations:
        if called.manager in {"apt", "apk", "dnf"} and called.verb in {"install", "add"}:
            yield called


def is_tool(name: str) -> bool:
    """Whether a package serves builds alone."""
    return catalog.is_build_tool(name) or catalog.serves(name, "headers") or catalog.serves(name, "repositories")


Plan = dict[Span, tuple[bool, tuple[str, ...]]]
"""Of each package that a RUN installs: whether it stays as it is, and else the libraries in its place."""


def _plan(model: Model, stage: StageModel, step: Step) -> Plan:
    plan: Plan = {}
    called, idle_python = _called(model), _has_idle_python(model, stage)
    named = {word.text.partition("=")[0] for invocation in installs(step) for word in invocation.operands}
    for invocation in installs(step):
        if invocation.manager == "dnf":
            raise UnfitError(step.instruction, "which packages of dnf serve builds alone is not in the catalogue")
        for word in invocation.operands:
            if not word.static:
                raise UnfitError(step.instruction, "the names of the packages depend on a variable")
            libraries = _libraries(stage, word.text.partition("=")[0], called, idle_python=idle_python)
            lacking = tuple(name for name in libraries or () if name not in named)
            named.update(lacking)
            plan[word.span] = (libraries is None, lacking)
    return plan


def _called(model: Model) -> frozenset[str]:
    """Programs, and the packages that hold them, which run in a container."""
    names = {basename(fact.value) for fact in model.server.tools} | model.start.names
    names |= {basename(call.words[0]) for call in model.app.calls if call.words}
    names |= {basename(line[0]) for service in model.services if (line := words(service.command))}
    script = model.start.script
    if script is not None:
        names |= {basename(fact.value[0]) for fact in script.commands if fact.value}
    return frozenset(names | {package for name in names for package in catalog.provides(name)})


def _has_idle_python(model: Model, stage: StageModel) -> bool:
    """Whether a Node stage has Python for node-gyp alone: a compiler is there too, and no source speaks of Python."""
    if (
        stage.image is None
        or stage.image.name != "node"
        or not {"make", "g++", "build-base", "build-essential"} & {name for _, name in stage.packages}
    ):
        return False
    for path in model.app.root.walk(model.source or "", 3000):
        if path.endswith((".js", ".ts", ".mjs", ".cjs", ".sh", "package.json")):
            data = model.app.root.read(path) or b""
            if b"python" in data:
                return False
    return True


def _libraries(stage: StageModel, name: str, called: frozenset[str], *, idle_python: bool) -> tuple[str, ...] | None:
    """What the end needs in place of a package; ``None`` where it needs the package itself."""
    assert stage.image is not None
    if name in called or not (is_tool(name) or (idle_python and catalog.serves(name, "gyp"))):
        return None
    if "-dev" not in name or catalog.serves(name, "headers"):
        return ()
    family: Literal["alpine", "debian"] = "alpine" if stage.manager == "apk" else "debian"
    return catalog.runtime_libraries(name, family, stage.image.suite)


def _thinned(document: Document, step: Step, plan: Plan) -> list[Item]:
    """The author's RUN without the packages that the end does not need.

    Raises:
        UnfitError: they cannot be taken out.
    """
    if all(kept for kept, _ in plan.values()):
        return [Keep(step.instruction)]
    calls = tuple(installs(step))
    alone = step.purposes <= {Purpose.PACKAGES, Purpose.CLEANUP}
    if alone and not any(_some(called, plan) for called in calls):
        return []
    removes = any(called.verb in {"purge", "remove", "autoremove", "del"} for called in step.invocations)
    if Purpose.INSTALL in step.purposes or step.calls("pip") or (alone and removes):
        line = _again(step, plan)
        return [New(line)] if line else []
    if removes or not all(_some(called, plan) for called in calls):
        raise UnfitError(step.instruction, "the packages cannot be taken out of this RUN")
    edits = (
        _edit(document, step, word, plan[word.span][1])
        for called in calls
        for word in called.operands
        if not plan[word.span][0]
    )
    grouping = (_edit(document, step, word, ()) for called in calls for word in _grouping(called))
    return [Keep(step.instruction, (*edits, *grouping))]


def _some(called: Invocation, plan: Plan) -> bool:
    return any(plan[word.span][0] or plan[word.span][1] for word in called.operands)


def _edit(document: Document, step: Step, word: ShellWord, libraries: tuple[str, ...]) -> Edit:
    """*libraries* in the place of a word, or nothing, with the white space and the continuation before it.

    Raises:
        UnfitError: the word stands between a comment and the end.
    """
    if libraries:
        return Edit(word.span, " ".join(libraries))
    text, start = document.text, word.span.start
    while text[start - 1] in f" \t\r\n{document.escape}":
        start -= 1
    if not any(comment.span.end == start for comment in step.instruction.inner_comments):
        return Edit(Span(start, word.span.end), "")
    line = text.rfind("\n", 0, word.span.start) + 1
    end = text.find("\n", word.span.end) + 1
    if text[word.span.end : end].strip() != document.escape:
        raise UnfitError(step.instruction, f"{word.text} stands between a comment and the rest of the line")
    return Edit(Span(line, end), "")


def _again(step: Step, plan: Plan) -> str | None:
    """The packages that stay, installed by a line of their own with the author's options."""
    names: list[str] = []
    options: list[str] = []
    manager = ""
    for called in installs(step):
        manager = called.manager
        options += [word.text for word in called.options if word.text.startswith("-")]
        for word in called.operands:
            kept, libraries = plan[word.span]
            names += [word.text] if kept else libraries
    if not names:
        return None
    every = any(plan[word.span][0] for called in installs(step) for word in called.operands)
    recommends = every and "--no-install-recommends" not in options
    return install_line(manager, tuple(dict.fromkeys(names)), recommends=recommends)


def install_line(manager: str, packages: Sequence[str], *, recommends: bool = False) -> str:
    """The RUN that installs *packages* and leaves no index behind.

    Args:
        manager: ``apt`` or ``apk``.
        packages: their names, in the order wanted.
        recommends: install what apt's packages recommend too, since nobody said that they can do without.
    """
    if manager == "apk":
        return _broken("RUN apk add --no-cache", packages, "")
    option = "" if recommends else " --no-install-recommends"
    return _broken(f"RUN apt-get update && apt-get install -y{option}", packages, "rm -rf /var/lib/apt/lists/*")


def _broken(command: str, packages: Sequence[str], after: str) -> str:
    """*command* with *packages* on its line where they fit, else one a line."""
    line = " ".join((command, *packages))
    if len(line) > WIDTH - len(" && \\"):
        line = " \\\n    ".join((command, *packages))
        return f"{line} \\\n    && {after}" if after else line
    return f"{line} && \\\n    {after}" if after else line
