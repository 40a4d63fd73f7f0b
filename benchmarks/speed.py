"""How fast dockfix is on one core, in ratios that another machine can be held against.

Files a second tell of the machine as much as of the program. So the start of ``python -c "import click"`` is timed in
the same run, and everything is also given as a multiple of it. What is timed is the processor's time, which other
programs disturb less than the clock's; the load at the time is printed as well.

    python benchmarks/speed.py FOLDER --cap 20 --sample 300
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import Entry, entries

from dockfix.api import Repository
from dockfix.cli import collect_rarely
from dockfix.dockerfile import DockerfileError
from dockfix.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "sequence"
YARDSTICK = (sys.executable, "-c", "import click")
DOCKFIX = (sys.executable, "-m", "dockfix")
APPS = {"a Node app": "stage-server", "a Python app": "flask-backend"}
"""Apps whose Dockerfile is rewritten from beginning to end: their names in the fixtures."""

WARM_UP = 20
"""Files run beforehand: the first of each kind pay for the imports."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="holds one folder a checkout")
    parser.add_argument("--cap", type=int, default=20, help="the most Dockerfiles of one checkout (default: 20)")
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="the most altogether (default: 300)")
    parser.add_argument("--seed", type=int, default=7, help="of the random choice (default: 7)")
    parser.add_argument(
        "--repeat", type=int, default=15, metavar="N", help="times that each process is timed (default: 15)"
    )
    options = parser.parse_args()
    _stay_on_one_core()
    if hasattr(os, "getloadavg"):
        print("load", " ".join(f"{load:.1f}" for load in os.getloadavg()))
    with tempfile.TemporaryDirectory() as folder:
        unit = _starts(_commands(Path(folder)), options.repeat)
    chosen = entries(options.folder, cap=options.cap, sample=options.sample, seed=options.seed)
    unchanged, changed = _runs(chosen)
    _print("unchanged", unchanged, unit)
    _print("changed", changed, unit)


def _stay_on_one_core() -> None:
    if sys.platform == "linux":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """What is started, on copies of the apps in *folder*; the unchanged ones are those that dockfix has rewritten."""
    found = {'python -c "import click"': YARDSTICK, "--version": (*DOCKFIX, "--version")}
    for kind, name in APPS.items():
        before, after = (folder / f"{name}-{state}" for state in ("before", "after"))
        for place in (before, after):
            shutil.copytree(FIXTURES / name / "before", place)
        subprocess.run((*DOCKFIX, "--write", after / "Dockerfile"), capture_output=True, check=False)
        for place, state, code in ((before, "changed", 1), (after, "unchanged", 0)):
            command = (*DOCKFIX, str(place / "Dockerfile"))
            checked = subprocess.run((*command, "--check"), capture_output=True, check=False).returncode
            if checked != code:
                sys.exit(f"{kind} is not {state}: --check answers {checked}")
            found[f"{kind}, {state}"] = command
    return found


def _starts(commands: Mapping[str, Sequence[str]], repeat: int) -> float:
    """Print what processes take from start to end; return the seconds of the yardstick."""
    for command in commands.values():
        _timed(command)  # compiles the modules and warms the disk cache
    # Taken in turns, so that a busy moment of the machine falls on all alike.
    rounds = [{name: _timed(command) for name, command in commands.items()} for _ in range(repeat)]
    medians = {name: statistics.median(each[name] for each in rounds) for name in commands}
    unit = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(f"{name:26} {seconds * 1000:7.1f} ms  {seconds / unit:6.2f} x")
    return unit


def _timed(command: Sequence[str]) -> float:
    """The processor's seconds of a process, modules compiled as they are where it is installed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _runs(chosen: Sequence[Entry]) -> tuple[list[float], list[float]]:
    """The seconds of each run, of files left alone and of files changed. What cannot be read does not count."""
    collect_rarely()  # as the command line does
    for entry in chosen[:WARM_UP]:
        _run(entry)
    times: tuple[list[float], list[float]] = ([], [])
    for entry in chosen:
        start = time.process_time()
        changed = _run(entry)
        if changed is not None:
            times[changed].append(time.process_time() - start)
    return times


def _run(entry: Entry) -> bool | None:
    try:
        return _repository(entry.root).plan(entry.place, Options()).changed
    except DockerfileError:
        return None


@lru_cache(maxsize=1)  # as in a run over a folder, all files of a checkout in a row share what is read around them
def _repository(root: Path) -> Repository:
    return Repository(root)


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
