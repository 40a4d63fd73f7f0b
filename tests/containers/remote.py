"""A builder apart from the engine, as one on another machine is: it has its own images, cache and network.

BuildKit's daemon is in no registry of packages, but Docker's has it in it: ``POST /grpc`` upgrades a connection to
BuildKit's API (https://docs.docker.com/reference/api/engine/, "Session" and its neighbours), which is all that buildx
asks of a remote builder. With containerd's image store it can also hand images out.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import standins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .engine import Engine

NAME = "dockfix-remote"
_UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
_SECONDS = 30.0


class UnavailableError(Exception):
    """No second daemon can be started here; the message says why."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote builder.

    Attributes:
        environment: that of a ``docker`` which knows the builder by :data:`NAME`, beside the engine.
        own: that of a ``docker`` whose engine is the builder's side.
        socket: where the builder answers.
    """

    environment: dict[str, str]
    own: dict[str, str]
    socket: Path


@contextmanager
def builder(engine: Engine, *images: str) -> Iterator[Remote]:
    """A builder that has *images* of *engine*, and of which nothing is left afterwards.

    Raises:
        UnavailableError: it takes root and the engine of the set-up.
    """
    if os.geteuid() != 0 or not (standins.folder() / "env.sh").exists():
        raise UnavailableError("a second daemon takes root and the engine that the set-up makes")
    # beside the engine's: a snapshotter does not work on every file system that is good enough for /tmp
    place = Path(tempfile.mkdtemp(prefix="remote-", dir=standins.folder()))
    own = {**engine.environment, "DOCKER_HOST": f"unix://{place}/docker.sock"}
    environment = {**engine.environment, "BUILDX_CONFIG": str(place / "buildx")}
    try:
        with _daemon(place, own), _upgrading(place / "buildkit.sock", place / "docker.sock"):
            for image in images:
                _copied(image, engine.environment, own)
            made = ["docker", "buildx", "create", "--name", NAME, "--driver", "remote", f"unix://{place}/buildkit.sock"]
            subprocess.run(made, env=environment, capture_output=True, check=True)
            yield Remote(environment, own, place / "buildkit.sock")
    finally:
        _unmount(place)
        shutil.rmtree(place)


@contextmanager
def _daemon(place: Path, own: dict[str, str]) -> Iterator[None]:
    """A daemon in *place*, in a network of its own: two of them in one take each other's bridge away."""
    settings = place / "daemon.json"
    settings.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    command = ["unshare", "--net", "dockerd", "--config-file", str(settings), "--host", own["DOCKER_HOST"]]
    command += ["--data-root", f"{place}/data", "--exec-root", f"{place}/exec", "--pidfile", f"{place}/docker.pid"]
    with (place / "log").open("w") as log:
        daemon = subprocess.Popen(command, env=own, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _SECONDS
            while subprocess.run(["docker", "version"], env=own, capture_output=True, check=False).returncode:
                if daemon.poll() is not None or time.monotonic() > deadline:
                    raise UnavailableError(f"no second daemon: {(place / 'log').read_text().splitlines()[-1:]}")
                time.sleep(0.2)
            yield
        finally:
            daemon.terminate()
            daemon.wait(_SECONDS)


@contextmanager
def _upgrading(listening: Path, engine: Path) -> Iterator[None]:
    """Take connections and hand each on to BuildKit in *engine*."""

    class Upgrade(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as far, suppress(OSError):
                far.connect(str(engine))
                far.sendall(_UPGRADE)
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    byte = far.recv(1)
                    if not byte:
                        return
                    head += byte
                back = threading.Thread(target=_pump, args=(far, self.request))
                back.start()
                _pump(self.request, far)
                back.join()

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True
        block_on_close = False

    with Server(str(listening), Upgrade) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def _copied(image: str, source: Mapping[str, str], target: Mapping[str, str]) -> None:
    with subprocess.Popen(["docker", "save", image], env=source, stdout=subprocess.PIPE) as saved:
        subprocess.run(["docker", "load"], env=target, stdin=saved.stdout, capture_output=True, check=True)


def _unmount(place: Path) -> None:
    """Let go of what a daemon leaves mounted."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(place):
            subprocess.run(["umount", "--lazy", mount], check=False)
