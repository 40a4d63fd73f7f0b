"""What a command prints, while it runs and at its end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dockfix.verify.process import execute

SLOW = "import time; print('é one', flush=True); time.sleep(1.4); print('two')"


def test_it_is_heard_while_it_runs_and_nothing_is_lost() -> None:
    heard: list[str] = []
    done = execute((sys.executable, "-c", SLOW), dict(os.environ), timeout=60, errors="merged", hear=heard.append)
    assert done.output == "é one\ntwo\n"
    assert "é one\n" in heard
    assert done.output not in heard


def test_who_hears_waits_no_longer_than_agreed() -> None:
    heard: list[str] = []
    with pytest.raises(subprocess.TimeoutExpired) as late:
        execute((sys.executable, "-c", SLOW), dict(os.environ), timeout=1.2, errors="merged", hear=heard.append)
    assert heard
    assert "one" in str(late.value.output)


def test_what_raises_while_it_hears_ends_the_command() -> None:
    def interrupted(output: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute((sys.executable, "-c", "import time; time.sleep(60)"), dict(os.environ), timeout=90, hear=interrupted)
