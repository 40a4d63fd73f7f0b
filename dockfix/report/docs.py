"""What is made from the transforms and their fixtures for readers: ``python -m dockfix.report.docs`` in the repository.

It brings the README's table up to date, and the examples that ``dockfix rule`` shows where there are no fixtures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dockfix.report.diff import unified
from dockfix.report.rule import EXAMPLES

if TYPE_CHECKING:
    from dockfix.transform import Transform

SHOWN = Path("fixtures/sequence/flask-backend")
"""The fixture whose Dockerfile the README shows before and after."""


def table(transforms: Iterable[Transform]) -> str:
    """A Markdown table with one row a transform, in the order in which they run."""
    rows = [f"| `{each.id}` | {each.safety.value} | {_cell(each.summary)} |\n" for each in transforms]
    return "".join(("| Transform | Safety | What it does |\n", "| --- | --- | --- |\n", *rows))


def filled(readme: str, repository: Path, transforms: Iterable[Transform]) -> str:
    """*readme* with everything between its marks brought up to date.

    Raises:
        ValueError: a mark is missing.
    """
    contents = {
        "before": _dockerfile(repository / SHOWN / "before"),
        "after": _dockerfile(repository / SHOWN / "after"),
        "transforms": table(transforms),
    }
    for name, content in contents.items():
        parts = re.split(f"(<!-- {name}: made by [^>]* -->\n|<!-- end of {name} -->)", readme)
        if len(parts) != 5:
            raise ValueError(f"the marks of {name} are missing")
        readme = "".join((*parts[:2], content, *parts[3:]))
    return readme


def _dockerfile(folder: Path) -> str:
    return f"```dockerfile\n{(_text(folder / 'Dockerfile') or '').rstrip()}\n```\n"


def example(case: Path) -> str:
    """The diff from the ``before`` to the ``after`` of a fixture, the Dockerfile first; what is said where none is."""
    if not (case / "after").is_dir():
        return _text(case / "report.txt") or ""
    after = sorted(path for path in (case / "after").rglob("*") if path.is_file())
    names = [path.relative_to(case / "after").as_posix() for path in after]
    return "".join(
        unified(name, _text(case / "before" / name), _text(case / "after" / name) or "")
        for name in sorted(names, key=lambda name: (name != "Dockerfile", name))
    )


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")


def _main(repository: Path) -> None:
    from dockfix.registry import transforms

    readme = repository / "README.md"
    readme.write_text(filled(readme.read_text(encoding="utf-8"), repository, transforms()), encoding="utf-8")
    for transform in transforms():
        text = example(repository / "fixtures" / transform.id / "example")
        place = repository / "dockfix" / "report" / EXAMPLES / f"{transform.id}.diff"
        place.parent.mkdir(exist_ok=True)
        if text:
            place.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    _main(Path.cwd())
