"""A PostgreSQL server for the tests, from the programs that are installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

PASSWORD = "s3cret-Passw0rd-9f2K"


class PostgresError(Exception):
    """There is no server; ``str()`` says why."""


class Server:
    """A server on this machine, with a password, while it is entered.

    Attributes:
        url: its database.
        secret_url: the same with the password.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        # not tmp_path: the server runs as another account, to which that is closed
        self._folder = Path(tempfile.mkdtemp(prefix="dockfix-postgres-"))
        # PostgreSQL does not run as root; Debian's package has an account for it
        self._account = "postgres" if os.geteuid() == 0 else None
        self._port = _port()
        self.url = f"postgresql://dockfix@127.0.0.1:{self._port}/postgres"
        self.secret_url = self.url.replace("@", f":{PASSWORD}@")

    def __enter__(self) -> Server:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if self._account:
            for path in (self._folder, password):
                shutil.chown(path, self._account, self._account)
        self._run("initdb", "--username=dockfix", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run("pg_ctl", "--wait", "--silent", f"--log={self._folder / 'log'}", f"--options={options}", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "--wait", "--silent", "--mode=immediate", "stop")

    def schema(self, name: str) -> str:
        """Make an empty schema, which is quicker than a database; the URL of it, with the password."""
        import psycopg

        with psycopg.connect(self.secret_url, autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"'.encode())
        return f"{self.secret_url}?options=-csearch_path%3D{name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), f"--pgdata={self._folder / 'data'}", *arguments]
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server would keep a pipe open
            stderr=subprocess.DEVNULL,
            timeout=120,
            cwd=self._folder,
            user=self._account,
            group=self._account,
        )
        if done.returncode:
            log = self._folder / "log"
            raise PostgresError(f"{program} fails: {log.read_text()[-500:] if log.is_file() else done.returncode}")


def _programs() -> Path:
    """The folder of the programs; Debian keeps them off the PATH."""
    found = shutil.which("initdb") or next(
        (str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None
    )
    if found is None or os.name == "nt":
        raise PostgresError("PostgreSQL is not installed")
    return Path(found).parent


def _port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        number: int = listener.getsockname()[1]
        return number
