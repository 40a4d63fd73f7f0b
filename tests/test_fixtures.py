"""Every fixture: what is written, what is reported, and what must hold of any rewrite.

``fixtures/<transform>/<case>/before`` is an app; ``after`` holds the files that the transform changes in it, and
``report.txt`` what it refuses and notes. In ``fixtures/sequence`` all transforms run. A case that needs options has a
``.dockfix.toml`` in ``before``.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest

from dockfix import registry
from dockfix.api import Repository
from dockfix.config import Config, load, nearest
from dockfix.discover import Found, discover
from dockfix.dockerfile import Document
from dockfix.engine import Plan
from dockfix.report.text import line
from dockfix.write import carry_out

FIXTURES = Path(__file__).parent.parent / "fixtures"
SEQUENCE = "sequence"
REPORTED = {"refused", "note", "advice"}
CASES = sorted(path.parent for path in FIXTURES.glob("*/*/before"))


@dataclass(frozen=True)
class Result:
    """What dockfix did with one app."""

    changed: dict[str, bytes]
    report: str
    plans: tuple[Plan, ...]


def rewrite(case: Path, app: Path) -> Result:
    """Carry out all plans for *app*, a copy of the case's ``before``."""
    before = contents(app)
    repository = Repository(app)
    plans: list[Plan] = []
    for found in discover([app]):
        assert isinstance(found, Found), found
        config_path = nearest(found.path.parent, app)
        config = load(config_path, lambda: [each.id for each in registry.transforms()]) if config_path else Config()
        only = frozenset[str]() if case.parent.name == SEQUENCE else frozenset({case.parent.name})
        plan = repository.plan(found.path, replace(config.options, only=config.options.only or only))
        assert not plan.defects, plan.defects
        carry_out(plan, found.path, app)
        repository.take(plan.files)
        plans.append(plan)
    after = contents(app)
    assert before.keys() <= after.keys()
    report = "".join(
        f"{line(plan.path, outcome)}\n" for plan in plans for outcome in plan.outcomes if outcome.kind in REPORTED
    )
    return Result({path: data for path, data in after.items() if before.get(path) != data}, report, tuple(plans))


@cache
def rewritten(case: Path) -> Result:
    """What dockfix did with the app of *case*, worked out once for all that must hold of it."""
    with TemporaryDirectory() as folder:
        return rewrite(case, Path(shutil.copytree(case / "before", Path(folder) / "app", symlinks=True)))


def lay(files: dict[str, bytes], folder: Path) -> None:
    """Write *files* into *folder*."""
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def contents(folder: Path) -> dict[str, bytes]:
    """The files below *folder* by their paths."""
    if not folder.is_dir():
        return {}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def app(case: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(case / "before", tmp_path / "app", symlinks=True))


def expected_report(case: Path) -> str:
    path = case / "report.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def accept(case: Path, result: Result) -> None:
    """Make *result* what the case expects."""
    shutil.rmtree(case / "after", ignore_errors=True)
    lay(result.changed, case / "after")
    (case / "report.txt").unlink(missing_ok=True)
    if result.report:
        (case / "report.txt").write_text(result.report, encoding="utf-8")


def named(case: Path) -> str:
    return case.relative_to(FIXTURES).as_posix()


cases = pytest.mark.parametrize("case", CASES, ids=named)


@cases
def test_result_and_report_are_exact(case: Path, request: pytest.FixtureRequest) -> None:
    result = rewritten(case)
    if request.config.getoption("--accept"):
        accept(case, result)
    assert decoded(result.changed) == decoded(contents(case / "after"))
    assert result.changed == contents(case / "after")
    assert result.report == expected_report(case)


def decoded(files: dict[str, bytes]) -> dict[str, list[str]]:
    """*files* as lines, which pytest compares readably."""
    return {path: data.decode("utf-8", "surrogateescape").split("\n") for path, data in files.items()}


@cases
def test_second_run_changes_nothing(case: Path, app: Path) -> None:
    lay(rewritten(case).changed, app)
    assert rewrite(case, app).changed == {}


def refusing(app: Path, base: Literal["alpine", "keep"]) -> set[str]:
    """Which transforms refuse something while all of them rewrite *app*."""
    repository, refusing = Repository(app), set()
    for found in discover([app]):
        assert isinstance(found, Found), found
        path = nearest(found.path.parent, app)
        config = load(path, lambda: [each.id for each in registry.transforms()]) if path else Config()
        plan = repository.plan(found.path, replace(config.options, base=base))
        carry_out(plan, found.path, app)
        repository.take(plan.files)
        refusing |= {outcome.transform for outcome in plan.outcomes if outcome.kind == "refused"}
    return refusing


@cases
def test_second_run_refuses_nothing_anew(case: Path, app: Path) -> None:
    """Nothing of what a first run wrote, which leaves the most where bases are kept, makes a second one refuse."""
    first = refusing(app, "keep")
    assert refusing(app, "keep") <= first


@pytest.mark.parametrize("case", [case for case in CASES if case.parent.name == SEQUENCE], ids=named)
def test_second_run_on_another_base_refuses_nothing_anew(case: Path, app: Path) -> None:
    first = refusing(app, "alpine")
    assert refusing(app, "alpine") <= first


@cases
def test_spans_tile_the_text(case: Path) -> None:
    for plan in rewritten(case).plans:
        for text in (plan.before, plan.after):
            document = Document.parse(text)
            position = 0
            for span in document.spans():
                assert span.start == position
                position = span.end
            assert position == len(text)
            assert document.encode() == text.encode("utf-8", "surrogateescape")


@cases
def test_crlf_twin_comes_out_the_same(case: Path, app: Path) -> None:
    """With Windows line ends in the Dockerfile, the result has them too and nothing else differs."""
    dockerfiles = [found.path for found in discover([app]) if isinstance(found, Found)]
    sources = [path.read_bytes() for path in dockerfiles]
    if any(b"\r" in source or b"<<" in source for source in sources):
        pytest.skip("has carriage returns already, or here-documents, to whose content they would belong")
    for path, source in zip(dockerfiles, sources, strict=True):
        path.write_bytes(source.replace(b"\n", b"\r\n"))
    names = {path.relative_to(app).as_posix() for path in dockerfiles}
    result = rewrite(case, app)
    expected = contents(case / "after")
    assert result.changed == {
        path: data.replace(b"\n", b"\r\n") if path in names else data for path, data in expected.items()
    }
    assert result.report == expected_report(case)


def test_every_fixture_belongs_to_a_transform() -> None:
    ids = {transform.id for transform in registry.transforms()}
    assert {case.parent.name for case in CASES} <= ids | {SEQUENCE}


@pytest.mark.parametrize("case", sorted(path for path in FIXTURES.glob("*/*") if path.is_dir()), ids=named)
def test_every_fixture_shows_something(case: Path) -> None:
    assert (case / "before").is_dir()
    assert (case / "after").is_dir() or (case / "report.txt").is_file()
