"""Time builds after an edit of a source file, the original's and the rewrite's, with the packages at a distance.

An install that an edit repeats takes as long as the line to the registry makes it, which in a data centre is no time.
So both images are built over lines of ordinary speed (``line.py``), the two sides and all lines in turn, so that a busy
minute strikes all alike, and the table has the medians:

    python benchmarks/rebuilds.py fixtures/sequence/stage-server/before --line 20:40 --line 100:20 [--engine PROGRAM]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from line import Line, opened

from dockfix.api import Repository
from dockfix.dockerfile import Document
from dockfix.options import Options
from dockfix.verify import contexts
from dockfix.verify.engines import found
from dockfix.verify.expectation import expectation
from dockfix.verify.image import dependencies_cached
from dockfix.verify.result import EngineError
from dockfix.verify.table import reduction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockfix.verify.engine import Engine

HEADER = ("| app | line | before | after | change | install from the cache |", "|---|---|---|---|---|---|")
SIDES = ("before", "after")
_LINES = ("20:40", "50:30", "100:20")


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One build after an edit: its seconds, and whether the dependencies came from the cache, if any are installed."""

    seconds: float
    cached: bool | None


def rebuilds(
    engine: Engine, dockerfile: Path, options: Options, lines: Mapping[str, Mapping[str, str]], rounds: int
) -> dict[tuple[str, str], list[Rebuild]]:
    """The rebuilds over each of *lines*, names to build arguments, of both sides.

    Raises:
        EngineError: a side does not build.
        OSError: the context cannot be copied.
    """
    timed: dict[tuple[str, str], list[Rebuild]] = {(line, side): [] for line in lines for side in SIDES}
    repository = Repository(dockerfile.parent)
    plan = repository.plan(dockerfile, options)
    app = repository.app(Document.parse(plan.before, plan.path))
    expected = expectation(plan, app, options)
    images: set[str] = set()

    def build(copy: contexts.Copy, arguments: Mapping[str, str]) -> Rebuild:
        result = engine.build(copy.context, copy.dockerfile, build_args={**expected.build_args, **arguments})
        if not result.ok:
            raise EngineError(f"{dockerfile} does not build: {result.reason}")
        images.add(result.image)
        return Rebuild(result.seconds, dependencies_cached(result.steps))

    with tempfile.TemporaryDirectory(prefix="dockfix-rebuilds-") as scratch:
        copies = {
            "before": contexts.lay(app, dockerfile.parent, Path(scratch, "before"), plan.before, {}),
            "after": contexts.lay(app, dockerfile.parent, Path(scratch, "after"), plan.after, plan.files),
        }
        source = contexts.source_file(tuple(copies.values()), expected.entry)
        if source is None:
            raise EngineError(f"{dockerfile}: no source file to edit")
        try:
            for copy in copies.values():
                build(copy, {})
            for _ in range(rounds):
                for line, arguments in lines.items():
                    for side, copy in copies.items():
                        contexts.touch_source(copy, source, os.urandom(4))
                        timed[line, side].append(build(copy, arguments))
        finally:
            for image in images:
                engine.remove_image(image)
    return timed


def rows(name: str, timed: Mapping[tuple[str, str], list[Rebuild]]) -> Iterator[str]:
    """The lines of the table of one app."""
    for line in dict.fromkeys(line for line, _ in timed):
        both = [timed[line, side] for side in SIDES]
        medians = [statistics.median(each.seconds for each in side) for side in both]
        cells = [
            name,
            line,
            *map(_seconds, both),
            reduction(*medians),
            " → ".join(_said(side[-1].cached) for side in both),
        ]
        yield f"| {' | '.join(cells)} |"


def main() -> int:
    """Measure what the command line names, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, help="Dockerfiles, or folders with one")
    parser.add_argument(
        "--line", dest="lines", action="append", metavar="MBIT:RTT",
        help=f"megabits a second and milliseconds there and back (default: {', '.join(_LINES)})",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, help="rebuilds of each over each line (default: %(default)s)")
    parser.add_argument("--engine", help="docker, or a program that takes its words; by default what answers")
    parser.add_argument(
        "--address", default="172.17.0.1", help="of this machine, as builds see it (default: %(default)s)"
    )
    parser.add_argument("--base", default="alpine", help="as of dockfix (default: %(default)s)")
    given = parser.parse_args()
    try:
        engine = found(given.engine)
        print(*HEADER, sep="\n", flush=True)
        with ExitStack() as stack:
            lines: dict[str, Mapping[str, str]] = {"as it is": {}}
            for each in given.lines or _LINES:
                line = Line(*map(float, each.split(":")))
                lines[str(line)] = stack.enter_context(opened(line, given.address))
            for path in given.paths:
                dockerfile = path / "Dockerfile" if path.is_dir() else path
                timed = rebuilds(engine, dockerfile, Options(base=given.base), lines, given.rounds)
                print(*rows(str(path), timed), sep="\n", flush=True)
    except (EngineError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _seconds(side: list[Rebuild]) -> str:
    times = [each.seconds for each in side]
    return f"{statistics.median(times):.1f} s ({min(times):.1f} to {max(times):.1f})"


def _said(cached: bool | None) -> str:
    return "-" if cached is None else "yes" if cached else "no"


if __name__ == "__main__":
    sys.exit(main())
