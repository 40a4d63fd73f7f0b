"""Whether a file makes images for Windows, where other paths, shells and accounts hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.dockerfile import Document, Instruction
    from dockfix.model import Model

BASES = re.compile(
    r"mcr\.microsoft\.com/(windows|dotnet/framework)\b|\b(nanoserver|(windows)?servercore)\b", re.IGNORECASE
)
"""The bases for Windows containers, and the tags of those that stand on them.

https://learn.microsoft.com/en-us/virtualization/windowscontainers/manage-containers/container-base-images
"""

SHELLS = re.compile(r"(.*[\\/])?(cmd|powershell)(\.exe)?", re.IGNORECASE)
"""What SHELL names on Windows; ``pwsh`` runs on Linux, too."""

PATH = re.compile(r"(^|\s|[\"'=])[A-Za-z]:[\\/]|\\\w")
"""A path with a drive's letter or backslashes, where the backslash continues no line."""


def windows(model: Model) -> tuple[Instruction, str] | None:
    """What shows that the file makes images for Windows, in words for a person; ``None`` where nothing does."""
    for stage in model.stages:
        base = stage.stage.base
        if BASES.search(stage.reference):
            return base, f"{stage.reference} is an image of Windows"
        if (stage.stage.platform or "").startswith("windows"):
            return base, f"the stage is for the platform {stage.stage.platform}"
    for instruction in model.document.instructions:
        shell = instruction.json if instruction.keyword == "SHELL" else None
        if shell and SHELLS.fullmatch(shell[0]):
            return instruction, f"commands run in {shell[0]}, a shell of Windows"
        if _has_path(model.document, instruction):
            return instruction, "paths are written as on Windows"
    return None


def _has_path(document: Document, instruction: Instruction) -> bool:
    """Whether an instruction names a path of Windows; only a file that sets ``escape`` so can do that."""
    if document.escape != "`" or instruction.keyword not in {"WORKDIR", "COPY", "ADD", "VOLUME"}:
        return False
    return PATH.search(instruction.value) is not None
