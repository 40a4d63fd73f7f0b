"""Dockerfiles: a scanner that keeps every byte, the document made from it, and edits to it."""

from __future__ import annotations

from dockfix.dockerfile.document import Document, Stage
from dockfix.dockerfile.error import DockerfileError
from dockfix.dockerfile.expansion import dequote, expand, expand_word
from dockfix.dockerfile.image import ImageReference
from dockfix.dockerfile.instruction import Assignment, CopySpec, Instruction
from dockfix.dockerfile.projection import structure_agrees
from dockfix.dockerfile.scanner import Comment, Directive, Heredoc
from dockfix.dockerfile.words import Flag, Word

__all__ = [
    "Assignment",
    "Comment",
    "CopySpec",
    "Directive",
    "Document",
    "DockerfileError",
    "Flag",
    "Heredoc",
    "ImageReference",
    "Instruction",
    "Stage",
    "Word",
    "dequote",
    "expand",
    "expand_word",
    "structure_agrees",
]
