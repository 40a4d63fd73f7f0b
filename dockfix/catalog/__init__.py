"""What is known of base images, distribution packages, Python wheels and native npm packages.

All of it is data with origin and date, in tables that are read on first use, one at a time. What one ecosystem or one
transform alone asks is taken from its own module: ``composer``, ``crates``, ``gems``, ``gomodules``, ``recommends``.
"""

from __future__ import annotations

from dockfix.catalog.closures import OLDEST_PYTHON, npm_closure, python_closure
from dockfix.catalog.distributions import for_linux
from dockfix.catalog.images import PROVENANCE, Account, Image, groups, image, settled, stable_nginx, variant
from dockfix.catalog.npm import NpmNative, looks_for, npm_native
from dockfix.catalog.packages import (
    NEWEST_BRANCH,
    OLDEST_BRANCH,
    Answer,
    Difference,
    alpine,
    busybox_has,
    carries,
    difference,
    fetches,
    full_variant_carries,
    is_build_tool,
    is_essential,
    provides,
    required,
    runtime_libraries,
    serves_builds,
)
from dockfix.catalog.uses import brought_by, names_folder, needs_root, reads_alone, serves, steps_down
from dockfix.catalog.wheels import Wheel, python_system_libraries, python_wheel

__all__ = [
    "NEWEST_BRANCH",
    "OLDEST_BRANCH",
    "OLDEST_PYTHON",
    "PROVENANCE",
    "Account",
    "Answer",
    "Difference",
    "Image",
    "NpmNative",
    "Wheel",
    "alpine",
    "brought_by",
    "busybox_has",
    "carries",
    "difference",
    "fetches",
    "for_linux",
    "full_variant_carries",
    "groups",
    "image",
    "is_build_tool",
    "is_essential",
    "looks_for",
    "names_folder",
    "needs_root",
    "npm_closure",
    "npm_native",
    "provides",
    "python_closure",
    "python_system_libraries",
    "python_wheel",
    "reads_alone",
    "required",
    "runtime_libraries",
    "serves",
    "serves_builds",
    "settled",
    "stable_nginx",
    "steps_down",
    "variant",
]
