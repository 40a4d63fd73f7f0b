"""``python -m dockfix``: the command line without an installed script."""

from __future__ import annotations

from dockfix.cli import main

main(prog_name="dockfix")
