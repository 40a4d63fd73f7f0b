"""A plan with what it was made from, which is what an explanation needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from dockfix.dockerfile import Document
from dockfix.model import Model

if TYPE_CHECKING:
    from dockfix.engine import Plan
    from dockfix.facts import App
    from dockfix.options import Options

Standing = Literal["planned", "written", "other"]
"""What a folder has of a rewrite: nothing yet, all of it, or neither."""


@dataclass(frozen=True)
class Case:
    """A planned rewrite.

    Attributes:
        path: how the Dockerfile is to be named to the reader.
        plan: the plan.
        app: the facts with which it was made.
        options: the options with which it was made.
        now: the texts that its files have in the folder, ``None`` for one that is not there; by default those with
            which it was made.
    """

    path: str
    plan: Plan
    app: App
    options: Options
    now: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def files(self) -> Mapping[str, tuple[str | None, str]]:
        """The files of the rewrite by their paths, the Dockerfile first: their texts before, ``None``, and after."""
        plan = self.plan
        companions = {path: (plan.originals[path], text) for path, text in sorted(plan.files.items())}
        return {plan.path: (plan.before, plan.after), **companions}

    @property
    def standing(self) -> Standing:
        """What has become of the rewrite."""
        now = {path: self.now.get(path, before) for path, (before, _) in self.files.items()}
        if all(now[path] == before for path, (before, _) in self.files.items()):
            return "planned"
        return "written" if all(now[path] == after for path, (_, after) in self.files.items()) else "other"

    @cached_property
    def before(self) -> Model:
        """The Dockerfile as it is."""
        return Model(Document.parse(self.plan.before, self.plan.path), self.app, self.options)

    @cached_property
    def after(self) -> Model:
        """The Dockerfile as it would be."""
        app = self.app.overlay(self.plan.files) if self.plan.files else self.app
        return Model(Document.parse(self.plan.after, self.plan.path), app, self.options)
