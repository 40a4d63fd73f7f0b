"""Every rule of ``fixtures/RULES.md`` is shown by a fixture, and every number in a fixture's name is that of a rule."""

from __future__ import annotations

import re
from pathlib import Path

FIXTURES = Path(__file__).parent.parent / "fixtures"


def rules() -> set[tuple[int, int]]:
    """The numbers of the rules that are written down."""
    text = (FIXTURES / "RULES.md").read_text(encoding="utf-8")
    return {(int(section), int(number)) for section, number in re.findall(r"^- (\d+)\.(\d+) ", text, re.MULTILINE)}


def shown() -> dict[tuple[int, int], str]:
    """The number in a case's name, with the case."""
    names = [path.parent for path in FIXTURES.glob("*/*/before")]
    found = ((re.match(r"(\d+)-(\d+)-", case.name), case) for case in names)
    return {(int(name[1]), int(name[2])): f"{case.parent.name}/{case.name}" for name, case in found if name}


def test_every_rule_has_a_case() -> None:
    assert sorted(rules() - shown().keys()) == []


def test_every_case_has_a_rule() -> None:
    assert {number: case for number, case in shown().items() if number not in rules()} == {}
