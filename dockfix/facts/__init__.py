"""What the files around a Dockerfile say of the app, each statement with its origin."""

from __future__ import annotations

from dockfix.facts.app import App, contexts
from dockfix.facts.fact import Fact, Problem
from dockfix.facts.files import Files, Folder, Overlay, Tree

__all__ = ["App", "Fact", "Files", "Folder", "Overlay", "Problem", "Tree", "contexts"]
