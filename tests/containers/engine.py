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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Containers get an address on it, but no way out: a test that needs the internet says so.
NETWORK = "dockfix-internal"

# https://docs.docker.com/build/buildkit/frontend/: the line makes BuildKit pull a parser from the registry
_SYNTAX = re.compile(r"\A((?:[ \t]*#[^\n]*\n)*?)[ \t]*#[ \t]*syntax[ \t]*=[^\n]*\n", re.IGNORECASE)

_POLL_SECONDS = 0.05


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
class Engine:
    """A Docker engine that the ``docker`` command reaches when run with ``environment``."""

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def call(self, *arguments: str, timeout: float = 60) -> str:
        """Run ``docker``; its standard output. Raises EngineError with its message where it fails."""
        try:
            done = subprocess.run(
                ("docker", *arguments),
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"docker {arguments[0]}: {error}") from error
        if done.returncode:
            raise EngineError(f"docker {' '.join(arguments[:2])}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

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
        dockerfile: str = "Dockerfile",
        *,
        target: str | None = None,
        tag: str | None = None,
        build_args: Mapping[str, str] | None = None,
        no_cache: bool = False,
        timeout: float = 1200,
    ) -> BuildResult:
        """Build ``dockerfile`` (a path inside ``context``). A build that fails is a result, not an exception.

        A ``# syntax=`` line is left out, since the parser that it names would have to be pulled.
        """
        with tempfile.TemporaryDirectory(prefix="dockfix-build-") as scratch:
            identity = Path(scratch, "image-id")
            command = ["docker", "build", "--progress", "plain", "--iidfile", str(identity)]
            command += ["--file", str(_without_syntax(context / dockerfile, Path(scratch)))]
            if target:
                command += ["--target", target]
            if tag:
                command += ["--tag", tag]
            for name, value in (build_args or {}).items():
                command += ["--build-arg", f"{name}={value}"]
            if no_cache:
                command.append("--no-cache")
            started = time.monotonic()
            try:
                done = subprocess.run(
                    [*command, str(context)],
                    env=self.environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    check=False,
                    timeout=timeout,
                )
            except subprocess.TimeoutExpired as error:
                raise EngineError(f"docker build {dockerfile}: not done after {timeout:.0f} seconds") from error
            seconds = time.monotonic() - started
            ok = done.returncode == 0
            image = identity.read_text() if ok else ""
        cached = len(re.findall(r"^#\d+ CACHED$", done.stdout, re.MULTILINE))
        return BuildResult(ok, image, seconds, done.stdout, cached)

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
        network: str | None = None,
        capabilities: bool = True,
        quick_health: bool = True,
    ) -> Iterator[Container]:
        """Start a container, and remove it with its volumes at the end.

        ``ports`` maps ports of the host to ports of the container; without it the container is reached at its own
        address. ``volumes`` maps a folder of the host or a volume's name to a place in the container. ``network``
        is one without a way out unless named. ``capabilities=False`` drops them all and forbids gaining privileges.
        ``quick_health`` runs the image's health check every second, and five times a second while it starts.
        """
        options = ["--network", network or self._network()]
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
            options += ["--health-interval", "1s", "--health-start-interval", "200ms"]
        # created first: a container that cannot start (no such command) must be removed as well
        identity = self.call("create", *options, image, *command).strip()
        try:
            self.call("start", identity)
            yield Container(self, identity)
        finally:
            self.call("rm", "--force", "--volumes", identity)

    def image_config(self, image: str) -> dict[str, Any]:
        """The configuration of an image: Env, User, Cmd, Healthcheck and the like."""
        config: dict[str, Any] = self._inspect("image", image)["Config"]
        return config

    def image_size(self, image: str) -> int:
        """The size of an image with all its layers, uncompressed, in bytes."""
        return int(self._inspect("image", image)["Size"])

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

    def _inspect(self, kind: str, name: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.call(kind, "inspect", name))[0]
        return record

    def _network(self) -> str:
        if NETWORK not in self.call("network", "ls", "--format", "{{.Name}}").split():
            try:
                self.call("network", "create", "--internal", NETWORK)
            except EngineError:
                # another process may have been first
                if NETWORK not in self.call("network", "ls", "--format", "{{.Name}}").split():
                    raise
        return NETWORK


@dataclass(frozen=True, slots=True)
class Container:
    """A container that ``Engine.run`` started."""

    engine: Engine
    identity: str

    def record(self) -> dict[str, Any]:
        """What the engine knows of the container (``docker container inspect``)."""
        return self.engine._inspect("container", self.identity)

    def running(self) -> bool:
        """Whether its first process is alive."""
        return bool(self.record()["State"]["Running"])

    def uid(self) -> int:
        """The effective user id of the container's first process, as the kernel has it. Linux only."""
        status = Path(self._process(), "status").read_text()
        found = re.search(r"^Uid:\s+\d+\s+(\d+)", status, re.MULTILINE)
        if found is None:
            raise EngineError(f"{self.identity[:12]}: no user id in the status of its first process")
        return int(found[1])

    def pid1_cmdline(self) -> tuple[str, ...]:
        """The command line of the container's first process."""
        return tuple(Path(self._process(), "cmdline").read_text().rstrip("\0").split("\0"))

    def health(self) -> str | None:
        """``starting``, ``healthy`` or ``unhealthy``; None where the image has no health check."""
        status = self.record()["State"].get("Health", {}).get("Status")
        return None if status in {None, "none"} else str(status)

    def wait_healthy(self, timeout: float = 30) -> float:
        """Wait until the health check passes; the seconds it took.

        Raises EngineError where there is no health check, it fails, the container ends, or ``timeout`` seconds pass.
        """
        started = time.monotonic()
        while (status := self.health()) != "healthy":
            if status is None:
                raise EngineError("the image has no health check")
            if status == "unhealthy" or not self.running() or time.monotonic() - started > timeout:
                checks = self.record()["State"]["Health"].get("Log") or []
                last = checks[-1]["Output"].strip() if checks else "never run"
                raise EngineError(f"{status} after {time.monotonic() - started:.1f} s: {last}\n{self.logs()}")
            time.sleep(_POLL_SECONDS)
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
            time.sleep(_POLL_SECONDS)

    def http(self, path: str, port: int, *, timeout: float = 10) -> Response:
        """GET ``path`` from the container's own address. Raises OSError or HTTPException as ``http.client`` does."""
        connection = http.client.HTTPConnection(self.address(), port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, headers, answer.read())
        finally:
            connection.close()

    def address(self) -> str:
        """The container's address on its network. Raises OSError where it has none (it has ended)."""
        for network in self.record()["NetworkSettings"]["Networks"].values():
            if network["IPAddress"]:
                return str(network["IPAddress"])
        raise ConnectionRefusedError("the container has no address")

    def stop(self, timeout: int = 10) -> Stopped:
        """Send the stop signal, and after ``timeout`` seconds SIGKILL."""
        started = time.monotonic()
        self.engine.call("stop", "--time", str(timeout), self.identity, timeout=timeout + 30)
        seconds = time.monotonic() - started
        return Stopped(seconds, int(self.record()["State"]["ExitCode"]))

    def logs(self) -> str:
        """Everything that the container printed, both streams."""
        done = subprocess.run(
            ("docker", "logs", self.identity),
            env=self.engine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return done.stdout

    def wait(self, timeout: float = 60) -> int:
        """Wait until the container ends; its exit code."""
        return int(self.engine.call("wait", self.identity, timeout=timeout))

    def exec(self, *command: str, user: str | None = None) -> Executed:
        """Run a command in the container. Raises no exception where the command fails."""
        options = ["--user", user] if user is not None else []
        done = subprocess.run(
            ("docker", "exec", *options, self.identity, *command),
            env=self.engine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        return Executed(done.returncode, done.stdout)

    def _process(self) -> Path:
        pid = int(self.record()["State"]["Pid"])
        if not pid:
            raise EngineError(f"the container has ended:\n{self.logs()}")
        return Path("/proc", str(pid))


def _without_syntax(dockerfile: Path, scratch: Path) -> Path:
    """The Dockerfile itself, or a copy without its ``# syntax=`` line (and with its own ignore file beside it)."""
    text = dockerfile.read_bytes().decode("utf-8", "surrogateescape")
    stripped = _SYNTAX.sub(r"\1", text)
    if stripped == text:
        return dockerfile
    copy = scratch / dockerfile.name
    copy.write_bytes(stripped.encode("utf-8", "surrogateescape"))
    ignore = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if ignore.exists():
        copy.with_name(ignore.name).write_bytes(ignore.read_bytes())
    return copy
