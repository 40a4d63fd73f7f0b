"""``python-env``: Python's output at once, and no bytecode written."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.dockerfile import Instruction
from dockfix.dockerfile.habits import insert_after
from dockfix.model import Model, StageModel
from dockfix.model.config import stated
from dockfix.recipes.programs import final_services
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Refusal, Result, Safety, transform

WANTED = {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
"""https://docs.python.org/3/using/cmdline.html#envvar-PYTHONUNBUFFERED and its neighbour"""


@transform("python-env", phase=Phase.RUNTIME, safety=Safety.SAFE)
def python_env(model: Model) -> Iterator[Result]:
    """Let Python print at once, and write no bytecode at run time.

    What it does:
        Sets PYTHONUNBUFFERED and PYTHONDONTWRITEBYTECODE in the stage that runs a Python program, where they are not
        set to something already.

    Why:
        Without a terminal Python holds its output back, so that the last lines before a crash are lost. Bytecode
        that is written in a container is gone with it, and cannot be written by a user who does not own the folder.

    Refuses when:
        The base is not in the catalogue, so that it may set them itself. An existing value is the author's wish and
        stays.

    Example:
        See fixtures/python-env/example.
    """
    stage, config = model.final, model.final.config
    if model.server.language != "python":
        return
    started = stage.setting("CMD") or stage.setting("ENTRYPOINT")
    if started is None and not any(service.command or service.entrypoint for service in final_services(model)):
        return
    missing = {name: value for name, value in WANTED.items() if name not in config.env}
    if not missing:
        return
    if not config.known:
        yield Refusal(stage.stage.base, f"which variables the base sets is not known: {stage.unresolved}")
        return
    words = [f"{name}={value}" for name, value in missing.items()]
    own = next((step for step in stage.steps if _is_site(step.instruction)), None)
    if own is not None:
        start = own.instruction.assignments[0].span.start
        separator = f" {model.document.broken}"
        edit = Edit(Span(start, start), "".join(word + separator for word in words))
    else:
        last = _place(stage)
        gap = model.document.spacious and last is stage.stage.base
        edit = insert_after(model.document, last, "ENV " + " \\\n    ".join(words), gap=gap)
    yield Change(
        stage.stage.base,
        (edit,),
        "Python holds its output back without a terminal, and bytecode written in a container is gone with it",
        Safety.SAFE,
        stated(config, env={**config.env, **missing}),
    )


def _place(stage: StageModel) -> Instruction:
    """Below the last ENV that sets a variable of Python's, else below what opens the stage."""
    for step in reversed(stage.steps):
        names = {pair[0] for pair in step.instruction.pairs()} if step.instruction.keyword == "ENV" else set()
        if any(name.startswith("PYTHON") for name in names):
            return step.instruction
    last = stage.stage.base
    for step in stage.steps[1:]:
        if step.instruction.keyword not in {"ARG", "LABEL", "MAINTAINER", "ENV"}:
            break
        last = step.instruction
    return last


def _is_site(instruction: Instruction) -> bool:
    """Whether an ENV of several lines is the one that tells where the user site lies."""
    return instruction.keyword == "ENV" and "PYTHONUSERBASE=" in instruction.text and "\n" in instruction.text
