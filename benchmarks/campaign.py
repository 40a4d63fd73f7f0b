"""A campaign over generated repositories on a forge that fails, killed and resumed: figures, and what must hold.

It starts the forge of the tests on this machine, runs ``dockfix bot run`` against it, kills it outright and resumes it,
until it is through. Then each repository must have exactly one pull request, and another run must write nothing.

    python benchmarks/campaign.py --repositories 1000 --kills 3
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.bot.door import Door
from tests.bot.faults import garbled, lost
from tests.bot.hub import Answer, CutError, Hub, Request

TOKEN = "ghp_campaign00000000000000000000000"
APPS = Path(__file__).parents[1] / "fixtures" / "sequence"


@dataclass
class Chaos:
    """Faults at random: one request in *every* meets one."""

    every: int
    seed: int
    count: Counter[str]

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def __call__(self, request: Request, proceed: Callable[[], Answer]) -> Answer | None:
        if self.random.randrange(self.every):
            return None
        kind = self.random.choice(["500", "502 after", "cut before", "cut after", "half an answer", "busy", "slow"])
        self.count[kind] += 1
        if kind == "500":
            return Answer(500, {"message": "Server Error"})
        if kind == "502 after":
            return lost(502)(request, proceed)
        if kind == "half an answer":
            return garbled(request, proceed)
        if kind == "busy":
            return Answer(429, {"message": "slow down"}, {"retry-after": "1"})
        if kind == "slow":
            time.sleep(0.2)
            return None
        if kind == "cut after":
            proceed()
        raise CutError


def main() -> None:
    options = _arguments()
    hub = Hub()
    hub.validate = options.validate
    chaos = Chaos(options.every, options.seed, Counter())
    apps = _apps()
    for number in range(options.repositories):
        hub.add(f"acme/app{number:05}", apps[number % len(apps)])
    hub.faults.append(chaos)
    with tempfile.TemporaryDirectory() as folder, Door(hub) as door:
        names = Path(folder, "names")
        names.write_text("\n".join(hub.repos) + "\n")
        command = [
            *(sys.executable, "-m", "dockfix", "bot", "run", "--repos-file", str(names), "--url", door.address),
            *("--state", str(Path(folder, "state.sqlite")), "--report", str(Path(folder, "report.json"))),
            *("--jobs", str(options.jobs), "--per-hour", "1000000", "--unpaced", "--resume"),
        ]
        start = time.monotonic()
        for kill in range(options.kills):
            running = _start(command, folder)
            target = (kill + 1) * options.repositories // (options.kills + 1)
            while _opened(hub) < target and running.poll() is None:
                time.sleep(0.05)
            running.kill()
            running.wait()
            print(f"killed with {_opened(hub)} pull requests open", flush=True)
        memory = _finish(command, folder)
        seconds = time.monotonic() - start
        requests, writes = len(hub.requests), len(hub.writes)
        report = json.loads(Path(folder, "report.json").read_text())
        hub.faults.clear()
        hub.requests.clear()
        _finish(command, folder)
        again = len(hub.requests), len(hub.writes)
    total = options.repositories
    each = Counter(len(repo.pulls) for repo in hub.repos.values())
    print(f"{total} repositories, {options.kills} kills, faults: {dict(chaos.count)}")
    print(f"outcomes of the last run: {report['outcomes']}; pull requests a repository: {dict(each)}")
    print(
        f"{requests / total:.1f} requests a repository, {writes / total:.1f} of them writes; "
        f"{total / seconds:.1f} repositories a second"
    )
    print(f"peak memory {memory} MB; a second run: {again[0] / total:.1f} requests a repository, {again[1]} writes")
    assert each == {1: total}, "a repository has not exactly one pull request"
    assert again[1] == 0, "a second run with nothing new has written"
    assert hub.violations == []


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--every", type=int, default=40, metavar="N", help="one request in N fails (default: 40)")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--validate", action="store_true", help="hold each request against GitHub's description")
    return parser.parse_args()


def _apps() -> list[dict[str, str | bytes]]:
    """The apps of the fixtures whose Dockerfiles change."""
    found: list[dict[str, str | bytes]] = []
    for folder in sorted(APPS.iterdir()):
        before = folder / "before"
        if (folder / "after").is_dir() and before.is_dir():
            files = {p.relative_to(before).as_posix(): p.read_bytes() for p in before.rglob("*") if p.is_file()}
            if any(path.rpartition("/")[2] == "Dockerfile" for path in files):
                found.append(dict(files))
    return found


def _opened(hub: Hub) -> int:
    return sum(bool(repo.pulls) for repo in hub.repos.values())


def _start(command: list[str], folder: str) -> subprocess.Popen[bytes]:
    with Path(folder, "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "DOCKFIX_TOKEN": TOKEN})


def _finish(command: list[str], folder: str) -> int:
    """Run to the end; the most memory that it took without its workers, in MB.

    What ``wait4`` tells begins with the memory of the process that forked, which here holds the whole forge.
    """
    running = _start(command, folder)
    memory = 0
    while running.poll() is None:
        for line in Path(f"/proc/{running.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                memory = max(memory, int(line.split()[1]))
        time.sleep(0.2)
    if running.returncode != 0:
        print(Path(folder, "log").read_text()[-2000:], file=sys.stderr)
    return memory // 1024


if __name__ == "__main__":
    main()
