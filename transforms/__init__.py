"""The transforms that come with dockfix, one module each, found by their place in this folder.

The folder is installed as ``dockfix.transforms``; imported under its bare name, each of its modules would exist twice.
"""

from __future__ import annotations

if __name__ != "dockfix.transforms":
    raise ImportError(f"the transforms are imported as dockfix.transforms, not as {__name__}")
