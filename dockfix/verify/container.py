"""A running container, looked at from outside: the engine's own record, ``/proc``, and its address.

Images without a shell can be examined as well in this way.
"""

from __future__ import annotations

import http.client
import re
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dockfix.verify import normal
from dockfix.verify.credentials import masked
from dockfix.verify.result import EngineError, Executed, Response, Stopped

if TYPE_CHECKING:
    from dockfix.verify.engine import Engine

POLL_SECONDS = 0.05
_PROCESSES = "processes that a container is given (--pids)"
LARGEST_BODY = 2_000_000
"""The most bytes of an answer that are read."""


@dataclass(frozen=True)
class Container:
    """A container that ``Engine.run`` started."""

    engine: Engine
    identity: str

    def record(self) -> dict[str, Any]:
        """What the engine knows of the container (``docker container inspect``)."""
        return self.engine.inspect("container", self.identity)

    def running(self) -> bool:
        """Whether its first process is alive."""
        return bool(self.record()["State"]["Running"])

    def exit_code(self) -> int:
        """The exit code of its first process, once that has ended."""
        return int(self.record()["State"]["ExitCode"])

    def starved(self) -> bool:
        """Whether the kernel has ended a process of it for memory."""
        return bool(self.record()["State"].get("OOMKilled"))

    def shortage(self, log: str) -> str:
        """What it had not enough of, so that the kernel ended a process of it, or refused one; empty where it had.

        Of any process, not the first alone; an engine may hear of it after the end:
        https://docs.docker.com/engine/containers/resource_constraints/#understand-the-risks-of-running-out-of-memory
        A process that is refused leaves no trace but what *log*, which the container printed, says of it.
        """
        limits = self.engine.limits
        if not self.starved():
            crowded = limits is not None and limits.pids and normal.unforked(log)
            return f"ran out of the {limits.pids} {_PROCESSES}" if limits is not None and crowded else ""
        if limits is None or not limits.bytes:
            return "ran out of the machine's memory"
        return f"ran out of the {limits.memory} of memory that a container is given (--memory)"

    def uid(self) -> int:
        """The effective user id of the first process, as the container sees it. Linux only."""
        process = self.process()
        found = re.search(r"^Uid:\s+\d+\s+(\d+)", (process / "status").read_text(), re.MULTILINE)
        if found is None:
            raise EngineError(f"{self.identity[:12]}: no user id in the status of its first process")
        return _inside(int(found[1]), (process / "uid_map").read_text())

    def pid1_cmdline(self) -> tuple[str, ...]:
        """The command line of the container's first process."""
        return tuple((self.process() / "cmdline").read_text(errors="replace").rstrip("\0").split("\0"))

    def health(self) -> str | None:
        """``starting``, ``healthy`` or ``unhealthy``; None where the image has no health check."""
        status = self.record()["State"].get("Health", {}).get("Status")
        return None if status in {None, "none"} else str(status)

    def last_check(self) -> str:
        """What the last run of the health check printed."""
        checks = self.record()["State"].get("Health", {}).get("Log") or []
        return masked(str(checks[-1]["Output"])).strip() if checks else "never run"

    def http(self, path: str, port: int, *, timeout: float = 10, accept: str = "text/html,*/*;q=0.8") -> Response:
        """GET ``path`` from the container's own address. Raises OSError or HTTPException as ``http.client`` does."""
        connection = http.client.HTTPConnection(self.address(), port, timeout=timeout)
        try:
            # a name that development servers answer to, whatever hosts they let in
            connection.request("GET", path, headers={"Host": f"localhost:{port}", "Accept": accept})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            cookies = answer.headers.get_all("set-cookie")
            if cookies:  # the one header that comes several times: https://www.rfc-editor.org/rfc/rfc6265#section-3
                headers["set-cookie"] = "\n".join(cookies)
            return Response(answer.status, headers, answer.read(LARGEST_BODY))
        finally:
            connection.close()

    def address(self) -> str:
        """The container's address on its network. Raises OSError where it has none (it has ended)."""
        for network in self.record()["NetworkSettings"]["Networks"].values():
            if network["IPAddress"]:
                return str(network["IPAddress"])
        raise ConnectionRefusedError("the container has no address")

    def listening(self) -> frozenset[int]:
        """The TCP ports on which something listens for connections from outside. Linux only."""
        found = set()
        process = self.process()
        for table in ("tcp", "tcp6"):
            with suppress(FileNotFoundError):
                for line in (process / "net" / table).read_text().splitlines()[1:]:
                    columns = line.split()
                    address, _, port = columns[1].partition(":")
                    if columns[3] == _LISTEN and not _is_loopback(address):
                        found.add(int(port, 16))
        return frozenset(found)

    def children(self) -> dict[str, str]:
        """The children of the first process with their states, of which ``Z`` is one not reaped. Linux only."""
        first = self.process().name
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with suppress(OSError):
                    # the name may hold spaces and brackets: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
                    state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                    if parent == first:
                        found[folder.name] = state
        return found

    def stop(self, timeout: int = 10) -> Stopped:
        """Send the stop signal, and after ``timeout`` seconds SIGKILL."""
        started = time.monotonic()
        self.engine.call("stop", "--time", str(timeout), self.identity, timeout=timeout + 30)
        seconds = time.monotonic() - started
        return Stopped(seconds, self.exit_code())

    def holds(self, path: str) -> bool:
        """Whether there is something at *path*, which also a container that has ended or has no shell can tell."""
        with tempfile.TemporaryDirectory(dir=self.engine.scratch) as place:
            return self.engine.attempt("cp", f"{self.identity}:{path}", place).exit_code == 0

    def logs(self) -> str:
        """Everything that the container printed, both streams."""
        return self.engine.attempt("logs", self.identity).output

    def exec(self, *command: str) -> Executed:
        """Run a command in the container. Raises no exception where the command fails."""
        return self.engine.attempt("exec", self.identity, *command)

    def process(self) -> Path:
        """The folder of the first process in ``/proc``. Raises EngineError where it has ended or is elsewhere."""
        pid = int(self.record()["State"]["Pid"])
        folder = Path("/proc", str(pid))
        if not pid:
            raise EngineError("the container has ended")
        try:
            if self.identity in (folder / "cgroup").read_text():
                return folder
        except OSError:
            pass
        raise EngineError("the engine's processes cannot be seen from here")


def is_of_processes(shortage: str) -> bool:
    """Whether it was processes of which a container had not enough."""
    return shortage.endswith(_PROCESSES)


# https://github.com/torvalds/linux/blob/master/include/net/tcp_states.h
_LISTEN = "0A"


def _is_loopback(address: str) -> bool:
    """Whether an address as ``/proc/net/tcp`` writes it, words in the machine's byte order, is the host's own."""
    return (len(address) == 8 and address.endswith("7F")) or address in {
        "00000000000000000000000001000000",
        "0000000000000000FFFF00000100007F",
    }


def _inside(uid: int, table: str) -> int:
    """The user id inside a user namespace: https://man7.org/linux/man-pages/man7/user_namespaces.7.html"""
    for line in table.splitlines():
        inside, outside, count = map(int, line.split())
        if outside <= uid < outside + count:
            return inside + uid - outside
    return uid
