"""The page of a campaign: complete, and inert whatever a repository holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dockfix.bot.campaign import ORDER, Record
from dockfix.bot.dashboard import MOST, Visit, dashboard, from_state
from dockfix.bot.report import write
from dockfix.bot.settlement import Result as Settled
from dockfix.bot.state import State
from dockfix.cli import main

HOSTILE = "</code><script>alert(1)</script><img src=//evil.example/x>"


def visit(name: str, outcome: str = "opened", *results: Settled, **more: Any) -> dict[str, Any]:
    """What is kept of a repository, with *more* of it."""
    return Record(name, outcome, more.pop("why", ""), results).plain() | more


def opened(number: int, **more: Any) -> Settled:
    return Settled("dockerfile", more.pop("state", "opened"), link=f"https://forge.example/a/b/pull/{number}", **more)


def refusals(number: int) -> list[dict[str, Any]]:
    return [{"path": "Dockerfile", "line": n, "transform": "user", "why": f"reason {n}"} for n in range(number)]


class Page(HTMLParser):
    """What a page holds: its text, its tags and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attributes if name in {"href", "src"} and tag != "nav"]

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(kept: Iterable[dict[str, Any]]) -> Page:
    return Page(dashboard(map(Visit.of, kept)))


def test_everything_of_a_campaign_is_there() -> None:
    page = shown(
        [
            visit("acme/shop", "opened", opened(7, remarks=("the label is unknown",)), applied={"init": 2, "user": 1}),
            visit("acme/old", "skipped", why="is archived"),
            visit("acme/bad", "failed", why="the forge is down"),
            visit("acme/odd", "failed", failures=["Dockerfile:3: unknown instruction"]),
            visit("acme/site", "clean", refused={"user": 1}, refusals=refusals(1)),
        ]
    )
    assert "5 repositories, 1 pull request" in page.text
    assert "https://forge.example/a/b/pull/7" in page.addresses
    for words in ("the label is unknown", "is archived", "the forge is down", "unknown instruction", "reason 0", "#7"):
        assert words in page.text
    assert re.search(r"init\s*2\s*1\s*0", page.text)
    assert re.search(r"user\s*1\s*1\s*1", page.text)


@pytest.mark.parametrize("state", ORDER)
def test_each_state_of_a_pull_request_has_a_section(state: Any) -> None:
    page = shown([visit("acme/shop", state, opened(1, state=state, why="for a reason"))])
    assert state.capitalize() in page.text
    assert "for a reason" in page.text


def test_text_of_a_repository_is_only_text() -> None:
    result = Settled(HOSTILE, "opened", HOSTILE, "javascript:alert(1)", (HOSTILE,))
    refused = [{"path": HOSTILE, "line": None, "transform": HOSTILE, "why": HOSTILE}]
    page = shown([visit(HOSTILE, "opened", result, refusals=refused, failures=[HOSTILE], applied={HOSTILE: 1})])
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "form"})
    assert all(address.startswith("#section-") for address in page.addresses)
    assert HOSTILE in page.text


def test_the_page_loads_nothing() -> None:
    text = dashboard([])
    assert "default-src 'none'" in text
    assert "url(" not in text and "@import" not in text and "<script" not in text
    assert "prefers-color-scheme: dark" in text


def test_many_refusals_are_counted() -> None:
    page = shown([visit("acme/shop", "clean", refusals=refusals(MOST + 5), refused={"user": MOST + 5})])
    assert "and 5 more" in page.text
    assert f"reason {MOST - 1}" in page.text and f"reason {MOST}" not in page.text


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    path = tmp_path / "state.sqlite"
    state = State(str(path))
    for number in (1, 2):
        state.begin(resume=False)
        record = visit(f"acme/run-{number}", "opened", opened(number))
        state.record(record["name"], record["outcome"], record)
    write(tmp_path / "report.json", state.records(), state.counts())
    state.close()
    return path


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bot", "dashboard", *arguments])


def test_the_last_run_of_a_state_is_shown(kept: Path, tmp_path: Path) -> None:
    assert [each.name for each in from_state(str(kept))] == ["acme/run-2"]
    done = command("--state", str(kept), "--output", str(tmp_path / "page.html"))
    assert (done.exit_code, done.output) == (0, "")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page == command("--report", str(tmp_path / "report.json")).stdout
    assert "acme/run-2" in page and "acme/run-1" not in page


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"version": 99}', '{"version": 1, "repositories": [{"name": 1}]}']
)
def test_what_is_no_report_is_refused_in_a_line(tmp_path: Path, content: str | bytes) -> None:
    (tmp_path / "report.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    done = command("--report", str(tmp_path / "report.json"))
    assert done.exit_code == 2
    assert re.fullmatch(
        r"dockfix: \S+: (is no report of dockfix bot run|made by another version of dockfix)\n", done.stderr
    )


def test_what_is_no_state_is_refused_and_not_made(tmp_path: Path) -> None:
    gone = tmp_path / "gone.sqlite"
    assert command("--state", str(gone)).stderr == f"dockfix: {gone}: there is no such file\n"
    assert not gone.exists()
    State(str(tmp_path / "new.sqlite")).close()
    assert "no run is kept there" in command("--state", str(tmp_path / "new.sqlite")).stderr
    (tmp_path / "other.sqlite").write_text(json.dumps("no database" * 100))
    assert command("--state", str(tmp_path / "other.sqlite")).exit_code == 2
    assert command("--state", "a", "--report", "b").exit_code == 2
    assert command("--report", str(gone)).exit_code == 2
