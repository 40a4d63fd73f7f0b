"""Git's own server, ``git http-backend``, over bare repositories in a folder, behind HTTP basic authentication."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "ghp_Zq7mVt2XcR9sKw4LbN8yHd3PfJ6"
PUSH = "git-receive-pack"

Denies = Callable[[str, Mapping[str, str]], bool]
"""Looks at a request, by what follows the address and its headers, and may refuse it."""


def git(*arguments: str, place: Path, stdin: bytes = b"", **environment: str) -> bytes:
    """What a command of git prints, without anybody's configuration."""
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    identity = {f"GIT_{role}_{part}": "person" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    return subprocess.run(
        ["git", *arguments],
        cwd=place,
        env={**clean, **identity, **environment},
        input=stdin,
        check=True,
        capture_output=True,
    ).stdout


class GitServer:
    """The server, until it is closed.

    Attributes:
        folder: where the repositories lie.
        address: where it listens.
        seen: what it was asked, by whom: the method, the path, the user's name.
    """

    def __init__(self, folder: Path, denies: Denies = lambda target, headers: False) -> None:
        self.folder = folder
        self.seen: list[tuple[str, str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def backend(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                kind, _, basic = (self.headers.get("authorization") or "").partition(" ")
                user, _, password = base64.b64decode(basic).decode().partition(":")
                server.seen.append((self.command, self.path, user))
                if kind != "Basic" or password != TOKEN:
                    self.send_error(401)
                    return
                if denies(self.path, dict(self.headers)):
                    self.send_error(403)
                    return
                path, _, query = self.path.partition("?")
                environment = {
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(folder),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "REMOTE_USER": "bot",
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "CONTENT_TYPE": self.headers.get("content-type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
                }
                command = ["git", "http-backend"]
                done = subprocess.run(command, check=False, input=body, capture_output=True, env=environment)
                head, _, data = done.stdout.partition(b"\r\n\r\n")
                fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
                self.send_response(int(fields.pop("Status", "200").split()[0]))
                for name, value in {**fields, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = backend  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}"

    def create(self, name: str, *arguments: str) -> Path:
        """A bare repository that may be pushed to: an empty one, unless the arguments of ``git`` make another."""
        bare = self.folder / f"{name}.git"
        bare.parent.mkdir(parents=True, exist_ok=True)
        git(*(arguments or ("init", "-q", "--bare", "-b", "main")), str(bare), place=self.folder)
        git("config", "http.receivepack", "true", place=bare)
        return bare

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
