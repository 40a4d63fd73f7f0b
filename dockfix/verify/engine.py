"""A container engine, driven through its command line: build an image, run it, look at what runs.

Facts about a running container are taken from outside (the engine's own record, ``/proc``, the bridge network), so that
images without a shell can be examined as well.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dockfix.verify.process import Done, execute

POLL_SECONDS = 0.05
COMMAND_SECONDS = 60.0
LARGEST_BODY = 2_000_000
"""The most bytes of an answer that are read."""

# docker's classic builder knows neither heredocs nor mounts
_BUILDKIT = {"DOCKER_BUILDKIT": "1"}


class EngineError(Exception):
    """The engine refused a command, or a container did not do what was waited for."""


class Response(NamedTuple):
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Stopped(NamedTuple):
    """How long a container took to stop, in seconds, and the exit code of its first process."""

    seconds: float
    exit_code: int


class Layer(NamedTuple):
    """A layer of an image: the instruction that made it, and its size in bytes."""

    created_by: str
    size: int


class Executed(NamedTuple):
    """A command's exit code and everything that it printed."""

    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A build: the image's id ("" where it failed), and how many of its steps came from the cache."""

    ok: bool
    image: str
    seconds: float
    log: str
    cached_steps: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use.

    Attributes:
        memory: bytes with a unit, as ``docker run --memory`` takes them; swap is not given in addition.
        pids: processes and threads.
    """

    memory: str = "2g"
    pids: int = 1024


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker engine that the ``docker`` command reaches when run with ``environment``.

    Attributes:
        environment: the environment of the command; ``DOCKER_HOST`` and the like steer it.
        label: ``key=value``, set on everything that is made, so that it can be found and removed.
        program: the command's name or path.
        limits: what containers may use; ``None`` for no limit.
        scratch: where temporary files are put; by default where the system puts them.
        builder: the buildx builder that builds; by default the engine's own.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    label: str | None = None
    program: str = "docker"
    limits: Limits | None = None
    scratch: Path | None = None
    builder: str | None = None

    def call(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> str:
        """Run ``docker``; its standard output. Raises EngineError with its message where it fails."""
        done = self._execute(arguments, timeout)
        if done.code:
            raise EngineError(f"{self.program} {' '.join(arguments[:2])}: {done.errors.strip() or done.output.strip()}")
        return done.output

    def answers(self) -> bool:
        """Whether there is an engine at the other end."""
        try:
            self.call("version")
        except EngineError:
            return False
        return True

    def build(
        self,
        context: Path,
        dockerfile: str | Path = "Dockerfile",
        *,
        target: str | None = None,
        tag: str | None = None,
        build_args: Mapping[str, str] | None = None,
        no_cache: bool = False,
        timeout: float = 1200,
    ) -> BuildResult:
        """Build ``dockerfile`` (absolute, or a path inside ``context``). A build that fails is a result, no exception.

        BuildKit takes limits of memory from its builder alone, so that a build is limited in time only. Raises
        EngineError where ``timeout`` seconds do not suffice.
        """
        with tempfile.TemporaryDirectory(prefix="dockfix-build-", dir=self.scratch) as scratch:
            identity = Path(scratch, "image-id")
            command = ["build", "--progress", "plain", "--iidfile", str(identity), "--file", str(context / dockerfile)]
            if self.builder is not None:
                command = ["buildx", *command, "--load", "--builder", self.builder]
                tag = tag or f"dockfix-verify:{os.urandom(6).hex()}"
            command += self._labelled()
            if target:
                command += ["--target", target]
            if tag:
                command += ["--tag", tag]
            for name, value in (build_args or {}).items():
                command += ["--build-arg", f"{name}={value}"]
            if no_cache:
                command.append("--no-cache")
            started = time.monotonic()
            done = self._execute((*command, str(context)), timeout, merged=True)
            seconds = time.monotonic() - started
            ok = done.code == 0
            image = identity.read_text(encoding="ascii") if ok else ""
            if ok and self.builder is not None:
                # a builder of its own names the image as it exported it, the engine as it took it in
                image = str(self.image_record(tag or image)["Id"])
        cached = len(re.findall(r"^#\d+ CACHED$", done.output, re.MULTILINE))
        return BuildResult(ok, image, seconds, done.output, cached)

    @contextmanager
    def run(
        self,
        image: str,
        *command: str,
        env: Mapping[str, str] | None = None,
        ports: Mapping[int, int] | None = None,
        user: str | None = None,
        entrypoint: str | None = None,
        read_only: bool = False,
        tmpfs: Sequence[str] = (),
        volumes: Mapping[str, str] | None = None,
        network: str = "bridge",
        capabilities: bool = True,
        quick_health: bool = True,
    ) -> Iterator[Container]:
        """Start a container, and remove it with its volumes at the end.

        ``ports`` maps ports of the host to ports of the container; without it the container is reached at its own
        address. ``volumes`` maps a folder of the host or a volume's name to a place in the container.
        ``capabilities=False`` drops them all and forbids gaining privileges. ``quick_health`` runs the image's health
        check every second while it starts and every other second then: more often, a check that starts an interpreter
        would slow the app down. Raises EngineError where it cannot start.
        """
        options = ["--network", network, *self._labelled()]
        if self.limits is not None:
            options += ["--memory", self.limits.memory, "--memory-swap", self.limits.memory]
            options += ["--pids-limit", str(self.limits.pids)]
        for name, value in (env or {}).items():
            options += ["--env", f"{name}={value}"]
        for outside, inside in (ports or {}).items():
            options += ["--publish", f"127.0.0.1:{outside}:{inside}"]
        for source, place in (volumes or {}).items():
            options += ["--volume", f"{source}:{place}"]
        for place in tmpfs:
            options += ["--tmpfs", place]
        if user is not None:
            options += ["--user", user]
        if entrypoint is not None:
            options += ["--entrypoint", entrypoint]
        if read_only:
            options.append("--read-only")
        if not capabilities:
            options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        if quick_health and (self.image_config(image).get("Healthcheck") or {}).get("Test", ["NONE"]) != ["NONE"]:
            options += ["--health-interval", "2s", "--health-start-interval", "1s"]
        # created first: a container that cannot start (no such command) must be removed as well
        identity = self.call("create", *options, image, *command).strip()
        try:
            self.call("start", identity)
            yield Container(self, identity)
        finally:
            self.call("rm", "--force", "--volumes", identity)

    def create_network(self, name: str, *, internal: bool) -> None:
        """Make a bridge network; an internal one has no way out."""
        self.call("network", "create", *self._labelled(), *(["--internal"] if internal else []), name)

    def networks(self) -> frozenset[str]:
        """The names of all networks."""
        return frozenset(self.call("network", "ls", "--format", "{{.Name}}").split())

    def image_record(self, image: str) -> dict[str, Any]:
        """What the engine knows of an image (``docker image inspect``)."""
        return self.inspect("image", image)

    def image_config(self, image: str) -> dict[str, Any]:
        """The configuration of an image: Env, User, Cmd, Healthcheck and the like."""
        config: dict[str, Any] = self.image_record(image)["Config"]
        return config

    def image_size(self, image: str) -> int:
        """The size of an image with all its layers, uncompressed, in bytes."""
        return int(self.image_record(image)["Size"])

    def layers(self, image: str) -> tuple[Layer, ...]:
        """The layers of an image, the oldest first."""
        printed = self.call("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", image)
        pairs = (line.partition("\t") for line in reversed(printed.splitlines()))
        return tuple(Layer(created_by, int(size)) for size, _, created_by in pairs)

    def has_image(self, image: str) -> bool:
        """Whether the engine has an image of this name."""
        return bool(self.call("images", "--quiet", image).strip())

    def remove_image(self, image: str) -> None:
        """Remove an image; its layers may stay in the build cache."""
        self.call("image", "rm", "--force", image)

    def sweep(self) -> int:
        """Remove everything that bears the label; how many things there were.

        Raises EngineError where the engine does not answer, after having tried every kind of thing.
        """
        if self.label is None:
            return 0
        found = 0
        problem: EngineError | None = None
        kinds = (
            (("ps", "--all"), ("rm", "--force", "--volumes")),
            (("network", "ls"), ("network", "rm")),
            (("images", "--all"), ("image", "rm", "--force")),
        )
        for listing, removal in kinds:
            try:
                names = set(self.call(*listing, "--quiet", "--no-trunc", "--filter", f"label={self.label}").split())
                found += len(names)
                if names:
                    self.call(*removal, *sorted(names))
            except EngineError as error:
                problem = error
        if problem is not None:
            raise problem
        return found

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """The engine's record of the image, container or network *name*."""
        record: dict[str, Any] = json.loads(self.call(kind, "inspect", name))[0]
        return record

    def _labelled(self) -> list[str]:
        return ["--label", self.label] if self.label is not None else []

    def _execute(self, arguments: Sequence[str], timeout: float, *, merged: bool = False) -> Done:
        environment = {**self.environment, **_BUILDKIT}
        try:
            return execute(
                (self.program, *arguments), environment, timeout=timeout, errors="merged" if merged else "apart"
            )
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"{self.program} {arguments[0]}: not done after {timeout:.0f} seconds") from error
        except OSError as error:
            raise EngineError(f"{self.program}: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
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
        return str(checks[-1]["Output"]).strip() if checks else "never run"

    def wait_healthy(self, timeout: float = 30) -> float:
        """Wait until the health check passes; the seconds it took.

        Raises EngineError where there is no health check, it fails, the container ends, or ``timeout`` seconds pass.
        """
        started = time.monotonic()
        while (status := self.health()) != "healthy":
            if status is None:
                raise EngineError("the image has no health check")
            if status == "unhealthy" or not self.running() or time.monotonic() - started > timeout:
                waited = time.monotonic() - started
                raise EngineError(f"{status} after {waited:.1f} s: {self.last_check()}\n{self.logs()}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - started

    def wait_http(self, path: str, port: int, timeout: float = 30) -> Response:
        """Wait for the first HTTP answer, whatever its status.

        Raises EngineError where the container ends or ``timeout`` seconds are over.
        """
        started = time.monotonic()
        while True:
            try:
                return self.http(path, port)
            except (OSError, http.client.HTTPException) as error:
                if not self.running():
                    raise EngineError(f"ended before it answered:\n{self.logs()}") from error
                if time.monotonic() - started > timeout:
                    raise EngineError(f"no answer on port {port} in {timeout:.0f} s: {error}\n{self.logs()}") from error
            time.sleep(POLL_SECONDS)

    def http(self, path: str, port: int, *, timeout: float = 10) -> Response:
        """GET ``path`` from the container's own address. Raises OSError or HTTPException as ``http.client`` does."""
        connection = http.client.HTTPConnection(self.address(), port, timeout=timeout)
        try:
            # a name that development servers answer to, whatever hosts they let in
            connection.request("GET", path, headers={"Host": f"localhost:{port}", "Accept": "text/html,*/*;q=0.8"})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
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

    def zombies(self) -> int:
        """How many ended children the container's first process has not reaped. Linux only."""
        first = self.process().name
        count = 0
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                with suppress(OSError):
                    # the name may hold spaces and brackets: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
                    state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                    count += state == "Z" and parent == first
        return count

    def stop(self, timeout: int = 10) -> Stopped:
        """Send the stop signal, and after ``timeout`` seconds SIGKILL."""
        started = time.monotonic()
        self.engine.call("stop", "--time", str(timeout), self.identity, timeout=timeout + 30)
        seconds = time.monotonic() - started
        return Stopped(seconds, self.exit_code())

    def logs(self) -> str:
        """Everything that the container printed, both streams."""
        return self.engine._execute(("logs", self.identity), COMMAND_SECONDS, merged=True).output

    def wait(self, timeout: float = 60) -> int:
        """Wait until the container ends; its exit code."""
        return int(self.engine.call("wait", self.identity, timeout=timeout))

    def exec(self, *command: str, user: str | None = None) -> Executed:
        """Run a command in the container. Raises no exception where the command fails."""
        options = ["--user", user] if user is not None else []
        done = self.engine._execute(("exec", *options, self.identity, *command), COMMAND_SECONDS, merged=True)
        return Executed(done.code, done.output)

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
