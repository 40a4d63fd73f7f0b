"""A container engine of files: what ``docker`` makes is a file in ``$FAKE_DOCKER``, so that what is left can be seen.

A Dockerfile steers its build: ``# slow`` makes it take a minute, ``# breaks`` fail, ``# no-base`` lack its base,
``# lost`` lose its engine,
``# late`` make the image although the client was interrupted, ``# tells`` take a second. ``# exits N`` ends its
container at once, and ``# greedy`` has the kernel end a process of it for memory.

It runs where ``$FAKE_CGROUPS`` names the folders of control groups, in which it makes those of steps, and elsewhere
without. The file ``$FAKE_OUTAGES`` has a word for each build to come: one that is ``lost`` gets no download. ``#
starves`` makes the kernel's counters say that a step was refused a process, ``# loses-one`` that one was killed in a
build that goes on. What ``$FAKE_CLINGING`` names cannot be removed.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import signal
import sys
import time
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_DOCKER"])
KINDS = {"ps": "container", "rm": "container", "create": "container"}


def store(kind: str, name: str, record: dict[str, Any]) -> None:
    (STATE / f"{kind}-{name}").write_text(json.dumps(record))


def load(kind: str, name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((STATE / f"{kind}-{name}").read_text())
    return record


def value(arguments: list[str], option: str) -> str:
    return arguments[arguments.index(option) + 1]


def enter(parent: str, *, starved: bool, killed: bool) -> None:
    """Run a step below a control group, in each hierarchy."""
    for root in os.environ["FAKE_CGROUPS"].split(":"):
        step = Path(root + parent, "buildkit")
        step.mkdir(parents=True, exist_ok=True)
        events = step.parents[2] / "pids.events"
        if starved and events.exists():
            events.write_text("max 3\n")
        if killed and step.parents[2].joinpath("memory.events").exists():
            step.parents[2].joinpath("memory.events").write_text("oom 1\noom_kill 1\n")


def lost() -> bool:
    """Whether this build gets no download."""
    file = Path(os.environ.get("FAKE_OUTAGES", os.devnull))
    word, _, rest = file.read_text().partition(" ")
    file.write_text(rest)
    return word == "lost"


def variables(text: str) -> list[str]:
    """Those of the last stage, as far as it says NAME=VALUE."""
    stage = text.replace("\\\n", " ").rpartition("\nFROM ")[2]
    return [word for line in stage.splitlines() if line.startswith("ENV ") for word in shlex.split(line)[1:]]


def build(arguments: list[str]) -> int:
    text = Path(value(arguments, "--file")).read_text()
    if "--cgroup-parent" in arguments:
        enter(value(arguments, "--cgroup-parent"), starved="# starves" in text, killed="# loses-one" in text)
    if '"/nothing"' in text or "# starves" in text:
        print("#1 [1/1] RUN make\nERROR: failed to solve: stat /nothing: no such file or directory")
        return 1
    name = os.urandom(6).hex()
    record = {
        "Size": len(text) * 1_000_000,
        "RootFS": {"Layers": ["a", "b"]},
        "Config": {
            "Labels": dict([value(arguments, "--label").split("=", 1)]),
            "Env": ["PATH=/bin", *variables(text)],
            "Cmd": ["app"],
        },
        "text": text,
    }
    if "# late" in text:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
            time.sleep(1)
            store("image", name, record)
            os._exit(0)
        time.sleep(60)
    if "# slow" in text:
        time.sleep(60)
    print("#0 [internal] load build definition from Dockerfile")
    if "# lost" in text:
        print("ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF")
        return 1
    if lost():
        print("#1 [1/1] RUN npm ci\n#1 9.1 npm error code ETIMEDOUT\n#1 ERROR: exit code: 1")
        print('ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1')
        return 1
    if "# no-base" in text:
        print(
            "ERROR: failed to solve: gone:1: failed to resolve source metadata for docker.io/library/gone:1: not found"
        )
        return 1
    if "# breaks" in text:
        print('ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2')
        return 1
    print("#1 [1/1] RUN npm ci", flush=True)
    if "# tells" in text:
        time.sleep(1.2)
    print("#1 CACHED")
    store("image", name, record)
    Path(value(arguments, "--iidfile")).write_text(name)
    return 0


def create(arguments: list[str]) -> int:
    name = os.urandom(6).hex()
    image = load("image", arguments[-1])
    ends = re.search(r"# exits (\d+)", image["text"])
    state = {"Running": ends is None, "ExitCode": int(ends[1]) if ends else 0, "Pid": 0}
    state["OOMKilled"] = "# greedy" in image["text"]
    labels = dict([value(arguments, "--label").split("=", 1)])
    store("container", name, {"State": state, "Config": {"Labels": labels}, "NetworkSettings": {"Networks": {}}})
    print(name)
    return 0


def listing(kind: str, arguments: list[str]) -> int:
    key, _, wanted = value(arguments, "--filter").removeprefix("label=").partition("=")
    for path in STATE.glob(f"{kind}-*"):
        if json.loads(path.read_text())["Config"]["Labels"].get(key) == wanted:
            print(path.name.removeprefix(f"{kind}-"))
    return 0


def remove(kind: str, names: list[str]) -> int:
    if kind in os.environ.get("FAKE_CLINGING", "").split():
        print(f"{kind} is in use", file=sys.stderr)
        return 1
    for name in names:
        (STATE / f"{kind}-{name}").unlink(missing_ok=True)
    return 0


def main(arguments: list[str]) -> int:
    command, rest = arguments[0], arguments[1:]
    if command in {"version", "--version", "buildx", "start", "logs", "exec"}:
        return 0
    if command == "build":
        return build(rest)
    if command == "info":
        here = f"{platform.node()} {platform.release()}"
        print(here if "FAKE_CGROUPS" in os.environ else "far 1.0")
        return 0
    if command == "create":
        return create(rest)
    if command == "ps":
        return listing("container", rest)
    if command == "images":
        return listing("image", rest)
    if command == "rm":
        return remove("container", [word for word in rest if not word.startswith("-")])
    if command == "cp":
        return 1
    if command == "history":
        print("1000000\tRUN npm ci\n0\tCMD app")
        return 0
    if command == "stop":
        record = load("container", rest[-1])
        record["State"].update(Running=False, ExitCode=143)
        store("container", rest[-1], record)
        return 0
    verb, names = rest[0], rest[1:]
    if verb == "inspect":
        print(json.dumps([load(command, names[-1])]))
        return 0
    if verb == "create":
        store(command, names[-1], {"Config": {"Labels": dict([value(names, "--label").split("=", 1)])}})
        return 0
    if verb == "ls":
        return listing(command, names)
    if verb == "rm":
        return remove(command, [word for word in names if not word.startswith("-")])
    print(f"unknown command {arguments}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
