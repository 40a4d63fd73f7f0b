"""Which Python packages an install is told to compile, although there may be wheels of them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from dockfix.facts.requirement import normalised
from dockfix.model import requirement_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dockfix.facts.requirement import Requirement
    from dockfix.model import Invocation, Model, StageModel, Step

ALL, NONE = ":all:", ":none:"
OPTIONS = ("--no-binary", "--no-binary-package")
VARIABLES = ("PIP_NO_BINARY", "UV_NO_BINARY", "UV_NO_BINARY_PACKAGE", "POETRY_INSTALLER_NO_BINARY")
SETTINGS = frozenset({"installer.no-binary", "global.no-binary", "install.no-binary"})
"""https://pip.pypa.io/en/stable/cli/pip_install/#cmdoption-no-binary,
https://docs.astral.sh/uv/reference/cli/#uv-sync--no-binary-package,
https://python-poetry.org/docs/configuration/#installerno-binary"""


def without_wheels(
    model: Model, stage: StageModel, step: Step, called: Invocation, requirements: Iterable[Requirement]
) -> Iterator[Requirement]:
    """*requirements*, with sources as the only file of those that an install must compile.

    Args:
        model: the Dockerfile with its app.
        stage: the stage that installs.
        step: its RUN.
        called: the install.
        requirements: what it installs.
    """
    told = dict(_told(model, stage, step, called))
    everything = told.get(ALL)
    for item in requirements:
        where = told.get(item.name, everything)
        if where is None:
            yield item
        else:
            yield replace(item, files=(f"{item.name}-{item.version or 0}.tar.gz",), compiled=where)


def _told(model: Model, stage: StageModel, step: Step, called: Invocation) -> Iterator[tuple[str, str]]:
    """Names, or that all are meant, each with the place that says so."""
    for values, where in _settings(model, stage, step, called):
        names = [name for name in re.split(r"[\s,\"']+", values.lower()) if name]
        if names and names[-1] != NONE:
            for name in names:
                yield (ALL if name in {ALL, "true", "1"} else normalised(name)), where


def _settings(model: Model, stage: StageModel, step: Step, called: Invocation) -> Iterator[tuple[str, str]]:
    line = f"line {step.instruction.line}"
    for word, following in pairwise([*(word.text for word in called.options), ""]):
        name, equals, value = word.partition("=")
        if name in OPTIONS:
            bare = not equals and (not following or following.startswith("-"))
            yield ("true" if bare else value or following), line
    given = dict(step.before.env)
    given |= dict(word.text.partition("=")[::2] for word in called.command.assignments)
    yield from ((given[name], line) for name in VARIABLES if name in given)
    for other in stage.steps:
        for command in other.script.commands if other.script is not None else ():
            if command.name in {"pip", "pip3", "poetry"} and SETTINGS & set(command.args):
                yield command.args[-1], f"line {other.instruction.line}"
    python = model.app.python
    if python is None:
        return
    if python.project is not None and called.manager == "uv":
        yield from ((name, python.project.path) for name in python.project.compiled)
    for path in requirement_paths(stage, step, called):
        for name in python.requirement_files(path):
            for option in python.requirement_file(name).options:
                if option.value.startswith("--no-binary"):
                    yield option.value.partition(" ")[2], option.origin
