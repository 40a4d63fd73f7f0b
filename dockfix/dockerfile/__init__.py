"""Dockerfiles: a scanner that keeps every byte, the document made from it, and edits to it."""

from __future__ import annotations

from dockfix.dockerfile.document import Document, Stage
from dockfix.dockerfile.error import DockerfileError, LedgerError
from dockfix.dockerfile.expansion import dequote, expand, expand_word
from dockfix.dockerfile.habits import habitual, insert_after, insert_before, remove, replace
from dockfix.dockerfile.image import ImageReference
from dockfix.dockerfile.instruction import Assignment, CopySpec, Instruction
from dockfix.dockerfile.layout import Gap, Item, Keep, Layout, LedgerEntry, New
from dockfix.dockerfile.projection import structure_agrees
from dockfix.dockerfile.scanner import Comment, Directive, Heredoc
from dockfix.dockerfile.shell import ShellCommand, ShellScript, ShellWord, parse_shell, script
from dockfix.dockerfile.words import Flag, Word

# The function ``layout`` is reached as ``dockfix.dockerfile.layout.layout``: its name is its module's.
__all__ = [
    "Assignment",
    "Comment",
    "CopySpec",
    "Directive",
    "DockerfileError",
    "Document",
    "Flag",
    "Gap",
    "Heredoc",
    "ImageReference",
    "Instruction",
    "Item",
    "Keep",
    "Layout",
    "LedgerEntry",
    "LedgerError",
    "New",
    "ShellCommand",
    "ShellScript",
    "ShellWord",
    "Stage",
    "Word",
    "dequote",
    "expand",
    "expand_word",
    "habitual",
    "insert_after",
    "insert_before",
    "parse_shell",
    "remove",
    "replace",
    "script",
    "structure_agrees",
]
