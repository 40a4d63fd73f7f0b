"""What a person may ask of a run, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Base = Literal["alpine", "slim", "keep"]
Split = Literal["worth", "always"]
PythonPackages = Literal["user", "venv"]
Owner = Literal["app", "root"]


@dataclass(frozen=True, slots=True)
class Options:
    """The choices that steer the transforms.

    Attributes:
        base: the smallest family of base images wanted; ``alpine`` still needs evidence and falls back to ``slim``.
        split: split into stages only where the image gains from it, or wherever it is sound.
        only: ids of the transforms to run; empty means all.
        skip: ids of the transforms to leave out.
        safe: apply only what leaves the image behaving as before.
        uid: uid and gid of an account that is created.
        python_packages: carry Python packages in the user site, or in a virtual environment.
        owner: who owns the app's files in the image, the account that runs it or root.
        cache_mounts: use ``RUN --mount=type=cache``, which kaniko and the legacy builder do not know.
        online: ask the package index which wheels the locked Python packages have.
    """

    base: Base = "alpine"
    split: Split = "worth"
    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    safe: bool = False
    uid: int = 1001
    python_packages: PythonPackages = "user"
    owner: Owner = "app"
    cache_mounts: bool = False
    online: bool = False
