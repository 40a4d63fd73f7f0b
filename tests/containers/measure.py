"""Prints what the rewrites of ``fixtures/sequence`` are worth as Markdown: ``python -m tests.containers.measure``.

Sizes are those of the tests' stand-ins for official images. A code-only rebuild changes one source file and builds
again with a warm cache; the table has the median of several.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import standins
from .engine import EngineError
from .sequences import Build, Case, cases, port_of, statuses

if TYPE_CHECKING:
    from .engine import Engine

HASHED = (".py", ".rb")
MARKED = (".html", ".vue", ".svelte")
SLASHED = (".js", ".jsx", ".ts", ".tsx", ".go", ".rs", ".java", ".php")
SOURCES = (*HASHED, *MARKED, *SLASHED)
SKIPPED = frozenset({"node_modules", "public", "dist", "build", "tests", "test", "vendor"})

HEADER = (
    "| app | variant | size MB | code-only rebuild s (n: min to max) | PID 1 uid | healthy after s | stop s (exit) |",
    "|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one image; sizes in bytes, times in seconds."""

    size: int
    rebuilds: tuple[float, ...]
    uid: int
    healthy: float | None
    stop: float
    exit_code: int


def measure(engine: Engine, case: Case, build: Build, place: Path, rebuilds: int) -> Measured:
    """Build, run and rebuild one app that was laid into ``place``. Raises EngineError where that fails."""
    image = _built(engine, place, build)[0]
    healthy = None
    with engine.run(image, env=case.env) as container:
        statuses(container, case.paths, port_of(engine, image, case.port))
        if container.health() is not None:
            healthy = container.wait_healthy(60)
        uid = container.uid()
        stopped = container.stop()
    source = _source(place / build.context)
    seconds = []
    for number in range(rebuilds):
        with source.open("a") as file:
            file.write(_comment(source, f"rebuild {number}"))
        seconds.append(_built(engine, place, build)[1])
    return Measured(engine.image_size(image), tuple(seconds), uid, healthy, stopped.seconds, stopped.exit_code)


def row(name: str, variant: str, measured: Measured) -> str:
    """A line of the table."""
    times = measured.rebuilds
    rebuilt = f"{statistics.median(times):.2f} ({len(times)}: {min(times):.2f} to {max(times):.2f})" if times else "-"
    healthy = "none" if measured.healthy is None else f"{measured.healthy:.1f}"
    stopped = f"{measured.stop:.2f} ({measured.exit_code})"
    return f"| {name} | {variant} | {measured.size / 1e6:.0f} | {rebuilt} | {measured.uid} | {healthy} | {stopped} |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.containers.measure", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="CASE", help="cases to measure; all where none is named")
    parser.add_argument(
        "--rebuilds", type=int, default=5, help="code-only rebuilds of each image (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        engine = standins.engine()
    except standins.UnavailableError as error:
        print(f"no container engine: {error}", file=sys.stderr)
        return 1
    print(*HEADER, sep="\n")
    failed = False
    for case in cases():
        if options.names and case.name not in options.names:
            continue
        for build in case.builds:
            for variant in ("as written", *case.variants):
                with tempfile.TemporaryDirectory(prefix="dockfix-measure-") as scratch:
                    try:
                        place = Path(scratch, case.name)
                        if variant == "as written":
                            case.lay_before(place)
                        else:
                            case.lay_rewritten(place, "--base", variant)
                        print(
                            row(case.name, variant, measure(engine, case, build, place, options.rebuilds)), flush=True
                        )
                    except (EngineError, RuntimeError) as error:
                        failed = True
                        print(f"{case.name}, {variant}: {error}", file=sys.stderr)
    return int(failed)


def _built(engine: Engine, place: Path, build: Build) -> tuple[str, float]:
    result = engine.build(place / build.context, build.dockerfile)
    if not result.ok:
        raise EngineError(f"{build.dockerfile} does not build:\n{result.log}")
    return result.image, result.seconds


def _source(context: Path) -> Path:
    """A source file of the app: the largest, since that is no configuration."""
    files = (
        file
        for file in context.rglob("*")
        if file.suffix in SOURCES and not SKIPPED.intersection(file.relative_to(context).parts)
    )
    return max(files, key=lambda file: file.stat().st_size)


def _comment(source: Path, text: str) -> str:
    if source.suffix in HASHED:
        return f"\n# {text}\n"
    return f"\n<!-- {text} -->\n" if source.suffix in MARKED else f"\n// {text}\n"


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
