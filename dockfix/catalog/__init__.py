"""What is known of base images, distribution packages, Python wheels and native npm packages.

All of it is data with origin and date, in tables that are read on first use, one at a time.
"""

from __future__ import annotations

from dockfix.catalog.closures import OLDEST_PYTHON, npm_closure, python_closure
from dockfix.catalog.composer import brought_for_development, reads_no_sources
from dockfix.catalog.crates import crate_headers
from dockfix.catalog.distributions import for_linux
from dockfix.catalog.gems import gem_libraries
from dockfix.catalog.gomodules import GoModule, go_module
from dockfix.catalog.images import PROVENANCE, Account, Image, image, stable_nginx, variant
from dockfix.catalog.npm import NpmNative, npm_native
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
from dockfix.catalog.recommends import RECORDED_SUITES, Recommendations, Recommended, recommendations
from dockfix.catalog.uses import brought_by, needs_root, serves, steps_down
from dockfix.catalog.wheels import Wheel, python_system_libraries, python_wheel

__all__ = [
    "NEWEST_BRANCH",
    "OLDEST_BRANCH",
    "OLDEST_PYTHON",
    "PROVENANCE",
    "RECORDED_SUITES",
    "Account",
    "Answer",
    "Difference",
    "GoModule",
    "Image",
    "NpmNative",
    "Recommendations",
    "Recommended",
    "Wheel",
    "alpine",
    "brought_by",
    "brought_for_development",
    "busybox_has",
    "carries",
    "crate_headers",
    "difference",
    "fetches",
    "for_linux",
    "full_variant_carries",
    "gem_libraries",
    "go_module",
    "image",
    "is_build_tool",
    "is_essential",
    "needs_root",
    "npm_closure",
    "npm_native",
    "provides",
    "python_closure",
    "python_system_libraries",
    "python_wheel",
    "reads_no_sources",
    "recommendations",
    "required",
    "runtime_libraries",
    "serves",
    "serves_builds",
    "stable_nginx",
    "steps_down",
    "variant",
]
