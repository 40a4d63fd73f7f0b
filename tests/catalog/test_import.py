"""The catalogue costs nothing until it is asked."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
import dockfix.catalog
heavy = {"libcst", "yaml", "tree_sitter", "dockerfile_parse", "json5", "packaging", "tomllib"} & set(sys.modules)
tables = [path for path in opened if path.endswith((".tsv", ".toml"))]
print(sorted(heavy), tables)
dockfix.catalog.image("node", "20")
print(any(path.endswith("apt.tsv") for path in opened), any(path.endswith("tags.tsv") for path in opened))
"""


def test_import_reads_no_table_and_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[] []", "False True"]


def test_all_is_importable_and_sorted() -> None:
    import dockfix.catalog

    assert all(hasattr(dockfix.catalog, name) for name in dockfix.catalog.__all__)
    assert len(set(dockfix.catalog.__all__)) == len(dockfix.catalog.__all__)
