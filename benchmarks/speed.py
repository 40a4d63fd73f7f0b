"""How fast dockfix is on one core, in ratios that another machine can be held against.

Files a second tell of the machine as much as of the program. So the start of ``python -c "import click"`` is timed in
the same run, and everything is also given as a multiple of it.

    python benchmarks/speed.py FOLDER --cap 20 --sample 300
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import Entry, entries

from dockfix.api import Repository
from dockfix.dockerfile import DockerfileError
from dockfix.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

YARDSTICK = (sys.executable, "-c", "import click")
STARTS = {
    "dockfix --version": (sys.executable, "-m", "dockfix", "--version"),
    "dockfix --help": (sys.executable, "-m", "dockfix", "--help"),
}

WARM_UP = 20
"""Files run beforehand: the first of each kind pay for the imports."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds one folder a checkout")
    parser.add_argument("--cap", type=int, default=20, help="the most Dockerfiles of one checkout (default: 20)")
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="the most altogether (default: 300)")
    parser.add_argument("--seed", type=int, default=7, help="of the random choice (default: 7)")
    parser.add_argument("--repeat", type=int, default=15, metavar="N", help="starts of a process timed (default: 15)")
    options = parser.parse_args()
    _stay_on_one_core()
    unit = _starts(options.repeat)
    chosen = entries(options.folder, cap=options.cap, sample=options.sample, seed=options.seed)
    unchanged, changed = _runs(chosen)
    _print("unchanged", unchanged, unit)
    _print("changed", changed, unit)


def _stay_on_one_core() -> None:
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _starts(repeat: int) -> float:
    """Print how long processes take to start; return the seconds of the yardstick."""
    commands = {'python -c "import click"': YARDSTICK, **STARTS}
    for command in commands.values():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # compiles the modules and warms the disk cache
    # Taken in turns, so that a busy moment of the machine falls on all alike.
    rounds = [{name: _timed(command) for name, command in commands.items()} for _ in range(repeat)]
    medians = {name: statistics.median(each[name] for each in rounds) for name in commands}
    unit = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(f"{name:26} {seconds * 1000:7.1f} ms  {seconds / unit:6.2f} x")
    return unit


def _timed(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _runs(chosen: Sequence[Entry]) -> tuple[list[float], list[float]]:
    """The seconds of each run, of files left alone and of files changed. What cannot be read does not count."""
    for entry in chosen[:WARM_UP]:
        _run(entry)
    times: tuple[list[float], list[float]] = ([], [])
    for entry in chosen:
        start = time.perf_counter()
        changed = _run(entry)
        if changed is not None:
            times[changed].append(time.perf_counter() - start)
    return times


def _run(entry: Entry) -> bool | None:
    try:
        return Repository(entry.root).plan(entry.place, Options()).changed
    except DockerfileError:
        return None


def _print(kind: str, seconds: Iterable[float], unit: float) -> None:
    taken = sorted(seconds)
    if not taken:
        print(f"{kind:10} none")
        return
    mean, slowest = statistics.fmean(taken), taken[-1]
    print(
        f"{kind:10} {len(taken):5} files  {1 / mean:7.1f} a second  mean {mean / unit:6.2f} x"
        f"  median {statistics.median(taken) / unit:6.2f} x  slowest {slowest / unit:6.2f} x"
    )


if __name__ == "__main__":
    main()
