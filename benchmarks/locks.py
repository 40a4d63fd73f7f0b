"""How many packages the lock files of real apps have, and which of them their manifests name most often.

A fixture whose install says something of real ones has to be of their size. Looked at is the package.json at the root
of each Dockerfile's build context, with the lock file beside it, once for all Dockerfiles with that context:

    python benchmarks/locks.py FOLDER --with vite --with typescript [--without react] [--script build] [--names 40]
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import entries

from dockfix.api import Repository
from dockfix.dockerfile import DockerfileError, Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.facts.node import Node


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds one folder a checkout")
    parser.add_argument("--with", dest="wanted", action="append", default=[], metavar="NAME", help="a dependency of it")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="none of it")
    parser.add_argument("--script", action="append", default=[], metavar="NAME", help="a script of it")
    parser.add_argument("--names", type=int, default=0, metavar="N", help="dependencies to list, the commonest first")
    given = parser.parse_args()
    found = [
        node
        for node in _locked(given.folder)
        if all(map(node.dependency, given.wanted))
        and not any(map(node.dependency, given.without))
        and all(name in node.scripts for name in given.script)
    ]
    if len(found) < 2:
        parser.exit(message="fewer than two lock files, which have no median\n")
    sizes = [len(node.locked) for node in found]
    lower, median, upper = statistics.quantiles(sizes, method="inclusive")
    print(f"{len(found)} lock files, {min(sizes)} to {max(sizes)} packages, median {median:g} ({lower:g} to {upper:g})")
    carried = Counter(name for node in found for name in {*node.dependencies, *node.dev_dependencies})
    for name, number in carried.most_common(given.names):
        print(f"  {number:4} {name}")


def _locked(folder: Path) -> Iterator[Node]:
    """The packages at the roots of build contexts whose lock can be read."""
    seen: set[Path] = set()
    for entry in entries(folder):
        try:
            document = Document.parse(entry.place.read_bytes(), entry.path)
        except DockerfileError:
            continue
        node = Repository(entry.root).app(document).node
        place = entry.root / node.origin if node is not None else entry.root
        if node is not None and place not in seen:
            seen.add(place)
            if node.locked:
                yield node


if __name__ == "__main__":
    main()
