"""A plan with what it was made from, which is what an explanation needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dockfix.dockerfile import Document
from dockfix.model import Model

if TYPE_CHECKING:
    from dockfix.engine import Plan
    from dockfix.facts import App
    from dockfix.options import Options


@dataclass(frozen=True)
class Case:
    """A planned rewrite.

    Attributes:
        path: how the Dockerfile is to be named to the reader.
        plan: the plan.
        app: the facts with which it was made.
        options: the options with which it was made.
    """

    path: str
    plan: Plan
    app: App
    options: Options

    @cached_property
    def before(self) -> Model:
        """The Dockerfile as it is."""
        return Model(Document.parse(self.plan.before, self.plan.path), self.app, self.options)

    @cached_property
    def after(self) -> Model:
        """The Dockerfile as it would be."""
        app = self.app.overlay(self.plan.files) if self.plan.files else self.app
        return Model(Document.parse(self.plan.after, self.plan.path), app, self.options)
