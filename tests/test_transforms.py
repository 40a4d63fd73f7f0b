"""What every transform owes: documentation, an example, a fixture in which it acts and one in which it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockfix import registry
from dockfix.report import docs
from dockfix.report.rule import NOTES, SECTIONS, example, page, sections
from dockfix.transform import Safety, Transform

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"

each = pytest.mark.parametrize("transform", registry.transforms(), ids=lambda transform: transform.id)
rewriting = pytest.mark.parametrize(
    "transform", [t for t in registry.transforms() if t.safety is not Safety.ADVICE], ids=lambda transform: transform.id
)
advising = pytest.mark.parametrize(
    "transform", [t for t in registry.transforms() if t.safety is Safety.ADVICE], ids=lambda transform: transform.id
)


@each
def test_is_documented(transform: Transform) -> None:
    found = sections(transform)
    assert tuple(title for title in found if title != NOTES) == SECTIONS
    assert all(text.strip() for text in found.values())
    assert transform.summary.endswith(".")
    assert len(transform.summary) <= 120


@each
def test_page_shows_every_section(transform: Transform) -> None:
    text = page(transform)
    assert text.startswith(transform.id)
    assert [title for title in SECTIONS if f"\n{title}\n---" in text] == list(SECTIONS)


@each
def test_example_is_that_of_the_fixture(transform: Transform) -> None:
    case = FIXTURES / transform.id / "example"
    assert (case / "before").is_dir()
    assert (case / ("report.txt" if transform.safety is Safety.ADVICE else "after")).exists()
    assert example(transform.id) == docs.example(case), "run python -m dockfix.report.docs"


@rewriting
def test_has_a_positive_fixture(transform: Transform) -> None:
    assert any(path.parent.name != "example" for path in (FIXTURES / transform.id).glob("*/after"))


@rewriting
def test_has_a_refusing_fixture(transform: Transform) -> None:
    reports = [path.read_text(encoding="utf-8") for path in (FIXTURES / transform.id).glob("*/report.txt")]
    assert any(f" {transform.id} refused: " in report for report in reports)


@advising
def test_has_a_fixture_with_advice(transform: Transform) -> None:
    cases = [path.parent for path in (FIXTURES / transform.id).glob("*/before") if path.parent.name != "example"]
    reports = [(case / "report.txt").read_text(encoding="utf-8") for case in cases]
    assert any(f" {transform.id} advice: " in report for report in reports)
    assert not any((case / "after").exists() for case in cases)


def test_readme_is_up_to_date() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert docs.filled(readme, ROOT, registry.transforms()) == readme, "run python -m dockfix.report.docs"
