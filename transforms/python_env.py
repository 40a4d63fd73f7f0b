"""``python-env``: Python's output at once, and no bytecode written."""

from __future__ import annotations

from collections.abc import Iterator

from dockfix.dockerfile.layout import insert_after
from dockfix.model import Model
from dockfix.model.config import stated
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, Result, Safety, transform

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
        Never: an existing value is the author's wish and stays.

    Example:
        See fixtures/python-env/example.
    """
    if model.server.language != "python" or not model.final.config.known:
        return
    config = model.final.config
    missing = {name: value for name, value in WANTED.items() if name not in config.env}
    if not missing:
        return
    base = model.final.steps[0].instruction
    words = [f"{name}={value}" for name, value in missing.items()]
    own = next((step for step in model.final.steps if _is_site(step.instruction.text)), None)
    if own is not None:
        start = own.instruction.assignments[0].span.start
        indent = model.document.indent
        separator = f" {model.document.escape}{model.document.newline}{indent}"
        edit = Edit(Span(start, start), "".join(word + separator for word in words))
    else:
        text = "ENV " + " \\\n    ".join(words)
        last = base
        for step in model.final.steps[1:]:
            if step.instruction.keyword not in {"ARG", "LABEL", "MAINTAINER", "ENV"}:
                break
            last = step.instruction
        edit = insert_after(model.document, last, text, gap=model.document.spacious and last is base)
    yield Change(
        base,
        (edit,),
        "Python holds its output back without a terminal, and bytecode written in a container is gone with it",
        Safety.SAFE,
        stated(config, env={**config.env, **missing}),
    )


def _is_site(text: str) -> bool:
    """Whether an ENV is the one that tells where the user site lies."""
    return text.upper().startswith("ENV") and "PYTHONUSERBASE=" in text and "\n" in text
