"""dockfix rewrites Dockerfiles into the ones that a senior platform engineer would have written."""

from __future__ import annotations

__version__ = "0.1.0"
