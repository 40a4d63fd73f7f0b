"""The table of transforms in the README, made from their docstrings: ``python -m dockfix.report.docs README.md``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockfix.transform import Transform

BEGIN = "<!-- transforms: made by python -m dockfix.report.docs -->"
END = "<!-- end of transforms -->"


def table(transforms: Iterable[Transform]) -> str:
    """A Markdown table with one row a transform, in the order in which they run."""
    rows = [
        f"| `{transform.id}` | {transform.safety.value} | {_cell(transform.summary)} |\n" for transform in transforms
    ]
    return "".join(("| Transform | Safety | What it does |\n", "| --- | --- | --- |\n", *rows))


def filled(readme: str, transforms: Iterable[Transform]) -> str:
    """*readme* with the table between its two marks brought up to date.

    Raises:
        ValueError: the marks are missing.
    """
    pattern = re.compile(f"({re.escape(BEGIN)}\n).*?({re.escape(END)})", re.DOTALL)
    result, count = pattern.subn(lambda found: f"{found[1]}{table(transforms)}{found[2]}", readme)
    if count != 1:
        raise ValueError("the marks of the table of transforms are missing")
    return result


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def _main(paths: list[str]) -> None:
    from dockfix.registry import transforms

    for path in map(Path, paths):
        path.write_text(filled(path.read_text(encoding="utf-8"), transforms()), encoding="utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
