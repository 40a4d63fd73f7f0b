"""``package-cache``: no package manager's cache in a layer that ships."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dockfix.dockerfile.layout import Item, Keep, layout
from dockfix.model import Invocation, Model, Purpose, StageModel, Step
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Result, Safety, transform

LISTS = "rm -rf /var/lib/apt/lists/*"


@transform("package-cache", phase=Phase.CACHES, safety=Safety.SAFE)
def package_cache(model: Model) -> Iterator[Result]:
    """Leave no package manager's cache in a layer that ships.

    What it does:
        Removes apt's lists in the RUN that fetched them, and joins a lone `apt-get update` with the install that
        follows; tells apk and pip to keep no cache; empties npm's and yarn's cache in stages whose layers or
        modules end up in the image.

    Why:
        A layer keeps what its RUN leaves behind, whatever a later RUN deletes. A lone `apt-get update` is cached for
        months, until the versions that it lists are gone.

    Refuses when:
        A later RUN installs from the same lists without fetching them. A RUN with a cache mount, a heredoc or
        conditions is left alone.

    Example:
        See fixtures/package-cache/example.
    """
    shipped = _shipped(model)
    edits: dict[int, list[Edit]] = {}
    dropped: dict[int, str] = {}
    first: Step | None = None
    whats: list[str] = []
    for stage in model.stages:
        for position, step in enumerate(stage.steps):
            if step.script is None or not step.script.ok or step.instruction.flags or step.instruction.heredocs:
                continue
            if step.instruction.json is not None:
                continue
            found: list[tuple[str, Edit]] = [("pip", edit) for edit in _pip(step)]
            found += [("apk", edit) for edit in _apk(step)]
            if stage.index in shipped:
                joined = _lone_update(stage, position)
                apt = _apt(model, stage, position, joined is not None)
                if apt and joined is not None:
                    dropped[joined.instruction.index] = "apt-get update runs with the install"
                found += [("apt", edit) for edit in apt]
                found += [("npm", edit) for edit in _npm(step)]
            if found:
                first = first or step
                edits[step.instruction.index] = [edit for _, edit in found]
                whats += [what for what, _ in found]
    if first is None:
        return
    stages: list[Sequence[Item]] = [
        [
            Keep(i, tuple(edits.get(i.index, ())))
            for i in (step.instruction for step in stage.steps)
            if i.index not in dropped
        ]
        for stage in model.stages
    ]
    result = layout(model.document, stages, dropped)
    names = list(dict.fromkeys(whats))
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    why = f"the cache of {listed} would stay in a layer"
    yield Change(first.instruction, result.edits, why, Safety.SAFE, ledger=result.ledger)


def _shipped(model: Model) -> set[int]:
    """The stages whose layers, or whose installed modules, end up in an image that is kept."""
    indices = {stage.index for stage in model.final.lineage}
    for name in model.targets:
        stage = model.document.stage(name)
        if stage is not None:
            indices |= {other.index for other in model.stages[stage.index].lineage}
    for stage in model.stages:
        for step in stage.steps:
            copy = step.instruction.copy
            source = model.document.stage(copy.from_) if copy is not None and copy.from_ is not None else None
            if source is not None and any("node_modules" in path for path in (copy.sources if copy else ())):
                indices.add(source.index)
    return indices


def _pip(step: Step) -> Iterator[Edit]:
    if step.before.env.get("PIP_NO_CACHE_DIR") is not None:
        return
    for called in step.calls("pip", "install"):
        if (
            called.command.words[0].text != "uv"
            and not called.has("--no-cache-dir")
            and "uv" not in called.command.args
        ):
            end = called.verb_word.span.end
            user = next((word for word in called.options if word.text == "--user"), None)
            end = user.span.end if user is not None else end
            yield Edit(Span(end, end), " --no-cache-dir")


def _apk(step: Step) -> Iterator[Edit]:
    if step.calls("apk", "update"):
        return
    for called in step.calls("apk", "add"):
        if not called.has("--no-cache", "--update", "-U", "--update-cache"):
            end = called.verb_word.span.end
            yield Edit(Span(end, end), " --no-cache")


def _lone_update(stage: StageModel, position: int) -> Step | None:
    """The RUN right above that does nothing but fetch apt's lists, where this one installs from them."""
    if position == 0:
        return None
    above, here = stage.steps[position - 1], stage.steps[position]
    if above.script is None or not here.calls("apt", "install") or here.calls("apt", "update"):
        return None
    only = [called.verb for called in above.invocations] == ["update"] and len(above.script.commands) == 1
    return above if only and not above.instruction.flags and not above.instruction.inner_comments else None


def _apt(model: Model, stage: StageModel, position: int, joined: bool) -> list[Edit]:
    step = stage.steps[position]
    installs = step.calls("apt", "install")
    if not installs or step.script is None:
        return []
    if "/var/lib/apt/lists" in step.instruction.value:
        return []
    if any(called.command.depth or called.command.joiner not in {"", "&&", ";"} for called in installs):
        return []
    if not joined and not step.calls("apt", "update"):
        return []
    if _needed_later(model, stage, position):
        return []
    edits = []
    if joined:
        command = step.script.commands[0]
        name = installs[0].command.words[0].text
        edits.append(Edit(Span(command.span.start, command.span.start), f"{_tool(name, installs[0])} update && "))
    last = step.script.commands[-1]
    if last.joiner not in {"", "&&", ";"} or last.depth or not step.script.flat:
        return []
    end = last.span.end
    document = model.document
    lines = "\n" in step.instruction.text
    space = f" {document.escape}{document.newline}{_indent(step, document.indent)}" if lines else " "
    edits.append(Edit(Span(end, end), f"{space}&& {LISTS}"))
    return edits


def _tool(name: str, called: Invocation) -> str:
    return f"sudo {called.command.words[1].text}" if name == "sudo" else name


def _indent(step: Step, usual: str) -> str:
    lines = [line for line in step.instruction.text.split("\n")[1:] if line.strip().startswith("&&")]
    return lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())] if lines else usual


def _needed_later(model: Model, stage: StageModel, position: int) -> bool:
    """Whether a later RUN of this stage, or of one built on it, installs without fetching the lists."""
    later = list(stage.steps[position + 1 :])
    for other in model.stages:
        if other is not stage and stage in other.lineage:
            later += other.steps
    return any(step.calls("apt", "install") and not step.calls("apt", "update") for step in later)


def _npm(step: Step) -> Iterator[Edit]:
    """``npm cache clean`` behind an install; yarn's likewise."""
    if step.script is None or not step.script.flat or "cache clean" in step.instruction.value:
        return
    installs = [called for called in step.invocations if called.manager in {"npm", "yarn"} and _fills(called)]
    if not installs or Purpose.INSTALL not in step.purposes | ({Purpose.INSTALL} if installs else set()):
        return
    last = step.script.commands[-1]
    if any(command.joiner not in {"", "&&"} for command in step.script.commands) or last.depth:
        return
    clean = {"npm": "npm cache clean --force", "yarn": "yarn cache clean"}
    names = list(dict.fromkeys(called.manager for called in installs))
    yield Edit(Span(last.span.end, last.span.end), "".join(f" && {clean[name]}" for name in names))


def _fills(called: Invocation) -> bool:
    return called.verb in {"install", "i", "ci", "clean-install", "add"} or (
        called.manager == "yarn" and not called.verb
    )
