"""A campaign over generated repositories on a forge that fails, killed and resumed: figures, and what must hold.

It starts the forge of the tests on this machine, runs ``dockfix bot run`` against it, kills it outright and resumes it,
until it is through. Then each repository must have exactly one pull request, and another run must write nothing.

    python benchmarks/campaign.py --repositories 1000 --kills 3
    python benchmarks/campaign.py --repositories 1000 --kills 3 --shards 3    # at once, with their state in PostgreSQL
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.bot.door import Door
from tests.bot.faults import garbled, lost
from tests.bot.hub import Answer, CutError, Hub, Request
from tests.bot.postgres import Server

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


@dataclass
class Campaign:
    """The processes of a campaign: one, or one for each shard.

    Attributes:
        commands: what starts them.
        environment: what they are started with.
        folder: where they say what they do.
    """

    commands: list[list[str]]
    environment: dict[str, str]
    folder: Path

    def __post_init__(self) -> None:
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self.running = [self._started(command) for command in self.commands]

    def kill(self, index: int) -> None:
        """Kill one outright, and start it again."""
        self.running[index].kill()
        self.running[index].wait()
        self.running[index] = self._started(self.commands[index])

    def finish(self) -> int:
        """Wait for the end of all; the most memory that one took without its workers, in MB.

        What ``wait4`` tells begins with the memory of the process that forked, which here holds the whole forge.
        """
        memory = 0
        while self.alive():
            for each in self.running:
                memory = max(memory, _peak(each.pid))
            time.sleep(0.2)
        if any(each.returncode for each in self.running):
            print((self.folder / "log").read_text()[-2000:], file=sys.stderr)
        return memory // 1024

    def alive(self) -> bool:
        return any(each.poll() is None for each in self.running)

    def summary(self) -> str:
        """What the campaign says of itself, all shards together."""
        command = [sys.executable, "-m", "dockfix", "bot", "summary"]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False).stdout

    def _started(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)


def main() -> None:
    options = _arguments()
    hub = Hub()
    hub.validate = options.validate
    chaos = Chaos(options.every, options.seed, Counter())
    apps = _apps()
    for number in range(options.repositories):
        hub.add(f"acme/app{number:05}", apps[number % len(apps)])
    hub.faults.append(chaos)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        door = stack.enter_context(Door(hub))
        state = stack.enter_context(Server()).secret_url if options.shards > 1 else str(folder / "state.sqlite")
        campaign = Campaign(_commands(options, hub, door, folder), _environment(state), folder)
        start = time.monotonic()
        campaign.start()
        for kill in range(options.kills):
            target = (kill + 1) * options.repositories // (options.kills + 1)
            while _opened(hub) < target and campaign.alive():
                time.sleep(0.05)
            campaign.kill(kill % options.shards)
            print(f"killed one with {_opened(hub)} pull requests open", flush=True)
        memory = campaign.finish()
        seconds = time.monotonic() - start
        requests, writes = len(hub.requests), len(hub.writes)
        said = campaign.summary()
        hub.faults.clear()
        hub.requests.clear()
        campaign.start()
        campaign.finish()
    total = options.repositories
    each = Counter(len(repo.pulls) for repo in hub.repos.values())
    print(f"{total} repositories, {options.shards} at once, {options.kills} kills, faults: {dict(chaos.count)}")
    print(f"{said.strip()}; pull requests a repository: {dict(each)}")
    print(
        f"{requests / total:.1f} requests a repository, {writes / total:.1f} of them writes; "
        f"{total / seconds:.1f} repositories a second"
    )
    again = f"{len(hub.requests) / total:.1f} requests a repository, {len(hub.writes)} writes"
    print(f"peak memory {memory} MB; a second run: {again}")
    assert each == {1: total}, "a repository has not exactly one pull request"
    assert hub.writes == [], "a second run with nothing new has written"
    assert hub.violations == []


def _commands(options: argparse.Namespace, hub: Hub, door: Door, folder: Path) -> list[list[str]]:
    names = folder / "names"
    names.write_text("\n".join(hub.repos) + "\n")
    command = [
        *(sys.executable, "-m", "dockfix", "bot", "run", "--repos-file", str(names), "--url", door.address),
        *("--jobs", str(options.jobs), "--per-hour", "1000000", "--unpaced", "--resume"),
    ]
    shards = range(options.shards)
    return [[*command, "--count", str(options.shards), "--index", str(index)] for index in shards]


def _environment(state: str) -> dict[str, str]:
    return {**os.environ, "DOCKFIX_TOKEN": TOKEN, "DOCKFIX_STATE": state}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--every", type=int, default=40, metavar="N", help="one request in N fails (default: 40)")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="processes at once (default: 1)")
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


def _peak(pid: int) -> int:
    """The most memory that a process has had, in KB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


if __name__ == "__main__":
    main()
