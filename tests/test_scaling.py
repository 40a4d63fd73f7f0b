"""The work grows with the length of a Dockerfile, not with its square."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from dockfix import api
from dockfix.facts.dotenv import values
from dockfix.recipes.dialect import DOWNLOADS, ESCAPES, GNU_ONLY

HTTPS = import_module("dockfix.transforms.healthcheck").HTTPS
CALLS = (
    b"ps ",
    b"find ",
    b"tar a --t",
    b"wget --",
    b"cp --",
    b"xargs ",
    b"date ",
    b"useradd x ",
    b"grep -a",
    b"sed -n",
)
SHORT, LONG = 150, 600
MOST = 1.6
"""How much more than in proportion a file four times as long may take; what is quadratic takes four times as much."""


def calls(folder: Path, line: str, count: int) -> int:
    """How many functions are called to rewrite *count* times *line*: unlike seconds, the same on every machine."""
    (folder / "Dockerfile").write_text(
        f"FROM python:3.12\nWORKDIR /app\n{line * count}COPY app.py .\nCMD python app.py\n".replace("#", "1")
    )
    profile = cProfile.Profile()
    profile.enable()
    api.fix(folder / "Dockerfile")
    profile.disable()
    total: int = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    return total


@pytest.mark.parametrize(
    "line",
    [
        "RUN true\n",
        "RUN echo # > /tmp/#\n",
        "RUN pip install flask==#\n",
        "RUN apt-get update && apt-get install -y curl\n",
        "RUN apt-get update\n",
        "RUN rm -rf /var/lib/apt/lists/*\n",
        "ENV NAME=#\n",
    ],
)
def test_work_is_in_proportion_to_the_length(tmp_path: Path, line: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "app.py").write_text("print(1)\n")
    api.fix(_small(tmp_path))  # what is imported and read once is not to be counted
    short, long = calls(tmp_path, line, SHORT), calls(tmp_path, line, LONG)
    assert long / short < MOST * LONG / SHORT


@pytest.mark.parametrize(
    ("search", "part"),
    [
        (lambda text: list(values(b"A=b" + text)), b" "),
        (HTTPS.search, b"https: {\n"),
        (lambda text: HTTPS.search(b"{" + text), b" createServer x"),
        (lambda text: ESCAPES.search("echo '" + text.decode()), b"\\n"),
        (lambda text: DOWNLOADS.search(text.decode()), b"curl "),
        *((lambda text: GNU_ONLY.search(text.decode()), part) for part in CALLS),
    ],
)
def test_search_is_in_proportion_to_the_length(search: Callable[[bytes], object], part: bytes) -> None:
    begun = time.process_time()
    search(part * (400_000 // len(part)))
    assert time.process_time() - begun < 5  # what is quadratic takes minutes


def _small(folder: Path) -> Path:
    path = folder / "Dockerfile"
    path.write_text("FROM python:3.12\nCMD python app.py\n")
    return path
