"""Which transforms a difference is laid to, found by building and running parts of a rewrite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dockfix import registry
from dockfix.model.config import stated
from dockfix.text import Edit, Span
from dockfix.transform import Change, Phase, transform
from dockfix.trials import Means, Request, run
from dockfix.verify import Trial

if TYPE_CHECKING:
    from pathlib import Path

    from dockfix.model import Model
    from dockfix.transform import Result

    from .engine import Engine

pytestmark = pytest.mark.container

SITE = """\
FROM alpine:3.20
COPY index.html /www/index.html
EXPOSE 8000
STOPSIGNAL SIGKILL
CMD ["busybox", "httpd", "-f", "-p", "8000", "-h", "/www"]
"""


def before_start(model: Model, line: str, **config: str) -> Iterator[Result]:
    """Put *line* above CMD, unless it is there."""
    start = model.final.last("CMD")
    assert start is not None
    if line not in model.document.text:
        edit = Edit(Span(start.instruction.span.start, start.instruction.span.start), f"{line}\n")
        yield Change(start.instruction, (edit,), "so it is wanted", config=stated(model.final.config, **config))


@transform("close", phase=Phase.RUNTIME)
def close(model: Model) -> Iterator[Result]:
    """Leave the pages to root, which by itself does no harm."""
    yield from before_start(model, "RUN chmod 700 /www")


@transform("folder", phase=Phase.RUNTIME)
def folder(model: Model) -> Iterator[Result]:
    """Make a folder that nobody asks for."""
    yield from before_start(model, "RUN mkdir /aside")


@transform("nobody", phase=Phase.USER)
def nobody(model: Model) -> Iterator[Result]:
    """Serve as nobody, which by itself does no harm."""
    yield from before_start(model, "USER 65534", user="65534")


@transform("port", phase=Phase.RUNTIME)
def port(model: Model) -> Iterator[Result]:
    """Serve on a port where nobody asks."""
    start = model.final.last("CMD")
    assert start is not None
    span = start.instruction.span
    at = model.document.text.find('"8000"', span.start, span.end)
    if at >= 0:
        command = tuple(word.replace("8000", "8001") for word in model.final.config.cmd)
        edits = (Edit(Span(at, at + 6), '"8001"'),)
        yield Change(start.instruction, edits, "so it is wanted", config=stated(model.final.config, cmd=command))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    place = tmp_path / "app"
    place.mkdir()
    (place / "Dockerfile").write_text(SITE)
    (place / "index.html").write_text("<title>here</title>")
    return place


def verified(engine: Engine, site: Path, capsys: pytest.CaptureFixture[str], **options: Any) -> tuple[int, Any]:
    means = Means(Trial(quick=True), engine=engine.program)
    request = Request((str(site),), means=means, form="json", **options)
    code = run(request, engine.environment)
    printed = capsys.readouterr()
    assert printed.out, printed.err
    return code, json.loads(printed.out)["files"][0]


def test_two_that_break_together_are_found_among_three(
    engine: Engine, site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "transforms", lambda: (close, folder, nobody))
    code, found = verified(engine, site, capsys, bisect=True)
    assert (code, found["verdict"]) == (1, "different")
    assert found["culprits"] == ["close", "nobody"]


def test_one_that_breaks_by_itself_is_named_by_both_ways(
    engine: Engine, site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "transforms", lambda: (folder, port))
    code, found = verified(engine, site, capsys, bisect=True, step=True)
    assert (code, found["culprits"]) == (1, ["port"])
    assert [id for id, step in found["steps"].items() if step["verdict"] == "different"] == ["port"]
    assert "8000" in found["reasons"][0]


def test_a_step_that_does_not_build_is_told_with_what_it_said(
    engine: Engine, site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @transform("broken", phase=Phase.RUNTIME)
    def broken(model: Model) -> Iterator[Result]:
        """Call what is not there."""
        yield from before_start(model, "RUN no-such-program --now")

    monkeypatch.setattr(registry, "transforms", lambda: (broken, folder))
    code, found = verified(engine, site, capsys, bisect=True)
    assert (code, found["culprits"]) == (1, ["broken"])
    assert found["reasons"][0].startswith("the rewrite does not build: RUN no-such-program --now ended with 127")
    assert any("no-such-program" in line for line in found["after"]["log"])
