"""A GitHub that nobody here wrote: npm's ``emulate``, behind Prism, which holds requests against the description."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from .contract import DESCRIPTION

PACKAGES = ("node@24", "emulate@0.12.2", "@stoplight/prism-cli@5.16.0")
PLACE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dockfix-rig"
TOKEN = "ghp_rig4Kd9TqXv2MzP7bWnY6hJc8sLf"
SEED = {
    "tokens": {TOKEN: {"login": "ada", "scopes": ["repo", "user"]}},
    "github": {
        "users": [{"login": "ada", "name": "Ada", "email": "ada@example.com"}],
        "repos": [{"owner": "ada", "name": name, "auto_init": True} for name in ("shop", "till", "stock")],
    },
}


class RigError(Exception):
    """The rig cannot be set up; ``str()`` says why."""


def set_up() -> Path:
    """Install the packages, once; the folder of their commands.

    Raises:
        RigError: npm is missing or fails.
    """
    commands = PLACE / "node_modules" / ".bin"
    stamp = PLACE / "done"
    if stamp.is_file() and stamp.read_text() == " ".join(PACKAGES):
        return commands
    if shutil.which("npm") is None:
        raise RigError("npm is not installed")
    PLACE.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(PLACE), *PACKAGES]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RigError(f"npm install fails: {done.stderr[-500:]}")
    stamp.write_text(" ".join(PACKAGES))
    return commands


class Rig:
    """The two servers, while it is entered.

    Attributes:
        address: the proxy's.
    """

    def __init__(self, folder: Path, commands: Path) -> None:
        self.folder = folder
        self.commands = commands
        self.forge, self.address = (f"http://127.0.0.1:{_port()}" for _ in range(2))
        self._stack = ExitStack()

    def __enter__(self) -> Rig:
        seed = self.folder / "seed.json"
        seed.write_text(json.dumps(SEED))
        node = str(self.commands / "node")
        emulate = PLACE / "node_modules" / "emulate" / "dist" / "index.js"
        with self._stack:
            port = self.forge.rpartition(":")[2]
            self._start(
                "emulate", node, str(emulate), "start", "--service", "github", "--port", port, "--seed", str(seed)
            )
            port = self.address.rpartition(":")[2]
            prism = str((self.commands / "prism").resolve())
            self._start("prism", node, prism, "proxy", str(DESCRIPTION), self.forge, "--port", port, "--errors")
            self._await(f"{self.forge}/repos/ada/shop")
            self._await(f"{self.address}/repos/ada/shop")
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def ask(self, method: str, path: str, body: object = None, *, proxied: bool = False) -> Any:
        """What a person's request, past the proxy unless *proxied*, is answered."""
        request = urllib.request.Request(
            f"{self.address if proxied else self.forge}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            error.close()
            raise

    def write(self, repository: str, files: Mapping[str, str]) -> None:
        """A person's commits on the default branch, a file each."""
        for path, text in files.items():
            place = f"/repos/{repository}/contents/{path}"
            body = {"message": "work", "content": base64.b64encode(text.encode()).decode()}
            with suppress(urllib.error.HTTPError):
                body["sha"] = self.ask("GET", place)["sha"]
            self.ask("PUT", place, body)

    def read(self, repository: str, path: str, branch: str) -> str:
        """A file at the end of a branch."""
        found = self.ask("GET", f"/repos/{repository}/contents/{path}?ref={branch}")
        return base64.b64decode(found["content"]).decode()

    def pulls(self, repository: str) -> list[Any]:
        """All pull requests, the oldest first."""
        found: list[Any] = self.ask("GET", f"/repos/{repository}/pulls?state=all")
        return sorted(found, key=lambda pull: pull["number"])

    def proxied(self) -> int:
        """How many requests the proxy has had."""
        return (self.folder / "prism.log").read_text().count("Request received")

    def violations(self) -> list[str]:
        """What the proxy has had to say against requests."""
        log = (self.folder / "prism.log").read_text()
        return [line for line in log.splitlines() if "prism/errors" in line]

    def _start(self, name: str, *command: str) -> None:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        running = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

        def stop() -> None:
            running.terminate()
            running.wait(timeout=20)

        self._stack.callback(stop)

    def _await(self, url: str) -> None:
        end = time.monotonic() + 90
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5):
                    return
            except OSError as error:
                if time.monotonic() > end:
                    raise RigError(f"{url} does not answer: {error}") from None
                time.sleep(0.3)


def _port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number
