"""How many of the packages that real Dockerfiles install with apt the catalogue has an answer for on Alpine.

Every name in an ``apt-get install`` (or ``apt``, ``aptitude``) of a stage counts as one occurrence, without version,
architecture and release; variables are replaced by their defaults, and what stays a variable, a pattern or a file is no
name. Answered is what dockfix can act upon: a name, nothing needed, or none with the reason. A name that is not proven
(confidence ``low``) leads to a refusal, as an unknown one does, and counts as unanswered.

    python benchmarks/coverage.py FOLDER --cap 20 --missing 50
"""

from __future__ import annotations

import argparse
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import Entry, entries

from dockfix import catalog
from dockfix.api import Repository
from dockfix.dockerfile import DockerfileError, Document
from dockfix.model import named
from dockfix.model.stages import model_stages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockfix.model import StageModel

NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
"""https://www.debian.org/doc/debian-policy/ch-controlfields.html#source"""

ANSWERED = ("a name", "not needed", "none, because …")


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds one folder a checkout")
    parser.add_argument("--cap", type=int, help="the most Dockerfiles of one checkout (default: all)")
    parser.add_argument("--missing", type=int, default=30, metavar="N", help="names without an answer to list")
    options = parser.parse_args()
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries(options.folder, cap=options.cap):
        for package in _packages(entry):
            found[package][entry.checkout] += 1
    answers = {package: _answer(package) for package in found}
    count: Counter[str] = Counter()
    for package, where in found.items():
        count[answers[package]] += where.total()
    if not count:
        parser.exit(message="no Dockerfile installs a package with apt\n")
    print(f"{count.total()} occurrences of {len(found)} packages")
    for answer, number in count.most_common():
        print(f"  {answer:20}{number:8}  {number / count.total():6.1%}")
    answered = sum(count[answer] for answer in ANSWERED)
    print(f"answered {answered / count.total():.1%}")
    missing = sorted((-where.total(), package) for package, where in found.items() if answers[package] not in ANSWERED)
    for number, package in missing[: options.missing]:
        print(f"  {-number:5} in {len(found[package]):3} checkouts  {package} ({answers[package]})")


def _answer(package: str) -> str:
    answer = catalog.alpine(package)
    if answer is None:
        return "unknown"
    if answer.confidence == "low":
        return "not proven"
    return {"none": "none, because …", "unneeded": "not needed"}.get(answer.kind, "a name")


def _packages(entry: Entry) -> Iterator[str]:
    try:
        document = Document.parse(entry.place.read_bytes(), entry.path)
    except DockerfileError:
        return
    for stage in model_stages(document, Repository(entry.root).app(document)):
        yield from _installed(stage)


def _installed(stage: StageModel) -> Iterator[str]:
    for step in stage.steps:
        for called in step.calls("apt", "install"):
            for word in called.operands:
                text = named(word, step, arguments=True)
                # pkg=1.2, pkg/bookworm-backports, pkg:arm64, and a file: ./pkg.deb
                name = re.split(r"[=:/]", text)[0] if text is not None else ""
                if NAME.fullmatch(name) and not name.endswith(".deb"):
                    yield name


if __name__ == "__main__":
    main()
