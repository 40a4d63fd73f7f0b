"""What a person at a terminal sees while both images are built."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from dockfix.verify import buildahlog, buildkit

KIT = """\
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#5 [builder 2/3] COPY package.json ./
#5 CACHED
#6 [builder 3/3] RUN npm ci
#6 0.812 [1/4] fetching
#7 [runtime 2/4] RUN apk add dumb-init
"""


def test_the_step_that_a_build_is_at() -> None:
    assert buildkit.current("") == buildkit.current(KIT.partition("#5")[0]) == ""
    assert buildkit.current(KIT) == "[runtime 2/4] RUN apk add dumb-init"
    assert buildkit.current(f"{KIT}#7 DONE 0.4s\n") == "[builder 3/3] RUN npm ci"
    assert buildkit.current(f"{KIT}#7 DONE 0.4s\n#6 DONE 2.0s\n#8 exporting to image\n") == "exporting to image"
    assert buildahlog.current("STEP 1/2: FROM a\n[2/2] STEP 2/2: RUN make\nmaking\n") == "RUN make"
    assert buildahlog.current("Trying to pull\n") == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_the_step_is_shown_on_a_terminal(tmp_path: Path, program: str, state: Path, quiet: bool) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text(
        "# tells\n# exits 3\nFROM python:3.11\nRUN apt-get install -y curl\nCMD x\n"
    )
    command = [sys.executable, "-m", "dockfix", "verify", "--quick", "--isolated", "--engine", program, "app"]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "60"}
    with subprocess.Popen(
        [*command, *(["--quiet"] if quiet else [])],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while read := os.read(ours, 4096):
                shown += read
        except OSError:  # the other end is closed: that is how a terminal of Linux ends
            pass
        os.close(ours)
    assert process.returncode == 2
    said, *lines = shown.decode().split("\r\x1b[K")
    assert quiet == (not said.startswith("builds are limited in time alone: "))  # a message, which may be of any width
    assert quiet == (not any("building the rewrite" in line for line in lines))
    assert quiet == (not any(": [1/1] RUN npm ci" in line for line in lines))
    assert all(len(line) < 60 for line in lines[:-1])
    assert quiet or lines[-1] == "1 not comparable\r\n"
